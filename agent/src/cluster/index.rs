//! What is there, and which app it belongs to.
//!
//! Only what belongs to an app of the environment is held. What may yet turn out to belong, because
//! its owner was made a moment ago and is not known yet, waits for a minute. When something is found
//! to have members that may have been left out before, everything has to be listed again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::fact::{Fact, Note, Seen};
use super::key::{Claims, Key, Kind};

/// For how long an object waits for its owner.
const WAIT: SignedDuration = SignedDuration::from_secs(60);
/// Objects that wait for their owners at once.
const WAITING: usize = 2_000;

/// What is there of one environment.
#[derive(Debug)]
pub(super) struct Index {
    environment: String,
    /// The namespaces that are looked at; all where there is no selector.
    selected: Option<BTreeSet<String>>,
    /// Those of them that the present listing has named so far.
    listed: BTreeSet<String>,
    held: HashMap<Key, Held>,
    apps: BTreeMap<Arc<str>, BTreeSet<Key>>,
    /// Flux' objects of the environment as a whole.
    own: BTreeSet<Key>,
    /// Objects that wait, by the owner that they wait for.
    parked: HashMap<Key, Vec<(Timestamp, Seen)>>,
    /// For which owner an object waits.
    waits: HashMap<Key, Key>,
    /// Whether something could not wait, because too much did.
    spilled: bool,
    epochs: HashMap<Kind, u64>,
    /// Whether everything was listed once.
    settled: bool,
    changed: Changed,
}

/// An object that belongs to the environment.
#[derive(Debug)]
pub(super) struct Held {
    owner: Owner,
    pub(super) fact: Fact,
    pub(super) note: Option<Note>,
    /// Listing in which it was seen last.
    epoch: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    App(Arc<str>),
    Environment,
}

/// What changed since it was asked last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) apps: BTreeSet<Arc<str>>,
    pub(super) environment: bool,
    /// Whether everything has to be listed again.
    pub(super) relist: bool,
}

impl Index {
    /// Makes an index of an environment; with a selector, of the namespaces that will be told.
    pub(super) fn new(environment: &str, selector: bool) -> Self {
        Self {
            environment: environment.to_owned(),
            selected: selector.then(BTreeSet::new),
            listed: BTreeSet::new(),
            held: HashMap::new(),
            apps: BTreeMap::new(),
            own: BTreeSet::new(),
            parked: HashMap::new(),
            waits: HashMap::new(),
            spilled: false,
            epochs: HashMap::new(),
            settled: false,
            changed: Changed::default(),
        }
    }

    /// Returns what changed since the last call.
    pub(super) fn take_changed(&mut self) -> Changed {
        let changed = std::mem::take(&mut self.changed);
        self.spilled &= !changed.relist;
        changed
    }

    /// Keeps the wish to list everything again for whoever can.
    pub(super) fn ask_relist(&mut self, wish: bool) {
        self.changed.relist |= wish;
    }

    /// Says that everything was listed.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }

    /// Names the apps.
    pub(super) fn apps(&self) -> impl Iterator<Item = &Arc<str>> {
        self.apps.keys()
    }

    /// Counts the objects that are held, by kind.
    pub(super) fn counts(&self) -> BTreeMap<Kind, i64> {
        let mut counts = BTreeMap::new();
        for key in self.held.keys() {
            *counts.entry(key.kind).or_default() += 1;
        }
        counts
    }

    /// Takes in an object as it is now.
    pub(super) fn apply(&mut self, seen: Seen, now: Timestamp) {
        if seen.key.kind == Kind::Namespace {
            self.select(seen.key.name);
            return;
        }
        let owner = if self.is_selected(&seen.key) {
            self.resolve(&seen.claims, seen.key.kind)
        } else {
            None
        };
        if let Some(owner) = owner {
            self.hold(seen, &owner, now);
            return;
        }
        if self.drop_held(&seen.key) && seen.key.kind.has_members() {
            self.changed.relist = true;
        }
        self.park(seen, now);
    }

    /// Takes in that an object is gone.
    pub(super) fn delete(&mut self, key: &Key) {
        if key.kind == Kind::Namespace {
            self.deselect(&key.name);
        }
        self.drop_held(key);
        self.unpark(key);
    }

    /// Takes in a warning of an object.
    pub(super) fn note(&mut self, note: Note) {
        let Some(held) = self.held.get_mut(&note.key) else { return };
        let older = held.note.as_ref().is_some_and(|old| old.time > note.time);
        if older || held.note.as_ref() == Some(&note) {
            return;
        }
        held.note = Some(note);
        let owner = held.owner.clone();
        self.mark(&owner);
    }

    /// Begins a listing of a kind: what is not seen in it is gone at its end.
    pub(super) fn begin(&mut self, kind: Kind) {
        *self.epochs.entry(kind).or_default() += 1;
        if kind == Kind::Namespace {
            self.listed.clear();
        }
    }

    /// Ends a listing of a kind.
    pub(super) fn end(&mut self, kind: Kind) {
        let epoch = self.epoch(kind);
        self.drop_where(|key, held| key.kind == kind && held.epoch < epoch);
        if kind == Kind::Namespace {
            let listed = std::mem::take(&mut self.listed);
            let gone = self.selected.iter().flatten().filter(|name| !listed.contains(*name));
            for namespace in gone.cloned().collect::<Vec<_>>() {
                self.deselect(&namespace);
            }
        }
    }

    /// Takes in that the cluster has no such kind, or does not show it.
    pub(super) fn absent(&mut self, kind: Kind) {
        self.drop_where(|key, _| key.kind == kind);
    }

    /// Gives up on owners that did not come.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let Self { parked, waits, .. } = self;
        parked.retain(|_, waiting| {
            waiting.retain(|(since, seen)| {
                let stays = now.duration_since(*since) < WAIT;
                if !stays {
                    waits.remove(&seen.key);
                }
                stays
            });
            !waiting.is_empty()
        });
    }

    pub(super) fn keys(&self, app: &str) -> Option<&BTreeSet<Key>> {
        self.apps.get(app)
    }

    pub(super) fn own_keys(&self) -> &BTreeSet<Key> {
        &self.own
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Held> {
        self.held.get(key)
    }

    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    /// Tells whether an object is held.
    pub(super) fn holds(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let key = Kind::of_name(kind).map(|kind| Key::new(kind, namespace, name));
        key.is_some_and(|key| self.held.contains_key(&key))
    }

    fn epoch(&self, kind: Kind) -> u64 {
        self.epochs.get(&kind).copied().unwrap_or(0)
    }

    /// Tells whose an object is.
    fn resolve(&self, claims: &Claims, kind: Kind) -> Option<Owner> {
        match (&claims.environment, &claims.app) {
            (Some(environment), _) if *environment != self.environment => return None,
            (Some(_), Some(app)) => return Some(Owner::App(self.app_name(app))),
            (Some(_), None) if kind.is_flux() => return Some(Owner::Environment),
            _ => {}
        }
        claims.owners.iter().find_map(|owner| match &self.held.get(owner)?.owner {
            Owner::App(app) => Some(Owner::App(Arc::clone(app))),
            // Everything in the repository hangs on the root: that alone makes nothing an app.
            Owner::Environment => None,
        })
    }

    /// Shares the name of an app that is known.
    fn app_name(&self, app: &str) -> Arc<str> {
        self.apps.get_key_value(app).map_or_else(|| Arc::from(app), |(name, _)| Arc::clone(name))
    }

    fn hold(&mut self, seen: Seen, owner: &Owner, now: Timestamp) {
        let Seen { key, claims, fact } = seen;
        let epoch = self.epoch(key.kind);
        self.unpark(&key);
        let mut note = None;
        if let Some(held) = self.held.get_mut(&key) {
            if held.owner == *owner {
                held.epoch = epoch;
                if held.fact != fact {
                    held.fact = fact;
                    self.mark(owner);
                }
                return;
            }
            note = held.note.take();
            self.drop_held(&key);
        }
        match owner {
            Owner::App(app) => {
                self.apps.entry(Arc::clone(app)).or_default().insert(key.clone());
            }
            Owner::Environment => {
                self.own.insert(key.clone());
            }
        }
        self.held.insert(key.clone(), Held { owner: owner.clone(), fact, note, epoch });
        self.mark(owner);
        if key.kind.has_members() {
            let old = claims.created.is_none_or(|created| now.duration_since(created) > WAIT);
            if self.settled && (old || self.spilled) {
                self.changed.relist = true;
            }
            self.adopt(&key, now);
        }
    }

    /// Takes in what waited for an owner.
    fn adopt(&mut self, owner: &Key, now: Timestamp) {
        for (_, seen) in self.parked.remove(owner).unwrap_or_default() {
            self.waits.remove(&seen.key);
            self.apply(seen, now);
        }
    }

    /// Lets an object wait for its owner, where that may come yet.
    fn park(&mut self, seen: Seen, now: Timestamp) {
        self.unpark(&seen.key);
        let foreign =
            seen.claims.environment.as_ref().is_some_and(|name| *name != self.environment);
        let created = seen.claims.created;
        let young = created.is_some_and(|created| now.duration_since(created) < WAIT + WAIT);
        let Some(owner) = seen.claims.owners.first().cloned() else { return };
        if foreign || !young || !self.is_selected(&seen.key) {
            return;
        }
        if self.waits.len() >= WAITING {
            self.spilled = true;
            return;
        }
        self.waits.insert(seen.key.clone(), owner.clone());
        self.parked.entry(owner).or_default().push((now, seen));
    }

    fn unpark(&mut self, key: &Key) {
        let Some(owner) = self.waits.remove(key) else { return };
        let Some(waiting) = self.parked.get_mut(&owner) else { return };
        waiting.retain(|(_, seen)| seen.key != *key);
        if waiting.is_empty() {
            self.parked.remove(&owner);
        }
    }

    /// Lets go of an object; tells whether it was held.
    fn drop_held(&mut self, key: &Key) -> bool {
        let Some(held) = self.held.remove(key) else { return false };
        match &held.owner {
            Owner::App(app) => {
                if let Some(keys) = self.apps.get_mut(app) {
                    keys.remove(key);
                    if keys.is_empty() {
                        self.apps.remove(app);
                    }
                }
            }
            Owner::Environment => {
                self.own.remove(key);
            }
        }
        self.mark(&held.owner);
        true
    }

    fn drop_where(&mut self, gone: impl Fn(&Key, &Held) -> bool) {
        let keys: Vec<_> = self
            .held
            .iter()
            .filter(|(key, held)| gone(key, held))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.drop_held(&key);
        }
    }

    fn mark(&mut self, owner: &Owner) {
        match owner {
            Owner::App(app) => {
                self.changed.apps.insert(Arc::clone(app));
            }
            Owner::Environment => {
                self.changed.environment = true;
                // Apps without a Kustomization of their own are told with the environment's.
                let without = self
                    .apps
                    .iter()
                    .filter(|(_, keys)| !keys.iter().any(|key| key.kind == Kind::Kustomization));
                self.changed.apps.extend(without.map(|(app, _)| Arc::clone(app)));
            }
        }
    }

    fn is_selected(&self, key: &Key) -> bool {
        key.kind.is_flux()
            || self.selected.as_ref().is_none_or(|selected| selected.contains(&key.namespace))
    }

    fn select(&mut self, namespace: String) {
        let Some(namespaces) = &mut self.selected else { return };
        self.listed.insert(namespace.clone());
        if namespaces.insert(namespace) && self.settled {
            self.changed.relist = true;
        }
    }

    fn deselect(&mut self, namespace: &str) {
        if self.selected.as_mut().is_some_and(|namespaces| namespaces.remove(namespace)) {
            self.drop_where(|key, _| !key.kind.is_flux() && key.namespace == namespace);
        }
    }
}
