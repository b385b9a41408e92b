//! The version of the application that a release is made of.

use std::path::Path;

use clap::Args;
use gimlet_crds::SourceVersion;

use crate::error::CommandError;
use crate::git;

/// Flags that tell the facts of the source commit.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Version of the application")]
pub(crate) struct VersionArgs {
    /// Read commit, branch, tag, author and message from the git checkout in the working directory
    #[arg(long)]
    from_git: bool,
    /// Commit of the application; with --from-git any name that git knows, such as HEAD
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// Branch of the commit
    #[arg(long)]
    branch: Option<String>,
    /// Tag of the commit
    #[arg(long)]
    tag: Option<String>,
    /// What people call the version; the tag or the short commit otherwise
    #[arg(long = "version", value_name = "NAME")]
    name: Option<String>,
    /// Message of the commit
    #[arg(long)]
    message: Option<String>,
    /// Author of the commit
    #[arg(long)]
    author: Option<String>,
    /// Repository of the application, such as acme/shop
    #[arg(long = "repo", value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// Page of the commit
    #[arg(long = "commit-url", value_name = "URL")]
    url: Option<String>,
}

impl VersionArgs {
    /// Returns the facts that are known; flags come before what git says.
    pub(crate) fn version(&self) -> Result<Option<SourceVersion>, CommandError> {
        let Self { from_git, commit, branch, tag, name, message, author, repository, url } =
            self.clone();
        let (found, sha) = if from_git {
            let name = commit.as_deref().unwrap_or("HEAD");
            let found = git::source_version(Path::new("."), name)?;
            let sha = found.sha.clone();
            (found, sha)
        } else {
            (SourceVersion::default(), commit.map(check_sha).transpose()?)
        };
        let version = SourceVersion {
            name: name.or(found.name),
            repository: repository.or(found.repository),
            sha,
            branch: branch.or(found.branch),
            tag: tag.or(found.tag),
            author: author.or(found.author),
            message: message.or(found.message),
            url: url.or(found.url),
        };
        Ok((version != SourceVersion::default()).then_some(version))
    }
}

fn check_sha(sha: String) -> Result<String, CommandError> {
    if !sha.is_empty() && sha.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(sha);
    }
    Err(CommandError::usage(format!("{sha:?} is not the id of a commit"))
        .hint("pass --from-git too, and it is looked up in the checkout here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_flags_there_is_no_version() {
        assert_eq!(VersionArgs::default().version().unwrap(), None);
    }

    #[test]
    fn a_name_of_a_commit_needs_a_checkout() {
        let args = VersionArgs { commit: Some("HEAD".into()), ..VersionArgs::default() };
        assert!(args.version().unwrap_err().styled().contains("--from-git"));
    }

    #[test]
    fn the_facts_become_variables() {
        let args = VersionArgs {
            commit: Some("abc123".into()),
            repository: Some("acme/shop".into()),
            ..VersionArgs::default()
        };
        let vars = args.version().unwrap().unwrap().variables();
        let pairs: Vec<_> = vars.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("OWNER", "acme"), ("REPO", "acme/shop"), ("SHA", "abc123")]);
    }
}
