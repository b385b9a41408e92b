//! What a token needs for what, in the words of the pages where tokens are made.

use crate::client::Task;

/// What each request is for, and what it needs.
pub(super) struct Rights {
    pub(super) read: Task,
    pub(super) create: Task,
    pub(super) keys: Task,
    pub(super) write: Task,
    pub(super) write_files: Task,
    pub(super) read_statuses: Task,
    pub(super) write_statuses: Task,
    pub(super) read_checks: Task,
    pub(super) read_pulls: Task,
    pub(super) write_pulls: Task,
    pub(super) merge: Task,
    pub(super) read_comments: Task,
    pub(super) write_comments: Task,
    pub(super) deployments: Task,
    pub(super) account: Task,
}

const fn task(doing: &'static str, right: &'static str) -> Task {
    Task { doing, right }
}

pub(super) const GITHUB: Rights = Rights {
    read: task("read the repository", "Contents: read (classic tokens: repo)"),
    create: task("create the repository", "Administration: write (classic tokens: repo)"),
    keys: task("add or remove a deploy key", "Administration: write (classic tokens: repo)"),
    write: task("delete a branch", "Contents: write (classic tokens: repo)"),
    write_files: task("write files and branches", "Contents: write (classic tokens: repo)"),
    read_statuses: task("read commit statuses", "Commit statuses: read (classic tokens: repo)"),
    write_statuses: task(
        "set a commit status",
        "Commit statuses: write (classic tokens: repo:status)",
    ),
    read_checks: task("read check runs", "Checks: read (classic tokens: repo)"),
    read_pulls: task("read pull requests", "Pull requests: read (classic tokens: repo)"),
    write_pulls: task("write pull requests", "Pull requests: write (classic tokens: repo)"),
    merge: task(
        "merge a pull request",
        "Contents: write and Pull requests: write (classic tokens: repo)",
    ),
    read_comments: task("read comments", "Pull requests: read (classic tokens: repo)"),
    write_comments: task("write comments", "Pull requests: write (classic tokens: repo)"),
    deployments: task("show deployments", "Deployments: write (classic tokens: repo_deployment)"),
    account: task("read the token's account", "none"),
};

const GITEA_READ: &str = "repository: read (read:repository)";
const GITEA_WRITE: &str = "repository: write (write:repository), as a collaborator who may write";
const GITEA_CREATE: &str = "user: write, or organization: write for a repository of an organization, \
                            with repository: write";

pub(super) const GITEA: Rights = Rights {
    read: task("read the repository", GITEA_READ),
    create: task("create the repository", GITEA_CREATE),
    keys: task(
        "add or remove a deploy key",
        "repository: write (write:repository), as its administrator",
    ),
    write: task("delete a branch", GITEA_WRITE),
    write_files: task("write files and branches", GITEA_WRITE),
    read_statuses: task("read commit statuses", GITEA_READ),
    write_statuses: task("set a commit status", GITEA_WRITE),
    read_checks: task("read check runs", GITEA_READ),
    read_pulls: task("read pull requests", GITEA_READ),
    write_pulls: task("write pull requests", GITEA_WRITE),
    merge: task("merge a pull request", GITEA_WRITE),
    read_comments: task("read comments", "issue: read (read:issue)"),
    write_comments: task("write comments", "issue: write (write:issue)"),
    deployments: task("show deployments", GITEA_WRITE),
    account: task("read the token's account", "user: read (read:user)"),
};
