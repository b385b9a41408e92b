//! The details of an app, environment by environment.

use std::fmt::Write as _;

use gimlet_crds::condition::{self, READY};
use gimlet_crds::{App, AppRelease, Environment, Release};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::AppState;
use crate::output::since;
use crate::progress::present;

/// Returns the details of apps.
pub(super) fn details(
    apps: &[App],
    environments: &[Environment],
    pending: &[Release],
    now: Timestamp,
) -> String {
    let blocks: Vec<String> = apps
        .iter()
        .map(|app| {
            let environment =
                environments.iter().find(|env| env.name_any() == app.spec.environment);
            block(app, environment, pending, now)
        })
        .collect();
    blocks.join("\n")
}

fn block(
    app: &App,
    environment: Option<&Environment>,
    pending: &[Release],
    now: Timestamp,
) -> String {
    let status = app.status.clone().unwrap_or_default();
    let mut text = format!(
        "{} in {}   {}\n",
        app.spec.app,
        app.spec.environment,
        AppState::of(app).words().styled()
    );
    let mut line = |title: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {title:<10} {value}");
        }
    };
    let ready = condition::find(&status.conditions, READY).map(|ready| ready.message.clone());
    line("status", ready.clone());
    line("current", status.current.as_ref().map(|release| one(release, now)));
    line("previous", status.previous.as_ref().map(|release| one(release, now)));
    line("pending", status.pending.as_ref().map(|name| on_its_way(name, pending)));
    line(
        "live",
        status.live.as_ref().map(|live| {
            let parts = [
                Some(format!("{:?}", live.state)),
                live.replicas.as_ref().map(|replicas| format!("{replicas} replicas")),
                live.commit.as_deref().map(|commit| format!("at {}", short(commit))),
                live.message.clone().filter(|message| Some(message) != ready.as_ref()),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
        }),
    );
    line("drift", status.drift.and_then(|drift| drift.git));
    line("hold", app.spec.hold.as_ref().map(|hold| hold.reason.clone()));
    let source = status.current.as_ref().and_then(|current| current.source.clone());
    line("source", source);
    let of_app = app.spec.lock.as_ref();
    let lock = of_app.or_else(|| environment.and_then(|found| found.spec.lock.as_ref()));
    line("lock", lock.map(|lock| lock.reason.clone()));
    let suspended = environment.is_some_and(|environment| environment.spec.suspend);
    line("suspended", suspended.then(|| "the operator does nothing for the environment".into()));
    text
}

fn one(release: &AppRelease, now: Timestamp) -> String {
    let AppRelease { name, uid: _, version, commit, tree: _, time, artifact: _, source: _ } =
        release;
    let version = version.as_ref().map(|version| format!("{version} · ")).unwrap_or_default();
    format!("{version}{name} · {} · {} ago", short(commit), since(time, now))
}

fn on_its_way(name: &str, pending: &[Release]) -> String {
    let release = pending.iter().find(|release| release.name_any() == name);
    release.map_or_else(|| name.to_owned(), |release| format!("{name} · {}", present(release)))
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}
