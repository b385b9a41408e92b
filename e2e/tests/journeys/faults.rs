//! What happens when the git host, the network or the workloads fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{BlockerKind, Phase, Release, condition};
use gimlet_e2e::{Checkout, Proxy, Stage, Trap, gitea};
use kube::ResourceExt;
use kube::runtime::wait::await_condition;
use serde_json::json;
use tokio::time::timeout;

const SOON: Duration = Duration::from_mins(2);

/// Gives reason and message of the condition Ready.
pub(super) fn ready(release: &Release) -> (&str, &str) {
    let status = release.status.as_ref();
    let ready = status.and_then(|status| condition::find(&status.conditions, condition::READY));
    ready.map_or(("", ""), |ready| (ready.reason.as_str(), ready.message.as_str()))
}

/// Waits for a release's end in git; it is there in exactly one commit, which its status names.
pub(super) async fn once(stage: &Stage, release: &Release) -> Result<Release> {
    let name = release.name_any();
    let ended = stage.ended(&name).await?;
    let status = ended.status.clone().context("a release that has ended has a status")?;
    let commit = status.commit.with_context(|| format!("{name}: {:?}", ready(&ended)))?;
    let commits = stage.commits_of(release)?;
    ensure!(commits.len() == 1, "{name} is in {} commits: {commits:?}", commits.len());
    ensure!(commits[0].id == commit.sha, "{name}: {} is not {}", commits[0].id, commit.sha);
    Ok(ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_waits_while_the_git_host_is_down_and_goes_on_when_it_is_back() -> Result<()> {
    let (stage, proxy) = Proxy::stage("down").await?;
    proxy.cut();
    let release = stage.release("web", stage.web("1")).await?;
    let name = release.name_any();
    let says =
        |found: Option<&Release>| found.is_some_and(|found| ready(found).0 == "GitUnreachable");
    let waiting = timeout(SOON, await_condition(stage.releases(), &name, says)).await??;
    let waiting = waiting.context("the release is gone")?;
    let status = waiting.status.clone().context("it has a status")?;
    assert_eq!(status.blocked_by.first().map(|b| b.kind), Some(BlockerKind::Git));
    assert!(ready(&waiting).1.contains("check that the server is up"), "{:?}", ready(&waiting));
    assert!(condition::is_true(&status.conditions, condition::RECONCILING));
    assert!(status.timestamps.ended.is_none(), "a release that waits has not ended");
    stage
        .environment_until("staging", "says that git is down", |environment| {
            let conditions = environment.status.iter().flat_map(|status| &status.conditions);
            conditions.clone().any(|c| c.type_ == "GitReady" && c.reason == "GitUnreachable")
        })
        .await?;
    // It was tried several times since: what is said stays, and a status that is the same is not written.
    let since = stage.get(&name).await?;
    assert_eq!(ready(&since).0, "GitUnreachable");
    proxy.resume();
    let ended = once(&stage, &release).await?;
    assert!(ended.status.context("it has a status")?.blocked_by.is_empty());
    stage.environment_ready("staging").await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_answer_is_lost_is_not_made_twice() -> Result<()> {
    let (stage, proxy) = Proxy::stage("lost").await?;
    proxy.trap_next_push(Trap::DropAnswer);
    let release = stage.release("web", stage.web("1")).await?;
    proxy.sprung(1).await?;
    once(&stage, &release).await?;
    let next = stage.release("web", stage.web("2")).await?;
    once(&stage, &next).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_whose_host_never_answers_holds_up_no_other() -> Result<()> {
    let stage = Stage::open("mute").await?;
    let proxy = Proxy::start(&gitea()?.url).await?;
    proxy.pause();
    let url = proxy.through(&stage.repository.http_url);
    stage.environment("mute", "mute", json!({"gitops": {"url": url}})).await?;
    let mut mute = Vec::new();
    for count in 0..20 {
        let spec = json!({"manifest": stage.web("1")});
        mute.push(stage.create_in("mute", &format!("web-{count}"), spec).await?);
    }
    proxy.visited(0).await?;
    let release = stage.release("web", stage.web("1")).await?;
    once(&stage, &release).await?;
    for release in &mute {
        let now = stage.get(&release.name_any()).await?;
        let ended = now.status.as_ref().is_some_and(|status| status.timestamps.ended.is_some());
        assert!(!ended, "{} ended without its git host", release.name_any());
    }
    proxy.resume();
    once(&stage, &mute[0]).await?;
    stage.end().await
}

/// Commits files beside Gimlet's as fast as it can until it is told to stop; gives their number.
fn push_until(checkout: &Checkout, stop: &AtomicBool) -> Result<usize> {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        checkout.write(&format!("people/{count}.txt"), "by hand\n")?;
        checkout.git(["add", "--all"])?;
        checkout.git(["commit", "--quiet", "--message", &format!("people {count}")])?;
        while checkout.git(["push", "--quiet", "origin", "HEAD"]).is_err() {
            checkout.git(["pull", "--quiet", "--rebase", "origin", "main"])?;
        }
    }
    Ok(count)
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_and_the_commits_of_a_busy_person_all_land_once() -> Result<()> {
    let stage = Stage::open("busy").await?;
    let checkout = stage.repository.checkout()?;
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let person = tokio::task::spawn_blocking(move || push_until(&checkout, &told));
    let release_all = async {
        let mut releases = Vec::new();
        for count in 0..10 {
            releases.push(stage.release(&format!("web-{count}"), stage.web("1")).await?);
        }
        for release in &releases {
            stage.ended(&release.name_any()).await?;
        }
        Ok::<_, anyhow::Error>(releases)
    };
    let releases = release_all.await;
    // Told in any case, for nothing else ends the thread.
    stop.store(true, Ordering::Relaxed);
    let pushed = person.await??;
    for release in &releases? {
        once(&stage, release).await?;
    }
    assert!(pushed > 0, "the person had no chance");
    let log = stage.log()?;
    for count in 1..=pushed {
        let subject = format!("people {count}");
        let found = log.iter().filter(|commit| commit.subject == subject).count();
        assert_eq!(found, 1, "commits named {subject:?}");
    }
    let files = stage.files()?;
    let theirs = files.keys().filter(|path| path.starts_with("people/")).count();
    assert_eq!(theirs, pushed, "files of the person");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_that_does_not_start_fails_its_release_and_the_next_one_mends_it() -> Result<()>
{
    let stage = Stage::open("sick").await?;
    stage.connect_flux().await?;
    let broken = stage.release("web", stage.web("broken-1")).await?;
    let crashing = stage.release("api", stage.web("crash-1")).await?;
    for (release, reason) in [(&broken, "ImagePullBackOff"), (&crashing, "CrashLoopBackOff")] {
        let ended = once(&stage, release).await?;
        assert_eq!(ended.status.as_ref().map(|status| status.phase), Some(Phase::Failed));
        assert_eq!(ready(&ended).0, reason, "{}", ready(&ended).1);
        assert!(ready(&ended).1.contains(reason), "{}", ready(&ended).1);
    }
    let good = stage.release("web", stage.web("2")).await?;
    stage.phase(&good.name_any(), Phase::Healthy).await?;
    once(&stage, &good).await?;
    stage
        .app_until("web", "is healthy", |app| {
            let status = app.status.as_ref();
            status.is_some_and(|s| condition::is_true(&s.conditions, condition::READY))
        })
        .await?;
    stage
        .app_until("api", "says what is wrong", |app| {
            let conditions = app.status.iter().flat_map(|status| &status.conditions);
            conditions.clone().any(|c| c.type_ == "Ready" && c.reason == "CrashLoopBackOff")
        })
        .await?;
    stage.end().await
}
