//! Several writers on one branch.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use gimlet_gitops::{Options, Outcome, Writer};

use crate::fixture::{Repo, change, folder, git_in};
use crate::http::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_writers_land_everything_once() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let mut tasks = Vec::new();
    for w in 0..3 {
        // Each with a cache of its own, as in several processes.
        let mut options = Options::new(repo.dir.path().join(format!("cache{w}")));
        options.retry_pause = repo.options().retry_pause;
        let writer = Writer::open(server.remote(&repo, ""), options);
        tasks.push(tokio::spawn(async move {
            for n in 0..5 {
                let edit = folder(&format!("staging/app{w}"), &[("v", &format!("{n}"))]);
                let outcome = writer.commit(change(&format!("w{w}-{n}"), vec![edit])).await;
                assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let mut releases = repo.releases();
    releases.sort();
    let mut expected: Vec<_> =
        (0..3).flat_map(|w| (0..5).map(move |n| format!("w{w}-{n}"))).collect();
    expected.sort();
    assert_eq!(releases, expected);
    repo.fsck();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_pushes_all_the_time_loses_nothing_and_stops_nobody() {
    let repo = Arc::new(Repo::seeded());
    let writer = repo.writer();
    let (stop, stopped) = channel::<()>();
    let person = Arc::clone(&repo);
    let task = tokio::task::spawn_blocking(move || {
        let clone = person.dir.path().join("clone");
        git_in(person.dir.path(), &["clone", "--quiet", "repo.git", "clone"], "");
        let mut pushed = Vec::new();
        while stopped.recv_timeout(Duration::from_millis(150)) == Err(RecvTimeoutError::Timeout) {
            let name = format!("person{}", pushed.len());
            git_in(&clone, &["fetch", "--quiet"], "");
            git_in(&clone, &["reset", "--quiet", "--hard", "origin/main"], "");
            std::fs::write(clone.join(&name), "x").unwrap();
            git_in(&clone, &["add", "."], "");
            git_in(&clone, &["commit", "--quiet", "-m", &name], "");
            let push = std::process::Command::new("git")
                .args(["push", "--quiet"])
                .current_dir(&clone)
                .stderr(std::process::Stdio::null())
                .status();
            if push.unwrap().success() {
                pushed.push(name);
            }
        }
        pushed
    });
    for n in 0..10 {
        let edit = folder("staging/web", &[("v", &n.to_string())]);
        writer.commit(change(&format!("r{n}"), vec![edit])).await.unwrap();
    }
    drop(stop);
    let pushed = task.await.unwrap();
    assert_eq!(repo.releases().len(), 10);
    let names = repo.names(".");
    assert!(pushed.iter().all(|name| names.contains(name)), "{pushed:?} in {names:?}");
    repo.fsck();
}
