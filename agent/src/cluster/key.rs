//! What objects are called, and whom they say they belong to.

use gimlet_crds::labels;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The kinds that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Namespace,
    Kustomization,
    HelmRelease,
    GitRepository,
    OciRepository,
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
    ReplicaSet,
    Job,
    Pod,
    Autoscaler,
    Service,
    Ingress,
    HttpRoute,
    Event,
}

impl Kind {
    /// Returns the name as Kubernetes writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::GitRepository => "GitRepository",
            Self::OciRepository => "OCIRepository",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
            Self::ReplicaSet => "ReplicaSet",
            Self::Job => "Job",
            Self::Pod => "Pod",
            Self::Autoscaler => "HorizontalPodAutoscaler",
            Self::Service => "Service",
            Self::Ingress => "Ingress",
            Self::HttpRoute => "HTTPRoute",
            Self::Event => "Event",
        }
    }

    /// Finds a kind whose objects are held.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let others = [
            Self::Kustomization,
            Self::HelmRelease,
            Self::GitRepository,
            Self::OciRepository,
            Self::Autoscaler,
            Self::Service,
            Self::Ingress,
            Self::HttpRoute,
        ];
        Self::of_owner(name).or_else(|| others.into_iter().find(|kind| kind.name() == name))
    }

    /// Finds a kind that others can belong to.
    pub(super) fn of_owner(name: &str) -> Option<Self> {
        [
            Self::ReplicaSet,
            Self::Deployment,
            Self::StatefulSet,
            Self::DaemonSet,
            Self::Job,
            Self::CronJob,
            Self::Pod,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// Tells whether it is one of Flux'.
    pub(super) fn is_flux(self) -> bool {
        matches!(
            self,
            Self::Kustomization | Self::HelmRelease | Self::GitRepository | Self::OciRepository
        )
    }

    /// Tells whether other objects can belong to it.
    pub(super) fn has_members(self) -> bool {
        matches!(self, Self::Kustomization | Self::HelmRelease)
            || Self::of_owner(self.name()).is_some_and(|kind| kind != Self::Pod)
    }
}

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    pub(super) fn of(kind: Kind, meta: &ObjectMeta) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Self { kind, namespace: text(&meta.namespace), name: text(&meta.name) }
    }
}

/// Whom an object says that it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) environment: Option<String>,
    pub(super) app: Option<String>,
    /// Objects whose app it shares, the nearest first.
    pub(super) owners: Vec<Key>,
    pub(super) created: Option<Timestamp>,
}

/// Label prefixes by which Flux marks what it applied.
const FLUX: [(Kind, &str, &str); 2] = [
    (
        Kind::Kustomization,
        "kustomize.toolkit.fluxcd.io/name",
        "kustomize.toolkit.fluxcd.io/namespace",
    ),
    (Kind::HelmRelease, "helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace"),
];

impl Claims {
    /// Reads labels and owners.
    pub(super) fn of(meta: &ObjectMeta) -> Self {
        let label = |key: &str| meta.labels.as_ref()?.get(key).cloned();
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let references = meta.owner_references.iter().flatten();
        let owner = references
            .filter(|reference| reference.controller == Some(true))
            .find_map(|owner| Some(Key::new(Kind::of_owner(&owner.kind)?, namespace, &owner.name)));
        let flux = FLUX.iter().filter_map(|(kind, name, namespace)| {
            Some(Key { kind: *kind, namespace: label(namespace)?, name: label(name)? })
        });
        Self {
            environment: label(labels::ENVIRONMENT),
            app: label(labels::APP),
            owners: owner.into_iter().chain(flux).collect(),
            created: meta.creation_timestamp.as_ref().map(|time| time.0),
        }
    }
}
