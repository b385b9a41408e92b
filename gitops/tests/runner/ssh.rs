//! The same over a real SSH server, where one is installed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use gimlet_gitops::{Credentials, GitErrorKind, Remote, RemoteUrl, Secret, Writer};

use crate::fixture::{Repo, change, folder};

const SSHD: &str = "/usr/sbin/sshd";

struct Sshd {
    child: Child,
    port: u16,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keygen(dir: &Path, name: &str) -> (String, String) {
    let file = dir.join(name);
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success());
    let public = std::fs::read_to_string(dir.join(format!("{name}.pub"))).unwrap();
    (std::fs::read_to_string(file).unwrap(), public.trim().to_owned())
}

/// Starts a server that lets one key in, or says that there is none.
async fn start(repo: &Repo) -> Option<(Sshd, String, String)> {
    if !Path::new(SSHD).exists() {
        eprintln!("SKIPPED: no {SSHD}; install openssh-server to test SSH");
        return None;
    }
    // The server wants this directory for its unprivileged part.
    let _ = std::fs::create_dir_all("/run/sshd");
    let dir = repo.dir.path();
    let (_, host) = keygen(dir, "host");
    let (private, public) = keygen(dir, "client");
    std::fs::write(dir.join("authorized"), format!("{public}\n")).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/authorized\n\
         StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin yes\n",
        dir = dir.display()
    );
    std::fs::write(dir.join("sshd_config"), config).unwrap();
    let child = Command::new(SSHD)
        .arg("-D")
        .arg("-e")
        .arg("-f")
        .arg(dir.join("sshd_config"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Sshd { child, port };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "sshd did not start");
        tokio::task::yield_now().await;
    }
    let known = format!("[127.0.0.1]:{port} {host}\n");
    Some((server, private, known))
}

fn remote(repo: &Repo, server: &Sshd, key: &str, known_hosts: &str) -> Remote {
    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let url = format!("ssh://{user}@127.0.0.1:{}{}", server.port, repo.bare().display());
    let mut remote = repo.remote(&url);
    remote.credentials =
        Credentials::Ssh { private_key: Secret::new(key), known_hosts: known_hosts.into() };
    remote
}

#[tokio::test]
async fn releases_land_over_ssh() {
    let repo = Repo::seeded();
    let Some((server, key, known)) = start(&repo).await else { return };
    let writer = Writer::open(remote(&repo, &server, key.trim_end(), &known), repo.options());
    for n in 0..3 {
        let edit = folder("staging/web", &[("v", &n.to_string())]);
        writer.commit(change(&format!("r{n}"), vec![edit])).await.unwrap();
    }
    assert_eq!(repo.releases(), ["r2", "r1", "r0"]);
    repo.fsck();
}

#[tokio::test]
async fn an_unknown_host_or_key_is_not_trusted() {
    let repo = Repo::seeded();
    let Some((server, key, known)) = start(&repo).await else { return };
    let (stranger, other_host) = keygen(repo.dir.path(), "stranger");
    let wrong_host = format!("[127.0.0.1]:{} {other_host}\n", server.port);
    for (key, known) in [(&key, ""), (&key, wrong_host.as_str()), (&stranger, known.as_str())] {
        let writer = Writer::open(remote(&repo, &server, key, known), repo.options());
        let error = writer.head().await.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Unauthorized, "{error}");
    }
}

#[tokio::test]
async fn a_server_is_known_by_its_name_whatever_address_it_has() {
    let repo = Repo::seeded();
    let Some((server, key, known)) = start(&repo).await else { return };
    let by_name = |known: &str| {
        let mut remote = remote(&repo, &server, &key, known);
        let url = remote.url.as_str().replace("127.0.0.1", "localhost");
        remote.url = RemoteUrl::parse(&url, false).unwrap();
        Writer::open(remote, repo.options())
    };
    let error = by_name(&known).head().await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Unauthorized, "the key is that of an address: {error}");
    by_name(&known.replace("127.0.0.1", "localhost")).head().await.unwrap();
}
