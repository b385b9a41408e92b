//! Flux in a workload cluster: whether it is there, and which version.

use gimlet_crds::Environment;
use gimlet_manifest::flux::{FluxEnv, root_file, source_file};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, ApiResource, ListParams};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::plan::Wanted;
use crate::cluster::Cluster;
use crate::error::{CommandError, chain, is_of_dashboard};

/// The groups that an environment needs, with the controller that serves each.
const GROUPS: [(&str, &str); 2] = [
    ("source.toolkit.fluxcd.io", "source-controller"),
    ("kustomize.toolkit.fluxcd.io", "kustomize-controller"),
];
/// The version of them that an environment is written in, since Flux 2.0.
const VERSION: &str = "v1";

/// What is there of Flux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// All that is needed.
    Installed {
        /// The version, where its Deployments say one.
        version: Option<String>,
    },
    /// Some of it is not there, or too old.
    Lacking {
        /// The controllers that are missing.
        controllers: Vec<&'static str>,
    },
}

impl Found {
    /// Says it in a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Installed { version: Some(version) } => format!("Flux {version}"),
            Self::Installed { version: None } => "Flux, of a version that it does not tell".into(),
            Self::Lacking { controllers } => {
                format!("Flux 2 lacks its {}", controllers.join(" and its "))
            }
        }
    }
}

/// How it is with an object of Flux.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Readiness {
    /// Whether it is ready, as it is now.
    pub(super) ready: bool,
    /// What it says of it.
    pub(super) message: String,
    /// The revision that it has, such as `main@sha1:4e1f09c…`.
    pub(super) revision: Option<String>,
}

impl Readiness {
    /// Reads the status of an object.
    pub(super) fn of(data: &Value, generation: Option<i64>) -> Self {
        let status = &data["status"];
        let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
        let found = conditions.iter().find(|one| one["type"] == "Ready");
        let observed = status["observedGeneration"].as_i64() == generation;
        let suspended = data["spec"]["suspend"].as_bool() == Some(true);
        let said = found.and_then(|one| one["message"].as_str());
        let message = match said {
            _ if suspended => "suspended: Flux does nothing for it",
            Some(said) => said,
            None => "Flux has not looked at it",
        };
        let revision = ["/artifact/revision", "/lastAppliedRevision"]
            .iter()
            .find_map(|pointer| status.pointer(pointer).and_then(Value::as_str));
        let ready = found.is_some_and(|one| one["status"] == "True") && observed && !suspended;
        Self { ready, message: message.to_owned(), revision: revision.map(str::to_owned) }
    }
}

/// Names the kind of Flux' sources.
pub(super) fn git_repositories() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(GROUPS[0].0, VERSION, "GitRepository"))
}

/// Names the kind of what Flux applies.
pub(super) fn kustomizations() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(GROUPS[1].0, VERSION, "Kustomization"))
}

/// How Flux is installed, for people.
pub(super) const INSTALL: &str =
    "flux install, or kubectl apply -f the install.yaml of a release of github.com/fluxcd/flux2";

/// Looks for Flux in a cluster. Everybody who is signed in may ask which kinds there are.
pub(super) async fn detect(cluster: &Cluster, namespace: &str) -> Result<Found, CommandError> {
    let mut controllers = Vec::new();
    for (group, controller) in GROUPS {
        match cluster.client.list_api_group_resources(&format!("{group}/{VERSION}")).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 && !is_of_dashboard(&status) => {
                controllers.push(controller);
            }
            Err(error) => {
                return Err(cluster.request("list", "kinds of Flux", None).failed(&error));
            }
        }
    }
    if controllers.is_empty() {
        return Ok(Found::Installed { version: version(cluster, namespace).await });
    }
    Ok(Found::Lacking { controllers })
}

/// Reads the version that Flux' own manifests write down. It may be hidden, or not be said.
async fn version(cluster: &Cluster, namespace: &str) -> Option<String> {
    let api: Api<Deployment> = Api::namespaced(cluster.client.clone(), namespace);
    let params = ListParams::default().labels("app.kubernetes.io/part-of=flux").limit(1);
    let found = api.list(&params).await.ok()?.items.into_iter().next()?;
    found.metadata.labels?.remove("app.kubernetes.io/version")
}

/// Returns what Flux' objects of an environment are made from.
pub(super) fn env_of(environment: &Environment) -> Result<FluxEnv, CommandError> {
    Ok(FluxEnv::of(environment)?)
}

/// Returns the two objects that everything else of an environment hangs on: the same as the operator
/// writes to the repository.
pub(super) fn objects(environment: &Environment) -> Result<Vec<Wanted>, CommandError> {
    let env = env_of(environment)?;
    let parse = |(name, data): (String, Vec<u8>)| {
        let text = String::from_utf8_lossy(&data).into_owned();
        let object: Result<Value, _> = serde_saphyr::from_str(&text);
        object
            .map(Wanted::of)
            .map_err(|error| CommandError::general(format!("{name}: {}", chain(&error))))
    };
    [source_file(&env), root_file(&env)].into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_flux_has_seen_is_ready() {
        let object = |observed: i64, suspend: bool| {
            json!({"spec": {"suspend": suspend}, "status": {"observedGeneration": observed,
                "lastAppliedRevision": "main@sha1:1f", "conditions":
                [{"type": "Ready", "status": "True", "message": "Applied"}]}})
        };
        let seen = Readiness::of(&object(2, false), Some(2));
        assert!(seen.ready && seen.revision.as_deref() == Some("main@sha1:1f"));
        assert!(!Readiness::of(&object(1, false), Some(2)).ready);
        let suspended = Readiness::of(&object(2, true), Some(2));
        assert!(!suspended.ready && suspended.message.starts_with("suspended"));
        assert_eq!(Readiness::of(&json!({}), Some(1)).message, "Flux has not looked at it");
    }

    #[test]
    fn what_is_missing_of_flux_is_named() {
        let found = Found::Lacking { controllers: vec!["source-controller"] };
        assert_eq!(found.words(), "Flux 2 lacks its source-controller");
        let found = Found::Installed { version: Some("v2.4.0".into()) };
        assert_eq!(found.words(), "Flux v2.4.0");
    }
}
