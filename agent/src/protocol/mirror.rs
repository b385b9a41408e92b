//! The reading side of snapshots and deltas.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::app::{AppKey, AppState, EnvironmentState};
use super::frame::FromAgent;
use super::limit::{MAX_APPS, MAX_BYTES, MAX_FLUX, encoded};

/// All that an agent said; it is as good as the agent's own.
#[derive(Debug, Default)]
pub struct Mirror {
    known: Known,
    /// A snapshot that is not whole yet; until it is, the old apps stay.
    coming: Option<Known>,
    /// Number of the frame that was read last; none before the first snapshot and after a gap.
    last: Option<u64>,
    /// Whether a gap was told; frames that were on the way then are no further gap.
    lost: bool,
}

/// What a frame did to a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Nothing that can be seen.
    Nothing,
    /// The environment and all apps may be different.
    Everything,
    /// The environment as a whole may be different.
    Environment,
    /// These apps are new, different or gone.
    Some(Vec<AppKey>),
    /// A frame is missing: the agent has to be asked to [resync](super::FromDashboard::Resync). It is
    /// said once; until the snapshot comes, frames do nothing.
    Gap,
    /// The agent reports more than [`MAX_APPS`] apps or more than [`MAX_BYTES`] of them: the
    /// connection has to be closed. What was too much is not kept.
    TooMany,
}

impl Mirror {
    /// Returns the apps; after a gap they are the last good ones.
    pub fn apps(&self) -> &BTreeMap<AppKey, Arc<AppState>> {
        &self.known.apps
    }

    /// Returns what is known of the environment as a whole.
    pub fn environment(&self) -> &EnvironmentState {
        &self.known.environment
    }

    /// Forgets the numbers of a connection that is over: what is known stays, until the snapshot of a
    /// new one is whole.
    pub fn disconnect(&mut self) {
        self.last = None;
        self.coming = None;
        self.lost = false;
    }

    /// Takes in a frame; those that carry no state do nothing.
    pub fn apply(&mut self, frame: FromAgent) -> Applied {
        match frame {
            FromAgent::SnapshotBegin { seq } => {
                self.coming = Some(Known::default());
                self.last = Some(seq);
                self.lost = false;
                Applied::Nothing
            }
            FromAgent::SnapshotPart { seq, apps } => {
                if !self.follows(seq) {
                    return self.lose();
                }
                let Some(coming) = &mut self.coming else { return self.lose() };
                if apps.into_iter().all(|app| coming.insert(app)) {
                    Applied::Nothing
                } else {
                    self.refuse()
                }
            }
            FromAgent::EnvironmentState { seq, state } => {
                if !self.follows(seq) {
                    return self.lose();
                }
                if state.flux.len() > MAX_FLUX {
                    return self.refuse();
                }
                if let Some(coming) = &mut self.coming {
                    coming.environment = state;
                    return Applied::Nothing;
                }
                self.known.environment = state;
                Applied::Environment
            }
            FromAgent::SnapshotEnd { seq } => {
                if !self.follows(seq) {
                    return self.lose();
                }
                let Some(coming) = self.coming.take() else { return self.lose() };
                self.known = coming;
                Applied::Everything
            }
            FromAgent::Delta { seq, upserts, removals } => {
                if !self.follows(seq) || self.coming.is_some() {
                    return self.lose();
                }
                self.change(upserts, removals)
            }
            FromAgent::Heartbeat { seq, .. } => {
                if self.last.is_some_and(|last| last != seq) {
                    return self.lose();
                }
                Applied::Nothing
            }
            FromAgent::Hello { .. }
            | FromAgent::Chunk { .. }
            | FromAgent::End { .. }
            | FromAgent::Failed { .. }
            | FromAgent::Error { .. } => Applied::Nothing,
        }
    }

    fn change(&mut self, upserts: Vec<AppState>, removals: Vec<AppKey>) -> Applied {
        let mut changed = Vec::with_capacity(upserts.len() + removals.len());
        for key in removals {
            if self.known.remove(&key) {
                changed.push(key);
            }
        }
        for app in upserts {
            let key = app.key.clone();
            if !self.known.insert(app) {
                return self.refuse();
            }
            changed.push(key);
        }
        Applied::Some(changed)
    }

    /// Whether a frame is the one after the last; if not, only a new snapshot helps.
    fn follows(&mut self, seq: u64) -> bool {
        let follows = self.last.is_some_and(|last| last.checked_add(1) == Some(seq));
        if follows {
            self.last = Some(seq);
        }
        follows
    }

    fn lose(&mut self) -> Applied {
        self.last = None;
        self.coming = None;
        if std::mem::replace(&mut self.lost, true) { Applied::Nothing } else { Applied::Gap }
    }

    /// Takes no more until a snapshot begins.
    fn refuse(&mut self) -> Applied {
        self.last = None;
        self.coming = None;
        self.lost = true;
        Applied::TooMany
    }
}

/// What is held, within bounds.
#[derive(Debug, Default)]
struct Known {
    environment: EnvironmentState,
    apps: BTreeMap<AppKey, Arc<AppState>>,
    /// Bytes of the apps as they are encoded: about what they take in memory.
    bytes: usize,
}

impl Known {
    /// Puts an app in; false, and it is not, where that would be too much.
    fn insert(&mut self, mut app: AppState) -> bool {
        if !self.apps.contains_key(&app.key) && self.apps.len() >= MAX_APPS {
            return false;
        }
        let mut bytes = self.bytes_with(&app);
        if bytes > MAX_BYTES {
            // What is applied can be read in git, too: it makes room for all else.
            app.drop_applied();
            self.drop_applied();
            bytes = self.bytes_with(&app);
        }
        if bytes > MAX_BYTES {
            return false;
        }
        self.bytes = bytes;
        self.apps.insert(app.key.clone(), Arc::new(app));
        true
    }

    fn bytes_with(&self, app: &AppState) -> usize {
        let old = self.apps.get(&app.key);
        (self.bytes - old.map_or(0, |old| encoded(&**old))).saturating_add(encoded(app))
    }

    fn drop_applied(&mut self) {
        for app in self.apps.values_mut().filter(|app| !app.inventories.is_empty()) {
            let before = encoded(&**app);
            Arc::make_mut(app).drop_applied();
            self.bytes -= before.saturating_sub(encoded(&**app));
        }
    }

    fn remove(&mut self, key: &AppKey) -> bool {
        let Some(app) = self.apps.remove(key) else { return false };
        self.bytes -= encoded(&*app);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::app::{FluxItem, Inventory, InventoryEntry};
    use super::super::limit::MAX_APPLIED;
    use super::*;

    fn app(name: &str) -> AppState {
        AppState::new(AppKey::new("shop", name))
    }

    #[test]
    fn what_flux_has_applied_goes_before_an_agent_does() {
        let inventory = |name: &str| Inventory {
            kind: "Kustomization".into(),
            namespace: "flux-system".into(),
            name: name.into(),
            objects: vec![
                InventoryEntry {
                    kind: "ConfigMap".into(),
                    namespace: "shop".into(),
                    name: "n".repeat(10_000),
                };
                MAX_APPLIED
            ],
            omitted: 0,
        };
        let mut known = Known::default();
        // Two MiB each: forty are more than all may be.
        for number in 0..40 {
            let name = format!("web-{number}");
            let app = AppState { inventories: vec![inventory(&name)], ..app(&name) };
            assert!(known.insert(app), "{name}");
        }
        assert!(known.bytes <= MAX_BYTES);
        assert_eq!(known.bytes, known.apps.values().map(|app| encoded(&**app)).sum::<usize>());
        let first = &known.apps[&AppKey::new("shop", "web-0")].inventories[0];
        assert_eq!((first.objects.len(), first.omitted as usize), (0, MAX_APPLIED));
    }

    fn delta(seq: u64, upserts: &[&str], removals: &[&str]) -> FromAgent {
        FromAgent::Delta {
            seq,
            upserts: upserts.iter().map(|name| app(name)).collect(),
            removals: removals.iter().map(|name| AppKey::new("shop", name)).collect(),
        }
    }

    fn filled(names: &[&str]) -> Mirror {
        let mut mirror = Mirror::default();
        for frame in
            FromAgent::snapshot(1, vec![source("before")], names.iter().map(|name| app(name)))
        {
            assert_ne!(mirror.apply(frame), Applied::Gap);
        }
        mirror
    }

    fn source(name: &str) -> FluxItem {
        FluxItem {
            kind: "GitRepository".into(),
            namespace: "flux-system".into(),
            name: name.into(),
            ready: None,
            reason: String::new(),
            message: String::new(),
            last_applied_revision: None,
            last_attempted_revision: None,
            suspended: false,
        }
    }

    fn names(mirror: &Mirror) -> Vec<&str> {
        mirror.apps().keys().map(|key| key.app.as_str()).collect()
    }

    #[test]
    fn a_snapshot_replaces_everything_once_it_is_whole() {
        let mut mirror = filled(&["a", "b"]);
        assert_eq!(mirror.apply(FromAgent::SnapshotBegin { seq: 9 }), Applied::Nothing);
        let part = FromAgent::SnapshotPart { seq: 10, apps: vec![app("c")] };
        assert_eq!(mirror.apply(part), Applied::Nothing);
        assert_eq!(names(&mirror), ["a", "b"]);
        assert_eq!(mirror.apply(FromAgent::SnapshotEnd { seq: 11 }), Applied::Everything);
        assert_eq!(names(&mirror), ["c"]);
    }

    #[test]
    fn what_is_known_outlives_a_connection_and_a_new_one_begins_with_a_snapshot() {
        let mut mirror = filled(&["a"]);
        mirror.disconnect();
        assert_eq!(
            mirror.apply(delta(5, &["b"], &[])),
            Applied::Gap,
            "numbers of another connection"
        );
        assert_eq!(names(&mirror), ["a"]);
        mirror.disconnect();
        let frames = FromAgent::snapshot(1, Vec::new(), [app("c")]);
        let told: Vec<_> = frames.into_iter().map(|frame| mirror.apply(frame)).collect();
        assert_eq!(told.last(), Some(&Applied::Everything));
        assert_eq!(names(&mirror), ["c"]);
    }

    #[test]
    fn deltas_add_and_remove() {
        let mut mirror = filled(&["a", "b"]);
        let changed = vec![AppKey::new("shop", "a"), AppKey::new("shop", "c")];
        assert_eq!(mirror.apply(delta(5, &["c"], &["a", "never"])), Applied::Some(changed));
        assert_eq!(names(&mirror), ["b", "c"]);
    }

    #[test]
    fn a_gap_keeps_the_old_apps_and_is_told_once_until_a_snapshot_comes() {
        let mut mirror = filled(&["a"]);
        assert_eq!(mirror.apply(delta(7, &["b"], &[])), Applied::Gap);
        assert_eq!(mirror.apply(delta(8, &["b"], &[])), Applied::Nothing);
        assert_eq!(names(&mirror), ["a"]);
        for frame in FromAgent::snapshot(20, Vec::new(), [app("z")]) {
            assert_ne!(mirror.apply(frame), Applied::Gap);
        }
        assert_eq!(names(&mirror), ["z"]);
        assert_eq!(mirror.apply(delta(99, &["b"], &[])), Applied::Gap);
    }

    #[test]
    fn the_state_of_the_environment_is_a_part_of_the_sequence() {
        let mut mirror = filled(&["a"]);
        assert_eq!(mirror.environment().flux, [source("before")]);
        let state = |seq, flux| FromAgent::EnvironmentState { seq, state: Vec::into(flux) };
        assert_eq!(mirror.apply(state(5, vec![source("after")])), Applied::Environment);
        assert_eq!(mirror.environment().flux, [source("after")]);
        assert_eq!(mirror.apply(FromAgent::SnapshotBegin { seq: 6 }), Applied::Nothing);
        assert_eq!(mirror.apply(state(7, Vec::new())), Applied::Nothing);
        assert_eq!(mirror.environment().flux, [source("after")]);
        assert_eq!(mirror.apply(FromAgent::SnapshotEnd { seq: 8 }), Applied::Everything);
        assert_eq!(mirror.environment().flux, []);
        assert_eq!(mirror.apply(state(10, Vec::new())), Applied::Gap);
    }

    #[test]
    fn a_heartbeat_tells_of_a_frame_that_never_came() {
        let mut mirror = filled(&["a"]);
        let heartbeat =
            |seq| FromAgent::Heartbeat { seq, time: "2026-01-01T00:00:00Z".parse().unwrap() };
        assert_eq!(mirror.apply(heartbeat(4)), Applied::Nothing);
        assert_eq!(mirror.apply(heartbeat(5)), Applied::Gap);
    }

    #[test]
    fn a_delta_before_or_within_a_snapshot_is_a_gap() {
        assert_eq!(Mirror::default().apply(delta(1, &["a"], &[])), Applied::Gap);
        let mut mirror = Mirror::default();
        mirror.apply(FromAgent::SnapshotBegin { seq: 1 });
        assert_eq!(mirror.apply(delta(2, &["a"], &[])), Applied::Gap);
    }

    #[test]
    fn more_apps_than_one_environment_may_have_are_too_many_and_are_not_kept() {
        let mut mirror = filled(&[]);
        let apps = (0..=MAX_APPS).map(|n| app(&n.to_string())).collect();
        let delta = FromAgent::Delta { seq: 4, upserts: apps, removals: Vec::new() };
        assert_eq!(mirror.apply(delta), Applied::TooMany);
        assert_eq!(mirror.apps().len(), MAX_APPS);
    }

    #[test]
    fn more_bytes_than_the_budget_are_too_many_in_deltas_and_snapshots() {
        let mut mirror = filled(&["a"]);
        mirror.known.bytes = MAX_BYTES;
        assert!(matches!(mirror.apply(delta(5, &["a"], &[])), Applied::Some(_)));
        assert_eq!(mirror.apply(delta(6, &["b"], &[])), Applied::TooMany);
        assert_eq!(names(&mirror), ["a"]);

        assert_eq!(mirror.apply(FromAgent::SnapshotBegin { seq: 7 }), Applied::Nothing);
        mirror.coming.as_mut().unwrap().bytes = MAX_BYTES;
        let part = FromAgent::SnapshotPart { seq: 8, apps: vec![app("c")] };
        assert_eq!(mirror.apply(part), Applied::TooMany);
        assert_eq!(mirror.apply(FromAgent::SnapshotEnd { seq: 9 }), Applied::Nothing);
        assert_eq!(names(&mirror), ["a"]);
    }

    #[test]
    fn what_is_removed_makes_room() {
        let mut known = Known::default();
        assert!(known.insert(app("a")) && known.remove(&AppKey::new("shop", "a")));
        assert_eq!(known.bytes, 0);
    }
}
