//! How much either side says at once.

use super::app::{AppState, Cause, ContainerState};
use super::frame::FromAgent;

/// Bytes of the longest frame.
pub const MAX_FRAME: usize = 1024 * 1024;
/// Bytes of the longest text that a person reads; longer ones are cut.
pub const MAX_TEXT: usize = 2 * 1024;
/// Pods of one app that are told one by one; the others are counted.
pub const MAX_PODS: usize = 200;
/// Apps that one environment may report.
pub const MAX_APPS: usize = 10_000;
/// Chunks of an answer that may be on the way before the first credit.
pub const FIRST_CREDIT: u32 = 16;

/// Bytes of one app, so that an app with its frame always fits into [`MAX_FRAME`].
const MAX_APP: usize = MAX_FRAME / 2;

/// Cuts a text to [`MAX_TEXT`] bytes, and says so by an ellipsis.
pub fn clip(text: &str) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let mut text = text[..text.floor_char_boundary(MAX_TEXT - ELLIPSIS.len())].to_owned();
    text.push_str(ELLIPSIS);
    text
}

impl AppState {
    /// Cuts texts and lists until the app fits into a frame.
    ///
    /// Pods that do not fit are counted in `omitted_pods`; those that come first are kept, so the
    /// most important ones have to.
    pub fn fit(&mut self) {
        self.clip_texts();
        self.keep_pods(MAX_PODS);
        while encoded(self) > MAX_APP && self.halve() {}
    }

    fn clip_texts(&mut self) {
        let causes =
            self.cause.iter_mut().chain(self.workloads.iter_mut().filter_map(|w| w.cause.as_mut()));
        for Cause { reason, message, next_step } in causes {
            for text in [reason, message, next_step] {
                *text = clip(text);
            }
        }
        for item in &mut self.flux {
            item.message = clip(&item.message);
        }
        for alert in &mut self.alerts {
            alert.message = clip(&alert.message);
        }
        for container in self.pods.iter_mut().flat_map(|pod| &mut pod.containers) {
            let messages = match &mut container.state {
                ContainerState::Waiting { message, .. } => Some(message),
                ContainerState::Terminated(terminated) => Some(&mut terminated.message),
                ContainerState::Running { .. } | ContainerState::Unknown => None,
            };
            for message in
                messages.into_iter().chain(container.last.iter_mut().map(|t| &mut t.message))
            {
                *message = clip(message);
            }
        }
    }

    fn keep_pods(&mut self, most: usize) {
        let dropped = self.pods.len().saturating_sub(most);
        self.pods.truncate(most);
        self.omitted_pods =
            self.omitted_pods.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
    }

    /// Halves the longest list; false when there is nothing left to drop.
    fn halve(&mut self) -> bool {
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

/// Bytes that an app takes in a frame.
fn encoded(app: &AppState) -> usize {
    serde_json::to_vec(app).map_or(usize::MAX, |bytes| bytes.len())
}

/// Cuts a snapshot into frames of at most half of [`MAX_FRAME`] and numbers them from `first`.
///
/// Apps that were not [`fit`](AppState::fit) may make a frame too long to be sent.
pub(super) fn snapshot(first: u64, apps: impl IntoIterator<Item = AppState>) -> Vec<FromAgent> {
    let mut frames = vec![FromAgent::SnapshotBegin { seq: first }];
    let mut seq = first;
    let mut next = || {
        seq += 1;
        seq
    };
    let (mut part, mut length) = (Vec::new(), 0);
    for app in apps {
        let own = encoded(&app);
        if !part.is_empty() && length + own > MAX_APP {
            frames.push(FromAgent::SnapshotPart { seq: next(), apps: std::mem::take(&mut part) });
            length = 0;
        }
        length += own;
        part.push(app);
    }
    if !part.is_empty() {
        frames.push(FromAgent::SnapshotPart { seq: next(), apps: part });
    }
    frames.push(FromAgent::SnapshotEnd { seq: next() });
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{AppKey, Pod, encode};

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
        assert!(!app.pods.is_empty() && encoded(&app) <= MAX_APP);
        assert_eq!(app.pods.len() + app.omitted_pods as usize, 1000);
    }

    #[test]
    fn a_snapshot_of_many_apps_is_several_frames_in_order() {
        let app = |n: usize| {
            let mut app = AppState::new(AppKey::new("shop", &format!("app-{n}")));
            app.pods = vec![Pod { node: "n".repeat(MAX_FRAME / 8), ..Pod::named("p") }; 2];
            app
        };
        let frames = snapshot(7, (0..9).map(app));
        assert!(frames.len() > 4);
        for (frame, seq) in frames.iter().zip(7..) {
            assert_eq!(frame.seq(), Some(seq));
            assert!(encode(frame).is_ok());
        }
    }

    #[test]
    fn a_snapshot_of_nothing_begins_and_ends() {
        let frames = snapshot(1, []);
        assert_eq!(
            frames,
            [FromAgent::SnapshotBegin { seq: 1 }, FromAgent::SnapshotEnd { seq: 2 }]
        );
    }
}
