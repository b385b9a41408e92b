//! An artifact followed until everything that it set off has ended.

use std::ops::ControlFlow;
use std::time::Duration;

use clap::builder::styling::AnsiColor;
use futures::future::join_all;
use gimlet_crds::condition::{self, READY};
use gimlet_crds::{Artifact, ManifestResult, ManifestVerdict, Release};
use kube::ResourceExt as _;
use tokio::time::Instant;

use super::super::row::phase;
use super::super::until::{Judged, until};
use crate::cluster::Cluster;
use crate::error::{CommandError, Kind};
use crate::follow::{Step, WaitArgs, follow_with};
use crate::output::{Cell, table};
use crate::progress::Reporter;

/// How long an artifact is followed, and what ends it early.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct Following {
    /// For all of it together.
    pub(in crate::command) timeout: Duration,
    /// Whether it ends where a person has to act.
    pub(in crate::command) fail_on_waiting: bool,
}

/// An artifact with what became of its manifests.
#[derive(Clone, Debug)]
pub(in crate::command) struct Followed {
    /// The artifact, judged.
    pub(in crate::command) artifact: Artifact,
    /// Its manifests in their order, each with the end of the release that it set off.
    pub(in crate::command) manifests: Vec<Manifest>,
}

/// A manifest with the end of its release.
#[derive(Clone, Debug)]
pub(in crate::command) struct Manifest {
    /// What the operator says of it.
    pub(in crate::command) verdict: ManifestVerdict,
    /// The end of its release, where it set off one.
    pub(in crate::command) end: Option<Result<Release, CommandError>>,
}

/// Waits until the policies of an artifact were judged, then for all releases that they set off.
pub(in crate::command) async fn follow(
    cluster: &Cluster,
    name: &str,
    following: &Following,
) -> Result<Followed, CommandError> {
    let deadline = Instant::now() + following.timeout;
    let artifact = judged(cluster, name, following.timeout).await?;
    let verdicts = artifact.status.clone().unwrap_or_default().releases;
    let several = verdicts.iter().filter(|verdict| verdict.release.is_some()).count() > 1;
    let left = deadline.saturating_duration_since(Instant::now());
    let wait = WaitArgs::until(Step::Healthy, left, following.fail_on_waiting);
    let ends = verdicts.iter().map(|verdict| end(cluster, verdict, &wait, several));
    let ends = join_all(ends).await;
    let manifests =
        verdicts.into_iter().zip(ends).map(|(verdict, end)| Manifest { verdict, end }).collect();
    Ok(Followed { artifact, manifests })
}

/// Waits until the policies of an artifact were judged.
pub(in crate::command) async fn judged(
    cluster: &Cluster,
    name: &str,
    timeout: Duration,
) -> Result<Artifact, CommandError> {
    let mut reporter = Reporter::new();
    let judge = |artifact: &Artifact| -> Judged {
        let status = artifact.status.clone().unwrap_or_default();
        if condition::is_true(&status.conditions, READY) {
            return ControlFlow::Break(Ok(()));
        }
        reporter.show("Judging", &present(artifact));
        ControlFlow::Continue(())
    };
    until(cluster, name, timeout, judge, present).await
}

fn present(artifact: &Artifact) -> String {
    let status = artifact.status.clone().unwrap_or_default();
    condition::find(&status.conditions, READY)
        .map_or_else(|| "the operator has not looked at it yet".to_owned(), |c| c.message.clone())
}

async fn end(
    cluster: &Cluster,
    verdict: &ManifestVerdict,
    wait: &WaitArgs,
    several: bool,
) -> Option<Result<Release, CommandError>> {
    let name = verdict.release.as_ref()?;
    let mut cluster = cluster.clone();
    if let Some(namespace) = &verdict.namespace {
        cluster.namespace.clone_from(namespace);
    }
    let reporter = match (&verdict.app, &verdict.environment) {
        (Some(app), Some(environment)) if several => {
            Reporter::labelled(&format!("{app} in {environment}"))
        }
        _ => Reporter::new(),
    };
    Some(follow_with(&cluster, name, wait, reporter).await)
}

impl Followed {
    /// Returns a table of the manifests, each with where its release got.
    pub(in crate::command) fn text(&self) -> String {
        let rows: Vec<Vec<Cell>> = self
            .manifests
            .iter()
            .map(|manifest| {
                let Manifest { verdict, end } = manifest;
                vec![
                    verdict.manifest.as_str().into(),
                    verdict.app.clone().unwrap_or_default().into(),
                    verdict.environment.clone().unwrap_or_default().into(),
                    manifest.became(),
                    match end {
                        Some(Err(error)) => error.message().into(),
                        _ => verdict.message.as_str().into(),
                    },
                ]
            })
            .collect();
        table(Some(&["MANIFEST", "APP", "ENVIRONMENT", "RESULT", "WHY"]), &rows)
    }

    /// Judges all of it: an error unless everything that was set off runs, and nothing is wrong.
    ///
    /// A manifest whose policy did not match, or that has none, is as it should be.
    pub(in crate::command) fn verdict(&self) -> Result<(), CommandError> {
        let failed: Vec<&CommandError> =
            self.manifests.iter().filter_map(|m| m.end.as_ref()?.as_ref().err()).collect();
        let bad: Vec<&ManifestVerdict> = self
            .manifests
            .iter()
            .map(|manifest| &manifest.verdict)
            .filter(|v| matches!(v.result, ManifestResult::Invalid | ManifestResult::Refused))
            .collect();
        if let ([error], []) = (failed.as_slice(), bad.as_slice()) {
            return Err((*error).clone());
        }
        let name = self.artifact.name_any();
        let reasons = failed.iter().map(|error| error.message().to_owned());
        let reasons: Vec<String> = reasons
            .chain(bad.iter().map(|v| format!("{}: {}", v.manifest, v.message)))
            .map(|reason| format!("  {reason}"))
            .collect();
        if reasons.is_empty() {
            return Ok(());
        }
        let message = format!("not all of artifact {name} is fine:\n{}", reasons.join("\n"));
        let kind = failed.iter().map(|error| error.kind()).min_by_key(|kind| weight(*kind));
        let error = CommandError::new(kind.unwrap_or(Kind::General), message);
        Err(match bad.iter().find(|verdict| verdict.result == ManifestResult::Invalid) {
            Some(invalid) => {
                let file = invalid.manifest.split('#').next().unwrap_or_default();
                error.hint(format!("gimlet manifest lint -f {file}"))
            }
            None => error.hint(format!("gimlet artifact get {name} tells what became of each")),
        })
    }
}

/// Orders the kinds of several ends: what has failed says more than what only takes long.
fn weight(kind: Kind) -> u8 {
    match kind {
        Kind::Interrupted => 0,
        Kind::ReleaseEnded | Kind::BaseChanged => 1,
        Kind::Waiting => 2,
        Kind::TimedOut => 3,
        _ => 4,
    }
}

impl Manifest {
    /// Says in one word what became of the manifest: the phase of its release, or the verdict.
    pub(in crate::command) fn became(&self) -> Cell {
        match (&self.end, self.verdict.result) {
            (Some(Ok(release)), _) => {
                phase(release.status.as_ref().map(|status| status.phase).unwrap_or_default())
            }
            (Some(Err(error)), _) => {
                let word = match error.kind() {
                    Kind::TimedOut => "TimedOut",
                    Kind::Waiting => "Waiting",
                    _ => "Failed",
                };
                Cell::colored(word, AnsiColor::Red)
            }
            (None, result @ (ManifestResult::Invalid | ManifestResult::Refused)) => {
                Cell::colored(format!("{result:?}"), AnsiColor::Red)
            }
            (None, result) => Cell::from(format!("{result:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    fn manifest(result: ManifestResult, end: Option<Result<&str, CommandError>>) -> Manifest {
        let release = |phase: &str| -> Release {
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "r"},
                "spec": {"app": "shop", "environment": "staging"}, "status": {"phase": phase}}))
            .unwrap()
        };
        Manifest {
            verdict: ManifestVerdict {
                manifest: ".gimlet/a.yaml".into(),
                app: Some("shop".into()),
                environment: Some("staging".into()),
                result,
                message: "branch main is not release/*".into(),
                ..ManifestVerdict::default()
            },
            end: end.map(|end| end.map(release)),
        }
    }

    fn followed(manifests: Vec<Manifest>) -> Followed {
        let artifact = Artifact::new("shop-1", gimlet_crds::ArtifactSpec::default());
        Followed { artifact, manifests }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what a release came to, if it has ended")]
    fn failed() -> Option<Result<&'static str, CommandError>> {
        Some(Err(CommandError::new(Kind::ReleaseEnded, "release r ended Failed: no such image")))
    }

    #[test]
    fn what_was_not_meant_to_be_released_is_no_failure() {
        let all = followed(vec![
            manifest(ManifestResult::Released, Some(Ok("Healthy"))),
            manifest(ManifestResult::NotMatched, None),
            manifest(ManifestResult::Manual, None),
        ]);
        assert!(all.verdict().is_ok());
        assert_snapshot!(anstream::adapter::strip_str(&all.text()).to_string());
    }

    #[test]
    fn what_failed_says_why_by_itself_and_together() {
        let one = followed(vec![
            manifest(ManifestResult::Released, failed()),
            manifest(ManifestResult::Released, Some(Ok("Healthy"))),
        ]);
        let error = one.verdict().unwrap_err();
        assert_eq!(
            (error.exit_code(), error.message()),
            (3, "release r ended Failed: no such image")
        );
        let slow = Some(Err(CommandError::new(Kind::TimedOut, "release q is not there after 10m")));
        let all = followed(vec![
            manifest(ManifestResult::Released, slow),
            manifest(ManifestResult::Released, failed()),
            manifest(ManifestResult::Invalid, None),
        ]);
        let error = all.verdict().unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert_snapshot!(anstream::adapter::strip_str(&error.styled()).to_string());
    }

    #[test]
    fn what_is_refused_or_not_valid_is_a_failure() {
        for result in [ManifestResult::Refused, ManifestResult::Invalid] {
            let error = followed(vec![manifest(result, None)]).verdict().unwrap_err();
            assert_eq!(error.exit_code(), 1, "{result:?}");
        }
    }
}
