//! The flux folder of an environment: what Flux needs to follow the repository, and no secret.

use std::collections::BTreeMap;

use gimlet_crds::{Environment, labels::trailer, name::AppName};
use gimlet_gitops::{BlobId, Edit, Writer};
use gimlet_manifest::flux;
use jiff::Timestamp;
use kube::ResourceExt;

use super::EnvironmentError;
use crate::context::Context;
use crate::digest;
use crate::release::{change_of_environment, flux_env, flux_file, flux_folder};

/// Writes the files of the flux folder that are missing or differ, in one commit.
pub(super) async fn keep(
    environment: &Environment,
    writer: &Writer,
) -> Result<(), EnvironmentError> {
    // Names and digests are enough, whatever the number of apps.
    let listed = writer.list(Some(&flux_folder(environment)?), None).await?;
    let old = listed.into_iter().map(|entry| (entry.name, entry.id)).collect();
    let edits = edits(environment, &old)?;
    if edits.is_empty() {
        return Ok(());
    }
    let head = writer.head().await?.commit;
    let base = head.map_or_else(|| "none".into(), |head| head.to_string());
    let uid = environment.uid().unwrap_or_default();
    let name = environment.name_any();
    let trailers =
        vec![(trailer::ACTION.into(), "environment".into()), (trailer::ENV.into(), name.clone())];
    let change = change_of_environment(
        environment,
        // The base is part of the id: after somebody undid it, the same change is another one.
        format!("environment-{}", &digest::of_parts([uid.as_bytes(), base.as_bytes()])[..32]),
        format!("{name}: Flux' objects of the environment"),
        edits,
        trailers,
        time(),
    );
    writer.announce().commit(change).await?;
    Ok(())
}

/// Lists what is to be written: the environment's own files, and those of apps whose settings changed.
fn edits(
    environment: &Environment,
    old: &BTreeMap<String, String>,
) -> Result<Vec<Edit>, EnvironmentError> {
    let env = flux_env(environment)?;
    let mut wanted = vec![flux::source_file(&env), flux::root_file(&env)];
    let mut edits = Vec::new();
    for file in old.keys() {
        let Some(app) = file.strip_prefix("app-").and_then(|f| f.strip_suffix(".yaml")) else {
            continue;
        };
        if env.kustomization_per_app {
            // A file with a name that no app can have is a person's.
            wanted.extend(AppName::parse(app).ok().map(|app| flux::app_file(&env, &app)));
        } else {
            edits.push(Edit::RemoveFile { path: flux_file(environment, file)? });
        }
    }
    for (file, data) in wanted {
        if old.get(&file) != Some(&BlobId::of(&data).to_string()) {
            edits.push(Edit::WriteFile { path: flux_file(environment, &file)?, data });
        }
    }
    Ok(edits)
}

fn time() -> Timestamp {
    gimlet_crds::condition::whole_second(Context::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment(per_app: bool) -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "ns"},
            "spec": {
                "gitops": {"url": "https://git.example.com/a/b.git", "path": "staging"},
                "flux": {"kustomizationPerApp": per_app}
            }
        }))
        .unwrap()
    }

    fn apply(edits: Vec<Edit>) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for edit in edits {
            if let Edit::WriteFile { path, data } = edit {
                let name = path.to_string();
                let name = name.trim_start_matches("staging/flux/").to_owned();
                files.insert(name, BlobId::of(&data).to_string());
            }
        }
        files
    }

    #[test]
    fn an_empty_folder_gets_its_two_files_and_then_rests() {
        let files = apply(edits(&environment(true), &BTreeMap::new()).unwrap());
        assert_eq!(files.keys().collect::<Vec<_>>(), ["gitrepository.yaml", "root.yaml"]);
        assert!(edits(&environment(true), &files).unwrap().is_empty());
    }

    #[test]
    fn files_of_people_stay() {
        let mut files = apply(edits(&environment(true), &BTreeMap::new()).unwrap());
        files.insert("mine.yaml".into(), "x".into());
        assert!(edits(&environment(true), &files).unwrap().is_empty());
    }

    #[test]
    fn one_kustomization_for_all_takes_those_of_the_apps_away() {
        let old = BTreeMap::from([("app-shop.yaml".to_owned(), String::new())]);
        let all = edits(&environment(false), &old).unwrap();
        assert!(all.iter().any(|e| matches!(e, Edit::RemoveFile { path } if path.to_string() == "staging/flux/app-shop.yaml")));
        let each = edits(&environment(true), &old).unwrap();
        assert!(each.iter().any(|e| matches!(e, Edit::WriteFile { path, .. } if path.to_string() == "staging/flux/app-shop.yaml")));
    }
}
