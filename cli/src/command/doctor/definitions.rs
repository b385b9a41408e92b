//! Whether the kinds are in the cluster, in the form that this program knows.

use std::collections::BTreeSet;

use gimlet_crds::{GROUP, VERSION};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt as _;
use kube::api::Api;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::command::check::Check;

/// How to install the definitions of this version.
const INSTALL: &str = "kubectl apply --server-side -f config/crd (of this version)";

/// Looks for the kinds; tells whether all are there.
pub(super) async fn examine(cluster: &Cluster) -> (Vec<Check>, bool) {
    let api_version = format!("{GROUP}/{VERSION}");
    let kinds: Vec<String> = match cluster.client.list_api_group_resources(&api_version).await {
        Ok(found) => found.resources.into_iter().map(|resource| resource.kind).collect(),
        Err(kube::Error::Api(status)) if status.is_not_found() => {
            return (vec![absent(&served(cluster).await)], false);
        }
        Err(error) => {
            let error = cluster.request("list", "kinds", None).failed(&error);
            return (vec![Check::unknown("definitions", error.message())], false);
        }
    };
    let missing: Vec<String> = gimlet_crds::definitions()
        .into_iter()
        .map(|definition| definition.spec.names.kind)
        .filter(|kind| !kinds.contains(kind))
        .collect();
    if !missing.is_empty() {
        let said = format!("the cluster lacks the kinds {}", missing.join(", "));
        return (vec![Check::wrong("definitions", said, INSTALL)], false);
    }
    (vec![compare(cluster).await], true)
}

/// Asks which versions of the group there are.
async fn served(cluster: &Cluster) -> Vec<String> {
    let groups = cluster.client.list_api_groups().await.map(|list| list.groups);
    let group = groups.unwrap_or_default().into_iter().find(|group| group.name == GROUP);
    group.map(|group| group.versions.into_iter().map(|v| v.version).collect()).unwrap_or_default()
}

fn absent(served: &[String]) -> Check {
    let said = if served.is_empty() {
        "Gimlet is not installed in this cluster: it has no definitions".to_owned()
    } else {
        format!(
            "the cluster has {GROUP} in the versions {}, and this program speaks {VERSION}",
            served.join(", ")
        )
    };
    Check::wrong("definitions", said, INSTALL)
}

/// Compares the fields that the cluster knows with those that this program knows.
async fn compare(cluster: &Cluster) -> Check {
    let api: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let (mut lacking, mut unknown) = (Vec::new(), Vec::new());
    for ours in gimlet_crds::definitions() {
        let name = ours.name_any();
        let Ok(theirs) = api.get(&name).await else {
            let said = "the kinds are there; you may not see whether they are of this version";
            return Check::fine("definitions", said);
        };
        let (here, there) = (fields(&ours), fields(&theirs));
        let kind = &ours.spec.names.kind;
        lacking.extend(here.difference(&there).map(|path| format!("{kind}.{path}")));
        unknown.extend(there.difference(&here).map(|path| format!("{kind}.{path}")));
    }
    judge(&lacking, &unknown)
}

fn judge(lacking: &[String], unknown: &[String]) -> Check {
    let some = |paths: &[String]| match paths {
        [first, second, third, _, ..] => {
            format!("{first}, {second}, {third} and {} more", paths.len() - 3)
        }
        paths => paths.join(", "),
    };
    if !lacking.is_empty() {
        let said = format!("the definitions are older than this program: no {}", some(lacking));
        return Check::wrong("definitions", said, INSTALL);
    }
    if !unknown.is_empty() {
        let said = format!("the definitions are newer than this program: {}", some(unknown));
        let next = "use the version of gimlet that belongs to them";
        return Check::doubtful("definitions", said, next);
    }
    Check::fine(
        "definitions",
        format!("all kinds of {GROUP}/{VERSION}, as this program knows them"),
    )
}

/// Lists the paths of all fields of a definition.
fn fields(definition: &CustomResourceDefinition) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let version = definition.spec.versions.iter().find(|version| version.name == VERSION);
    let schema = version.and_then(|version| version.schema.as_ref());
    let schema = schema.and_then(|schema| serde_json::to_value(&schema.open_api_v3_schema).ok());
    collect(&schema.unwrap_or_default(), "", &mut paths);
    paths.retain(|path| !matches!(path.as_str(), "apiVersion" | "kind" | "metadata"));
    paths
}

fn collect(schema: &Value, path: &str, paths: &mut BTreeSet<String>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        collect(inner, &path, paths);
        paths.insert(path);
    }
    if schema["items"].is_object() {
        collect(&schema["items"], path, paths);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::check::State;

    #[test]
    fn definitions_of_another_version_are_told_by_their_fields() {
        let mut definitions = gimlet_crds::definitions();
        let ours = fields(&definitions[1]);
        assert!(ours.contains("spec.lock.until") && ours.contains("status.current.name"));
        let version = &mut definitions[1].spec.versions[0];
        let schema = version.schema.as_mut().unwrap().open_api_v3_schema.as_mut().unwrap();
        let spec = schema.properties.as_mut().unwrap().get_mut("spec").unwrap();
        spec.properties.as_mut().unwrap().remove("lock").unwrap();
        let theirs = fields(&definitions[1]);
        let lacking: Vec<String> = ours.difference(&theirs).cloned().collect();
        assert_eq!(lacking, ["spec.lock", "spec.lock.reason", "spec.lock.until"]);
        assert_eq!(judge(&lacking, &[]).state, State::Wrong);
        assert_eq!(judge(&[], &lacking).state, State::Doubtful);
        assert_eq!(judge(&[], &[]).state, State::Fine);
        let many: Vec<String> = (0..9).map(|index| format!("f{index}")).collect();
        assert!(judge(&many, &[]).said.ends_with("f0, f1, f2 and 6 more"));
    }

    #[test]
    fn another_version_of_the_group_is_not_taken_for_none() {
        assert!(absent(&[]).said.contains("not installed"));
        assert!(absent(&["v1".into()]).said.contains("in the versions v1"));
    }
}
