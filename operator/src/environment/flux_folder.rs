//! The flux folder of an environment: what Flux needs to follow the repository, and no secret.

use std::collections::BTreeMap;

use gimlet_crds::{Environment, PullRequestStatus, labels::trailer, name::AppName};
use gimlet_gitops::{BlobId, Change, Edit, Outcome, RepoPath};
use gimlet_hosts::PullRequestState;
use gimlet_manifest::component::{
    COMPONENT_ROOT, component_files, component_root_file, is_component_file,
};
use gimlet_manifest::flux::{self, FluxEnv};
use jiff::Timestamp;
use kube::ResourceExt;

use super::EnvironmentError;
use crate::context::Context;
use crate::digest;
use crate::flux::environment_object;
use crate::pull_request::markdown::code;
use crate::pull_request::{Place, Proposed, Text};
use crate::release::{
    change_of_environment, component_file, component_folder, flux_file, flux_folder,
};
use crate::remotes::Access;

/// Where the files of the flux folder are that are missing or differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// On the branch.
    InGit,
    /// In a pull request, and on what that waits.
    Proposed { pull: PullRequestStatus, why: String },
}

/// Writes the files of the flux folder that are missing or differ, in one commit.
pub(super) async fn keep(
    environment: &Environment,
    access: &Access,
    ctx: &Context,
) -> Result<Kept, EnvironmentError> {
    let writer = &access.writer;
    let folder = flux_folder(environment)?;
    // Names and digests are enough, whatever the number of apps.
    let old = names(access, &folder).await?;
    let mut edits = edits(environment, &old)?;
    let installed = names(access, &component_folder(environment)?).await?;
    edits.extend(component_edits(environment, &old, &installed)?);
    let place = Place::of(environment, &folder, access)?;
    let known = environment.status.as_ref().and_then(|status| status.pull_request.as_ref());
    if edits.is_empty() {
        if let (Some(place), Some(known)) = (&place, known) {
            place.tidy(known).await;
        }
        return Ok(Kept::InGit);
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
    // Nobody can be asked to merge into a branch that is not there yet.
    let Some(place) = place.filter(|_| head.is_some()) else {
        if let Outcome::Committed { commit, .. } = writer.announce().commit(change).await? {
            // Components are waited for as releases are.
            let source = environment_object(&name);
            ctx.flux
                .request_sync(&environment.spec.flux.namespace, &source, &commit.to_string())
                .await;
        }
        return Ok(Kept::InGit);
    };
    propose(environment, change, known, &place).await
}

/// Lists the files of a folder with their digests.
async fn names(
    access: &Access,
    folder: &RepoPath,
) -> Result<BTreeMap<String, String>, EnvironmentError> {
    let listed = access.writer.list(Some(folder), None).await?;
    Ok(listed.into_iter().map(|entry| (entry.name, entry.id)).collect())
}

/// Asks people to merge a change; asks again only when the environment became another.
async fn propose(
    environment: &Environment,
    change: Change,
    known: Option<&PullRequestStatus>,
    place: &Place,
) -> Result<Kept, EnvironmentError> {
    let observed = environment.status.as_ref().and_then(|status| status.observed_generation);
    let same = observed == environment.metadata.generation;
    let mut pull = None;
    if let (Some(known), true) = (known, same) {
        match place.look(known.number).await?.map(|seen| seen.state) {
            Some(PullRequestState::Open) => pull = Some(known.clone()),
            Some(PullRequestState::Closed) if !place.was_closed_late() => {
                let why = format!(
                    "{} was closed: open it again, or change spec.flux of the environment",
                    known.url
                );
                return Ok(Kept::Proposed { pull: known.clone(), why });
            }
            Some(PullRequestState::Closed | PullRequestState::Merged) | None => {}
        }
    }
    let pull = if let Some(pull) = pull {
        pull
    } else {
        let text = Text {
            title: change.subject.clone(),
            body: format!(
                "Flux follows environment {} by these files. Until this is merged, Flux does not \
                 see its releases, or goes on with its old settings.\n",
                code(&environment.name_any())
            ),
        };
        let known = known.map(|known| known.number);
        match place.propose::<EnvironmentError>(change, text, known).await? {
            Proposed::Open(pull) => pull,
            Proposed::InGit(_) | Proposed::Unchanged(_) => return Ok(Kept::InGit),
        }
    };
    let why = place.merge(&pull).await?;
    let why = why.unwrap_or_else(|| format!("{} is merged; git does not show it yet", pull.url));
    Ok(Kept::Proposed { pull, why })
}

/// Lists what is to be written: the environment's own files, and those of apps whose settings changed.
fn edits(
    environment: &Environment,
    old: &BTreeMap<String, String>,
) -> Result<Vec<Edit>, EnvironmentError> {
    let env = FluxEnv::of(environment)?;
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

/// Lists what is to be written of the components, and of the Kustomization that applies them.
///
/// It is there as long as there is something in their folder, also if that is a person's.
fn component_edits(
    environment: &Environment,
    flux: &BTreeMap<String, String>,
    installed: &BTreeMap<String, String>,
) -> Result<Vec<Edit>, EnvironmentError> {
    let env = FluxEnv::of(environment)?;
    let wanted = component_files(&env, environment);
    let mut edits = Vec::new();
    let mut stays = !wanted.is_empty();
    for file in installed.keys() {
        if !is_component_file(file) {
            stays = true;
        } else if !wanted.iter().any(|(name, _)| name == file) {
            edits.push(Edit::RemoveFile { path: component_file(environment, file)? });
        }
    }
    for (file, data) in wanted {
        if installed.get(&file) != Some(&BlobId::of(&data).to_string()) {
            edits.push(Edit::WriteFile { path: component_file(environment, &file)?, data });
        }
    }
    // One Kustomization for all applies this folder with the others.
    let stays = stays && env.kustomization_per_app;
    let (file, data) = component_root_file(&env);
    let there = flux.get(COMPONENT_ROOT);
    if stays && there != Some(&BlobId::of(&data).to_string()) {
        edits.push(Edit::WriteFile { path: flux_file(environment, &file)?, data });
    } else if !stays && there.is_some() {
        edits.push(Edit::RemoveFile { path: flux_file(environment, &file)? });
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

    fn with_components(names: &[&str]) -> Environment {
        let mut environment = environment(true);
        let components = names.iter().map(|name| {
            serde_json::from_value(json!({"name": name, "namespace": "platform", "chart":
                {"repository": "https://charts.example.com", "name": name, "version": "1.0.0"}}))
            .unwrap()
        });
        environment.spec.components = components.collect();
        environment
    }

    fn paths(edits: &[Edit]) -> Vec<String> {
        let shown = edits.iter().map(|edit| match edit {
            Edit::WriteFile { path, .. } => format!("+ {path}"),
            Edit::RemoveFile { path } => format!("- {path}"),
            _ => panic!("only files are written"),
        });
        shown.collect()
    }

    /// What a folder has after the edits.
    fn after(edits: &[Edit], folder: &str) -> BTreeMap<String, String> {
        let found = edits.iter().filter_map(|edit| match edit {
            Edit::WriteFile { path, data } => {
                let name = path.to_string().strip_prefix(folder)?.to_owned();
                Some((name, BlobId::of(data).to_string()))
            }
            _ => None,
        });
        found.collect()
    }

    #[test]
    fn components_come_and_go_with_their_kustomization() {
        let (none, two) = (BTreeMap::new(), with_components(&["ingress", "metrics"]));
        let edits = component_edits(&two, &none, &none).unwrap();
        let expected = [
            "+ staging/flux_components/component-ingress.yaml",
            "+ staging/flux_components/component-metrics.yaml",
            "+ staging/flux/gimlet-components.yaml",
        ];
        assert_eq!(paths(&edits), expected);
        let flux = after(&edits, "staging/flux/");
        let files = after(&edits, "staging/flux_components/");
        assert!(component_edits(&two, &flux, &files).unwrap().is_empty());
        let one = component_edits(&with_components(&["ingress"]), &flux, &files).unwrap();
        assert_eq!(paths(&one), ["- staging/flux_components/component-metrics.yaml"]);
        let nothing = component_edits(&with_components(&[]), &flux, &files).unwrap();
        let gone = expected.map(|path| path.replace('+', "-"));
        assert_eq!(paths(&nothing), gone);
    }

    #[test]
    fn what_people_have_put_beside_the_components_stays_and_is_applied() {
        let edits =
            component_edits(&with_components(&["ingress"]), &BTreeMap::new(), &BTreeMap::new());
        let edits = edits.unwrap();
        let flux = after(&edits, "staging/flux/");
        let mut files = after(&edits, "staging/flux_components/");
        files.insert("mine.yaml".into(), "x".into());
        let left = component_edits(&with_components(&[]), &flux, &files).unwrap();
        assert_eq!(paths(&left), ["- staging/flux_components/component-ingress.yaml"]);
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
