//! Proxies that the environment names. It is that of a process, so each test starts one of its own.

use std::process::Command;

use gimlet_gitops::Writer;

use crate::fixture::{Repo, change, folder, path};
use crate::http::Server;

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
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
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
