//! Several releases in one commit: all of them, or none.

use std::sync::Arc;

use futures::future::join_all;
use gimlet_crds::{Environment, Release, ReleaseSet, SetCommit};
use gimlet_gitops::{CommitId, GitErrorKind, Outcome as GitOutcome, Ticket, Writer};
use kube::ResourceExt;

use super::commit::{after_older, committed, ensure_app, rejected};
use super::error::ReleaseError;
use super::gate::{self, Passage};
use super::gather::{self, Around};
use super::outcome::{End, Outcome, Prepared};
use super::{message, observe, prepare, status};
use crate::context::Context;
use crate::error::Retry;
use crate::flux;
use crate::origin;
use crate::remotes::Access;

/// Releases of one set that are planned at once.
const AT_ONCE: usize = 8;

/// What came of committing the releases of a set.
#[derive(Debug)]
pub(crate) enum Joint {
    /// They are in git; those that had nothing to change are not in the commit.
    Committed(SetCommit),
    /// Git has exactly this already.
    Unchanged,
    /// One of them is not ready any more, or has ended: its status says why.
    NotReady,
}

/// Looks for releases of a set in git, and records what is found: a process before this one may not
/// have come to that. Nothing if none of them is there.
pub(crate) async fn in_git(
    releases: &[Arc<Release>],
    environment: &Environment,
    ctx: &Context,
) -> Result<Option<SetCommit>, ReleaseError> {
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let releases = releases.iter().map(|release| Release::clone(release)).collect();
    record(releases, environment, &access.writer, ctx).await
}

async fn record(
    releases: Vec<Release>,
    environment: &Environment,
    writer: &Writer,
    ctx: &Context,
) -> Result<Option<SetCommit>, ReleaseError> {
    let mut places = Vec::new();
    for release in releases {
        let commit = writer.find_release(&origin::uid(&release.metadata)).await?;
        places.push((release, commit));
    }
    let Some(head) = places.iter().find_map(|(_, commit)| *commit) else { return Ok(None) };
    for (release, commit) in &mut places {
        let known = release.status.as_ref();
        if known.is_some_and(|status| status.commit.is_some() || status.timestamps.ended.is_some())
        {
            continue;
        }
        let outcome = match commit {
            Some(commit) => {
                let commit = committed(release, environment, commit, true)?;
                Outcome::Committed { prepared: None, commit, observation: None }
            }
            // All that is changed comes in one commit.
            None => Outcome::Unchanged { prepared: None, head },
        };
        write(release, outcome, ctx).await?;
    }
    let first = places.iter().find(|(_, commit)| commit.is_some());
    first.map(|(release, _)| set_commit(release, environment, &head)).transpose()
}

/// Ends the releases of a set that are neither in git nor at their end.
pub(crate) async fn end_together(
    set: &ReleaseSet,
    releases: &[Arc<Release>],
    why: &str,
    ctx: &Context,
) -> Result<(), ReleaseError> {
    for release in releases {
        let ended = release.status.as_ref().is_some_and(|status| status.timestamps.ended.is_some());
        if !ended {
            let end = End::SetEnded { set: set.name_any(), why: why.to_owned() };
            write(&mut Release::clone(release), Outcome::Ended(end), ctx).await?;
        }
    }
    Ok(())
}

/// Plans the releases of a set anew, holds them against the gates, and commits them as one change.
pub(crate) async fn commit_together(
    set: &ReleaseSet,
    releases: &[Arc<Release>],
    environment: &Environment,
    ctx: &Context,
) -> Result<Joint, ReleaseError> {
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let open = releases.iter().filter(|release| {
        release.status.as_ref().is_none_or(|status| status.timestamps.ended.is_none())
    });
    let open: Vec<&Arc<Release>> = open.collect();
    let mut planned = Vec::with_capacity(open.len());
    for some in open.chunks(AT_ONCE) {
        let some = some.iter().map(|release| plan(release, environment, &access, ctx));
        planned.extend(join_all(some).await);
    }
    let Some((ready, ticket)) = all_ready(planned, ctx).await? else {
        return Ok(Joint::NotReady);
    };
    let Some(ticket) = ticket else { return Ok(Joint::Unchanged) };
    for (release, around, _) in ready.iter().filter(|(_, _, prepared)| prepared.unchanged) {
        after_older(release, around)?;
    }
    let mut ready = freeze(ready, environment, ctx).await?;
    let changed: Ready =
        ready.iter().filter(|(_, prepared)| !prepared.unchanged).cloned().collect();
    let head = ready.iter().find_map(|(_, prepared)| prepared.head);
    let (Some(change), Some((first, _))) =
        (message::change_of_set(set, environment, &changed), changed.first())
    else {
        if let Some(head) = head {
            unchanged(ready, head, ctx).await?;
        }
        return Ok(Joint::Unchanged);
    };
    let commit = match ticket.commit(change).await {
        Ok(GitOutcome::Committed { commit, .. }) => commit,
        // The branch moved meanwhile: whether an older release made it so is looked at with a new plan.
        Ok(GitOutcome::Unchanged { .. }) => return Err(ReleaseError::Outdated),
        Ok(GitOutcome::Adopted { .. }) => {
            let releases = ready.into_iter().map(|(release, _)| release).collect();
            let found = record(releases, environment, &access.writer, ctx).await?;
            return Ok(found.map_or(Joint::NotReady, Joint::Committed));
        }
        Err(error) => return refused(ready, error.into(), ctx).await,
    };
    let source = flux::environment_object(&set.spec.environment);
    let namespace = &environment.spec.flux.namespace;
    ctx.flux.request_sync(namespace, &source, &commit.to_string()).await;
    for (release, prepared) in &mut ready {
        let unchanged = prepared.unchanged;
        let prepared = Some(prepared.clone());
        let outcome = if unchanged {
            Outcome::Unchanged { prepared, head: commit }
        } else {
            let commit = committed(release, environment, &commit, false)?;
            let observation = observe::unobserved(environment, ctx);
            Outcome::Committed { prepared, commit, observation }
        };
        // One that changed meanwhile is found in git at the next look.
        status::write(release, outcome, ctx).await?;
    }
    Ok(Joint::Committed(set_commit(first, environment, &commit)?))
}

/// A release with its surroundings, and its plan or what keeps it back.
type Planned = (Release, Around, Result<(Prepared, Ticket), Outcome>);

async fn plan(
    release: &Release,
    environment: &Environment,
    access: &Access,
    ctx: &Context,
) -> Planned {
    let around = gather::gather(release, ctx);
    let planned = attempt(release, environment, &around, access, ctx).await;
    (release.clone(), around, planned)
}

async fn attempt(
    release: &Release,
    environment: &Environment,
    around: &Around,
    access: &Access,
    ctx: &Context,
) -> Result<(Prepared, Ticket), Outcome> {
    if release.spec.cancel {
        return Err(Outcome::Ended(End::Cancelled));
    }
    let (mut prepared, ticket) = prepare::prepare(release, environment, access, ctx)
        .await
        .map_err(|error| error.outcome(release))?;
    // What changes nothing needs nobody's leave.
    if prepared.unchanged {
        return Ok((prepared, ticket));
    }
    let planned = gate::Planned {
        digest: &prepared.plan.digest,
        guard: prepared.plan.guard.as_deref(),
        artifact: prepared.artifact.as_ref(),
    };
    match gate::pass(release, environment, around, planned) {
        Passage::Open { approved_by } => {
            prepared.approved_by = approved_by;
            Ok((prepared, ticket))
        }
        Passage::Closed(blockers) => Err(Outcome::Blocked { prepared: Some(prepared), blockers }),
        Passage::Rejected { by, comment } => Err(rejected(&by, &comment)),
    }
}

/// Releases with their plans.
type Ready = Vec<(Release, Prepared)>;

/// Takes the plans if all releases have one; else each release is told what came of it.
async fn all_ready(
    planned: Vec<Planned>,
    ctx: &Context,
) -> Result<Option<(Vec<(Release, Around, Prepared)>, Option<Ticket>)>, ReleaseError> {
    if planned.iter().all(|(_, _, result)| result.is_ok()) {
        let mut place = None;
        let ready = planned.into_iter().filter_map(|(release, around, result)| {
            let (prepared, ticket) = result.ok()?;
            place = Some(ticket);
            Some((release, around, prepared))
        });
        return Ok(Some((ready.collect(), place)));
    }
    for (mut release, around, result) in planned {
        let outcome = match (result, &around.set) {
            (Ok((prepared, _)), Some(of_set)) => {
                let blockers = vec![of_set.blocker(&release)];
                Outcome::Blocked { prepared: Some(prepared), blockers }
            }
            (Ok(_), None) => continue,
            (Err(outcome), _) => outcome,
        };
        write(&mut release, outcome, ctx).await?;
    }
    Ok(None)
}

/// Marks releases as on their way: from here on git tells whether they are there, and nothing else
/// ends them.
async fn freeze(
    ready: Vec<(Release, Around, Prepared)>,
    environment: &Environment,
    ctx: &Context,
) -> Result<Ready, ReleaseError> {
    for (release, around, prepared) in &ready {
        ensure_app(release, environment, around, prepared, ctx).await?;
    }
    let mut frozen = Vec::new();
    for (mut release, _, prepared) in ready {
        write(&mut release, Outcome::Queued(prepared.clone()), ctx).await?;
        frozen.push((release, prepared));
    }
    Ok(frozen)
}

async fn unchanged(ready: Ready, head: CommitId, ctx: &Context) -> Result<(), ReleaseError> {
    for (mut release, prepared) in ready {
        let outcome = Outcome::Unchanged { prepared: Some(prepared), head };
        write(&mut release, outcome, ctx).await?;
    }
    Ok(())
}

/// Records that the commit was not made.
async fn refused(ready: Ready, error: ReleaseError, ctx: &Context) -> Result<Joint, ReleaseError> {
    // Only one of them is too old; the others end with it.
    let older = match &error {
        ReleaseError::Git(error) if error.kind() == GitErrorKind::Superseded => {
            error.superseded_id().map(str::to_owned)
        }
        _ => None,
    };
    for (mut release, _) in ready {
        if older.is_none() || release.uid() == older {
            let outcome = error.outcome(&release);
            write(&mut release, outcome, ctx).await?;
        }
    }
    match error.retry() {
        Retry::Stalled => Ok(Joint::NotReady),
        Retry::After(_) | Retry::Backoff | Retry::Outage => Err(error),
    }
}

/// Writes a status that the next step relies on.
async fn write(release: &mut Release, outcome: Outcome, ctx: &Context) -> Result<(), ReleaseError> {
    if status::write(release, outcome, ctx).await? { Ok(()) } else { Err(ReleaseError::Outdated) }
}

fn set_commit(
    release: &Release,
    environment: &Environment,
    commit: &CommitId,
) -> Result<SetCommit, ReleaseError> {
    let commit = committed(release, environment, commit, false)?;
    let short = commit.sha.chars().take(7).collect();
    Ok(SetCommit { sha: commit.sha, short, url: commit.url, branch: commit.branch })
}
