//! What is to be done for a release now: pure, and the only place that decides it.

use std::sync::Arc;

use gimlet_crds::{App, Blocker, BlockerKind, Environment, Phase, PullRequestStatus, Release};
use jiff::Timestamp;
use kube::ResourceExt;

use super::gather::Around;
use super::outcome::End;
use crate::origin;

/// What overtakes a release whose app goes.
pub(super) const UNINSTALL: &str = "uninstalling the app";

/// Seconds after which every App that was made before a commit is in the cache.
const CACHED: i64 = 30;

/// What is to be done for a release now.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing any more.
    Rest,
    /// It ends.
    End(End),
    /// Something is missing without which not even a plan can be made.
    Block(Vec<Blocker>),
    /// It is in git; see what became of it.
    Observe { environment: Arc<Environment>, commit: String },
    /// It is in git, but its App is not there: uninstalled, or not in the cache yet.
    Gone,
    /// It is on its way to git with the others of its set, which looks after all of them.
    OfSet,
    /// It has a pull request; see what became of that.
    Proposed { environment: Arc<Environment>, pull: PullRequestStatus },
    /// Plan it, and commit it unless something holds it back.
    Release { environment: Arc<Environment> },
}

/// Decides what is to be done for a release now.
pub(super) fn decide(release: &Release, around: &Around) -> Step {
    let status = release.status.clone().unwrap_or_default();
    if let Some(commit) = &status.commit {
        return after_git(release, around, status.phase, &commit.sha);
    }
    match status.phase {
        Phase::Failed | Phase::Unchanged => return Step::Rest,
        phase if phase.ended_before_git() => return Step::Rest,
        Phase::Planned if release.spec.plan_only => return Step::Rest,
        _ => {}
    }
    // A release that is Queued may be in git already, so its end is decided by git, see `commit`; as is
    // that of a copy from a backup. One that has a pull request may be merged already, see `pull`.
    let restored = origin::is_restored(&release.metadata);
    if status.phase != Phase::Queued && status.pull_request.is_none() && !restored {
        if release.spec.cancel {
            return Step::End(End::Cancelled);
        }
        if uninstalled_after(release, around.app.as_deref()) {
            return Step::End(End::Superseded { by: UNINSTALL.into() });
        }
        if let Some(newer) = newest_after(release, &around.releases) {
            return Step::End(End::Superseded { by: newer });
        }
    }
    if status.phase == Phase::Queued && around.set.is_some() && !restored {
        return Step::OfSet;
    }
    match &around.environment {
        None => Step::Block(vec![missing(&release.spec.environment)]),
        Some(environment) if environment.spec.suspend => Step::Block(vec![Blocker {
            kind: BlockerKind::Suspend,
            name: environment.name_any(),
            reason: "the environment is suspended: set spec.suspend to false to go on".into(),
            until: None,
        }]),
        Some(environment) => match status.pull_request {
            Some(pull) => Step::Proposed { environment: Arc::clone(environment), pull },
            None => Step::Release { environment: Arc::clone(environment) },
        },
    }
}

fn after_git(release: &Release, around: &Around, phase: Phase, commit: &str) -> Step {
    let Some(environment) = &around.environment else {
        return Step::Rest;
    };
    if environment.spec.suspend || phase == Phase::Superseded {
        return Step::Rest;
    }
    let overtaken = around.releases.iter().find(|other| {
        let in_git = other.status.as_ref().is_some_and(|s| s.commit.is_some());
        in_git && order(other) > order(release)
    });
    let installed = around.app.as_ref().is_some_and(|a| a.metadata.deletion_timestamp.is_none());
    match overtaken {
        None if !installed && matches!(phase, Phase::Healthy | Phase::Failed) => Step::Rest,
        // An App that is not there may only not be in the cache yet.
        None if around.app.is_none() && !long_in_git(release, around.now) => Step::Gone,
        None if !installed => Step::End(End::Superseded { by: UNINSTALL.into() }),
        None => Step::Observe { environment: Arc::clone(environment), commit: commit.to_owned() },
        Some(_) if matches!(phase, Phase::Healthy | Phase::Failed) => Step::Rest,
        Some(newer) => Step::End(End::Superseded { by: newer.name_any() }),
    }
}

/// Places a release among those of its app: by time, and within a second, which is all that times
/// tell, by the API server's own count.
pub(crate) fn order(release: &Release) -> (i64, u64) {
    let created = origin::created(&release.metadata).map_or(0, Timestamp::as_second);
    let first_seen = release.status.as_ref().and_then(|status| status.sequence.clone());
    let sequence = first_seen.or_else(|| origin::sequence(&release.metadata));
    (created, sequence.and_then(|sequence| sequence.parse().ok()).unwrap_or_default())
}

/// Finds a release that came later and is not out of the race itself.
pub(super) fn newest_after(release: &Release, releases: &[Arc<Release>]) -> Option<String> {
    let mine = order(release);
    releases
        .iter()
        .filter(|other| {
            let phase = other.status.as_ref().map(|s| s.phase).unwrap_or_default();
            !other.spec.plan_only
                && !release.spec.plan_only
                && !other.spec.cancel
                && phase != Phase::Failed
                && !phase.ended_before_git()
                && order(other) > mine
        })
        .max_by_key(|other| order(other))
        .map(|other| other.name_any())
}

/// Finds an older release of the app that may still come to git. Until it has, nobody can tell whether
/// there is nothing to change for the one after it.
pub(super) fn older_on_its_way(release: &Release, releases: &[Arc<Release>]) -> Option<String> {
    let mine = order(release);
    let may_come = |other: &Release| {
        // What waits for a merge waits for people, and is closed when it is overtaken.
        let status = other.status.clone().unwrap_or_default();
        status.commit.is_none()
            && status.timestamps.ended.is_none()
            && status.pull_request.is_none()
            && !other.spec.plan_only
    };
    releases
        .iter()
        .filter(|other| order(other) < mine && may_come(other))
        .max_by_key(|other| order(other))
        .map(|other| other.name_any())
}

/// Tells whether the cache has had the time to see the App of a release.
fn long_in_git(release: &Release, now: Timestamp) -> bool {
    let committed = release.status.as_ref().and_then(|s| s.timestamps.committed.as_ref());
    committed.is_none_or(|time| now.as_second() - time.0.as_second() > CACHED)
}

/// Tells whether the app was told to go after the release was made. Without this, a release that
/// waited would bring the app back as soon as it is gone.
pub(super) fn uninstalled_after(release: &Release, app: Option<&App>) -> bool {
    let deleted = app.and_then(|app| app.metadata.deletion_timestamp.as_ref());
    match (deleted, origin::created(&release.metadata)) {
        (Some(deleted), Some(created)) => created <= deleted.0,
        _ => false,
    }
}

fn missing(environment: &str) -> Blocker {
    Blocker {
        kind: BlockerKind::Environment,
        name: environment.to_owned(),
        reason: format!(
            "there is no Environment {environment} in this namespace: create it, or release to another"
        ),
        until: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_crds::{CommitStatus, ReleaseStatus};
    use serde_json::json;

    fn release(name: &str, second: i64) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": name, "namespace": "ns", "creationTimestamp": jiff::Timestamp::from_second(second).unwrap()},
            "spec": {"app": "shop", "environment": "staging", "manifest": {"namespace": "shop", "manifests": "x"}}
        }))
        .unwrap()
    }

    fn with_phase(mut release: Release, phase: Phase) -> Release {
        release.status = Some(ReleaseStatus { phase, ..ReleaseStatus::default() });
        release
    }

    fn in_git(release: Release, phase: Phase) -> Release {
        let mut release = with_phase(release, phase);
        let commit = CommitStatus {
            sha: "a".repeat(40),
            short: "aaaaaaa".into(),
            url: None,
            branch: "main".into(),
            path: "staging/shop".into(),
        };
        release.status.as_mut().unwrap().commit = Some(commit);
        release
    }

    fn environment() -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "ns"},
            "spec": {"gitops": {"url": "https://git.example.com/a/b.git"}}
        }))
        .unwrap()
    }

    fn app() -> App {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": "shop.staging"},
            "spec": {"app": "shop", "environment": "staging"}
        }))
        .unwrap()
    }

    fn around(releases: Vec<Release>) -> Around {
        Around {
            word: crate::witness::Word::Nobody(String::new()),
            environment: Some(Arc::new(environment())),
            app: Some(Arc::new(app())),
            releases: releases.into_iter().map(Arc::new).collect(),
            before: Vec::new(),
            approvals: Vec::new(),
            set: None,
            now: Timestamp::from_second(100).unwrap(),
        }
    }

    #[test]
    fn the_latest_wins() {
        let (old, new) = (release("a", 1), release("b", 2));
        let around = around(vec![old.clone(), new.clone()]);
        assert!(matches!(decide(&old, &around), Step::End(End::Superseded { by }) if by == "b"));
        assert!(matches!(decide(&new, &around), Step::Release { .. }));
    }

    #[test]
    fn a_newer_one_that_failed_or_was_cancelled_does_not_count() {
        let old = release("a", 1);
        let failed = with_phase(release("b", 2), Phase::Failed);
        let mut cancelled = release("c", 3);
        cancelled.spec.cancel = true;
        let mut plan = release("d", 4);
        plan.spec.plan_only = true;
        let around = around(vec![old.clone(), failed, cancelled, plan]);
        assert!(matches!(decide(&old, &around), Step::Release { .. }));
    }

    #[test]
    fn within_one_second_the_api_server_counts() {
        let (mut first, mut second) = (release("z", 1), release("a", 1));
        first.metadata.resource_version = Some("99".into());
        second.metadata.resource_version = Some("100".into());
        let around = around(vec![first.clone(), second.clone()]);
        assert!(matches!(decide(&first, &around), Step::End(End::Superseded { by }) if by == "a"));
        assert!(matches!(decide(&second, &around), Step::Release { .. }));
        // A status that was written since then does not make the first one younger.
        first.metadata.resource_version = Some("200".into());
        let sequence = Some("99".into());
        first.status = Some(ReleaseStatus { sequence, ..ReleaseStatus::default() });
        assert!(order(&first) < order(&second));
    }

    #[test]
    fn an_older_release_that_may_still_come_to_git_is_found() {
        let (old, new) = (release("a", 1), release("b", 2));
        let older = |old: &Release| {
            let releases = [old.clone(), new.clone()].map(Arc::new);
            older_on_its_way(&new, &releases)
        };
        assert_eq!(older(&old).as_deref(), Some("a"));
        assert_eq!(older(&with_phase(old.clone(), Phase::Queued)).as_deref(), Some("a"));
        assert_eq!(older(&in_git(old.clone(), Phase::Committed)), None);
        let mut ended = with_phase(old.clone(), Phase::Superseded);
        let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH);
        ended.status.as_mut().unwrap().timestamps.ended = Some(time);
        assert_eq!(older(&ended), None);
        let mut plan = old.clone();
        plan.spec.plan_only = true;
        assert_eq!(older(&plan), None);
        // One that came later does not count.
        assert_eq!(older_on_its_way(&old, &[Arc::new(old.clone()), Arc::new(new)]), None);
    }

    #[test]
    fn a_queued_release_is_not_ended_without_a_look_at_git() {
        let mut queued = with_phase(release("a", 1), Phase::Queued);
        queued.spec.cancel = true;
        let around = around(vec![queued.clone(), release("b", 2)]);
        assert!(matches!(decide(&queued, &around), Step::Release { .. }));
    }

    #[test]
    fn a_release_with_a_pull_request_is_not_ended_without_a_look_at_it() {
        let mut proposed = with_phase(release("a", 1), Phase::Waiting);
        proposed.status.as_mut().unwrap().pull_request = Some(PullRequestStatus::default());
        proposed.spec.cancel = true;
        let mut around = around(vec![proposed.clone(), release("b", 2)]);
        assert!(matches!(decide(&proposed, &around), Step::Proposed { .. }));
        Arc::make_mut(around.environment.as_mut().unwrap()).spec.suspend = true;
        assert!(matches!(decide(&proposed, &around), Step::Block(_)));
        let ended = with_phase(proposed.clone(), Phase::Rejected);
        assert!(matches!(decide(&ended, &around), Step::Rest));
        let merged = in_git(proposed, Phase::Committed);
        around.environment = Some(Arc::new(environment()));
        assert!(matches!(decide(&merged, &around), Step::Observe { .. } | Step::Gone));
    }

    #[test]
    fn a_release_in_git_is_followed_until_a_newer_one_is_in_git_too() {
        let old = in_git(release("a", 1), Phase::Committed);
        let waiting = release("b", 2);
        assert!(matches!(decide(&old, &around(vec![old.clone(), waiting])), Step::Observe { .. }));
        let newer = in_git(release("b", 2), Phase::Committed);
        assert!(matches!(
            decide(&old, &around(vec![old.clone(), newer.clone()])),
            Step::End(End::Superseded { .. })
        ));
        let healthy = in_git(release("a", 1), Phase::Healthy);
        assert!(matches!(decide(&healthy, &around(vec![healthy.clone(), newer])), Step::Rest));
    }

    #[test]
    fn a_release_in_git_ends_with_the_app_that_is_uninstalled() {
        let mut release = in_git(release("a", 1), Phase::Committed);
        let mut around = around(vec![release.clone()]);
        around.app = None;
        let committed = |second| {
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
                Timestamp::from_second(second).unwrap(),
            ))
        };
        release.status.as_mut().unwrap().timestamps.committed = committed(90);
        assert!(matches!(decide(&release, &around), Step::Gone));
        release.status.as_mut().unwrap().timestamps.committed = committed(10);
        assert!(matches!(decide(&release, &around), Step::End(End::Superseded { .. })));
    }

    #[test]
    fn a_release_that_waited_does_not_bring_an_uninstalled_app_back() {
        let (before, after) = (release("a", 1), release("b", 9));
        let mut app = app();
        app.metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
                jiff::Timestamp::from_second(5).unwrap(),
            ));
        let mut around = around(vec![before.clone()]);
        around.app = Some(Arc::new(app));
        assert!(matches!(decide(&before, &around), Step::End(End::Superseded { .. })));
        assert!(matches!(decide(&after, &around), Step::Release { .. }));
    }

    #[test]
    fn without_its_environment_a_release_waits() {
        let release = release("a", 1);
        let mut around = around(vec![release.clone()]);
        around.environment = None;
        let Step::Block(blockers) = decide(&release, &around) else {
            panic!("it does not wait");
        };
        assert!(blockers[0].reason.contains("create it"));
    }

    #[test]
    fn a_release_on_its_way_with_its_set_is_left_to_the_set() {
        let mut queued = with_phase(release("a", 1), Phase::Queued);
        queued.spec.cancel = true;
        let mut around = around(vec![queued.clone()]);
        let set = json!({"environment": "staging"});
        around.set = Some(super::super::gather::tests::of_set(&set, &[]));
        assert!(matches!(decide(&queued, &around), Step::OfSet));
        let waiting = with_phase(release("a", 1), Phase::Waiting);
        assert!(matches!(decide(&waiting, &around), Step::Release { .. }));
        // The set is gone: what was on its way is looked for in git.
        around.set = None;
        assert!(matches!(decide(&queued, &around), Step::Release { .. }));
    }
}
