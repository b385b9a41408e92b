//! A gitops repository of the original Gimlet, brought over in steps that remove nothing that runs.
//!
//! A Kustomization that is deleted takes what it applied with it. So those of the original are told to
//! leave it first; the new ones take the same objects over; then the old files can go.

use std::collections::{BTreeMap, BTreeSet};

use gimlet_manifest::record::FILE as RECORD_FILE;
use regex::Regex;
use serde_json::{Value, json};

use super::Todo;

/// Names that files in `flux/` have which the original wrote.
const OWN: [&str; 4] = ["gitops-repo-", "deploy-key-", "notifications-", "kustomization-"];
/// Names of files beside the apps that the original wrote.
const BESIDE: [&str; 1] = ["configmap-"];

/// An environment of the original: its folder, and its apps.
#[derive(Debug, Default)]
struct Place {
    name: Option<String>,
    apps: BTreeSet<String>,
    /// The files in `flux/` that the original wrote.
    flux: Vec<String>,
    /// Other files that it wrote.
    beside: Vec<String>,
    /// The variables of all its apps.
    vars: Option<String>,
    /// Files in folders of apps that releases did not render.
    added: Vec<String>,
}

/// Tells whether files are those of a gitops repository of the original.
pub(super) fn is_one(files: &BTreeMap<String, String>) -> bool {
    !places(files).is_empty()
}

/// Finds what is to be done, by how far it has come.
pub(super) fn examine(files: &BTreeMap<String, String>) -> Todo {
    let mut todo = Todo::default();
    for (folder, place) in places(files) {
        let name = place.name.clone().unwrap_or_else(|| folder.clone());
        let apps: Vec<&str> = place.apps.iter().map(String::as_str).collect();
        let shown =
            if folder.is_empty() { "the repository".to_owned() } else { format!("{folder}/") };
        todo.found.push(format!("environment {name} in {shown}: {}", apps.join(", ")));
        examine_place(files, &folder, &name, &place, &mut todo);
    }
    todo
}

fn examine_place(
    files: &BTreeMap<String, String>,
    folder: &str,
    name: &str,
    place: &Place,
    todo: &mut Todo,
) {
    for path in &place.flux {
        let file = path.rsplit('/').next().unwrap_or(path);
        if file.starts_with("deploy-key-") {
            todo.by_hand.push(format!(
                "{path}: a private key in git, in its history for ever: revoke it at the host"
            ));
        } else if file.starts_with("notifications-") {
            todo.by_hand.push(format!("{path}: a token in git: revoke it"));
        }
    }
    let text = |path: &str| files.get(path).map_or("", String::as_str);
    let pruning: Vec<&String> = place.flux.iter().filter(|path| prunes(text(path))).collect();
    if !pruning.is_empty() {
        for path in pruning {
            let kept = prune_line().map_or_else(
                || text(path).to_owned(),
                |line| line.replace_all(text(path), "${1}false").into_owned(),
            );
            todo.changes.insert(path.clone(), Some(kept));
            todo.reasons.push(format!("{path}: what it applied stays when it goes (prune: false)"));
        }
        if let Some(path) = &place.vars {
            todo.by_hand.push(format!("{path}: {}", vars(name, text(path))));
        }
        for path in &place.added {
            todo.by_hand.push(format!(
                "{path}: releases write the folder anew: put it under manifests of the app, or beside its folder"
            ));
        }
        for path in place.beside.iter().filter(|path| path.contains("configmap-")) {
            todo.by_hand.push(format!(
                "{path}: nobody updates it any more: put it under manifests of the apps that read it"
            ));
        }
        let url = place.flux.iter().find_map(|path| url(text(path)));
        let url = url.as_deref().unwrap_or("URL");
        let path = if folder.is_empty() {
            " --repository-per-environment".to_owned()
        } else {
            format!(" --path {folder}")
        };
        todo.next.extend([
            format!("{name}: write these changes, commit and push them, and wait until Flux has applied them"),
            format!("{name}: gimlet env create {name} --repository {url}{path}, then gimlet env connect {name}"),
            format!("{name}: release each app once (gimlet release -f FILE): its folder is written anew"),
            format!("{name}: then run this again: the files of the original can go"),
        ]);
        return;
    }
    if !files.keys().any(|path| path == &inside(folder, "flux/root.yaml")) {
        todo.next
            .push(format!("{name}: gimlet env create and gimlet env connect, then run this again"));
        return;
    }
    let old: Vec<&String> = place
        .apps
        .iter()
        .filter_map(|app| files.get_key_value(&inside(folder, &format!("{app}/{RECORD_FILE}"))))
        .filter(|(_, text)| is_original(text))
        .map(|(path, _)| path)
        .collect();
    if !old.is_empty() {
        let first = old.first().map_or("", |path| path.as_str());
        todo.next.push(format!(
            "{name}: release each app once; {} are as the original left them, such as {first}",
            old.len()
        ));
        return;
    }
    let objects: Vec<String> = place
        .flux
        .iter()
        .flat_map(|path| objects(text(path)))
        // Whoever kept the original's key has Flux read by it still.
        .filter(|object| {
            let source = text(&inside(folder, "flux/gitrepository.yaml"));
            object.strip_prefix("secret/").is_none_or(|name| !source.contains(name))
        })
        .collect();
    for path in files.keys().filter(|path| !place.flux.contains(path)) {
        if let Some(source) = reads(text(path), &objects) {
            todo.by_hand.push(format!(
                "{path}: it reads the GitRepository {source}, which goes: name gimlet-{name} instead"
            ));
        }
    }
    if !objects.is_empty() {
        todo.next.push(format!(
            "{name}: commit and push, then take Flux' old objects away: kubectl delete -n flux-system {}",
            objects.join(" ")
        ));
    }
    for path in place.flux.iter().chain(&place.beside).chain(&place.vars) {
        todo.changes.insert(path.clone(), None);
        todo.reasons.push(format!("{path}: nothing reads it any more"));
    }
}

/// Finds the environments by the records of the apps, and by the files in `flux/`.
fn places(files: &BTreeMap<String, String>) -> BTreeMap<String, Place> {
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    let mut original = BTreeSet::new();
    for (path, text) in files {
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            [folder @ .., app, RECORD_FILE] => {
                let record: Value = serde_json::from_str(text).unwrap_or(Value::Null);
                if record["app"].as_str() == Some(app) {
                    let place = places.entry(folder.join("/")).or_default();
                    place.apps.insert((*app).to_owned());
                    let env = record["env"].as_str().or_else(|| record["environment"].as_str());
                    place.name = place.name.take().or_else(|| env.map(str::to_owned));
                } else if is_original(text) {
                    // The copy of whatever was released last, beside the apps.
                    let folder: Vec<&str> = folder.iter().copied().chain([*app]).collect();
                    places.entry(folder.join("/")).or_default().beside.push(path.clone());
                }
                if is_original(text) {
                    original.insert(folder.join("/"));
                }
            }
            [RECORD_FILE] => places.entry(String::new()).or_default().beside.push(path.clone()),
            [folder @ .., "flux", file] if OWN.iter().any(|own| file.starts_with(own)) => {
                let folder = folder.join("/");
                places.entry(folder.clone()).or_default().flux.push(path.clone());
                original.insert(folder);
            }
            [folder @ .., ".gimlet", "vars"] => {
                places.entry(folder.join("/")).or_default().vars = Some(path.clone());
            }
            [folder @ .., _, file] if file.starts_with("imagepullsecret-") => {
                places.entry(folder.join("/")).or_default().added.push(path.clone());
            }
            [folder @ .., file] if BESIDE.iter().any(|own| file.starts_with(own)) => {
                places.entry(folder.join("/")).or_default().beside.push(path.clone());
            }
            _ => {}
        }
    }
    // In a repository of several environments these lie at its top, and nothing applied them.
    let stray = places.get_mut("").filter(|place| place.apps.is_empty());
    let stray = stray.map(|place| std::mem::take(&mut place.beside)).unwrap_or_default();
    if let Some(first) = places
        .iter_mut()
        .find(|(folder, place)| original.contains(*folder) && !place.apps.is_empty())
    {
        first.1.beside.extend(stray);
    }
    places.retain(|folder, place| original.contains(folder) && !place.apps.is_empty());
    places
}

/// Tells a record of the original from one of today.
fn is_original(text: &str) -> bool {
    let record: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    record["artifactId"].is_string() && record["uid"].is_null()
}

/// Names the objects of Flux in a file, the Kustomizations first.
fn objects(text: &str) -> Vec<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    let named = |kind: &str| {
        let found = documents.iter().filter(|object| object["kind"] == kind);
        found
            .filter_map(|object| object["metadata"]["name"].as_str())
            .map(|name| format!("{}/{name}", kind.to_lowercase()))
            .collect::<Vec<_>>()
    };
    ["Kustomization", "GitRepository", "Alert", "Provider", "Secret"].map(named).concat()
}

/// Returns the source that a Kustomization of people reads by, if it is among the objects.
fn reads(text: &str, objects: &[String]) -> Option<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    let sources =
        documents.iter().filter_map(|object| object["spec"]["sourceRef"]["name"].as_str());
    let gone = |name: &&str| objects.contains(&format!("gitrepository/{name}"));
    sources.map(str::to_owned).find(|name| gone(&name.as_str()))
}

/// Returns the address of the repository that a file has Flux follow.
fn url(text: &str) -> Option<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    let source = documents.iter().find(|object| object["kind"] == "GitRepository")?;
    source["spec"]["url"].as_str().map(str::to_owned)
}

/// Says how the variables of a dotenv file come to an Environment.
fn vars(environment: &str, text: &str) -> String {
    let vars: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("export ").split_once('='))
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, value)| (name.trim(), value.trim().trim_matches(['"', '\''])))
        .collect();
    let patch = json!({"spec": {"vars": vars}});
    format!("kubectl patch environment {environment} --type=merge -p '{patch}', once it is there")
}

fn prune_line() -> Option<Regex> {
    Regex::new(r"(?m)^(\s*prune:\s*)true\s*$").ok()
}

fn prunes(text: &str) -> bool {
    prune_line().is_some_and(|line| line.is_match(text))
}

fn inside(folder: &str, rest: &str) -> String {
    if folder.is_empty() { rest.to_owned() } else { format!("{folder}/{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    const KUSTOMIZATION: &str =
        "kind: Kustomization\nmetadata: {name: x}\nspec:\n  interval: 24h\n  prune: true\n";

    fn repository() -> BTreeMap<String, String> {
        let old = r#"{"app": "shop", "env": "staging", "artifactId": "acme-1"}"#;
        [
            ("staging/shop/release.json", old),
            ("staging/shop/deployment.yaml", "kind: Deployment\n"),
            ("staging/release.json", old),
            ("staging/flux/gitops-repo-x.yaml", KUSTOMIZATION),
            ("staging/flux/kustomization-shop.yaml", KUSTOMIZATION),
            ("staging/flux/deploy-key-x.yaml", "kind: Secret\n"),
            ("staging/flux/mine.yaml", KUSTOMIZATION),
            ("staging/configmap-x.yaml", "kind: ConfigMap\n"),
            ("README.md", "hello\n"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into()
    }

    fn shown(todo: &Todo) -> String {
        let changes = todo
            .changes
            .iter()
            .map(|(path, content)| format!("{} {path}", if content.is_some() { "~" } else { "-" }));
        let lines = todo.found.iter().cloned().chain(changes);
        let lines = lines.chain(todo.by_hand.iter().map(|line| format!("! {line}")));
        lines.chain(todo.next.iter().map(|line| format!("→ {line}"))).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn nothing_that_runs_goes_before_the_new_kustomizations_have_it() {
        let mut files = repository();
        assert!(is_one(&files));
        let first = examine(&files);
        assert_snapshot!(shown(&first));
        for (path, content) in first.changes {
            files.insert(path, content.unwrap());
        }
        assert!(files["staging/flux/mine.yaml"].contains("prune: true"), "it is a person's");
        let second = examine(&files);
        assert!(second.changes.is_empty() && second.next[0].contains("env create"), "{second:?}");
        files.insert("staging/flux/root.yaml".into(), String::new());
        let third = examine(&files);
        assert!(
            third.changes.is_empty() && third.next[0].contains("release each app"),
            "{third:?}"
        );
        let new =
            r#"{"app": "shop", "environment": "staging", "uid": "u", "artifactId": "acme-1"}"#;
        files.insert("staging/shop/release.json".into(), new.into());
        assert_snapshot!(shown(&examine(&files)));
    }

    #[test]
    fn a_repository_of_today_is_none_of_the_original() {
        let new = r#"{"app": "shop", "environment": "staging", "uid": "u"}"#;
        let files = BTreeMap::from([("staging/shop/release.json".to_owned(), new.to_owned())]);
        assert!(!is_one(&files));
    }
}
