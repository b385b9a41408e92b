//! Processes that are killed at any moment, by a signal that they cannot see coming.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use gimlet_gitops::Writer;

use crate::fixture::{Repo, change, folder, rounds};
use crate::http::{Fault, Server};

/// What the other process is told: where the repository is, where its cache goes, and with which
/// release it begins.
const URL: &str = "GIMLET_TEST_KILLED_URL";
const CACHE: &str = "GIMLET_TEST_KILLED_CACHE";
const FROM: &str = "GIMLET_TEST_KILLED_FROM";
/// What it prints before the number of a release that has landed.
const LANDED: &str = "landed ";

/// Is one of the other processes: makes releases until it is killed, if it is told where.
#[tokio::test]
async fn the_process_that_is_killed() {
    let (Ok(url), Ok(cache), Ok(from)) =
        (std::env::var(URL), std::env::var(CACHE), std::env::var(FROM))
    else {
        return;
    };
    let repo = Repo::seeded();
    let mut options = repo.options();
    options.cache_dir = cache.into();
    let writer = Writer::open(repo.remote(&url), options);
    for number in from.parse::<usize>().unwrap().. {
        let id = format!("r{number}");
        let edit = folder("staging/web", &[("release.json", &id)]);
        writer.commit(change(&id, vec![edit])).await.unwrap();
        println!("{LANDED}{number}");
    }
}

fn start(repo: &Repo, server: &Server, from: usize) -> (Child, Receiver<usize>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kills::the_process_that_is_killed", "--exact", "--nocapture"])
        .env(URL, server.url())
        .env(CACHE, repo.dir.path().join("cache"))
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (told, landed) = channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let number = line.split_once(LANDED).and_then(|(_, number)| number.parse().ok());
            if number.is_some_and(|number| told.send(number).is_err()) {
                return;
            }
        }
    });
    (child, landed)
}

/// Goal 10: whatever the moment, nothing is lost and nothing lands twice; every fifth push fails as well,
/// so that what a process finds out after a fault is cut short, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_at_any_moment_loses_nothing_and_repeats_nothing() {
    let kills = rounds("GIMLET_TEST_KILLS", 40);
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let faults = [Fault::ErrorAfter, Fault::DropAfter, Fault::ErrorBefore, Fault::DropBefore];
    let mut next = 0;
    for kill in 0..kills {
        if kill % 5 == 0 {
            server.fail_next(&[faults[kill / 5 % faults.len()]]);
        }
        let (mut child, landed) = start(&repo, &server, next);
        // The first release of a process is there; the kill comes at any moment of the next ones.
        next = landed.recv_timeout(Duration::from_mins(1)).expect("a release lands") + 1;
        let moment = Duration::from_micros(u64::try_from(kill * 7_919 % 60_000).unwrap());
        let until = std::time::Instant::now() + moment;
        while let Ok(number) =
            landed.recv_timeout(until.saturating_duration_since(std::time::Instant::now()))
        {
            next = number + 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        next = landed.iter().last().map_or(next, |number| number + 1);
    }
    let (mut child, landed) = start(&repo, &server, next);
    landed.recv_timeout(Duration::from_mins(1)).expect("the last one lands");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut releases = repo.releases();
    releases.reverse();
    let expected: Vec<_> = (0..releases.len()).map(|number| format!("r{number}")).collect();
    assert_eq!(releases, expected);
    assert!(releases.len() > kills, "{} releases", releases.len());
    repo.fsck();
}
