//! Which objects are looked at again when another one changes.

use gimlet_crds::{
    App, Approval, ConfigChange, ConfigChangePhase, Environment, Phase, Release, ReleaseSet,
    Repository, condition, name,
};
use kube::ResourceExt;
use kube::runtime::reflector::{ObjectRef, Store};

use crate::context::{Context, Guarded};
use crate::{controller, origin, release, sources};

pub(super) fn release_of(approval: &Guarded<Approval>) -> Option<ObjectRef<Guarded<Release>>> {
    let approval = approval.0.as_ref().ok()?;
    Some(ObjectRef::new(&approval.spec.release).within(&approval.namespace()?))
}

pub(super) fn set_of(release: &Guarded<Release>) -> Option<ObjectRef<Guarded<ReleaseSet>>> {
    let release = release.0.as_ref().ok()?;
    Some(ObjectRef::new(release.spec.set.as_ref()?).within(&release.namespace()?))
}

pub(super) fn app_of(ctx: &Context, release: &Guarded<Release>) -> Option<ObjectRef<Guarded<App>>> {
    let release = release.0.as_ref().ok()?;
    ctx.siblings.note(release);
    let name = name::app_object(&release.spec.app, &release.spec.environment);
    Some(ObjectRef::new(&name).within(&release.namespace()?))
}

pub(super) fn previews_of(
    apps: &Store<Guarded<App>>,
    repository: &Guarded<Repository>,
) -> Vec<ObjectRef<Guarded<App>>> {
    let Ok(repository) = &repository.0 else {
        return Vec::new();
    };
    let (namespace, name) = (repository.namespace(), sources::full_name(&repository.spec.url));
    let concerned = |app: &App| {
        app.spec.preview.as_ref().is_some_and(|preview| {
            (preview.namespace.is_none() || preview.namespace == namespace)
                && preview.repository.eq_ignore_ascii_case(&name)
        })
    };
    apps.state_filter(|guarded| guarded.0.as_ref().is_ok_and(&concerned))
        .iter()
        .map(|guarded| ObjectRef::from_obj(&**guarded))
        .collect()
}

/// Finds the apps that have yet to say that the agent of their environment is heard or is not, or that its
/// repository can be read again.
///
/// Environments change every half a minute and oftener; only apps that say something else are looked at.
pub(super) fn unaware_in(
    apps: &Store<Guarded<App>>,
    environment: &Guarded<Environment>,
) -> Vec<ObjectRef<Guarded<App>>> {
    let Ok(environment) = &environment.0 else {
        return Vec::new();
    };
    let (namespace, name) = controller::identity(environment);
    let conditions = environment.status.as_ref().map(|status| status.conditions.as_slice());
    let readable = condition::is_true(conditions.unwrap_or_default(), condition::GIT_READY);
    let by_agent = !environment.spec.observed_by.is_operator();
    if !readable && !by_agent {
        return Vec::new();
    }
    let unheard = release::reported(environment, Context::now()).err();
    let unheard = unheard.as_ref().map(|unheard| unheard.reason);
    let concerned = |app: &App| {
        app.namespace().as_deref() == Some(namespace.as_str())
            && app.spec.environment == name
            && (by_agent && is_unaware(app, unheard) || readable && cannot_read(app))
    };
    apps.state_filter(|guarded| guarded.0.as_ref().is_ok_and(&concerned))
        .iter()
        .map(|guarded| ObjectRef::from_obj(&**guarded))
        .collect()
}

/// Tells whether an app says something else than that its agent is unheard for this reason, or is heard.
fn is_unaware(app: &App, unheard: Option<&str>) -> bool {
    let Some(status) = app.status.as_ref().filter(|status| status.current.is_some()) else {
        return false;
    };
    let Some(ready) = condition::find(&status.conditions, condition::READY) else {
        return false;
    };
    let Some(reason) = unheard else {
        return release::UNHEARD.contains(&ready.reason.as_str());
    };
    // What cannot be looked at for another reason is tried again at a pace of its own.
    let keeps = [condition::RECONCILING, condition::STALLED];
    let troubled = ready.status == "False"
        && keeps.iter().any(|kind| condition::is_true(&status.conditions, kind));
    ready.reason != reason && !troubled
}

/// What an app says whose repository cannot be read for a reason that is its environment's, too.
const UNREADABLE: [&str; 4] =
    ["GitUnreachable", "GitTimeout", "GitUnauthorized", "HostUnreachable"];

fn cannot_read(app: &App) -> bool {
    let conditions = app.status.as_ref().map(|status| status.conditions.as_slice());
    condition::find(conditions.unwrap_or_default(), condition::READY)
        .is_some_and(|ready| ready.status == "False" && UNREADABLE.contains(&&*ready.reason))
}

/// Finds the changes whose pull request is open in a repository: whoever merged it, the host's webhook
/// marks the Repository at once.
pub(super) fn proposed_in(
    changes: &Store<Guarded<ConfigChange>>,
    repository: &Guarded<Repository>,
) -> Vec<ObjectRef<Guarded<ConfigChange>>> {
    let Ok(repository) = &repository.0 else {
        return Vec::new();
    };
    let concerned = |change: &ConfigChange| is_proposed_in(change, repository);
    changes
        .state_filter(|guarded| guarded.0.as_ref().is_ok_and(concerned))
        .iter()
        .map(|guarded| ObjectRef::from_obj(&**guarded))
        .collect()
}

pub(super) fn waiting_in(
    releases: &Store<Guarded<Release>>,
    environment: &Guarded<Environment>,
) -> Vec<ObjectRef<Guarded<Release>>> {
    let Ok(environment) = &environment.0 else {
        return Vec::new();
    };
    let (namespace, name) = controller::identity(environment);
    let reported = !environment.spec.observed_by.is_operator();
    select(releases, &namespace, |release| {
        release.spec.environment == name
            && (is_before_git(release) || reported && is_on_its_way(release))
    })
}

pub(super) fn waiting_for(ctx: &Context, app: &Guarded<App>) -> Vec<ObjectRef<Guarded<Release>>> {
    let Ok(app) = &app.0 else {
        return Vec::new();
    };
    let namespace = app.namespace().unwrap_or_default();
    ctx.releases_of(&namespace, &app.spec.environment, &app.spec.app)
        .iter()
        .filter(|release| is_before_git(release) || is_judged_by(release, app))
        .map(|release| ObjectRef::new(&release.name_any()).within(&namespace))
        .collect()
}

fn is_proposed_in(change: &ConfigChange, repository: &Repository) -> bool {
    let phase = change.status.as_ref().map(|status| status.phase);
    phase == Some(ConfigChangePhase::Proposed)
        && change.namespace() == repository.namespace()
        && change.spec.repository == repository.name_any()
}

/// Tells whether a change of its surroundings has an effect on a release: it is not in git yet.
fn is_before_git(release: &Release) -> bool {
    let status = release.status.as_ref();
    status.is_none_or(|s| s.commit.is_none() && s.timestamps.ended.is_none())
}

/// Tells whether a release is in git, and it is open what becomes of it.
fn is_on_its_way(release: &Release) -> bool {
    let phase = release.status.as_ref().map(|status| status.phase);
    matches!(phase, Some(Phase::Committed | Phase::Applied))
}

/// Tells whether what an agent says of an app decides what becomes of a release. Without an agent
/// each release looks at the cluster by itself, and the App would only tell it what it knows.
fn is_judged_by(release: &Release, app: &App) -> bool {
    let status = app.status.as_ref();
    let reported =
        status.and_then(|status| status.live.as_ref()).is_some_and(|live| live.flux.is_some());
    let current = status.and_then(|status| status.current.as_ref());
    reported
        && (is_on_its_way(release)
            || current.is_some_and(|current| origin::uid(&release.metadata) == current.uid))
}

fn select(
    releases: &Store<Guarded<Release>>,
    namespace: &str,
    concerned: impl Fn(&Release) -> bool,
) -> Vec<ObjectRef<Guarded<Release>>> {
    let wanted =
        |release: &Release| release.namespace().as_deref() == Some(namespace) && concerned(release);
    releases
        .state_filter(|guarded| guarded.0.as_ref().is_ok_and(&wanted))
        .iter()
        .map(|guarded| ObjectRef::from_obj(&**guarded))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(uid: &str, phase: &str) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": uid, "namespace": "ns", "uid": uid},
            "spec": {"app": "shop", "environment": "staging"},
            "status": {"phase": phase}
        }))
        .unwrap()
    }

    fn app(live: &serde_json::Value) -> App {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": "shop.staging", "namespace": "ns"},
            "spec": {"app": "shop", "environment": "staging"},
            "status": {"live": live, "current": {"name": "b", "uid": "b", "commit": "c", "tree": "t",
                "time": "2026-03-01T10:00:00Z"}}
        }))
        .unwrap()
    }

    fn change(repository: &str, phase: &str) -> ConfigChange {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange",
            "metadata": {"name": "c", "namespace": "ns"},
            "spec": {"repository": repository, "path": ".gimlet/shop.yaml", "content": "",
                     "message": "m", "mode": "PullRequest"},
            "status": {"phase": phase}
        }))
        .unwrap()
    }

    #[test]
    fn open_pull_requests_are_looked_at_when_their_repository_is() {
        let repository = |namespace: &str| -> Repository {
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository",
                "metadata": {"name": "shop", "namespace": namespace},
                "spec": {"url": "https://git.example.com/acme/shop.git"}
            }))
            .unwrap()
        };
        assert!(is_proposed_in(&change("shop", "Proposed"), &repository("ns")));
        assert!(!is_proposed_in(&change("shop", "Committed"), &repository("ns")));
        assert!(!is_proposed_in(&change("other", "Proposed"), &repository("ns")));
        assert!(!is_proposed_in(&change("shop", "Proposed"), &repository("elsewhere")));
    }

    #[test]
    fn apps_are_looked_at_that_do_not_say_yet_whether_their_agent_is_heard() {
        let says = |ready: &str, reason: &str, other: &str| {
            let mut app = app(&json!({"state": "Healthy"}));
            let conditions = json!([
                {"type": "Ready", "status": ready, "reason": reason, "message": "",
                 "lastTransitionTime": "2026-03-01T10:00:00Z"},
                {"type": other, "status": "True", "reason": reason, "message": "",
                 "lastTransitionTime": "2026-03-01T10:00:00Z"},
            ]);
            app.status.as_mut().unwrap().conditions = serde_json::from_value(conditions).unwrap();
            app
        };
        let (healthy, failed) =
            (says("True", "Healthy", "Any"), says("False", "CrashLoopBackOff", "Any"));
        let blind = says("Unknown", "AgentBlind", "Reconciling");
        let unread = says("False", "GitUnreachable", "Reconciling");
        let mut unreleased = healthy.clone();
        unreleased.status.as_mut().unwrap().current = None;
        for (app, unheard, is) in [
            (&healthy, Some("AgentBlind"), true),
            (&failed, Some("AgentSilent"), true),
            (&blind, Some("AgentBlind"), false),
            (&blind, Some("AgentSilent"), true),
            (&unread, Some("AgentBlind"), false),
            (&unreleased, Some("AgentBlind"), false),
            (&healthy, None, false),
            (&unread, None, false),
            (&blind, None, true),
        ] {
            assert_eq!(is_unaware(app, unheard), is, "{unheard:?}: {app:?}");
        }
        assert!(cannot_read(&unread));
        assert!(!cannot_read(&healthy) && !cannot_read(&failed) && !cannot_read(&blind));
    }

    #[test]
    fn what_an_agent_says_is_looked_at_by_the_releases_that_it_is_about() {
        let reported = app(&json!({"state": "Healthy", "flux": {"ready": true}}));
        assert!(is_judged_by(&release("a", "Committed"), &reported));
        assert!(is_judged_by(&release("a", "Applied"), &reported));
        assert!(!is_judged_by(&release("a", "Superseded"), &reported));
        assert!(!is_judged_by(&release("a", "Healthy"), &reported));
        assert!(is_judged_by(&release("b", "Healthy"), &reported), "it is the current one");
        let seen = app(&json!({"state": "Healthy"}));
        assert!(!is_judged_by(&release("a", "Committed"), &seen));
    }
}
