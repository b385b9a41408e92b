//! Changes on a branch of their own, for others to merge.

use std::sync::Arc;

use crate::branch::Branch;
use crate::change::{Change, Outcome};
use crate::engine::PushError;
use crate::error::{GitError, GitErrorKind};
use crate::id::CommitId;
use crate::plan::{Planner, Verdict};
use crate::remote::BranchName;

/// How often a branch may move, or a connection break, before it is given up.
const ATTEMPTS: u32 = 4;

impl Branch {
    /// Makes a branch hold a change as one commit upon the head; see [`crate::Writer::propose`].
    pub(crate) async fn propose(
        &mut self,
        on: &BranchName,
        change: &Change,
    ) -> Result<Outcome, GitError> {
        let result = self.propose_once(on, change).await;
        if matches!(&result, Err(error) if error.kind() == GitErrorKind::Cache) {
            self.heal().await?;
            return self.propose_once(on, change).await;
        }
        result
    }

    async fn propose_once(
        &mut self,
        on: &BranchName,
        change: &Change,
    ) -> Result<Outcome, GitError> {
        if on.as_str() == self.name {
            let text = format!("{on} is the branch itself: propose on another");
            return Err(GitError::new(GitErrorKind::Invalid, text));
        }
        let Some(head) = self.refresh().await?.commit else { return Err(self.branch_missing()) };
        let (outcome, commit) = match self.plan_proposal(head, change).await? {
            Verdict::Refused(error) => return Err(error),
            Verdict::Unchanged { tree } => return Ok(Outcome::Unchanged { head, tree }),
            Verdict::Adopted { commit, tree } => return Ok(Outcome::Adopted { commit, tree }),
            Verdict::Commit { commit, parent, tree } => {
                (Outcome::Committed { commit, parent, tree }, commit)
            }
        };
        for attempt in 0..ATTEMPTS {
            let seen = self.look_at(on).await?;
            if seen == Some(commit) {
                return Ok(outcome);
            }
            if let Some(seen) = seen {
                self.check_own(on, head, seen).await?;
            }
            match self.shared.engine.send(on, seen, Some(commit)).await {
                Ok(()) => return Ok(outcome),
                Err(failure) => self.bear(on, failure, attempt).await?,
            }
        }
        Err(moving(on))
    }

    /// Deletes a branch, provided that it is still at a commit; says whether it was deleted.
    pub(crate) async fn withdraw(
        &mut self,
        on: &BranchName,
        at: CommitId,
    ) -> Result<bool, GitError> {
        // The cache has to be there for git to run in.
        self.ensure_open().await?;
        for attempt in 0..ATTEMPTS {
            if self.look_at(on).await? != Some(at) {
                return Ok(false);
            }
            match self.shared.engine.send(on, Some(at), None).await {
                Ok(()) => return Ok(true),
                Err(failure) => self.bear(on, failure, attempt).await?,
            }
        }
        Err(moving(on))
    }

    async fn plan_proposal(&self, head: CommitId, change: &Change) -> Result<Verdict, GitError> {
        let index = Arc::clone(&self.shared.state().index);
        let signer = self.shared.signer();
        let planner = Planner::start(&self.shared.store, &index, signer, Some(head)).await?;
        let mut plan = planner.plan(std::iter::once(change)).await?;
        self.shared.engine.write(std::mem::take(&mut plan.objects)).await?;
        plan.verdicts.pop().ok_or_else(|| GitError::other("a change was not planned: try again"))
    }

    async fn look_at(&self, on: &BranchName) -> Result<Option<CommitId>, GitError> {
        self.patiently("look", || self.shared.engine.look_at(on)).await
    }

    /// Refuses to take the place of what somebody else has put on the branch.
    async fn check_own(
        &self,
        on: &BranchName,
        head: CommitId,
        seen: CommitId,
    ) -> Result<(), GitError> {
        let engine = &self.shared.engine;
        match self.patiently("fetch", || engine.stranger(on, head, seen)).await? {
            None => Ok(()),
            Some((commit, by)) => {
                let short: String = commit.to_string().chars().take(7).collect();
                Err(GitError::new(
                    GitErrorKind::BranchTaken,
                    format!(
                        "branch {on} has commit {short} of {by}, which is not given up: merge or close \
                         its pull request, or delete the branch"
                    ),
                ))
            }
        }
    }

    /// Decides whether a failed push is tried again.
    async fn bear(
        &self,
        on: &BranchName,
        failure: PushError,
        attempt: u32,
    ) -> Result<(), GitError> {
        match failure {
            PushError::Stale => Ok(()),
            // Another writer that held the branch's lock and then gave up looks the same as a refusal.
            PushError::Refused(_) if attempt == 0 => {
                self.pause(0).await;
                Ok(())
            }
            PushError::Refused(text) => Err(GitError::new(
                GitErrorKind::Rejected,
                format!(
                    "server refused the push to {on}: {text}: check the branch's protection and the server's hooks"
                ),
            )),
            // The answer may have been lost on the way back: the branch is looked at again.
            PushError::Lost(error) if error.kind() == GitErrorKind::Unreachable => {
                self.pause(attempt).await;
                Ok(())
            }
            PushError::Lost(error) => Err(error),
        }
    }
}

fn moving(on: &BranchName) -> GitError {
    GitError::new(
        GitErrorKind::Conflict,
        format!("branch {on} moved or could not be reached {ATTEMPTS} times: try again later"),
    )
}
