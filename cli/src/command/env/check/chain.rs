//! The links of the chain, judged by what was seen of them.

use gimlet_crds::condition::{self, AGENT_CONNECTED, FLUX_READY, GIT_READY, READY};
use gimlet_crds::{App, Environment, Observer};
use jiff::Timestamp;
use kube::ResourceExt as _;

use crate::command::check::Check;
use crate::command::env::agent;
use crate::command::env::flux::{self, Found, Readiness};

/// How long the operator may take to look at a change, in seconds.
const UNSEEN_AFTER: i64 = 60;
/// Most apps that have a line of their own where something is wrong.
const MAX_LINES: usize = 20;

/// What there is in the cluster of the Environment.
pub(super) struct Seen<'a> {
    pub(super) environment: &'a Environment,
    /// Name of the Secret of the operator, and whether it is there; nothing where none is needed.
    pub(super) secret: Option<(String, Option<bool>)>,
}

/// What there is in the workload cluster; nothing stands for what is not there.
pub(super) struct Links {
    pub(super) flux: Found,
    pub(super) secret: Option<bool>,
    pub(super) source: Option<Readiness>,
    pub(super) root: Option<Readiness>,
    /// The Kustomizations of the apps that were released, by name.
    pub(super) apps: Vec<(String, Option<Readiness>)>,
}

/// Judges the Environment, its credentials and its repository.
pub(super) fn of_environment(seen: &Seen<'_>, now: Timestamp) -> Vec<Check> {
    let Seen { environment, secret, .. } = seen;
    let name = environment.name_any();
    let status = environment.status.clone().unwrap_or_default();
    let find = |kind: &str| condition::find(&status.conditions, kind);
    let mut checks = Vec::new();
    if environment.spec.suspend {
        let said = "suspended: the operator does nothing for it";
        let patch = "'{\"spec\":{\"suspend\":false}}'";
        let next = format!("kubectl patch env {name} --type=merge -p {patch}");
        return vec![Check::wrong("environment", said, next)];
    }
    let made = environment.creation_timestamp().map(|time| now.duration_since(time.0).as_secs());
    if status.observed_generation != environment.metadata.generation {
        let said = "the operator has not looked at it";
        if made.is_some_and(|age| age > UNSEEN_AFTER) {
            checks.push(Check::wrong("environment", said, "gimlet doctor: does an operator run?"));
        } else {
            checks.push(Check::unknown("environment", said));
        }
    } else if let Some(ready) = find(READY) {
        checks.push(if ready.status == "True" {
            Check::fine("environment", &ready.message)
        } else {
            let next = format!("docs/environment.md lists the reasons ({})", ready.reason);
            Check::wrong("environment", &ready.message, next)
        });
    }
    match secret {
        None => checks.push(Check::doubtful(
            "credentials",
            "the operator writes without any: spec.gitops.secretRef is not set",
            "name a Secret there, unless everybody may push to the repository",
        )),
        Some((secret, Some(true))) => {
            checks.push(Check::fine("credentials", format!("Secret {secret}")));
        }
        Some((secret, Some(false))) => checks.push(Check::wrong(
            "credentials",
            format!("there is no Secret {secret}"),
            format!("gimlet env create {name} --repository {}", environment.spec.gitops.url),
        )),
        Some((secret, None)) => {
            checks.push(Check::unknown(
                "credentials",
                format!("you may not see the Secret {secret}"),
            ));
        }
    }
    let Some(git) = find(GIT_READY) else {
        checks.push(Check::unknown("repository", "the operator has not looked at it yet"));
        return checks;
    };
    if git.status != "True" {
        let next = format!("docs/environment.md lists the reasons ({})", git.reason);
        checks.push(Check::wrong("repository", &git.message, next));
        return checks;
    }
    checks.push(Check::fine("repository", format!("{} can be read", environment.spec.gitops.url)));
    checks.push(branch(environment));
    checks.push(folder(environment));
    checks
}

/// Judges the agent, where one tells what runs.
pub(super) fn of_agent(environment: &Environment, connect: &str) -> Option<Check> {
    if environment.spec.observed_by != Observer::Agent {
        return None;
    }
    let conditions = environment.status.as_ref().map(|status| status.conditions.as_slice());
    let found = condition::find(conditions.unwrap_or_default(), AGENT_CONNECTED);
    let Some(found) = found else {
        return Some(Check::unknown("agent", "the operator has not looked at it yet"));
    };
    if found.status == "True" {
        return Some(Check::fine("agent", &found.message));
    }
    let next = format!(
        "kubectl logs -n gimlet-agent deploy/{} in the workload cluster; it comes there by {connect} --agent URL",
        agent::name(&environment.name_any())
    );
    Some(Check::wrong("agent", &found.message, next))
}

fn branch(environment: &Environment) -> Check {
    let branch = &environment.spec.gitops.branch;
    match environment.status.as_ref().and_then(|status| status.head.as_ref()) {
        Some(head) => Check::fine("branch", format!("{branch} at {}", head.short)),
        None => Check::wrong(
            "branch",
            format!("{branch} is not there"),
            "push a first commit to it, or set spec.gitops.createBranch",
        ),
    }
}

fn folder(environment: &Environment) -> Check {
    let path = match environment.spec.gitops.path.as_str() {
        "" => "flux/".to_owned(),
        path => format!("{path}/flux/"),
    };
    let pull = environment.status.as_ref().and_then(|status| status.pull_request.as_ref());
    match pull {
        Some(pull) => Check::wrong(
            "flux folder",
            format!("the files of {path} wait in a pull request"),
            format!("merge {}", pull.url),
        ),
        None => Check::fine("flux folder", format!("{path} is as it should be")),
    }
}

/// Judges Flux and its objects.
pub(super) fn of_cluster(seen: &Seen<'_>, links: &Links, connect: &str) -> Vec<Check> {
    let environment = seen.environment;
    if matches!(links.flux, Found::Lacking { .. }) {
        return vec![Check::wrong("flux", links.flux.words(), flux::INSTALL)];
    }
    let mut checks = vec![Check::fine("flux", links.flux.words())];
    let head = environment.status.as_ref().and_then(|status| status.head.as_ref());
    let head = head.map(|head| head.commit.as_str());
    if let Some(secret) = &environment.spec.flux.secret_ref {
        let what = "flux credentials";
        checks.push(match links.secret {
            Some(true) => Check::fine(what, format!("Secret {}", secret.name)),
            Some(false) => {
                Check::wrong(what, format!("there is no Secret {}", secret.name), connect)
            }
            None => Check::unknown(what, format!("you may not see the Secret {}", secret.name)),
        });
    }
    checks.push(object("GitRepository", links.source.as_ref(), head, connect));
    checks.push(object("Kustomization", links.root.as_ref(), head, connect));
    let broken: Vec<_> = links
        .apps
        .iter()
        .filter(|(_, found)| !found.as_ref().is_some_and(|found| found.ready))
        .collect();
    for (name, found) in broken.iter().take(MAX_LINES) {
        let next = format!(
            "kubectl get kustomization {name} -n {} -o yaml",
            environment.spec.flux.namespace
        );
        let said = found.as_ref().map_or("it is not there", |found| found.message.as_str());
        checks.push(Check::wrong(name.as_str(), said, next));
    }
    if broken.is_empty() && !links.apps.is_empty() {
        let count = links.apps.len();
        checks.push(Check::fine(
            "apps in flux",
            format!("{count} of {count} Kustomizations are ready"),
        ));
    }
    if environment.status.as_ref().is_some_and(|status| {
        condition::find(&status.conditions, FLUX_READY).is_some_and(|c| c.reason == "NoFlux")
    }) {
        checks.push(Check::doubtful(
            "reports",
            "Flux runs in another cluster than the operator: releases end at Committed",
            "docs/environment.md",
        ));
    }
    checks
}

/// Judges an object of Flux, and whether it has the newest commit.
fn object(what: &str, found: Option<&Readiness>, head: Option<&str>, connect: &str) -> Check {
    let Some(found) = found else { return Check::wrong(what, "it is not there", connect) };
    if !found.ready {
        let next = "look at what it says; flux get all -A has more";
        return Check::wrong(what, &found.message, next);
    }
    let revision = found.revision.as_deref().unwrap_or_default();
    match head {
        Some(head) if !revision.ends_with(head) => Check::doubtful(
            what,
            format!("ready, at {revision}: the branch is at {}", short(head)),
            "wait for spec.flux.interval, or annotate it with reconcile.fluxcd.io/requestedAt",
        ),
        _ => Check::fine(what, format!("ready, at {revision}")),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// Judges the apps by what the operator knows of them.
pub(super) fn of_apps(apps: &[App]) -> Vec<Check> {
    if apps.is_empty() {
        return vec![Check::fine("apps", "there are none yet")];
    }
    let mut checks = Vec::new();
    let mut ready = 0;
    for app in apps {
        let status = app.status.clone().unwrap_or_default();
        match condition::find(&status.conditions, READY) {
            Some(found) if found.status == "True" => ready += 1,
            Some(found) if found.status == "False" && checks.len() < MAX_LINES => {
                let next = format!("gimlet status {} -e {}", app.spec.app, app.spec.environment);
                checks.push(Check::wrong(format!("app {}", app.spec.app), &found.message, next));
            }
            _ => {}
        }
    }
    let said = format!("{ready} of {} are ready", apps.len());
    if checks.is_empty() {
        checks.push(Check::fine("apps", said));
    }
    checks
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
