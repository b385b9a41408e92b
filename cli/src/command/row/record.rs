//! Rows of what people decide: approvals, and sets of releases.

use clap::builder::styling::AnsiColor;
use gimlet_crds::{Approval, Decision, ReleaseSet, labels};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::{Row, message, phase};
use crate::output::{Cell, age};

impl Row for Approval {
    const PLURAL: &'static str = "approvals";
    const NAME: &'static str = "approval.gimlet.io";

    fn headers(wide: bool) -> &'static [&'static str] {
        const ALL: &[&str] = &["NAME", "RELEASE", "DECISION", "BY", "AGE", "COMMENT", "PLAN"];
        if wide { ALL } else { &ALL[..5] }
    }

    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell> {
        let mut cells = vec![
            self.name_any().into(),
            self.spec.release.as_str().into(),
            decision(self.spec.decision),
            self.annotations().get(labels::CREATED_BY).cloned().unwrap_or_default().into(),
            age(&self.metadata, now).into(),
        ];
        if wide {
            cells.push(self.spec.comment.clone().unwrap_or_default().into());
            cells.push(self.spec.digest.as_str().into());
        }
        cells
    }

    fn keys(&self) -> [String; 3] {
        [self.spec.release.clone(), String::new(), format!("{:?}", self.spec.decision)]
    }
}

fn decision(decision: Decision) -> Cell {
    match decision {
        Decision::Approve => Cell::colored("Approve", AnsiColor::Green),
        Decision::Reject => Cell::colored("Reject", AnsiColor::Red),
    }
}

impl Row for ReleaseSet {
    const PLURAL: &'static str = "releasesets";
    const NAME: &'static str = "releaseset.gimlet.io";

    fn headers(wide: bool) -> &'static [&'static str] {
        const ALL: &[&str] =
            &["NAME", "ENVIRONMENT", "READY", "PHASE", "COMMIT", "AGE", "BY", "REASON", "STATUS"];
        if wide { ALL } else { &ALL[..6] }
    }

    fn cells(&self, now: Timestamp, wide: bool) -> Vec<Cell> {
        let status = self.status.clone().unwrap_or_default();
        let mut cells = vec![
            self.name_any().into(),
            self.spec.environment.as_str().into(),
            format!("{}/{}", status.ready, status.total).into(),
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
        [String::new(), self.spec.environment.clone(), phase.as_str().to_owned()]
    }
}
