//! Bare repositories, writers on them, and changes to make.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use gimlet_gitops::{
    BranchName, Change, CommitId, Credentials, Edit, EngineChoice, FileMap, GitError, Identity,
    Options, Outcome, Remote, RemoteUrl, RepoPath, Writer,
};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::ENGINE;
use crate::http::Server;

/// A bare repository in a directory that goes away with it.
pub(crate) struct Repo {
    pub(crate) dir: TempDir,
    /// The branch that writers are for.
    branch: &'static str,
    server: OnceLock<Server>,
}

/// Serves the repositories of tests that do not look after a server themselves.
fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap())
}

pub(crate) fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

pub(crate) fn files(entries: &[(&str, &str)]) -> FileMap {
    entries.iter().map(|(p, data)| (path(p), data.as_bytes().to_vec())).collect()
}

pub(crate) fn folder(at: &str, entries: &[(&str, &str)]) -> Edit {
    Edit::Folder { path: path(at), files: files(entries) }
}

pub(crate) fn change(id: &str, edits: Vec<Edit>) -> Change {
    let identity = Identity { name: "Gimlet".into(), email: "gimlet@example.com".into() };
    Change {
        id: id.into(),
        edits,
        subject: format!("staging/web: release {id}"),
        body: "the body".into(),
        trailers: vec![
            ("Gimlet-Env".into(), "staging".into()),
            ("Gimlet-App".into(), "web".into()),
        ],
        author: identity.clone(),
        committer: identity,
        time: Timestamp::from_second(1_700_000_000).unwrap(),
        order: None,
        expected: None,
        also: Vec::new(),
    }
}

pub(crate) fn commit_of(outcome: &Result<Outcome, GitError>) -> CommitId {
    match outcome {
        Ok(Outcome::Committed { commit, .. } | Outcome::Adopted { commit, .. }) => *commit,
        other => panic!("no commit: {other:?}"),
    }
}

pub(crate) fn git_in(dir: &Path, args: &[&str], stdin: &str) -> String {
    let mut child = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Person"), ("GIT_AUTHOR_EMAIL", "p@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Person"), ("GIT_COMMITTER_EMAIL", "p@example.com")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

impl Repo {
    /// A repository without any commit.
    pub(crate) fn empty() -> Self {
        let (dir, server) = (tempfile::tempdir().unwrap(), OnceLock::new());
        let repo = Self { dir, branch: "main", server };
        std::fs::create_dir(repo.bare()).unwrap();
        repo.git(&["init", "--quiet", "--bare", "--initial-branch=main"]);
        for (key, value) in [
            ("http.receivepack", "true"),
            ("receive.fsckObjects", "true"),
            ("uploadpack.allowFilter", "true"),
        ] {
            repo.git(&["config", key, value]);
        }
        repo
    }

    /// A repository with one commit of a person.
    pub(crate) fn seeded() -> Self {
        let repo = Self::empty();
        repo.person("main", &[("README.md", "hello\n"), ("staging/other/a.yaml", "a: 1\n")]);
        repo
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.dir.path().join("repo.git")
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git_in(&self.bare(), args, "")
    }

    /// Commits files to a branch as somebody else would.
    pub(crate) fn person(&self, branch: &str, entries: &[(&str, &str)]) -> String {
        let mut stream = format!(
            "commit refs/heads/{branch}\ncommitter Person <p@example.com> 1600000000 +0000\ndata 6\nperson\n"
        );
        let head = format!("refs/heads/{branch}");
        if self.try_head(branch).is_some() {
            stream.extend(["from ", &head, "^0\n"]);
        }
        for (path, data) in entries {
            let size = data.len().to_string();
            stream.extend(["M 100644 inline ", path, "\ndata ", &size, "\n", data, "\n"]);
        }
        git_in(&self.bare(), &["fast-import", "--quiet", "--force"], &stream);
        self.git(&["rev-parse", &head])
    }

    pub(crate) fn try_head(&self, branch: &str) -> Option<String> {
        let text =
            self.git(&["for-each-ref", "--format=%(objectname)", &format!("refs/heads/{branch}")]);
        (!text.is_empty()).then_some(text)
    }

    pub(crate) fn head(&self) -> String {
        self.try_head("main").unwrap()
    }

    pub(crate) fn show(&self, path: &str) -> String {
        self.git(&["show", &format!("main:{path}")])
    }

    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let text = self.git(&["ls-tree", "-r", "--name-only", "main", "--", path]);
        text.lines().map(str::to_owned).collect()
    }

    /// The ids in the trailers of all commits, newest first.
    pub(crate) fn releases(&self) -> Vec<String> {
        let format = "--format=%(trailers:key=Gimlet-Release,valueonly,separator=%x2C)";
        let text = self.git(&["log", format, "main"]);
        text.lines().filter(|l| !l.is_empty()).map(str::to_owned).collect()
    }

    pub(crate) fn fsck(&self) {
        self.git(&["fsck", "--strict", "--no-dangling"]);
    }

    pub(crate) fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.bare().join("hooks").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    pub(crate) fn options(&self) -> Options {
        let mut options = Options::new(self.cache());
        options.engine = ENGINE;
        options.retry_pause = Duration::from_millis(20);
        options
    }

    pub(crate) fn remote(&self, url: &str) -> Remote {
        Remote {
            url: RemoteUrl::parse(url, true).unwrap(),
            branch: BranchName::parse(self.branch).unwrap(),
            credentials: Credentials::None,
            ca: None,
            create_branch: true,
            allow_loopback: true,
        }
    }

    /// A writer that reaches the repository by its path, or by a server where it has to.
    pub(crate) fn writer(&self) -> Writer {
        Writer::open(self.remote(&self.url()), self.options())
    }

    /// The address at which writers reach the repository.
    pub(crate) fn url(&self) -> String {
        match ENGINE {
            EngineChoice::Wire => self.server().url(),
            _ => self.bare().display().to_string(),
        }
    }

    fn server(&self) -> &Server {
        // A runtime does not wait for another one on its own threads.
        self.server.get_or_init(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| runtime().block_on(Server::start(self, None))).join().unwrap()
            })
        })
    }
}

/// How often something is tried: what the variable says, which `make soak` sets.
pub fn rounds(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}
