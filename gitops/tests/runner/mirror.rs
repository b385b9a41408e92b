//! Copies of application repositories.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use gimlet_gitops::{
    BlobId, BranchName, CommitId, Credentials, Mirror, Remote, RemoteUrl, Timeouts,
};

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("a test can prepare itself");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a test can prepare itself").trim().to_owned()
}

fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    std::fs::create_dir_all(path.parent().expect("a test can prepare itself"))
        .expect("a test can prepare itself");
    std::fs::write(path, text).expect("a test can prepare itself");
    git(dir, &["add", "--all"]);
}

struct Source {
    dir: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Source {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a test can prepare itself");
        git(dir.path(), &["init", "--quiet", "--initial-branch=main"]);
        git(dir.path(), &["config", "uploadpack.allowFilter", "true"]);
        git(dir.path(), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        Self { dir, cache: tempfile::tempdir().expect("a test can prepare itself") }
    }

    fn commit(&self, message: &str) -> String {
        git(self.dir.path(), &["commit", "--quiet", "--allow-empty", "-m", message]);
        git(self.dir.path(), &["rev-parse", "HEAD"])
    }

    fn mirror(&self) -> Mirror {
        let url = format!("file://{}", self.dir.path().display());
        let remote = Remote {
            url: RemoteUrl::parse(&url, true).expect("a test can prepare itself"),
            branch: BranchName::parse("main").expect("a test can prepare itself"),
            credentials: Credentials::None,
            ca: None,
            create_branch: false,
            allow_loopback: true,
        };
        Mirror::new(remote, self.cache.path(), Timeouts::default())
    }
}

#[tokio::test]
async fn branches_tags_and_their_commits_are_read() {
    let source = Source::new();
    let dir = source.dir.path();
    write(dir, ".gimlet/staging.yaml", "app: shop\n");
    write(dir, ".gimlet/deep/other.yaml", "app: other\n");
    write(dir, "src/main.rs", "fn main() {}\n");
    std::os::unix::fs::symlink("/etc/passwd", dir.join(".gimlet/link.yaml")).unwrap();
    std::fs::write(dir.join(".gimlet/binary"), [0xff, 0xfe]).unwrap();
    git(dir, &["add", "--all"]);
    let first = source.commit("first\n\nwith a body");
    git(dir, &["tag", "--annotate", "v1", "-m", "one"]);
    let mirror = source.mirror();
    let found = mirror.refresh().await.unwrap();
    let names: Vec<_> = found.iter().map(|r| (r.name.as_str(), r.tag, r.new)).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&("main", false, false)) && names.contains(&("v1", true, false)));
    assert!(found.iter().all(|r| r.commit.to_string() == first), "tags lead to their commits");

    let id = CommitId::parse(&first).unwrap();
    let commit = mirror.commit(&id).await.unwrap().unwrap();
    assert_eq!((commit.author.as_str(), commit.message.as_str()), ("Ada", "first\n\nwith a body"));
    let folder = mirror.folder(&id, ".gimlet").await.unwrap();
    let files: Vec<_> = folder.files.iter().map(|f| (f.path.as_str(), f.text.as_deref())).collect();
    assert_eq!(files, [(".gimlet/binary", None), (".gimlet/staging.yaml", Some("app: shop\n"))]);
    assert!(!folder.cut);
    assert!(mirror.folder(&id, "nowhere").await.unwrap().files.is_empty());
    let nothing = CommitId::parse(&"1".repeat(40)).unwrap();
    assert_eq!(mirror.commit(&nothing).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_new_is_told_and_what_is_gone_is_forgotten() {
    let source = Source::new();
    let dir = source.dir.path();
    write(dir, "a/one.txt", "1\n");
    let first = source.commit("one");
    git(dir, &["branch", "feature/x"]);
    let mirror = source.mirror();
    mirror.refresh().await.unwrap();
    write(dir, "b/two.txt", "2\n");
    let second = source.commit("two");
    git(dir, &["branch", "--delete", "--force", "feature/x"]);
    git(dir, &["tag", "v2", &first]);
    let found = mirror.refresh().await.unwrap();
    let names: Vec<_> = found.iter().map(|r| (r.name.as_str(), r.new)).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&("main", true)), "it moved: {names:?}");
    assert!(names.contains(&("v2", true)), "an old commit, and a new tag: {names:?}");
    assert!(mirror.refresh().await.unwrap().iter().all(|reference| !reference.new));

    let (first, second) = (CommitId::parse(&first).unwrap(), CommitId::parse(&second).unwrap());
    let changed = mirror.changed_paths(&first, &second).await.unwrap().unwrap();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["b/two.txt"]);
    let nothing = CommitId::parse(&"1".repeat(40)).unwrap();
    assert_eq!(mirror.changed_paths(&nothing, &second).await.unwrap(), None);
}

#[tokio::test]
async fn a_look_leaves_what_is_new_to_be_told() {
    let source = Source::new();
    let dir = source.dir.path();
    write(dir, "a.txt", "1\n");
    let first = source.commit("one");
    let mirror = source.mirror();
    let before = Instant::now();
    mirror.refresh().await.unwrap();
    git(dir, &["tag", "v1", &first]);
    assert_eq!(mirror.look(before).await.unwrap().len(), 1, "it was asked since then");
    let found = mirror.look(Instant::now()).await.unwrap();
    assert!(found.len() == 2 && found.iter().all(|reference| !reference.new), "{found:?}");
    let told = mirror.refresh().await.unwrap();
    let new: Vec<_> = told.iter().filter(|r| r.new).map(|r| r.name.as_str()).collect();
    assert_eq!(new, ["v1"]);
    assert!(mirror.refresh().await.unwrap().iter().all(|reference| !reference.new), "once");
}

#[tokio::test]
async fn commits_are_listed_page_by_page() {
    let source = Source::new();
    let ids: Vec<_> = (1..=5).map(|n| source.commit(&format!("number {n}\n\nbody"))).collect();
    let mirror = source.mirror();
    mirror.refresh().await.unwrap();
    let head = CommitId::parse(&ids[4]).unwrap();
    let page = mirror.commits(&head, 1, 2).await.unwrap().unwrap();
    let shown: Vec<_> = page.iter().map(|c| (c.id.to_string(), c.message.as_str())).collect();
    let expected = [(ids[3].clone(), "number 4\n\nbody"), (ids[2].clone(), "number 3\n\nbody")];
    assert_eq!(shown, expected);
    assert_eq!(page[0].author, "Ada");
    assert_eq!(mirror.commits(&head, 5, 2).await.unwrap(), Some(Vec::new()));
    let nothing = CommitId::parse(&"1".repeat(40)).unwrap();
    assert_eq!(mirror.commits(&nothing, 0, 2).await.unwrap(), None);
}

#[tokio::test]
async fn the_files_of_a_folder_have_blob_ids_and_a_limit() {
    let source = Source::new();
    let dir = source.dir.path();
    write(dir, ".gimlet/a.yaml", "app: a\n");
    write(dir, ".gimlet/huge.yaml", &"x".repeat(2 << 20));
    write(dir, ".gimlet/z.yaml", "app: z\n");
    std::fs::write(dir.join(".gimlet/binary"), [0xff, 0xfe]).unwrap();
    git(dir, &["add", "--all"]);
    let id = CommitId::parse(&source.commit("one")).unwrap();
    let mirror = source.mirror();
    mirror.refresh().await.unwrap();
    let folder = mirror.folder(&id, ".gimlet").await.unwrap();
    let files = folder.files.iter();
    let shown: Vec<_> =
        files.map(|file| (file.path.as_str(), file.size, file.text.as_deref())).collect();
    let expected = [
        (".gimlet/a.yaml", 7, Some("app: a\n")),
        (".gimlet/binary", 2, None),
        (".gimlet/huge.yaml", 2 << 20, None),
        (".gimlet/z.yaml", 7, Some("app: z\n")),
    ];
    assert_eq!(shown, expected);
    assert!(folder.cut);
    assert_eq!(folder.files[0].blob, BlobId::of(b"app: a\n"));
    for n in 0..70 {
        write(dir, &format!(".gimlet/n{n}.yaml"), "a: b\n");
    }
    let many = CommitId::parse(&source.commit("many")).unwrap();
    mirror.refresh().await.unwrap();
    let folder = mirror.folder(&many, ".gimlet").await.unwrap();
    assert_eq!((folder.files.len(), folder.cut), (64, true));
}

#[tokio::test]
async fn a_damaged_copy_is_made_anew() {
    let source = Source::new();
    write(source.dir.path(), "a.txt", "1\n");
    source.commit("one");
    let mirror = source.mirror();
    mirror.refresh().await.unwrap();
    let copy = std::fs::read_dir(source.cache.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::write(copy.join("packed-refs"), "nonsense").unwrap();
    std::fs::remove_dir_all(copy.join("refs")).unwrap();
    assert_eq!(mirror.refresh().await.unwrap().len(), 1);
}
