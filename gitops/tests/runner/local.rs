//! What is written and read, over a plain path.

use gimlet_gitops::{
    CommitId, Edit, EntryKind, GitErrorKind, HistoryFilter, Outcome, TreeId, tree_id,
};

use crate::fixture::{Repo, change, commit_of, files, folder, git_in, path};

#[tokio::test]
async fn the_first_commit_creates_the_branch_of_an_empty_repository() {
    let repo = Repo::empty();
    let writer = repo.writer();
    assert_eq!(writer.head().await.unwrap().commit, None);
    assert!(writer.list(None, None).await.unwrap().is_empty());
    let outcome =
        writer.commit(change("r1", vec![folder("staging/web", &[("a.yaml", "a")])])).await;
    let expected = tree_id(&files(&[("a.yaml", "a")])).unwrap();
    assert!(
        matches!(&outcome, Ok(Outcome::Committed { parent: None, tree, .. }) if *tree == expected),
        "{outcome:?}"
    );
    assert_eq!(repo.head(), commit_of(&outcome).to_string());
    repo.fsck();
}

#[tokio::test]
async fn an_empty_repository_stays_empty_without_leave_to_create_the_branch() {
    let repo = Repo::empty();
    let mut remote = repo.remote(&repo.url());
    remote.create_branch = false;
    let writer = gimlet_gitops::Writer::open(remote, repo.options());
    let error = writer.commit(change("r1", vec![folder("a", &[("b", "c")])])).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::BranchMissing);
    assert_eq!(repo.try_head("main"), None);
}

#[tokio::test]
async fn a_folder_is_rewritten_whole_and_nothing_else_changes() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let before = repo.git(&["ls-tree", "-r", "main"]);
    let first = folder("staging/web", &[("a.yaml", "a"), ("sub/old.yaml", "x"), ("z.json", "{}")]);
    let first = commit_of(&writer.commit(change("r1", vec![first])).await);
    let second = folder("staging/web", &[("a.yaml", "b"), ("new.yaml", "n")]);
    let second = writer.commit(change("r2", vec![second.clone()])).await;
    assert_eq!(repo.names("staging/web"), ["staging/web/a.yaml", "staging/web/new.yaml"]);
    assert_eq!(repo.show("staging/web/a.yaml"), "b");
    assert!(matches!(second, Ok(Outcome::Committed { parent: Some(p), .. }) if p == first));
    // Restoring the first and removing the folder again leaves what people made, byte by byte.
    let tree = writer.folder(&path("staging/web"), Some(&first)).await.unwrap().unwrap().tree;
    let restore = Edit::Restore { path: path("staging/web"), tree };
    assert!(
        matches!(writer.commit(change("r3", vec![restore])).await, Ok(Outcome::Committed { tree: t, .. }) if t == tree)
    );
    assert_eq!(repo.names("staging/web").len(), 3);
    let remove = Edit::RemoveFolder { path: path("staging/web") };
    let removed = writer.commit(change("r4", vec![remove])).await;
    assert!(matches!(removed, Ok(Outcome::Committed { tree, .. }) if tree == TreeId::empty()));
    assert_eq!(repo.git(&["ls-tree", "-r", "main"]), before);
    assert_eq!(repo.releases(), ["r4", "r3", "r2", "r1"]);
    repo.fsck();
}

#[tokio::test]
async fn putting_a_folder_back_leaves_what_others_released_meanwhile() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let first = folder("staging/web", &[("a.yaml", "1")]);
    let first = commit_of(&writer.commit(change("r1", vec![first])).await);
    for (id, app, text) in [("r2", "api", "1"), ("r3", "web", "2"), ("r4", "api", "2")] {
        let edit = folder(&format!("staging/{app}"), &[("a.yaml", text)]);
        writer.commit(change(id, vec![edit])).await.unwrap();
    }
    let tree = writer.tree(&path("staging/web"), Some(&first)).await.unwrap().unwrap();
    let restore = Edit::Restore { path: path("staging/web"), tree };
    writer.commit(change("r5", vec![restore])).await.unwrap();
    assert_eq!(
        (repo.show("staging/web/a.yaml"), repo.show("staging/api/a.yaml")),
        ("1".into(), "2".into())
    );
    // And forward again.
    let forward = folder("staging/web", &[("a.yaml", "2")]);
    writer.commit(change("r6", vec![forward])).await.unwrap();
    assert_eq!(repo.show("staging/web/a.yaml"), "2");
    assert_eq!(repo.releases(), ["r6", "r5", "r4", "r3", "r2", "r1"]);
}

#[tokio::test]
async fn nothing_is_committed_when_nothing_changes() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let edit = folder("staging/web", &[("a.yaml", "a")]);
    let first = commit_of(&writer.commit(change("r1", vec![edit.clone()])).await);
    let again = writer.commit(change("r2", vec![edit.clone()])).await;
    assert!(matches!(again, Ok(Outcome::Unchanged { head, .. }) if head == first), "{again:?}");
    // The same change again, also from a new process, is found and not made twice.
    let repeated = writer.commit(change("r1", vec![edit.clone()])).await;
    assert!(matches!(repeated, Ok(Outcome::Adopted { commit, .. }) if commit == first));
    drop(writer);
    let repeated =
        repo.writer().commit(change("r1", vec![folder("staging/web", &[("x", "y")])])).await;
    assert!(matches!(repeated, Ok(Outcome::Adopted { commit, .. }) if commit == first));
    assert_eq!(repo.releases(), ["r1"]);
}

#[tokio::test]
async fn what_git_says_is_unchanged_is_checked_with_the_server_first() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let edit = folder("staging/web", &[("a.yaml", "a")]);
    writer.commit(change("r1", vec![edit.clone()])).await.unwrap();
    repo.person("main", &[("staging/web/a.yaml", "edited by hand")]);
    let outcome = writer.commit(change("r2", vec![edit])).await;
    assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");
    assert_eq!(repo.show("staging/web/a.yaml"), "a");
}

#[tokio::test]
async fn single_files_are_written_and_removed_beside_others() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let write = Edit::WriteFile { path: path("staging/values.yaml"), data: b"x: 1\n".to_vec() };
    writer.commit(change("r1", vec![write])).await.unwrap();
    assert_eq!(repo.names("staging"), ["staging/other/a.yaml", "staging/values.yaml"]);
    let file = path("staging/values.yaml");
    assert_eq!(writer.read_file(&file, None).await.unwrap().unwrap(), b"x: 1\n");
    let remove =
        vec![Edit::RemoveFile { path: file.clone() }, Edit::RemoveFile { path: path("no/such") }];
    writer.commit(change("r2", remove)).await.unwrap();
    assert_eq!(writer.read_file(&file, None).await.unwrap(), None);
    assert_eq!(repo.names("staging"), ["staging/other/a.yaml"]);
}

#[tokio::test]
async fn one_hundred_changes_go_in_one_push_and_a_bad_one_fails_alone() {
    let repo = Repo::seeded();
    repo.hook("post-receive", "echo push >> pushes");
    let writer = repo.writer();
    writer.head().await.unwrap();
    let tickets: Vec<_> = (0..100).map(|_| writer.announce()).collect();
    let landed: Vec<_> = tickets
        .into_iter()
        .enumerate()
        .map(|(n, ticket)| {
            let at =
                if n == 50 { "README.md/web".to_owned() } else { format!("staging/app{}", n % 40) };
            let edit = folder(&at, &[("a.yaml", &format!("n: {n}\n"))]);
            tokio::spawn(ticket.commit(change(&format!("r{n}"), vec![edit])))
        })
        .collect();
    let mut bad = Vec::new();
    for task in landed {
        bad.extend(task.await.unwrap().err());
    }
    assert_eq!(
        bad.iter().map(gimlet_gitops::GitError::kind).collect::<Vec<_>>(),
        [GitErrorKind::PathRefused]
    );
    assert_eq!(repo.releases().len(), 99);
    let pushes = std::fs::read_to_string(repo.bare().join("pushes")).unwrap();
    assert_eq!(pushes.lines().count(), 1);
    // Changes of one application keep their order.
    assert_eq!(repo.show("staging/app0/a.yaml"), "n: 80");
    assert_eq!(writer.queue().depth, 0);
    repo.fsck();
}

#[tokio::test]
async fn a_withdrawn_change_does_not_land() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let waiting = writer.announce();
    let mut withdrawn =
        Box::pin(writer.announce().commit(change("gone", vec![folder("a", &[("b", "c")])])));
    assert!(futures_poll(&mut withdrawn).await);
    assert_eq!(writer.queue().depth, 1);
    drop(withdrawn);
    waiting.commit(change("kept", vec![folder("b", &[("b", "c")])])).await.unwrap();
    assert_eq!(repo.releases(), ["kept"]);
}

/// Polls a future once; says whether it is still waiting.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx).is_pending())
    })
    .await
}

#[tokio::test]
async fn links_submodules_and_files_in_the_way_are_not_followed() {
    let repo = Repo::seeded();
    let id = repo.git(&["rev-parse", "main"]);
    let stream = format!(
        "commit refs/heads/main\ncommitter P <p@example.com> 1600000001 +0000\ndata 1\nx\nfrom {id}\n\
         M 120000 inline staging/link\ndata 5\nother\nM 160000 {id} staging/module\nM 100755 inline run.sh\ndata 1\nx\n"
    );
    git_in(&repo.bare(), &["fast-import", "--quiet"], &stream);
    let before = repo.head();
    let writer = repo.writer();
    for at in [
        "staging/link",
        "staging/link/x",
        "staging/module",
        "README.md",
        "README.md/x",
        "STAGING/x",
    ] {
        let error = writer
            .commit(change(&format!("r-{}", at.replace('/', "-")), vec![folder(at, &[("a", "b")])]))
            .await;
        assert_eq!(error.unwrap_err().kind(), GitErrorKind::PathRefused, "{at}");
    }
    let whole = writer.list(Some(&path("staging")), None).await.unwrap();
    let tree = repo.git(&["rev-parse", "main:staging"]);
    let restore = Edit::Restore { path: path("copy"), tree: TreeId::parse(&tree).unwrap() };
    let error = writer.commit(change("r-copy", vec![restore])).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::PathRefused);
    assert_eq!(
        whole.iter().map(|e| e.kind).collect::<Vec<_>>(),
        [EntryKind::Symlink, EntryKind::Submodule, EntryKind::Folder]
    );
    assert_eq!(repo.head(), before);
    let write = Edit::WriteFile { path: path("run.sh"), data: b"y".to_vec() };
    writer.commit(change("r-run", vec![write])).await.unwrap();
    assert!(repo.git(&["ls-tree", "main", "run.sh"]).starts_with("100755"));
}

#[tokio::test]
async fn an_older_change_does_not_overwrite_a_newer_one() {
    let repo = Repo::seeded();
    let ordered = |id: &str, number| {
        let mut change = change(id, vec![folder("staging/web", &[("v", id)])]);
        change.order = Some(("staging/web".into(), number, id.into()));
        change
    };
    repo.writer().commit(ordered("new", 10)).await.unwrap();
    // Another process knows it from the log.
    let error = repo.writer().commit(ordered("old", 9)).await.unwrap_err();
    assert_eq!((error.kind(), error.superseded_by()), (GitErrorKind::Superseded, Some("new")));
    assert_eq!(repo.show("staging/web/v"), "new");
}

#[tokio::test]
async fn a_change_made_for_another_base_is_refused() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let based = |id: &str, on| {
        let mut change = change(id, vec![folder("staging/web", &[("v", id)])]);
        change.expected = Some(on);
        change
    };
    let start = writer.head().await.unwrap().commit.unwrap();
    let first = commit_of(&writer.commit(based("r1", start)).await);
    // Others may move the branch as long as they leave the folder alone.
    repo.person("main", &[("staging/other/a.yaml", "moved")]);
    commit_of(&writer.commit(based("r2", first)).await);
    let error = writer.commit(based("r3", first)).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::BaseChanged);
    let unknown = CommitId::parse(&"1".repeat(40)).unwrap();
    let error = writer.commit(based("r4", unknown)).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::BaseChanged);
}

#[tokio::test]
async fn folders_files_and_history_are_read_at_any_commit() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let web = path("staging/web");
    let first = commit_of(
        &writer
            .commit(change("r1", vec![folder("staging/web", &[("a", "1"), ("s/b", "22")])]))
            .await,
    );
    let second =
        commit_of(&writer.commit(change("r2", vec![folder("staging/web", &[("a", "3")])])).await);
    let listed = writer.folder(&web, Some(&first)).await.unwrap().unwrap();
    let sizes: Vec<_> = listed.files.iter().map(|f| (f.path.as_str(), f.size)).collect();
    assert_eq!(sizes, [("a", 1), ("s/b", 2)]);
    assert_eq!(listed.tree.to_string(), repo.git(&["rev-parse", &format!("{first}:staging/web")]));
    let now = writer.read(&web, None).await.unwrap();
    assert_eq!(now, [("a".to_owned(), b"3".to_vec())].into());
    assert_eq!(writer.folder(&path("no/such"), None).await.unwrap(), None);
    assert_eq!(writer.find_release("r1").await.unwrap(), Some(first));
    assert_eq!(writer.find_release("r9").await.unwrap(), None);
    assert_eq!(writer.last_touch(&web).await.unwrap(), Some(second));
    assert_eq!(writer.last_touch(&path("no/such")).await.unwrap(), None);
    assert!(writer.contains(&first, &second).await.unwrap());
    assert!(!writer.contains(&second, &first).await.unwrap());
    let app = Some(("staging".to_owned(), "web".to_owned()));
    let made = writer
        .history(HistoryFilter { app: app.clone(), ..HistoryFilter::default() })
        .await
        .unwrap();
    // What this process remembers of its own commits is what another one reads from the log.
    drop(writer);
    let other = repo.writer();
    let read = other.history(HistoryFilter { app, ..HistoryFilter::default() }).await.unwrap();
    assert_eq!(made, read);
    assert_eq!(read.iter().map(|e| e.commit).collect::<Vec<_>>(), [second, first]);
    // A commit that arrived after the last look is fetched when it is asked for.
    let new = CommitId::parse(&repo.person("main", &[("x", "y")])).unwrap();
    assert!(other.contains(&second, &new).await.unwrap());
}

#[tokio::test]
async fn tree_ids_are_those_of_git() {
    let repo = Repo::empty();
    let sets: [&[(&str, &str)]; 4] = [
        &[("a", "")],
        &[("a-b", "1"), ("a/x", "2"), ("a.b", "3"), ("a0", "4")],
        &[("s/s/s/s/s/s/s/f", "deep"), ("s.yaml", "x")],
        &[("B", "1"), ("a", "2"), ("a_/x", "3"), ("a-/x", "4")],
    ];
    for (n, set) in sets.iter().enumerate() {
        let branch = format!("t{n}");
        repo.person(&branch, set);
        let git = repo.git(&["rev-parse", &format!("{branch}^{{tree}}")]);
        assert_eq!(tree_id(&files(set)).unwrap().to_string(), git, "{set:?}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_tree_id_is_that_of_git(
        set in proptest::collection::btree_map("[ab][ab.-]{0,2}[ab](/[ab][.-]?[ab]){0,3}", "[a-z\n]{0,9}", 1..12)
    ) {
        let entries: Vec<_> = set.iter().map(|(p, data)| (p.as_str(), data.as_str())).collect();
        if let Ok(ours) = tree_id(&files(&entries)) {
            let repo = Repo::empty();
            repo.person("main", &entries);
            proptest::prop_assert_eq!(ours.to_string(), repo.git(&["rev-parse", "main^{tree}"]));
        }
    }
}
