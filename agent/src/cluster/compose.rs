//! How an app is put together from what is held of it.

use std::collections::{BTreeMap, HashMap};

use gimlet_crds::name::flux_of_environment;
use jiff::{SignedDuration, Timestamp};

use super::fact::{Fact, Note};
use super::index::Index;
use super::key::{Key, Kind};
use crate::diagnosis::{Rollout, Trouble, job_outcome, judge, refused, with_event};
use crate::protocol::{
    AppKey, AppState, Autoscaler, Cause, FluxItem, Inventory, Pod, Word, Workload,
};

/// For how long a refusal that is only known from an event is believed.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

impl Index {
    /// Puts an app together; nothing where there is none of that name.
    pub(super) fn compose(&self, name: &str, now: Timestamp) -> Option<AppState> {
        let parts = Parts::of(self, name, now)?;
        let mut app = AppState::new(AppKey { namespace: parts.namespace(), app: name.to_owned() });
        app.workloads = parts.workloads();
        (app.pods, app.links) = (parts.listed_pods(), parts.links);
        (app.flux, app.inventories) = (parts.flux, parts.inventories);
        if !app.flux.iter().any(|item| item.kind == Kind::Kustomization.name()) {
            app.flux.extend(self.root());
        }
        app.sum_up();
        Some(app)
    }

    /// Returns Flux' objects of the environment as a whole: what follows it first.
    pub(super) fn environment_flux(&self) -> Vec<FluxItem> {
        let root = flux_of_environment(self.environment());
        let mut keys: Vec<_> = self.own_keys().iter().collect();
        keys.sort_by_key(|key| (key.name != root, *key));
        keys.into_iter().filter_map(|key| self.flux_item(key)).collect()
    }

    /// Finds the Kustomization that applies all apps, where it does.
    fn root(&self) -> Option<FluxItem> {
        let root = flux_of_environment(self.environment());
        let is_root = |key: &&Key| key.kind == Kind::Kustomization && key.name == root;
        self.flux_item(self.own_keys().iter().find(is_root)?)
    }

    fn flux_item(&self, key: &Key) -> Option<FluxItem> {
        match &self.get(key)?.fact {
            Fact::Flux { item, .. } => Some((**item).clone()),
            _ => None,
        }
    }
}

/// A pod with what keeps it.
struct PodPart<'a> {
    pod: &'a Pod,
    /// What runs it.
    workload: Option<Key>,
    /// What made it.
    owner: Option<&'a Key>,
    /// Whether it is of the present version of that.
    present: bool,
    trouble: Option<Trouble>,
}

/// What an app consists of.
struct Parts<'a> {
    now: Timestamp,
    rollouts: Vec<(&'a Key, &'a Rollout, Option<&'a Note>)>,
    jobs: Vec<(&'a Key, &'a Fact, Option<&'a Note>)>,
    crons: Vec<(&'a Key, &'a Fact)>,
    pods: Vec<PodPart<'a>>,
    autoscalers: HashMap<&'a Key, Vec<Autoscaler>>,
    links: Vec<crate::protocol::Link>,
    flux: Vec<FluxItem>,
    inventories: Vec<Inventory>,
    /// Namespaces of anything that is there, and what Flux applies to.
    others: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(index: &'a Index, name: &str, now: Timestamp) -> Option<Self> {
        let mut parts = Self {
            now,
            rollouts: Vec::new(),
            jobs: Vec::new(),
            crons: Vec::new(),
            pods: Vec::new(),
            autoscalers: HashMap::new(),
            links: Vec::new(),
            flux: Vec::new(),
            inventories: Vec::new(),
            others: Vec::new(),
        };
        let keys = index.keys(name)?;
        let versions = Versions::of(index, keys.iter());
        for key in keys {
            let Some(held) = index.get(key) else { continue };
            match &held.fact {
                Fact::Workload { rollout, .. } => {
                    parts.rollouts.push((key, rollout, held.note.as_ref()));
                }
                fact @ Fact::Job { .. } => parts.jobs.push((key, fact, held.note.as_ref())),
                fact @ Fact::CronJob { .. } => parts.crons.push((key, fact)),
                Fact::Pod { pod, lasting, owner, version } => {
                    let workload = owner.as_ref().map(|owner| runner(index, owner));
                    let present = workload.as_ref().is_none_or(|workload| {
                        versions.present(workload).is_none_or(|v| Some(v) == version.as_deref())
                    });
                    let trouble = trouble(pod, *lasting, held.note.as_ref());
                    let owner = owner.as_ref();
                    parts.pods.push(PodPart { pod, workload, owner, present, trouble });
                }
                Fact::Autoscaler { autoscaler, target: Some(target) } => {
                    parts.autoscalers.entry(target).or_default().push(autoscaler.clone());
                }
                Fact::Links(links) => {
                    parts.others.push(&key.namespace);
                    parts.links.extend(links.iter().cloned());
                }
                Fact::Flux { item, target, entries } => {
                    parts.inventories.extend(entries.as_deref().map(|entries| Inventory {
                        kind: item.kind.clone(),
                        namespace: item.namespace.clone(),
                        name: item.name.clone(),
                        objects: entries.objects(),
                        omitted: entries.omitted,
                    }));
                    parts.others.extend(target.as_deref());
                    parts.flux.push((**item).clone());
                }
                Fact::ReplicaSet { .. }
                | Fact::Autoscaler { target: None, .. }
                | Fact::Namespace => {}
            }
        }
        // The youngest first: they tell of the present attempt.
        parts.pods.sort_by(|a, b| {
            b.pod.created.cmp(&a.pod.created).then_with(|| a.pod.name.cmp(&b.pod.name))
        });
        Some(parts)
    }

    fn namespace(&self) -> String {
        let rollouts = self.rollouts.iter().map(|(key, _, _)| *key);
        let jobs = self.jobs.iter().map(|(key, _, _)| *key);
        let workloads = rollouts.chain(self.crons.iter().map(|(key, _)| *key)).chain(jobs);
        let namespace = workloads.map(|key| key.namespace.as_str()).min();
        namespace.or_else(|| self.others.iter().min().copied()).unwrap_or_default().to_owned()
    }

    fn troubles(&self, workload: &Key) -> impl Iterator<Item = &Trouble> {
        let pods = self.pods.iter().filter(move |part| part.workload.as_ref() == Some(workload));
        pods.filter(|part| part.present).filter_map(|part| part.trouble.as_ref())
    }

    fn workloads(&self) -> Vec<Workload> {
        let rollouts = self.rollouts.iter().map(|(key, rollout, note)| {
            let mut rollout = (*rollout).clone();
            if !rollout.is_done() && rollout.held.is_none() {
                rollout.held = note.and_then(|note| self.refusal(note));
            }
            let (word, cause) = judge(&rollout, self.troubles(key));
            let autoscalers = self.autoscalers.get(key).cloned().unwrap_or_default();
            let Rollout { wanted, ready, updated, available, done: _, images, over: _, held: _ } =
                rollout;
            let (kind, name) = (key.kind.name().to_owned(), key.name.clone());
            Workload {
                kind,
                name,
                wanted,
                ready,
                updated,
                available,
                images,
                autoscalers,
                cron: None,
                word,
                cause,
            }
        });
        let own = self.jobs.iter().filter_map(|(key, fact, note)| self.job(key, fact, *note));
        let crons = self.crons.iter().filter_map(|(key, fact)| self.cron_job(key, fact));
        rollouts.chain(crons).chain(own).collect()
    }

    /// Tells of a Job that no `CronJob` made.
    fn job(&self, key: &Key, fact: &Fact, note: Option<&Note>) -> Option<Workload> {
        let Fact::Job { job, images, cron: None, .. } = fact else { return None };
        let outcome = job_outcome(job, self.troubles(key));
        let refusal = note
            .filter(|_| outcome.word == Word::Progressing && outcome.active == 0)
            .and_then(|note| self.refusal(note));
        Some(Workload {
            kind: key.kind.name().to_owned(),
            name: key.name.clone(),
            wanted: outcome.wanted,
            ready: outcome.succeeded,
            updated: outcome.succeeded.saturating_add(outcome.active),
            available: outcome.succeeded,
            images: images.clone(),
            autoscalers: Vec::new(),
            cron: None,
            word: outcome.word,
            cause: refusal.or(outcome.cause),
        })
    }

    /// Tells of a `CronJob`, by the last of its Jobs that ended.
    fn cron_job(&self, key: &Key, fact: &Fact) -> Option<Workload> {
        let Fact::CronJob { cron, images, active } = fact else { return None };
        let ended = self.jobs.iter().filter_map(|(job_key, fact, _)| match fact {
            Fact::Job { job, cron: Some(by), created, .. }
                if *by == key.name && job_key.namespace == key.namespace =>
            {
                let outcome = job_outcome(job, self.troubles(key));
                (outcome.word != Word::Progressing).then_some((created, job_key, outcome))
            }
            _ => None,
        });
        let last = ended.max_by_key(|(created, key, _)| (*created, *key));
        let failed = last.filter(|(_, _, outcome)| outcome.word == Word::Failed && !cron.suspended);
        let cause = failed.and_then(|(_, job, outcome)| {
            let cause = outcome.cause?;
            Some(Cause { message: format!("Job {}: {}", job.name, cause.message), ..cause })
        });
        Some(Workload {
            kind: key.kind.name().to_owned(),
            name: key.name.clone(),
            wanted: 0,
            ready: 0,
            updated: i32::try_from(*active).unwrap_or(i32::MAX),
            available: 0,
            images: images.clone(),
            autoscalers: Vec::new(),
            cron: Some((**cron).clone()),
            word: if cause.is_some() { Word::Failed } else { Word::Healthy },
            cause,
        })
    }

    /// Reads a refusal to make pods, as long as it is fresh.
    fn refusal(&self, note: &Note) -> Option<Cause> {
        let age = self.now.duration_since(note.time?).abs();
        (note.reason == "FailedCreate" && age < FRESH).then(|| refused(&note.message))
    }

    /// The pods as they are told: those with trouble first, those that are over last.
    fn listed_pods(&self) -> Vec<Pod> {
        let rank = |part: &PodPart<'_>| match &part.trouble {
            _ if part.pod.phase == "Succeeded" => 4,
            Some(trouble) if trouble.lasting => 0,
            Some(_) => 1,
            None if !part.pod.ready => 2,
            None => 3,
        };
        let mut ranked: BTreeMap<_, Pod> = BTreeMap::new();
        for (number, part) in self.pods.iter().enumerate() {
            let named = |key: &Key| format!("{}/{}", key.kind.name(), key.name);
            let between = part.owner.filter(|owner| part.workload.as_ref() != Some(*owner));
            let pod = Pod {
                workload: part.workload.as_ref().map(named).unwrap_or_default(),
                owner: between.map(named).unwrap_or_default(),
                cause: part.trouble.as_ref().map(|trouble| trouble.cause.clone()),
                ..part.pod.clone()
            };
            ranked.insert((rank(part), part.pod.name.as_str(), number), pod);
        }
        ranked.into_values().collect()
    }
}

/// Follows owners up to what a person knows: a Deployment rather than its `ReplicaSet`.
fn runner(index: &Index, owner: &Key) -> Key {
    let above = |kind, name: &Option<String>| {
        name.as_ref().map(|name| Key::new(kind, &owner.namespace, name))
    };
    let found = index.get(owner).and_then(|held| match &held.fact {
        Fact::ReplicaSet { deployment, .. } => above(Kind::Deployment, deployment),
        Fact::Job { cron, .. } => above(Kind::CronJob, cron),
        _ => None,
    });
    found.unwrap_or_else(|| owner.clone())
}

/// Which version of its template each workload is to run.
struct Versions<'a>(HashMap<Key, (u64, Option<&'a str>)>);

impl<'a> Versions<'a> {
    fn of(index: &'a Index, keys: impl Iterator<Item = &'a Key>) -> Self {
        let mut versions: HashMap<Key, (u64, Option<&str>)> = HashMap::new();
        for key in keys {
            match index.get(key).map(|held| &held.fact) {
                Some(Fact::ReplicaSet { deployment: Some(name), revision, version }) => {
                    let newest = versions
                        .entry(Key::new(Kind::Deployment, &key.namespace, name))
                        .or_insert((0, None));
                    if *revision >= newest.0 {
                        *newest = (*revision, version.as_deref());
                    }
                }
                Some(Fact::Workload { version: Some(version), .. }) => {
                    versions.insert(key.clone(), (0, Some(version)));
                }
                _ => {}
            }
        }
        Self(versions)
    }

    fn present(&self, workload: &Key) -> Option<&'a str> {
        self.0.get(workload)?.1
    }
}

/// Puts together what a pod says of itself and what an event says of it.
fn trouble(pod: &Pod, lasting: bool, note: Option<&Note>) -> Option<Trouble> {
    let own = pod.cause.clone().map(|cause| Trouble { lasting, cause });
    let on_its_way = pod.phase == "Pending" && !pod.node.is_empty();
    match note {
        Some(note) if own.is_some() || on_its_way => {
            with_event(&pod.name, own, &note.reason, &note.message)
        }
        _ => own,
    }
}
