//! What the engine asks of the server: heads, commits, and objects by their ids.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use gix_hash::ObjectId;

use super::WireEngine;
use crate::error::{GitError, GitErrorKind as Kind};
use crate::id::{CommitId, Object, ObjectKind};
use crate::wire::upload::{self, Want};
use crate::wire::wanted::Wanted;

/// So many objects are asked for at once; a request has fifty bytes for each.
const AT_ONCE: usize = 2_000;
/// Commits that are followed without asking the server for them again.
const LINE: usize = 10_000;

impl WireEngine {
    /// Fetches a head with as many trees as the server allows, and what lies between it and what is
    /// here already.
    pub(super) async fn fetch_head(
        &self,
        new: CommitId,
        have: Option<CommitId>,
    ) -> Result<Vec<Object>, GitError> {
        let ids = std::slice::from_ref(&new.0);
        self.fetch_deep(|trees| Want { ids, have, trees, alone: have.is_none() }).await
    }

    /// Fetches what is wanted with as many levels below it as the server allows.
    async fn fetch_deep<'a>(
        &self,
        want: impl Fn(u32) -> Want<'a>,
    ) -> Result<Vec<Object>, GitError> {
        let trees = self.trees.load(Ordering::Relaxed);
        match upload::fetch(&self.http, &want(trees)).await {
            // Some servers only know of no trees at all.
            Err(error) if error.kind() == Kind::NotFound && trees > 0 => {
                let found = upload::fetch(&self.http, &want(0)).await?;
                tracing::debug!(%error, "the server sends objects by themselves only");
                self.trees.store(0, Ordering::Relaxed);
                Ok(found)
            }
            found => found,
        }
    }

    /// Fetches objects by their ids, as far as the server has them, together with what others want.
    pub(super) async fn fetch_objects(&self, ids: &[ObjectId]) -> Result<(), GitError> {
        self.fetch_wanted(&self.wanted, ids, false).await
    }

    /// Fetches a folder with what is directly in it, together with other folders that are wanted.
    pub(super) async fn fetch_folder(&self, id: ObjectId) -> Result<(), GitError> {
        self.fetch_wanted(&self.folders, &[id], true).await
    }

    async fn fetch_wanted(
        &self,
        wanted: &Wanted,
        ids: &[ObjectId],
        deep: bool,
    ) -> Result<(), GitError> {
        let turn = wanted.turn(ids).await;
        let mine = self.missing(ids);
        if mine.is_empty() {
            return Ok(());
        }
        let others: Vec<_> =
            self.missing(&turn.take()).into_iter().filter(|id| !mine.contains(id)).collect();
        if !others.is_empty() {
            match self.fetch_now(&[&mine[..], &others[..]].concat(), deep).await {
                Ok(()) => return Ok(()),
                // One of the objects may be at fault. Who wants it finds that out for themselves.
                Err(error)
                    if matches!(error.kind(), Kind::NotFound | Kind::TooLarge | Kind::Other) =>
                {
                    tracing::debug!(%error, "objects are asked for one by one");
                }
                Err(error) => return Err(error),
            }
        }
        match self.fetch_now(&mine, deep).await {
            Err(error) if error.kind() == Kind::NotFound => {
                tracing::debug!(%error, "objects are not on the server");
                Ok(())
            }
            done => done,
        }
    }

    async fn fetch_now(&self, ids: &[ObjectId], deep: bool) -> Result<(), GitError> {
        for ids in ids.chunks(AT_ONCE) {
            let want = |trees| Want { ids, have: None, trees, alone: true };
            let found = if deep {
                self.fetch_deep(want).await?
            } else {
                upload::fetch(&self.http, &want(0)).await?
            };
            self.keep(found).await;
        }
        Ok(())
    }

    pub(super) fn missing(&self, ids: &[ObjectId]) -> Vec<ObjectId> {
        ids.iter().filter(|id| !self.cache.has(**id)).copied().collect()
    }

    /// Fetches the commits that `new` has and `not` has not.
    pub(super) async fn fetch_commits(
        &self,
        new: CommitId,
        not: Option<CommitId>,
    ) -> Result<Vec<Object>, GitError> {
        let want = Want { ids: &[new.0], have: not, trees: 0, alone: false };
        let mut commits = upload::fetch(&self.http, &want).await?;
        commits.retain(|object| object.kind == ObjectKind::Commit);
        self.learn(&commits);
        Ok(commits)
    }

    /// Returns the commits that `new` has and `not` has not, oldest first.
    pub(super) async fn commits(
        &self,
        new: CommitId,
        not: Option<CommitId>,
    ) -> Result<Vec<Object>, GitError> {
        if let (Some(line), Some(_)) = (self.state().graph.line(new, not, LINE), not) {
            let known: Option<Vec<_>> = line.iter().map(|id| self.cache.get(id.0)).collect();
            if let Some(known) = known {
                return Ok(known);
            }
        }
        let found = self.fetch_commits(new, not).await?;
        let mut by_id: HashMap<_, _> =
            found.into_iter().map(|object| (CommitId(object.id), object)).collect();
        let ids: HashSet<_> = by_id.keys().copied().collect();
        let sorted = self.state().graph.sort(new, &ids);
        Ok(sorted.iter().filter_map(|id| by_id.remove(id)).collect())
    }
}
