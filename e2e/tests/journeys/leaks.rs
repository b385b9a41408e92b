//! Where secrets do not come out. The end of every journey looks at all that its operator wrote.

use std::collections::{HashMap, HashSet};
use std::fs::read_to_string;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{Proxy, Secrets, gitea};
use serde_json::json;

use crate::faults::once;

/// Gives what every process of this machine was started with, its arguments in one line, by its id and that
/// of its parent.
fn processes() -> HashMap<u32, (u32, String)> {
    let listed = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = listed.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let look = |id: u32| {
        // A process that ended meanwhile shows nothing.
        let status = read_to_string(format!("/proc/{id}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse();
        let arguments = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        Some((id, (parent.ok()?, arguments)))
    };
    ids.filter_map(look).collect()
}

/// Gives the arguments of a process and of all that it started.
fn started_by(process: u32) -> Vec<String> {
    let all = processes();
    let is_of = |id: &u32| {
        let mut at = *id;
        while at != process {
            let Some((parent, _)) = all.get(&at) else { return false };
            at = *parent;
        }
        true
    };
    all.iter().filter(|(id, _)| is_of(id)).map(|(_, (_, arguments))| arguments.clone()).collect()
}

/// Looks again and again at what a process has started, until it is told to stop.
fn watch(process: u32, stop: &AtomicBool) -> HashSet<String> {
    let mut seen = HashSet::new();
    while !stop.load(Ordering::Relaxed) {
        seen.extend(started_by(process));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_talk_to_the_git_host_show_no_secret_in_their_arguments() -> Result<()> {
    let (stage, proxy) = Proxy::stage("arguments").await?;
    stage.change_environment("staging", json!({"gitops": {"engine": "Git"}})).await?;
    stage
        .environment_until("staging", "is worked with by git's own program", |environment| {
            let engine = environment.status.as_ref().and_then(|status| status.engine.as_deref());
            engine == Some("Git")
        })
        .await?;
    // What a program of git waits for keeps it where it can be looked at.
    proxy.slow_down(Duration::from_millis(300));
    let (operator, stop) = (stage.operator.pid().context("the operator runs")?, Arc::default());
    let told = Arc::clone(&stop);
    let watched = tokio::task::spawn_blocking(move || watch(operator, &told));
    let released = async {
        let release = stage.release("web", stage.web("1")).await?;
        once(&stage, &release).await
    };
    let released = released.await;
    // Told in any case, for nothing else ends the thread.
    stop.store(true, Ordering::Relaxed);
    let shown = watched.await?;
    released?;
    let of = |program: &str| shown.iter().any(|arguments| arguments.contains(program));
    for program in ["git-remote-http", "send-pack", "render-worker"] {
        ensure!(of(program), "{program} was not seen: {shown:?}");
    }
    let secrets = Secrets::of(&gitea()?);
    for arguments in &shown {
        ensure!(!secrets.are_in(arguments), "the arguments of a program show a secret");
    }
    stage.end().await
}
