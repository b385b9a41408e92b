//! What happens when servers refuse, break off or change their minds, and when caches break.

use std::sync::Arc;
use std::time::Duration;

use gimlet_gitops::{
    Credentials, EngineChoice, GitErrorKind, HistoryFilter, Options, Outcome, RemoteUrl, Secret,
    Writer,
};

use crate::ENGINE;
use crate::fixture::{Repo, change, commit_of, folder, path};
use crate::http::{Fault, Server};

fn release(id: &str) -> gimlet_gitops::Change {
    change(id, vec![folder("staging/web", &[("release.json", id)])])
}

#[tokio::test]
async fn a_release_over_http_is_one_push_and_no_look() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, Some("hunter2")).await;
    let writer = Writer::open(server.remote(&repo, "hunter2"), repo.options());
    writer.commit(release("r1")).await.unwrap();
    let before = server.requests();
    writer.commit(release("r2")).await.unwrap();
    // The git program asks first what the server has.
    let expected = if ENGINE == EngineChoice::Wire { 1 } else { 2 };
    assert_eq!(server.requests() - before, expected);
    assert_eq!(repo.releases(), ["r2", "r1"]);
    repo.fsck();
}

#[tokio::test]
async fn a_push_whose_answer_is_lost_lands_once() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let mut options = repo.options();
    options.timeouts.push = Duration::from_secs(2);
    let writer = Writer::open(server.remote(&repo, ""), options);
    let faults = [
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::DropAfter,
        Fault::DropBefore,
        Fault::HangAfter,
    ];
    for (n, fault) in faults.into_iter().enumerate() {
        server.fail_next(&[fault]);
        let outcome = writer.commit(release(&format!("r{n}"))).await;
        assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{fault:?}: {outcome:?}");
    }
    assert_eq!(repo.releases(), ["r4", "r3", "r2", "r1", "r0"]);
    repo.fsck();
}

#[tokio::test]
async fn a_process_killed_between_push_and_answer_finds_its_commit_again() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    server.fail_next(&[Fault::HangAfter]);
    let mut lost = tokio::runtime::Builder::new_multi_thread().enable_all().build().ok();
    let writer = {
        let _inside = lost.as_ref().unwrap().enter();
        Writer::open(server.remote(&repo, ""), repo.options())
    };
    let task = tokio::spawn(async move { writer.commit(release("r1")).await });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while repo.releases().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the push never came");
        tokio::task::yield_now().await;
    }
    // The runtime goes away with the writer's task, as it would with its process.
    lost.take().unwrap().shutdown_background();
    assert_eq!(task.await.unwrap().unwrap_err().kind(), GitErrorKind::Cancelled);
    let again = Writer::open(server.remote(&repo, ""), repo.options());
    assert!(matches!(again.commit(release("r1")).await, Ok(Outcome::Adopted { .. })));
    assert_eq!(repo.releases(), ["r1"]);
}

#[tokio::test]
async fn a_server_that_stays_away_is_unreachable_and_not_terminal() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let remote = server.remote(&repo, "");
    let writer = Writer::open(remote, repo.options());
    writer.head().await.unwrap();
    drop(server);
    let error = writer.commit(release("r1")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_terminal()), (GitErrorKind::Unreachable, false), "{error}");
}

#[tokio::test]
async fn wrong_credentials_are_terminal_and_never_shown() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, Some("hunter2")).await;
    let writer = Writer::open(server.remote(&repo, "s3cret-wrong"), repo.options());
    let error = writer.commit(release("r1")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_terminal()), (GitErrorKind::Unauthorized, true), "{error}");
    assert!(!error.to_string().contains("s3cret-wrong"), "{error}");
    let password = Secret::new("hunter2");
    writer.set_credentials(Credentials::Basic { username: "gimlet".into(), password });
    writer.commit(release("r1")).await.unwrap();
    for file in std::fs::read_dir(cache_of(&repo)).unwrap().flatten().filter(|e| e.path().is_file())
    {
        let text = String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned();
        assert!(!text.contains("hunter2") && !text.contains("127.0.0.1"), "{:?}", file.path());
    }
}

#[tokio::test]
async fn credentials_that_end_in_between_stop_the_release_and_new_ones_land_it_once() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, Some("hunter2")).await;
    let writer = Writer::open(server.remote(&repo, "hunter2"), repo.options());
    writer.commit(release("r1")).await.unwrap();
    // The git program asks a second time when it is refused.
    server.fail_next(&[Fault::Unauthorized, Fault::Unauthorized]);
    let error = writer.commit(release("r2")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_terminal()), (GitErrorKind::Unauthorized, true), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(repo.releases(), ["r1"]);
    server.forgive();
    let password = Secret::new("hunter2");
    writer.set_credentials(Credentials::Basic { username: "gimlet".into(), password });
    writer.commit(release("r2")).await.unwrap();
    assert_eq!(repo.releases(), ["r2", "r1"]);
    repo.fsck();
}

#[tokio::test]
async fn a_missing_repository_is_not_found() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let mut remote = server.remote(&repo, "");
    remote.url = RemoteUrl::parse(&server.url().replace("repo", "nope"), true).unwrap();
    let error = Writer::open(remote, repo.options()).head().await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn a_protected_branch_fails_for_good_with_the_servers_words() {
    let repo = Repo::seeded();
    repo.hook("pre-receive", "echo 'GH006: Protected branch update failed' >&2; exit 1");
    let server = Server::start(&repo, None).await;
    let writer = Writer::open(server.remote(&repo, ""), repo.options());
    let error = writer.commit(release("r1")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_terminal()), (GitErrorKind::Rejected, true));
    assert!(error.to_string().contains("GH006: Protected branch update failed"), "{error}");
    assert_eq!(server.pushes(), 2);
}

#[tokio::test]
async fn a_hook_that_minds_one_change_does_not_stop_the_others() {
    let repo = Repo::seeded();
    let script = "read old new ref; if git ls-tree -r --name-only $new | grep -q forbidden; then echo no >&2; exit 1; fi";
    repo.hook("pre-receive", script);
    let writer = repo.writer();
    let tickets: Vec<_> = (0..5).map(|_| writer.announce()).collect();
    let tasks: Vec<_> = tickets
        .into_iter()
        .enumerate()
        .map(|(n, ticket)| {
            let name = if n == 2 { "forbidden" } else { "fine" };
            let edit = folder(&format!("staging/app{n}"), &[(name, "x")]);
            tokio::spawn(ticket.commit(change(&format!("r{n}"), vec![edit])))
        })
        .collect();
    let mut failed = Vec::new();
    for (n, task) in tasks.into_iter().enumerate() {
        if let Err(error) = task.await.unwrap() {
            failed.push((n, error.kind()));
        }
    }
    assert_eq!(failed, [(2, GitErrorKind::Rejected)]);
    assert_eq!(repo.releases(), ["r4", "r3", "r1", "r0"]);
}

#[tokio::test]
async fn a_deleted_branch_is_not_created_again() {
    for others in [true, false] {
        let repo = Repo::seeded();
        let writer = repo.writer();
        writer.commit(release("r1")).await.unwrap();
        if others {
            repo.person("other", &[("a", "b")]);
        }
        repo.git(&["update-ref", "-d", "refs/heads/main"]);
        let error = writer.commit(release("r2")).await.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::BranchMissing, "{error}");
        assert_eq!(writer.refresh().await.unwrap().commit, None);
        drop(writer);
        // Another process with the same cache knows that there was a branch.
        let error = repo.writer().commit(release("r2")).await.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::BranchMissing, "{error}");
        assert_eq!(repo.try_head("main"), None);
    }
}

#[tokio::test]
async fn without_its_cache_a_process_is_told_where_the_branch_was() {
    let repo = Repo::seeded();
    let base = repo.head();
    let removed = commit_of(&repo.writer().commit(release("r1")).await);
    let last_head = Some(removed);
    let without_cache = |name: &str| {
        let cache_dir = repo.dir.path().join(name);
        Writer::open(repo.remote(&repo.url()), Options { cache_dir, last_head, ..repo.options() })
    };
    // Nothing happened meanwhile, or somebody pushed.
    let writer = without_cache("same");
    assert!(!writer.refresh().await.unwrap().rewritten);
    repo.person("other", &[("a", "b")]);
    let writer = without_cache("more");
    assert!(!writer.refresh().await.unwrap().rewritten);
    assert!(writer.find_release("r1").await.unwrap().is_some());
    // The release was taken off the branch, and nobody else did anything since.
    repo.git(&["update-ref", "refs/heads/main", &base]);
    let writer = without_cache("rewritten");
    assert!(writer.refresh().await.unwrap().rewritten);
    assert!(!writer.refresh().await.unwrap().rewritten);
    assert_eq!(writer.find_release("r1").await.unwrap(), None);
    // The server has forgotten the commit, too.
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "--quiet", "--prune=now"]);
    assert!(without_cache("forgotten").refresh().await.unwrap().rewritten);
    // The only branch is gone: the repository looks as if it were new.
    repo.git(&["update-ref", "-d", "refs/heads/main"]);
    let error = without_cache("deleted").commit(release("r2")).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::BranchMissing, "{error}");
    assert!(error.to_string().contains("it was deleted"), "{error}");
    assert_eq!(repo.try_head("main"), None);
}

#[tokio::test]
async fn rewritten_history_is_reported_and_not_brought_back() {
    let repo = Repo::seeded();
    let base = repo.head();
    let writer = repo.writer();
    writer.commit(release("r1")).await.unwrap();
    let removed = commit_of(&writer.commit(release("r2")).await);
    repo.git(&["update-ref", "refs/heads/main", &base]);
    let other = change("r3", vec![folder("staging/api", &[("a", "b")])]);
    let landed = commit_of(&writer.commit(other).await);
    assert!(writer.head().await.unwrap().rewritten);
    assert!(writer.refresh().await.unwrap().rewritten);
    assert!(!writer.refresh().await.unwrap().rewritten);
    assert_eq!(repo.releases(), ["r3"]);
    assert_eq!(repo.git(&["rev-parse", "main^"]), base);
    assert_eq!(writer.find_release("r2").await.unwrap(), None);
    assert!(!writer.contains(&removed, &landed).await.unwrap());
    // What was removed may be released again.
    assert!(matches!(writer.commit(release("r2")).await, Ok(Outcome::Committed { .. })));
}

/// Every way of breaking a cache that was found to stop other implementations.
type Breakage = (&'static str, fn(&std::path::Path));

fn breakages() -> &'static [Breakage] {
    if ENGINE == EngineChoice::Wire { WIRE_BREAKAGES } else { GIT_BREAKAGES }
}

const WIRE_BREAKAGES: &[Breakage] = &[
    ("empty head", |dir| std::fs::write(dir.join("head"), "").unwrap()),
    ("head that is nowhere", |dir| {
        std::fs::write(dir.join("head"), format!("{}\n", "1".repeat(40))).unwrap();
    }),
    ("no head", |dir| std::fs::remove_file(dir.join("head")).unwrap()),
    ("empty objects", |dir| std::fs::write(dir.join("objects-young"), "").unwrap()),
    ("garbage in objects", |dir| std::fs::write(dir.join("objects-young"), [7; 500]).unwrap()),
    ("flipped bytes", |dir| {
        let file = dir.join("objects-young");
        let data = std::fs::read(&file).unwrap();
        std::fs::write(file, data.iter().map(|byte| byte ^ 0xff).collect::<Vec<_>>()).unwrap();
    }),
    ("lost objects", |dir| std::fs::remove_file(dir.join("objects-young")).unwrap()),
    ("everything", |dir| {
        // The writer may put something there meanwhile.
        while let Err(error) = std::fs::remove_dir_all(dir) {
            assert_eq!(error.kind(), std::io::ErrorKind::DirectoryNotEmpty);
        }
    }),
];

const GIT_BREAKAGES: &[Breakage] = &[
    ("empty reference", |dir| std::fs::write(dir.join("refs/gimlet/head"), "").unwrap()),
    ("reference to nowhere", |dir| {
        std::fs::write(dir.join("refs/gimlet/head"), format!("{}\n", "1".repeat(40))).unwrap();
    }),
    ("no HEAD", |dir| std::fs::remove_file(dir.join("HEAD")).unwrap()),
    ("garbage in config", |dir| std::fs::write(dir.join("config"), "[[[").unwrap()),
    ("stale locks", |dir| {
        std::fs::write(dir.join("refs/gimlet/head.lock"), "").unwrap();
        std::fs::write(dir.join("packed-refs.lock"), "").unwrap();
    }),
    ("empty objects", |dir| each_object(dir, &|file| std::fs::write(file, "").unwrap())),
    ("flipped bytes", |dir| {
        each_object(dir, &|file| {
            let mut data = std::fs::read(file).unwrap();
            let middle = data.len() / 2;
            data[middle] ^= 0xff;
            std::fs::write(file, data).unwrap();
        });
    }),
    ("lost objects", |dir| each_object(dir, &|file| std::fs::remove_file(file).unwrap())),
];

fn each_object(dir: &std::path::Path, damage: &dyn Fn(&std::path::Path)) {
    use std::os::unix::fs::PermissionsExt as _;
    for folder in std::fs::read_dir(dir.join("objects")).unwrap().flatten() {
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let writable = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(file.path(), writable).unwrap();
            damage(&file.path());
        }
    }
}

fn cache_of(repo: &Repo) -> std::path::PathBuf {
    let all = std::fs::read_dir(repo.cache()).unwrap().flatten();
    all.map(|e| e.path()).find(|p| p.is_dir()).unwrap()
}

#[tokio::test]
async fn a_damaged_cache_is_replaced_at_the_start() {
    for (name, damage) in breakages() {
        let repo = Repo::seeded();
        let writer = repo.writer();
        let first = commit_of(&writer.commit(release("r1")).await);
        drop(writer);
        let lock = cache_of(&repo).with_extension("lock");
        let file = std::fs::File::open(lock).unwrap();
        tokio::task::spawn_blocking(move || file.lock().unwrap()).await.unwrap();
        damage(&cache_of(&repo));
        let writer = repo.writer();
        let read = writer.read(&path("staging/web"), None).await;
        assert_eq!(read.map(|files| files.len()), Ok(1), "{name}");
        let outcome = writer.commit(release("r2")).await;
        assert!(
            matches!(outcome, Ok(Outcome::Committed { parent: Some(p), .. }) if p == first),
            "{name}: {outcome:?}"
        );
        assert_eq!(writer.history(HistoryFilter::default()).await.unwrap().len(), 2, "{name}");
        repo.fsck();
    }
}

#[tokio::test]
async fn a_cache_that_breaks_while_in_use_is_replaced() {
    for (name, damage) in breakages() {
        let repo = Repo::seeded();
        let writer = repo.writer();
        writer.commit(release("r1")).await.unwrap();
        damage(&cache_of(&repo));
        // Somebody else moves the branch, so that the writer needs its cache.
        repo.person("main", &[("staging/other/a.yaml", name)]);
        let outcome = writer.commit(release("r2")).await;
        assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{name}: {outcome:?}");
        let read = writer.read(&path("staging/other"), None).await;
        assert_eq!(read.map(|files| files.len()), Ok(1), "{name}");
        assert_eq!(repo.releases(), ["r2", "r1"], "{name}");
        repo.fsck();
    }
}

#[tokio::test]
async fn a_cache_that_is_gone_is_made_anew_when_somebody_looks() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    writer.commit(release("r1")).await.unwrap();
    let cache = cache_of(&repo);
    // The writer may put something there meanwhile.
    while let Err(error) = std::fs::remove_dir_all(&cache) {
        assert_eq!(error.kind(), std::io::ErrorKind::DirectoryNotEmpty);
    }
    let by_hand = repo.person("main", &[("staging/other/a.yaml", "a")]);
    let head = writer.refresh().await.unwrap();
    assert_eq!(head.commit.map(|commit| commit.to_string()), Some(by_hand));
}

#[tokio::test]
async fn the_observer_hears_of_every_push() {
    #[derive(Default)]
    struct Heard(std::sync::Mutex<Vec<String>>);
    impl gimlet_gitops::Observer for Heard {
        fn operation(&self, op: &'static str, result: &'static str, _: Duration) {
            self.0.lock().unwrap().push(format!("{op} {result}"));
        }
        fn pushed(&self, _: &str, commits: usize, attempts: u32, _: Duration) {
            self.0.lock().unwrap().push(format!("{commits} in {attempts}"));
        }
    }
    let repo = Repo::seeded();
    let heard = Arc::new(Heard::default());
    let mut options = repo.options();
    options.observer = Some(Arc::<Heard>::clone(&heard));
    let writer = Writer::open(repo.remote(&repo.url()), options);
    writer.head().await.unwrap();
    repo.person("main", &[("x", "y")]);
    writer.commit(release("r1")).await.unwrap();
    let heard = heard.0.lock().unwrap().join(", ");
    assert_eq!(
        heard,
        "look ok, fetch ok, open ok, look ok, push GitConflict, fetch ok, push ok, 1 in 2"
    );
}
