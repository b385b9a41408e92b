use super::*;
use gimlet_crds::{Blocker, BlockerKind, PlanStatus, PullRequestStatus};
use gimlet_gitops::CommitId;
use serde_json::json;

fn release() -> Release {
    serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"name": "r", "generation": 1},
        "spec": {"app": "shop", "environment": "staging"}
    }))
    .unwrap()
}

fn prepared() -> Prepared {
    Prepared {
        edits: Vec::new(),
        plan: PlanStatus {
            digest: format!("sha256:{}", "0".repeat(64)),
            tree: "0".repeat(40),
            base: Some("0".repeat(40)),
            added: 3,
            ..PlanStatus::default()
        },
        chart: None,
        version: Some("v1".into()),
        artifact: None,
        source: None,
        binding: crate::preview::Binding::Keep,
        approved_by: Vec::new(),
        unchanged: false,
        last_touch: None,
        restores: None,
        holds: false,
        head: None,
    }
}

fn commit() -> Committed {
    Committed {
        sha: "4e1f09c0a1".repeat(4),
        branch: "main".into(),
        path: "staging/shop".into(),
        url: None,
        adopted: false,
    }
}

fn outcomes() -> Vec<Outcome> {
    let observed = |observation| Outcome::Observed { commit: commit().sha, observation };
    let text = || "because".to_owned();
    vec![
        Outcome::Planned(prepared()),
        Outcome::Blocked {
            prepared: Some(prepared()),
            blockers: vec![Blocker {
                kind: BlockerKind::Lock,
                name: "staging".into(),
                reason: text(),
                until: None,
            }],
        },
        Outcome::Proposed {
            prepared: Some(prepared()),
            pull: PullRequestStatus {
                number: 12,
                url: "https://git.example.com/acme/gitops/pulls/12".into(),
                commit: commit().sha,
            },
            blockers: vec![Blocker {
                kind: BlockerKind::PullRequest,
                name: "#12".into(),
                reason: text(),
                until: None,
            }],
        },
        Outcome::Queued(prepared()),
        Outcome::Committed { prepared: Some(prepared()), commit: commit(), observation: None },
        Outcome::Committed {
            prepared: None,
            commit: commit(),
            observation: Some(Observation::NotObserved { reason: "NoFlux", message: text() }),
        },
        Outcome::Unchanged {
            prepared: Some(prepared()),
            head: CommitId::parse(&commit().sha).unwrap(),
        },
        Outcome::Ended(End::SetEnded { set: "s".into(), why: text() }),
        observed(Observation::NotObserved { reason: "NoFlux", message: text() }),
        observed(Observation::Unheard { reason: "AgentSilent", message: text() }),
        observed(Observation::Waiting { message: text() }),
        observed(Observation::Applied { message: text() }),
        observed(Observation::Healthy { message: text() }),
        observed(Observation::ApplyFailed { reason: "BuildFailed".into(), message: text() }),
        observed(Observation::Unhealthy { reason: "CrashLoopBackOff".into(), message: text() }),
        Outcome::Ended(End::Cancelled),
        Outcome::Ended(End::Superseded { by: "other".into() }),
        Outcome::Ended(End::Rejected { reason: "BaseChanged".into(), message: text() }),
        Outcome::Failed { reason: "MissingVariable".into(), message: text() },
        Outcome::Retrying { blocker: None, reason: "Unreachable".into(), message: text() },
    ]
}

#[test]
fn every_status_keeps_the_rules_of_kstatus_whatever_came_before() {
    for first in outcomes() {
        for second in outcomes() {
            let now = Timestamp::UNIX_EPOCH;
            let before = compute(&ReleaseStatus::default(), &release(), first.clone(), now);
            let after = compute(&before, &release(), second.clone(), now);
            for status in [&before, &after] {
                let broken =
                    condition::violations(&status.conditions, Some(1), status.observed_generation);
                assert!(broken.is_empty(), "{broken:?} after {first:?} then {second:?}");
            }
        }
    }
}

#[test]
fn an_unchanged_world_writes_nothing() {
    for outcome in outcomes() {
        let first =
            compute(&ReleaseStatus::default(), &release(), outcome.clone(), Timestamp::UNIX_EPOCH);
        let later = Timestamp::from_second(1000).unwrap();
        assert_eq!(compute(&first, &release(), outcome, later), first);
    }
}

#[test]
fn a_status_stays_small() {
    let mut prepared = prepared();
    prepared.plan.objects = (0..17).map(|n| format!("~ Deployment/some-long-name-{n}")).collect();
    let queued = compute(
        &ReleaseStatus::default(),
        &release(),
        Outcome::Queued(prepared),
        Timestamp::UNIX_EPOCH,
    );
    let done = compute(
        &queued,
        &release(),
        Outcome::Committed { prepared: None, commit: commit(), observation: None },
        Timestamp::UNIX_EPOCH,
    );
    let size = serde_json::to_string(&done).unwrap().len();
    assert!(size < 2600, "{size}");
}

#[test]
fn a_queued_release_stays_queued_while_git_is_away() {
    let queued = compute(
        &ReleaseStatus::default(),
        &release(),
        Outcome::Queued(prepared()),
        Timestamp::UNIX_EPOCH,
    );
    let blocker = Blocker {
        kind: BlockerKind::Git,
        name: "staging".into(),
        reason: "away".into(),
        until: None,
    };
    let retrying = Outcome::Retrying {
        blocker: Some(blocker),
        reason: "Unreachable".into(),
        message: "away".into(),
    };
    let status = compute(&queued, &release(), retrying, Timestamp::UNIX_EPOCH);
    assert_eq!(status.phase, Phase::Queued);
    assert_eq!(status.blocked_by.len(), 1);
}

#[test]
fn a_failure_that_mends_itself_becomes_healthy() {
    let failed = compute(
        &ReleaseStatus::default(),
        &release(),
        Outcome::Observed {
            commit: commit().sha,
            observation: Observation::Unhealthy {
                reason: "CrashLoopBackOff".into(),
                message: "x".into(),
            },
        },
        Timestamp::UNIX_EPOCH,
    );
    let healthy = compute(
        &failed,
        &release(),
        Outcome::Observed {
            commit: commit().sha,
            observation: Observation::Healthy { message: "1/1 replicas are ready".into() },
        },
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(healthy.phase, Phase::Healthy);
    assert!(condition::is_true(&healthy.conditions, READY));
    assert!(condition::find(&healthy.conditions, STALLED).is_none());
}

#[test]
fn a_commit_that_nothing_can_follow_ends_the_release_at_once() {
    let observation = Observation::NotObserved { reason: "NoFlux", message: "no Flux".into() };
    let outcome =
        |observation| Outcome::Committed { prepared: None, commit: commit(), observation };
    let at_once = compute(
        &ReleaseStatus::default(),
        &release(),
        outcome(Some(observation.clone())),
        Timestamp::UNIX_EPOCH,
    );
    assert!(condition::is_true(&at_once.conditions, READY));
    assert!(condition::find(&at_once.conditions, RECONCILING).is_none());
    assert!(at_once.timestamps.ended.is_some());
    let committed =
        compute(&ReleaseStatus::default(), &release(), outcome(None), Timestamp::UNIX_EPOCH);
    let observed = Outcome::Observed { commit: commit().sha, observation };
    let in_two_steps = compute(&committed, &release(), observed, Timestamp::UNIX_EPOCH);
    assert_eq!(at_once, in_two_steps);
}

#[test]
fn a_silent_agent_ends_nothing_and_takes_nothing_back() {
    let now = Timestamp::UNIX_EPOCH;
    let observed = |observation| Outcome::Observed { commit: commit().sha, observation };
    let silent = || {
        observed(Observation::Unheard {
            reason: "AgentSilent",
            message: "agent silent since 2026-03-01T10:00:00Z".into(),
        })
    };
    let committed =
        Outcome::Committed { prepared: Some(prepared()), commit: commit(), observation: None };
    let committed = compute(&ReleaseStatus::default(), &release(), committed, now);
    let status = compute(&committed, &release(), silent(), now);
    assert_eq!(status.phase, Phase::Committed);
    assert!(status.timestamps.ended.is_none());
    let ready = condition::find(&status.conditions, READY).unwrap();
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("Unknown", "AgentSilent"));
    assert!(ready.message.contains("agent silent since 2026"), "{}", ready.message);

    let applied = Outcome::Observed {
        commit: commit().sha,
        observation: Observation::Applied { message: "1/2 replicas are ready".into() },
    };
    let applied = compute(&status, &release(), applied, now);
    let status = compute(&applied, &release(), silent(), now);
    assert_eq!(status.phase, Phase::Applied);
    assert!(condition::is_true(&status.conditions, APPLIED), "Flux did apply it");

    for end in [
        Observation::Healthy { message: "2/2 replicas are ready".into() },
        Observation::Unhealthy { reason: "CrashLoopBackOff".into(), message: "why".into() },
    ] {
        let end = compute(&applied, &release(), observed(end), now);
        assert_eq!(compute(&end, &release(), silent(), now), end);
    }
}

#[test]
fn trying_again_says_nothing_new_until_the_try_has_an_end() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let away = || Outcome::Retrying {
        blocker: Some(Blocker {
            kind: BlockerKind::Git,
            name: "staging".into(),
            reason: "refused".into(),
            until: None,
        }),
        reason: "GitUnreachable".into(),
        message: "refused".into(),
    };
    let step =
        |before: &ReleaseStatus, outcome, second| compute(before, &release(), outcome, at(second));
    let queued = step(&ReleaseStatus::default(), Outcome::Queued(prepared()), 1);
    let failed = step(&queued, away(), 2);
    assert_eq!(failed.phase, Phase::Queued);
    assert_eq!(failed.blocked_by.len(), 1);
    assert_eq!(step(&failed, Outcome::Queued(prepared()), 3), failed, "it would be told twice");
    assert_eq!(step(&failed, away(), 4), failed);
    let commits = Outcome::Committed { prepared: None, commit: commit(), observation: None };
    let landed = step(&failed, commits, 5);
    assert!(landed.blocked_by.is_empty());
    assert_eq!(condition::find(&landed.conditions, READY).unwrap().reason, "Committed");
}
