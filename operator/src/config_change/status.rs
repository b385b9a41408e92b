//! The only place that writes the status of a change.

use gimlet_crds::condition::{self, READY, RECONCILING, STALLED, Truth, Verdict};
use gimlet_crds::{
    ChangeCommit, ChangePullRequest, ConfigChange, ConfigChangePhase, ConfigChangeStatus, FoundFile,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::runtime::events::EventType;

use crate::context::Context;
use crate::error::ApiError;
use crate::origin;
use crate::status::apply;

/// What a look at a change came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Committed {
        branch: String,
        commit: ChangeCommit,
        pull: Option<ChangePullRequest>,
    },
    Proposed {
        branch: String,
        commit: ChangeCommit,
        pull: ChangePullRequest,
    },
    Closed {
        branch: String,
        commit: ChangeCommit,
        pull: ChangePullRequest,
    },
    Unchanged {
        branch: String,
    },
    Conflict {
        branch: String,
        message: String,
        found: Option<FoundFile>,
    },
    Failed {
        reason: &'static str,
        message: String,
    },
    /// It is tried again; where it is stalled, somebody has to act first.
    Waiting {
        reason: &'static str,
        message: String,
        stalled: bool,
    },
}

impl Seen {
    pub(super) fn committed(branch: &str, sha: String, url: Option<String>) -> Self {
        let commit = ChangeCommit { sha, url };
        Self::Committed { branch: branch.to_owned(), commit, pull: None }
    }

    /// Ends a copy from a backup of which the repository has nothing.
    pub(super) fn restored() -> Self {
        let message = origin::refusal("create a new ConfigChange if it is still wanted");
        Self::Failed { reason: origin::RESTORED, message }
    }
}

/// Writes the status that follows from a look, if it differs from the one that is there.
pub(super) async fn write(
    change: &ConfigChange,
    seen: Seen,
    ctx: &Context,
) -> Result<(), ApiError> {
    let old = change.status.clone().unwrap_or_default();
    let status = compute(&old, change.metadata.generation, seen, Context::now());
    if change.status.as_ref() == Some(&status) || apply(change, &status, ctx).await?.is_none() {
        return Ok(());
    }
    announce(change, &old, &status, ctx);
    Ok(())
}

fn announce(
    change: &ConfigChange,
    old: &ConfigChangeStatus,
    status: &ConfigChangeStatus,
    ctx: &Context,
) {
    let ready = condition::find(&status.conditions, READY);
    let (reason, message) = ready.map_or(("", ""), |c| (c.reason.as_str(), c.message.as_str()));
    let was = condition::find(&old.conditions, READY).map_or("", |c| c.reason.as_str());
    if status.phase != old.phase {
        ctx.metrics.config_change(status.phase.as_str());
    } else if reason == was {
        return;
    }
    tracing::info!(
        change = change.name_any(),
        namespace = change.namespace(),
        repository = change.spec.repository,
        path = change.spec.path,
        phase = status.phase.as_str(),
        reason,
        message,
        "a change of a file moved"
    );
    let good = ready.is_some_and(|ready| ready.status == "True");
    let kind = if good { EventType::Normal } else { EventType::Warning };
    ctx.event(change, kind, reason, message);
}

/// Computes a status: a function of the old one and of what was seen.
fn compute(
    old: &ConfigChangeStatus,
    generation: Option<i64>,
    seen: Seen,
    now: Timestamp,
) -> ConfigChangeStatus {
    use ConfigChangePhase as Phase;
    let mut status = ConfigChangeStatus { observed_generation: generation, ..old.clone() };
    let short = |commit: &ChangeCommit| commit.sha.chars().take(7).collect::<String>();
    let (phase, truth, reason, message, abnormal) = match seen {
        Seen::Committed { branch, commit, pull } => {
            let message = format!("{} on {branch} has the change", short(&commit));
            status.branch = Some(branch);
            status.commit = Some(commit);
            status.pull_request = pull.or(status.pull_request);
            (Phase::Committed, Truth::True, "Committed", message, None)
        }
        Seen::Proposed { branch, commit, pull } => {
            let message = format!("pull request {} waits to be merged: {}", pull.number, pull.url);
            status.branch = Some(branch);
            status.commit = Some(commit);
            status.pull_request = Some(pull);
            (Phase::Proposed, Truth::True, "Proposed", message, None)
        }
        Seen::Closed { branch, commit, pull } => {
            let message = format!(
                "pull request {} was closed without being merged: {}",
                pull.number, pull.url
            );
            status.branch = Some(branch);
            status.commit = Some(commit);
            status.pull_request = Some(pull);
            (Phase::Closed, Truth::False, "Closed", message, Some(STALLED))
        }
        Seen::Unchanged { branch } => {
            let message = format!("{branch} has exactly this already: nothing was written");
            status.branch = Some(branch);
            (Phase::Unchanged, Truth::True, "Unchanged", message, None)
        }
        Seen::Conflict { branch, message, found } => {
            status.branch = Some(branch);
            status.found = found;
            (Phase::Conflict, Truth::False, "Conflict", message, Some(STALLED))
        }
        Seen::Failed { reason, message } => {
            (Phase::Failed, Truth::False, reason, message, Some(STALLED))
        }
        Seen::Waiting { reason, message, stalled } => {
            let abnormal = if stalled { STALLED } else { RECONCILING };
            (status.phase, Truth::False, reason, message, Some(abnormal))
        }
    };
    status.phase = phase;
    let ended = || Some(Time(condition::whole_second(now)));
    status.ended = if phase.is_end() { status.ended.or_else(ended) } else { None };
    let mut verdicts = vec![Verdict::new(READY, truth, reason, message.clone())];
    verdicts.extend(abnormal.map(|kind| Verdict::new(kind, Truth::True, reason, message)));
    status.conditions = condition::merge(&old.conditions, verdicts, generation, now);
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Seen> {
        let branch = || "main".to_owned();
        let commit = || ChangeCommit { sha: "4e1f09c0a1".into(), url: None };
        let pull = || ChangePullRequest { number: 7, url: "u".into(), branch: "b".into() };
        vec![
            Seen::committed("main", "4e1f09c0a1".into(), None),
            Seen::Proposed { branch: branch(), commit: commit(), pull: pull() },
            Seen::Closed { branch: branch(), commit: commit(), pull: pull() },
            Seen::Unchanged { branch: branch() },
            Seen::Conflict {
                branch: branch(),
                message: "changed".into(),
                found: Some(FoundFile {
                    blob: "2b1d8e7f6a".into(),
                    content: Some("a: b\n".into()),
                }),
            },
            Seen::Failed { reason: "InvalidManifest", message: "no".into() },
            Seen::Waiting { reason: "Forbidden", message: "no".into(), stalled: true },
            Seen::Waiting { reason: "HostUnreachable", message: "away".into(), stalled: false },
        ]
    }

    #[test]
    fn every_status_keeps_the_rules_of_kstatus_and_is_written_once() {
        for seen in all() {
            let text = format!("{seen:?}");
            let old = ConfigChangeStatus::default();
            let status = compute(&old, Some(1), seen, Timestamp::UNIX_EPOCH);
            let broken = condition::violations(&status.conditions, Some(1), Some(1));
            assert!(broken.is_empty(), "{text}: {broken:?}");
            assert_eq!(status.ended.is_some(), status.phase.is_end(), "{text}");
        }
        for (first, second) in all().into_iter().zip(all()) {
            let old =
                compute(&ConfigChangeStatus::default(), Some(1), first, Timestamp::UNIX_EPOCH);
            assert_eq!(compute(&old, Some(1), second, Timestamp::now()), old);
        }
    }

    #[test]
    fn a_host_that_is_away_does_not_take_a_proposal_back() {
        let mut all = all();
        let waiting = all.remove(7);
        let proposed = all.remove(1);
        let old = compute(&ConfigChangeStatus::default(), Some(1), proposed, Timestamp::UNIX_EPOCH);
        let status = compute(&old, Some(1), waiting, Timestamp::UNIX_EPOCH);
        assert_eq!(status.phase, ConfigChangePhase::Proposed);
        assert_eq!(status.pull_request, old.pull_request);
    }
}
