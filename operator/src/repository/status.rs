//! The only place that writes the status of a repository.

use gimlet_crds::condition::{self, READY, RECONCILING, STALLED, Truth, Verdict};
use gimlet_crds::{Repository, RepositoryHead, RepositoryStatus};
use jiff::Timestamp;
use kube::runtime::events::EventType;

use super::Found;
use crate::context::Context;
use crate::error::ApiError;
use crate::status::apply;

/// What a look at a repository came to.
pub(super) enum Seen {
    /// It was read; `refused` tells of artifacts that could not be made.
    Found {
        found: Box<Found>,
        refused: Vec<String>,
    },
    Failed {
        reason: &'static str,
        message: String,
        stalled: bool,
    },
}

/// Writes the status that follows from a look, if it differs from the one that is there.
pub(super) async fn write(
    repository: &Repository,
    seen: Seen,
    ctx: &Context,
) -> Result<(), ApiError> {
    let old = repository.status.clone().unwrap_or_default();
    let status = compute(&old, repository.metadata.generation, seen, Context::now());
    if status == old || apply(repository, &status, ctx).await?.is_none() {
        return Ok(());
    }
    let of = |status: &RepositoryStatus| {
        condition::find(&status.conditions, READY).map(|c| (c.status.clone(), c.reason.clone()))
    };
    if of(&old) != of(&status)
        && let Some(ready) = condition::find(&status.conditions, READY)
    {
        let kind = if ready.status == "True" { EventType::Normal } else { EventType::Warning };
        ctx.event(repository, kind, &ready.reason, &ready.message);
    }
    Ok(())
}

fn compute(
    old: &RepositoryStatus,
    generation: Option<i64>,
    seen: Seen,
    now: Timestamp,
) -> RepositoryStatus {
    let mut status = RepositoryStatus { observed_generation: generation, ..old.clone() };
    let verdicts = match seen {
        Seen::Found { found, refused } => {
            let Found { references, default_branch, pull_requests } = *found;
            let count = |tag: bool| {
                let count = references.iter().filter(|reference| reference.tag == tag).count();
                Some(i32::try_from(count).unwrap_or(i32::MAX))
            };
            (status.branches, status.tags) = (count(false), count(true));
            status.pull_requests =
                pull_requests.map(|all| i32::try_from(all.len()).unwrap_or(i32::MAX));
            let mut branches = references.iter().filter(|reference| !reference.tag);
            let head = match &default_branch {
                Some(name) => branches.find(|reference| reference.name == *name),
                None => branches.next(),
            };
            status.head = head.map(|reference| {
                let commit = reference.commit.to_string();
                let short = commit.chars().take(7).collect();
                RepositoryHead { branch: reference.name.clone(), commit, short }
            });
            status.default_branch = default_branch;
            let message = match refused.first() {
                None => "it can be read".to_owned(),
                Some(first) => format!(
                    "it can be read; {} commits cannot be artifacts: {first}",
                    refused.len()
                ),
            };
            let reason = if refused.is_empty() { "Reachable" } else { "ArtifactsRefused" };
            vec![Verdict::new(READY, Truth::True, reason, condition::cut(&message, 1024))]
        }
        Seen::Failed { reason, message, stalled } => {
            let abnormal = if stalled { STALLED } else { RECONCILING };
            vec![
                Verdict::new(READY, Truth::False, reason, message.clone()),
                Verdict::new(abnormal, Truth::True, reason, message),
            ]
        }
    };
    status.conditions = condition::merge(&old.conditions, verdicts, generation, now);
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_keeps_the_rules_of_kstatus() {
        let found = || Found { references: Vec::new(), default_branch: None, pull_requests: None };
        let all = [
            Seen::Found { found: Box::new(found()), refused: Vec::new() },
            Seen::Found { found: Box::new(found()), refused: vec!["abc: too large".into()] },
            Seen::Failed { reason: "GitUnreachable", message: "away".into(), stalled: false },
            Seen::Failed { reason: "InvalidRepository", message: "no".into(), stalled: true },
        ];
        for seen in all {
            let old = RepositoryStatus::default();
            let status = compute(&old, Some(1), seen, Timestamp::UNIX_EPOCH);
            let broken = condition::violations(&status.conditions, Some(1), Some(1));
            assert!(broken.is_empty(), "{broken:?}");
        }
    }
}
