//! What is different without a clone: servers of several abilities, answers that are cut, few bytes.

use std::sync::Arc;

use gimlet_gitops::{
    CommitId, EngineChoice, EngineKind, GitErrorKind, HistoryFilter, Outcome, Writer,
};

use crate::fixture::{Repo, change, commit_of, folder, path};
use crate::http::Server;

fn release(id: &str) -> gimlet_gitops::Change {
    change(id, vec![folder("staging/web", &[("release.json", id), ("a.yaml", "a: 1\n")])])
}

fn open(repo: &Repo, server: &Server, engine: EngineChoice, cache: &str) -> Writer {
    let mut options = repo.options();
    options.engine = engine;
    options.cache_dir = repo.dir.path().join(cache);
    Writer::open(server.remote(repo, ""), options)
}

#[tokio::test]
async fn the_engine_is_chosen_by_what_the_server_can_do() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let with = open(&repo, &server, EngineChoice::Auto, "with");
    assert_eq!(with.engine(), None);
    with.commit(release("r1")).await.unwrap();
    assert_eq!(with.engine(), Some(EngineKind::Wire));
    repo.git(&["config", "uploadpack.allowFilter", "false"]);
    let without = open(&repo, &server, EngineChoice::Auto, "without");
    without.commit(release("r2")).await.unwrap();
    assert_eq!(without.engine(), Some(EngineKind::Git));
    let forced = open(&repo, &server, EngineChoice::Wire, "forced");
    let error = forced.commit(release("r3")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_terminal()), (GitErrorKind::Invalid, true), "{error}");
    assert!(error.to_string().contains("let the engine be chosen"), "{error}");
    assert_eq!(repo.releases(), ["r2", "r1"]);
}

#[tokio::test]
async fn what_the_other_way_left_behind_goes() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let folders = || {
        let all = std::fs::read_dir(repo.dir.path().join("cache")).unwrap().flatten();
        let names = all.filter(|e| e.path().is_dir()).map(|e| e.path());
        names.map(|path| path.extension().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (n, (engine, extension)) in
        [(EngineChoice::Git, "git"), (EngineChoice::Wire, "wire"), (EngineChoice::Git, "git")]
            .into_iter()
            .enumerate()
    {
        let writer = open(&repo, &server, engine, "cache");
        writer.commit(release(&format!("r{n}"))).await.unwrap();
        assert_eq!(folders(), [extension]);
    }
    assert_eq!(repo.releases(), ["r2", "r1", "r0"]);
}

#[tokio::test]
async fn a_server_that_filters_all_trees_only_is_enough() {
    let repo = Repo::seeded();
    repo.git(&["config", "uploadpackfilter.tree.maxDepth", "0"]);
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server, EngineChoice::Auto, "cache");
    writer.commit(release("r1")).await.unwrap();
    assert_eq!(writer.engine(), Some(EngineKind::Wire));
    repo.person("main", &[("staging/web/a.yaml", "a: 2\n")]);
    writer.commit(release("r2")).await.unwrap();
    let log = writer.history(HistoryFilter { others: true, ..HistoryFilter::default() }).await;
    assert_eq!(log.unwrap().len(), 4);
    repo.fsck();
}

#[tokio::test]
async fn a_server_that_filters_blobs_only_is_left_to_the_git_program() {
    let repo = Repo::seeded();
    repo.git(&["config", "uploadpackfilter.allow", "false"]);
    repo.git(&["config", "uploadpackfilter.blob:none.allow", "true"]);
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server, EngineChoice::Auto, "cache");
    writer.commit(release("r1")).await.unwrap();
    assert_eq!(writer.engine(), Some(EngineKind::Git));
    let forced = open(&repo, &server, EngineChoice::Wire, "forced");
    let error = forced.commit(release("r2")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_terminal()), (GitErrorKind::Invalid, true), "{error}");
    assert!(error.to_string().contains("filters of trees"), "{error}");
    assert_eq!(repo.releases(), ["r1"]);
}

#[tokio::test]
async fn both_engines_make_the_same_commits() {
    let (one, other) = (Repo::seeded(), Repo::seeded());
    let server = Server::start(&one, None).await;
    let wire = open(&one, &server, EngineChoice::Wire, "cache");
    let second = Server::start(&other, None).await;
    let git = open(&other, &second, EngineChoice::Git, "cache");
    for (n, edits) in [
        vec![folder("staging/web", &[("a", "1"), ("deep/b", "2")])],
        vec![folder("production/web", &[("a", "1")]), folder("staging/web", &[("a", "2")])],
        vec![gimlet_gitops::Edit::RemoveFolder { path: path("staging/web") }],
    ]
    .into_iter()
    .enumerate()
    {
        let change = change(&format!("r{n}"), edits);
        let (a, b) = (wire.commit(change.clone()).await, git.commit(change).await);
        assert_eq!(commit_of(&a), commit_of(&b), "{n}");
    }
    one.fsck();
}

#[tokio::test]
async fn commits_of_other_branches_are_not_given_out() {
    let repo = Repo::seeded();
    let foreign =
        CommitId::parse(&repo.person("evil", &[("staging/web/a.yaml", "a: evil\n")])).unwrap();
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server, EngineChoice::Wire, "cache");
    let released = commit_of(&writer.commit(release("r1")).await);
    let error = writer.read(&path("staging/web"), Some(&foreign)).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::NotFound, "{error}");
    assert!(!writer.contains(&foreign, &released).await.unwrap());
    assert_eq!(
        writer.tree(&path("staging/web"), Some(&foreign)).await.unwrap_err().kind(),
        GitErrorKind::NotFound
    );
}

#[tokio::test]
async fn a_release_in_a_wide_folder_sends_what_is_different() {
    let repo = Repo::empty();
    let apps: Vec<_> = (0..3_000).map(|n| format!("staging/app{n:04}/a.yaml")).collect();
    let files: Vec<_> = apps.iter().map(|path| (path.as_str(), "a: 1\n")).collect();
    repo.person("main", &files);
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server, EngineChoice::Wire, "cache");
    writer.head().await.unwrap();
    let (before, _) = server.bytes();
    let first = change("r0", vec![folder("staging/app1500", &[("a.yaml", "a: 2\n")])]);
    writer.commit(first).await.unwrap();
    let (sent, _) = server.bytes();
    assert!(sent - before < 1_500, "{} bytes for one release", sent - before);

    let (requests, pushes) = (server.requests(), server.pushes());
    let tickets: Vec<_> = (1..=120).map(|_| writer.announce()).collect();
    let tasks: Vec<_> = tickets
        .into_iter()
        .zip(1..)
        .map(|(ticket, n)| {
            let edit = folder(&format!("staging/app{:04}", n * 20), &[("a.yaml", "a: 3\n")]);
            tokio::spawn(ticket.commit(change(&format!("r{n}"), vec![edit])))
        })
        .collect();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Ok(Outcome::Committed { .. })));
    }
    assert_eq!((server.requests() - requests, server.pushes() - pushes), (1, 1));
    assert_eq!(repo.releases().len(), 121);
    repo.fsck();
}

#[tokio::test]
async fn what_many_read_at_once_is_asked_for_together() {
    let repo = Repo::empty();
    let apps: Vec<_> =
        (0..60).map(|n| (format!("staging/app{n}/a.yaml"), format!("a: {n}\n"))).collect();
    let files: Vec<_> = apps.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repo.person("main", &files);
    let server = Server::start(&repo, None).await;
    let writer = Arc::new(open(&repo, &server, EngineChoice::Wire, "cache"));
    writer.head().await.unwrap();
    let before = server.requests();
    let stranger = CommitId::parse("1234567890123456789012345678901234567890").unwrap();
    let lost = {
        let writer = Arc::clone(&writer);
        tokio::spawn(async move { writer.tree(&path("staging/app1"), Some(&stranger)).await })
    };
    let readers: Vec<_> = (0..60)
        .map(|n| {
            let writer = Arc::clone(&writer);
            tokio::spawn(async move { writer.read(&path(&format!("staging/app{n}")), None).await })
        })
        .collect();
    for (n, reader) in readers.into_iter().enumerate() {
        assert_eq!(reader.await.unwrap().unwrap()["a.yaml"], format!("a: {n}\n").as_bytes());
    }
    assert!(lost.await.unwrap().is_err());
    assert!(server.requests() - before < 20, "{}", server.requests() - before);
}

#[tokio::test]
async fn a_conflict_costs_four_requests() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server, EngineChoice::Wire, "cache");
    writer.commit(release("r1")).await.unwrap();
    repo.person("main", &[("README.md", "somebody was here\n")]);
    let before = server.requests();
    writer.commit(release("r2")).await.unwrap();
    assert!(server.requests() - before <= 4, "{}", server.requests() - before);
    assert_eq!(repo.releases(), ["r2", "r1"]);
}

#[tokio::test]
async fn an_old_state_is_put_back_by_a_few_hundred_bytes() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server, EngineChoice::Wire, "cache");
    let first = commit_of(&writer.commit(release("r1")).await);
    writer.commit(release("r2")).await.unwrap();
    drop(writer);
    // Another process, which knows nothing of it.
    let writer = open(&repo, &server, EngineChoice::Wire, "other");
    let tree = writer.tree(&path("staging/web"), Some(&first)).await.unwrap().unwrap();
    let (before, _) = server.bytes();
    let back = gimlet_gitops::Edit::Restore { path: path("staging/web"), tree };
    writer.commit(change("back", vec![back])).await.unwrap();
    let (sent, _) = server.bytes();
    assert!(sent - before < 1_024, "{} bytes", sent - before);
    assert_eq!(repo.show("staging/web/release.json"), "r1");
    repo.fsck();
}
