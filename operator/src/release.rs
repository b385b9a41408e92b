//! Release: from a manifest or a rollback to a commit, and on to what became of it.

mod commit;
mod decide;
mod error;
mod gate;
mod gather;
mod joint;
mod layout;
mod message;
mod observe;
mod outcome;
mod prepare;
mod pull;
mod pull_text;
mod reported;
mod retention;
mod rollback;
mod sequel;
mod source;
mod status;
mod version;
mod workload;

pub(crate) use decide::order;
pub(crate) use error::ReleaseError;
pub(crate) use gate::windows;
pub(crate) use gather::waits_for_set;
pub(crate) use joint::{Joint, commit_together, end_together, in_git};
pub(crate) use layout::{app_folder, component_file, component_folder, flux_file, flux_folder};
pub(crate) use message::change_of_environment;
pub(crate) use observe::observe;
pub(crate) use outcome::Observation;
pub(crate) use prepare::planned_files;
pub(crate) use reported::{
    UNHEARD, Unheard, failure as reported_failure, followed as reported_flux, heard, reported,
};
pub(crate) use rollback::{artifact_of, source_gone_back_to, was_there};
pub(crate) use source::{Names, apps_of_artifact, facts, find_artifact, names, names_of};
pub(crate) use status::SET_ENDED;

use std::time::Duration;

use gimlet_crds::Release;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::origin;
use decide::Step;
use gather::Around;
use outcome::Outcome;

/// How often something that holds a release back is looked at again; the caches make it cheap.
const BLOCKED: Duration = Duration::from_secs(3);
/// How often a release is looked at whose sequel is not due yet.
const SOON: Duration = Duration::from_secs(5);
/// How long until a release that changed meanwhile is looked at again; the event of the change comes
/// first.
const OUTDATED: Duration = Duration::from_secs(5);
/// How long until a release in git looks again for its App, which may be new to the cache.
const GONE: Duration = Duration::from_secs(10);

/// Takes a release one step further, and records why where it cannot.
pub(crate) async fn reconcile(release: &Release, ctx: &Context) -> Result<Action, ReleaseError> {
    // A copy of its own, whose status is always the one that was written last.
    let mut release = release.clone();
    let result = step(&mut release, ctx).await;
    if let Err(ReleaseError::Outdated) = &result {
        return Ok(Action::requeue(OUTDATED));
    }
    if let Err(error) = &result {
        if error.credentials_refused() {
            // They are read anew the next time: somebody may have mended the Secret.
            ctx.remotes
                .distrust(&release.namespace().unwrap_or_default(), &release.spec.environment);
        }
        let mut outcome = error.outcome(&release);
        let around = gather::gather(&release, ctx);
        if let Err(error) = pull::let_go(&release, &outcome, &around, ctx).await {
            outcome = error.outcome(&release);
        }
        if let Err(error) = status::write(&mut release, outcome, ctx).await {
            tracing::warn!(error = %error, "the failure was not recorded");
        }
    }
    result
}

async fn step(release: &mut Release, ctx: &Context) -> Result<Action, ReleaseError> {
    // Before anything is done for it: a copy from a backup is known by this.
    origin::mark(release, ctx).await?;
    let around = gather::gather(release, ctx);
    let outcome = match decide::decide(release, &around) {
        Step::Rest => return Ok(retention::prune(release, &around, ctx).await),
        Step::Gone => return Ok(Action::requeue(GONE)),
        Step::OfSet => return Ok(Action::requeue(BLOCKED)),
        Step::End(end) => Outcome::Ended(end),
        Step::Block(blockers) => Outcome::Blocked { prepared: None, blockers },
        Step::Observe { environment, commit } => {
            let observation = observe(&release.spec.app, &environment, &commit, ctx).await?;
            Outcome::Observed { commit, observation }
        }
        Step::Proposed { environment, pull } => {
            pull::follow(release, &environment, &around, &pull, ctx).await?
        }
        Step::Release { environment } => {
            commit::release(release, &environment, &around, ctx).await?
        }
    };
    pull::let_go(release, &outcome, &around, ctx).await?;
    let observed = matches!(outcome, Outcome::Observed { .. });
    let next = requeue(&outcome, release, &around);
    if !status::write(release, outcome, ctx).await? {
        return Ok(Action::requeue(OUTDATED));
    }
    if observed && let Some(due) = sequel::follow(release, &around, ctx).await? {
        return Ok(Action::requeue(due.min(SOON)));
    }
    Ok(next)
}

fn requeue(outcome: &Outcome, release: &Release, around: &Around) -> Action {
    let has_pull = release.status.as_ref().is_some_and(|status| status.pull_request.is_some());
    match outcome {
        // Each look at a pull request is a request to its host.
        Outcome::Proposed { .. } => pull::pace(release, around.environment.as_deref()),
        Outcome::Blocked { .. } if has_pull => pull::pace(release, around.environment.as_deref()),
        Outcome::Blocked { .. } => Action::requeue(BLOCKED),
        // Right after the commit Flux is quick; later nothing is lost by looking less often.
        Outcome::Committed { observation: None, .. } => Action::requeue(Duration::from_millis(500)),
        Outcome::Committed { observation: Some(observation), .. }
        | Outcome::Observed { commit: _, observation } => observe::pace(observation, release),
        Outcome::Planned(_) | Outcome::Unchanged { .. } | Outcome::Ended(_) => {
            // One more pass, for what an end entails.
            Action::requeue(Duration::from_secs(1))
        }
        Outcome::Queued(_) | Outcome::Failed { .. } | Outcome::Retrying { .. } => {
            Action::await_change()
        }
    }
}
