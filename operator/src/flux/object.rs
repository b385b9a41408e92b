//! Flux' objects, read into types.

use kube::api::DynamicObject;
use serde_json::Value;

/// What a Ready condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    NotReady { reason: String, message: String },
    Unknown { message: String },
}

/// A Kustomization of Flux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kustomization {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) suspended: bool,
    pub(crate) readiness: Readiness,
    /// Commit that was applied last.
    pub(crate) applied: Option<String>,
    /// Commit that was tried last.
    pub(crate) attempted: Option<String>,
    pub(crate) inventory: Vec<InventoryEntry>,
}

/// An object that a Kustomization applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InventoryEntry {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) kind: String,
}

/// A GitRepository of Flux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) suspended: bool,
    pub(crate) readiness: Readiness,
}

impl Kustomization {
    /// Reads an object; what is missing in it is unknown, never an error.
    pub(crate) fn read(object: &DynamicObject) -> Self {
        let status = &object.data["status"];
        let entries = status["inventory"]["entries"].as_array().map_or(&[][..], Vec::as_slice);
        Self {
            name: object.metadata.name.clone().unwrap_or_default(),
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            suspended: object.data["spec"]["suspend"].as_bool().unwrap_or_default(),
            readiness: readiness(object),
            applied: revision(&status["lastAppliedRevision"]),
            attempted: revision(&status["lastAttemptedRevision"]),
            inventory: entries
                .iter()
                .filter_map(|e| InventoryEntry::parse(e["id"].as_str()?))
                .collect(),
        }
    }
}

impl Source {
    /// Reads an object; what is missing in it is unknown, never an error.
    pub(crate) fn read(object: &DynamicObject) -> Self {
        Self {
            suspended: object.data["spec"]["suspend"].as_bool().unwrap_or_default(),
            readiness: readiness(object),
        }
    }
}

impl InventoryEntry {
    /// Parses `<namespace>_<name>_<group>_<kind>`; names never hold an underscore, except those of
    /// RBAC objects, where `__` stands for a colon.
    fn parse(id: &str) -> Option<Self> {
        let (namespace, rest) = id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        Some(Self {
            namespace: namespace.to_owned(),
            name: name.replace("__", ":"),
            group: group.to_owned(),
            kind: kind.to_owned(),
        })
    }
}

/// Reads the commit out of `main@sha1:4e1f09c…`.
fn revision(value: &Value) -> Option<String> {
    let (_, commit) = value.as_str()?.rsplit_once(':')?;
    let hex = !commit.is_empty() && commit.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| commit.to_owned())
}

/// Reads the Ready condition. One of an older generation says nothing about the present one.
fn readiness(object: &DynamicObject) -> Readiness {
    let conditions = object.data["status"]["conditions"].as_array();
    let ready = conditions.and_then(|list| list.iter().find(|c| c["type"] == "Ready"));
    let Some(ready) = ready else {
        return Readiness::Unknown { message: "Flux has not looked at it yet".into() };
    };
    let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
    let current = match (ready["observedGeneration"].as_i64(), object.metadata.generation) {
        (Some(observed), Some(generation)) => observed >= generation,
        _ => true,
    };
    match ready["status"].as_str() {
        Some("True") if current => Readiness::Ready,
        Some("False") if current => {
            Readiness::NotReady { reason: text("reason"), message: text("message") }
        }
        _ => Readiness::Unknown { message: text("message") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_kustomization_tells_its_commits_and_objects() {
        let read = Kustomization::read(&object(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "staging-shop", "namespace": "flux-system", "generation": 2},
            "status": {
                "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}],
                "lastAppliedRevision": "main@sha1:4e1f09c0a1",
                "inventory": {"entries": [{"id": "shop_shop_apps_Deployment", "v": "v1"}, {"id": "_ns__", "v": "v1"}]}
            }
        })));
        assert_eq!(read.applied.as_deref(), Some("4e1f09c0a1"));
        assert_eq!(read.readiness, Readiness::Ready);
        assert_eq!(read.inventory[0].kind, "Deployment");
        assert_eq!(read.inventory[0].group, "apps");
    }

    #[test]
    fn the_inventory_names_core_and_rbac_objects() {
        let core = InventoryEntry::parse("shop_shop__Service").unwrap();
        assert_eq!((core.name.as_str(), core.group.as_str()), ("shop", ""));
        let role =
            InventoryEntry::parse("_system__x_rbac.authorization.k8s.io_ClusterRole").unwrap();
        assert_eq!((role.name.as_str(), role.namespace.as_str()), ("system:x", ""));
    }

    #[test]
    fn a_condition_of_an_older_generation_is_unknown() {
        let read = Kustomization::read(&object(json!({
            "apiVersion": "a/v1", "kind": "Kustomization",
            "metadata": {"name": "x", "generation": 3},
            "status": {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]}
        })));
        assert!(matches!(read.readiness, Readiness::Unknown { .. }));
    }

    #[test]
    fn a_branch_with_a_slash_leaves_the_commit_whole() {
        let revision = revision(&json!("feature/cart@sha1:4e1f09c0a1"));
        assert_eq!(revision.as_deref(), Some("4e1f09c0a1"));
    }

    #[test]
    fn a_revision_without_a_commit_is_none() {
        assert_eq!(revision(&json!("main@sha1:")), None);
        assert_eq!(revision(&json!("latest")), None);
        assert_eq!(revision(&json!(null)), None);
    }
}
