//! Releases of one app, one after the other, from the API server's answer to the commit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::{Stream, StreamExt, TryStreamExt};
use gimlet_crds::{Phase, Release};
use gimlet_e2e::ControlPlane;
use kube::ResourceExt;
use kube::api::PostParams;
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;

use crate::report::{Samples, Section, Verdict, row, time};
use crate::site::{Site, git_operations, requests};

/// Longer than any of them may take, so that a fault does not hang the benchmark.
const PATIENCE: Duration = Duration::from_mins(1);
/// Releases before the first that counts: caches are filled by then.
const WARM: usize = 5;

/// Measures how long a release takes to be in git.
pub async fn measure(cluster: &ControlPlane, quick: bool) -> Result<Section> {
    let number = if quick { 10 } else { 100 };
    let site = Site::open(cluster, "bench-a", |_| Ok(())).await?;
    let api = site.releases();
    let watched = watcher(api.clone(), watcher::Config::default()).default_backoff();
    let mut seen = watched.applied_objects().boxed();
    let (mut answered, mut committed) = (Samples::default(), Samples::default());
    let mut before = (site.counters()?, site.api_counters()?);
    for count in 0..WARM + number {
        if count == WARM {
            before = (site.counters()?, site.api_counters()?);
        }
        let release = site.release("web", count)?;
        let began = Instant::now();
        api.create(&PostParams::default(), &release).await?;
        let created = Instant::now();
        tokio::time::timeout(PATIENCE, until_committed(&mut seen, &release.name_any()))
            .await
            .with_context(|| format!("release {count} is not in git after {PATIENCE:?}"))??;
        if count >= WARM {
            answered.push(created - began);
            committed.push(created.elapsed());
        }
    }
    let after = (site.counters()?, site.api_counters()?);
    let pushed = after.0.sum("gimlet_git_pushed_commits_total", &[])
        - before.0.sum("gimlet_git_pushed_commits_total", &[]);
    ensure!(pushed.round() >= crate::site::count(number), "only {pushed} commits were pushed");
    Ok(Section {
        title: format!("(a) {number} releases of one app, one after the other"),
        table: vec![
            row(["what", "p50", "p99", "p10–p90"]),
            line("the API server's answer to the POST", &answered),
            line("from that answer to status.commit, seen by a watch", &committed),
        ],
        verdicts: vec![
            Verdict::at_most("p50", 1.0, committed.median(), time),
            Verdict::at_most("p99", 3.0, committed.percentile(99), time),
        ],
        notes: vec![
            format!("git operations per release: {}", git_operations(&before.0, &after.0, number)),
            format!(
                "requests to the API server per release, the POST included: {}",
                requests(&before.1, &after.1, number)
            ),
        ],
        data: json!({"posted": answered.to_json(), "committed": committed.to_json()}),
    })
}

async fn until_committed(
    seen: &mut (impl Stream<Item = Result<Release, watcher::Error>> + Unpin),
    name: &str,
) -> Result<()> {
    while let Some(release) = seen.try_next().await? {
        if release.name_any() != name {
            continue;
        }
        let status = release.status.unwrap_or_default();
        if status.commit.is_some() {
            return Ok(());
        }
        if matches!(status.phase, Phase::Failed | Phase::Unchanged | Phase::Superseded) {
            bail!("release {name} ended as {}: {:?}", status.phase.as_str(), status.conditions);
        }
    }
    bail!("the watch ended")
}

fn line(what: &str, samples: &Samples) -> Vec<String> {
    row([what, &time(samples.median()), &time(samples.percentile(99)), &samples.spread()])
}
