//! ReleaseSet: from several apps to one commit, and on to what became of them.
//!
//! A set makes a Release for each app. Each of them is planned and passes the gates by itself, and
//! then waits for the others. When all are ready, the set plans them anew and commits them as one
//! change; where one ends before that, all end. After the commit each is followed by itself again.

mod decide;
mod expand;
mod member;
mod retention;
mod status;

pub(crate) use member::has_made;

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::{BlockerKind, Phase, ReleaseSet};
use kube::ResourceExt;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::error::Retry;
use crate::origin;
use crate::release::{self, Joint, ReleaseError};
use decide::{Around, Cause, Step};
use status::Seen;

/// How often a set is looked at whose releases are on their way; their events come first.
const SOON: Duration = Duration::from_secs(3);
/// How long until a set that changed meanwhile is looked at again; the event comes first.
const OUTDATED: Duration = Duration::from_secs(1);

/// Takes a set one step further, and records why where it cannot.
pub(crate) async fn reconcile(
    set: &Arc<ReleaseSet>,
    ctx: &Context,
) -> Result<Action, ReleaseError> {
    if set.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    if origin::mark(&mut ReleaseSet::clone(set), ctx).await? {
        return Ok(Action::await_change());
    }
    let around = gather(set, ctx);
    let result = step(set, &around, ctx).await;
    let Err(error) = &result else { return result };
    if matches!(error, ReleaseError::Outdated) {
        return Ok(Action::requeue(OUTDATED));
    }
    if error.credentials_refused() {
        // They are read anew the next time: somebody may have mended the Secret.
        ctx.remotes.distrust(&set.namespace().unwrap_or_default(), &set.spec.environment);
    }
    if let Err(error) = status::write(set, &around, failure(error), ctx).await {
        tracing::warn!(error = %error, "the failure was not recorded");
    }
    result
}

fn failure(error: &ReleaseError) -> Seen {
    let (reason, message) = (error.reason().to_owned(), error.to_string());
    match (error, error.retry()) {
        (_, Retry::Stalled) => Seen::Ended(Cause { phase: Phase::Failed, reason, message }),
        (ReleaseError::Source(_), _) => {
            Seen::Blocked { reason, message: format!("{:?}: {message}", BlockerKind::Artifact) }
        }
        _ => Seen::Retrying { reason, message },
    }
}

/// Looks around: no request is made.
fn gather(set: &ReleaseSet, ctx: &Context) -> Around {
    let namespace = set.namespace().unwrap_or_default();
    let members = set.status.iter().flat_map(|status| &status.releases);
    let releases = members.map(|member| {
        ctx.release(&namespace, &member.release).filter(|release| has_made(set, release))
    });
    Around {
        environment: ctx.environment(&namespace, &set.spec.environment),
        releases: releases.collect(),
    }
}

async fn step(set: &ReleaseSet, around: &Around, ctx: &Context) -> Result<Action, ReleaseError> {
    if let Some(seen) = look_in_git(set, around, ctx).await? {
        return finish(set, around, seen, ctx).await;
    }
    let seen = match decide::decide(set, around) {
        Step::Rest => {
            retention::prune(set, around.environment.as_deref(), ctx).await;
            return Ok(Action::await_change());
        }
        Step::NoEnvironment => Seen::Blocked {
            reason: "BlockedByEnvironment".into(),
            message: format!(
                "there is no Environment {} in this namespace: create it, or cancel the set",
                set.spec.environment
            ),
        },
        Step::Expand { environment } => Seen::Expanded(expand::apps(set, &environment, ctx).await?),
        Step::Make { apps } => {
            expand::create(set, &apps, ctx).await?;
            Seen::Members
        }
        Step::Follow => Seen::Members,
        Step::Commit { environment } => {
            match release::commit_together(set, &around.present(), &environment, ctx).await? {
                Joint::Committed(commit) => Seen::Committed(commit),
                Joint::Unchanged => Seen::Unchanged,
                Joint::NotReady => return Ok(Action::requeue(SOON)),
            }
        }
        Step::Planned => Seen::Planned,
        Step::Restored(cause) => Seen::Ended(cause),
        Step::End(cause) => {
            release::end_together(set, &around.present(), &cause.message, ctx).await?;
            Seen::Ended(cause)
        }
    };
    finish(set, around, seen, ctx).await
}

/// Looks for releases in git that may be there without anybody's knowledge.
async fn look_in_git(
    set: &ReleaseSet,
    around: &Around,
    ctx: &Context,
) -> Result<Option<Seen>, ReleaseError> {
    let Some(environment) = &around.environment else { return Ok(None) };
    let releases = around.present();
    if !releases.iter().any(|release| decide::phase(release) == Phase::Queued) {
        // What is in git without the set's knowledge was recorded of a release first.
        let known = set.status.as_ref().is_some_and(|status| status.commit.is_some());
        let recorded = |release: &gimlet_crds::Release| {
            release.status.as_ref().is_some_and(|status| status.commit.is_some())
        };
        if known || !releases.iter().any(|release| recorded(release)) {
            return Ok(None);
        }
    }
    let commit = release::in_git(&releases, environment, ctx).await?;
    Ok(commit.map(Seen::Committed))
}

async fn finish(
    set: &ReleaseSet,
    around: &Around,
    seen: Seen,
    ctx: &Context,
) -> Result<Action, ReleaseError> {
    if !status::write(set, around, seen, ctx).await? {
        return Ok(Action::requeue(OUTDATED));
    }
    let ended = set.status.as_ref().is_some_and(|status| status.timestamps.ended.is_some());
    if ended {
        retention::prune(set, around.environment.as_deref(), ctx).await;
        return Ok(Action::await_change());
    }
    Ok(Action::requeue(SOON))
}
