//! A release followed to its end, and what that end means for the person.

use std::ops::ControlFlow;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gimlet_crds::client::{self, Ended, Outcome, Until, WaitError};
use gimlet_crds::condition::{self, READY};
use gimlet_crds::{BlockerKind, Phase, Release};
use kube::ResourceExt as _;

use crate::cluster::Cluster;
use crate::error::{CommandError, Kind};
use crate::progress::{Reporter, present};

/// Flags about waiting for a release.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct WaitArgs {
    /// Wait for the release, and tell each step
    #[arg(long)]
    pub(crate) wait: bool,
    /// How far the release has to get
    #[arg(long = "for", value_name = "STEP", default_value = "healthy")]
    until: Step,
    /// How long to wait, such as 90s or 10m; the release goes on afterwards
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true)]
    timeout: Duration,
    /// Stop at once where a person has to act first (exit code 8)
    #[arg(long)]
    fail_on_waiting: bool,
}

/// Steps that can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// It is in git
    Committed,
    /// Flux has applied it
    Applied,
    /// Its workloads run
    Healthy,
}

impl From<Step> for Until {
    fn from(step: Step) -> Self {
        match step {
            Step::Committed => Self::Committed,
            Step::Applied => Self::Applied,
            Step::Healthy => Self::Healthy,
        }
    }
}

/// Reads a duration such as `90s`, `10m` or `1h30m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let broken = || "use a duration such as 90s, 10m or 1h30m".to_owned();
    let duration: jiff::SignedDuration = text.parse().map_err(|_| broken())?;
    Duration::try_from(duration).map_err(|_| broken())
}

impl WaitArgs {
    /// Makes flags for something that is waited for in any case.
    pub(crate) fn until(until: Step, timeout: Duration, fail_on_waiting: bool) -> Self {
        Self { wait: true, until, timeout, fail_on_waiting }
    }

    /// Makes flags for a plan, which is always waited for.
    pub(crate) fn for_plan(timeout: Duration) -> Self {
        Self { wait: true, until: Step::Committed, timeout, fail_on_waiting: false }
    }
}

/// Follows a release until it got as far as it has to; every other end is an error.
pub(crate) async fn follow(
    cluster: &Cluster,
    name: &str,
    wait: &WaitArgs,
) -> Result<Release, CommandError> {
    follow_with(cluster, name, wait, Reporter::new()).await
}

/// Follows a release as `follow` does, and tells its steps through a reporter.
pub(crate) async fn follow_with(
    cluster: &Cluster,
    name: &str,
    wait: &WaitArgs,
    mut reporter: Reporter,
) -> Result<Release, CommandError> {
    let api = cluster.api::<Release>();
    let seen = |release: &Release| {
        reporter.see(release);
        if wait.fail_on_waiting && !client::held_by(release).is_empty() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let waiting = client::wait(&api, name, wait.until.into(), wait.timeout, seen);
    let ended = tokio::select! {
        ended = waiting => ended,
        _ = tokio::signal::ctrl_c() => {
            drop(reporter);
            return Err(interrupted(name, &cluster.namespace));
        }
    };
    drop(reporter);
    match ended {
        Ok(Ended { outcome: Outcome::Done { note }, release, phase: _ }) => {
            if let Some(note) = note {
                crate::output::note(&format!("note: {note}"));
            }
            Ok(*release)
        }
        Ok(Ended { outcome, release, phase }) => {
            Err(unsuccessful(&release, phase, &outcome, wait.timeout))
        }
        Err(WaitError::Api { source, .. }) => {
            Err(cluster.request("get", "releases", Some(name)).failed(&source))
        }
        Err(error @ WaitError::Gone { .. }) => {
            Err(CommandError::new(Kind::NotFound, error.to_string()))
        }
    }
}

fn interrupted(name: &str, namespace: &str) -> CommandError {
    CommandError::new(Kind::Interrupted, format!("interrupted; release {name} goes on")).hint(format!(
        "follow it: gimlet wait release {name} -n {namespace}; cancel it: gimlet cancel {name} -n \
         {namespace}"
    ))
}

/// Says why a release did not get as far as it has to, and what to do next.
fn unsuccessful(
    release: &Release,
    phase: Phase,
    outcome: &Outcome,
    timeout: Duration,
) -> CommandError {
    let name = release.name_any();
    let spec = &release.spec;
    let (app, environment) = (&spec.app, &spec.environment);
    match outcome {
        Outcome::TimedOut => {
            let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
            let timeout = crate::output::duration(seconds);
            let message =
                format!("release {name} is not there after {timeout}: {}", present(release));
            CommandError::new(Kind::TimedOut, message)
                .hint(format!("it goes on; follow it: gimlet wait release {name}"))
        }
        Outcome::Stopped => {
            CommandError::new(Kind::Waiting, format!("release {name} is {}", present(release)))
                .hint(format!("it goes on by itself after that: {}", way_on(release)))
        }
        Outcome::Done { .. } | Outcome::Failed => {
            let conditions = release.status.as_ref().map_or(&[][..], |s| s.conditions.as_slice());
            let ready = condition::find(conditions, READY);
            let (reason, message) =
                ready.map_or(("", ""), |c| (c.reason.as_str(), c.message.as_str()));
            let text = format!("release {name} ended {}: {message}", phase.as_str());
            if phase == Phase::Rejected && reason == "BaseChanged" {
                return CommandError::new(Kind::BaseChanged, text).hint(format!(
                    "look at what is there now (gimlet status {app}), then release again"
                ));
            }
            let error = CommandError::new(Kind::ReleaseEnded, text);
            let in_git = release.status.as_ref().is_some_and(|status| status.commit.is_some());
            match phase {
                Phase::Failed if in_git => error
                    .hint(format!("gimlet rollback {app} -e {environment} --reason \"…\" --wait")),
                Phase::Failed => error.hint(
                    "correct it and release again; gimlet manifest render shows what is rendered",
                ),
                Phase::Superseded => error
                    .hint(format!("gimlet history {app} -e {environment} shows what came after")),
                _ => error,
            }
        }
    }
}

/// Returns the command by which a person lets a release go on.
fn way_on(release: &Release) -> String {
    let name = release.name_any();
    let (app, environment) = (&release.spec.app, &release.spec.environment);
    match client::held_by(release).first().map(|blocker| blocker.kind) {
        Some(BlockerKind::Approval) => format!("gimlet approve {name}"),
        Some(BlockerKind::Confirm) => format!("gimlet confirm {name}"),
        Some(BlockerKind::Hold) => format!("gimlet unlock {environment}/{app} --hold"),
        Some(BlockerKind::Lock) => format!("gimlet unlock {environment}, or {environment}/{app}"),
        Some(BlockerKind::PullRequest) => {
            let pull = release.status.as_ref().and_then(|status| status.pull_request.as_ref());
            pull.map_or_else(
                || format!("gimlet status {app} tells"),
                |pull| format!("merge {}", pull.url),
            )
        }
        _ => format!("gimlet status {app} tells"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    fn release(phase: &str, reason: &str, in_git: bool) -> Release {
        let mut status = json!({"phase": phase, "conditions": [
            {"type": "Ready", "status": "False", "reason": reason, "message": "no such image",
             "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
        if in_git {
            status["commit"] =
                json!({"sha": "aaaaaaa", "short": "aaaaaaa", "branch": "main", "path": "x"});
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "shop.staging-x7k2p"},
            "spec": {"app": "shop", "environment": "staging"}, "status": status,
        }))
        .unwrap()
    }

    fn told(release: &Release, outcome: &Outcome) -> (i32, String) {
        let phase = release.status.as_ref().unwrap().phase;
        let error = unsuccessful(release, phase, outcome, Duration::from_mins(10));
        (error.exit_code(), anstream::adapter::strip_str(&error.styled()).to_string())
    }

    #[test]
    fn a_release_that_fails_in_the_cluster_can_be_rolled_back() {
        let (code, text) = told(&release("Failed", "ImagePullBackOff", true), &Outcome::Failed);
        assert_eq!(code, 3);
        assert_snapshot!(text, @r#"
        error: release shop.staging-x7k2p ended Failed: no such image
        hint: gimlet rollback shop -e staging --reason "…" --wait
        "#);
    }

    #[test]
    fn every_end_has_its_exit_code() {
        for (phase, reason, outcome, expected) in [
            ("Failed", "RenderFailed", Outcome::Failed, 3),
            ("Superseded", "Superseded", Outcome::Failed, 3),
            ("Cancelled", "Cancelled", Outcome::Failed, 3),
            ("Rejected", "Other", Outcome::Failed, 3),
            ("Rejected", "BaseChanged", Outcome::Failed, 7),
            ("Queued", "Queued", Outcome::TimedOut, 4),
            ("Waiting", "BlockedByLock", Outcome::Stopped, 8),
        ] {
            assert_eq!(
                told(&release(phase, reason, false), &outcome).0,
                expected,
                "{phase} {reason}"
            );
        }
        assert_eq!(interrupted("r", "ns").exit_code(), 130);
    }

    #[test]
    fn what_a_person_holds_back_is_told_with_the_way_on() {
        for (kind, way) in [
            ("Approval", "gimlet approve shop.staging-x7k2p"),
            ("Confirm", "gimlet confirm shop.staging-x7k2p"),
            ("Hold", "gimlet unlock staging/shop --hold"),
            ("Lock", "gimlet unlock staging, or staging/shop"),
            ("Suspend", "gimlet status shop tells"),
        ] {
            let mut release = release("Waiting", "Blocked", false);
            release.status.as_mut().unwrap().blocked_by =
                serde_json::from_value(json!([{"kind": kind, "name": "x", "reason": "y"}]))
                    .unwrap();
            let (code, text) = told(&release, &Outcome::Stopped);
            assert!(code == 8 && text.trim_end().ends_with(way), "{text}");
        }
    }

    #[test]
    fn a_timeout_says_what_blocks() {
        let mut release = release("Waiting", "BlockedByHold", false);
        release.status.as_mut().unwrap().blocked_by = serde_json::from_value(
            json!([{"kind": "Hold", "name": "shop.staging", "reason": "rolled back"}]),
        )
        .unwrap();
        let (_, text) = told(&release, &Outcome::TimedOut);
        assert_snapshot!(text, @r"
        error: release shop.staging-x7k2p is not there after 10m: Waiting: Hold shop.staging: rolled back
        hint: it goes on; follow it: gimlet wait release shop.staging-x7k2p
        ");
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_mins(90)));
        assert!(parse_duration("soon").is_err());
        assert!(parse_duration("-5s").is_err());
    }
}
