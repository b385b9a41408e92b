//! Paths that are safe on every file system and every server.

use std::fmt;

/// Names a file or folder inside a repository by a path that is safe everywhere.
///
/// Every part is `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 200 bytes; there are at most eight parts.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(String);

/// Says why a path or a set of files is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path has no parts, or one of them is empty.
    #[error("path {0:?} is empty or has an empty part: write it as folder/file")]
    Empty(String),
    /// A part has a character or a form that some system reads differently.
    #[error(
        "path {path:?} has the part {part:?}: use letters, digits, '.', '_' and '-', starting with a letter or digit"
    )]
    Part {
        /// The whole path.
        path: String,
        /// The part that is refused.
        part: String,
    },
    /// A part has a meaning of its own for git or for a file system.
    #[error("path {path:?} has the reserved name {part:?}: choose another name")]
    Reserved {
        /// The whole path.
        path: String,
        /// The part that is refused.
        part: String,
    },
    /// The path has too many parts.
    #[error("path {0:?} is too deep: at most {MAX_DEPTH} parts are allowed")]
    Deep(String),
    /// Two names differ only in case.
    #[error("{0:?} and {1:?} differ only in case: rename one of them")]
    Case(String, String),
    /// One name is both a file and a folder.
    #[error("{0:?} is both a file and a folder: rename one of them")]
    FileAndFolder(String),
    /// A file is too large.
    #[error("file {path:?} has {size} bytes: at most {MAX_FILE} are allowed")]
    FileTooLarge {
        /// The file.
        path: String,
        /// Its size in bytes.
        size: usize,
    },
    /// All files together are too large.
    #[error("the folder has {0} bytes: at most {MAX_FOLDER} are allowed")]
    FolderTooLarge(usize),
    /// There are too many files.
    #[error("the folder has {0} files: at most {MAX_FILES} are allowed")]
    TooManyFiles(usize),
}

impl PathError {
    /// Says whether a size or count limit was passed.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::FileTooLarge { .. } | Self::FolderTooLarge(_) | Self::TooManyFiles(_))
    }
}

/// The most parts that a path may have.
pub const MAX_DEPTH: usize = 8;
/// The most bytes that a part of a path may have.
pub const MAX_PART: usize = 200;
/// The most bytes that one file may have.
pub const MAX_FILE: usize = 1024 * 1024;
/// The most bytes that the files of one folder may have together.
pub const MAX_FOLDER: usize = 8 * 1024 * 1024;
/// The most files that one folder may have.
pub const MAX_FILES: usize = 500;

impl RepoPath {
    /// Parses a relative path with `/` between its parts.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        // A hostile path may be of any length, and it is repeated in the message.
        let shown = || path.chars().take(200).collect::<String>();
        for (index, part) in path.split('/').enumerate() {
            if index >= MAX_DEPTH {
                return Err(PathError::Deep(shown()));
            }
            if part.is_empty() {
                return Err(PathError::Empty(shown()));
            }
            let part_shown = || part.chars().take(200).collect::<String>();
            if !is_portable(part) {
                return Err(PathError::Part { path: shown(), part: part_shown() });
            }
            if is_reserved(part) {
                return Err(PathError::Reserved { path: shown(), part: part_shown() });
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path one level deeper.
    pub fn join(&self, rest: &str) -> Result<Self, PathError> {
        Self::parse(&format!("{}/{rest}", self.0))
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

fn is_portable(part: &str) -> bool {
    part.len() <= MAX_PART
        && part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        // Some file systems drop a trailing dot.
        && !part.ends_with('.')
}

/// Says whether a name means a device on one of the systems that clone these repositories.
fn is_reserved(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
        || numbered.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::str::FromStr for RepoPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        Self::parse(path)
    }
}

impl AsRef<str> for RepoPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths_are_accepted() {
        for path in
            ["app", "env/app/deployment-web.yaml", "A_b-1.2/release.json", "a/b/c/d/e/f/g/h"]
        {
            assert_eq!(RepoPath::parse(path).map(|p| p.to_string()), Ok(path.to_owned()));
        }
    }

    #[test]
    fn hostile_paths_are_refused() {
        let long = "a".repeat(201);
        for path in [
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "a/",
            "..",
            "a/../b",
            ".",
            "./a",
            ".git/config",
            ".GIT/x",
            "git~1",
            ".gitmodules",
            "a/.gitattributes",
            ".git\u{200c}",
            "a\\b",
            "a\nb",
            "x:y",
            "CON",
            "con.txt",
            "Lpt1",
            "a.",
            "-rf",
            "--upload-pack=x",
            "a b",
            "é",
            "a\0b",
            "a/b/c/d/e/f/g/h/i",
            &long,
        ] {
            assert!(RepoPath::parse(path).is_err(), "{path:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_path_has_no_part_that_git_or_a_shell_reads_specially(path in "\\PC{0,40}") {
            if let Ok(parsed) = RepoPath::parse(&path) {
                prop_assert!(parsed.parts().count() <= MAX_DEPTH);
                for part in parsed.parts() {
                    prop_assert!(!part.is_empty() && !part.starts_with(['.', '-']));
                    prop_assert!(part.is_ascii() && !part.contains(['\\', ':', '~', ' ']));
                }
            }
        }

        #[test]
        fn a_path_of_plain_parts_is_accepted(parts in proptest::collection::vec("[a-z0-9][a-z0-9_-]{0,5}[0-9]{2}", 1..=8)) {
            let path = parts.join("/");
            let accepted = RepoPath::parse(&path);
            prop_assert_eq!(accepted.as_ref().map(RepoPath::as_str), Ok(path.as_str()));
        }
    }
}
