//! A release that comes to git by a pull request: opened, followed, merged or given up.

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::name::AppName;
use gimlet_crds::{Blocker, BlockerKind, Environment, Phase, PullRequestStatus, Release};
use gimlet_gitops::{CommitId, GitErrorKind, RepoPath, TreeId, Writer};
use gimlet_hosts::{PullRequest, PullRequestState};
use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::commit::{self, committed, rejected};
use super::decide::{UNINSTALL, newest_after, order, uninstalled_after};
use super::error::ReleaseError;
use super::gate::{self, Passage};
use super::gather::Around;
use super::outcome::{Committed, End, Outcome, Prepared};
use super::{layout, message, observe, pull_text};
use crate::context::Context;
use crate::flux;
use crate::origin;
use crate::pull_request::{Place, Proposed};
use crate::remotes::Access;

/// Opens the pull request of a release that passed the gates, or takes over the one that its app has.
pub(super) async fn propose(
    release: &Release,
    environment: &Environment,
    prepared: Prepared,
    around: &Around,
    place: &Place,
) -> Result<Outcome, ReleaseError> {
    let change = message::change_of_release(release, environment, &prepared);
    let text = pull_text::of_release(release, environment, &prepared, &change.subject);
    let known = known_pull(release, around).map(|pull| pull.number);
    Ok(match place.propose::<ReleaseError>(change, text, known).await? {
        Proposed::Open(pull) => {
            let why = format!("{} waits to be merged", pull.url);
            let blockers = vec![waiting(kind(environment), &pull, why)];
            Outcome::Proposed { prepared: Some(prepared), pull, blockers }
        }
        Proposed::InGit(found) => {
            let commit = committed(release, environment, &found, true)?;
            Outcome::Committed { prepared: Some(prepared), commit, observation: None }
        }
        Proposed::Unchanged(head) => Outcome::Unchanged { prepared: Some(prepared), head },
    })
}

/// Finds the pull request that an app has, as far as its releases remember.
fn known_pull<'a>(release: &'a Release, around: &'a Around) -> Option<&'a PullRequestStatus> {
    let of = |release: &'a Release| release.status.as_ref()?.pull_request.as_ref();
    let others = around.releases.iter().filter_map(|other| of(other));
    of(release).or_else(|| others.max_by_key(|pull| pull.number))
}

/// Looks what became of a release's pull request, and takes the release one step further.
pub(super) async fn follow(
    release: &mut Release,
    environment: &Environment,
    around: &Around,
    pull: &PullRequestStatus,
    ctx: &Context,
) -> Result<Outcome, ReleaseError> {
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let folder = layout::app_folder(environment, &AppName::parse(&release.spec.app)?)?;
    let Some(place) = Place::of(environment, &folder, &access)? else {
        // The environment pushes again: so does the release.
        return commit::release(release, environment, around, ctx).await;
    };
    if let Some(commit) = in_git(release, environment, &access).await? {
        return merged(release, environment, commit, pull, &place, ctx).await;
    }
    let seen = place.look(pull.number).await?;
    if let Some(seen) = seen.as_ref().filter(|seen| seen.state == PullRequestState::Merged) {
        access.writer.refresh().await?;
        return match where_merged(release, environment, &folder, seen, &access).await? {
            Merged::Here(commit) => merged(release, environment, commit, pull, &place, ctx).await,
            Merged::NotSeenYet => Ok(Outcome::Proposed {
                prepared: None,
                blockers: vec![waiting(BlockerKind::Merge, pull, not_seen(pull))],
                pull: pull.clone(),
            }),
            Merged::Otherwise => Ok(Outcome::Ended(merged_otherwise(release, around, pull))),
        };
    }
    if environment.spec.gitops.auto_merge.is_some() {
        // What is merged by itself must not be merged with what nobody has planned for.
        access.writer.refresh().await?;
    }
    let moved = base_moved(release, &folder, &access.writer).await?;
    let (blockers, kind, wait) =
        match judge(release, environment, around, seen.as_ref(), pull, moved) {
            Move::End(end) => return Ok(Outcome::Ended(end)),
            Move::Closed if place.was_closed_late() => {
                return commit::release(release, environment, around, ctx).await;
            }
            Move::Closed => return Ok(Outcome::Ended(closed(pull))),
            Move::Rejected { by, comment } => return Ok(rejected(&by, &comment)),
            Move::Rebuild => return commit::release(release, environment, around, ctx).await,
            Move::Wait { blockers, kind, why } => (blockers, kind, why),
            Move::Merge => {
                let why = place.merge(pull).await?;
                if why.is_none() {
                    access.writer.refresh().await?;
                    if let Some(commit) = in_git(release, environment, &access).await? {
                        return merged(release, environment, commit, pull, &place, ctx).await;
                    }
                }
                (Vec::new(), BlockerKind::Merge, why.unwrap_or_else(|| not_seen(pull)))
            }
        };
    let blockers = blockers.into_iter().chain([waiting(kind, pull, wait)]).collect();
    Ok(Outcome::Proposed { prepared: None, pull: pull.clone(), blockers })
}

async fn in_git(
    release: &Release,
    environment: &Environment,
    access: &Access,
) -> Result<Option<Committed>, ReleaseError> {
    let found = access.writer.find_release(&origin::uid(&release.metadata)).await?;
    found.map(|commit| committed(release, environment, &commit, false)).transpose()
}

async fn merged(
    release: &Release,
    environment: &Environment,
    commit: Committed,
    pull: &PullRequestStatus,
    place: &Place,
    ctx: &Context,
) -> Result<Outcome, ReleaseError> {
    place.tidy(pull).await;
    let source = flux::environment_object(&release.spec.environment);
    ctx.flux.request_sync(&environment.spec.flux.namespace, &source, &commit.sha).await;
    let observation = observe::unobserved(environment, ctx);
    Ok(Outcome::Committed { prepared: None, commit, observation })
}

/// Where a pull request that is merged left the release.
enum Merged {
    Here(Committed),
    NotSeenYet,
    /// The folder is not what was planned, and the release's record is not in the history.
    Otherwise,
}

/// Finds a merge that made a commit of its own, without the release's record, by what it left.
async fn where_merged(
    release: &Release,
    environment: &Environment,
    folder: &RepoPath,
    seen: &PullRequest,
    access: &Access,
) -> Result<Merged, ReleaseError> {
    if let Some(commit) = in_git(release, environment, access).await? {
        return Ok(Merged::Here(commit));
    }
    let writer = &access.writer;
    let planned = release.status.as_ref().and_then(|status| status.plan.as_ref());
    let planned = planned.and_then(|plan| plan.tree.parse::<TreeId>().ok());
    let here = |commit: &CommitId| committed(release, environment, commit, false);
    let merge = seen.merge_sha.as_ref().and_then(|sha| sha.as_str().parse::<CommitId>().ok());
    if let Some(merge) = merge {
        match writer.tree(folder, Some(&merge)).await {
            Ok(tree) if tree.is_some() && tree == planned => {
                return Ok(Merged::Here(here(&merge)?));
            }
            Ok(_) => {}
            Err(error) if error.kind() == GitErrorKind::NotFound => return Ok(Merged::NotSeenYet),
            Err(error) => return Err(error.into()),
        }
    }
    if planned.is_some()
        && writer.tree(folder, None).await? == planned
        && let Some(commit) = writer.last_touch(folder).await?
    {
        return Ok(Merged::Here(here(&commit)?));
    }
    Ok(Merged::Otherwise)
}

/// Tells whether somebody changed the app's folder since the release was planned.
async fn base_moved(
    release: &Release,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<bool, ReleaseError> {
    let base = release.status.as_ref().and_then(|status| status.plan.as_ref()?.base.as_ref());
    let Some(base) = base.and_then(|base| base.parse::<CommitId>().ok()) else { return Ok(true) };
    let then = match writer.tree(folder, Some(&base)).await {
        Err(error) if error.kind() == GitErrorKind::NotFound => return Ok(true),
        tree => tree?,
    };
    Ok(writer.tree(folder, None).await? != then)
}

/// What is to be done for a release whose pull request is not merged.
#[derive(Debug)]
enum Move {
    End(End),
    /// Somebody closed it, or it is gone.
    Closed,
    Rejected {
        by: String,
        comment: String,
    },
    /// Plan it anew, upon what the branch is now.
    Rebuild,
    Merge,
    Wait {
        blockers: Vec<Blocker>,
        kind: BlockerKind,
        why: String,
    },
}

/// Decides what is to be done for a release whose pull request is not merged: pure.
fn judge(
    release: &Release,
    environment: &Environment,
    around: &Around,
    seen: Option<&PullRequest>,
    pull: &PullRequestStatus,
    moved: bool,
) -> Move {
    if let Some(by) = overtaken(release, &around.releases) {
        return Move::End(End::Superseded { by });
    }
    if release.spec.cancel {
        return Move::End(End::Cancelled);
    }
    if uninstalled_after(release, around.app.as_deref()) {
        return Move::End(End::Superseded { by: UNINSTALL.into() });
    }
    let Some(seen) = seen.filter(|seen| seen.state == PullRequestState::Open) else {
        return Move::Closed;
    };
    let status = release.status.clone().unwrap_or_default();
    let Some(plan) = status.plan.as_ref().filter(|_| !moved) else { return Move::Rebuild };
    let planned = gate::Planned {
        digest: &plan.digest,
        guard: plan.guard.as_deref(),
        artifact: status.artifact.as_ref(),
    };
    let kind = kind(environment);
    let wait = |kind, why: String| Move::Wait { blockers: Vec::new(), kind, why };
    match gate::pass(release, environment, around, planned) {
        Passage::Rejected { by, comment } => Move::Rejected { by, comment },
        Passage::Closed(blockers) => {
            Move::Wait { blockers, kind, why: format!("{} waits to be merged", pull.url) }
        }
        Passage::Open { .. } if seen.head_sha.as_str() != pull.commit => {
            let why = format!(
                "somebody pushed to the branch of {}: merge or close it; it is neither merged nor brought up \
                 to date by itself",
                pull.url
            );
            wait(BlockerKind::PullRequest, why)
        }
        Passage::Open { .. } => match newest_after(release, &around.releases) {
            Some(newer) => {
                let why = format!(
                    "{} waits to be merged; {newer} came after it and takes it over when it may go on",
                    pull.url
                );
                wait(kind, why)
            }
            None if environment.spec.gitops.auto_merge.is_some() => Move::Merge,
            None => wait(kind, format!("{} waits to be merged", pull.url)),
        },
    }
}

/// Finds a newer release that has taken the pull request over, or has no need of one.
fn overtaken(release: &Release, releases: &[Arc<Release>]) -> Option<String> {
    let newer = releases.iter().filter(|other| {
        let status = other.status.clone().unwrap_or_default();
        let alive = status.phase != Phase::Failed && !status.phase.ended_before_git();
        let has_it = status.pull_request.is_some() && alive;
        order(other) > order(release)
            && (has_it || status.commit.is_some() || status.phase == Phase::Unchanged)
    });
    newer.max_by_key(|other| order(other)).map(|other| other.name_any())
}

fn closed(pull: &PullRequestStatus) -> End {
    End::Rejected {
        reason: "PullRequestClosed".into(),
        message: format!(
            "pull request #{} was closed without being merged: release again if it is still wanted; {}",
            pull.number, pull.url
        ),
    }
}

fn merged_otherwise(release: &Release, around: &Around, pull: &PullRequestStatus) -> End {
    // It may have been the next one's already, which had not come to tell.
    if let Some(by) = newest_after(release, &around.releases) {
        return End::Superseded { by };
    }
    End::Rejected {
        reason: "MergedOtherwise".into(),
        message: format!(
            "pull request #{} was merged, but the app's folder is not what was planned: look at what is in \
             git, and adopt it or release again; {}",
            pull.number, pull.url
        ),
    }
}

/// Tells whether people merge, or the operator does.
fn kind(environment: &Environment) -> BlockerKind {
    match environment.spec.gitops.auto_merge {
        Some(_) => BlockerKind::Merge,
        None => BlockerKind::PullRequest,
    }
}

fn not_seen(pull: &PullRequestStatus) -> String {
    format!("{} is merged; git does not show it yet", pull.url)
}

fn waiting(kind: BlockerKind, pull: &PullRequestStatus, reason: String) -> Blocker {
    Blocker { kind, name: format!("#{}", pull.number), reason, until: None }
}

/// Gives up the pull request of a release that ends before git, unless a newer release has it.
pub(super) async fn let_go(
    release: &Release,
    outcome: &Outcome,
    around: &Around,
    ctx: &Context,
) -> Result<(), ReleaseError> {
    let ends =
        matches!(outcome, Outcome::Ended(_) | Outcome::Failed { .. } | Outcome::Unchanged { .. });
    let status = release.status.as_ref().filter(|status| ends && status.commit.is_none());
    let Some(pull) = status.and_then(|status| status.pull_request.as_ref()) else { return Ok(()) };
    let taken_over = around.releases.iter().any(|other| {
        let theirs = other.status.as_ref().and_then(|status| status.pull_request.as_ref());
        order(other) > order(release) && theirs.is_some_and(|it| it.number == pull.number)
    });
    let Some(environment) = around.environment.as_deref().filter(|_| !taken_over) else {
        return Ok(());
    };
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let folder = layout::app_folder(environment, &AppName::parse(&release.spec.app)?)?;
    let Some(place) = Place::of(environment, &folder, &access)? else { return Ok(()) };
    place.close(pull).await?;
    let next = uninstalled_after(release, around.app.as_deref())
        || newest_after(release, &around.releases).is_some();
    if !next {
        place.withdraw(pull).await?;
    }
    Ok(())
}

/// Tells when to look at a pull request again: right after it was opened people are quick.
pub(super) fn pace(release: &Release, environment: Option<&Environment>) -> Action {
    let status = release.status.as_ref();
    let opened = status.and_then(|status| status.timestamps.queued.as_ref());
    let since = opened.map_or(0, |time| Context::now().as_second() - time.0.as_second());
    let auto = environment.is_some_and(|env| env.spec.gitops.auto_merge.is_some());
    Action::requeue(Duration::from_secs(match since {
        ..30 if auto => 2,
        ..600 => 10,
        600..3600 => 30,
        _ => 60,
    }))
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
