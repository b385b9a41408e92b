//! The only place that writes the status of an app.

use std::borrow::Cow;

use gimlet_crds::condition::{self, PREVIEW_NEEDED, READY, RECONCILING, STALLED, Truth, Verdict};
use gimlet_crds::{
    App, AppStatus, Drift, Live, LiveState, Observer, PreviewStatus, PullRequestStatus, labels,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};
use kube::ResourceExt;
use kube::runtime::events::EventType;

use super::gather::Found;
use crate::context::Context;
use crate::error::ApiError;
use crate::notification::News;
use crate::preview::{Fate, Outlook};
use crate::release::{Observation, reported_failure};
use crate::status::apply;

/// Reason of an app whose folder was changed by hand.
const DRIFTED: &str = "Drifted";

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
    let namespace = app.namespace().unwrap_or_default();
    let environment = ctx.environment(&namespace, &app.spec.environment);
    let told_by_agent =
        environment.is_some_and(|environment| !environment.spec.observed_by.is_operator());
    if status == old && !(told_by_agent && owns_live(app)) {
        return Ok(());
    }
    // What somebody else writes is left out, which also gives up what was written here before.
    let live = status.live.clone().filter(|_| !told_by_agent);
    if apply(app, &AppStatus { live, ..status.clone() }, ctx).await?.is_none() {
        return Ok(());
    }
    let of = |status: &AppStatus| {
        condition::find(&status.conditions, READY).map(|c| (c.status.clone(), c.reason.clone()))
    };
    let ready = condition::find(&status.conditions, READY).filter(|_| of(&old) != of(&status));
    if let Some(ready) = ready {
        let kind = if ready.status == "False" { EventType::Warning } else { EventType::Normal };
        ctx.event(app, kind, &ready.reason, &ready.message);
    }
    if let Some(change) = new_drift(&old, &status) {
        // An app that does not run, or is on its way, has another reason.
        if ready.is_none_or(|ready| ready.reason != DRIFTED) {
            ctx.event(app, EventType::Warning, DRIFTED, change);
        }
        let mut drifted = app.clone();
        drifted.status = Some(status.clone());
        ctx.announcer.publish(News::Drift(Box::new(drifted)));
    }
    Ok(())
}

/// Tells whether the operator is known as a writer of what runs. Only an entry that says so is in the
/// cache.
fn owns_live(app: &App) -> bool {
    app.managed_fields().iter().any(|entry| entry.manager.as_deref() == Some(labels::OPERATOR))
}

/// Tells whether an entry of an app's managed fields says that the operator writes what runs.
pub(crate) fn is_of_live(entry: &ManagedFieldsEntry) -> bool {
    let fields = entry.fields_v1.as_ref().map(|fields| &fields.0["f:status"]["f:live"]);
    entry.manager.as_deref() == Some(labels::OPERATOR)
        && entry.subresource.as_deref() == Some("status")
        && fields.is_some_and(|fields| !fields.is_null())
}

/// Says what was changed by hand, where that was not so at the last look.
fn new_drift<'a>(old: &AppStatus, status: &'a AppStatus) -> Option<&'a str> {
    let change = status.drift.as_ref()?.git.as_deref();
    change.filter(|_| old.drift != status.drift)
}

fn compute(old: &AppStatus, generation: Option<i64>, seen: Seen, now: Timestamp) -> AppStatus {
    let mut status = AppStatus { observed_generation: generation, ..old.clone() };
    let verdicts = match seen {
        Seen::Found(found) => {
            let Found {
                current,
                previous,
                pending,
                observation,
                applied,
                drift,
                environment,
                outlook,
            } = *found;
            let mut verdicts = if environment.is_some() {
                let seen = observation.as_ref().map(|seen| as_it_runs(seen, old, environment));
                verdicts(seen.as_deref(), pending.as_deref(), drift.as_deref())
            } else {
                let message = "its environment is not there: create it again, or set \
                               spec.deletionPolicy to Orphan and delete the App";
                bad("EnvironmentNotFound", message)
            };
            status.current = current;
            status.previous = previous;
            status.pending = pending;
            if environment != Some(Observer::Agent) {
                status.live = observation.as_ref().map(|seen| live(seen, applied));
            }
            status.drift = drift.map(|git| Drift { git: Some(git) });
            verdicts.extend(outlook.as_ref().map(needed));
            status.preview = outlook.map(preview);
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
            let reason = if drift.is_some() { DRIFTED } else { "Released" };
            vec![Verdict::new(READY, Truth::True, reason, with_drift(message))]
        }
        Some(Observation::Healthy { message }) => {
            let reason = if drift.is_some() { DRIFTED } else { "Healthy" };
            vec![Verdict::new(READY, Truth::True, reason, with_drift(message))]
        }
        Some(Observation::Unheard { reason, message }) => working(reason, with_drift(message)),
        Some(Observation::Waiting { message } | Observation::Applied { message }) => {
            working("Progressing", with_drift(message))
        }
        Some(
            Observation::ApplyFailed { reason, message }
            | Observation::Unhealthy { reason, message },
        ) => bad(reason, &with_drift(message)),
    }
}

/// Puts what runs now, as an agent says, in the place of what became of the release: that stays
/// healthy, whatever happens to the app later.
fn as_it_runs<'a>(
    seen: &'a Observation,
    status: &AppStatus,
    observer: Option<Observer>,
) -> Cow<'a, Observation> {
    let healthy = matches!(seen, Observation::Healthy { .. });
    let live = status.live.as_ref().filter(|_| healthy && observer == Some(Observer::Agent));
    match live.and_then(reported_failure) {
        Some((reason, message)) => Cow::Owned(Observation::Unhealthy { reason, message }),
        None => Cow::Borrowed(seen),
    }
}

/// Says whether what a preview was made for is still there.
fn needed(outlook: &Outlook) -> Verdict {
    let (truth, reason, message) = match &outlook.fate {
        Fate::Needed { message } => (Truth::True, "BranchThere", message.clone()),
        Fate::Unknown { reason, message } => (Truth::Unknown, *reason, message.clone()),
        Fate::Goes(removal) => (Truth::False, &*removal.reason, removal.message.clone()),
        Fate::Held { removal, by } => {
            (Truth::False, &*removal.reason, format!("{}; it stays, for {by}", removal.message))
        }
    };
    Verdict::new(PREVIEW_NEEDED, truth, reason, message)
}

fn preview(outlook: Outlook) -> PreviewStatus {
    let Outlook { fate, url, expires } = outlook;
    PreviewStatus {
        url,
        expires: expires.map(|expires| Time(condition::whole_second(expires))),
        removal: if let Fate::Goes(removal) = fate { Some(removal) } else { None },
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
        Observation::NotObserved { message, .. } | Observation::Unheard { message, .. } => {
            (LiveState::Unknown, message)
        }
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
    Live { commit, replicas, message: Some(condition::cut(message, 512)), ..Live::new(state) }
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
            environment: Some(Observer::Operator),
            outlook: None,
        }))
    }

    #[test]
    fn a_preview_says_where_it_is_how_long_it_stays_and_why_it_goes() {
        let removal = gimlet_crds::PreviewRemoval { reason: "Idle".into(), message: "m".into() };
        let fates = [
            (Fate::Needed { message: "m".into() }, "True", "BranchThere"),
            (
                Fate::Unknown { reason: "RepositoryNotRead", message: "m".into() },
                "Unknown",
                "RepositoryNotRead",
            ),
            (
                Fate::Held { removal: removal.clone(), by: "the app is locked: x".into() },
                "False",
                "Idle",
            ),
            (Fate::Goes(removal.clone()), "False", "Idle"),
        ];
        for (fate, truth, reason) in fates {
            let goes = matches!(fate, Fate::Goes(_));
            let Seen::Found(mut seen) = found(None, true, false) else { panic!("found") };
            let expires = Some(Timestamp::UNIX_EPOCH);
            seen.outlook = Some(Outlook { fate, url: Some("https://a".into()), expires });
            let status =
                compute(&AppStatus::default(), Some(1), Seen::Found(seen), Timestamp::UNIX_EPOCH);
            let broken = condition::violations(&status.conditions, Some(1), Some(1));
            assert!(broken.is_empty(), "{broken:?}");
            let needed = condition::find(&status.conditions, PREVIEW_NEEDED).unwrap();
            assert_eq!((&*needed.status, &*needed.reason), (truth, reason));
            let preview = status.preview.unwrap();
            assert_eq!(preview.removal, goes.then(|| removal.clone()));
            assert!(preview.url.is_some() && preview.expires.is_some());
        }
    }

    #[test]
    fn every_status_keeps_the_rules_of_kstatus() {
        let message = || "because".to_owned();
        let observations = [
            None,
            Some(Observation::NotObserved { reason: "NoFlux", message: message() }),
            Some(Observation::Unheard { reason: "AgentSilent", message: message() }),
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

    #[test]
    fn each_change_by_hand_is_told_once_whatever_else_the_app_does() {
        let of = |git: Option<&str>| AppStatus {
            drift: git.map(|git| Drift { git: Some(git.into()) }),
            ..AppStatus::default()
        };
        assert_eq!(new_drift(&of(None), &of(Some("commit a"))), Some("commit a"));
        assert_eq!(new_drift(&of(Some("commit a")), &of(Some("commit a"))), None);
        assert_eq!(new_drift(&of(Some("commit a")), &of(Some("commit b"))), Some("commit b"));
        assert_eq!(new_drift(&of(Some("commit a")), &of(None)), None);
        // Where nothing reports from the cluster, it is the reason as well.
        let seen = Observation::NotObserved { reason: "NoFlux", message: "no Flux".into() };
        let seen = found(Some(seen), false, true);
        let status = compute(&AppStatus::default(), Some(1), seen, Timestamp::UNIX_EPOCH);
        assert_eq!(condition::find(&status.conditions, READY).unwrap().reason, DRIFTED);
    }

    #[test]
    fn what_an_agent_tells_stays_and_is_what_the_app_is_judged_by() {
        let told = Live {
            flux: Some(gimlet_crds::FluxState { ready: Some(true), ..Default::default() }),
            object: Some("Deployment/web".into()),
            reason: Some("CrashLoopBackOff".into()),
            message: Some("container app ends with exit code 1".into()),
            ..Live::new(LiveState::Failed)
        };
        let old = AppStatus { live: Some(told.clone()), ..AppStatus::default() };
        let healthy = Observation::Healthy { message: "2/2 replicas are ready".into() };
        let seen = |observer| {
            let Seen::Found(mut seen) = found(Some(healthy.clone()), false, false) else {
                panic!("found")
            };
            seen.environment = Some(observer);
            compute(&old, Some(1), Seen::Found(seen), Timestamp::UNIX_EPOCH)
        };
        let status = seen(Observer::Agent);
        assert_eq!(status.live.as_ref(), Some(&told));
        let ready = condition::find(&status.conditions, READY).unwrap();
        assert_eq!((&*ready.status, &*ready.reason), ("False", "CrashLoopBackOff"));
        assert!(ready.message.contains("Deployment/web"), "{}", ready.message);
        let status = seen(Observer::Operator);
        assert!(condition::is_true(&status.conditions, READY));
        assert_eq!(status.live.unwrap().state, LiveState::Healthy);
    }

    #[test]
    fn the_operator_knows_what_it_wrote() {
        let entry = |manager: &str, field: &str| -> ManagedFieldsEntry {
            serde_json::from_value(serde_json::json!({
                "manager": manager, "operation": "Apply", "subresource": "status",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {field: {}}}
            }))
            .unwrap()
        };
        assert!(is_of_live(&entry(labels::OPERATOR, "f:live")));
        assert!(!is_of_live(&entry(labels::OPERATOR, "f:current")));
        assert!(!is_of_live(&entry(labels::AGENT, "f:live")));
        let mut app: App = serde_json::from_value(serde_json::json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": "a.b"},
            "spec": {"app": "a", "environment": "b"}
        }))
        .unwrap();
        assert!(!owns_live(&app));
        app.metadata.managed_fields = Some(vec![entry(labels::OPERATOR, "f:live")]);
        assert!(owns_live(&app));
    }
}
