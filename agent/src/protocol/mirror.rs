//! The reading side of snapshots and deltas.

use std::collections::BTreeMap;

use super::app::{AppKey, AppState};
use super::frame::FromAgent;
use super::limit::MAX_APPS;

/// All that an agent said of its apps; it is as good as the agent's own.
#[derive(Debug, Default)]
pub struct Mirror {
    apps: BTreeMap<AppKey, AppState>,
    /// A snapshot that is not whole yet; until it is, the old apps stay.
    coming: Option<BTreeMap<AppKey, AppState>>,
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
    /// All apps may be different.
    Everything,
    /// These apps are new, different or gone.
    Some(Vec<AppKey>),
    /// A frame is missing: the agent has to be asked to [resync](super::FromDashboard::Resync). It is
    /// said once; until the snapshot comes, frames do nothing.
    Gap,
    /// The agent reports more than [`MAX_APPS`] apps: the connection has to be closed.
    TooMany,
}

impl Mirror {
    /// Returns the apps; after a gap they are the last good ones.
    pub fn apps(&self) -> &BTreeMap<AppKey, AppState> {
        &self.apps
    }

    /// Takes in a frame; those that are not about apps do nothing.
    pub fn apply(&mut self, frame: FromAgent) -> Applied {
        match frame {
            FromAgent::SnapshotBegin { seq } => {
                self.coming = Some(BTreeMap::new());
                self.last = Some(seq);
                self.lost = false;
                Applied::Nothing
            }
            FromAgent::SnapshotPart { seq, apps } => {
                if !self.follows(seq) {
                    return self.lose();
                }
                let Some(coming) = &mut self.coming else { return self.lose() };
                coming.extend(apps.into_iter().map(|app| (app.key.clone(), app)));
                if coming.len() > MAX_APPS { Applied::TooMany } else { Applied::Nothing }
            }
            FromAgent::SnapshotEnd { seq } => {
                if !self.follows(seq) {
                    return self.lose();
                }
                let Some(coming) = self.coming.take() else { return self.lose() };
                self.apps = coming;
                Applied::Everything
            }
            FromAgent::Delta { seq, upserts, removals } => {
                if !self.follows(seq) {
                    return self.lose();
                }
                if self.coming.is_some() {
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
            if self.apps.remove(&key).is_some() {
                changed.push(key);
            }
        }
        for app in upserts {
            changed.push(app.key.clone());
            self.apps.insert(app.key.clone(), app);
        }
        if self.apps.len() > MAX_APPS { Applied::TooMany } else { Applied::Some(changed) }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str) -> AppState {
        AppState::new(AppKey::new("shop", name))
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
        for frame in FromAgent::snapshot(1, names.iter().map(|name| app(name))) {
            assert_ne!(mirror.apply(frame), Applied::Gap);
        }
        mirror
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
    fn deltas_add_and_remove() {
        let mut mirror = filled(&["a", "b"]);
        let changed = vec![AppKey::new("shop", "a"), AppKey::new("shop", "c")];
        assert_eq!(mirror.apply(delta(4, &["c"], &["a", "never"])), Applied::Some(changed));
        assert_eq!(names(&mirror), ["b", "c"]);
    }

    #[test]
    fn a_gap_keeps_the_old_apps_and_is_told_once_until_a_snapshot_comes() {
        let mut mirror = filled(&["a"]);
        assert_eq!(mirror.apply(delta(6, &["b"], &[])), Applied::Gap);
        assert_eq!(mirror.apply(delta(7, &["b"], &[])), Applied::Nothing);
        assert_eq!(names(&mirror), ["a"]);
        for frame in FromAgent::snapshot(20, [app("z")]) {
            assert_ne!(mirror.apply(frame), Applied::Gap);
        }
        assert_eq!(names(&mirror), ["z"]);
        assert_eq!(mirror.apply(delta(99, &["b"], &[])), Applied::Gap);
    }

    #[test]
    fn a_heartbeat_tells_of_a_frame_that_never_came() {
        let mut mirror = filled(&["a"]);
        let heartbeat =
            |seq| FromAgent::Heartbeat { seq, time: "2026-01-01T00:00:00Z".parse().unwrap() };
        assert_eq!(mirror.apply(heartbeat(3)), Applied::Nothing);
        assert_eq!(mirror.apply(heartbeat(4)), Applied::Gap);
    }

    #[test]
    fn a_delta_before_or_within_a_snapshot_is_a_gap() {
        assert_eq!(Mirror::default().apply(delta(1, &["a"], &[])), Applied::Gap);
        let mut mirror = Mirror::default();
        mirror.apply(FromAgent::SnapshotBegin { seq: 1 });
        assert_eq!(mirror.apply(delta(2, &["a"], &[])), Applied::Gap);
    }

    #[test]
    fn more_apps_than_one_environment_may_have_are_too_many() {
        let mut mirror = filled(&[]);
        let apps = (0..=MAX_APPS).map(|n| app(&n.to_string())).collect();
        let delta = FromAgent::Delta { seq: 3, upserts: apps, removals: Vec::new() };
        assert_eq!(mirror.apply(delta), Applied::TooMany);
    }
}
