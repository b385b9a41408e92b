//! A repository with the components of a cluster, as the original made them of a stack: Flux' own objects,
//! which go on as they are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Todo;

/// The stack's settings, from which the original wrote the rest.
const STACK: &str = "stack.yaml";
/// The component that reported to the original.
const AGENT: &str = "gimlet-agent";

/// The components of one environment.
#[derive(Debug, Default)]
struct Place {
    stack: Option<String>,
    releases: Vec<String>,
    flux: Vec<String>,
}

/// Tells whether files are those of such a repository.
pub(super) fn is_one(files: &BTreeMap<String, String>) -> bool {
    !places(files).is_empty()
}

/// Finds what is to be done: what the original alone needed goes, and what was secret is no more.
pub(super) fn examine(files: &BTreeMap<String, String>) -> Todo {
    let mut todo = Todo::default();
    for (folder, place) in places(files) {
        let text = |path: &str| files.get(path).map_or("", String::as_str);
        let stack: Value =
            place.stack.as_deref().and_then(|path| read(text(path))).unwrap_or_default();
        let named = stack["config"]["gimletAgent"]["environment"].as_str();
        let name = if folder.is_empty() { named.unwrap_or("the cluster") } else { &folder };
        let shown =
            if folder.is_empty() { "the repository".to_owned() } else { format!("{folder}/") };
        let components: Vec<String> =
            place.releases.iter().filter_map(|path| component(text(path))).collect();
        todo.found.push(format!("components of {name} in {shown}: {}", components.join(", ")));
        for path in &place.flux {
            let file = path.rsplit('/').next().unwrap_or(path);
            if file.starts_with("deploy-key-") {
                todo.by_hand.push(format!(
                    "{path}: a private key in git, in its history for ever: make Flux another one, and revoke it at \
                     the host"
                ));
            } else if file.starts_with("notifications-") {
                todo.by_hand
                    .push(format!("{path}: a token in git, for a server that goes: remove it"));
            }
        }
        for path in place.releases.iter().filter(|path| path.ends_with(&format!("/{AGENT}.yaml"))) {
            todo.by_hand.push(format!(
                "{path}: it reports to the original: remove it when that goes; gimlet env connect {name} --agent \
                 URL puts another one there"
            ));
        }
        if let (Some(path), false) = (&place.stack, stack["config"]["gimletAgent"].is_null()) {
            todo.by_hand
                .push(format!("{path}: take gimletAgent out: its key is of no use any more"));
        }
        todo.next.push(format!(
            "{name}: Flux goes on applying it, and nothing here is written by Gimlet: change helm-releases/ yourself \
             from now on"
        ));
        todo.next.push(format!(
            "{name}: gimlet env component add {name} NAME is for what is not in it yet: the same component twice \
             would be two"
        ));
    }
    todo
}

/// Finds the environments by their stacks and HelmReleases, beside what the original wrote for Flux.
fn places(files: &BTreeMap<String, String>) -> BTreeMap<String, Place> {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let mut followed = BTreeSet::new();
    for path in files.keys() {
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            [folder @ .., "flux", file] => {
                if file.starts_with("gitops-repo-") {
                    followed.insert(folder.join("/"));
                }
                places.entry(folder.join("/")).or_default().flux.push(path.clone());
            }
            [folder @ .., "helm-releases", _] => {
                places.entry(folder.join("/")).or_default().releases.push(path.clone());
            }
            [folder @ .., STACK] => {
                places.entry(folder.join("/")).or_default().stack = Some(path.clone());
            }
            _ => {}
        }
    }
    places.retain(|folder, place| {
        followed.contains(folder) && (place.stack.is_some() || !place.releases.is_empty())
    });
    places
}

fn read(text: &str) -> Option<Value> {
    serde_saphyr::from_str(text).ok()
}

/// Names a HelmRelease with its version.
fn component(text: &str) -> Option<String> {
    let release = read(text).filter(|object| object["kind"] == "HelmRelease")?;
    let name = release["metadata"]["name"].as_str()?.to_owned();
    let version = release["spec"]["chart"]["spec"]["version"].as_str();
    Some(version.map_or_else(|| name.clone(), |version| format!("{name} {version}")))
}
