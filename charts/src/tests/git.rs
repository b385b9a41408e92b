use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::server::{Reply, Request, Server};
use super::*;

/// A bare repository with a chart, a chart beside it, and two commits.
struct Repository {
    dir: TempDir,
    first: String,
}

impl Repository {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        fs::create_dir_all(work.join("charts/shop/templates")).unwrap();
        fs::create_dir_all(work.join("charts/common/templates")).unwrap();
        git(&work, &["init", "-q", "-b", "main", "."]);
        fs::write(work.join("charts/shop/templates/x.yaml"), "a: 1\n").unwrap();
        fs::write(
            work.join("charts/common/Chart.yaml"),
            "apiVersion: v2\nname: common\nversion: 0.1.0\n",
        )
        .unwrap();
        let shop = "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- name: common\n  \
                    version: 0.x.x\n  repository: file://../common\n";
        fs::write(work.join("charts/shop/Chart.yaml"), shop).unwrap();
        let first = commit(&work);
        git(&work, &["tag", "-a", "-m", "v1", "v1"]);
        fs::write(work.join("charts/shop/Chart.yaml"), shop.replace("1.0.0", "2.0.0")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", work.join("charts/link")).unwrap();
        commit(&work);
        git(dir.path(), &["clone", "-q", "--bare", "work", "charts.git"]);
        let bare = dir.path().join("charts.git");
        git(&bare, &["config", "uploadpack.allowFilter", "true"]);
        git(&bare, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        Self { dir, first }
    }

    fn url(&self) -> String {
        format!("file://{}/charts.git", self.dir.path().display())
    }

    fn source(&self, query: &str) -> Source {
        source(&format!("{}?{query}", self.url()), self.dir.path())
    }
}

fn commit(work: &Path) -> String {
    git(work, &["add", "."]);
    git(work, &["commit", "-q", "-m", "x"]);
    git(work, &["rev-parse", "HEAD"])
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(dir)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_chart_is_read_at_a_branch_a_tag_and_a_commit() {
    let repository = Repository::new();
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(cache.path());
    let version = |query: &str| {
        let found = fetcher.fetch(&repository.source(query), &Access::default()).unwrap();
        assert!(found.chart.missing_dependencies().is_empty(), "file:// is read from the commit");
        found.version
    };
    assert_eq!(version("path=/charts/shop/"), "2.0.0");
    assert_eq!(version("path=charts/shop&branch=main"), "2.0.0");
    assert_eq!(version("path=charts/shop&tag=v1"), "1.0.0");
    assert_eq!(version(&format!("path=charts/shop&sha={}", repository.first)), "1.0.0");
}

#[test]
fn a_commit_is_fetched_once_and_its_digest_stays() {
    let repository = Repository::new();
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(cache.path());
    let query = format!("path=charts/shop&sha={}", repository.first);
    let first = fetcher.fetch(&repository.source(&query), &Access::default()).unwrap();
    let source = repository.source(&query);
    fs::remove_dir_all(repository.dir.path().join("charts.git")).unwrap();
    let again = fetcher.fetch(&source, &Access::default()).unwrap();
    assert_eq!(again.digest, first.digest);
}

#[test]
fn what_is_not_there_is_named() {
    let repository = Repository::new();
    let cache = tempfile::tempdir().unwrap();
    let reason = |query: &str| {
        let error = fetcher(cache.path()).fetch(&repository.source(query), &Access::default());
        error.unwrap_err().reason()
    };
    assert_eq!(reason("path=charts/other"), "NotFound");
    assert_eq!(reason("path=charts/shop&branch=other"), "NotFound");
    assert_eq!(reason("path=charts/shop&tag=v9"), "NotFound");
    assert_eq!(reason(&format!("path=charts/shop&sha={}", "0".repeat(39) + "1")), "NotFound");
    assert_eq!(reason("path=charts"), "InvalidChart", "a link is refused");
}

#[test]
fn a_local_repository_needs_permission() {
    let repository = Repository::new();
    let fetcher = Fetcher::new(Options::default());
    let error = fetcher.fetch(&repository.source("path=charts/shop"), &Access::default());
    assert_eq!(error.unwrap_err().reason(), "LocalRefused");
}

/// Serves a repository with git's own program for HTTP; every request needs credentials.
fn serve(root: PathBuf) -> Server {
    Server::start(move |request, _| {
        if request.header("authorization") != Some("Basic Ym90Omh1bnRlcjI=") {
            return Reply::status(401).with("WWW-Authenticate", "Basic realm=\"git\"");
        }
        backend(&root, request)
    })
}

fn backend(root: &Path, request: &Request) -> Reply {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", request.header("git-protocol").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &request.body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let split = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&output[..split]).into_owned();
    let mut reply = Reply::ok(&output[split + 4..]);
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        if name == "Status" {
            reply.status = value[..3].parse().unwrap();
        } else {
            reply = reply.with(name, value);
        }
    }
    reply
}

#[test]
fn credentials_reach_the_git_host_and_no_message() {
    let repository = Repository::new();
    let server = serve(repository.dir.path().into());
    let cache = tempfile::tempdir().unwrap();
    let name = server.url("/charts.git?path=charts/shop&tag=v1");
    let source = source(&name, cache.path());
    let error = fetcher(cache.path()).fetch(&source, &Access::default()).unwrap_err();
    assert_eq!(error.reason(), "Unauthorized", "{error}");
    let fetched = fetcher(cache.path()).fetch(&source, &with_credentials(&server.host())).unwrap();
    assert_eq!(fetched.version, "1.0.0");
    let mut wrong = with_credentials(&server.host());
    wrong.credentials[0].password = "wrong-secret".into();
    let error = fetcher(cache.path()).fetch(&source, &wrong).unwrap_err();
    assert_eq!(error.reason(), "Unauthorized", "{error}");
    assert!(!format!("{error:?}").contains("wrong-secret"));
}

#[test]
fn git_keeps_to_the_allow_list_and_to_safe_protocols() {
    let cache = tempfile::tempdir().unwrap();
    let list = Access { allowed_hosts: Some(vec!["example.com".into()]), ..Access::default() };
    for (name, access, reason) in [
        ("https://git.example.org/a.git", &list, "HostNotAllowed"),
        ("git@git.example.org:a.git", &list, "HostNotAllowed"),
        ("http://git.example.org/a.git", &Access::default(), "Insecure"),
        ("https://169.254.169.254/a.git", &Access::default(), "AddressRefused"),
    ] {
        let error = fetcher(cache.path()).fetch(&source(name, cache.path()), access).unwrap_err();
        assert_eq!(error.reason(), reason, "{name}");
    }
}

#[test]
fn a_repository_is_fetched_by_the_name_of_its_host() {
    let repository = Repository::new();
    let server = serve(repository.dir.path().into());
    let fetcher = Fetcher::new(Options { allow_loopback: true, ..Options::default() });
    let name = server.url("/charts.git?path=charts/shop&tag=v1").replace("127.0.0.1", "localhost");
    let chart = ChartRef { name, ..ChartRef::default() };
    let source = Source::parse(&chart, &LocalPolicy::Refuse).unwrap();
    let access = with_credentials(&format!("localhost:{}", server.port));
    assert_eq!(fetcher.fetch(&source, &access).unwrap().version, "1.0.0");
    let unknown = ChartRef { name: "https://no-such-name.invalid/a.git".into(), ..chart };
    let unknown = Source::parse(&unknown, &LocalPolicy::Refuse).unwrap();
    let error = fetcher.fetch(&unknown, &access).unwrap_err();
    assert_eq!((error.reason(), error.is_transient()), ("Unreachable", true), "{error}");
}
