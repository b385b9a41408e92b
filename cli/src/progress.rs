//! The steps of a release, as a person follows them.

use std::time::Duration;

use clap::builder::styling::AnsiColor;
use gimlet_crds::condition::{self, APPLIED, HEALTHY, READY};
use gimlet_crds::{Phase, Release, ReleaseStatus};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::output::{self, Cell, duration};

/// The step that ends with a plan.
const PLANNED_STEP: &str = "Planned";

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    Active,
    Held,
    Failed,
    Unknown,
}

impl State {
    fn glyph(self) -> Cell {
        match self {
            Self::Done => Cell::colored("✓", AnsiColor::Green),
            Self::Active => Cell::colored("⠿", AnsiColor::Blue),
            Self::Held => Cell::colored("⏸", AnsiColor::Yellow),
            Self::Failed => Cell::colored("✕", AnsiColor::Red),
            Self::Unknown => Cell::colored("?", AnsiColor::Yellow),
        }
    }
}

/// One step of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: &'static str,
    state: State,
    took: Option<i64>,
    /// One word that changes when there is something new to tell.
    reason: String,
    detail: String,
}

impl Step {
    fn line(&self) -> String {
        let took = self.took.map(|seconds| match seconds {
            ..1 => "<1s".to_owned(),
            _ => duration(seconds),
        });
        let took = took.unwrap_or_default();
        let text =
            format!("{} {:<11} {took:<6}  {}", self.state.glyph().styled(), self.name, self.detail);
        text.trim_end().to_owned()
    }
}

/// Lists the steps that a release has made, and the one that it is at.
fn steps(release: &Release) -> Vec<Step> {
    let Some(status) = &release.status else {
        return vec![active("Pending", "Pending", "waits for the operator")];
    };
    let mut steps = Vec::new();
    let times = &status.timestamps;
    let created = release.metadata.creation_timestamp.as_ref();
    if let Some(plan) = &status.plan {
        let spec = &release.spec;
        let name = release.metadata.name.as_deref().unwrap_or_default();
        let counts = format!("+{} ~{} -{} objects", plan.added, plan.changed, plan.removed);
        // A plan that was asked for is shown as a whole, and may be gone afterwards.
        let detail = if spec.plan_only {
            counts
        } else {
            format!(
                "{counts}   (gimlet diff {} -e {} --release {name})",
                spec.app, spec.environment
            )
        };
        steps.push(done(PLANNED_STEP, between(created, times.planned.as_ref()), detail));
    }
    if let Some(commit) = &status.commit {
        let before = times.queued.as_ref().or(times.planned.as_ref());
        let place =
            commit.url.clone().unwrap_or_else(|| format!("{} {}", commit.branch, commit.path));
        let detail = format!("{} {place}", commit.short);
        steps.push(done("Committed", between(before, times.committed.as_ref()), detail));
        steps.extend(cluster_steps(status));
        if status.phase == Phase::Superseded {
            steps.push(ended(status));
        }
        return steps;
    }
    match status.phase {
        Phase::Unchanged => steps.push(done("Unchanged", None, ready(status).1)),
        Phase::Failed | Phase::Rejected | Phase::Superseded | Phase::Cancelled => {
            steps.push(ended(status));
        }
        Phase::Waiting => steps.push(waiting(status)),
        Phase::Planned if release.spec.plan_only => {}
        phase => {
            let (reason, message) = ready(status);
            steps.push(active(phase.as_str(), &reason, &message));
        }
    }
    steps
}

/// Lists what the cluster tells of a release that is in git.
fn cluster_steps(status: &ReleaseStatus) -> Vec<Step> {
    let times = &status.timestamps;
    let mut steps = Vec::new();
    let settled = condition::is_true(&status.conditions, READY) || times.ended.is_some();
    let facts = [
        ("Applied", APPLIED, between(times.committed.as_ref(), times.applied.as_ref())),
        ("Healthy", HEALTHY, between(times.applied.as_ref(), times.healthy.as_ref())),
    ];
    for (name, kind, took) in facts {
        let Some(found) = condition::find(&status.conditions, kind) else {
            continue;
        };
        let state = match found.status.as_str() {
            "True" => State::Done,
            "False" => State::Failed,
            _ if settled => State::Unknown,
            _ => State::Active,
        };
        let took = took.filter(|_| state == State::Done);
        let (reason, detail) = (found.reason.clone(), found.message.clone());
        steps.push(Step { name, state, took, reason, detail });
    }
    steps
}

fn waiting(status: &ReleaseStatus) -> Step {
    let (reason, message) = ready(status);
    let blockers: Vec<String> = status
        .blocked_by
        .iter()
        .map(|blocker| format!("{:?} {}: {}", blocker.kind, blocker.name, blocker.reason))
        .collect();
    let detail = if blockers.is_empty() { message } else { blockers.join("; ") };
    Step { name: "Waiting", state: State::Held, took: None, reason, detail }
}

fn ended(status: &ReleaseStatus) -> Step {
    let (reason, detail) = ready(status);
    Step { name: status.phase.as_str(), state: State::Failed, took: None, reason, detail }
}

fn done(name: &'static str, took: Option<i64>, detail: String) -> Step {
    Step { name, state: State::Done, took, reason: String::new(), detail }
}

fn active(name: &'static str, reason: &str, detail: &str) -> Step {
    Step { name, state: State::Active, took: None, reason: reason.into(), detail: detail.into() }
}

fn ready(status: &ReleaseStatus) -> (String, String) {
    condition::find(&status.conditions, READY)
        .map(|ready| (ready.reason.clone(), ready.message.clone()))
        .unwrap_or_default()
}

fn between(from: Option<&Time>, to: Option<&Time>) -> Option<i64> {
    Some(to?.0.duration_since(from?.0).as_secs())
}

/// Says what a release waits for, in one line.
pub(crate) fn present(release: &Release) -> String {
    let Some(step) = steps(release).pop() else {
        return "nothing is known of it yet".into();
    };
    if step.detail.is_empty() {
        step.name.to_owned()
    } else {
        format!("{}: {}", step.name, step.detail)
    }
}

/// Tells the steps of a release on stderr: once each, and the present one as it changes.
pub(crate) struct Reporter {
    label: String,
    told: Vec<Step>,
    bar: Option<ProgressBar>,
}

impl Reporter {
    /// Makes a reporter; on a terminal the present step is a line that moves.
    pub(crate) fn new() -> Self {
        let bar = output::is_interactive().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("  {spinner:.blue} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { label: String::new(), told: Vec::new(), bar }
    }

    /// Makes a reporter of one of several things that go on at once: each line begins with its name.
    pub(crate) fn labelled(label: &str) -> Self {
        Self { label: format!("{label}  "), told: Vec::new(), bar: None }
    }

    /// Tells what is new about a release.
    pub(crate) fn see(&mut self, release: &Release) {
        for line in self.news(release) {
            self.tell(&line);
        }
        if let Some(bar) = &self.bar {
            bar.set_message(present(release));
        }
    }

    /// Tells something that is not a step.
    pub(crate) fn tell(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.suspend(|| output::note(&format!("  {line}")));
            return;
        }
        let label = &self.label;
        if !label.is_empty() && output::is_interactive() {
            output::note(&format!("  {label}{line}"));
            return;
        }
        let now = condition::whole_second(Timestamp::now());
        output::note(&format!("{now}  {label}{line}"));
    }

    /// Shows a text as the present step, where it changes.
    pub(crate) fn show(&mut self, name: &'static str, detail: &str) {
        let step = active(name, detail, detail);
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{name}: {detail}"));
        } else if !self.told.contains(&step) {
            self.tell(&step.line());
            self.told.push(step);
        }
    }

    fn news(&mut self, release: &Release) -> Vec<String> {
        let mut lines = Vec::new();
        let plan = release.status.as_ref().and_then(|status| status.plan.as_ref());
        for step in steps(release) {
            // The present step is the moving line; told again it would only scroll.
            if step.state == State::Active && self.bar.is_some() {
                continue;
            }
            let known = self.told.iter().any(|told| {
                (told.name, told.state, &told.reason) == (step.name, step.state, &step.reason)
            });
            if known {
                continue;
            }
            lines.push(step.line());
            let sign = Cell::colored("!", AnsiColor::Yellow).styled();
            let plan = plan.filter(|_| step.name == PLANNED_STEP);
            let warnings = plan.into_iter().flat_map(|plan| &plan.warnings);
            lines.extend(warnings.map(|warning| format!("{sign} {warning}")));
            self.told.push(step);
        }
        lines
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
