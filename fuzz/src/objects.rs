//! Objects: patches on them, and the files that they become.

use std::collections::BTreeSet;

use gimlet_crds::name::{AppName, EnvName};
use gimlet_crds::{DeployManifest, Json6902Patch, PatchTarget};
use gimlet_gitops::{FileMap, MAX_DEPTH, MAX_PART, RepoPath, tree_id};
use gimlet_helm::yaml;
use gimlet_manifest::{RenderInput, RenderedApp, plan, render};
use serde_json::{Value as Json, json};

use crate::{explained, parts};

/// Objects, strategic merge patches, the operations of a JSON patch, and what that is for.
pub fn patches(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let [objects, merges, operations, target] = parts(&text);
    let mut target = target.lines();
    let mut part = || target.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let target = PatchTarget {
        kind: part().unwrap_or_default(),
        name: part(),
        namespace: part(),
        group: part(),
        version: part(),
    };
    let json6902_patches = match operations {
        "" => Vec::new(),
        patch => vec![Json6902Patch { patch: patch.to_owned(), target }],
    };
    let manifest = DeployManifest {
        namespace: "shop".into(),
        manifests: Some(objects.to_owned()),
        strategic_merge_patches: Some(merges.to_owned()).filter(|patches| !patches.is_empty()),
        json6902_patches,
        ..DeployManifest::default()
    };
    let first = rendered(&manifest);
    assert_eq!(first, rendered(&manifest));
}

/// Names of objects, one on each line: API version, kind, name and namespace with tabs between them;
/// and paths.
pub fn paths(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut objects = Vec::new();
    for line in text.lines().take(100) {
        let mut words = line.split('\t');
        let mut word = || words.next().unwrap_or_default();
        let (api_version, kind, name, namespace) = (word(), word(), word(), word());
        let metadata = json!({"name": name, "namespace": namespace});
        objects.push(json!({"apiVersion": api_version, "kind": kind, "metadata": metadata}));
        path(line);
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let manifest = DeployManifest {
        namespace: "shop".into(),
        manifests: Some(yaml::to_string(&list)),
        ..DeployManifest::default()
    };
    let _ = rendered(&manifest);
}

/// A path that is taken leads nowhere else, on no system.
fn path(text: &str) {
    match RepoPath::parse(text) {
        Ok(path) => {
            assert_eq!(path.as_str(), text);
            let parts: Vec<&str> = text.split('/').collect();
            assert!(parts.len() <= MAX_DEPTH, "{text:?}");
            for part in parts {
                let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
                assert!(part.len() <= MAX_PART && part.chars().all(usual), "{text:?}");
                assert!(part.starts_with(|c: char| c.is_ascii_alphanumeric()), "{text:?}");
                assert!(!part.ends_with('.'), "{text:?}");
            }
            let joined = RepoPath::parse("shop").and_then(|folder| folder.join(text));
            assert!(joined.is_err() || joined.is_ok_and(|path| path.as_str().ends_with(text)));
        }
        Err(error) => {
            explained(&error);
        }
    }
}

fn rendered(manifest: &DeployManifest) -> Result<RenderedApp, String> {
    let app = AppName::parse("web").map_err(|error| explained(&error))?;
    let environment = EnvName::parse("staging").map_err(|error| explained(&error))?;
    let input = RenderInput {
        app: &app,
        environment: &environment,
        manifest,
        chart: None,
        kubernetes_version: "1.36.0",
        api_versions: &[],
        seed: [7; 32],
        time: jiff::Timestamp::UNIX_EPOCH,
        allow_secrets: false,
    };
    let made = render(&input).map_err(|error| explained(&error))?;
    folder(&made);
    Ok(made)
}

/// Every object is in one file that git, every disk and Flux take for what it is.
fn folder(made: &RenderedApp) {
    assert_eq!(made.files.len(), made.objects.len(), "a file was lost");
    let mut contents: Vec<Json> = Vec::new();
    let mut names = BTreeSet::new();
    for (name, data) in &made.files {
        assert!(RepoPath::parse(name).is_ok() && !name.contains('/'), "{name:?}");
        let stem = name.strip_suffix(".yaml").unwrap_or_default();
        assert!(!stem.is_empty() && stem != "kustomization", "{name:?}");
        assert!(names.insert(name.to_lowercase()), "{name:?} is another on a Mac");
        let text = String::from_utf8_lossy(data);
        let documents = yaml::documents(&text);
        assert!(documents.is_ok(), "{documents:?} in\n{text}");
        contents.extend(documents.unwrap_or_default());
    }
    for object in &made.objects {
        assert!(!object.is_secret(), "a Secret is in git");
        let value = object.clone().into_value();
        let found = contents.iter().position(|content| *content == value);
        assert!(found.is_some(), "{value} is in no file of {contents:?}");
    }
    let files: FileMap = made
        .files
        .iter()
        .filter_map(|(name, data)| Some((RepoPath::parse(name).ok()?, data.clone())))
        .collect();
    assert!(tree_id(&files).is_ok(), "no folder of git");
    assert!(plan::plan(&made.files, &made.files).is_unchanged(), "it differs from itself");
}
