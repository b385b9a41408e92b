//! What git tells of the checkout.

use std::path::{Path, PathBuf};

use gimlet_crds::condition::cut;
use jiff::Timestamp;

use crate::git;

/// Longest message that is read, in bytes.
const MAX_MESSAGE: usize = 4096;

/// A commit as git has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commit {
    /// Its id.
    pub(crate) sha: String,
    /// The commits that it follows.
    pub(crate) parents: Vec<String>,
    /// Name and address of its author.
    pub(crate) author: String,
    /// When it was made.
    pub(crate) time: Option<Timestamp>,
    /// Its message.
    pub(crate) message: String,
}

/// The checkout that CI works in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// Its top folder.
    pub(crate) top: Option<PathBuf>,
    /// The commit that is checked out, where there is one.
    pub(crate) head: Option<Commit>,
    /// The branch that is checked out.
    pub(crate) branch: Option<String>,
    /// A tag of the commit.
    pub(crate) tag: Option<String>,
    /// Repository, such as `acme/shop`.
    pub(crate) repository: Option<String>,
}

impl Checkout {
    /// Reads the checkout that a folder is in; without git, or outside of one, nothing is known.
    pub(crate) fn read(folder: &Path) -> Self {
        let ask = |args: &[&str]| git::run(folder, args).ok().filter(|text| !text.is_empty());
        let address = ask(&["config", "--get", "remote.origin.url"]);
        Self {
            top: ask(&["rev-parse", "--show-toplevel"]).map(Into::into),
            head: commit(folder, "HEAD"),
            branch: ask(&["symbolic-ref", "--short", "--quiet", "HEAD"]),
            tag: ask(&["describe", "--tags", "--exact-match", "HEAD"]),
            repository: address.and_then(|address| git::repository(&address)),
        }
    }

    /// Returns the commit that people wrote where the one that is checked out is CI's own trial of a merge.
    ///
    /// Such a trial names the other side: GitHub merges the head into the base, and Jenkins the base
    /// into the head.
    pub(crate) fn head_of_trial(&self) -> Option<&str> {
        let head = self.head.as_ref()?;
        let [first, second] = head.parents.as_slice() else {
            return None;
        };
        let line = head.message.lines().next().unwrap_or_default();
        if line == format!("Merge {second} into {first}") {
            return Some(second);
        }
        (line == format!("Merge commit '{second}' into HEAD")).then_some(first)
    }
}

/// Reads a commit, where the checkout has it.
pub(crate) fn commit(folder: &Path, name: &str) -> Option<Commit> {
    let format = "--format=%H%x00%P%x00%an <%ae>%x00%cI%x00%B";
    let args = ["log", "-1", "--no-show-signature", format, "--end-of-options", name, "--"];
    let text = git::run(folder, &args).ok()?;
    let mut parts = text.splitn(5, '\0');
    Some(Commit {
        sha: parts.next()?.to_owned(),
        parents: parts.next()?.split(' ').filter(|id| !id.is_empty()).map(Into::into).collect(),
        author: parts.next()?.to_owned(),
        time: parts.next()?.parse().ok(),
        message: cut(parts.next()?.trim(), MAX_MESSAGE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::git;

    #[test]
    fn a_trial_of_a_merge_is_told_from_a_merge_of_people() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        git(path, &["init", "--quiet", "--initial-branch=main"]);
        git(path, &["commit", "--quiet", "--allow-empty", "-m", "first"]);
        git(path, &["checkout", "--quiet", "-b", "cart"]);
        git(
            path,
            &["commit", "--quiet", "--allow-empty", "-m", "Take the cart along\n\nLong story"],
        );
        let head = commit(path, "HEAD").unwrap();
        assert_eq!(head.message, "Take the cart along\n\nLong story");
        assert_eq!((head.author.as_str(), head.parents.len()), ("Jane <jane@example.com>", 1));
        assert!(head.time.is_some());
        git(path, &["checkout", "--quiet", "main"]);
        git(path, &["commit", "--quiet", "--allow-empty", "-m", "second"]);
        let base = commit(path, "HEAD").unwrap();
        // As GitHub does.
        git(path, &["checkout", "--quiet", "--detach"]);
        let title = format!("Merge {} into {}", head.sha, base.sha);
        git(path, &["merge", "--quiet", "--no-ff", "-m", &title, "cart"]);
        assert_eq!(Checkout::read(path).head_of_trial(), Some(head.sha.as_str()));
        // As Jenkins does.
        git(path, &["checkout", "--quiet", "--detach", "cart"]);
        let title = format!("Merge commit '{}' into HEAD", base.sha);
        git(path, &["merge", "--quiet", "--no-ff", "-m", &title, "main"]);
        assert_eq!(Checkout::read(path).head_of_trial(), Some(head.sha.as_str()));
        // As people do.
        git(path, &["checkout", "--quiet", "cart"]);
        git(path, &["merge", "--quiet", "--no-ff", "-m", "Merge branch 'main' into cart", "main"]);
        assert_eq!(Checkout::read(path).head_of_trial(), None);
        assert_eq!(Checkout::read(path).branch.as_deref(), Some("cart"));
    }

    #[test]
    fn outside_of_a_checkout_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Checkout::read(folder.path()), Checkout::default());
        assert_eq!(commit(folder.path(), "--upload-pack=x"), None);
    }
}
