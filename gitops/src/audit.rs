//! Checking a clone: that everything in the folders of applications is what Gimlet put there.
//!
//! Nothing but the clone is needed: commits say by their trailers and signatures who made them, and
//! what a folder should hold is recorded in it and in the commit. What a person changed is listed,
//! not judged.

mod clone;
mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::change::{APP_TRAILER, Identity};
use crate::engine::Objects;
use crate::error::{GitError, GitErrorKind};
use crate::id::{CommitId, ObjectKind, TreeId};
use crate::index::{LogEntry, Origin};
use crate::path::{MAX_FILES, MAX_FOLDER, RepoPath};
use crate::signing::{TrustedKeys, verify};
use crate::store::Store;
use crate::tree::EntryKind;
use crate::writer::FileMapLossy;
use clone::Clone;
use judge::{Evidence, Touched, judge};

/// The file by which a folder is known to be that of an application.
const RECORD: &str = "release.json";
/// The folder beside those of applications that is Flux' own.
const FLUX: &str = "flux";
/// The trailer that names the commit of which a rollback put a folder back.
const ROLLBACK_TRAILER: &str = "Gimlet-Rollback-To";

/// Says what is checked.
#[derive(Clone, Debug)]
pub struct AuditScope {
    /// The path of a clone, with files or bare.
    pub repository: PathBuf,
    /// A branch, tag or commit, or `from..to`.
    pub revision: String,
    /// The environment's folder; the whole repository without.
    pub path: Option<RepoPath>,
}

/// What a folder says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderFacts {
    /// What is recorded in it; none if nothing is, or it cannot be read.
    pub record: Option<FolderRecord>,
    /// The digest of its files, as a plan has it.
    pub digest: String,
}

/// What is recorded in a folder about the release that wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderRecord {
    /// The application's name.
    pub app: String,
    /// The environment's name.
    pub environment: String,
    /// The id of the change.
    pub release: Option<String>,
    /// The digest of the plan.
    pub plan: Option<String>,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The commit up to which everything was checked.
    pub head: CommitId,
    /// The applications whose folders were found.
    pub apps: usize,
    /// The commits that touch such a folder.
    pub commits: usize,
    /// Those of them that Gimlet made, as they say.
    pub by_gimlet: usize,
    /// All others of them.
    pub by_hand: usize,
    /// What is wrong, oldest first.
    pub findings: Vec<Finding>,
}

/// Says what kind of fault was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// Somebody changed a folder without Gimlet.
    ByHand,
    /// The original Gimlet changed a folder.
    Legacy,
    /// The commit is not signed by a trusted key.
    Signature,
    /// The commit is for another application.
    Misplaced,
    /// The record in the folder is missing or another's.
    Record,
    /// The files are not those that were recorded.
    Files,
    /// A rollback or removal did not do what it says.
    Restored,
    /// A merge left a folder as no commit made it.
    Merged,
}

impl FindingKind {
    /// Returns the kind as a word.
    pub fn reason(self) -> &'static str {
        match self {
            Self::ByHand => "ByHand",
            Self::Legacy => "Legacy",
            Self::Signature => "Signature",
            Self::Misplaced => "Misplaced",
            Self::Record => "Record",
            Self::Files => "Files",
            Self::Restored => "Restored",
            Self::Merged => "Merged",
        }
    }
}

/// Describes a fault, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of fault it is.
    pub kind: FindingKind,
    /// The commit.
    pub commit: CommitId,
    /// Its author.
    pub author: Identity,
    /// When it was made.
    pub time: Timestamp,
    /// The application, or several with commas between.
    pub app: String,
    /// The files in question, relative to the environment's folder; empty if all are.
    pub files: Vec<String>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Finding {
    fn new(
        entry: &LogEntry,
        kind: FindingKind,
        app: String,
        files: Vec<String>,
        message: String,
    ) -> Self {
        let (commit, author, time) = (entry.commit, entry.author.clone(), entry.time);
        Self { kind, commit, author, time, app, files, message }
    }
}

/// Reads what a folder says of itself from its files.
pub type Describe<'a> = &'a (dyn Fn(&FileMapLossy) -> FolderFacts + Send + Sync);

/// Checks all commits of a range that touch the folder of an application.
///
/// A folder is that of an application if it has or had a `release.json`, or a commit of Gimlet
/// names it. Fails if the clone cannot be read or lacks a part of the history.
pub async fn audit(
    scope: &AuditScope,
    keys: &TrustedKeys,
    describe: Describe<'_>,
) -> Result<Audit, GitError> {
    let clone = Arc::new(Clone::open(&scope.repository)?);
    let (head, from) = clone.resolve(&scope.revision).await?;
    let history = clone.history(head, from, scope.path.as_ref()).await.map_err(of_clone)?;
    let auditor = Auditor {
        store: Store::new(Arc::clone(&clone) as Arc<dyn Objects>),
        clone,
        path: scope.path.clone(),
        keys,
        describe,
    };
    auditor.check(head, from, history).await.map_err(of_clone)
}

/// What a cache would fetch again is missing for good here.
fn of_clone(error: GitError) -> GitError {
    if error.kind() != GitErrorKind::Cache {
        return error;
    }
    GitError::new(
        GitErrorKind::NotFound,
        format!(
            "the clone is not complete or is damaged: make a new one without filters ({error})"
        ),
    )
}

struct Auditor<'a> {
    clone: Arc<Clone>,
    store: Store,
    path: Option<RepoPath>,
    keys: &'a TrustedKeys,
    describe: Describe<'a>,
}

impl Auditor<'_> {
    async fn check(
        &self,
        head: CommitId,
        from: Option<CommitId>,
        history: Vec<(Vec<LogEntry>, Vec<String>)>,
    ) -> Result<Audit, GitError> {
        let apps = self.apps(head, from, &history).await?;
        let mut audit = Audit {
            head,
            apps: apps.len(),
            commits: 0,
            by_gimlet: 0,
            by_hand: 0,
            findings: Vec::new(),
        };
        let mut last = BTreeMap::new();
        for (members, paths) in &history {
            let entry = &members[0];
            let mut folders: BTreeMap<String, Touched> = BTreeMap::new();
            for path in paths {
                let Some(inside) = self.inside(path) else { continue };
                if let Some((app, _)) =
                    inside.split_once('/').filter(|(app, _)| apps.contains(*app))
                {
                    folders.entry(app.to_owned()).or_default().files.push(inside.to_owned());
                }
            }
            if folders.is_empty() {
                continue;
            }
            audit.commits += 1;
            let ours = entry.origin == Origin::Gimlet;
            *(if ours { &mut audit.by_gimlet } else { &mut audit.by_hand }) += 1;
            for (app, folder) in &mut folders {
                self.look(judge::member(members, app), app, folder).await?;
                last.insert(app.clone(), (entry.clone(), folder.tree));
            }
            let signature =
                if ours { Some(verify(&self.raw(entry.commit).await?, self.keys)) } else { None };
            audit.findings.extend(judge(&Evidence { members, signature, folders }));
        }
        for (app, (entry, tree)) in last {
            if self.folder(head, &app).await? != tree {
                let message = format!(
                    "{app} is not what the last commit left that changed it: a merge took another side; release the app again"
                );
                let kind = FindingKind::Merged;
                audit.findings.push(Finding::new(&entry, kind, app, Vec::new(), message));
            }
        }
        Ok(audit)
    }

    /// Lists the applications of which something is known.
    async fn apps(
        &self,
        head: CommitId,
        from: Option<CommitId>,
        history: &[(Vec<LogEntry>, Vec<String>)],
    ) -> Result<BTreeSet<String>, GitError> {
        let mut apps = BTreeSet::new();
        for commit in [Some(head), from].into_iter().flatten() {
            let Some(tree) = self.environment(commit).await? else { continue };
            for entry in self.store.tree(tree.0).await?.entries() {
                if entry.kind == EntryKind::Folder
                    && self.store.tree(entry.id()).await?.get(RECORD).is_some()
                {
                    apps.insert(entry.name_lossy());
                }
            }
        }
        for (members, paths) in history {
            let named = |app: &str| members.iter().any(|m| m.get(APP_TRAILER) == Some(app));
            for path in paths.iter().filter_map(|path| self.inside(path)) {
                match path.split_once('/') {
                    Some((app, RECORD)) => apps.insert(app.to_owned()),
                    Some((app, _)) if named(app) => apps.insert(app.to_owned()),
                    _ => false,
                };
            }
        }
        apps.remove(FLUX);
        Ok(apps)
    }

    /// Returns a path relative to the environment's folder; none if it is not in it.
    fn inside<'p>(&self, path: &'p str) -> Option<&'p str> {
        match &self.path {
            Some(folder) => path.strip_prefix(folder.as_str())?.strip_prefix('/'),
            None => Some(path),
        }
    }

    async fn environment(&self, commit: CommitId) -> Result<Option<TreeId>, GitError> {
        let Some(root) = self.store.root(commit).await? else {
            return Err(GitError::cache(format!("commit {commit} is missing")));
        };
        let Some(path) = &self.path else { return Ok(Some(TreeId(root))) };
        let found = self.store.find(root, path).await?;
        Ok(found.filter(|entry| entry.kind == EntryKind::Folder).map(|entry| TreeId(entry.id)))
    }

    /// Returns the content of an application's folder at a commit.
    async fn folder(&self, commit: CommitId, app: &str) -> Result<Option<TreeId>, GitError> {
        let Some(environment) = self.environment(commit).await? else { return Ok(None) };
        let tree = self.store.tree(environment.0).await?;
        let entry = tree.get(app).filter(|entry| entry.kind == EntryKind::Folder);
        Ok(entry.map(|entry| TreeId(entry.id())))
    }

    async fn raw(&self, commit: CommitId) -> Result<Bytes, GitError> {
        let object = self.clone.object(commit.0).await?;
        object
            .map(|object| object.data)
            .ok_or_else(|| GitError::cache(format!("commit {commit} is missing")))
    }

    /// Finds out what a commit left in a folder.
    async fn look(
        &self,
        entry: &LogEntry,
        app: &str,
        folder: &mut Touched,
    ) -> Result<(), GitError> {
        folder.tree = self.folder(entry.commit, app).await?;
        if entry.origin != Origin::Gimlet {
            return Ok(());
        }
        if let Some(to) = entry.get(ROLLBACK_TRAILER).and_then(|to| CommitId::parse(to).ok()) {
            let known = self.store.exists(to.0, ObjectKind::Commit).await?;
            folder.restored = Some(known && self.folder(to, app).await? == folder.tree);
        }
        let Some(tree) = folder.tree else { return Ok(()) };
        let mut files = FileMapLossy::new();
        let mut left = MAX_FOLDER as u64;
        for (name, file) in self.store.files(tree.0, MAX_FILES).await? {
            if !matches!(file.kind, EntryKind::File | EntryKind::Executable) {
                folder.foreign.get_or_insert(name);
                continue;
            }
            let size = self.store.size(file.id).await?;
            let Some(rest) = left.checked_sub(size) else { return Ok(()) };
            left = rest;
            files.insert(name, self.store.blob(file.id).await?.into());
        }
        folder.facts = Some((self.describe)(&files));
        Ok(())
    }
}
