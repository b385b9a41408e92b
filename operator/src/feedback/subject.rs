//! What a release is about: a commit of a repository, and what its host is to show of it.

use std::sync::Arc;

use gimlet_crds::{App, HostProvider, LiveState, Release, Repository, SourceVersion, name};
use gimlet_hosts::{
    DeploymentIdentity, DeploymentSearch, DeploymentState, DeploymentUpdate, NewDeployment,
    NewStatus, Sha, StatusState,
};
use jiff::Timestamp;
use kube::ResourceExt;

use super::standing;
use crate::context::Context;
use crate::origin;
use crate::release;

/// Names what is shown, the same for every state of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A check of a commit: of a repository's namespace and name, a commit, and the check's name.
    Check(String, String, String),
    /// The deployment of the release with this UID.
    Deployment(String),
    /// An environment of a repository's namespace and name that is gone.
    Gone(String, String),
}

/// What a host is to show.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) repository: Arc<Repository>,
    pub(super) what: What,
    /// Whether the host may show it already.
    pub(super) verify: bool,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Check {
        sha: Sha,
        status: NewStatus,
    },
    Deployment {
        search: DeploymentSearch,
        /// What is made where there is none; nothing of a release that another has overtaken.
        new: Option<NewDeployment>,
        update: DeploymentUpdate,
    },
    Gone {
        search: DeploymentSearch,
        update: DeploymentUpdate,
    },
}

/// What makes one report another than the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Check(StatusState),
    Deployment(DeploymentState),
}

impl Report {
    pub(super) fn state(&self) -> State {
        match &self.what {
            What::Check { sha: _, status } => State::Check(status.state),
            What::Deployment { update, .. } | What::Gone { update, .. } => {
                State::Deployment(update.state)
            }
        }
    }
}

/// A commit of a repository.
struct Subject {
    repository: Arc<Repository>,
    version: SourceVersion,
    sha: Sha,
}

/// Finds the commit of a release, and its repository; none where nobody knows them.
fn subject(release: &Release, ctx: &Context) -> Option<Subject> {
    let namespace = release.namespace()?;
    let of_artifact = release.status.as_ref().and_then(|status| status.artifact.as_ref());
    let (place, version) = match of_artifact {
        Some(reference) => {
            let place = reference.namespace.clone().unwrap_or_else(|| namespace.clone());
            let artifact = ctx.artifact(&place, &reference.name)?;
            (place, artifact.spec.version.clone())
        }
        None => (namespace, release.spec.version.clone()?),
    };
    let repository = ctx.repository_called(&place, version.repository.as_deref()?)?;
    let sha = Sha::parse(version.sha.as_deref()?).ok()?;
    Some(Subject { repository, version, sha })
}

/// Says what hosts are to show of a release.
pub(super) fn reports(release: &Release, verify: bool, ctx: &Context) -> Vec<(Key, Report)> {
    let Some(subject) = subject(release, ctx) else { return Vec::new() };
    let report = |what| Report { repository: Arc::clone(&subject.repository), what, verify };
    let check = check(release, &subject, ctx).map(|(key, what)| (key, report(what)));
    // News come in their order; a sweep takes up what is older as well.
    let overtaken = verify && is_overtaken(release, ctx);
    let deployment =
        deployment(release, &subject, overtaken).map(|(key, what)| (key, report(what)));
    check.into_iter().chain(deployment).collect()
}

/// Says what hosts are to show of an app that was uninstalled.
pub(super) fn of_gone(app: &App, ctx: &Context) -> Option<(Key, Report)> {
    let current = app.status.as_ref()?.current.as_ref()?;
    let release = ctx.release(&app.namespace()?, &current.name)?;
    let Subject { repository, .. } = subject(&release, ctx)?;
    if !shows_deployments(&repository) {
        return None;
    }
    let environment = environment_name(&app.spec.environment, &app.spec.app);
    let key = Key::Gone(place(&repository), environment.clone());
    let what = What::Gone {
        search: DeploymentSearch { environment, identity: None },
        update: DeploymentUpdate {
            state: DeploymentState::Inactive,
            description: "uninstalled".into(),
            log_url: None,
            environment_url: None,
        },
    };
    Some((key, Report { repository, what, verify: true }))
}

fn check(release: &Release, subject: &Subject, ctx: &Context) -> Option<(Key, What)> {
    let Subject { repository, version: _, sha } = subject;
    if !repository.spec.commit_status || repository.spec.provider == HostProvider::Git {
        return None;
    }
    let state = standing::check(release, runs(release, ctx))?;
    if speaks_for_itself(release, sha, ctx) {
        return None;
    }
    // One check for each environment and app, whatever the number of releases.
    let context =
        format!("gimlet/{}", environment_name(&release.spec.environment, &release.spec.app));
    let key = Key::Check(place(repository), sha.to_string(), context.clone());
    let description = standing::description(release);
    let status = NewStatus { context, state, description, url: page(release) };
    Some((key, What::Check { sha: sha.clone(), status }))
}

fn deployment(release: &Release, subject: &Subject, overtaken: bool) -> Option<(Key, What)> {
    let Subject { repository, version, sha } = subject;
    if !shows_deployments(repository) {
        return None;
    }
    let state = standing::deployment(release)?;
    // At GitHub it would put out the one that took its place.
    if overtaken && state == DeploymentState::Success {
        return None;
    }
    let uid = origin::uid(&release.metadata);
    let spec = &release.spec;
    let environment = environment_name(&spec.environment, &spec.app);
    let identity = DeploymentIdentity {
        sha: sha.clone(),
        key: uid.clone(),
        since: origin::created(&release.metadata).unwrap_or(Timestamp::UNIX_EPOCH),
    };
    let reference = version.branch.as_ref().or(version.tag.as_ref());
    let new = NewDeployment {
        sha: sha.clone(),
        reference: reference.cloned().unwrap_or_else(|| sha.to_string()),
        is_tag: version.branch.is_none() && version.tag.is_some(),
        environment: environment.clone(),
        description: spec.reason.clone().unwrap_or_else(|| release.name_any()),
        transient: false,
        production: standing::is_production(&spec.environment),
        key: uid.clone(),
    };
    let update = DeploymentUpdate {
        state,
        description: standing::description(release),
        log_url: page(release),
        environment_url: None,
    };
    let search = DeploymentSearch { environment, identity: Some(identity) };
    let new = (!overtaken).then_some(new);
    Some((Key::Deployment(uid), What::Deployment { search, new, update }))
}

/// Tells whether a newer release of the app is in git.
fn is_overtaken(release: &Release, ctx: &Context) -> bool {
    let spec = &release.spec;
    let namespace = release.namespace().unwrap_or_default();
    ctx.releases_of(&namespace, &spec.environment, &spec.app).iter().any(|other| {
        let in_git = other.status.as_ref().is_some_and(|status| status.commit.is_some());
        in_git && release::order(other) > release::order(release)
    })
}

/// Tells whether a newer release of the app has something to say of the same commit.
fn speaks_for_itself(release: &Release, sha: &Sha, ctx: &Context) -> bool {
    let spec = &release.spec;
    let namespace = release.namespace().unwrap_or_default();
    let others = ctx.releases_of(&namespace, &spec.environment, &spec.app);
    others.iter().any(|other| {
        release::order(other) > release::order(release)
            && standing::check(other, true).is_some()
            && subject(other, ctx).is_some_and(|subject| subject.sha == *sha)
    })
}

/// Tells whether the app of a release is healthy.
fn runs(release: &Release, ctx: &Context) -> bool {
    let name = name::app_object(&release.spec.app, &release.spec.environment);
    let app = ctx.app(&release.namespace().unwrap_or_default(), &name);
    let live = app.and_then(|app| Some(app.status.as_ref()?.live.as_ref()?.state));
    live == Some(LiveState::Healthy)
}

fn shows_deployments(repository: &Repository) -> bool {
    let has = matches!(repository.spec.provider, HostProvider::GitHub | HostProvider::GitLab);
    has && repository.spec.deployments
}

/// Names an environment at a host: each app has its own, so that one app's deployment is not shown
/// as having taken the place of another's.
fn environment_name(environment: &str, app: &str) -> String {
    format!("{environment}/{app}")
}

fn page(release: &Release) -> Option<String> {
    release.status.as_ref()?.commit.as_ref()?.url.clone()
}

fn place(repository: &Repository) -> String {
    format!("{}/{}", repository.namespace().unwrap_or_default(), repository.name_any())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in super::super) fn key(app: &str) -> Key {
        Key::Check("ns/shop".into(), "1".repeat(40), format!("gimlet/staging/{app}"))
    }

    pub(in super::super) fn check(state: StatusState) -> Report {
        let status = NewStatus {
            context: "gimlet/staging/web".into(),
            state,
            description: String::new(),
            url: None,
        };
        let what = What::Check { sha: Sha::parse(&"1".repeat(40)).unwrap(), status };
        Report { repository: Arc::new(repository("GitHub", true)), what, verify: false }
    }

    fn repository(provider: &str, deployments: bool) -> Repository {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository",
            "metadata": {"name": "shop", "namespace": "ns"},
            "spec": {"url": "https://github.com/acme/shop", "provider": provider, "deployments": deployments}
        }))
        .unwrap()
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is made where it is passed")]
    fn shown(repository: Repository, version: &serde_json::Value) -> Option<(Key, What)> {
        let of = |phase| shown_as(phase, repository.clone(), version, false);
        assert_eq!(of("Applied").is_some(), of("Healthy").is_some());
        of("Applied")
    }

    fn shown_as(
        phase: &str,
        repository: Repository,
        version: &serde_json::Value,
        overtaken: bool,
    ) -> Option<(Key, What)> {
        let release: Release = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "web.prod-eu-1", "namespace": "ns", "uid": "u-1",
                "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"app": "web", "environment": "prod-eu", "reason": "hotfix"},
            "status": {"phase": phase}
        }))
        .unwrap();
        let subject = Subject {
            repository: Arc::new(repository),
            version: serde_json::from_value(version.clone()).unwrap(),
            sha: Sha::parse(&"2".repeat(40)).unwrap(),
        };
        deployment(&release, &subject, overtaken)
    }

    #[test]
    fn a_deployment_says_what_goes_where_and_whose_it_is() {
        let found = shown(repository("GitLab", true), &json!({"tag": "v1.2.0"}));
        let Some((Key::Deployment(uid), What::Deployment { search, new, update })) = found else {
            panic!("there is a deployment");
        };
        let new = new.unwrap();
        assert_eq!((uid.as_str(), new.key.as_str()), ("u-1", "u-1"));
        assert_eq!((new.environment.as_str(), new.production), ("prod-eu/web", true));
        assert_eq!((new.reference.as_str(), new.is_tag), ("v1.2.0", true));
        assert_eq!(new.description, "hotfix");
        assert_eq!(update.state, DeploymentState::Running);
        assert_eq!(search.identity.unwrap().since.to_string(), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn a_release_that_was_overtaken_is_not_shown_in_place_of_the_newer_one() {
        let of = |phase| {
            let version = json!({"branch": "main"});
            shown_as(phase, repository("GitHub", true), &version, true).map(|(_, what)| what)
        };
        assert!(of("Healthy").is_none());
        let Some(What::Deployment { new, update, .. }) = of("Failed") else {
            panic!("its end is told where it is shown");
        };
        assert_eq!((new, update.state), (None, DeploymentState::Failure));
    }

    #[test]
    fn deployments_are_shown_where_the_host_has_them_and_they_are_wanted() {
        let version = json!({"branch": "main"});
        assert!(shown(repository("GitHub", true), &version).is_some());
        assert!(shown(repository("GitHub", false), &version).is_none());
        assert!(shown(repository("Gitea", true), &version).is_none());
        assert!(shown(repository("Git", true), &version).is_none());
    }
}
