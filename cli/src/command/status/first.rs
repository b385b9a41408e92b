//! First releases that are on their way: until one is in git, there is no App of it.

use std::fmt::Write as _;

use clap::builder::styling::AnsiColor;
use gimlet_crds::{App, Phase, Release};
use kube::ResourceExt as _;

use crate::command::row::version;
use crate::output::Cell;
use crate::progress::present;

/// Keeps the releases on their way to a place that has no App, the newest of each place.
pub(super) fn first(mut releases: Vec<Release>, apps: &[App]) -> Vec<Release> {
    let here = |release: &Release, app: &str, environment: &str| {
        release.spec.app == app && release.spec.environment == environment
    };
    releases.retain(|release| {
        let phase = release.status.as_ref().map(|status| status.phase).unwrap_or_default();
        let under_way =
            matches!(phase, Phase::Pending | Phase::Planned | Phase::Waiting | Phase::Queued);
        under_way
            && !release.spec.plan_only
            && !apps.iter().any(|app| here(release, &app.spec.app, &app.spec.environment))
    });
    releases.sort_by_key(|release| {
        let place = (release.spec.app.clone(), release.spec.environment.clone());
        (place, std::cmp::Reverse(release.creation_timestamp()))
    });
    releases.dedup_by(|next, kept| here(next, &kept.spec.app, &kept.spec.environment));
    releases
}

/// Returns what comes, and whether it waits.
pub(super) fn cell(release: &Release) -> Cell {
    let waits = release.status.as_ref().is_some_and(|status| status.phase == Phase::Waiting);
    let version = version(release).unwrap_or_default();
    let text = format!("→ {version}{}", if waits { " ⏸" } else { "" });
    Cell::colored(text, if waits { AnsiColor::Yellow } else { AnsiColor::Blue })
}

/// Returns the details of the place that a release is on its way to.
pub(super) fn block(release: &Release) -> String {
    let mut text = format!("{} in {}   ", release.spec.app, release.spec.environment);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", Cell::colored("→ first release", AnsiColor::Blue).styled());
    let _ = writeln!(text, "  {:<10} {} · {}", "pending", release.name_any(), present(release));
    text
}
