//! The kinds as rows of a table.

mod record;
mod source;

use std::fmt::Debug;

use clap::builder::styling::AnsiColor;
use gimlet_crds::condition::{self, READY};
use gimlet_crds::{App, Environment, Phase, Release};
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::status::AppState;
use crate::output::{Cell, age};

/// A kind that can be listed.
pub(super) trait Row:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + 'static
{
    /// The plural, as the API spells it.
    const PLURAL: &'static str;
    /// The kind in lower case with its group.
    const NAME: &'static str;

    /// Names the object with its kind, as kubectl does.
    fn path(&self) -> String {
        format!("{}/{}", Self::NAME, self.name_any())
    }

    /// Returns the titles of the columns.
    fn headers(wide: bool) -> &'static [&'static str];

    /// Returns the columns of the object.
    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell>;

    /// Returns app, environment and state, to sort by.
    fn keys(&self) -> [String; 3];
}

impl Row for Release {
    const PLURAL: &'static str = "releases";
    const NAME: &'static str = "release.gimlet.io";

    fn headers(wide: bool) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "NAME",
            "APP",
            "ENVIRONMENT",
            "VERSION",
            "PHASE",
            "COMMIT",
            "AGE",
            "BY",
            "REASON",
            "STATUS",
        ];
        if wide { ALL } else { &ALL[..7] }
    }

    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let mut cells = vec![
            self.name_any().into(),
            self.spec.app.as_str().into(),
            self.spec.environment.as_str().into(),
            version(self).unwrap_or_default().into(),
            phase(status.phase),
            status.commit.map(|commit| commit.short).unwrap_or_default().into(),
            age(&self.metadata, now).into(),
        ];
        if wide {
            cells.push(self.spec.requested_by.clone().unwrap_or_default().into());
            cells.push(self.spec.reason.clone().unwrap_or_default().into());
            cells.push(message(&status.conditions).into());
        }
        cells
    }

    fn keys(&self) -> [String; 3] {
        let phase = self.status.as_ref().map(|status| status.phase).unwrap_or_default();
        [self.spec.app.clone(), self.spec.environment.clone(), phase.as_str().to_owned()]
    }
}

impl Row for App {
    const PLURAL: &'static str = "apps";
    const NAME: &'static str = "app.gimlet.io";

    fn headers(wide: bool) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "NAME",
            "APP",
            "ENVIRONMENT",
            "VERSION",
            "STATE",
            "COMMIT",
            "AGE",
            "RELEASE",
            "HOLD",
            "STATUS",
        ];
        if wide { ALL } else { &ALL[..7] }
    }

    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let current = status.current.as_ref();
        let commit = current.and_then(|current| current.commit.get(..7)).unwrap_or_default();
        let mut cells = vec![
            self.name_any().into(),
            self.spec.app.as_str().into(),
            self.spec.environment.as_str().into(),
            current.and_then(|current| current.version.clone()).unwrap_or_default().into(),
            AppState::of(self).words(),
            commit.into(),
            age(&self.metadata, now).into(),
        ];
        if wide {
            cells.push(current.map(|current| current.name.clone()).unwrap_or_default().into());
            cells
                .push(self.spec.hold.as_ref().map(|h| h.reason.clone()).unwrap_or_default().into());
            cells.push(message(&status.conditions).into());
        }
        cells
    }

    fn keys(&self) -> [String; 3] {
        let state = AppState::of(self).word().to_owned();
        [self.spec.app.clone(), self.spec.environment.clone(), state]
    }
}

impl Row for Environment {
    const PLURAL: &'static str = "environments";
    const NAME: &'static str = "environment.gimlet.io";

    fn headers(wide: bool) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "NAME",
            "READY",
            "APPS",
            "HEAD",
            "LOCK",
            "AGE",
            "REPOSITORY",
            "BRANCH",
            "PATH",
            "STATUS",
        ];
        if wide { ALL } else { &ALL[..6] }
    }

    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let mut cells = vec![
            self.name_any().into(),
            ready(&status.conditions),
            status.apps.map(|apps| apps.to_string()).unwrap_or_default().into(),
            status.head.map(|head| head.short).unwrap_or_default().into(),
            self.spec.lock.as_ref().map(|lock| lock.reason.clone()).unwrap_or_default().into(),
            age(&self.metadata, now).into(),
        ];
        if wide {
            let gitops = &self.spec.gitops;
            cells.push(gitops.url.as_str().into());
            cells.push(gitops.branch.as_str().into());
            cells.push(gitops.path.as_str().into());
            cells.push(message(&status.conditions).into());
        }
        cells
    }

    fn keys(&self) -> [String; 3] {
        let conditions = self.status.as_ref().map_or(&[][..], |s| s.conditions.as_slice());
        let ready = condition::find(conditions, READY).map(|c| c.status.clone());
        [String::new(), self.name_any(), ready.unwrap_or_default()]
    }
}

/// Returns what people call the version of a release, as far as it is known.
pub(super) fn version(release: &Release) -> Option<String> {
    let known = release.status.as_ref().and_then(|status| status.version.clone());
    known.or_else(|| release.spec.version.as_ref().and_then(gimlet_crds::SourceVersion::label))
}

/// Returns a phase in its colour.
pub(super) fn phase(phase: Phase) -> Cell {
    let color = match phase {
        Phase::Healthy | Phase::Unchanged => AnsiColor::Green,
        Phase::Failed | Phase::Rejected => AnsiColor::Red,
        Phase::Waiting => AnsiColor::Yellow,
        Phase::Superseded | Phase::Cancelled => AnsiColor::BrightBlack,
        Phase::Pending | Phase::Planned | Phase::Queued | Phase::Committed | Phase::Applied => {
            AnsiColor::Blue
        }
    };
    Cell::colored(phase.as_str(), color)
}

fn ready(conditions: &[Condition]) -> Cell {
    match condition::find(conditions, READY).map(|ready| ready.status.as_str()) {
        Some("True") => Cell::colored("True", AnsiColor::Green),
        Some("False") => Cell::colored("False", AnsiColor::Red),
        Some(other) => Cell::colored(other, AnsiColor::Yellow),
        None => Cell::default(),
    }
}

fn message(conditions: &[Condition]) -> String {
    condition::find(conditions, READY).map(|ready| ready.message.clone()).unwrap_or_default()
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
