//! What the agent of an environment's cluster reports of an app: pure.

use gimlet_crds::condition::{AGENT_BLIND, AGENT_SILENT, NO_AGENT};
use gimlet_crds::{AgentStatus, App, Environment, FluxState, Live, LiveState};
use jiff::Timestamp;
use kube::ResourceExt;

use super::observe::{Sight, WORKLOAD_FAILED, word};
use super::outcome::Observation;
use super::workload::{Failure, Workloads};
use crate::flux::{self, Kustomization, Readiness, Source};

const NOT_CONNECTED: &str = "NotConnected";

/// Reasons for which nothing is known of an environment that has an agent.
pub(crate) const UNHEARD: [&str; 4] = [NO_AGENT, AGENT_SILENT, AGENT_BLIND, NOT_CONNECTED];

/// Why nothing is known of an environment that has an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unheard {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

/// Returns what the agent of an environment said, unless it is silent or does not see its cluster.
pub(crate) fn heard(environment: &Environment, now: Timestamp) -> Result<&AgentStatus, Unheard> {
    let agent = environment.status.as_ref().and_then(|status| status.agent.as_ref());
    match agent {
        None => Err(Unheard {
            reason: NO_AGENT,
            message: format!(
                "no agent has reported for environment {}: install gimlet-agent in its cluster, or set \
                 spec.observedBy to Operator",
                environment.name_any()
            ),
        }),
        Some(agent) if agent.is_silent(now) => Err(Unheard {
            reason: AGENT_SILENT,
            message: format!("agent silent since {}", agent.last_contact.0),
        }),
        Some(AgentStatus { blind: Some(blind), .. }) => Err(Unheard {
            reason: AGENT_BLIND,
            message: format!(
                "the agent does not see its cluster since {}: {}",
                blind.since.0, blind.message
            ),
        }),
        Some(agent) => Ok(agent),
    }
}

/// Finds the objects by which Flux follows the environment, in what its agent said.
pub(crate) fn followed(
    environment: &Environment,
    agent: &AgentStatus,
) -> Option<(Kustomization, Source)> {
    let name = flux::environment_object(&environment.name_any());
    let find = |kind: &str| agent.flux.iter().find(|item| item.kind == kind && item.name == name);
    let (root, source) = (find("Kustomization")?, find("GitRepository")?);
    let mut kustomization = kustomization(environment, &name, &root.state);
    kustomization.applied.clone_from(&root.commit);
    kustomization.attempted.clone_from(&root.commit);
    let source = Source { suspended: source.state.suspended, readiness: readiness(&source.state) };
    Some((kustomization, source))
}

/// Returns the objects by which Flux follows the environment, or why nothing is known of its releases.
pub(crate) fn reported(
    environment: &Environment,
    now: Timestamp,
) -> Result<(Kustomization, Source), Unheard> {
    let agent = heard(environment, now).map_err(|Unheard { reason, message }| {
        let message = format!("{message}; it goes on when the agent reports");
        Unheard { reason, message }
    })?;
    followed(environment, agent).ok_or_else(|| {
        let name = environment.name_any();
        let message = format!(
            "Flux in the agent's cluster does not follow environment {name}: connect it once, by \
             `gimlet env connect {name}`"
        );
        Unheard { reason: NOT_CONNECTED, message }
    })
}

/// Puts together what the agent says of an app and of the environment.
pub(super) fn sight(
    app: Option<&App>,
    environment: &Environment,
    now: Timestamp,
) -> Result<Sight, Observation> {
    let (root, source) = reported(environment, now)
        .map_err(|Unheard { reason, message }| Observation::Unheard { reason, message })?;
    let live = app.and_then(|app| app.status.as_ref()?.live.as_ref());
    // What the operator wrote there before has no word of Flux.
    let live = live.and_then(|live| Some((live, live.flux.as_ref()?)));
    let name = match app {
        Some(app) if environment.spec.flux.kustomization_per_app => {
            flux::app_object(&environment.name_any(), &app.spec.app)
        }
        _ => root.name.clone(),
    };
    let kustomization = live.map(|(live, said)| Kustomization {
        applied: live.commit.clone(),
        attempted: live.attempted.clone(),
        ..kustomization(environment, &name, said)
    });
    let workloads = live.map(|(live, _)| workloads(live)).unwrap_or_default();
    Ok(Sight { source, root, kustomization, workloads: Some(workloads) })
}

fn kustomization(environment: &Environment, name: &str, said: &FluxState) -> Kustomization {
    Kustomization {
        name: name.to_owned(),
        namespace: environment.spec.flux.namespace.clone(),
        suspended: said.suspended,
        readiness: readiness(said),
        applied: None,
        attempted: None,
        inventory: Vec::new(),
    }
}

fn readiness(said: &FluxState) -> Readiness {
    let FluxState { ready, reason, message, suspended: _ } = said;
    match ready {
        Some(true) => Readiness::Ready,
        Some(false) => Readiness::NotReady { reason: reason.clone(), message: message.clone() },
        None => Readiness::Unknown { message: message.clone() },
    }
}

/// Says what keeps an app from running, in the words of an agent.
pub(crate) fn failure(live: &Live) -> Option<(String, String)> {
    live.flux.as_ref()?;
    let Failure { reason, message } = workloads(live).failure?;
    Some((word(&reason, WORKLOAD_FAILED), message))
}

/// Reads the workloads. The agent names the one that fails; a failure of Flux has no such name.
fn workloads(live: &Live) -> Workloads {
    let count = live.replicas.as_deref().and_then(|text| {
        let (ready, wanted) = text.split_once('/')?;
        Some((ready.parse().ok()?, wanted.parse().ok()?))
    });
    let (ready, wanted): (i32, i32) = count.unwrap_or_default();
    let failure = live.object.as_ref().filter(|_| live.state == LiveState::Failed).map(|object| {
        let message = live.message.clone().unwrap_or_else(|| "it does not run".to_owned());
        let next = live.next_step.as_deref().map_or_else(String::new, |step| format!("; {step}"));
        Failure {
            reason: live.reason.clone().unwrap_or_default(),
            message: format!("{object}: {message}{next}"),
        }
    });
    let moving = matches!(live.state, LiveState::Progressing | LiveState::Unknown);
    Workloads { ready, wanted, failure, moving }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::observe::{Reached, judge, upstream};
    use serde_json::{Value, json};

    const NOW: i64 = 1_772_359_200;

    fn environment(agent: &Value) -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "prod", "namespace": "team"},
            "spec": {"observedBy": "Agent", "gitops": {"url": "https://git.example.com/a/b.git"}},
            "status": {"agent": agent}
        }))
        .unwrap()
    }

    /// An agent that was heard so many seconds ago.
    fn agent(seconds: i64) -> Value {
        let heard = Timestamp::from_second(NOW - seconds).unwrap();
        json!({"version": "0.1.0", "cluster": "c", "lastContact": heard, "flux": [
            {"kind": "GitRepository", "name": "gimlet-prod", "ready": true, "commit": "aaa"},
            {"kind": "Kustomization", "name": "gimlet-prod", "ready": true, "commit": "aaa"},
        ]})
    }

    fn app(live: &Value) -> App {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": "shop.prod", "namespace": "team"},
            "spec": {"app": "shop", "environment": "prod"},
            "status": {"live": live}
        }))
        .unwrap()
    }

    /// Judges a release of the commit `aaa`.
    fn seen(live: &Value, agent: &Value) -> Observation {
        let now = Timestamp::from_second(NOW).unwrap();
        let sight = match sight(Some(&app(live)), &environment(agent), now) {
            Ok(sight) => sight,
            Err(observation) => return observation,
        };
        let Sight { source, root, kustomization, workloads } = sight;
        if let Some(waiting) = upstream(&source, &root, kustomization.as_ref()) {
            return waiting;
        }
        let Some(kustomization) = kustomization else {
            return Observation::Waiting { message: "nothing of the app".into() };
        };
        let reached = Reached {
            applied: kustomization.applied.as_deref() == Some("aaa"),
            attempted: kustomization.attempted.as_deref() == Some("aaa"),
        };
        judge(&kustomization, reached, &workloads.unwrap(), true)
    }

    fn live(commit: &str, attempted: &str, ready: Option<bool>, rest: &Value) -> Value {
        let mut live = json!({"commit": commit, "attempted": attempted, "state": "Healthy",
            "replicas": "2/2", "flux": {"ready": ready, "reason": "HealthCheckFailed", "message": "timeout"}});
        live.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        live
    }

    #[test]
    fn a_release_goes_from_waiting_to_applied_to_healthy() {
        let older = live("bbb", "bbb", Some(true), &json!({}));
        assert!(matches!(seen(&older, &agent(5)), Observation::Waiting { .. }));
        let rolling = live("bbb", "aaa", None, &json!({"state": "Progressing", "replicas": "1/2"}));
        let Observation::Applied { message } = seen(&rolling, &agent(5)) else {
            panic!("the workloads are on their way")
        };
        assert_eq!(message, "1/2 replicas are ready");
        let done = live("aaa", "aaa", Some(true), &json!({}));
        let Observation::Healthy { message } = seen(&done, &agent(5)) else { panic!("it runs") };
        assert_eq!(message, "2/2 replicas are ready");
    }

    #[test]
    fn a_workload_that_fails_is_the_cause_with_what_to_do() {
        let failing = json!({"state": "Failed", "replicas": "1/2", "object": "Deployment/shop",
            "reason": "ImagePullBackOff", "message": "no such tag", "nextStep": "push the image"});
        let Observation::Unhealthy { reason, message } =
            seen(&live("bbb", "aaa", None, &failing), &agent(5))
        else {
            panic!("it fails")
        };
        assert_eq!(reason, "ImagePullBackOff");
        assert_eq!(message, "Deployment/shop: no such tag; push the image");
        let older = seen(&live("bbb", "bbb", None, &failing), &agent(5));
        assert!(matches!(older, Observation::Waiting { .. }), "it is the older one that fails");
    }

    #[test]
    fn what_flux_cannot_apply_fails_in_its_words() {
        let mut refused = live("bbb", "aaa", Some(false), &json!({"state": "Failed"}));
        refused["flux"]["reason"] = json!("BuildFailed");
        let seen = seen(&refused, &agent(5));
        assert!(
            matches!(&seen, Observation::ApplyFailed { reason, .. } if reason == "BuildFailed"),
            "{seen:?}"
        );
    }

    #[test]
    fn a_health_check_that_failed_is_explained_by_replicas_only_if_some_are_not_ready() {
        let said = |replicas: &str, state: &str| {
            let rest = json!({"state": state, "replicas": replicas});
            match seen(&live("bbb", "aaa", Some(false), &rest), &agent(5)) {
                Observation::Unhealthy { message, .. } => message,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(said("1/2", "Progressing"), "1/2 replicas are ready");
        assert_eq!(said("2/2", "Healthy"), "timeout");
    }

    #[test]
    fn a_silent_agent_is_told_and_nothing_is_judged() {
        let done = live("aaa", "aaa", Some(true), &json!({}));
        let Observation::Unheard { reason, message } = seen(&done, &agent(61)) else {
            panic!("nobody knows")
        };
        assert_eq!(reason, "AgentSilent");
        assert_eq!(
            message,
            "agent silent since 2026-03-01T09:58:59Z; it goes on when the agent reports"
        );
        let Observation::Unheard { reason, .. } = seen(&done, &json!(null)) else {
            panic!("nobody knows")
        };
        assert_eq!(reason, "NoAgent");
    }

    #[test]
    fn nothing_is_judged_by_an_agent_that_does_not_see_its_cluster() {
        let failing = json!({"state": "Failed", "replicas": "1/2", "object": "Deployment/shop"});
        let mut agent = agent(5);
        agent["blind"] = json!({"since": "2026-03-01T09:59:00Z", "message": "connection refused"});
        for live in [live("aaa", "aaa", Some(true), &json!({})), live("bbb", "aaa", None, &failing)]
        {
            let Observation::Unheard { reason, message } = seen(&live, &agent) else {
                panic!("nobody knows")
            };
            assert_eq!(reason, "AgentBlind");
            assert_eq!(
                message,
                "the agent does not see its cluster since 2026-03-01T09:59:00Z: connection refused; \
                 it goes on when the agent reports"
            );
        }
    }

    #[test]
    fn what_the_operator_wrote_before_is_not_the_word_of_an_agent() {
        let old = json!({"commit": "aaa", "state": "Healthy", "replicas": "2/2"});
        assert!(matches!(seen(&old, &agent(5)), Observation::Waiting { .. }));
        assert_eq!(failure(&Live::new(LiveState::Failed)), None);
    }

    #[test]
    fn flux_that_does_not_follow_the_environment_or_cannot_read_it_is_told() {
        let done = live("aaa", "aaa", Some(true), &json!({}));
        let mut agent = agent(5);
        agent["flux"][0]["ready"] = json!(false);
        agent["flux"][0]["message"] = json!("authentication required");
        let Observation::Waiting { message } = seen(&done, &agent) else { panic!("it waits") };
        assert_eq!(message, "Flux cannot read the repository: authentication required");
        agent["flux"] = json!([]);
        let Observation::Unheard { reason, message } = seen(&done, &agent) else {
            panic!("nobody knows")
        };
        assert_eq!(reason, "NotConnected");
        assert!(message.contains("gimlet env connect prod"), "{message}");
    }

    #[test]
    fn an_app_that_only_moves_is_not_healthy_without_the_wait_of_flux() {
        let live: Live = serde_json::from_value(
            json!({"state": "Progressing", "replicas": "2/2", "flux": {"ready": true}}),
        )
        .unwrap();
        assert!(!workloads(&live).all_ready());
    }
}
