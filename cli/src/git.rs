//! Facts of the source commit from the git checkout in the working directory.

use std::path::Path;
use std::process::{Command, Stdio};

use gimlet_crds::SourceVersion;
use gimlet_crds::condition::cut;

use crate::error::CommandError;

/// Longest message that a release records, in bytes.
const MAX_MESSAGE: usize = 4096;
/// Longest name of a person or branch that a release records, in bytes.
const MAX_NAME: usize = 256;

/// Reads the facts of a commit of the checkout in a folder.
pub(crate) fn source_version(folder: &Path, commit: &str) -> Result<SourceVersion, CommandError> {
    // The name is resolved first, so that no later call takes it for an option.
    let sha = run(
        folder,
        &["rev-parse", "--verify", "--end-of-options", &format!("{commit}^{{commit}}")],
    )
    .map_err(|why| {
        CommandError::usage(format!("git knows no commit {commit} here: {why}")).hint(
            "run it in a checkout of the application, or pass --commit, --branch, --message …",
        )
    })?;
    let optional = |args: &[&str]| run(folder, args).ok().filter(|text| !text.is_empty());
    let is_head = optional(&["rev-parse", "HEAD"]).as_deref() == Some(sha.as_str());
    let branch =
        is_head.then(|| optional(&["symbolic-ref", "--short", "--quiet", "HEAD"])).flatten();
    Ok(SourceVersion {
        name: None,
        repository: optional(&["config", "--get", "remote.origin.url"])
            .and_then(|url| repository(&url)),
        branch: branch.map(|branch| cut(&branch, MAX_NAME)),
        tag: optional(&["describe", "--tags", "--exact-match", &sha])
            .map(|tag| cut(&tag, MAX_NAME)),
        author: optional(&["log", "-1", "--no-show-signature", "--format=%an <%ae>", &sha])
            .map(|author| cut(&author, MAX_NAME)),
        message: optional(&["log", "-1", "--no-show-signature", "--format=%B", &sha])
            .map(|message| cut(&message, MAX_MESSAGE)),
        sha: Some(sha),
        url: None,
    })
}

/// Runs git in a folder, and returns what it says, or the first line of why it does not.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(args)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("the program git cannot be run: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(text.lines().next().unwrap_or("git failed").to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Reads an object such as `main:file`, byte for byte.
pub(crate) fn content(folder: &Path, object: &str) -> Result<String, String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["cat-file", "blob", object])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("the program git cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("git has no {object}"));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{object} is no text"))
}

/// Shortens the address of a repository to `owner/name`; credentials never survive.
pub(crate) fn repository(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/').trim_end_matches(".git");
    let path = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':')?.1,
    };
    let path = path.trim_matches('/');
    (!path.is_empty()).then(|| cut(path, MAX_NAME))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Runs git as a person of its own, whatever the configuration of the machine.
    pub(crate) fn git(folder: &Path, args: &[&str]) {
        let status = Command::new("git")
            .current_dir(folder)
            .args(["-c", "user.name=Jane", "-c", "user.email=jane@example.com"])
            .args(["-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"])
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "git {args:?}");
    }

    #[test]
    fn a_checkout_tells_the_facts_of_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        git(path, &["init", "--quiet", "--initial-branch=trunk"]);
        git(path, &["remote", "add", "origin", "https://u:secret@git.example.com/acme/shop.git"]);
        git(path, &["commit", "--quiet", "--allow-empty", "-m", "Fix the cart"]);
        git(path, &["tag", "v1.2.3"]);
        let version = source_version(path, "HEAD").unwrap();
        assert_eq!(version.sha.as_ref().map(String::len), Some(40));
        assert_eq!(version.branch.as_deref(), Some("trunk"));
        assert_eq!(version.tag.as_deref(), Some("v1.2.3"));
        assert_eq!(version.author.as_deref(), Some("Jane <jane@example.com>"));
        assert_eq!(version.message.as_deref(), Some("Fix the cart"));
        assert_eq!(version.repository.as_deref(), Some("acme/shop"));
    }

    #[test]
    fn without_a_commit_the_way_out_is_told() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet"]);
        let error = source_version(folder.path(), "HEAD").unwrap_err().styled();
        assert!(error.contains("--commit"), "{error}");
        assert!(source_version(folder.path(), "--upload-pack=x").is_err());
    }

    #[test]
    fn a_repository_is_known_by_owner_and_name() {
        for (url, expected) in [
            ("git@github.com:acme/shop.git", Some("acme/shop")),
            ("ssh://git@host:2222/acme/shop", Some("acme/shop")),
            ("https://token@host/a/b/c.git/", Some("a/b/c")),
            ("/srv/git/shop.git", None),
            ("file:///srv/git/shop.git", None),
        ] {
            assert_eq!(repository(url).as_deref(), expected, "{url}");
        }
    }
}
