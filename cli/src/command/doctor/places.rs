//! Whether the environments and repositories of the namespace work.

use gimlet_crds::condition::{self, AGENT_CONNECTED, FLUX_READY, GIT_READY, READY};
use gimlet_crds::{Environment, Observer, Repository};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;
use kube::api::ListParams;

use crate::cluster::Cluster;
use crate::command::check::Check;
use crate::output::duration;

/// How long Flux may be at work before it counts as silent.
const SILENT_AFTER: i64 = 15 * 60;
/// How long the operator may take to look at a change.
const UNSEEN_AFTER: i64 = 60;

/// What there is in the namespace; what may not be read is not there.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) environments: Vec<Environment>,
    pub(super) repositories: Vec<Repository>,
    /// Whether the environments could be read at all.
    pub(super) readable: bool,
}

/// Reads what there is in the namespace.
pub(super) async fn look(cluster: &Cluster) -> Seen {
    let environments = cluster.api::<Environment>().list(&ListParams::default()).await;
    let repositories = cluster.api::<Repository>().list(&ListParams::default()).await;
    Seen {
        readable: environments.is_ok(),
        environments: environments.map(|list| list.items).unwrap_or_default(),
        repositories: repositories.map(|list| list.items).unwrap_or_default(),
    }
}

/// Judges what there is in a namespace.
pub(super) fn judge(namespace: &str, seen: &Seen) -> Vec<Check> {
    if !seen.readable {
        return vec![Check::unknown("environments", "you may not read them")];
    }
    if seen.environments.is_empty() {
        return vec![Check::doubtful(
            "environments",
            format!("there is none in namespace {namespace}"),
            "name another namespace with -n, or create one: docs/environment.md",
        )];
    }
    let now = Timestamp::now();
    let environments = seen.environments.iter().flat_map(|one| environment(one, now));
    environments.chain(seen.repositories.iter().map(repository)).collect()
}

fn environment(environment: &Environment, now: Timestamp) -> Vec<Check> {
    let name = environment.name_any();
    let what = |part: &str| format!("{name} {part}");
    let look = format!("gimlet env get {name}");
    let status = environment.status.clone().unwrap_or_default();
    if environment.spec.suspend {
        let said = "suspended: the operator does nothing for it";
        return vec![Check::doubtful(what("environment"), said, unsuspend(&name))];
    }
    let made = environment.creation_timestamp().map(|time| age(time.0, now)).unwrap_or_default();
    if status.observed_generation != environment.metadata.generation && made > UNSEEN_AFTER {
        let said = "the operator has not looked at its last change";
        let next = "see the line operator above; does it watch this namespace?";
        return vec![Check::wrong(what("environment"), said, next)];
    }
    let find = |kind: &str| condition::find(&status.conditions, kind);
    let mut checks = Vec::new();
    checks.push(match find(GIT_READY) {
        Some(git) if git.status == "True" => Check::fine(what("git"), &git.message),
        Some(git) => Check::wrong(what("git"), &git.message, advice(git, &look)),
        None => Check::unknown(what("git"), "the operator has not looked at it yet"),
    });
    checks.push(flux(&what("flux"), find(FLUX_READY), &look, now));
    if environment.spec.observed_by == Observer::Agent {
        checks.push(match find(AGENT_CONNECTED) {
            Some(agent) if agent.status == "True" => Check::fine(what("agent"), &agent.message),
            Some(agent) => {
                Check::wrong(what("agent"), &agent.message, format!("gimlet env check {name}"))
            }
            None => Check::unknown(what("agent"), "the operator has not looked at it yet"),
        });
    }
    if let Some(ready) = find(READY)
        && ready.status != "True"
        && !checks.iter().any(|check| check.said == ready.message)
    {
        checks.push(Check::wrong(what("environment"), &ready.message, look));
    }
    if let Some(lock) = environment.spec.lock.as_ref().filter(|lock| lock.stands(now)) {
        let said = format!("locked: {}", lock.reason);
        checks.push(Check::doubtful(what("lock"), said, format!("gimlet unlock {name}")));
    }
    checks
}

fn unsuspend(name: &str) -> String {
    format!("kubectl patch env {name} --type=merge -p '{{\"spec\":{{\"suspend\":false}}}}'")
}

/// Says what to do about a repository that cannot be used.
fn advice(git: &Condition, look: &str) -> String {
    match git.reason.as_str() {
        "Unauthorized" | "Forbidden" => {
            "see the Secret of spec.gitops.secretRef: is the token valid, and may it write?"
                .to_owned()
        }
        _ => format!("{look}; docs/environment.md lists the reasons ({})", git.reason),
    }
}

fn flux(what: &str, found: Option<&Condition>, look: &str, now: Timestamp) -> Check {
    let Some(flux) = found else {
        return Check::unknown(what, "the operator has not looked at it yet");
    };
    let since = age(flux.last_transition_time.0, now);
    let message = &flux.message;
    match (flux.status.as_str(), flux.reason.as_str()) {
        ("True", _) | (_, "NoFlux") => Check::fine(what, message),
        ("False", _) => {
            Check::wrong(what, message, "kubectl get gitrepositories,kustomizations -A")
        }
        (_, "Progressing") if since < SILENT_AFTER => Check::fine(what, message),
        (_, "Progressing") => Check::wrong(
            what,
            format!("Flux has been silent for {}: {message}", duration(since)),
            "kubectl get pods -n flux-system; kubectl get kustomizations -A",
        ),
        _ => Check::doubtful(what, message, look),
    }
}

fn repository(repository: &Repository) -> Check {
    let name = repository.name_any();
    let what = format!("{name} repository");
    let status = repository.status.clone().unwrap_or_default();
    match condition::find(&status.conditions, READY) {
        Some(ready) if ready.status == "True" => Check::fine(what, &ready.message),
        Some(ready) => Check::wrong(
            what,
            &ready.message,
            format!("gimlet get repositories {name} -o wide; docs/repository.md"),
        ),
        None => Check::unknown(what, "the operator has not looked at it yet"),
    }
}

fn age(time: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(time).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::check::State;
    use serde_json::{Value, json};

    fn condition(kind: &str, status: &str, reason: &str) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": format!("{kind} says so"),
               "lastTransitionTime": "2026-01-01T10:00:00Z"})
    }

    fn checks(generation: i64, conditions: &Value) -> Vec<Check> {
        let object: Environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "generation": generation, "creationTimestamp": "2026-01-01T09:00:00Z"},
            "spec": {"gitops": {"url": "https://git.example.com/a/b.git"}},
            "status": {"observedGeneration": 1, "conditions": conditions}}))
        .unwrap();
        environment(&object, "2026-01-01T12:00:00Z".parse().unwrap())
    }

    fn state(checks: &[Check], what: &str) -> State {
        checks.iter().find(|check| check.what == what).unwrap().state
    }

    #[test]
    fn a_repository_that_cannot_be_reached_is_told_once() {
        let all = json!([
            condition("Ready", "False", "Unreachable"),
            condition("GitReady", "False", "Unreachable")
        ]);
        let mut all = all;
        all[0]["message"] = all[1]["message"].clone();
        let found = checks(1, &all);
        assert_eq!(state(&found, "staging git"), State::Wrong);
        assert!(!found.iter().any(|check| check.what == "staging environment"), "{found:?}");
    }

    #[test]
    fn flux_that_works_for_too_long_is_silent() {
        let ready = condition("Ready", "True", "Ready");
        let git = condition("GitReady", "True", "Reachable");
        let with = |flux: Value| checks(1, &json!([ready, git, flux]));
        let silent = with(condition("FluxReady", "Unknown", "Progressing"));
        assert_eq!(state(&silent, "staging flux"), State::Wrong);
        let elsewhere = with(condition("FluxReady", "Unknown", "NoFlux"));
        assert_eq!(state(&elsewhere, "staging flux"), State::Fine);
        let apart = with(condition("FluxReady", "Unknown", "NotConnected"));
        assert_eq!(state(&apart, "staging flux"), State::Doubtful);
        let failing = with(condition("FluxReady", "False", "FluxFailed"));
        assert_eq!(state(&failing, "staging flux"), State::Wrong);
    }

    #[test]
    fn a_change_that_nobody_looked_at_is_told() {
        let found = checks(2, &json!([condition("Ready", "True", "Ready")]));
        assert_eq!(state(&found, "staging environment"), State::Wrong);
    }

    #[test]
    fn a_namespace_without_environments_is_doubtful() {
        let seen = Seen { readable: true, ..Seen::default() };
        assert_eq!(judge("team", &seen)[0].state, State::Doubtful);
        assert_eq!(judge("team", &Seen::default())[0].state, State::Unknown);
    }
}
