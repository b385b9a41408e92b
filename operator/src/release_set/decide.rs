//! What is to be done for a set now: pure, and the only place that decides it.

use std::sync::Arc;

use gimlet_crds::condition::{self, READY};
use gimlet_crds::{Environment, Phase, PushMode, Release, ReleaseSet};

use crate::origin;
use crate::release::{SET_ENDED, waits_for_set};

/// What a set depends on, from the caches.
pub(super) struct Around {
    pub(super) environment: Option<Arc<Environment>>,
    /// The releases of the set, in the order of its status; none where one is not there.
    pub(super) releases: Vec<Option<Arc<Release>>>,
}

impl Around {
    pub(super) fn present(&self) -> Vec<Arc<Release>> {
        self.releases.iter().flatten().cloned().collect()
    }
}

/// What is to be done for a set now.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing any more.
    Rest,
    /// Without its environment nothing is known.
    NoEnvironment,
    /// Find out which apps it is for.
    Expand { environment: Arc<Environment> },
    /// Make the releases of these apps.
    Make { apps: Vec<String> },
    /// See what became of its releases.
    Follow,
    /// All releases are ready: commit them.
    Commit { environment: Arc<Environment> },
    /// Nothing of it comes to git.
    End(Cause),
    /// It is a copy from a backup; its releases end by themselves.
    Restored(Cause),
    /// It is planned, and that is all that was asked for.
    Planned,
}

/// Why a set ends before git.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) phase: Phase,
    pub(super) reason: String,
    pub(super) message: String,
}

/// Decides what is to be done for a set of which nothing was found in git.
pub(super) fn decide(set: &ReleaseSet, around: &Around) -> Step {
    let status = set.status.clone().unwrap_or_default();
    if status.commit.is_some() {
        return Step::Follow;
    }
    if status.timestamps.ended.is_some() {
        return Step::Rest;
    }
    if origin::is_restored(&set.metadata) {
        return Step::Restored(Cause {
            phase: Phase::Rejected,
            reason: origin::RESTORED.into(),
            message: origin::refusal(
                "its releases tell what they came to; create a new set if it is wanted",
            ),
        });
    }
    if let Some(cause) = cause(&around.present()) {
        return Step::End(cause);
    }
    if set.spec.cancel {
        return Step::End(Cause {
            phase: Phase::Cancelled,
            reason: "Cancelled".into(),
            message: "cancelled before it reached git".into(),
        });
    }
    let Some(environment) = &around.environment else { return Step::NoEnvironment };
    if environment.spec.gitops.push == PushMode::PullRequest && !set.spec.plan_only {
        return Step::End(Cause {
            phase: Phase::Rejected,
            reason: "PullRequests".into(),
            message: format!(
                "environment {} has a pull request for each app, and a set is one commit of several: \
                 create a Release for each app",
                set.spec.environment
            ),
        });
    }
    if status.releases.is_empty() {
        return Step::Expand { environment: Arc::clone(environment) };
    }
    let missing = status.releases.iter().zip(&around.releases).filter(|(_, found)| found.is_none());
    let missing: Vec<String> = missing.map(|(member, _)| member.app.clone()).collect();
    if !missing.is_empty() {
        return Step::Make { apps: missing };
    }
    let all = |is: &dyn Fn(&Release) -> bool| around.releases.iter().flatten().all(|r| is(r));
    if set.spec.plan_only && all(&|release| phase(release) == Phase::Planned) {
        return Step::Planned;
    }
    if !environment.spec.suspend && all(&is_ready) {
        return Step::Commit { environment: Arc::clone(environment) };
    }
    Step::Follow
}

/// Tells whether nothing but the others holds a release back, as far as it knows.
pub(super) fn is_ready(release: &Release) -> bool {
    waits_for_set(release) || matches!(phase(release), Phase::Queued | Phase::Unchanged)
}

pub(super) fn phase(release: &Release) -> Phase {
    release.status.as_ref().map(|status| status.phase).unwrap_or_default()
}

/// Finds the release because of which nothing is committed: not one that only ended with the others.
fn cause(releases: &[Arc<Release>]) -> Option<Cause> {
    let ready = |release: &Release| {
        let conditions = &release.status.as_ref()?.conditions;
        condition::find(conditions, READY)
            .map(|ready| (ready.reason.clone(), ready.message.clone()))
    };
    let ended = releases.iter().filter_map(|release| {
        let phase = phase(release);
        let bad = phase == Phase::Failed || phase.ended_before_git();
        let (reason, message) = ready(release).filter(|_| bad)?;
        Some((release, phase, reason, message))
    });
    let mut ended: Vec<_> = ended.collect();
    ended.sort_by_key(|(_, _, reason, _)| reason == SET_ENDED);
    let (release, phase, reason, message) = ended.first()?;
    // What git refuses, it refuses of all of them.
    let same = releases.len() > 1 && ended.len() == releases.len();
    let same = same && ended.iter().all(|(_, _, _, other)| other == message);
    let message = if same { message.clone() } else { format!("{}: {message}", release.spec.app) };
    Some(Cause { phase: *phase, reason: reason.clone(), message })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) fn set(spec: &Value, apps: &[&str]) -> ReleaseSet {
        let releases = apps.iter().map(|app| json!({"app": app, "release": app}));
        let mut all = json!({"environment": "staging", "artifact": {"name": "a"}});
        for (field, value) in spec.as_object().unwrap() {
            all[field] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ReleaseSet",
            "metadata": {"name": "all", "namespace": "ns", "uid": "u1", "generation": 1},
            "spec": all,
            "status": {"releases": releases.collect::<Vec<_>>()}
        }))
        .unwrap()
    }

    pub(crate) fn release(app: &str, phase: &str, reason: &str) -> Arc<Release> {
        let mut status = json!({
            "phase": phase,
            "conditions": [{
                "type": "Ready", "status": "False", "reason": reason, "message": format!("m-{app}"),
                "lastTransitionTime": "2026-01-02T03:04:05Z"
            }]
        });
        if phase == "Waiting" {
            status["blockedBy"] = json!([{"kind": reason, "name": "x", "reason": "y"}]);
        }
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
                "metadata": {"name": app, "namespace": "ns", "uid": app},
                "spec": {"app": app, "environment": "staging"}, "status": status
            }))
            .unwrap(),
        )
    }

    pub(crate) fn around(releases: Vec<Option<Arc<Release>>>) -> Around {
        let environment = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "ns"},
            "spec": {"gitops": {"url": "https://git.example.com/a/b.git"}}
        });
        Around {
            environment: Some(Arc::new(serde_json::from_value(environment).unwrap())),
            releases,
        }
    }

    fn step(set: &ReleaseSet, releases: Vec<Option<Arc<Release>>>) -> Step {
        decide(set, &around(releases))
    }

    #[test]
    fn a_set_is_expanded_then_made_then_committed_when_all_are_ready() {
        assert!(matches!(step(&set(&json!({}), &[]), vec![]), Step::Expand { .. }));
        let set = set(&json!({}), &["web", "api"]);
        let ready = || Some(release("web", "Waiting", "Set"));
        let Step::Make { apps } = step(&set, vec![ready(), None]) else { panic!() };
        assert_eq!(apps, ["api"]);
        let pending = Some(release("api", "Pending", "X"));
        assert!(matches!(step(&set, vec![ready(), pending]), Step::Follow));
        let held = Some(release("api", "Waiting", "Approval"));
        assert!(matches!(step(&set, vec![ready(), held]), Step::Follow));
        for other in [("Waiting", "Set"), ("Queued", "Queued"), ("Unchanged", "Unchanged")] {
            let other = Some(release("api", other.0, other.1));
            assert!(matches!(step(&set, vec![ready(), other]), Step::Commit { .. }));
        }
        let mut suspended = around(vec![ready(), ready()]);
        Arc::get_mut(suspended.environment.as_mut().unwrap()).unwrap().spec.suspend = true;
        assert!(matches!(decide(&set, &suspended), Step::Follow));
    }

    #[test]
    fn one_that_ends_ends_all_and_is_named() {
        let set = set(&json!({}), &["web", "api"]);
        let queued = || Some(release("web", "Queued", "Queued"));
        for (phase, reason) in [
            ("Failed", "MissingVariable"),
            ("Rejected", "NotApproved"),
            ("Superseded", "Superseded"),
            ("Cancelled", "Cancelled"),
        ] {
            let Step::End(cause) = step(&set, vec![queued(), Some(release("api", phase, reason))])
            else {
                panic!("{phase}")
            };
            assert_eq!(cause.phase.as_str(), phase);
            assert_eq!((cause.reason.as_str(), cause.message.as_str()), (reason, "api: m-api"));
        }
        // The others were ended first, and the operator was killed then.
        let ended = Some(release("web", "Cancelled", SET_ENDED));
        let failed = Some(release("api", "Failed", "MissingVariable"));
        let Step::End(cause) = step(&set, vec![ended, failed]) else { panic!() };
        assert_eq!(cause.reason, "MissingVariable");
    }

    #[test]
    fn an_environment_with_pull_requests_has_no_sets() {
        let refused = |spec: &Value| {
            let mut around = around(vec![]);
            let environment = Arc::get_mut(around.environment.as_mut().unwrap()).unwrap();
            environment.spec.gitops.push = PushMode::PullRequest;
            decide(&set(spec, &[]), &around)
        };
        let Step::End(cause) = refused(&json!({})) else { panic!("it is expanded") };
        assert_eq!((cause.phase, cause.reason.as_str()), (Phase::Rejected, "PullRequests"));
        assert!(matches!(refused(&json!({"planOnly": true})), Step::Expand { .. }));
    }

    #[test]
    fn what_was_cancelled_or_only_planned_is_not_committed() {
        let ready = || vec![Some(release("web", "Waiting", "Set"))];
        let cancelled = set(&json!({"cancel": true}), &["web"]);
        let Step::End(cause) = step(&cancelled, ready()) else { panic!() };
        assert_eq!(cause.phase, Phase::Cancelled);
        let only = set(&json!({"planOnly": true}), &["web"]);
        assert!(matches!(step(&only, vec![Some(release("web", "Planned", "P"))]), Step::Planned));
        let mut there = set(&json!({"cancel": true}), &["web"]);
        there.status.as_mut().unwrap().commit = Some(gimlet_crds::SetCommit::default());
        assert!(matches!(step(&there, ready()), Step::Follow), "it is in git already");
    }
}
