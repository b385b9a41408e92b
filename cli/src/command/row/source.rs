//! Rows of where versions come from: artifacts and repositories.

use gimlet_crds::{Artifact, Repository};
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
