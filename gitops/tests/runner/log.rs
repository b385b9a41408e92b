//! The release log: what is found in it, and the file that keeps it between two processes.

use std::path::PathBuf;

use gimlet_gitops::{
    Change, CommitId, GitErrorKind, HistoryFilter, LegacyAction, LogEntry, Member, Options, Origin,
    Outcome, Writer,
};

use crate::fixture::{Repo, change, commit_of, folder, git_in, path};

/// The file in the writer's cache.
fn file(repo: &Repo) -> PathBuf {
    let caches = std::fs::read_dir(repo.cache()).unwrap();
    caches.map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap().join("gimlet-log")
}

/// Reads the whole log with a new writer, which has put it into its file when this returns.
async fn read(repo: &Repo) -> Vec<LogEntry> {
    let writer = repo.writer();
    let all = HistoryFilter { others: true, ..HistoryFilter::default() };
    let entries = writer.history(all).await.unwrap();
    close(writer).await;
    entries
}

/// Waits until what the writer had to do is done: commands are obeyed one after the other.
async fn close(writer: Writer) {
    writer.refresh().await.unwrap();
    writer.refresh().await.unwrap();
}

/// Makes commits with these messages, each in one file.
fn commits(repo: &Repo, messages: &[(&str, &str)]) -> Vec<CommitId> {
    let mut ids = Vec::new();
    for (n, (message, file)) in messages.iter().enumerate() {
        let size = message.len();
        let stream = format!(
            "commit refs/heads/main\ncommitter Jane <jane@example.com> {} +0000\ndata {size}\n{message}\nfrom refs/heads/main^0\n\
             M 100644 inline {file}\ndata <<E\n{n}\nE\n",
            1_700_000_100 + n
        );
        git_in(&repo.bare(), &["fast-import", "--quiet"], &stream);
        ids.push(CommitId::parse(&repo.head()).unwrap());
    }
    ids
}

#[tokio::test]
async fn what_people_and_the_original_gimlet_did_is_in_the_log() {
    let repo = Repo::seeded();
    let ids = commits(
        &repo,
        &[
            ("[Gimlet] staging/web automated deploy\n", "staging/web/release.json"),
            ("scale down\n", "staging/web/deep/a.yaml"),
            (
                "Revert \"[Gimlet] staging/web automated deploy\"\n\nThis reverts commit 1.\n",
                "staging/web/x",
            ),
            ("about\n", "README.md"),
        ],
    );
    let writer = repo.writer();
    let release = change("r1", vec![folder("staging/web", &[("a", "1")])]);
    let release = commit_of(&writer.commit(release).await);
    let filter = HistoryFilter {
        app: Some(("staging".into(), "web".into())),
        others: true,
        folder: Some(path("staging/web")),
        ..HistoryFilter::default()
    };
    let found = writer.history(filter.clone()).await.unwrap();
    assert_eq!(
        found.iter().map(|e| e.commit).collect::<Vec<_>>(),
        [release, ids[2], ids[1], ids[0]]
    );
    assert!(matches!(&found[1].origin, Origin::Legacy(l) if l.action == LegacyAction::Revert));
    assert_eq!(found[2].origin, Origin::Other(vec!["staging/web/deep".into()]));
    assert_eq!(found[2].author.email, "jane@example.com");
    assert_eq!((found[3].environment(), found[3].app()), (Some("staging"), Some("web")));
    // Who does not ask for it gets what Gimlet made alone.
    let ours = writer.history(HistoryFilter { others: false, ..filter }).await.unwrap();
    assert_eq!(ours.iter().map(|e| e.commit).collect::<Vec<_>>(), [release]);
    let jane =
        HistoryFilter { person: Some("Jane".into()), others: true, ..HistoryFilter::default() };
    assert_eq!(writer.history(jane).await.unwrap().len(), 4);
}

#[tokio::test]
async fn the_log_is_kept_in_a_file_that_may_be_lost_damaged_or_out_of_date() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    for n in 0..3 {
        let edit = folder("staging/web", &[("n", &n.to_string())]);
        writer.commit(change(&format!("r{n}"), vec![edit])).await.unwrap();
    }
    close(writer).await;
    let first = read(&repo).await;
    assert_eq!(first.len(), 4);
    let kept = std::fs::read(file(&repo)).unwrap();
    // Somebody else adds to the branch: what the file has is believed and the rest is read.
    commits(&repo, &[("by hand\n", "staging/web/n")]);
    let second = read(&repo).await;
    assert_eq!(second[1..], first);
    assert_eq!(std::fs::read(file(&repo)).unwrap(), kept);
    for data in [&b""[..], b"rubbish", &kept[..kept.len() / 2]] {
        std::fs::write(file(&repo), data).unwrap();
        assert_eq!(read(&repo).await, second);
    }
    std::fs::remove_file(file(&repo)).unwrap();
    assert_eq!(read(&repo).await, second);
    assert!(file(&repo).exists());
}

#[tokio::test]
async fn a_file_of_history_that_was_taken_back_is_not_believed() {
    let repo = Repo::seeded();
    let start = repo.head();
    let writer = repo.writer();
    writer.commit(change("r1", vec![folder("staging/web", &[("a", "1")])])).await.unwrap();
    close(writer).await;
    std::fs::remove_file(file(&repo)).unwrap();
    assert_eq!(read(&repo).await.len(), 2);
    let kept = std::fs::read(file(&repo)).unwrap();
    repo.git(&["update-ref", "refs/heads/main", &start]);
    commits(&repo, &[("another way\n", "x/y")]);
    let log = read(&repo).await;
    assert_eq!(
        log.iter().map(|e| e.subject.as_str()).collect::<Vec<_>>(),
        ["another way", "person"]
    );
    let writer = repo.writer();
    assert_eq!(writer.find_release("r1").await.unwrap(), None);
    close(writer).await;
    assert_ne!(std::fs::read(file(&repo)).unwrap(), kept);
}

#[tokio::test]
async fn the_last_change_of_a_folder_is_that_of_git() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let edit = |text: &str| vec![folder("staging/web", &[("a", text)])];
    writer.commit(change("r1", edit("1"))).await.unwrap();
    // The same application elsewhere, another one in a commit that names this one, and a person.
    let mut other = change("r2", vec![folder("production/web", &[("a", "1")])]);
    other.trailers[0].1 = "production".into();
    writer.commit(other).await.unwrap();
    let check = async |text: &str| {
        writer.refresh().await.unwrap();
        let git = repo.git(&["log", "-1", "--format=%H", "main", "--", text]);
        let ours = writer.last_touch(&path(text)).await.unwrap();
        assert_eq!(ours.map(|c| c.to_string()).unwrap_or_default(), git, "{text}");
    };
    check("staging/web").await;
    commits(&repo, &[("by hand\n", "staging/web/deep/er"), ("elsewhere\n", "staging/other/x")]);
    for text in ["staging/web", "production/web", "staging/other", "staging", "no/such"] {
        check(text).await;
    }
    let both = vec![folder("staging/web", &[("a", "9")]), folder("staging/api", &[("a", "9")])];
    writer.commit(change("r3", both)).await.unwrap();
    let mut hidden = change("r4", vec![folder("staging/web", &[("a", "10")])]);
    hidden.trailers[1].1 = "other".into();
    writer.commit(hidden).await.unwrap();
    // A merge, and the removal of the folder.
    let base = repo.head();
    commits(&repo, &[("on the branch\n", "staging/api/b")]);
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    let merge = repo.git(&["commit-tree", &tree, "-p", &base, "-p", "main", "-m", "merge"]);
    repo.git(&["update-ref", "refs/heads/main", &merge]);
    for text in ["staging/web", "staging/api", "production/web"] {
        check(text).await;
    }
    let gone = vec![gimlet_gitops::Edit::RemoveFolder { path: path("staging/web") }];
    writer.commit(change("r5", gone)).await.unwrap();
    check("staging/web").await;
}

/// A change of three applications, each a member of its own.
fn set(text: &str) -> Change {
    let trailers = |app: &str| {
        [("Gimlet-Env", "staging"), ("Gimlet-App", app)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec()
    };
    let order = |app: &str| Some((format!("staging/{app}"), 5, "x".to_owned()));
    let mut change = change("set-web", vec![folder("staging/web", &[("a", text)])]);
    change.order = order("web");
    change.also = ["api", "cart"]
        .map(|app| Member {
            id: format!("set-{app}"),
            edits: vec![folder(&format!("staging/{app}"), &[("a", text)])],
            trailers: trailers(app),
            order: order(app),
            expected: None,
        })
        .to_vec();
    change
}

#[tokio::test]
async fn a_commit_with_several_members_is_an_entry_of_each_also_after_a_restart() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    writer.commit(change("r1", vec![folder("staging/api", &[("a", "0")])])).await.unwrap();
    let before = repo.head();
    let commit = commit_of(&writer.commit(set("1")).await);
    assert_eq!(repo.git(&["rev-list", "--count", &format!("{before}..main")]), "1");
    assert_eq!(["web", "api", "cart"].map(|app| repo.show(&format!("staging/{app}/a"))), ["1"; 3]);
    // Plain git finds the commit by each of its applications.
    for app in ["web", "api", "cart"] {
        let grep = format!("^Gimlet-App: {app}$");
        let found = repo.git(&["log", "-1", "--format=%H", "--grep", &grep, "main"]);
        assert_eq!(found, commit.to_string());
    }
    close(writer).await;
    std::fs::remove_file(file(&repo)).unwrap();
    // The first reads the history, the second the file.
    for _ in 0..2 {
        let writer = repo.writer();
        for app in ["web", "api", "cart"] {
            let id = format!("set-{app}");
            assert_eq!(writer.find_release(&id).await.unwrap(), Some(commit));
            let filter = HistoryFilter {
                app: Some(("staging".into(), app.into())),
                limit: 1,
                ..HistoryFilter::default()
            };
            let found = writer.history(filter).await.unwrap();
            assert_eq!((found.len(), &found[0].trailers["Gimlet-Release"]), (1, &id));
            let folder = path(&format!("staging/{app}"));
            assert_eq!(writer.last_touch(&folder).await.unwrap(), Some(commit));
        }
        let all = HistoryFilter { limit: 1, ..HistoryFilter::default() };
        assert_eq!(writer.history(all).await.unwrap().len(), 3, "no page ends inside of a commit");
        close(writer).await;
        assert!(file(&repo).exists());
    }
}

#[tokio::test]
async fn a_commit_with_several_members_is_made_once_by_whoever_comes_first() {
    let repo = Repo::seeded();
    let (one, other) = (
        repo.writer(),
        Writer::open(repo.remote(&repo.url()), Options::new(repo.dir.path().join("other"))),
    );
    // Both know the branch as it is before.
    one.head().await.unwrap();
    other.head().await.unwrap();
    let commit = commit_of(&one.commit(set("1")).await);
    repo.person("main", &[("staging/notes/x", "y")]);
    let again = other.commit(set("1")).await;
    assert!(
        matches!(again, Ok(Outcome::Adopted { commit: found, .. }) if found == commit),
        "{again:?}"
    );
    // One of them less, as where it had nothing to change, is the same commit.
    let mut fewer = set("1");
    fewer.also.pop();
    let fewer = other.commit(fewer).await;
    assert!(matches!(fewer, Ok(Outcome::Adopted { commit: found, .. }) if found == commit));
    let releases = repo.releases();
    assert_eq!(releases, ["set-web,set-api,set-cart"]);
    repo.fsck();
}

#[tokio::test]
async fn a_race_that_is_lost_makes_the_whole_commit_anew() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    writer.head().await.unwrap();
    let person = repo.person("main", &[("staging/notes/x", "y")]);
    let commit = commit_of(&writer.commit(set("1")).await);
    assert_eq!(repo.git(&["rev-parse", "main^"]), person);
    for id in ["set-web", "set-api", "set-cart"] {
        assert_eq!(writer.find_release(id).await.unwrap(), Some(commit));
    }
    assert_eq!(repo.show("staging/notes/x"), "y");
}

#[tokio::test]
async fn one_member_that_cannot_be_made_keeps_all_of_them_out() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let mut newer = change("newer", vec![folder("staging/api", &[("a", "new")])]);
    newer.order = Some(("staging/api".into(), 9, "y".into()));
    let first = commit_of(&writer.commit(newer).await);
    let error = writer.commit(set("1")).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Superseded);
    assert_eq!((error.superseded_id(), error.superseded_by()), (Some("set-api"), Some("newer")));
    let mut outdated = set("1");
    outdated.also[0].order = None;
    outdated.also[0].expected = Some(first);
    writer.commit(change("r3", vec![folder("staging/api", &[("a", "newest")])])).await.unwrap();
    let error = writer.commit(outdated).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::BaseChanged);
    assert_eq!(repo.names("staging/web").len() + repo.names("staging/cart").len(), 0);
    assert_eq!(repo.releases(), ["r3", "newer"]);
    // What was committed alone cannot become part of another commit.
    writer.commit(change("set-cart", vec![folder("staging/cart", &[("a", "1")])])).await.unwrap();
    writer.commit(change("set-web", vec![folder("staging/web", &[("a", "1")])])).await.unwrap();
    let error = writer.commit(set("1")).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Invalid);
}

#[tokio::test]
async fn a_file_of_any_size_may_be_named_like_a_record() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    commit_of(&writer.commit(change("r1", vec![folder("staging/web", &[("a", "1")])])).await);
    let file = path("staging/web/release.json");
    for size in [8, 65] {
        let person = repo.person("main", &[(file.as_str(), &"x".repeat(size << 20))]);
        let small = r#"{"app": "api", "environment": "staging", "uid": "r2"}"#;
        let squashed = repo.person("main", &[("staging/api/release.json", small)]);
        writer.refresh().await.unwrap();
        let error = writer.read_file(&file, None).await;
        assert!(size == 8 || error.is_err_and(|e| e.kind() == GitErrorKind::TooLarge));
        // What others squashed meanwhile is found, and so is a release after it.
        for writer in [&writer, &fresh(&repo)] {
            let found = writer.find_release("r2").await.unwrap();
            assert!(size > 8 || found.is_some_and(|found| found.to_string() == squashed));
            let touch = writer.last_touch(&path("staging/web")).await.unwrap();
            assert_eq!(touch.map(|touch| touch.to_string()), Some(person.clone()));
        }
    }
    let next = change("r3", vec![folder("staging/web", &[("a", "2")])]);
    let commit = commit_of(&writer.commit(next).await);
    assert_eq!(writer.find_release("r3").await.unwrap(), Some(commit));
    assert_eq!(repo.names("staging/web"), ["staging/web/a"]);
}

/// A writer that knows nothing yet.
fn fresh(repo: &Repo) -> Writer {
    let cache = repo.dir.path().join(format!("cache-{}", repo.head()));
    Writer::open(repo.remote(&repo.url()), Options { cache_dir: cache, ..repo.options() })
}
