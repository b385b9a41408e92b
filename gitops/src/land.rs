//! Bringing a batch of changes onto the branch, whatever happens on the way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::Rng as _;

use crate::branch::Branch;
use crate::change::Outcome;
use crate::engine::PushError;
use crate::error::{GitError, GitErrorKind};
use crate::plan::{Plan, Planner, Verdict};
use crate::shared::Pending;

/// Races that may be lost before a pause is made.
const EAGER_RACES: u32 = 10;
/// Races that may be lost before giving up.
const MAX_RACES: u32 = 100;
/// How long a batch may go on losing races.
const RACE_TIME: Duration = Duration::from_mins(1);

/// What has happened to a batch so far.
struct Landing {
    started: Instant,
    /// The head was seen on the server since the batch was taken.
    verified: bool,
    healed: bool,
    races: u32,
    faults: u32,
    refusals: u32,
    attempts: u32,
    /// How many changes go at once; one after the server refused several.
    limit: usize,
}

enum Step {
    /// Plan again on what is known now.
    Again,
    /// The first changes, this many, are on the server.
    Landed,
    /// The first change fails.
    FailFirst(GitError),
    /// All fail.
    FailAll(GitError),
}

impl Branch {
    /// Lands a batch and answers every change in it.
    pub(crate) async fn land(&mut self, mut batch: Vec<Pending>) {
        let mut landing = Landing {
            started: Instant::now(),
            verified: self.shared.state().head.is_none(),
            healed: false,
            races: 0,
            faults: 0,
            refusals: 0,
            attempts: 0,
            limit: batch.len(),
        };
        loop {
            batch.retain(|pending| !pending.reply.is_closed());
            if batch.is_empty() {
                return;
            }
            let count = landing.limit.clamp(1, batch.len());
            match self.step(&mut landing, &mut batch, count).await {
                Ok(Step::Again | Step::Landed) => {}
                Ok(Step::FailFirst(error)) => {
                    landing.refusals = 0;
                    answer(batch.remove(0), Err(error));
                }
                Ok(Step::FailAll(error)) => {
                    self.be_wary();
                    batch.drain(..).for_each(|pending| answer(pending, Err(error.clone())));
                }
                Err(error) if error.kind() == GitErrorKind::Cache && !landing.healed => {
                    landing.healed = true;
                    landing.verified = true;
                    if let Err(error) = self.heal().await {
                        batch.drain(..).for_each(|pending| answer(pending, Err(error.clone())));
                    }
                }
                Err(error) => {
                    self.be_wary();
                    batch.drain(..).for_each(|pending| answer(pending, Err(error.clone())));
                }
            }
        }
    }

    async fn step(
        &mut self,
        landing: &mut Landing,
        batch: &mut Vec<Pending>,
        count: usize,
    ) -> Result<Step, GitError> {
        self.ensure_open().await?;
        if !landing.verified && self.is_wary() {
            self.refresh().await?;
            landing.verified = true;
        }
        if self.head_commit().is_none() && !self.may_create() {
            if !landing.verified {
                self.refresh().await?;
                landing.verified = true;
                return Ok(Step::Again);
            }
            return Ok(Step::FailAll(self.branch_missing()));
        }
        let mut plan = self.plan(&batch[..count]).await?;
        let Some(new) = plan.head.filter(|_| !plan.entries.is_empty()) else {
            // Nothing will be pushed, so no push proves that the head is still what it was.
            if !landing.verified {
                self.refresh().await?;
                landing.verified = true;
                return Ok(Step::Again);
            }
            self.answer_all(batch, count, plan);
            return Ok(Step::Landed);
        };
        let old = self.head_commit();
        let objects = std::mem::take(&mut plan.objects);
        self.shared.engine.write(objects).await?;
        landing.attempts += 1;
        let since = Instant::now();
        let pushed = self.shared.engine.push(old, new).await;
        let took = since.elapsed();
        let accepted = match pushed {
            Ok(()) => {
                self.observe_push("ok", took);
                true
            }
            Err(PushError::Lost(error))
                if matches!(
                    error.kind(),
                    GitErrorKind::Unauthorized | GitErrorKind::NotFound | GitErrorKind::Cache
                ) =>
            {
                self.observe_push(error.reason(), took);
                return Err(error);
            }
            Err(failure) => {
                let seen = self.look().await;
                // Servers word a lost race in many ways; that the branch has moved says it.
                let moved = matches!(&seen, Ok(seen) if ![old, Some(new)].contains(&seen.branch));
                self.observe_push(if moved { "GitConflict" } else { failure.reason() }, took);
                let seen = seen?;
                landing.verified = true;
                // The answer may have been lost on the way back.
                if seen.branch == Some(new) {
                    true
                } else if seen.branch == old {
                    return Ok(self.judge(landing, failure, count).await);
                } else {
                    self.follow(seen, old).await?;
                    return Ok(self.race_lost(landing).await);
                }
            }
        };
        if accepted {
            // The next release edits them, and need not read and hash them again.
            self.shared.store.learn(std::mem::take(&mut plan.trees));
            self.record(&plan.entries, new);
            self.arrive(Some(new));
            landing.verified = true;
            landing.faults = 0;
            landing.refusals = 0;
            let commits =
                plan.verdicts.iter().filter(|v| matches!(v, Verdict::Commit { .. })).count();
            if let Some(observer) = &self.shared.observer {
                let took = landing.started.elapsed();
                observer.pushed(&self.shared.key, commits, landing.attempts, took);
            }
            self.answer_all(batch, count, plan);
        }
        Ok(Step::Landed)
    }

    async fn plan(&self, batch: &[Pending]) -> Result<Plan, GitError> {
        let index = Arc::clone(&self.shared.state().index);
        let planner =
            Planner::start(&self.shared.store, &index, self.shared.signer(), self.head_commit())
                .await?;
        planner.plan(batch.iter().map(|pending| &pending.change)).await
    }

    /// Decides what a failed push means when the branch has not moved.
    async fn judge(&mut self, landing: &mut Landing, failure: PushError, count: usize) -> Step {
        match failure {
            // One change may be all that the server minds.
            PushError::Refused(_) if count > 1 => {
                landing.limit = 1;
                Step::Again
            }
            PushError::Refused(text) => {
                landing.refusals += 1;
                // Another writer that held the branch's lock and then gave up looks the same as a
                // refusal. A real one comes twice.
                if landing.refusals < 2 {
                    let wait = rand::rng().random_range(20..60);
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                    return Step::Again;
                }
                let text = if text.is_empty() { "no reason given".to_owned() } else { text };
                Step::FailFirst(GitError::new(
                    GitErrorKind::Rejected,
                    format!(
                        "server refused the push to {}: {text}: check the branch's protection and the server's hooks",
                        self.name
                    ),
                ))
            }
            PushError::Stale => self.race_lost(landing).await,
            PushError::Lost(error) => {
                landing.faults += 1;
                if error.kind() != GitErrorKind::Unreachable
                    || landing.faults > self.options.retries
                {
                    return Step::FailAll(error);
                }
                self.pause(landing.faults - 1).await;
                Step::Again
            }
        }
    }

    async fn race_lost(&mut self, landing: &mut Landing) -> Step {
        self.be_wary();
        landing.races += 1;
        if landing.races >= MAX_RACES || landing.started.elapsed() > RACE_TIME {
            return Step::FailAll(GitError::new(
                GitErrorKind::Conflict,
                format!(
                    "other writers moved {} {} times before this push: try again later",
                    self.name, landing.races
                ),
            ));
        }
        // Pausing longer and longer would starve against a writer that does not.
        if landing.races > EAGER_RACES {
            let wait = rand::rng().random_range(0..=30);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        Step::Again
    }

    pub(crate) fn branch_missing(&self) -> GitError {
        let advice = if self.last.is_some() {
            "it was deleted: create it again on the server"
        } else if !self.empty {
            "create it on the server"
        } else {
            "the repository is empty: create the branch, or allow this in the environment"
        };
        GitError::new(
            GitErrorKind::BranchMissing,
            format!("branch {} does not exist: {advice}", self.name),
        )
    }

    fn observe_push(&self, result: &'static str, took: Duration) {
        if let Some(observer) = &self.shared.observer {
            observer.operation("push", result, took);
        }
    }

    fn answer_all(&self, batch: &mut Vec<Pending>, count: usize, plan: Plan) {
        let head = self.head_commit();
        for (pending, verdict) in batch.drain(..count).zip(plan.verdicts) {
            let outcome = match verdict {
                Verdict::Commit { commit, parent, tree } => {
                    Ok(Outcome::Committed { commit, parent, tree })
                }
                Verdict::Adopted { commit, tree } => Ok(Outcome::Adopted { commit, tree }),
                Verdict::Unchanged { tree } => match head {
                    Some(head) => Ok(Outcome::Unchanged { head, tree }),
                    None => Err(self.branch_missing()),
                },
                Verdict::Refused(error) => Err(error),
            };
            answer(pending, outcome);
        }
    }
}

fn answer(pending: Pending, outcome: Result<Outcome, GitError>) {
    // Nobody listens any more if the caller gave up meanwhile.
    let _ = pending.reply.send(outcome);
}
