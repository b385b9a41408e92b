//! What became of a commit: applied by Flux, and healthy.

use std::time::Duration;

use gimlet_crds::{Environment, Observer, Release, name};
use gimlet_gitops::CommitId;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::error::ReleaseError;
use super::outcome::Observation;
use super::reported;
use super::workload::{self, Workloads};
use crate::context::Context;
use crate::flux::{self, Kustomization, Readiness, Source};

/// What is known of an app's way from git to running.
pub(super) struct Sight {
    pub(super) source: Source,
    /// The Kustomization of the environment's flux folder.
    pub(super) root: Kustomization,
    /// The one that applies the app; none where Flux has not made it yet.
    pub(super) kustomization: Option<Kustomization>,
    /// What runs, where somebody else has looked already.
    pub(super) workloads: Option<Workloads>,
}

/// Finds out what became of a commit: by a look at Flux and the workloads in the operator's own
/// cluster, or by what the agent of another one reports.
pub(crate) async fn observe(
    app: &str,
    environment: &Environment,
    commit: &str,
    ctx: &Context,
) -> Result<Observation, ReleaseError> {
    let sight = match environment.spec.observed_by {
        Observer::Operator => here(app, environment, ctx),
        Observer::Agent => {
            let namespace = environment.namespace().unwrap_or_default();
            let object = ctx.app(&namespace, &name::app_object(app, &environment.name_any()));
            reported::sight(object.as_deref(), environment, Context::now())
        }
    };
    let Sight { source, root, kustomization, workloads } = match sight {
        Ok(sight) => sight,
        Err(observation) => return Ok(observation),
    };
    if let Some(waiting) = upstream(&source, &root, kustomization.as_ref()) {
        return Ok(waiting);
    }
    let Some(kustomization) = kustomization else {
        let message = "waiting for Flux to take up the app".to_owned();
        return Ok(Observation::Waiting { message });
    };
    let applied = has(kustomization.applied.as_deref(), commit, environment, ctx).await?;
    let attempted = has(kustomization.attempted.as_deref(), commit, environment, ctx).await?;
    let workloads = match workloads {
        _ if !applied && !attempted => Workloads::default(),
        Some(workloads) => workloads,
        None => {
            let entries = workload::of_app(&kustomization.inventory, app, environment);
            workload::look(&entries, ctx).await
        }
    };
    Ok(judge(
        &kustomization,
        Reached { applied, attempted },
        &workloads,
        environment.spec.flux.wait,
    ))
}

/// Tells whether nothing will ever report of the environment's cluster, without a request.
pub(super) fn unobserved(environment: &Environment, ctx: &Context) -> Option<Observation> {
    match environment.spec.observed_by {
        Observer::Operator => followed(environment, ctx).err(),
        Observer::Agent => None,
    }
}

/// Looks at Flux in the operator's own cluster.
fn here(app: &str, environment: &Environment, ctx: &Context) -> Result<Sight, Observation> {
    let (root, source) = followed(environment, ctx)?;
    let kustomization = if environment.spec.flux.kustomization_per_app {
        let object = flux::app_object(&environment.name_any(), app);
        ctx.flux.kustomization(&environment.spec.flux.namespace, &object)
    } else {
        Some(root.clone())
    };
    Ok(Sight { source, root, kustomization, workloads: None })
}

/// Finds the objects by which Flux follows the environment.
fn followed(
    environment: &Environment,
    ctx: &Context,
) -> Result<(Kustomization, Source), Observation> {
    let name = environment.name_any();
    let namespace = &environment.spec.flux.namespace;
    let object = flux::environment_object(&name);
    let (root, source) =
        (ctx.flux.kustomization(namespace, &object), ctx.flux.source(namespace, &object));
    root.zip(source).ok_or_else(|| not_observed(&name, ctx.flux.is_present()))
}

/// Tells when to look again.
pub(super) fn pace(observation: &Observation, release: &Release) -> Action {
    let since = release
        .status
        .as_ref()
        .and_then(|status| status.timestamps.committed.as_ref())
        .map_or(0, |time| Context::now().as_second() - time.0.as_second());
    let seconds = match observation {
        Observation::NotObserved { .. }
        | Observation::Unheard { .. }
        | Observation::Healthy { .. } => 60,
        Observation::ApplyFailed { .. } | Observation::Unhealthy { .. } => 10,
        Observation::Waiting { .. } | Observation::Applied { .. } => match since {
            ..30 => 1,
            30..300 => 3,
            _ => 15,
        },
    };
    Action::requeue(Duration::from_secs(seconds))
}

fn not_observed(environment: &str, flux_present: bool) -> Observation {
    let (reason, message) = if flux_present {
        (
            "NotConnected",
            format!(
                "Flux in this cluster does not follow environment {environment}, so nothing here tells \
                 whether it is applied; `kubectl describe environment {environment}` says how to connect it"
            ),
        )
    } else {
        (
            "NoFlux",
            "Flux is not in this cluster, so nothing here tells whether it is applied".to_owned(),
        )
    };
    Observation::NotObserved { reason, message }
}

/// Tells what keeps Flux from even seeing the commit. None of it is the release's fault, and all of
/// it can be mended without another release, so it waits.
pub(super) fn upstream(
    source: &Source,
    root: &Kustomization,
    app: Option<&Kustomization>,
) -> Option<Observation> {
    let waiting = |message: String| Some(Observation::Waiting { message });
    if let Some(suspended) = [Some(root), app].into_iter().flatten().find(|k| k.suspended) {
        let name = &suspended.name;
        return waiting(format!("Flux' Kustomization {name} is suspended: resume it to go on"));
    }
    if source.suspended {
        return waiting("Flux' GitRepository is suspended: resume it to go on".to_owned());
    }
    match (&source.readiness, &root.readiness, app) {
        (Readiness::NotReady { message, .. }, _, _) => {
            waiting(format!("Flux cannot read the repository: {message}"))
        }
        (_, Readiness::NotReady { message, .. }, None) => {
            waiting(format!("Flux has not applied the environment's flux folder: {message}"))
        }
        _ => None,
    }
}

/// Tells whether a commit that Flux names holds the release's commit.
async fn has(
    flux: Option<&str>,
    commit: &str,
    environment: &Environment,
    ctx: &Context,
) -> Result<bool, ReleaseError> {
    let Some(flux) = flux else {
        return Ok(false);
    };
    if flux == commit {
        return Ok(true);
    }
    let (Ok(flux), Ok(commit)) = (CommitId::parse(flux), CommitId::parse(commit)) else {
        return Ok(false);
    };
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    Ok(access.writer.contains(&commit, &flux).await?)
}

/// How far Flux is with the commit.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub(super) applied: bool,
    pub(super) attempted: bool,
}

/// Puts together what Flux and the workloads say: pure.
pub(super) fn judge(
    kustomization: &Kustomization,
    reached: Reached,
    workloads: &Workloads,
    wait: bool,
) -> Observation {
    let Reached { applied, attempted } = reached;
    // Before that they are those of another commit.
    let none = Workloads::default();
    let workloads = if applied || attempted { workloads } else { &none };
    let settled = applied && kustomization.readiness == Readiness::Ready;
    if settled && (wait || workloads.all_ready()) {
        return Observation::Healthy { message: workloads.summary("all objects are healthy") };
    }
    if let Some(failure) = workloads.failure.as_ref().filter(|_| applied || attempted) {
        return Observation::Unhealthy {
            reason: word(&failure.reason, WORKLOAD_FAILED),
            message: failure.message.clone(),
        };
    }
    match &kustomization.readiness {
        Readiness::NotReady { reason, message } if attempted || applied => {
            match reason.as_str() {
                "HealthCheckFailed" => Observation::Unhealthy {
                    reason: word(reason, FLUX_FAILED),
                    // That all replicas are ready explains no failure.
                    message: if workloads.all_ready() {
                        message.clone()
                    } else {
                        workloads.summary(message)
                    },
                },
                // Flux says these while it is at work or will be soon.
                "Progressing"
                | "ProgressingWithRetry"
                | "DependencyNotReady"
                | "ArtifactFailed" => Observation::Waiting { message: message.clone() },
                _ => Observation::ApplyFailed {
                    reason: word(reason, FLUX_FAILED),
                    message: message.clone(),
                },
            }
        }
        _ if applied || !workloads.is_empty() => {
            Observation::Applied { message: workloads.summary("waiting for the workloads") }
        }
        Readiness::Unknown { message } if attempted && !message.is_empty() => {
            Observation::Waiting { message: format!("Flux: {message}") }
        }
        _ => Observation::Waiting { message: "waiting for Flux to apply the commit".into() },
    }
}

/// Reason of a failure of Flux that has no usable one of its own.
const FLUX_FAILED: &str = "FluxFailed";
/// Reason of a failure of a workload that has no usable one of its own.
pub(super) const WORKLOAD_FAILED: &str = "WorkloadFailed";

/// Keeps a foreign reason if it is one word, as conditions need it.
pub(super) fn word(reason: &str, otherwise: &str) -> String {
    let fine = reason.starts_with(|c: char| c.is_ascii_uppercase())
        && reason.bytes().all(|b| b.is_ascii_alphanumeric());
    if fine { reason } else { otherwise }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::workload::Failure;

    const NOT_YET: Reached = Reached { applied: false, attempted: false };
    const ATTEMPTED: Reached = Reached { applied: false, attempted: true };
    const APPLIED: Reached = Reached { applied: true, attempted: true };

    fn kustomization(readiness: Readiness) -> Kustomization {
        Kustomization {
            name: "staging-shop".into(),
            namespace: "flux-system".into(),
            suspended: false,
            readiness,
            applied: None,
            attempted: None,
            inventory: Vec::new(),
        }
    }

    fn not_ready(reason: &str) -> Kustomization {
        kustomization(Readiness::NotReady { reason: reason.into(), message: "why".into() })
    }

    #[test]
    fn flux_being_ready_with_the_commit_is_healthy() {
        let ready = kustomization(Readiness::Ready);
        let seen = judge(&ready, APPLIED, &Workloads::default(), true);
        assert!(matches!(seen, Observation::Healthy { .. }));
    }

    #[test]
    fn without_wait_the_workloads_decide() {
        let ready = kustomization(Readiness::Ready);
        let half = Workloads { ready: 1, wanted: 2, ..Workloads::default() };
        let seen = judge(&ready, APPLIED, &half, false);
        assert!(matches!(seen, Observation::Applied { message } if message.contains("1/2")));
    }

    #[test]
    fn a_broken_image_is_told_before_flux_gives_up() {
        let failing = Workloads {
            ready: 0,
            wanted: 1,
            failure: Some(Failure {
                reason: "ImagePullBackOff".into(),
                message: "no such image".into(),
            }),
            moving: false,
        };
        let progressing = kustomization(Readiness::Unknown { message: "running".into() });
        let seen = judge(&progressing, ATTEMPTED, &failing, true);
        assert!(
            matches!(seen, Observation::Unhealthy { reason, .. } if reason == "ImagePullBackOff")
        );
    }

    #[test]
    fn a_failure_of_an_older_commit_is_not_blamed_on_this_one() {
        let seen = judge(&not_ready("BuildFailed"), NOT_YET, &Workloads::default(), true);
        assert!(matches!(seen, Observation::Waiting { .. }));
        let seen = judge(&not_ready("BuildFailed"), ATTEMPTED, &Workloads::default(), true);
        assert!(matches!(seen, Observation::ApplyFailed { reason, .. } if reason == "BuildFailed"));
    }

    #[test]
    fn flux_that_has_not_fetched_the_repository_yet_is_no_failure() {
        let source =
            Source { suspended: false, readiness: Readiness::Unknown { message: String::new() } };
        let root = not_ready("ArtifactFailed");
        assert!(matches!(upstream(&source, &root, None), Some(Observation::Waiting { .. })));
        let app = not_ready("ArtifactFailed");
        let seen = judge(&app, ATTEMPTED, &Workloads::default(), true);
        assert!(matches!(seen, Observation::Waiting { .. }));
    }

    #[test]
    fn a_foreign_reason_that_is_no_word_is_replaced() {
        assert_eq!(word("BuildFailed", FLUX_FAILED), "BuildFailed");
        assert_eq!(word("not a word", FLUX_FAILED), "FluxFailed");
        assert_eq!(word("", FLUX_FAILED), "FluxFailed");
    }
}
