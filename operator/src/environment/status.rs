//! The only place that writes the status of an environment.

use gimlet_crds::condition::{
    self, AGENT_CONNECTED, FLUX_READY, GIT_READY, NOTIFICATIONS_READY, READY, RECONCILING, STALLED,
    Truth, Verdict,
};
use gimlet_crds::{ComponentStatus, Environment, EnvironmentStatus, Head as HeadStatus};
use gimlet_gitops::{EngineKind, Head};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::runtime::events::EventType;

use super::flux_folder::Kept;
use crate::context::Context;
use crate::error::ApiError;
use crate::notification;
use crate::release::heard;
use crate::status::apply;

/// What a look at an environment found.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    First,
    Suspended,
    Reachable { head: Head, engine: Option<EngineKind>, flux: FluxState, kept: Kept },
    Failed { reason: &'static str, message: String, stalled: bool },
}

/// How Flux follows the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FluxState {
    NotHere,
    NotConnected,
    /// The agent that would tell says nothing.
    Unheard {
        reason: &'static str,
        message: String,
    },
    Working {
        message: String,
    },
    Failing {
        message: String,
    },
    Ready,
}

/// Writes the status that follows from a look, if it differs from the one that is there.
pub(super) async fn write(
    environment: &Environment,
    seen: Seen,
    ctx: &Context,
) -> Result<(), ApiError> {
    let old = environment.status.clone().unwrap_or_default();
    let apps = count_apps(environment, ctx);
    let status = compute(&old, environment, seen, apps, Context::now());
    if status == old {
        return Ok(());
    }
    // What the agent says has another writer.
    let own = EnvironmentStatus { agent: None, ..status.clone() };
    if apply(environment, &own, ctx).await?.is_none() {
        return Ok(());
    }
    announce(environment, &old, &status, ctx);
    Ok(())
}

fn announce(
    environment: &Environment,
    old: &EnvironmentStatus,
    new: &EnvironmentStatus,
    ctx: &Context,
) {
    let of = |status: &EnvironmentStatus| {
        condition::find(&status.conditions, READY)
            .map(|c| (c.status.clone(), c.reason.clone(), c.message.clone()))
    };
    let (was, is) = (of(old), of(new));
    let changed = was.as_ref().map(|w| (&w.0, &w.1)) != is.as_ref().map(|i| (&i.0, &i.1));
    if let (true, Some((status, reason, message))) = (changed, is) {
        let kind = if status == "False" { EventType::Warning } else { EventType::Normal };
        tracing::info!(
            environment = environment.name_any(),
            status,
            reason,
            message,
            "an environment changed"
        );
        ctx.event(environment, kind, &reason, &message);
    }
    let broken = |status: &EnvironmentStatus| {
        let told = condition::find(&status.conditions, NOTIFICATIONS_READY);
        told.filter(|told| told.status == "False").cloned()
    };
    if let Some(told) = broken(new).filter(|_| broken(old).is_none()) {
        ctx.event(environment, EventType::Warning, &told.reason, &told.message);
    }
    let agent = |status: &EnvironmentStatus| {
        condition::find(&status.conditions, AGENT_CONNECTED)
            .map(|c| (c.status == "True", c.clone()))
    };
    if let Some((connected, told)) = agent(new)
        && agent(old).map(|(connected, _)| connected) != Some(connected)
    {
        let kind = if connected { EventType::Normal } else { EventType::Warning };
        ctx.event(environment, kind, &told.reason, &told.message);
    }
}

fn count_apps(environment: &Environment, ctx: &Context) -> i32 {
    let namespace = environment.namespace();
    let name = environment.name_any();
    let of_environment = |app: &crate::context::Guarded<gimlet_crds::App>| {
        app.0.as_ref().is_ok_and(|app| app.spec.environment == name && app.namespace() == namespace)
    };
    let count = ctx.apps.state_filter(of_environment).len();
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn compute(
    old: &EnvironmentStatus,
    environment: &Environment,
    seen: Seen,
    apps: i32,
    now: Timestamp,
) -> EnvironmentStatus {
    let (mut head, mut engine) = (old.head.clone(), old.engine.clone());
    let mut pull_request = old.pull_request.clone();
    let mut components = old.components.clone();
    let mut verdicts = match seen {
        Seen::First => {
            let message = "looking at the repository for the first time";
            vec![
                Verdict::new(READY, Truth::Unknown, "Progressing", message),
                Verdict::new(RECONCILING, Truth::True, "Progressing", message),
            ]
        }
        Seen::Suspended => {
            let message = "suspended: set spec.suspend to false to go on";
            vec![Verdict::new(READY, Truth::False, "Suspended", message)]
        }
        Seen::Failed { reason, message, stalled } => {
            let abnormal = if stalled { STALLED } else { RECONCILING };
            vec![
                Verdict::new(GIT_READY, Truth::False, reason, message.clone()),
                Verdict::new(READY, Truth::False, reason, message.clone()),
                Verdict::new(abnormal, Truth::True, reason, message),
            ]
        }
        Seen::Reachable { head: found, engine: kind, flux, kept } => {
            engine = kind.map(|kind| kind.as_str().to_owned());
            head = head_status(&found, old.head.as_ref());
            let verdicts = reachable(environment, &found, &flux, &kept);
            pull_request = match kept {
                Kept::InGit => {
                    components = written(environment);
                    None
                }
                Kept::Proposed { pull, .. } => Some(pull),
            };
            verdicts
        }
    };
    verdicts.extend(notification::verdict(environment));
    verdicts.extend(agent_verdict(environment, now));
    EnvironmentStatus {
        observed_generation: environment.metadata.generation,
        conditions: condition::merge(
            &old.conditions,
            verdicts,
            environment.metadata.generation,
            now,
        ),
        head,
        apps: Some(apps),
        pull_request,
        components,
        engine,
        agent: old.agent.clone(),
    }
}

/// Says whether the agent of the environment reports, where it is to have one.
fn agent_verdict(environment: &Environment, now: Timestamp) -> Option<Verdict> {
    if environment.spec.observed_by.is_operator() || environment.spec.suspend {
        return None;
    }
    Some(match heard(environment, now) {
        Ok(agent) => {
            let flux = agent.flux_version.as_ref().map(|version| format!(", Flux {version}"));
            let message = format!(
                "agent {} reports from cluster {}{}",
                agent.version,
                agent.cluster,
                flux.unwrap_or_default()
            );
            Verdict::new(AGENT_CONNECTED, Truth::True, "Connected", message)
        }
        Err(unheard) => {
            let message = format!("{}; releases reach git all the same", unheard.message);
            Verdict::new(AGENT_CONNECTED, Truth::False, unheard.reason, message)
        }
    })
}

/// Lists the components of an environment whose files are in git.
fn written(environment: &Environment) -> Vec<ComponentStatus> {
    let components = environment.spec.components.iter();
    components
        .map(|component| ComponentStatus {
            name: component.name.clone(),
            version: component.chart.version.clone(),
        })
        .collect()
}

fn reachable(
    environment: &Environment,
    head: &Head,
    flux: &FluxState,
    kept: &Kept,
) -> Vec<Verdict> {
    let gitops = &environment.spec.gitops;
    let folder = if gitops.path.is_empty() { "/".to_owned() } else { format!("{}/", gitops.path) };
    let git = if head.rewritten {
        Verdict::new(
            GIT_READY,
            Truth::True,
            "HistoryRewritten",
            format!("somebody rewrote branch {}; releases go on from its new head", gitops.branch),
        )
    } else {
        Verdict::new(
            GIT_READY,
            Truth::True,
            "Reachable",
            format!("branch {}, {folder}", gitops.branch),
        )
    };
    let connect = format!(
        "connect it once: apply gitrepository.yaml and root.yaml of {} to the workload cluster",
        if gitops.path.is_empty() { "flux/".to_owned() } else { format!("{}/flux/", gitops.path) }
    );
    let (truth, reason, message) = match flux {
        FluxState::NotHere => (Truth::Unknown, "NoFlux", "Flux is not in this cluster".to_owned()),
        FluxState::NotConnected => {
            let cluster = if environment.spec.observed_by.is_operator() {
                "in this cluster"
            } else {
                "in the agent's cluster"
            };
            let message = format!("Flux {cluster} does not follow the environment; {connect}");
            (Truth::Unknown, "NotConnected", message)
        }
        FluxState::Unheard { reason, message } => (Truth::Unknown, *reason, message.clone()),
        FluxState::Working { message } => (Truth::Unknown, "Progressing", message.clone()),
        FluxState::Failing { message } => (Truth::False, "FluxFailed", message.clone()),
        FluxState::Ready => (Truth::True, "Ready", "Flux follows the environment".to_owned()),
    };
    let (truth, reason, message) = match kept {
        Kept::InGit => (truth, reason, message),
        Kept::Proposed { why, .. } => {
            (Truth::Unknown, "PullRequest", format!("Flux' objects of the environment: {why}"))
        }
    };
    let flux_verdict = Verdict::new(FLUX_READY, truth, reason, message.clone());
    let mut verdicts = vec![git, flux_verdict];
    match flux {
        _ if reason == "PullRequest" => {
            verdicts.push(Verdict::new(READY, Truth::True, reason, message));
        }
        FluxState::Failing { .. } => {
            verdicts.push(Verdict::new(READY, Truth::False, reason, message.clone()));
            verdicts.push(Verdict::new(RECONCILING, Truth::True, reason, message));
        }
        FluxState::NotConnected => {
            verdicts.push(Verdict::new(
                READY,
                Truth::True,
                "Ready",
                "releases reach git; Flux here does not follow them",
            ));
        }
        FluxState::Unheard { .. } => {
            let message = format!("releases reach git; {message}");
            verdicts.push(Verdict::new(READY, Truth::True, "Ready", message));
        }
        FluxState::NotHere | FluxState::Working { .. } => {
            verdicts.push(Verdict::new(READY, Truth::True, "Ready", "releases reach git"));
        }
        FluxState::Ready => {
            verdicts.push(Verdict::new(
                READY,
                Truth::True,
                "Ready",
                "releases reach git, and Flux follows",
            ));
        }
    }
    verdicts
}

fn head_status(head: &Head, old: Option<&HeadStatus>) -> Option<HeadStatus> {
    let commit = head.commit.as_ref()?.to_string();
    if let Some(old) = old.filter(|old| old.commit == commit) {
        return Some(old.clone());
    }
    Some(HeadStatus {
        short: commit.chars().take(7).collect(),
        commit,
        time: Time(condition::whole_second(head.time)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "ns", "generation": 2},
            "spec": {"gitops": {"url": "https://git.example.com/a/b.git", "path": "staging"}}
        }))
        .unwrap()
    }

    fn sights() -> Vec<Seen> {
        let message = || "because".to_owned();
        let states = [
            FluxState::NotHere,
            FluxState::NotConnected,
            FluxState::Unheard { reason: "AgentSilent", message: message() },
            FluxState::Working { message: message() },
            FluxState::Failing { message: message() },
            FluxState::Ready,
        ];
        let mut sights = vec![
            Seen::First,
            Seen::Suspended,
            Seen::Failed { reason: "Unauthorized", message: message(), stalled: false },
            Seen::Failed { reason: "InvalidRepository", message: message(), stalled: true },
        ];
        let pull = gimlet_crds::PullRequestStatus::default();
        for flux in states {
            let head = Head { commit: None, time: Timestamp::UNIX_EPOCH, rewritten: false };
            for kept in [Kept::InGit, Kept::Proposed { pull: pull.clone(), why: message() }] {
                let (flux, engine) = (flux.clone(), Some(EngineKind::Wire));
                sights.push(Seen::Reachable { head, engine, flux, kept });
            }
        }
        sights
    }

    #[test]
    fn every_status_keeps_the_rules_of_kstatus() {
        for seen in sights() {
            let status = compute(
                &EnvironmentStatus::default(),
                &environment(),
                seen.clone(),
                3,
                Timestamp::UNIX_EPOCH,
            );
            let broken =
                condition::violations(&status.conditions, Some(2), status.observed_generation);
            assert!(broken.is_empty(), "{broken:?} for {seen:?}");
            let later = Timestamp::from_second(1000).unwrap();
            assert_eq!(compute(&status, &environment(), seen, 3, later), status);
        }
    }

    #[test]
    fn a_broken_template_is_told_beside_an_environment_that_is_ready() {
        let mut environment = environment();
        let broken = serde_json::json!({
            "name": "team", "provider": "Slack", "secretRef": {"name": "slack"},
            "template": {"text": "a\n{{ .nope }}"}
        });
        environment.spec.notifications = vec![serde_json::from_value(broken).unwrap()];
        let head = Head { commit: None, time: Timestamp::UNIX_EPOCH, rewritten: false };
        let seen =
            Seen::Reachable { head, engine: None, flux: FluxState::Ready, kept: Kept::InGit };
        let old = EnvironmentStatus::default();
        let status = compute(&old, &environment, seen, 0, Timestamp::UNIX_EPOCH);
        assert!(condition::is_true(&status.conditions, READY));
        let told = condition::find(&status.conditions, NOTIFICATIONS_READY).unwrap();
        assert_eq!((told.status.as_str(), told.reason.as_str()), ("False", "InvalidTemplate"));
        assert!(told.message.contains("team: template: text:2:"), "{}", told.message);
        let broken = condition::violations(&status.conditions, Some(2), status.observed_generation);
        assert!(broken.is_empty(), "{broken:?}");
    }

    #[test]
    fn a_person_is_told_how_to_connect_flux() {
        let head = Head { commit: None, time: Timestamp::UNIX_EPOCH, rewritten: false };
        let verdicts = reachable(&environment(), &head, &FluxState::NotConnected, &Kept::InGit);
        let flux = verdicts.iter().find(|v| v.kind == FLUX_READY).unwrap();
        assert!(flux.message.contains("gitrepository.yaml and root.yaml of staging/flux/"));
    }

    #[test]
    fn an_environment_tells_whether_its_agent_reports() {
        let mut environment = environment();
        let told = |environment: &Environment, second| {
            let now = Timestamp::from_second(second).unwrap();
            agent_verdict(environment, now).map(|told| (told.status, told.reason, told.message))
        };
        assert_eq!(told(&environment, 0), None, "the operator looks itself");
        environment.spec.observed_by = gimlet_crds::Observer::Agent;
        let (truth, reason, message) = told(&environment, 0).unwrap();
        assert_eq!((truth, &*reason), (Truth::False, "NoAgent"));
        assert!(message.contains("install gimlet-agent"), "{message}");
        let agent = gimlet_crds::AgentStatus {
            version: "0.1.0".into(),
            cluster: "5e4d".into(),
            flux_version: Some("v2.9.0".into()),
            last_contact: Time(Timestamp::from_second(1000).unwrap()),
            blind: None,
            flux: Vec::new(),
        };
        environment.status =
            Some(EnvironmentStatus { agent: Some(agent), ..EnvironmentStatus::default() });
        let (truth, _, message) = told(&environment, 1060).unwrap();
        assert_eq!(truth, Truth::True);
        assert_eq!(message, "agent 0.1.0 reports from cluster 5e4d, Flux v2.9.0");
        let (truth, reason, message) = told(&environment, 1061).unwrap();
        assert_eq!((truth, &*reason), (Truth::False, "AgentSilent"));
        assert!(message.starts_with("agent silent since 1970-01-01T00:16:40Z"), "{message}");
        let agent = environment.status.as_mut().unwrap().agent.as_mut().unwrap();
        agent.blind = Some(gimlet_crds::AgentBlind {
            since: Time(Timestamp::from_second(940).unwrap()),
            message: "connection refused".into(),
        });
        let (truth, reason, message) = told(&environment, 1060).unwrap();
        assert_eq!((truth, &*reason), (Truth::False, "AgentBlind"));
        assert_eq!(
            message,
            "the agent does not see its cluster since 1970-01-01T00:15:40Z: connection refused; \
             releases reach git all the same"
        );
        assert_eq!(told(&environment, 1061).unwrap().1, "AgentSilent", "that is worse");
        environment.spec.suspend = true;
        assert_eq!(told(&environment, 1061), None);
    }
}
