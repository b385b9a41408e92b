//! The release that all ways do, and where it goes.

use anyhow::Result;
use gimlet_gitops::{
    BranchName, Change, Credentials, Edit, FileMap, Identity, Remote, RemoteUrl, RepoPath,
};
use jiff::Timestamp;

use crate::history::{self, ENVIRONMENT, FILES, app};

/// Chooses an app: each round another one, far from those before.
pub fn pick(round: usize, apps: usize) -> usize {
    (round % 1_000 * 617 + 13) % apps
}

/// Gives names and texts of an app's files, none of them as they were.
pub fn new_files(of: usize) -> Vec<(String, String)> {
    let release = gimlet_e2e::unique("r");
    (0..FILES).map(|part| history::file(of, part, &release)).collect()
}

/// Makes a release of an app.
pub fn change(of: usize) -> Result<Change> {
    let mut files = FileMap::new();
    for (name, text) in new_files(of) {
        files.insert(RepoPath::parse(&name)?, text.into_bytes());
    }
    let bench = Identity { name: "Bench".into(), email: "bench@example.com".into() };
    Ok(Change {
        id: gimlet_e2e::unique("release"),
        edits: vec![Edit::Folder {
            path: RepoPath::parse(&format!("{ENVIRONMENT}/{}", app(of)))?,
            files,
        }],
        subject: format!("{ENVIRONMENT}/{}: release", app(of)),
        body: String::new(),
        trailers: Vec::new(),
        author: bench.clone(),
        committer: bench,
        time: Timestamp::now(),
        order: None,
        expected: None,
        also: Vec::new(),
    })
}

/// Gives the repository at an address, for a writer.
pub fn remote(url: &str) -> Result<Remote> {
    Ok(Remote {
        url: RemoteUrl::parse(url, false)?,
        branch: BranchName::parse("main")?,
        credentials: Credentials::None,
        ca: None,
        create_branch: false,
        allow_loopback: true,
    })
}
