//! What the other tests take for granted of the git host.

use anyhow::Result;
use gimlet_e2e::{SshKey, git, gitea};

#[test]
fn a_push_over_http_is_seen_by_the_api() -> Result<()> {
    let repository = gitea()?.repository("http")?;
    let checkout = repository.checkout()?;
    checkout.write("apps/web.yaml", "kind: Deployment\n")?;
    let commit = checkout.commit_and_push("add web")?;
    assert_eq!(repository.head("main")?, commit);
    assert_eq!(repository.read("main", "apps/web.yaml")?.as_deref(), Some("kind: Deployment\n"));
    assert_eq!(repository.read("main", "apps/other.yaml")?, None);
    Ok(())
}

#[test]
fn a_file_written_through_the_api_is_a_commit() -> Result<()> {
    let repository = gitea()?.repository("contents")?;
    repository.write("main", "a/b.txt", "one")?;
    let commit = repository.write("main", "a/b.txt", "two")?;
    let checkout = repository.checkout()?;
    assert_eq!(checkout.read("a/b.txt")?, "two");
    assert_eq!(checkout.git(["rev-parse", "HEAD"])?, commit);
    Ok(())
}

#[test]
fn a_deploy_key_pushes_over_ssh_only_where_it_may() -> Result<()> {
    let gitea = gitea()?;
    let repository = gitea.repository("ssh")?;
    let (writer, reader) = (SshKey::generate()?, SshKey::generate()?);
    repository.add_deploy_key(&writer, true)?;
    repository.add_deploy_key(&reader, false)?;
    let checkout = repository.checkout_over_ssh(&writer)?;
    checkout.write("file", "by the writer")?;
    let commit = checkout.commit_and_push("write")?;
    assert_eq!(repository.head("main")?, commit);

    let checkout = repository.checkout_over_ssh(&reader)?;
    checkout.write("file", "by the reader")?;
    assert!(checkout.commit_and_push("write").is_err(), "a read-only key pushed");
    assert_eq!(repository.head("main")?, commit);
    Ok(())
}

#[test]
fn an_unknown_host_key_is_refused() -> Result<()> {
    let repository = gitea()?.repository("unknown")?;
    let key = SshKey::generate()?;
    repository.add_deploy_key(&key, true)?;
    let dir = tempfile::tempdir()?;
    let ssh = format!("core.sshCommand={}", key.command("")?);
    let error = git(dir.path(), ["-c", &ssh, "ls-remote", &repository.ssh_url]).unwrap_err();
    assert!(error.to_string().contains("Host key verification failed"), "{error}");
    Ok(())
}

#[test]
fn a_protected_branch_refuses_a_push() -> Result<()> {
    let repository = gitea()?.repository("protected")?;
    let before = repository.head("main")?;
    repository.protect_branch("main")?;
    let checkout = repository.checkout()?;
    checkout.write("file", "x")?;
    let error = checkout.commit_and_push("refused").unwrap_err();
    assert!(error.to_string().contains("protected branch"), "{error}");
    assert_eq!(repository.head("main")?, before);
    Ok(())
}

#[test]
fn the_first_push_to_an_empty_repository_makes_its_branch() -> Result<()> {
    let repository = gitea()?.empty_repository("empty")?;
    assert!(repository.head("main").is_err(), "an empty repository has no branch");
    let checkout = repository.checkout()?;
    checkout.git(["symbolic-ref", "HEAD", "refs/heads/main"])?;
    checkout.write("file", "first")?;
    let commit = checkout.commit_and_push("first")?;
    assert_eq!(repository.head("main")?, commit);
    Ok(())
}

#[test]
fn a_token_has_only_the_scopes_it_was_made_with() -> Result<()> {
    let mut gitea = gitea()?;
    let repository = gitea.repository("scopes")?;
    gitea.token = gitea.scoped_token(&["read:repository"])?;
    let path = format!("/repos/{}/{}", repository.owner, repository.name);
    let (status, _) = gitea.try_api("GET", &path, None)?;
    assert_eq!(status, 200);
    let (status, _) = gitea.try_api("DELETE", &path, None)?;
    assert_eq!(status, 403);
    Ok(())
}

#[test]
fn a_dropped_repository_is_gone() -> Result<()> {
    let gitea = gitea()?;
    let repository = gitea.repository("dropped")?;
    let path = format!("/repos/{}/{}", repository.owner, repository.name);
    drop(repository);
    let (status, _) = gitea.try_api("GET", &path, None)?;
    assert_eq!(status, 404);
    Ok(())
}
