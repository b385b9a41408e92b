//! Names that the shell completes: those of the cluster.
//!
//! It is the only place that uses the unstable part of clap_complete. A completion is quick or
//! empty: whatever goes wrong is not the business of somebody who pressed Tab.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::time::Duration;

use clap::FromArgMatches as _;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate, complete};
use clap_complete::env::Shells;
use gimlet_crds::{App, Artifact, Environment, Phase, Release, ReleaseSet, Repository};
use k8s_openapi::NamespaceResourceScope;
use kube::api::ListParams;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::args::{self, Global};
use crate::cluster::Cluster;
use crate::error::CommandError;

/// Variable by which the script of a shell asks for names.
pub(crate) const VARIABLE: &str = "GIMLET_COMPLETE";
/// Name by which kubectl runs this program for the words after `kubectl gimlet`.
pub(crate) const OF_KUBECTL: &str = "kubectl_complete-gimlet";
/// What kubectl is told after the candidates: there are no others, such as files.
const NO_FILES: &str = ":4";
/// There may be files.
const FILES: &str = ":0";
/// How long a person waits for names after pressing Tab.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How many objects are looked at.
const MAX_OBJECTS: u32 = 500;

/// Answers the script of a shell, where it is what called; tells whether it was.
pub(crate) fn answer(program: &str) -> bool {
    let name = program.to_owned();
    CompleteEnv::with_factory(move || args::command(&name))
        .var(VARIABLE)
        .try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref())
        .unwrap_or(true)
}

/// Answers kubectl: a candidate a line, what it is after a tab, and last what else there may be.
pub(crate) fn for_kubectl(words: Vec<OsString>) -> String {
    let mut command = args::command("kubectl-gimlet");
    let at = words.len();
    let words = std::iter::once("kubectl-gimlet".into()).chain(words).collect();
    let folder = std::env::current_dir().ok();
    let mut found = complete(&mut command, words, at, folder.as_deref()).unwrap_or_default();
    // As kubectl does: flags are shown to whoever has begun one.
    let is_flag =
        |candidate: &CompletionCandidate| candidate.get_value().to_string_lossy().starts_with('-');
    if !found.iter().all(is_flag) {
        found.retain(|candidate| !is_flag(candidate));
    }
    let mut text = String::new();
    for candidate in &found {
        let value = candidate.get_value().to_string_lossy();
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = match help.lines().next().filter(|line| !line.is_empty()) {
            Some(line) => writeln!(text, "{value}\t{line}"),
            None => writeln!(text, "{value}"),
        };
    }
    text + if found.is_empty() { FILES } else { NO_FILES } + "\n"
}

/// Returns the script that has a shell ask this program for names.
pub(crate) fn script(shell: &str, program: &str) -> Result<String, CommandError> {
    let shells = Shells::builtins();
    let found = shells
        .completer(shell)
        .ok_or_else(|| CommandError::usage(format!("there is no script for {shell}")))?;
    let mut script = Vec::new();
    found.write_registration(VARIABLE, program, program, program, &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// Completes names of apps.
pub(crate) fn apps() -> ArgValueCandidates {
    candidates(|app: &App| Some((app.spec.app.clone(), None)))
}

/// Completes names of environments.
pub(crate) fn environments() -> ArgValueCandidates {
    candidates(|environment: &Environment| Some((environment.name_any(), None)))
}

/// Completes names of releases.
pub(crate) fn releases() -> ArgValueCandidates {
    candidates(|release: &Release| Some((release.name_any(), Some(phase(release)))))
}

/// Completes names of releases that wait for something.
pub(crate) fn waiting_releases() -> ArgValueCandidates {
    candidates(|release: &Release| {
        let waits = release.status.as_ref().is_some_and(|s| s.phase == Phase::Waiting);
        waits.then(|| (release.name_any(), Some(phase(release))))
    })
}

/// Completes names of sets.
pub(crate) fn sets() -> ArgValueCandidates {
    candidates(|set: &ReleaseSet| Some((set.name_any(), None)))
}

/// Completes names of repositories.
pub(crate) fn repositories() -> ArgValueCandidates {
    candidates(|repository: &Repository| {
        Some((repository.name_any(), Some(repository.spec.url.clone())))
    })
}

/// Completes names of artifacts.
pub(crate) fn artifacts() -> ArgValueCandidates {
    candidates(|artifact: &Artifact| {
        Some((artifact.name_any(), artifact.spec.version.repository.clone()))
    })
}

fn phase(release: &Release) -> String {
    release.status.as_ref().map(|status| status.phase).unwrap_or_default().as_str().to_owned()
}

type Named = (String, Option<String>);

fn candidates<K>(name: fn(&K) -> Option<Named>) -> ArgValueCandidates
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    ArgValueCandidates::new(move || {
        let mut names: Vec<Named> =
            ask::<K>().unwrap_or_default().iter().filter_map(name).collect();
        names.sort();
        names.dedup_by(|a, b| a.0 == b.0);
        let candidate =
            |(name, help): Named| CompletionCandidate::new(name).help(help.map(Into::into));
        names.into_iter().map(candidate).collect()
    })
}

fn ask<K>() -> Option<Vec<K>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let global = typed(std::env::args_os().collect())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let listed = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, async {
            let cluster = Cluster::connect(&global).await.ok()?;
            let params = ListParams::default().limit(MAX_OBJECTS);
            Some(cluster.api::<K>().list(&params).await.ok()?.items)
        })
        .await
    });
    // A resolver may still block one of its threads.
    runtime.shutdown_background();
    listed.ok().flatten()
}

/// Reads which cluster is meant from what was typed so far.
fn typed(words: Vec<OsString>) -> Option<Global> {
    // What kubectl runs has the words right after its own name.
    let name = args::program(words.first());
    let rest = |word: &OsString| name != OF_KUBECTL && word != "--";
    let line = words.into_iter().skip_while(rest).skip(usize::from(name != OF_KUBECTL));
    let matches = args::command("gimlet").ignore_errors(true).try_get_matches_from(line).ok()?;
    Global::from_arg_matches(&matches).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_the_one_that_was_typed() {
        let words = "gimlet -- gimlet -n team --context eu release sh";
        let global = typed(words.split(' ').map(OsString::from).collect()).unwrap();
        assert_eq!(global.namespace.as_deref(), Some("team"));
        assert_eq!(global.context.as_deref(), Some("eu"));
        let later = "gimlet -- gimlet status sh -n other";
        let global = typed(later.split(' ').map(OsString::from).collect()).unwrap();
        assert_eq!(global.namespace.as_deref(), Some("other"));
    }

    #[test]
    fn kubectl_gets_candidates_as_it_reads_them() {
        let of = |words: &str| for_kubectl(words.split(' ').map(OsString::from).collect());
        let text = of("hist");
        assert_eq!(text, "history\tList the releases of an app, the newest first\n:4\n");
        assert!(of("get rel").starts_with("releases\t"), "{}", of("get rel"));
        assert!(of("manifest lint nowhere/x").ends_with(":0\n"));
        assert!(!of("get ").contains("--") && of("get --").starts_with("--"), "{}", of("get "));
        let words = [OF_KUBECTL, "-n", "team", "status", ""];
        let global = typed(words.map(OsString::from).into()).unwrap();
        assert_eq!(global.namespace.as_deref(), Some("team"));
    }

    #[test]
    fn every_shell_has_a_script() {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let script = script(shell, "gimlet").unwrap();
            assert!(script.contains(VARIABLE) && script.contains("gimlet"), "{shell}: {script}");
        }
        assert_eq!(script("csh", "gimlet").unwrap_err().exit_code(), 2);
    }
}
