//! What a release may cost, in counts that do not depend on the machine.

use std::fmt::Write as _;

use gimlet_gitops::{Change, Edit, EngineChoice, HistoryFilter, Options, Outcome, Writer};

use crate::apps::{app, release, text, with_apps};
use crate::fixture::{Repo, change, files, git_in, path, rounds};
use crate::http::Server;

/// The sizes of repositories, in apps of one environment.
const SIZES: [usize; 3] = [10, 1_000, 10_000];

fn open(repo: &Repo, server: &Server) -> Writer {
    let options = Options { engine: EngineChoice::Wire, ..repo.options() };
    Writer::open(server.remote(repo, ""), options)
}

async fn land(writer: &Writer, changes: Vec<Change>) {
    let tickets: Vec<_> = changes.iter().map(|_| writer.announce()).collect();
    let tasks: Vec<_> = tickets
        .into_iter()
        .zip(changes)
        .map(|(ticket, change)| tokio::spawn(ticket.commit(change)))
        .collect();
    for task in tasks {
        let outcome = task.await.unwrap();
        assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");
    }
}

/// Goal 5: one request for each batch, on the connection that is there.
#[tokio::test]
async fn a_batch_is_one_request_on_the_connection_that_is_there() {
    let repo = with_apps(10);
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server);
    writer.commit(release(0, 1)).await.unwrap();
    for version in 2..10 {
        let before = (server.requests(), server.connections());
        land(&writer, (0..version).map(|number| release(number, version)).collect()).await;
        let after = (server.requests(), server.connections());
        assert_eq!(after, (before.0 + 1, before.1), "{version} releases");
    }
    repo.fsck();
}

/// Goal 5 once more, by a process that has read none of the apps.
#[tokio::test]
async fn a_batch_of_a_hundred_is_one_request_whatever_was_read_before() {
    let repo = with_apps(120);
    let server = Server::start(&repo, None).await;
    let releases = |version| (1..=100).map(|number| release(number, version)).collect();
    land(&open(&repo, &server), releases(1)).await;
    let cache_dir = repo.dir.path().join("another");
    let options = Options { engine: EngineChoice::Wire, cache_dir, ..repo.options() };
    let writer = Writer::open(server.remote(&repo, ""), options);
    writer.commit(release(0, 1)).await.unwrap();
    let before = (server.requests(), server.pushes());
    land(&writer, releases(2)).await;
    assert_eq!((server.requests() - before.0, server.pushes() - before.1), (1, 1));
    repo.fsck();
}

/// Reading an app for the first time brings its folder and its files in one request, however many
/// apps there are.
#[tokio::test]
async fn a_folder_comes_with_its_files() {
    for size in SIZES {
        let repo = with_apps(size);
        let server = Server::start(&repo, None).await;
        let writer = open(&repo, &server);
        writer.head().await.unwrap();
        let before = server.requests();
        let files = writer.read(&path(&app(0)), None).await.unwrap();
        assert_eq!((files.len(), server.requests() - before), (10, 1), "{size} apps");
    }
}

/// Goal 6: at most 6 KB up and 4 KB down for a release of ten files, whatever the repository's size.
#[tokio::test]
async fn the_bytes_of_a_release_do_not_grow_with_the_repository() {
    for size in SIZES {
        let repo = with_apps(size);
        let server = Server::start(&repo, None).await;
        let writer = open(&repo, &server);
        writer.commit(release(0, 1)).await.unwrap();
        for version in 2..5 {
            let before = server.bytes();
            writer.commit(release(0, version)).await.unwrap();
            let after = server.bytes();
            let (up, down) = (after.0 - before.0, after.1 - before.1);
            assert!(up <= 6_000 && down <= 4_000, "{size} apps: {up} bytes up, {down} down");
        }
        repo.fsck();
    }
}

/// Goal 6: at 1,000 apps an old state is found by 64 KB and put back by 1 KB.
#[tokio::test]
async fn a_rollback_in_a_repository_of_many_apps_is_small() {
    let repo = with_apps(1_000);
    let server = Server::start(&repo, None).await;
    let first = Writer::open(
        server.remote(&repo, ""),
        Options { cache_dir: repo.dir.path().join("first"), ..repo.options() },
    );
    let Ok(Outcome::Committed { commit, .. }) = first.commit(release(0, 1)).await else {
        panic!("no commit");
    };
    first.commit(release(0, 2)).await.unwrap();
    drop(first);
    // A process that has seen the newest state only.
    let writer = open(&repo, &server);
    writer.commit(release(1, 3)).await.unwrap();
    let before = server.bytes();
    let tree = writer.tree(&path(&app(0)), Some(&commit)).await.unwrap().unwrap();
    let found = server.bytes();
    let back = Edit::Restore { path: path(&app(0)), tree };
    writer.commit(change("back", vec![back])).await.unwrap();
    let after = server.bytes();
    let (fetched, pushed) = (found.1 - before.1, after.0 - found.0);
    assert!(fetched <= 64_000 && pushed <= 1_000, "{fetched} bytes fetched, {pushed} pushed");
    assert_eq!(repo.show(&format!("{}/file0.yaml", app(0))), text(0, 0, 1).trim_end());
    repo.fsck();
}

/// Goal 7: half a megabyte until the first release has landed, the log of the branch included.
#[tokio::test]
async fn a_cold_start_beside_ten_thousand_apps_reads_half_a_megabyte() {
    let repo = with_apps(10_000);
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server);
    writer.commit(release(5_000, 1)).await.unwrap();
    writer.history(HistoryFilter::default()).await.unwrap();
    let (_, down) = server.bytes();
    assert!(down <= 500_000, "{down} bytes");
}

/// A generator of numbers that look random, the same ones each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Goal 13: after each of many batches the tree is the one that `git fast-import` makes.
#[tokio::test]
async fn random_batches_make_the_trees_of_git() {
    const ENVIRONMENTS: [&str; 3] = ["staging", "staging-2", "a.b"];
    const APPS: [&str; 6] = ["a", "a-b", "a.b", "a0", "web", "web-api"];
    const NAMES: [&str; 6] = ["B", "a.yaml", "a/b.yaml", "a-b", "s/s/s/f", "z_1.json"];
    let batches = rounds("GIMLET_TEST_BATCHES", 100);
    let repo = Repo::seeded();
    let judge = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let writer = open(&repo, &server);
    let mut numbers = Numbers(17);
    let mut stream = String::new();
    let mut heads = Vec::new();
    for batch in 0..batches {
        let person = "committer Person <p@example.com> 1600000000 +0000\ndata 1\nb\n";
        let _ = write!(stream, "commit refs/heads/main\n{person}");
        if batch == 0 {
            stream.push_str("from refs/heads/main^0\n");
        }
        let mut changes = Vec::new();
        let mut taken = std::collections::BTreeSet::new();
        for part in 0..=numbers.below(3) {
            let environment = ENVIRONMENTS[numbers.below(ENVIRONMENTS.len())];
            let place = format!("{environment}/{}", APPS[numbers.below(APPS.len())]);
            // Of two changes in one place the order would matter.
            if !taken.insert(place.clone()) {
                continue;
            }
            let _ = writeln!(stream, "D {place}");
            let id = format!("b{batch}-{part}");
            if numbers.below(8) == 0 {
                changes.push(change(&id, vec![Edit::RemoveFolder { path: path(&place) }]));
                continue;
            }
            let mut entries = Vec::new();
            for name in NAMES {
                if numbers.below(2) == 0 {
                    entries.push((name, numbers.below(5).to_string()));
                }
            }
            if entries.is_empty() {
                entries.push((NAMES[0], id.clone()));
            }
            for (name, data) in &entries {
                let _ =
                    write!(stream, "M 100644 inline {place}/{name}\ndata {}\n{data}\n", data.len());
            }
            let entries: Vec<_> =
                entries.iter().map(|(name, data)| (*name, data.as_str())).collect();
            changes.push(change(
                &id,
                vec![Edit::Folder { path: path(&place), files: files(&entries) }],
            ));
        }
        let tickets: Vec<_> = changes.iter().map(|_| writer.announce()).collect();
        let tasks: Vec<_> = tickets
            .into_iter()
            .zip(changes)
            .map(|(ticket, change)| tokio::spawn(ticket.commit(change)))
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        heads.push(writer.head().await.unwrap().commit.unwrap().to_string());
    }
    git_in(&judge.bare(), &["fast-import", "--quiet", "--done"], &format!("{stream}done\n"));
    let expected = judge.git(&["log", "--reverse", "--format=%T", &format!("-{batches}"), "main"]);
    let names: Vec<_> = heads.iter().map(|head| format!("{head}^{{tree}}")).collect();
    let trees = git_in(
        &repo.bare(),
        &["cat-file", "--batch-check=%(objectname)"],
        &format!("{}\n", names.join("\n")),
    );
    let (ours, theirs): (Vec<_>, Vec<_>) = (trees.lines().collect(), expected.lines().collect());
    assert_eq!((ours.len(), theirs.len()), (batches, batches));
    for (batch, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(*ours, theirs, "batch {batch}");
    }
    repo.fsck();
}
