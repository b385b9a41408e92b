//! What a check of a clone finds, and what it lets pass.

use std::path::PathBuf;
use std::sync::Arc;

use gimlet_gitops::{
    Audit, AuditScope, Change, CommitId, Edit, FileMapLossy, FindingKind, FolderFacts,
    FolderRecord, GitErrorKind, Member, Secret, Signer, TrustedKeys, Writer, audit,
};

use crate::fixture::{Repo, change, commit_of, folder, git_in, path};

/// Stands for the digest and the record that the release manager makes: this crate knows neither.
fn facts(files: &FileMapLossy) -> FolderFacts {
    let others = files.iter().filter(|(name, _)| *name != "release.json");
    let text = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
    let digest: Vec<_> = others.map(|(name, data)| format!("{name}={}", text(data))).collect();
    let digest = digest.concat();
    let record = files.get("release.json").map(|data| text(data)).and_then(|text| {
        let [app, environment, release, plan] = text.split('|').collect::<Vec<_>>()[..] else {
            return None;
        };
        let (app, environment) = (app.to_owned(), environment.to_owned());
        Some(FolderRecord {
            app,
            environment,
            release: Some(release.into()),
            plan: Some(plan.into()),
        })
    });
    FolderFacts { record, digest }
}

/// A release as the operator makes it.
fn release(id: &str, app: &str, value: &str) -> Change {
    let digest = format!("a.yaml={value}");
    let record = format!("{app}|staging|{id}|{digest}");
    let edit = folder(&format!("staging/{app}"), &[("a.yaml", value), ("release.json", &record)]);
    let mut change = change(id, vec![edit]);
    change.trailers = [
        ("Gimlet-Action", "release"),
        ("Gimlet-App", app),
        ("Gimlet-Env", "staging"),
        ("Gimlet-Plan", &digest),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec();
    change
}

struct Setting {
    repo: Repo,
    signer: Arc<Signer>,
    writer: Writer,
}

impl Setting {
    fn new() -> Self {
        let repo = Repo::seeded();
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys/gimlet.asc");
        let key = Secret::new(std::fs::read_to_string(file).unwrap());
        let signer = Arc::new(Signer::parse(&key, None).unwrap());
        let writer = repo.writer();
        writer.set_signer(Some(Arc::clone(&signer)));
        Self { repo, signer, writer }
    }

    async fn commit(&self, change: Change) -> CommitId {
        commit_of(&self.writer.commit(change).await)
    }

    async fn audit(&self, revision: &str) -> Audit {
        let mut keys = TrustedKeys::default();
        keys.add_openpgp(self.signer.public_key()).unwrap();
        let scope = AuditScope {
            repository: self.repo.bare(),
            revision: revision.to_owned(),
            path: Some(path("staging")),
        };
        audit(&scope, &keys, &facts).await.unwrap()
    }

    async fn kinds(&self) -> Vec<FindingKind> {
        self.audit("main").await.findings.iter().map(|finding| finding.kind).collect()
    }
}

#[tokio::test]
async fn releases_rollbacks_and_removals_are_in_order() {
    let setting = Setting::new();
    let first = setting.commit(release("r1", "web", "1")).await;
    setting.commit(release("r2", "web", "2")).await;
    setting.commit(release("r3", "api", "1")).await;
    let tree = setting.writer.tree(&path("staging/web"), Some(&first)).await.unwrap().unwrap();
    let mut back = release("r4", "web", "1");
    back.edits = vec![Edit::Restore { path: path("staging/web"), tree }];
    back.trailers[0].1 = "rollback".into();
    back.trailers.push(("Gimlet-Rollback-To".into(), first.to_string()));
    setting.commit(back).await;
    let mut gone = release("r5", "api", "1");
    gone.edits = vec![Edit::RemoveFolder { path: path("staging/api") }];
    gone.trailers[0].1 = "uninstall".into();
    setting.commit(gone).await;
    // What is no application's folder may be changed by anybody, and so may other environments.
    setting.repo.person("main", &[("staging/notes/x", "y"), ("other/web/a.yaml", "y"), ("z", "y")]);
    let audit = setting.audit("main").await;
    assert_eq!(audit.findings, []);
    assert_eq!((audit.apps, audit.commits, audit.by_gimlet, audit.by_hand), (2, 5, 5, 0));
    assert_eq!(audit.head.to_string(), setting.repo.head());
    let range = setting.audit(&format!("{first}..main")).await;
    assert_eq!(range.commits, 4);
}

/// Makes the releases of several applications one commit.
fn together(mut releases: Vec<Change>) -> Change {
    let also = releases.split_off(1).into_iter().map(|release| Member {
        id: release.id,
        edits: release.edits,
        trailers: release.trailers,
        order: release.order,
        expected: release.expected,
    });
    Change { also: also.collect(), ..releases.remove(0) }
}

#[tokio::test]
async fn several_releases_in_one_commit_are_held_against_their_own_words() {
    let setting = Setting::new();
    let set = || vec![release("r1", "web", "1"), release("r2", "api", "1")];
    let first = setting.commit(together(set())).await;
    setting.commit(together(vec![release("r3", "web", "2"), release("r4", "api", "2")])).await;
    let mut back = set();
    for (release, id) in back.iter_mut().zip(["r5", "r6"]) {
        let app = release.trailers[1].1.clone();
        let at = path(&format!("staging/{app}"));
        let tree = setting.writer.tree(&at, Some(&first)).await.unwrap().unwrap();
        release.id = id.into();
        release.edits = vec![Edit::Restore { path: at, tree }];
        release.trailers[0].1 = "rollback".into();
        release.trailers.push(("Gimlet-Rollback-To".into(), first.to_string()));
    }
    setting.commit(together(back)).await;
    let audit = setting.audit("main").await;
    assert_eq!(audit.findings, []);
    assert_eq!((audit.apps, audit.commits, audit.by_gimlet), (2, 3, 3));
    // A member with another plan than its files, and an app that no member names.
    let mut wrong = vec![release("r7", "web", "3"), release("r8", "api", "3")];
    wrong[1].trailers[3].1 = "a.yaml=4".into();
    wrong[0].edits.push(folder("staging/cart", &[("release.json", "cart|staging|x|y")]));
    setting.commit(together(wrong)).await;
    let audit = setting.audit("main").await;
    let found: Vec<_> = audit.findings.iter().map(|f| (f.app.as_str(), f.kind)).collect();
    assert_eq!(found, [("api", FindingKind::Files), ("cart", FindingKind::Misplaced)]);
}

#[tokio::test]
async fn a_change_by_hand_is_listed_with_its_author_and_files() {
    let setting = Setting::new();
    setting.commit(release("r1", "web", "1")).await;
    let by =
        setting.repo.person("main", &[("staging/web/a.yaml", "x"), ("staging/web/sub/b", "x")]);
    let audit = setting.audit("main").await;
    let [finding] = &audit.findings[..] else { panic!("{:?}", audit.findings) };
    assert_eq!(finding.kind, FindingKind::ByHand);
    assert_eq!((finding.commit.to_string(), finding.author.name.as_str()), (by, "Person"));
    assert_eq!(finding.files, ["web/a.yaml", "web/sub/b"]);
    assert_eq!((finding.app.as_str(), finding.time.as_second()), ("web", 1_600_000_000));
    assert_eq!((audit.by_gimlet, audit.by_hand), (1, 1));
}

#[tokio::test]
async fn a_commit_with_headers_that_make_no_sense_is_not_passed_over() {
    let setting = Setting::new();
    setting.commit(release("r1", "web", "1")).await;
    let by = setting.repo.person("main", &[("staging/web/a.yaml", "x")]);
    let raw = setting.repo.git(&["cat-file", "commit", &by]);
    let (headers, _) = raw.split_once("author").unwrap();
    let odd = git_in(
        &setting.repo.bare(),
        &["hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
        &format!("{headers}author x\ncommitter y <z> 99999999999999999999 +0000\n\n"),
    );
    setting.repo.git(&["update-ref", "refs/heads/main", &odd]);
    assert_eq!(setting.kinds().await, [FindingKind::ByHand]);
}

#[tokio::test]
async fn what_only_says_that_gimlet_made_it_is_found() {
    let setting = Setting::new();
    setting.commit(release("r1", "web", "1")).await;
    setting.writer.set_signer(None);
    setting.commit(release("r2", "web", "2")).await;
    let audit = setting.audit("main").await;
    let [finding] = &audit.findings[..] else { panic!("{:?}", audit.findings) };
    assert_eq!(finding.kind, FindingKind::Signature);
    assert!(finding.message.starts_with("the commit is not signed"), "{}", finding.message);
    setting.writer.set_signer(Some(Arc::clone(&setting.signer)));
    // The same message with the same signature, on other content.
    let head = setting.repo.head();
    let id = setting.commit(release("r3", "web", "3")).await;
    let raw = setting.repo.git(&["cat-file", "commit", &id.to_string()]);
    let tree = setting.repo.git(&["rev-parse", &format!("{head}^{{tree}}")]);
    let (_, rest) = raw.split_once('\n').unwrap();
    let forged = git_in(
        &setting.repo.bare(),
        &["hash-object", "-t", "commit", "-w", "--stdin"],
        &format!("tree {tree}\n{rest}\n"),
    );
    setting.repo.git(&["update-ref", "refs/heads/main", &forged]);
    // It changes nothing, so nothing is touched; on top of another tree it is found.
    assert_eq!(setting.kinds().await, [FindingKind::Signature]);
    let (from, _) = rest.split_once("\nauthor").unwrap();
    let other =
        rest.replacen(from, &format!("parent {}", setting.repo.git(&["rev-parse", "main~2"])), 1);
    let forged = git_in(
        &setting.repo.bare(),
        &["hash-object", "-t", "commit", "-w", "--stdin"],
        &format!("tree {tree}\n{other}\n"),
    );
    setting.repo.git(&["update-ref", "refs/heads/main", &forged]);
    let kinds = setting.kinds().await;
    assert_eq!(kinds, [FindingKind::Signature, FindingKind::Record]);
}

#[tokio::test]
async fn a_signed_commit_that_is_not_what_it_says_is_found() {
    let setting = Setting::new();
    setting.commit(release("r1", "web", "1")).await;
    setting.commit(release("r2", "api", "1")).await;
    let web = |data: &str| Edit::WriteFile { path: path("staging/web/a.yaml"), data: data.into() };
    let cases: Vec<(Change, FindingKind)> = vec![
        // Files that the plan did not have.
        (Change { edits: vec![web("other")], ..release("r3", "web", "3") }, FindingKind::Record),
        {
            let mut change = release("r4", "web", "4");
            change.edits.push(web("other"));
            (change, FindingKind::Files)
        },
        // Another plan than the one that was agreed to.
        {
            let mut change = release("r5", "web", "5");
            change.trailers[3].1 = "a.yaml=6".into();
            (change, FindingKind::Files)
        },
        // A commit for one application that changes another.
        {
            let mut change = release("r6", "api", "6");
            change.edits = release("r2", "web", "7").edits;
            (change, FindingKind::Misplaced)
        },
        {
            let mut change = release("r7", "web", "7");
            change.edits = vec![Edit::RemoveFile { path: path("staging/web/release.json") }];
            (change, FindingKind::Record)
        },
        {
            let mut change = release("r8", "web", "1");
            change.trailers.push(("Gimlet-Rollback-To".into(), "1".repeat(40)));
            (change, FindingKind::Restored)
        },
        {
            let mut change = release("r9", "web", "9");
            change.trailers[0].1 = "uninstall".into();
            (change, FindingKind::Restored)
        },
        {
            let mut change = release("r10", "api", "9");
            change.edits = vec![Edit::RemoveFolder { path: path("staging/web") }];
            (change, FindingKind::Misplaced)
        },
    ];
    let mut expected = Vec::new();
    for (change, kind) in cases {
        setting.commit(change).await;
        expected.push(kind);
        assert_eq!(setting.kinds().await, expected);
    }
}

#[tokio::test]
async fn what_a_merge_made_of_a_folder_is_found() {
    let setting = Setting::new();
    let first = setting.commit(release("r1", "web", "1")).await;
    setting.commit(release("r2", "web", "2")).await;
    // A merge that silently takes the older side.
    let tree = setting.repo.git(&["rev-parse", &format!("{first}^{{tree}}")]);
    let args = ["commit-tree", &tree, "-p", "main", "-p", &first.to_string(), "-m", "merge"];
    let merge = setting.repo.git(&args);
    setting.repo.git(&["update-ref", "refs/heads/main", &merge]);
    assert_eq!(setting.kinds().await, [FindingKind::Merged]);
    // One that adds something of its own is a change by hand.
    let blob = git_in(&setting.repo.bare(), &["hash-object", "-w", "--stdin"], "evil");
    let web = git_in(&setting.repo.bare(), &["mktree"], &format!("100644 blob {blob}\ta.yaml\n"));
    let staging = git_in(&setting.repo.bare(), &["mktree"], &format!("040000 tree {web}\tweb\n"));
    let root =
        git_in(&setting.repo.bare(), &["mktree"], &format!("040000 tree {staging}\tstaging\n"));
    let args = ["commit-tree", &root, "-p", "main", "-p", &first.to_string(), "-m", "merge"];
    let merge = setting.repo.git(&args);
    setting.repo.git(&["update-ref", "refs/heads/main", &merge]);
    assert_eq!(setting.kinds().await, [FindingKind::ByHand]);
}

#[tokio::test]
async fn any_clone_is_checked_and_an_incomplete_one_is_refused() {
    let setting = Setting::new();
    setting.commit(release("r1", "web", "1")).await;
    setting.commit(release("r2", "web", "2")).await;
    let dir = setting.repo.dir.path();
    let from = format!("file://{}", setting.repo.bare().display());
    git_in(dir, &["clone", "--quiet", &from, "work"], "");
    git_in(dir, &["clone", "--quiet", "--depth=1", &from, "shallow"], "");
    git_in(dir, &["-C", "work", "worktree", "add", "--quiet", "--detach", "../second"], "");
    let keys = TrustedKeys::default();
    let check = async |name: &str, revision: &str| {
        let scope = AuditScope {
            repository: dir.join(name),
            revision: revision.to_owned(),
            path: Some(path("staging")),
        };
        audit(&scope, &keys, &facts).await
    };
    for (name, revision) in [("work", "origin/main"), ("second", "HEAD"), ("repo.git", "main")] {
        assert_eq!(check(name, revision).await.unwrap().commits, 2, "{name}");
    }
    let error = |result: Result<Audit, gimlet_gitops::GitError>| result.unwrap_err();
    assert_eq!(error(check("shallow", "HEAD").await).kind(), GitErrorKind::Invalid);
    assert_eq!(error(check("nowhere", "HEAD").await).kind(), GitErrorKind::NotFound);
    for revision in ["no-such", "--all", "main..no-such", ""] {
        assert_eq!(
            error(check("work", revision).await).kind(),
            GitErrorKind::NotFound,
            "{revision}"
        );
    }
    // A clone without files does not fetch them.
    setting.repo.git(&["config", "uploadpack.allowFilter", "true"]);
    git_in(dir, &["clone", "--quiet", "--bare", "--filter=blob:none", &from, "partial"], "");
    let missing = error(check("partial", "main").await);
    assert_eq!(missing.kind(), GitErrorKind::NotFound);
    assert!(missing.to_string().contains("without filters"), "{missing}");
}

#[tokio::test]
async fn the_original_gimlets_commits_are_told_apart() {
    let setting = Setting::new();
    let message = "[Gimlet] staging/web automated deploy\n";
    let stream = format!(
        "commit refs/heads/main\ncommitter Gimlet <gimlet@gimlet.io> 1600000001 +0000\ndata {}\n{message}\nfrom refs/heads/main^0\n\
         M 100644 inline staging/web/release.json\ndata 2\n{{}}\n",
        message.len()
    );
    git_in(&setting.repo.bare(), &["fast-import", "--quiet"], &stream);
    let moved = setting.repo.head();
    setting.writer.refresh().await.unwrap();
    setting.commit(release("r1", "web", "1")).await;
    assert_eq!(setting.kinds().await, [FindingKind::Legacy]);
    assert_eq!(setting.audit(&format!("{moved}..main")).await.findings, []);
}
