//! What a release sets off: the same version in the next environment, or the way back.

use std::time::Duration;

use gimlet_crds::condition::AGENT_CONNECTED;
use gimlet_crds::{
    ArtifactRef, Environment, Phase, PromotionMode, Release, ReleaseSpec, ReleaseStatus,
    RollbackTo, Trigger, condition, name,
};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use kube::runtime::events::EventType;

use super::decide::order;
use super::gather::Around;
use super::{gate, reported, status};
use crate::context::Context;
use crate::digest;
use crate::error::ApiError;
use crate::origin;

/// What follows from how a release stands.
#[derive(Debug, PartialEq)]
enum Sequel {
    /// Nothing.
    Nothing,
    /// Nothing before that time.
    At(Timestamp),
    /// This release.
    Release(Box<Release>),
    /// It should go back, and there is nothing healthy to go back to.
    NoWayBack,
}

/// Creates what a release sets off, and tells how long until more may be due.
pub(super) async fn follow(
    release: &mut Release,
    around: &Around,
    ctx: &Context,
) -> Result<Option<Duration>, ApiError> {
    if origin::is_restored(&release.metadata) {
        // What it sets off was set off then, or is for people to decide now.
        return Ok(None);
    }
    let namespace = release.namespace().unwrap_or_default();
    let mut soonest: Option<Timestamp> = None;
    let next = ctx.environments_promoting_from(&namespace, &release.spec.environment);
    let forward = next.iter().map(|next| promotion(release, next, around, ctx)).collect::<Vec<_>>();
    for sequel in forward.into_iter().chain([rollback(release, around)]) {
        match sequel {
            Sequel::Nothing => {}
            Sequel::At(time) => soonest = Some(soonest.map_or(time, |other| other.min(time))),
            Sequel::Release(made) => create(release, *made, ctx).await?,
            Sequel::NoWayBack => {
                let note = "it should be rolled back, and no release before it was healthy: \
                            release a version that works";
                ctx.event(release, EventType::Warning, "NothingToRollBackTo", note);
            }
        }
    }
    Ok(soonest.map(|time| {
        let left = time.duration_since(around.now);
        Duration::try_from(left).unwrap_or_default() + Duration::from_secs(1)
    }))
}

fn promotion(release: &Release, next: &Environment, around: &Around, ctx: &Context) -> Sequel {
    let namespace = release.namespace().unwrap_or_default();
    let app = ctx.app(&namespace, &name::app_object(&release.spec.app, &next.name_any()));
    let culprit = app.as_ref().and_then(|app| app.spec.hold.as_ref()?.culprit.clone());
    forward(release, next, culprit.as_deref(), around)
}

/// Decides whether a healthy release is released in the next environment too.
fn forward(
    release: &Release,
    next: &Environment,
    culprit: Option<&str>,
    around: &Around,
) -> Sequel {
    let Some(rule) = next.spec.promotion.as_ref().filter(|r| r.mode == PromotionMode::Automatic)
    else {
        return Sequel::Nothing;
    };
    let Some(status) = release.status.as_ref().filter(|status| status.phase == Phase::Healthy)
    else {
        return Sequel::Nothing;
    };
    let (Some(artifact), Some(healthy)) = (&status.artifact, gate::healthy_since(status)) else {
        return Sequel::Nothing;
    };
    let made = promoted(release, artifact, &next.name_any());
    // What went back is not promoted, neither by itself nor by those who wait.
    let back = release.spec.rollback_to.is_some() || release.spec.trigger == Trigger::Rollback;
    let app_is_held = around.app.as_ref().is_some_and(|app| app.spec.hold.is_some());
    if back || app_is_held || culprit.is_some() || is_set_off(release, &made) {
        return Sequel::Nothing;
    }
    match healthy.saturating_add(gate::soak(rule)) {
        Ok(due) if due > around.now => Sequel::At(due),
        _ => Sequel::Release(Box::new(made)),
    }
}

/// Decides whether a release that does not become healthy is taken back.
fn rollback(release: &Release, around: &Around) -> Sequel {
    let rule = around.environment.as_ref().and_then(|env| env.spec.automatic_rollback.as_ref());
    let (Some(rule), Some(status)) = (rule, &release.status) else {
        return Sequel::Nothing;
    };
    let committed = status.timestamps.committed.as_ref();
    let (Some(committed), None) = (committed, &release.spec.rollback_to) else {
        return Sequel::Nothing;
    };
    let seen = around.environment.as_ref().and_then(|env| seen_since(env, committed.0));
    let due = seen.zip(gate::duration(&rule.after));
    let due = due.and_then(|(seen, after)| seen.checked_add(after).ok());
    let late = due.is_some_and(|due| due <= around.now);
    let unobserved = status.timestamps.ended.is_some() && status.phase == Phase::Committed;
    if is_unheard(status) {
        // Nobody knows whether it is healthy: it is looked at again when the agent is back.
        return Sequel::Nothing;
    }
    match status.phase {
        Phase::Failed => {}
        Phase::Committed | Phase::Applied if late && !unobserved => {}
        Phase::Committed | Phase::Applied if !unobserved => {
            return due.map_or(Sequel::Nothing, Sequel::At);
        }
        _ => return Sequel::Nothing,
    }
    if status.sets_off.iter().any(|name| *name == name_of(release, BACK)) {
        return Sequel::Nothing;
    }
    match last_healthy(release, around) {
        None if status.sets_off.is_empty() => Sequel::NoWayBack,
        None => Sequel::Nothing,
        Some(commit) => Sequel::Release(Box::new(back(release, commit))),
    }
}

/// Tells since when it is seen how a commit fares: an agent that was not heard, or did not see its
/// cluster, is as if nobody had been there. None while that is so.
fn seen_since(environment: &Environment, committed: Timestamp) -> Option<Timestamp> {
    let conditions = environment.status.iter().flat_map(|status| &status.conditions);
    let agent = conditions.into_iter().find(|condition| condition.type_ == AGENT_CONNECTED);
    match agent.filter(|_| !environment.spec.observed_by.is_operator()) {
        None => Some(committed),
        Some(agent) if agent.status == "True" => Some(committed.max(agent.last_transition_time.0)),
        Some(_) => None,
    }
}

/// Tells whether the agent that would say what became of a release says nothing.
fn is_unheard(status: &ReleaseStatus) -> bool {
    let ready = condition::find(&status.conditions, condition::READY);
    ready.is_some_and(|ready| {
        ready.status == "Unknown" && reported::UNHEARD.contains(&ready.reason.as_str())
    })
}

/// Distinguishes the name of a rollback from those of promotions.
const BACK: &str = "<";

fn last_healthy(release: &Release, around: &Around) -> Option<String> {
    around
        .releases
        .iter()
        .filter(|other| order(other) < order(release))
        .filter(|other| {
            other.status.as_ref().is_some_and(|status| status.timestamps.healthy.is_some())
        })
        .max_by_key(|other| order(other))
        .and_then(|other| other.status.as_ref()?.commit.as_ref().map(|commit| commit.sha.clone()))
}

fn promoted(release: &Release, artifact: &ArtifactRef, environment: &str) -> Release {
    let own = release.namespace();
    let foreign = artifact.namespace.clone().filter(|namespace| Some(namespace) != own.as_ref());
    let spec = ReleaseSpec {
        environment: environment.to_owned(),
        app: release.spec.app.clone(),
        artifact: Some(ArtifactRef { name: artifact.name.clone(), namespace: foreign }),
        trigger: Trigger::Promotion,
        requested_by: release.spec.requested_by.clone(),
        ..ReleaseSpec::default()
    };
    made(release, environment, spec)
}

fn back(release: &Release, commit: String) -> Release {
    let ready = release
        .status
        .as_ref()
        .and_then(|status| condition::find(&status.conditions, condition::READY));
    let cause = ready.map_or("it did not become healthy in time", |ready| ready.message.as_str());
    let reason = format!("{} did not become healthy: {cause}", release.name_any());
    let spec = ReleaseSpec {
        environment: release.spec.environment.clone(),
        app: release.spec.app.clone(),
        rollback_to: Some(RollbackTo { commit: Some(commit), release: None, time: None }),
        trigger: Trigger::Rollback,
        reason: Some(condition::cut(&reason, 512)),
        ..ReleaseSpec::default()
    };
    made(release, BACK, spec)
}

fn made(release: &Release, what: &str, spec: ReleaseSpec) -> Release {
    let mut made = Release::new(&name_of(release, what), spec);
    made.metadata.namespace = release.namespace();
    made
}

/// Names what a release sets off: always the same name, so that it is made once.
fn name_of(release: &Release, what: &str) -> String {
    let environment = if what == BACK { &release.spec.environment } else { what };
    let uid = release.uid().unwrap_or_default();
    let digest = digest::of_parts([uid.as_bytes(), what.as_bytes()]);
    let short: String = digest.chars().take(10).collect();
    format!("{}-{short}", name::app_object(&release.spec.app, environment))
}

fn is_set_off(release: &Release, made: &Release) -> bool {
    let name = made.name_any();
    release.status.as_ref().is_some_and(|status| status.sets_off.contains(&name))
}

/// Creates a release, and then remembers it, so that it is not made again once it was pruned.
async fn create(release: &mut Release, made: Release, ctx: &Context) -> Result<(), ApiError> {
    let namespace = release.namespace().unwrap_or_default();
    let api: Api<Release> = Api::namespaced(ctx.client.clone(), &namespace);
    let name = made.name_any();
    match api.create(&PostParams::default(), &made).await {
        Ok(_) => {
            let what = made.spec.trigger.as_str();
            let note = format!("{what} as {name} in {}", made.spec.environment);
            ctx.event(release, EventType::Normal, what, &note);
        }
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => return Err(ApiError::new(format!("create the Release {name}"), error)),
    }
    status::set_off(release, name, ctx).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::{Value, json};

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn release(name: &str, second: i64, status: &Value) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": name, "namespace": "ns", "uid": name, "creationTimestamp": time(second)},
            "spec": {"app": "shop", "environment": "staging", "artifact": {"name": "shop-1"}},
            "status": status
        }))
        .unwrap()
    }

    fn environment(name: &str, spec: &Value) -> Environment {
        let mut all = json!({"gitops": {"url": "https://x/y"}});
        for (field, value) in spec.as_object().unwrap() {
            all[field] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": name, "namespace": "ns"}, "spec": all
        }))
        .unwrap()
    }

    fn around(environment: Environment, releases: Vec<Release>) -> Around {
        Around {
            word: crate::witness::Word::Nobody(String::new()),
            environment: Some(Arc::new(environment)),
            app: None,
            releases: releases.into_iter().map(Arc::new).collect(),
            before: Vec::new(),
            approvals: Vec::new(),
            set: None,
            now: time(1000),
        }
    }

    fn commit(letter: &str) -> Value {
        json!({"sha": letter.repeat(40), "short": letter.repeat(7), "branch": "main", "path": "x"})
    }

    #[test]
    fn what_was_healthy_for_long_enough_goes_on_once() {
        let next = environment(
            "production",
            &json!({"promotion": {"from": "staging", "soak": "10m", "mode": "Automatic"}}),
        );
        let healthy = |second: i64| json!({"phase": "Healthy", "artifact": {"name": "shop-1"}, "timestamps": {"healthy": time(second)}});
        let around = around(environment("staging", &json!({})), Vec::new());
        let young = release("a", 1, &healthy(401));
        assert_eq!(forward(&young, &next, None, &around), Sequel::At(time(1001)));
        // What failed in between begins anew.
        let mut mended = healthy(1);
        mended["conditions"] = json!([{"type": "Healthy", "status": "True", "reason": "Healthy",
            "message": "", "lastTransitionTime": time(401)}]);
        let mended = release("a", 1, &mended);
        assert_eq!(forward(&mended, &next, None, &around), Sequel::At(time(1001)));
        let mut ripe = release("a", 1, &healthy(400));
        let Sequel::Release(made) = forward(&ripe, &next, None, &around) else {
            panic!("nothing is set off")
        };
        assert_eq!(made.spec.environment, "production");
        assert_eq!(made.spec.trigger, Trigger::Promotion);
        assert_eq!(made.spec.artifact.as_ref().unwrap().name, "shop-1");
        assert!(made.name_any().starts_with("shop.production-"));
        assert_eq!(forward(&ripe, &next, Some("abc"), &around), Sequel::Nothing);
        ripe.status.as_mut().unwrap().sets_off.push(made.name_any());
        assert_eq!(forward(&ripe, &next, None, &around), Sequel::Nothing);

        let by_hand = environment("production", &json!({"promotion": {"from": "staging"}}));
        let ripe = release("a", 1, &healthy(400));
        assert_eq!(forward(&ripe, &by_hand, None, &around), Sequel::Nothing);
    }

    #[test]
    fn what_fails_goes_back_to_the_last_that_was_healthy() {
        let rule = || environment("staging", &json!({"automaticRollback": {"after": "5m"}}));
        let was_healthy = json!({
            "phase": "Superseded", "commit": commit("a"), "timestamps": {"healthy": time(1)}
        });
        let never = json!({"phase": "Superseded", "commit": commit("b"), "timestamps": {}});
        let older = vec![release("a", 1, &was_healthy), release("b", 2, &never)];
        let failed = json!({
            "phase": "Failed", "commit": commit("c"), "timestamps": {"committed": time(900)},
            "conditions": [{"type": "Ready", "status": "False", "reason": "CrashLoopBackOff",
                "message": "it crashes", "lastTransitionTime": time(950)}]
        });
        let failed = release("c", 3, &failed);
        let Sequel::Release(made) = rollback(&failed, &around(rule(), older.clone())) else {
            panic!("nothing is set off")
        };
        let to = made.spec.rollback_to.as_ref().unwrap();
        assert_eq!(to.commit, Some("a".repeat(40)));
        assert_eq!(made.spec.trigger, Trigger::Rollback);
        assert!(made.spec.reason.as_ref().unwrap().ends_with("it crashes"));
        assert_eq!(rollback(&failed, &around(rule(), Vec::new())), Sequel::NoWayBack);
        let without = environment("staging", &json!({}));
        assert_eq!(rollback(&failed, &around(without, older.clone())), Sequel::Nothing);

        let mut done = failed.clone();
        done.status.as_mut().unwrap().sets_off.push(made.name_any());
        assert_eq!(rollback(&done, &around(rule(), older.clone())), Sequel::Nothing);
        let mut itself = failed;
        itself.spec.rollback_to = Some(RollbackTo::default());
        assert_eq!(rollback(&itself, &around(rule(), older)), Sequel::Nothing);
    }

    #[test]
    fn what_takes_too_long_goes_back_too() {
        let rule = || environment("staging", &json!({"automaticRollback": {"after": "5m"}}));
        let on_its_way = |committed: i64| {
            let mut release = release("c", 3, &json!({"phase": "Applied", "commit": commit("c")}));
            release.status.as_mut().unwrap().timestamps.committed = Some(Time(time(committed)));
            release
        };
        let before = json!({"phase": "Superseded", "commit": commit("a"), "timestamps": {"healthy": time(1)}});
        let around = around(rule(), vec![release("a", 1, &before)]);
        assert_eq!(rollback(&on_its_way(701), &around), Sequel::At(time(1001)));
        assert!(matches!(rollback(&on_its_way(700), &around), Sequel::Release(_)));
        let mut unobserved = on_its_way(1);
        let status = unobserved.status.as_mut().unwrap();
        (status.phase, status.timestamps.ended) = (Phase::Committed, Some(Time(time(2))));
        assert_eq!(rollback(&unobserved, &around), Sequel::Nothing, "nothing tells how it is");
        let mut unheard = on_its_way(1);
        let silent = json!({"type": "Ready", "status": "Unknown", "reason": "AgentSilent", "message": "",
            "lastTransitionTime": "2026-03-01T10:00:00Z"});
        unheard.status.as_mut().unwrap().conditions = vec![serde_json::from_value(silent).unwrap()];
        assert_eq!(rollback(&unheard, &around), Sequel::Nothing, "nobody tells how it is for now");
    }

    #[test]
    fn time_in_which_an_agent_saw_nothing_does_not_count() {
        let said = |agent: &Value| {
            let spec = json!({"observedBy": "Agent", "automaticRollback": {"after": "5m"}});
            let mut environment = environment("staging", &spec);
            let status = json!({"conditions": [agent]});
            environment.status = Some(serde_json::from_value(status).unwrap());
            let before = json!({"phase": "Superseded", "commit": commit("a"), "timestamps": {"healthy": time(1)}});
            around(environment, vec![release("a", 1, &before)])
        };
        let since = |truth: &str, second: i64| {
            said(&json!({"type": "AgentConnected", "status": truth, "reason": "Any", "message": "",
                "lastTransitionTime": time(second)}))
        };
        let waits = json!({"phase": "Committed", "commit": commit("c"),
            "timestamps": {"committed": time(100)}});
        let waits = release("c", 3, &waits);
        assert!(matches!(rollback(&waits, &since("True", 100)), Sequel::Release(_)));
        assert_eq!(rollback(&waits, &since("True", 990)), Sequel::At(time(1290)));
        assert_eq!(rollback(&waits, &since("False", 100)), Sequel::Nothing, "nobody sees it");
        // What is known to have failed has failed.
        let failed = json!({"phase": "Failed", "commit": commit("c"),
            "timestamps": {"committed": time(100)}});
        let failed = release("c", 3, &failed);
        assert!(matches!(rollback(&failed, &since("True", 990)), Sequel::Release(_)));
    }
}
