//! Answers that end in the middle, and servers that say nothing.

use std::time::Duration;

use gimlet_gitops::{EngineChoice, GitErrorKind, Outcome, Writer};

use crate::ENGINE;
use crate::fixture::{Repo, change, folder, path};
use crate::http::{Fault, Server};

fn release(id: &str) -> gimlet_gitops::Change {
    change(id, vec![folder("staging/web", &[("release.json", id), ("a.yaml", "a: 1\n")])])
}

fn open(repo: &Repo, server: &Server, cache: &str) -> Writer {
    let mut options = repo.options();
    options.cache_dir = repo.dir.path().join(cache);
    Writer::open(server.remote(repo, ""), options)
}

#[tokio::test]
async fn an_answer_to_a_push_that_is_cut_anywhere_lands_it_once() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let mut options = repo.options();
    // The git program waits for what is missing until it is ended.
    options.timeouts.push = Duration::from_secs(2);
    let writer = Writer::open(server.remote(&repo, ""), options);
    let mut expected = Vec::new();
    let step = if ENGINE == EngineChoice::Wire { 3 } else { 12 };
    for bytes in (0..60).step_by(step) {
        server.fail_next(&[Fault::CutAfter(bytes)]);
        let id = format!("r{bytes}");
        let outcome = writer.commit(release(&id)).await;
        assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{bytes}: {outcome:?}");
        expected.insert(0, id);
    }
    assert_eq!(repo.releases(), expected);
    assert_eq!(server.pushes(), expected.len());
    repo.fsck();
}

#[tokio::test]
async fn answers_to_a_reader_that_are_cut_anywhere_are_an_error_with_a_cause() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let first = open(&repo, &server, "first");
    first.commit(release("r1")).await.unwrap();
    for bytes in (0..400).step_by(17) {
        server.cut(Some(bytes));
        let cache = format!("cache{bytes}");
        let mut options = repo.options();
        options.retries = 0;
        options.cache_dir = repo.dir.path().join(&cache);
        let writer = Writer::open(server.remote(&repo, ""), options);
        let read = writer.read(&path("staging/web"), None).await;
        match read {
            Ok(files) => assert_eq!(files.len(), 2, "{bytes}"),
            Err(error) => assert!(!error.to_string().is_empty(), "{bytes}"),
        }
        drop(writer);
        server.cut(None);
        // What was kept of it does no harm.
        let writer = open(&repo, &server, &cache);
        assert_eq!(writer.read(&path("staging/web"), None).await.unwrap().len(), 2, "{bytes}");
    }
}

#[tokio::test]
async fn a_server_that_takes_a_request_and_says_nothing_is_given_up() {
    let repo = Repo::seeded();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/repo.git", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    let mut options = repo.options();
    options.retries = 0;
    options.timeouts.idle = Duration::from_millis(300);
    let writer = Writer::open(repo.remote(&url), options);
    let error = tokio::time::timeout(Duration::from_secs(20), writer.head()).await;
    let error = error.expect("it is given up").unwrap_err();
    assert_eq!((error.kind(), error.is_terminal()), (GitErrorKind::Timeout, false), "{error}");
    silent.abort();
}
