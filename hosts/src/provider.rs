//! The kinds of host.

use std::fmt;

/// Names the API that a host speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// github.com, GitHub Enterprise Cloud and Server.
    GitHub,
    /// gitlab.com and GitLab of one's own.
    GitLab,
    /// Gitea, and Forgejo with Codeberg.
    Gitea,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea",
        })
    }
}
