//! Rows of where versions come from: artifacts, repositories, and changes of files in them.

use clap::builder::styling::AnsiColor;
use gimlet_crds::{Artifact, ConfigChange, ConfigChangePhase, Repository, labels};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::{Row, message, ready};
use crate::output::{Cell, age};

impl Row for Artifact {
    const PLURAL: &'static str = "artifacts";
    const NAME: &'static str = "artifact.gimlet.io";

    fn headers(wide: bool) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "NAME",
            "REPOSITORY",
            "REF",
            "EVENT",
            "VERSION",
            "RELEASES",
            "AGE",
            "AUTHOR",
            "MESSAGE",
            "STATUS",
        ];
        if wide { ALL } else { &ALL[..7] }
    }

    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let version = &self.spec.version;
        let reference = version.branch.clone().or_else(|| version.tag.clone());
        let releases = match status.releases.len() {
            0 => String::new(),
            all => format!("{}/{all}", status.released),
        };
        let mut cells = vec![
            self.name_any().into(),
            version.repository.clone().unwrap_or_default().into(),
            reference.unwrap_or_default().into(),
            self.spec.event.as_policy().into(),
            version.label().unwrap_or_default().into(),
            releases.into(),
            age(&self.metadata, now).into(),
        ];
        if wide {
            let message_line = version.message.as_deref().and_then(|text| text.lines().next());
            cells.push(version.author.clone().unwrap_or_default().into());
            cells.push(message_line.unwrap_or_default().into());
            cells.push(message(&status.conditions).into());
        }
        cells
    }

    fn keys(&self) -> [String; 3] {
        let repository = self.spec.version.repository.clone().unwrap_or_default();
        [repository, String::new(), self.spec.event.as_policy().to_owned()]
    }
}

impl Row for Repository {
    const PLURAL: &'static str = "repositories";
    const NAME: &'static str = "repository.gimlet.io";

    fn headers(wide: bool) -> &'static [&'static str] {
        const ALL: &[&str] = &["NAME", "READY", "HEAD", "BRANCHES", "AGE", "URL", "STATUS"];
        if wide { ALL } else { &ALL[..5] }
    }

    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let mut cells = vec![
            self.name_any().into(),
            ready(&status.conditions),
            status.head.map(|head| head.short).unwrap_or_default().into(),
            status.branches.map(|count| count.to_string()).unwrap_or_default().into(),
            age(&self.metadata, now).into(),
        ];
        if wide {
            cells.push(self.spec.url.as_str().into());
            cells.push(message(&status.conditions).into());
        }
        cells
    }

    fn keys(&self) -> [String; 3] {
        [self.spec.url.clone(), String::new(), String::new()]
    }
}

impl Row for ConfigChange {
    const PLURAL: &'static str = "configchanges";
    const NAME: &'static str = "configchange.gimlet.io";

    fn headers(wide: bool) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "NAME",
            "REPOSITORY",
            "FILE",
            "PHASE",
            "COMMIT",
            "AGE",
            "BY",
            "PULL REQUEST",
            "STATUS",
        ];
        if wide { ALL } else { &ALL[..6] }
    }

    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let commit = status.commit.map(|commit| commit.sha.chars().take(7).collect::<String>());
        let mut cells = vec![
            self.name_any().into(),
            self.spec.repository.as_str().into(),
            self.spec.path.as_str().into(),
            change_phase(status.phase),
            commit.unwrap_or_default().into(),
            age(&self.metadata, now).into(),
        ];
        if wide {
            let by = self.annotations().get(labels::CREATED_BY).cloned();
            let by = by.or_else(|| self.spec.requested_by.clone());
            cells.push(by.unwrap_or_default().into());
            cells.push(status.pull_request.map(|pull| pull.url).unwrap_or_default().into());
            cells.push(message(&status.conditions).into());
        }
        cells
    }

    fn keys(&self) -> [String; 3] {
        let phase = self.status.as_ref().map(|status| status.phase).unwrap_or_default();
        [self.spec.repository.clone(), String::new(), phase.as_str().to_owned()]
    }
}

/// Returns the phase of a change in its colour.
fn change_phase(phase: ConfigChangePhase) -> Cell {
    let color = match phase {
        ConfigChangePhase::Pending => AnsiColor::Blue,
        ConfigChangePhase::Proposed => AnsiColor::Yellow,
        ConfigChangePhase::Committed | ConfigChangePhase::Unchanged => AnsiColor::Green,
        ConfigChangePhase::Conflict | ConfigChangePhase::Closed | ConfigChangePhase::Failed => {
            AnsiColor::Red
        }
    };
    Cell::colored(phase.as_str(), color)
}
