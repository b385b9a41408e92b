//! The Kustomization by which Flux applies an app, and what it says that it applied.

use gimlet_crds::Environment;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::{State, agent, missing, refused};
use crate::args::Place;
use crate::cluster::Cluster;
use crate::error::CommandError;

/// Where Flux keeps its objects, unless the environment says otherwise.
const FLUX_NAMESPACE: &str = "flux-system";
/// Most objects that are shown; an app with more is an accident.
const MAX_OBJECTS: usize = 500;

/// What Flux applied of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Name of Flux' Kustomization.
    pub(crate) name: String,
    /// How it is with it.
    pub(crate) state: State,
    /// The revision that was applied last, such as `main@sha1:4e1f09c…`.
    pub(crate) revision: Option<String>,
    /// The objects that it keeps in the cluster.
    pub(crate) objects: Vec<ObjectRef>,
}

/// Names an object of any kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectRef {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Empty for objects of the cluster.
    pub(crate) namespace: String,
    /// Empty for the core group.
    pub(crate) group: String,
    pub(crate) version: String,
}

impl Applied {
    /// Finds what Flux applied of an app, in the cluster of the context.
    pub(crate) async fn find(
        cluster: &Cluster,
        place: &Place,
        flux_namespace: Option<&str>,
    ) -> Result<Self, CommandError> {
        let Place { app, environment } = place;
        let namespace = match flux_namespace {
            Some(namespace) => namespace.to_owned(),
            None => flux_namespace_of(cluster, environment).await,
        };
        let own = format!("{environment}-{app}");
        if let Some(found) = get(cluster, &namespace, &own).await? {
            return Ok(Self::read(&found, None));
        }
        if let Some(found) = get(cluster, &namespace, &format!("gimlet-{environment}")).await? {
            let applied = Self::read(&found, Some(app));
            if !applied.objects.is_empty() {
                return Ok(applied);
            }
        }
        let what = format!("Flux does not apply {app} of {environment} from namespace {namespace}");
        let error = missing(what, cluster);
        Err(match agent::elsewhere(cluster, environment).await {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    /// Reads a Kustomization; of one that applies all apps, only what carries the app's name.
    fn read(object: &DynamicObject, app: Option<&str>) -> Self {
        let status = &object.data["status"];
        let entries = status["inventory"]["entries"].as_array().map_or(&[][..], Vec::as_slice);
        let mut objects: Vec<ObjectRef> = entries
            .iter()
            .filter_map(|entry| {
                ObjectRef::parse(entry["id"].as_str()?, entry["v"].as_str().unwrap_or("v1"))
            })
            .filter(|found| app.is_none_or(|app| found.is_of(app)))
            .take(MAX_OBJECTS)
            .collect();
        objects.sort();
        let value = serde_json::to_value(object).unwrap_or(Value::Null);
        Self {
            name: object.metadata.name.clone().unwrap_or_default(),
            state: if object.data["spec"]["suspend"].as_bool() == Some(true) {
                State::progressing("suspended: Flux does not apply anything")
            } else {
                State::of("Kustomization", &value)
            },
            revision: status["lastAppliedRevision"].as_str().map(str::to_owned),
            objects,
        }
    }
}

impl ObjectRef {
    /// Parses `<namespace>_<name>_<group>_<kind>` of Flux' inventory; names never hold an underscore,
    /// except those of RBAC objects, where `__` stands for a colon.
    fn parse(id: &str, version: &str) -> Option<Self> {
        let (namespace, rest) = id.split_once('_')?;
        let (rest, kind) = rest.rsplit_once('_')?;
        let (name, group) = rest.rsplit_once('_')?;
        let named = !kind.is_empty() && !name.is_empty();
        named.then(|| Self {
            namespace: namespace.to_owned(),
            name: name.replace("__", ":"),
            group: group.to_owned(),
            kind: kind.to_owned(),
            version: version.to_owned(),
        })
    }

    fn is_of(&self, app: &str) -> bool {
        self.name == app || self.name.strip_prefix(app).is_some_and(|rest| rest.starts_with('-'))
    }

    /// Returns the kind as the API knows it.
    pub(crate) fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::gvk(&self.group, &self.version, &self.kind)
    }
}

/// Asks the Environment, where this cluster has it and the person may see it.
async fn flux_namespace_of(cluster: &Cluster, environment: &str) -> String {
    let found = cluster.api::<Environment>().get_opt(environment).await;
    found
        .ok()
        .flatten()
        .map_or_else(|| FLUX_NAMESPACE.to_owned(), |found| found.spec.flux.namespace)
}

async fn get(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<DynamicObject>, CommandError> {
    let kind = GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
    let resource = ApiResource::from_gvk_with_plural(&kind, "kustomizations");
    let api: Api<DynamicObject> =
        Api::namespaced_with(cluster.client.clone(), namespace, &resource);
    match api.get(name).await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 404 => {
            let named = status.details.as_ref().is_some_and(|details| !details.name.is_empty());
            if named { Ok(None) } else { Err(missing("there is no Flux", cluster)) }
        }
        Err(error) => {
            let resource = "kustomizations.kustomize.toolkit.fluxcd.io";
            Err(refused(cluster, "get", resource, namespace, &error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Health;
    use serde_json::json;

    fn kustomization(spec: &Value, entries: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "staging-shop", "namespace": "flux-system"}, "spec": spec,
            "status": {
                "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}],
                "lastAppliedRevision": "main@sha1:4e1f09c0a1", "inventory": {"entries": entries},
            },
        }))
        .unwrap()
    }

    fn names(applied: &Applied) -> Vec<String> {
        applied.objects.iter().map(|o| format!("{}/{}", o.kind, o.name)).collect()
    }

    #[test]
    fn the_objects_of_an_app_come_from_the_inventory_in_order() {
        let entries = json!([
            {"id": "shop_web__Service", "v": "v1"},
            {"id": "shop_shop_apps_Deployment", "v": "v1"},
            {"id": "_system__shop_rbac.authorization.k8s.io_ClusterRole", "v": "v1"},
            {"id": "nonsense", "v": "v1"},
        ]);
        let applied = Applied::read(&kustomization(&json!({}), &entries), None);
        assert_eq!(names(&applied), ["ClusterRole/system:shop", "Deployment/shop", "Service/web"]);
        assert_eq!(applied.revision.as_deref(), Some("main@sha1:4e1f09c0a1"));
        assert_eq!(applied.state.health, Health::Ready);
    }

    #[test]
    fn of_one_kustomization_for_all_apps_only_the_apps_own_objects_are_taken() {
        let entries = json!([
            {"id": "shop_shop_apps_Deployment", "v": "v1"},
            {"id": "shop_shop-worker_apps_Deployment", "v": "v1"},
            {"id": "shop_shopping_apps_Deployment", "v": "v1"},
        ]);
        let applied = Applied::read(&kustomization(&json!({}), &entries), Some("shop"));
        assert_eq!(names(&applied), ["Deployment/shop", "Deployment/shop-worker"]);
    }

    #[test]
    fn a_suspended_kustomization_says_so() {
        let applied = Applied::read(&kustomization(&json!({"suspend": true}), &json!([])), None);
        assert_eq!(applied.state.health, Health::Progressing);
    }
}
