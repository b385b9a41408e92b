//! What the other side knows, and what it has yet to be told.
//!
//! Nothing is queued: only the names of apps that differ are kept, and an app is put together when
//! there is room to send it. A reader that is slow gets fewer and newer states, and costs no memory.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::index::Index;
use super::key::Kind;
use super::sight::Sight;
use crate::diagnosis::Alerts;
use crate::protocol::{AppKey, AppState, EnvironmentState, Word};

/// Apps of one helping.
const HELPING: usize = 64;
/// How often apps are looked at whose alerts wait for time to pass.
const REVIEW: SignedDuration = SignedDuration::from_secs(5);

/// The index, and what was said of it.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) index: Index,
    /// How often watches broke.
    pub(super) breaks: BTreeMap<Kind, u64>,
    /// Whether the cluster is seen at all.
    pub(super) sight: Sight,
    told: BTreeMap<Arc<str>, Told>,
    /// Apps that differ from what was said.
    pending: BTreeSet<Arc<str>>,
    gone: BTreeSet<AppKey>,
    flux_version: Option<String>,
    /// Whether there is another version since the last look.
    flux_changed: bool,
    environment: Option<u64>,
    environment_pending: bool,
    alerts: BTreeMap<Arc<str>, Alerts>,
    reviewed: Option<Timestamp>,
    /// Whether somebody listens; without, nothing is to be told.
    attached: bool,
}

#[derive(Debug)]
struct Told {
    key: AppKey,
    hash: u64,
    word: Word,
}

/// Some of what is to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Helping {
    /// What is known of the environment as a whole, where it changed.
    pub environment: Option<EnvironmentState>,
    /// Apps that are new or different.
    pub upserts: Vec<AppState>,
    /// Apps that are gone; they come before those that are new.
    pub removals: Vec<AppKey>,
}

impl Board {
    pub(super) fn new(index: Index) -> Self {
        Self {
            index,
            breaks: BTreeMap::new(),
            sight: Sight::default(),
            told: BTreeMap::new(),
            pending: BTreeSet::new(),
            gone: BTreeSet::new(),
            flux_version: None,
            flux_changed: false,
            environment: None,
            environment_pending: false,
            alerts: BTreeMap::new(),
            reviewed: None,
            attached: false,
        }
    }

    /// Takes in which version of Flux there is, if any; tells whether that is news.
    pub(super) fn learn_flux_version(&mut self, version: Option<String>) -> bool {
        let changed = self.flux_version != version;
        self.flux_version = version;
        self.flux_changed |= changed;
        changed
    }

    /// Looks at what changed; tells whether everything has to be listed again.
    pub(super) fn pulse(&mut self, now: Timestamp) -> bool {
        self.index.expire(now);
        let mut changed = self.index.take_changed();
        let due = self.reviewed.is_none_or(|last| now.duration_since(last).abs() >= REVIEW);
        // Time tells nothing of objects that are not seen.
        if due && self.sight.blind().is_none() {
            self.reviewed = Some(now);
            let waiting = self.alerts.iter().filter(|(_, alerts)| !alerts.is_empty());
            changed.apps.extend(waiting.map(|(app, _)| Arc::clone(app)));
        }
        for app in changed.apps {
            self.look(app, now);
        }
        let sight = self.sight.take_changed();
        if std::mem::take(&mut self.flux_changed) || changed.environment || sight {
            let hash = hash_of(&self.environment());
            if self.environment.replace(hash) != Some(hash) {
                self.environment_pending = self.attached;
            }
        }
        changed.relist
    }

    /// Tells whether there is something to take.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty() || !self.gone.is_empty() || self.environment_pending
    }

    /// Begins anew for a listener: all there is.
    pub(super) fn snapshot(&mut self, now: Timestamp) -> (EnvironmentState, Vec<AppState>) {
        // What is in the snapshot has to be known as told, or its end would never be.
        let relist = self.pulse(now);
        self.index.ask_relist(relist);
        self.attached = true;
        self.pending.clear();
        self.gone.clear();
        self.environment_pending = false;
        let names: Vec<_> = self.index.apps().cloned().collect();
        let apps = names.iter().filter_map(|app| self.compose(app, now)).collect();
        (self.environment(), apps)
    }

    /// Takes some of what is to be told.
    pub(super) fn take(&mut self, now: Timestamp) -> Helping {
        let mut helping = Helping {
            removals: std::mem::take(&mut self.gone).into_iter().collect(),
            ..Helping::default()
        };
        if std::mem::take(&mut self.environment_pending) {
            helping.environment = Some(self.environment());
        }
        while helping.upserts.len() < HELPING
            && let Some(app) = self.pending.pop_first()
        {
            helping.upserts.extend(self.compose(&app, now));
        }
        helping
    }

    /// Says that nobody listens any more.
    pub(super) fn detach(&mut self) {
        self.attached = false;
        self.pending.clear();
        self.gone.clear();
        self.environment_pending = false;
    }

    /// Counts the apps by their word.
    pub(super) fn words(&self) -> BTreeMap<&'static str, i64> {
        let mut words =
            BTreeMap::from([("Healthy", 0), ("Progressing", 0), ("Failed", 0), ("Unknown", 0)]);
        for told in self.told.values() {
            let word = match told.word {
                Word::Healthy => "Healthy",
                Word::Progressing => "Progressing",
                Word::Failed => "Failed",
                Word::Unknown => "Unknown",
            };
            *words.entry(word).or_default() += 1;
        }
        words
    }

    fn environment(&self) -> EnvironmentState {
        let mut environment = EnvironmentState {
            flux: self.index.environment_flux(),
            flux_version: self.flux_version.clone(),
            blind: self.sight.blind(),
        };
        environment.fit();
        environment
    }

    fn look(&mut self, name: Arc<str>, now: Timestamp) {
        let Some(app) = self.compose(&name, now) else {
            self.alerts.remove(&name);
            if let Some(told) = self.told.remove(&name)
                && self.attached
            {
                self.pending.remove(&name);
                self.gone.insert(told.key);
            }
            return;
        };
        let hash = hash_of(&app);
        let told = Told { key: app.key, hash, word: app.word };
        let key = told.key.clone();
        let old = self.told.insert(Arc::clone(&name), told);
        if !self.attached || old.as_ref().is_some_and(|old| old.hash == hash) {
            return;
        }
        if let Some(old) = old.filter(|old| old.key != key) {
            self.gone.insert(old.key);
        }
        self.pending.insert(name);
    }

    fn compose(&mut self, name: &Arc<str>, now: Timestamp) -> Option<AppState> {
        let mut app = self.index.compose(name, now)?;
        let alerts = self.alerts.entry(Arc::clone(name)).or_default();
        app.alerts = alerts.observe(&app, now);
        if alerts.is_empty() {
            self.alerts.remove(name);
        }
        app.fit();
        Some(app)
    }
}

/// Tells states apart without keeping them.
fn hash_of(value: &impl Serialize) -> u64 {
    struct Hash(DefaultHasher);
    impl io::Write for Hash {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hash = Hash(DefaultHasher::new());
    // Writing into a hash does not fail; if it did, the app would be told once more than needed.
    let _ = serde_json::to_writer(&mut hash, value);
    hash.0.finish()
}
