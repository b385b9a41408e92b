//! How much either side says at once.

use std::io::{self, Write};

use serde::Serialize;

use super::app::{
    AppState, Cause, ContainerState, EnvironmentState, FluxItem, Inventory, Terminated,
};

/// Bytes of the longest frame.
pub const MAX_FRAME: usize = 1024 * 1024;
/// Bytes of the longest text that a person reads; longer ones are cut.
pub const MAX_TEXT: usize = 2 * 1024;
/// Pods of one app that are told one by one; the others are counted.
pub const MAX_PODS: usize = 200;
/// Objects that are told of what one of Flux' has applied; the others are counted.
pub const MAX_APPLIED: usize = 200;
/// Containers of one pod, and images of one workload, that are told.
pub(crate) const MAX_PARTS: usize = 50;
/// Apps that one environment may report.
pub const MAX_APPS: usize = 10_000;
/// Bytes of all apps of one environment, as they are encoded.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Objects of Flux that are told of an environment as a whole.
pub const MAX_FLUX: usize = 50;
/// Bytes of the longest line of a log; longer ones are cut.
pub const MAX_LINE: usize = 16 * 1024;
/// Chunks of an answer that may be on the way before the first credit.
pub const FIRST_CREDIT: u32 = 16;

/// Bytes of what one frame is filled with, so that it always fits into [`MAX_FRAME`].
pub(super) const MAX_FILL: usize = MAX_FRAME / 2;

/// Cuts a text to [`MAX_TEXT`] bytes, and says so by an ellipsis.
pub fn clip(text: &str) -> String {
    let mut text = text.to_owned();
    shorten(&mut text, MAX_TEXT);
    text
}

/// Cuts a text to `most` bytes in place, and says so by an ellipsis.
pub(super) fn shorten(text: &mut String, most: usize) {
    const ELLIPSIS: &str = "…";
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
    }
}

/// Bytes that something takes in a frame.
pub(super) fn encoded(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).map_or(usize::MAX, |()| count.0)
}

impl FluxItem {
    /// Cuts its texts.
    pub fn fit(&mut self) {
        let Self {
            kind,
            namespace,
            name,
            ready: _,
            reason,
            message,
            last_applied_revision,
            last_attempted_revision,
            suspended: _,
        } = self;
        let revisions = [last_applied_revision, last_attempted_revision];
        for text in [kind, namespace, name, reason, message]
            .into_iter()
            .chain(revisions.into_iter().flatten())
        {
            shorten(text, MAX_TEXT);
        }
    }
}

impl EnvironmentState {
    /// Cuts its texts, and keeps as many of Flux' objects as are told.
    pub fn fit(&mut self) {
        let Self { flux, flux_version, blind } = self;
        flux.truncate(MAX_FLUX);
        flux.iter_mut().for_each(FluxItem::fit);
        if let Some(version) = flux_version {
            shorten(version, MAX_TEXT);
        }
        if let Some(blind) = blind {
            shorten(&mut blind.message, MAX_TEXT);
        }
    }
}

impl AppState {
    /// Cuts texts and lists until the app fits into a frame.
    ///
    /// Pods that do not fit are counted in `omitted_pods`; those that come first are kept, so the
    /// most important ones have to.
    pub fn fit(&mut self) {
        self.clip_texts();
        self.keep_pods(MAX_PODS);
        while encoded(self) > MAX_FILL && self.halve() {}
    }

    fn clip_texts(&mut self) {
        let workloads = self.workloads.iter_mut().filter_map(|workload| workload.cause.as_mut());
        let pods = self.pods.iter_mut().filter_map(|pod| pod.cause.as_mut());
        let causes = self.cause.iter_mut().chain(workloads).chain(pods);
        for Cause { reason, message, next_step } in causes {
            for text in [reason, message, next_step] {
                shorten(text, MAX_TEXT);
            }
        }
        for autoscaler in self.workloads.iter_mut().flat_map(|w| &mut w.autoscalers) {
            shorten(&mut autoscaler.message, MAX_TEXT);
        }
        for cron in self.workloads.iter_mut().filter_map(|workload| workload.cron.as_mut()) {
            shorten(&mut cron.schedule, MAX_TEXT);
            shorten(&mut cron.time_zone, MAX_TEXT);
        }
        self.flux.iter_mut().for_each(FluxItem::fit);
        for alert in &mut self.alerts {
            shorten(&mut alert.message, MAX_TEXT);
        }
        for workload in &mut self.workloads {
            workload.images.truncate(MAX_PARTS);
            workload.images.iter_mut().for_each(|image| shorten(image, MAX_TEXT));
        }
        for pod in &mut self.pods {
            pod.containers.truncate(MAX_PARTS);
        }
        for link in &mut self.links {
            shorten(&mut link.url, MAX_TEXT);
        }
        for container in self.pods.iter_mut().flat_map(|pod| &mut pod.containers) {
            if let Some(Terminated { reason, message, .. }) = &mut container.last {
                shorten(reason, MAX_TEXT);
                shorten(message, MAX_TEXT);
            }
            match &mut container.state {
                ContainerState::Waiting { reason, message }
                | ContainerState::Terminated(Terminated { reason, message, .. }) => {
                    shorten(reason, MAX_TEXT);
                    shorten(message, MAX_TEXT);
                }
                ContainerState::Running { .. } | ContainerState::Unknown => {}
            }
        }
    }

    fn keep_pods(&mut self, most: usize) {
        let dropped = self.pods.len().saturating_sub(most);
        self.pods.truncate(most);
        self.omitted_pods =
            self.omitted_pods.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
    }

    /// Halves what Flux has applied; false when nothing is left of it.
    fn halve_applied(&mut self) -> bool {
        let longest = self.inventories.iter().map(|inventory| inventory.objects.len()).max();
        let Some(most @ 1..) = longest else {
            return !std::mem::take(&mut self.inventories).is_empty();
        };
        for Inventory { objects, omitted, .. } in &mut self.inventories {
            let dropped = objects.len().saturating_sub(most / 2);
            objects.truncate(most / 2);
            *omitted = omitted.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
        }
        true
    }

    /// Leaves out all that Flux has applied, but for how much it is.
    pub(super) fn drop_applied(&mut self) {
        for Inventory { objects, omitted, .. } in &mut self.inventories {
            let dropped = std::mem::take(objects).len();
            *omitted = omitted.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
        }
    }

    /// Halves the longest list; false when there is nothing left to drop.
    fn halve(&mut self) -> bool {
        // What is applied can be read in git, too: it makes room for all else.
        if self.halve_applied() {
            return true;
        }
        if !self.pods.is_empty() {
            self.keep_pods(self.pods.len() / 2);
            return true;
        }
        let longest =
            self.workloads.len().max(self.links.len()).max(self.flux.len()).max(self.alerts.len());
        let most = longest / 2;
        self.workloads.truncate(most);
        self.links.truncate(most);
        self.flux.truncate(most);
        self.alerts.truncate(most);
        longest > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{AppKey, InventoryEntry, Pod};

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = clip(&"ä".repeat(MAX_TEXT));
        assert!(cut.len() <= MAX_TEXT && cut.ends_with("ä…"));
        assert_eq!(clip("short"), "short");
    }

    #[test]
    fn an_app_of_a_thousand_huge_pods_fits_and_counts_what_it_leaves_out() {
        let mut app = AppState::new(AppKey::new("shop", "web"));
        let huge = Pod { node: "n".repeat(MAX_FRAME / 100), ..Pod::named("web-1") };
        app.pods = vec![huge; 1000];
        app.fit();
        assert!(!app.pods.is_empty() && encoded(&app) <= MAX_FILL);
        assert_eq!(app.pods.len() + app.omitted_pods as usize, 1000);
    }

    #[test]
    fn what_flux_has_applied_makes_room_for_pods() {
        let mut app = AppState::new(AppKey::new("shop", "web"));
        app.pods = vec![Pod { node: "n".repeat(1000), ..Pod::named("web-1") }; MAX_PODS];
        let object = InventoryEntry {
            kind: "ConfigMap".into(),
            namespace: "shop".into(),
            name: "n".repeat(250),
        };
        let inventory = Inventory {
            kind: "Kustomization".into(),
            namespace: "flux-system".into(),
            name: "prod-web".into(),
            objects: vec![object; MAX_APPLIED],
            omitted: 1,
        };
        app.inventories = vec![inventory; 20];
        app.fit();
        assert!(encoded(&app) <= MAX_FILL && app.omitted_pods == 0);
        let Inventory { objects, omitted, .. } = &app.inventories[0];
        assert!(!objects.is_empty() && objects.len() < MAX_APPLIED);
        assert_eq!(objects.len() + *omitted as usize, MAX_APPLIED + 1);
    }
}
