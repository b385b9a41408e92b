//! A queue of releases on one repository, made while no operator runs.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt};
use gimlet_crds::App;
use gimlet_e2e::{ControlPlane, Repository, git, wait_until};
use kube::api::{ListParams, PostParams};
use serde_json::json;

use crate::history::{self, Shape, app};
use crate::memory::Sampler;
use crate::metrics::Counters;
use crate::processor::Taken;
use crate::report::{Section, Verdict, row, time};
use crate::site::{Site, count, git_operations, requests};

const PATIENCE: Duration = Duration::from_mins(2);
/// How often the operator is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);
/// Requests at once that make the Releases.
const MAKERS: usize = 16;

/// Measures two rounds: the first release of every app, and the next one.
///
/// The first also makes the Apps, replaces what was in their folders and adds their Kustomizations.
pub async fn measure(cluster: &ControlPlane, quick: bool) -> Result<Vec<Section>> {
    let shape = if quick {
        Shape { apps: 100, commits: 200 }
    } else {
        Shape { apps: 1_000, commits: 10_000 }
    };
    let mut site = Site::open(cluster, "bench-b", |repository| fill(repository, shape)).await?;
    let first = round(&mut site, shape, 1, "first releases").await?;
    if !first.1 {
        return Ok(vec![first.0]);
    }
    let second = round(&mut site, shape, 2, "next releases").await?;
    Ok(vec![first.0, second.0])
}

fn fill(repository: &Repository, shape: Shape) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("seed.git");
    history::generate(&path, shape)?;
    git(&path, ["push", "--quiet", &repository.url_with_token(), "main"]).map(drop)
}

/// Measures a round, and says whether it came to an end.
async fn round(
    site: &mut Site,
    shape: Shape,
    number: usize,
    what: &str,
) -> Result<(Section, bool)> {
    site.operator.stop().await?;
    let api = site.releases();
    let made: Vec<_> =
        (0..shape.apps).map(|n| site.release(&app(n), number)).collect::<Result<_>>()?;
    let making = Instant::now();
    futures::stream::iter(made)
        .map(|release| {
            let api = api.clone();
            async move { api.create(&PostParams::default(), &release).await }
        })
        .buffer_unordered(MAKERS)
        .try_collect::<Vec<_>>()
        .await?;
    let made = making.elapsed();
    let api_before = site.api_counters()?;

    let (before, began) = (Taken::now()?, Instant::now());
    site.operator.restart().await?;
    let memory = Sampler::start();
    let progress = all_pushed(site, shape.apps, began).await?;
    let until_pushed = Taken::now()?;
    let (recorded, shown) = if progress.complete {
        let recorded = all_recorded(site, shape.apps, number, began).await?;
        let shown = all_shown(site, shape.apps, number, began).await?;
        (time(recorded.as_secs_f64()), time(shown.as_secs_f64()))
    } else {
        ("never".to_owned(), "never".to_owned())
    };
    let in_the_end = Taken::now()?;
    let peak = memory.finish()?;
    let after = site.counters()?;
    let took = progress.took.as_secs_f64();
    let api_after = site.api_counters()?;

    // What is never complete took for ever.
    let all = if progress.complete { took } else { f64::INFINITY };
    let conflicts = conflicts(&api_after) - conflicts(&api_before);
    let pushes = after.sum("gimlet_git_operations_total", &["op=\"push\""]);
    let renders = after.sum("gimlet_render_duration_seconds_sum", &[]);
    let mebibytes =
        |bytes: u64| count(usize::try_from(bytes / 1024).unwrap_or(usize::MAX)) / 1024.0;
    let mib = |number: f64| format!("{number:.0} MiB");
    let (together, alone) = (mebibytes(peak.together), mebibytes(peak.operator));
    let section = Section {
        title: format!(
            "(b) {what}: {0} queued, one for each of {0} apps, {1} commits before them",
            shape.apps, shape.commits
        ),
        table: vec![
            row(["what", "measured"]),
            row(["making the Releases, before the operator is started", &time(made.as_secs_f64())]),
            row(["from the start of the operator to the last push", &time(took)]),
            row(["from the start to the last status.commit", &recorded]),
            row(["from the start until every App shows its release", &shown]),
            row(["commits in them", &format!("{} of {}", progress.pushed, shape.apps)]),
            row(["pushes", &format!("{pushes}")]),
            row(["peak memory of the operator with its git processes", &mib(together)]),
            row(["peak memory of the operator alone", &mib(alone)]),
        ],
        verdicts: vec![
            Verdict::at_most("until all are pushed", 30.0, all, time),
            Verdict::at_most("pushes", 20.0, pushes, |number| format!("{number}")),
            Verdict::at_most("memory", 300.0, together, mib),
        ],
        notes: vec![
            format!(
                "git operations per release: {}",
                git_operations(&Counters::default(), &after, shape.apps)
            ),
            format!(
                "requests to the API server per release: {}",
                requests(&api_before, &api_after, shape.apps)
            ),
            format!("the API server refused {conflicts} requests as conflicts"),
            format!("processor time until the last push: {}", until_pushed.since(&before)),
            format!("from then on: {}", in_the_end.since(&until_pushed)),
            format!("rendering took {} in all, with what each waited for a worker", time(renders)),
        ],
        data: json!({
            "apps": shape.apps, "commits": shape.commits, "made": made.as_secs_f64(),
            "pushed": took, "recorded": recorded, "pushes": pushes,
            "memory": {"together": peak.together, "operator": peak.operator},
        }),
    };
    Ok((section, progress.complete))
}

fn conflicts(counters: &Counters) -> f64 {
    counters.sum("apiserver_request_total", &["code=\"409\""])
}

/// How far the operator came.
struct Progress {
    pushed: f64,
    /// Until the last push that was seen.
    took: Duration,
    complete: bool,
}

/// Asks the operator for what it has pushed, until that is all, or nothing more comes.
///
/// This costs it less than a watch of everything.
async fn all_pushed(site: &Site, number: usize, began: Instant) -> Result<Progress> {
    let mut progress = Progress { pushed: 0.0, took: Duration::ZERO, complete: false };
    while !progress.complete && began.elapsed() < progress.took + PATIENCE {
        let pushed = site.counters()?.sum("gimlet_git_pushed_commits_total", &[]);
        if pushed > progress.pushed {
            let complete = pushed >= count(number);
            progress = Progress { pushed, took: began.elapsed(), complete };
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(progress)
}

/// Waits for the Apps, which the operator leaves for later while releases are on their way.
async fn all_shown(site: &Site, number: usize, round: usize, began: Instant) -> Result<Duration> {
    let (api, suffix) = (site.apps(), format!("-{round:05}"));
    wait_until("all releases in the statuses of the Apps", PATIENCE, async || {
        let apps = api.list(&ListParams::default()).await?;
        let shows = |app: &&App| {
            let status = app.status.as_ref();
            let current = status.and_then(|status| status.current.as_ref());
            current.is_some_and(|release| release.name.ends_with(suffix.as_str()))
        };
        let done = apps.iter().filter(shows).count();
        ensure!(done == number, "{done} of {number}");
        Ok(())
    })
    .await?;
    Ok(began.elapsed())
}

async fn all_recorded(
    site: &Site,
    number: usize,
    round: usize,
    began: Instant,
) -> Result<Duration> {
    let (api, suffix) = (site.releases(), format!("-{round:05}"));
    wait_until("all commits in the statuses", PATIENCE, async || {
        let releases = api.list(&ListParams::default()).await?;
        let done = releases.iter().filter(|release| {
            let in_git = release.status.as_ref().is_some_and(|status| status.commit.is_some());
            in_git && release.metadata.name.as_ref().is_some_and(|name| name.ends_with(&suffix))
        });
        let done = done.count();
        ensure!(done == number, "{done} of {number}");
        Ok(())
    })
    .await?;
    Ok(began.elapsed())
}
