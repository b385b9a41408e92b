//! Proxies and authorities that the environment names. It is that of a process, so each test starts
//! one of its own.

use std::net::SocketAddr;
use std::process::Command;

use gimlet_gitops::Writer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{Repo, change, folder, path};
use crate::http::Server;
use crate::https::{Authority, Front};

/// What the other process is told: where the repository is, and where its cache goes.
const URL: &str = "GIMLET_TEST_PROXIED_URL";
const CACHE: &str = "GIMLET_TEST_PROXIED_CACHE";
/// Nobody listens here.
const NOWHERE: &str = "http://127.0.0.1:1";

/// Is one of the other processes: makes a release, if it is told where.
#[tokio::test]
async fn the_process_behind_a_proxy() {
    let (Ok(url), Ok(cache)) = (std::env::var(URL), std::env::var(CACHE)) else { return };
    let repo = Repo::seeded();
    let mut options = repo.options();
    options.cache_dir = cache.into();
    options.retries = 0;
    let writer = Writer::open(repo.remote(&url), options);
    writer.commit(change("r1", vec![folder("staging/web", &[("a", "1")])])).await.unwrap();
    assert_eq!(writer.read(&path("staging/web"), None).await.unwrap().len(), 1);
}

/// Makes a release in a process with these variables, and says whether it landed.
async fn lands(repo: &Repo, url: &str, variables: &[(&str, &str)]) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["proxies::the_process_behind_a_proxy", "--exact", "--nocapture"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "GIT_SSL_CAINFO"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.env(URL, url).env(CACHE, repo.dir.path().join("cache"));
    command.envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let landed = repo.releases() == ["r1"];
    assert_eq!(output.status.success(), landed, "{}", String::from_utf8_lossy(&output.stdout));
    landed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_only_the_proxy_knows_is_reached_through_it() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let proxy = format!("http://{}", server.address());
    let url = "http://git.example.invalid/repo.git";
    assert!(!lands(&repo, url, &[]).await, "there is no such host");
    assert_eq!(server.requests(), 0);
    assert!(lands(&repo, url, &[("http_proxy", &proxy)]).await);
    assert!(server.requests() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_without_a_proxy_is_reached_directly() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let url = server.url();
    assert!(!lands(&repo, &url, &[("http_proxy", NOWHERE)]).await, "the proxy is not there");
    assert_eq!(server.requests(), 0);
    assert!(lands(&repo, &url, &[("http_proxy", NOWHERE), ("no_proxy", "127.0.0.1")]).await);
}

/// Writes an authority to a file and returns its path.
fn file_of(repo: &Repo, authority: &Authority) -> String {
    let file = repo.dir.path().join("authority.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    file.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_the_environment_names_is_trusted() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let authority = Authority::new();
    let front = Front::start(&server, authority.acceptor("127.0.0.1")).await;
    let url = format!("https://{}/repo.git", front.address);
    assert!(!lands(&repo, &url, &[]).await, "nobody trusts it");
    let missing = repo.dir.path().join("missing").display().to_string();
    assert!(!lands(&repo, &url, &[("GIT_SSL_CAINFO", &missing)]).await, "there is no such file");
    assert_eq!(server.requests(), 0);
    assert!(lands(&repo, &url, &[("GIT_SSL_CAINFO", &file_of(&repo, &authority))]).await);
}

/// Answers one `CONNECT` after the other by a way to the same place, and checks what was asked for.
async fn tunnels(listener: TcpListener, asked_for: &'static str, to: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut client = BufReader::new(stream);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                assert!(client.read_until(b'\n', &mut head).await.unwrap() > 0, "an end too early");
            }
            let head = String::from_utf8(head).unwrap();
            assert!(head.starts_with(&format!("CONNECT {asked_for} HTTP/1.1")), "{head}");
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let mut server = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_is_a_tunnel_to_a_host_that_speaks_https() {
    let repo = Repo::seeded();
    let server = Server::start(&repo, None).await;
    let authority = Authority::new();
    let front = Front::start(&server, authority.acceptor("git.example.invalid")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(tunnels(listener, "git.example.invalid:443", front.address));
    let file = file_of(&repo, &authority);
    let trusted = ("GIT_SSL_CAINFO", file.as_str());
    let url = "https://git.example.invalid/repo.git";
    assert!(!lands(&repo, url, &[trusted]).await, "there is no such host");
    assert_eq!(server.requests(), 0);
    assert!(lands(&repo, url, &[trusted, ("https_proxy", &proxy)]).await);
    assert!(server.requests() > 0);
    task.abort();
}
