//! Which engine works on a repository.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use async_trait::async_trait;
use gix_hash::ObjectId;

use crate::cli::CliEngine;
use crate::engine::{Engine, Objects, PushError, Seen};
use crate::error::{GitError, GitErrorKind};
use crate::id::{CommitId, Object, ObjectKind};
use crate::index::LogEntry;
use crate::options::{EngineChoice, EngineKind, Options};
use crate::path::RepoPath;
use crate::remote::{BranchName, Credentials, Remote, Transport};
use crate::wire::WireEngine;

/// Chooses between the engines when the repository is first opened, and hands everything on.
pub(crate) struct ChosenEngine {
    remote: RwLock<Remote>,
    options: Options,
    chosen: OnceLock<(EngineKind, Arc<dyn Engine>)>,
}

impl ChosenEngine {
    pub(crate) fn new(remote: Remote, options: Options) -> Self {
        Self { remote: RwLock::new(remote), options, chosen: OnceLock::new() }
    }

    fn remote(&self) -> Remote {
        self.remote.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the folder of the cache that an engine has.
    fn folder(&self, engine: &str) -> PathBuf {
        self.options.cache_dir.join(format!("{}.{engine}", self.remote().cache_name()))
    }

    fn engine(&self) -> Result<&Arc<dyn Engine>, GitError> {
        let chosen = self.chosen.get().map(|(_, engine)| engine);
        chosen.ok_or_else(|| GitError::other("the repository is not open yet"))
    }

    async fn choose(&self) -> Result<&Arc<dyn Engine>, GitError> {
        if self.chosen.get().is_none() {
            let remote = self.remote();
            remote.check()?;
            let over_http = matches!(remote.url.transport, Transport::Https | Transport::Http);
            let wire = || WireEngine::new(remote.clone(), self.folder("wire"), &self.options);
            let chosen: (EngineKind, Arc<dyn Engine>) = match self.options.engine {
                EngineChoice::Wire => {
                    let wire = wire();
                    if !over_http || !wire.suits().await? {
                        return Err(GitError::new(
                            GitErrorKind::Invalid,
                            format!(
                                "{} cannot be worked with without a clone: it needs https, version 2 \
                                 of git's protocol and filters of trees; let the engine be chosen",
                                remote.url
                            ),
                        ));
                    }
                    (EngineKind::Wire, Arc::new(wire))
                }
                EngineChoice::Auto if over_http => {
                    let wire = wire();
                    if wire.suits().await? {
                        (EngineKind::Wire, Arc::new(wire))
                    } else {
                        (EngineKind::Git, Arc::new(CliEngine::new(remote, &self.options)))
                    }
                }
                EngineChoice::Auto | EngineChoice::Git => {
                    (EngineKind::Git, Arc::new(CliEngine::new(remote, &self.options)))
                }
            };
            tracing::debug!(remote = self.remote().key(), engine = chosen.0.as_str(), "chosen");
            let _ = self.chosen.set(chosen);
            // They may have been renewed meanwhile.
            self.engine()?.set_credentials(self.remote().credentials);
        }
        self.engine()
    }
}

#[async_trait]
impl Objects for ChosenEngine {
    async fn object(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        self.engine()?.object(id).await
    }

    async fn at_hand(&self, id: ObjectId) -> Result<Option<Object>, GitError> {
        self.engine()?.at_hand(id).await
    }

    async fn info(&self, id: ObjectId) -> Result<Option<(ObjectKind, u64)>, GitError> {
        self.engine()?.info(id).await
    }

    async fn gather(&self, ids: &[ObjectId]) -> Result<(), GitError> {
        self.engine()?.gather(ids).await
    }
}

#[async_trait]
impl Engine for ChosenEngine {
    fn kind(&self) -> Option<EngineKind> {
        self.chosen.get().map(|(kind, _)| *kind)
    }

    async fn open(&self) -> Result<Option<CommitId>, GitError> {
        let engine = self.choose().await?;
        let head = engine.open().await?;
        // It holds the lock, so nobody works with what the other way has left behind.
        let left = self.folder(if engine.kind() == Some(EngineKind::Git) { "wire" } else { "git" });
        match tokio::fs::remove_dir_all(&left).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::debug!(%error, folder = %left.display(), "an old cache stays");
            }
            _ => {}
        }
        Ok(head)
    }

    async fn look(&self) -> Result<Seen, GitError> {
        self.engine()?.look().await
    }

    async fn fetch(&self) -> Result<CommitId, GitError> {
        self.engine()?.fetch().await
    }

    async fn write(&self, objects: Vec<Object>) -> Result<(), GitError> {
        self.engine()?.write(objects).await
    }

    async fn push(&self, old: Option<CommitId>, new: CommitId) -> Result<(), PushError> {
        self.engine()?.push(old, new).await
    }

    async fn look_at(&self, branch: &BranchName) -> Result<Option<CommitId>, GitError> {
        self.engine()?.look_at(branch).await
    }

    async fn send(
        &self,
        branch: &BranchName,
        old: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<(), PushError> {
        self.engine()?.send(branch, old, new).await
    }

    async fn stranger(
        &self,
        branch: &BranchName,
        base: CommitId,
        at: CommitId,
    ) -> Result<Option<(CommitId, String)>, GitError> {
        self.engine()?.stranger(branch, base, at).await
    }

    async fn log(&self, new: CommitId, not: Option<CommitId>) -> Result<Vec<LogEntry>, GitError> {
        self.engine()?.log(new, not).await
    }

    async fn is_ancestor(&self, ancestor: CommitId, of: CommitId) -> Result<bool, GitError> {
        self.engine()?.is_ancestor(ancestor, of).await
    }

    async fn last_touch(
        &self,
        head: CommitId,
        path: &RepoPath,
    ) -> Result<Option<CommitId>, GitError> {
        self.engine()?.last_touch(head, path).await
    }

    fn log_file(&self) -> Option<PathBuf> {
        self.engine().ok()?.log_file()
    }

    async fn maintain(&self) -> Result<(), GitError> {
        match self.chosen.get() {
            Some((_, engine)) => engine.maintain().await,
            None => Ok(()),
        }
    }

    async fn wipe(&self) -> Result<(), GitError> {
        match self.chosen.get() {
            Some((_, engine)) => engine.wipe().await,
            None => Ok(()),
        }
    }

    fn set_credentials(&self, credentials: Credentials) {
        self.remote.write().unwrap_or_else(PoisonError::into_inner).credentials =
            credentials.clone();
        if let Some((_, engine)) = self.chosen.get() {
            engine.set_credentials(credentials);
        }
    }
}
