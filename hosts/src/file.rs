//! Files of a repository, read and written by its host's API.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::HostError;
use crate::sha::Sha;

/// The longest path of a file, in bytes.
const MAX_PATH: usize = 1024;

/// Holds a file at a branch or commit.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// The id of its content.
    pub blob: Sha,
    /// What is in it.
    pub content: Vec<u8>,
    /// The commit that changed it last, which GitLab locks by; others do not say it.
    pub(crate) last_commit: Option<String>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("blob", &self.blob).finish_non_exhaustive()
    }
}

impl File {
    /// Makes a file of its id and content.
    pub fn new(blob: Sha, content: Vec<u8>) -> Self {
        Self { blob, content, last_commit: None }
    }
}

/// Describes a commit that changes one file of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The branch that gets the commit.
    pub branch: String,
    /// The file, from the root of the repository.
    pub path: String,
    /// What is to be in it; none deletes it.
    pub content: Option<Vec<u8>>,
    /// What was read before; none where the file is not there. Anything else is not overwritten.
    pub base: Option<File>,
    /// The commit's message.
    pub message: String,
}

/// Names a commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its id.
    pub sha: Sha,
    /// The address of its page.
    pub url: Option<String>,
}

/// Refuses a path that would lead to another address of an API.
pub(crate) fn check_path(path: &str) -> Result<(), HostError> {
    let part = |part: &str| !matches!(part, "" | "." | ".." | ".git");
    let plain = |c: char| !c.is_control() && c != '\\';
    let fits = path.len() <= MAX_PATH && path.chars().all(plain) && path.split('/').all(part);
    if fits {
        return Ok(());
    }
    let detail = "it is no path inside a repository".to_owned();
    Err(HostError::InvalidInput { what: "the path of the file", detail })
}

pub(crate) fn encode(content: &[u8]) -> String {
    STANDARD.encode(content)
}

/// Reads what hosts write in lines.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside_the_repository() {
        for good in [".gimlet/shop.yaml", "a b/ü", "a..b"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        let long = "a".repeat(2000);
        for bad in ["", "/a", "a/", "a//b", "../a", "a/./b", ".git/config", "a\\b", "a\nb", &long] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn content_in_lines_is_read() {
        assert_eq!(decode("aGVs\nbG8=\n").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode("%"), None);
        assert_eq!(decode(&encode(b"\0\xff")).as_deref(), Some(&b"\0\xff"[..]));
    }
}
