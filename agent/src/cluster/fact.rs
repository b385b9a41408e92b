//! What is kept of an object: what is shown of it, and nothing else.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job, JobCondition, JobSpec, JobStatus};
use k8s_openapi::api::core::v1::{Event, Namespace, Pod as KubePod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::core::DynamicObject;

use super::inventory::Entries;
use super::key::{Claims, Key, Kind};
use super::pod;
use crate::diagnosis::{Rollout, flux_item, images};
use crate::protocol::{Autoscaler, Cron, FluxItem, Link, MAX_PARTS, Pod, clip};

/// What is kept of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    Workload {
        rollout: Box<Rollout>,
        /// Version of the template as its pods are labelled, where the object says so.
        version: Option<String>,
    },
    ReplicaSet {
        deployment: Option<String>,
        /// Which of its Deployment's versions it is, counted up.
        revision: u64,
        version: Option<String>,
    },
    /// Without its template.
    Job {
        job: Box<Job>,
        images: Vec<String>,
        cron: Option<String>,
        created: Option<Timestamp>,
    },
    CronJob {
        cron: Box<Cron>,
        images: Vec<String>,
        active: usize,
    },
    Pod {
        pod: Box<Pod>,
        /// Whether what `pod.cause` tells stays until somebody does something.
        lasting: bool,
        owner: Option<Key>,
        version: Option<String>,
    },
    Autoscaler {
        autoscaler: Autoscaler,
        target: Option<Key>,
    },
    Links(Vec<Link>),
    Flux {
        item: Box<FluxItem>,
        /// Namespace that it applies to, where it says so.
        target: Option<String>,
        /// What it has applied, where it is an app's.
        entries: Option<Box<Entries>>,
    },
    Namespace,
}

/// An object that was seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) key: Key,
    pub(super) claims: Claims,
    pub(super) fact: Fact,
}

/// A warning of an object that is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) key: Key,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) time: Option<Timestamp>,
}

fn seen(kind: Kind, meta: &ObjectMeta, fact: Fact) -> Seen {
    Seen { key: Key::of(kind, meta), claims: Claims::of(meta), fact }
}

fn label(meta: &ObjectMeta, key: &str) -> Option<String> {
    meta.labels.as_ref()?.get(key).cloned()
}

pub(super) fn namespace(object: &Namespace) -> Seen {
    seen(Kind::Namespace, &object.metadata, Fact::Namespace)
}

pub(super) fn deployment(object: &Deployment) -> Seen {
    let rollout = Box::new(Rollout::deployment(object));
    seen(Kind::Deployment, &object.metadata, Fact::Workload { rollout, version: None })
}

pub(super) fn stateful_set(object: &StatefulSet) -> Seen {
    let rollout = Box::new(Rollout::stateful_set(object));
    let version = object.status.as_ref().and_then(|status| status.update_revision.clone());
    seen(Kind::StatefulSet, &object.metadata, Fact::Workload { rollout, version })
}

pub(super) fn daemon_set(object: &DaemonSet) -> Seen {
    let rollout = Box::new(Rollout::daemon_set(object));
    seen(Kind::DaemonSet, &object.metadata, Fact::Workload { rollout, version: None })
}

pub(super) fn replica_set(object: &ReplicaSet) -> Seen {
    let meta = &object.metadata;
    let revision = meta
        .annotations
        .as_ref()
        .and_then(|all| all.get("deployment.kubernetes.io/revision")?.parse().ok())
        .unwrap_or(0);
    let mut seen = seen(
        Kind::ReplicaSet,
        meta,
        Fact::ReplicaSet { deployment: None, revision, version: label(meta, "pod-template-hash") },
    );
    let owner = seen.claims.owners.iter().find(|owner| owner.kind == Kind::Deployment);
    let owner = owner.map(|owner| owner.name.clone());
    if let Fact::ReplicaSet { deployment, .. } = &mut seen.fact {
        *deployment = owner;
    }
    seen
}

pub(super) fn job(object: &Job) -> Seen {
    let spec = object.spec.as_ref();
    let pruned = Job {
        metadata: ObjectMeta::default(),
        spec: spec.map(|spec| JobSpec {
            completions: spec.completions,
            suspend: spec.suspend,
            ..JobSpec::default()
        }),
        status: object.status.clone().map(|status| JobStatus {
            uncounted_terminated_pods: None,
            conditions: status.conditions.map(|conditions| {
                let short = |mut condition: JobCondition| {
                    condition.message = condition.message.as_deref().map(clip);
                    condition
                };
                conditions.into_iter().map(short).collect()
            }),
            ..status
        }),
    };
    let claims = Claims::of(&object.metadata);
    let cron = claims.owners.iter().find(|owner| owner.kind == Kind::CronJob);
    let fact = Fact::Job {
        job: Box::new(pruned),
        images: images(spec.and_then(|spec| spec.template.spec.as_ref())),
        cron: cron.map(|owner| owner.name.clone()),
        created: claims.created,
    };
    Seen { key: Key::of(Kind::Job, &object.metadata), claims, fact }
}

pub(super) fn cron_job(object: &CronJob) -> Seen {
    let job = object.spec.job_template.spec.as_ref();
    let status = object.status.as_ref();
    let time = |time: Option<&Time>| time.map(|time| time.0);
    let cron = Cron {
        schedule: clip(&object.spec.schedule),
        time_zone: clip(object.spec.time_zone.as_deref().unwrap_or_default()),
        suspended: object.spec.suspend.unwrap_or_default(),
        last_schedule: time(status.and_then(|status| status.last_schedule_time.as_ref())),
        last_success: time(status.and_then(|status| status.last_successful_time.as_ref())),
    };
    let fact = Fact::CronJob {
        cron: Box::new(cron),
        images: images(job.and_then(|job| job.template.spec.as_ref())),
        active: status.and_then(|status| status.active.as_ref()).map_or(0, Vec::len),
    };
    seen(Kind::CronJob, &object.metadata, fact)
}

pub(super) fn pod(object: &KubePod) -> Seen {
    let meta = &object.metadata;
    let claims = Claims::of(meta);
    let owner = claims.owners.first().filter(|owner| !owner.kind.is_flux()).cloned();
    let (pod, lasting) = pod::read(object);
    let version =
        label(meta, "pod-template-hash").or_else(|| label(meta, "controller-revision-hash"));
    let fact = Fact::Pod { pod: Box::new(pod), lasting, owner, version };
    Seen { key: Key::of(Kind::Pod, meta), claims, fact }
}

pub(super) fn autoscaler(object: &HorizontalPodAutoscaler) -> Seen {
    let meta = &object.metadata;
    let status = object.status.clone().unwrap_or_default();
    let stuck = status.conditions.iter().flatten().find(|condition| {
        condition.status == "False" && matches!(condition.type_.as_str(), "AbleToScale" | "ScalingActive")
            // Scaled to nothing by somebody: that is no trouble.
            && condition.reason.as_deref() != Some("ScalingDisabled")
    });
    let spec = &object.spec;
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let target = Kind::of_owner(&spec.scale_target_ref.kind)
        .map(|kind| Key::new(kind, namespace, &spec.scale_target_ref.name));
    let autoscaler = Autoscaler {
        name: meta.name.clone().unwrap_or_default(),
        min: spec.min_replicas.unwrap_or(1),
        max: spec.max_replicas,
        current: status.current_replicas.unwrap_or(0),
        desired: status.desired_replicas,
        message: stuck
            .and_then(|condition| condition.message.as_deref())
            .map(clip)
            .unwrap_or_default(),
    };
    let mut claims = Claims::of(meta);
    claims.owners.extend(target.clone());
    let key = Key::of(Kind::Autoscaler, meta);
    Seen { key, claims, fact: Fact::Autoscaler { autoscaler, target } }
}

pub(super) fn links(kind: Kind, meta: &ObjectMeta, mut links: Vec<Link>) -> Seen {
    links.truncate(MAX_PARTS);
    seen(kind, meta, Fact::Links(links))
}

pub(super) fn flux(kind: Kind, object: &DynamicObject) -> Seen {
    let mut item = flux_item(kind.name(), object);
    item.fit();
    let target = object.data["spec"]["targetNamespace"].as_str().map(str::to_owned);
    let claims = Claims::of(&object.metadata);
    // The environment's own apply what is of all apps: that is shown of none.
    let of_all = claims.environment.is_some() && claims.app.is_none();
    let entries = if of_all { None } else { Entries::of(object) };
    let fact = Fact::Flux { item: Box::new(item), target, entries };
    Seen { key: Key::of(kind, &object.metadata), claims, fact }
}

/// Reads an event, where it says why something does not run.
pub(super) fn note(event: &Event) -> Option<Note> {
    const TELLING: [&str; 9] = [
        "Failed",
        "Unhealthy",
        "FailedMount",
        "FailedAttachVolume",
        "FailedMapVolume",
        "FailedCreatePodSandBox",
        "NetworkNotReady",
        "FailedCreate",
        "FailedScheduling",
    ];
    let reason = event.reason.as_deref().filter(|reason| TELLING.contains(reason))?;
    let object = &event.involved_object;
    let kind = Kind::of_owner(object.kind.as_deref()?)?;
    let time = event.last_timestamp.as_ref().map(|time| time.0);
    Some(Note {
        key: Key::new(kind, object.namespace.as_deref()?, object.name.as_deref()?),
        reason: reason.to_owned(),
        message: clip(event.message.as_deref().unwrap_or_default()),
        time: time.or_else(|| event.event_time.as_ref().map(|time| time.0)),
    })
}
