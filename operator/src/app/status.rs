//! The only place that writes the status of an app.

use gimlet_crds::condition::{self, READY, RECONCILING, STALLED, Truth, Verdict};
use gimlet_crds::{App, AppStatus, Drift, Live, LiveState, PullRequestStatus};
use jiff::Timestamp;
use kube::runtime::events::EventType;

use super::gather::Found;
use crate::context::Context;
use crate::error::ApiError;
use crate::notification::News;
use crate::release::Observation;
use crate::status::apply;

/// What a look at an app found.
pub(super) enum Seen {
    Found(Box<Found>),
    Uninstalling { reason: &'static str, message: String, pull: Option<PullRequestStatus> },
    Failed { reason: &'static str, message: String, stalled: bool },
}

/// Writes the status that follows from a look, if it differs from the one that is there.
pub(super) async fn write(app: &App, seen: Seen, ctx: &Context) -> Result<(), ApiError> {
    let old = app.status.clone().unwrap_or_default();
    let status = compute(&old, app.metadata.generation, seen, Context::now());
    if status == old {
        return Ok(());
    }
    if apply(app, &status, ctx).await?.is_none() {
        return Ok(());
    }
    let of = |status: &AppStatus| {
        condition::find(&status.conditions, READY).map(|c| (c.status.clone(), c.reason.clone()))
    };
    let ready = condition::find(&status.conditions, READY).filter(|_| of(&old) != of(&status));
    if let Some(ready) = ready {
        let kind = if ready.status == "False" { EventType::Warning } else { EventType::Normal };
        ctx.event(app, kind, &ready.reason, &ready.message);
        if ready.reason == "Drifted" {
            let mut drifted = app.clone();
            drifted.status = Some(status.clone());
            ctx.announcer.publish(News::Drift(Box::new(drifted)));
        }
    }
    Ok(())
}

fn compute(old: &AppStatus, generation: Option<i64>, seen: Seen, now: Timestamp) -> AppStatus {
    let mut status = AppStatus { observed_generation: generation, ..old.clone() };
    let verdicts = match seen {
        Seen::Found(found) => {
            let Found { current, previous, pending, observation, applied, drift, environment } =
                *found;
            let verdicts = if environment {
                verdicts(observation.as_ref(), pending.as_deref(), drift.as_deref())
            } else {
                let message = "its environment is not there: create it again, or set \
                               spec.deletionPolicy to Orphan and delete the App";
                bad("EnvironmentNotFound", message)
            };
            status.current = current;
            status.previous = previous;
            status.pending = pending;
            status.live = observation.as_ref().map(|seen| live(seen, applied));
            status.drift = drift.map(|git| Drift { git: Some(git) });
            verdicts
        }
        Seen::Uninstalling { reason, message, pull } => {
            status.pull_request = pull.or(status.pull_request);
            vec![
                Verdict::new(READY, Truth::False, reason, message.clone()),
                Verdict::new(RECONCILING, Truth::True, reason, message),
            ]
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

fn verdicts(
    observation: Option<&Observation>,
    pending: Option<&str>,
    drift: Option<&str>,
) -> Vec<Verdict> {
    let with_drift = |message: &str| match drift {
        None => message.to_owned(),
        Some(drift) => format!("{message}; {drift}"),
    };
    let working = |reason: &str, message: String| {
        vec![
            Verdict::new(READY, Truth::Unknown, reason, message.clone()),
            Verdict::new(RECONCILING, Truth::True, reason, message),
        ]
    };
    match observation {
        None => match pending {
            Some(release) => working("Releasing", format!("release {release} is on its way")),
            None => bad("NotReleased", "nothing was released yet"),
        },
        Some(Observation::NotObserved { message, .. }) => {
            vec![Verdict::new(READY, Truth::True, "Released", with_drift(message))]
        }
        Some(Observation::Healthy { message }) => {
            let reason = if drift.is_some() { "Drifted" } else { "Healthy" };
            vec![Verdict::new(READY, Truth::True, reason, with_drift(message))]
        }
        Some(Observation::Waiting { message } | Observation::Applied { message }) => {
            working("Progressing", with_drift(message))
        }
        Some(
            Observation::ApplyFailed { reason, message }
            | Observation::Unhealthy { reason, message },
        ) => bad(reason, &with_drift(message)),
    }
}

fn bad(reason: &str, message: &str) -> Vec<Verdict> {
    vec![
        Verdict::new(READY, Truth::False, reason, message),
        Verdict::new(STALLED, Truth::True, reason, message),
    ]
}

fn live(observation: &Observation, commit: Option<String>) -> Live {
    let (state, message) = match observation {
        Observation::NotObserved { message, .. } => (LiveState::Unknown, message),
        Observation::Waiting { message } | Observation::Applied { message } => {
            (LiveState::Progressing, message)
        }
        Observation::Healthy { message } => (LiveState::Healthy, message),
        Observation::ApplyFailed { message, .. } | Observation::Unhealthy { message, .. } => {
            (LiveState::Failed, message)
        }
    };
    let replicas = message
        .strip_suffix(" replicas are ready")
        .filter(|count| count.split_once('/').is_some())
        .map(str::to_owned);
    Live { commit, state, replicas, message: Some(condition::cut(message, 512)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(observation: Option<Observation>, pending: bool, drift: bool) -> Seen {
        Seen::Found(Box::new(Found {
            current: None,
            previous: None,
            pending: pending.then(|| "r".into()),
            observation,
            applied: None,
            drift: drift.then(|| "commit abc changed it".into()),
            environment: true,
        }))
    }

    #[test]
    fn every_status_keeps_the_rules_of_kstatus() {
        let message = || "because".to_owned();
        let observations = [
            None,
            Some(Observation::NotObserved { reason: "NoFlux", message: message() }),
            Some(Observation::Waiting { message: message() }),
            Some(Observation::Applied { message: message() }),
            Some(Observation::Healthy { message: message() }),
            Some(Observation::ApplyFailed { reason: "BuildFailed".into(), message: message() }),
            Some(Observation::Unhealthy { reason: "CrashLoopBackOff".into(), message: message() }),
        ];
        for observation in observations {
            for (pending, drift) in [(false, false), (true, false), (false, true), (true, true)] {
                let seen = found(observation.clone(), pending, drift);
                let status = compute(&AppStatus::default(), Some(1), seen, Timestamp::UNIX_EPOCH);
                let broken = condition::violations(&status.conditions, Some(1), Some(1));
                assert!(broken.is_empty(), "{broken:?} for {observation:?}");
            }
        }
    }

    #[test]
    fn drift_is_told_without_calling_a_running_app_broken() {
        let healthy = Observation::Healthy { message: "2/2 replicas are ready".into() };
        let status = compute(
            &AppStatus::default(),
            Some(1),
            found(Some(healthy), false, true),
            Timestamp::UNIX_EPOCH,
        );
        let ready = condition::find(&status.conditions, READY).unwrap();
        assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("True", "Drifted"));
        assert_eq!(status.live.unwrap().replicas.as_deref(), Some("2/2"));
    }
}
