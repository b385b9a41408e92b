//! The one task that owns a branch: it alone fetches, commits and pushes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rand::Rng as _;
use tokio::sync::mpsc;

use crate::engine::Seen;
use crate::error::{GitError, GitErrorKind};
use crate::id::CommitId;
use crate::index::{Cache, Index, LogEntry};
use crate::options::Options;
use crate::shared::{Command, Head, Pending, Shared};

/// After a lost race the server is asked first for this long, instead of trusting the known head.
const WARY: Duration = Duration::from_mins(1);
/// Announced changes from which on a push waits longer for them: with the first that come it would
/// only make the others wait for the next.
const MANY: usize = 32;
/// How many times as long.
const PATIENCE: u32 = 3;

pub(crate) struct Branch {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
    pub(crate) name: String,
    pub(crate) create: bool,
    /// The last commit that the branch was seen at; stays when the branch goes away.
    pub(crate) last: Option<CommitId>,
    pub(crate) empty: bool,
    pub(crate) wary_until: Option<Instant>,
    healed: Option<Instant>,
    rewritten: bool,
    /// Where the release log is kept, once the repository is open.
    log: Option<Cache>,
}

impl Branch {
    pub(crate) fn new(shared: Arc<Shared>, options: Options, name: String, create: bool) -> Self {
        Self {
            log: None,
            shared,
            name,
            create,
            last: options.last_head,
            options,
            empty: false,
            wary_until: None,
            healed: None,
            rewritten: false,
        }
    }

    /// Serves until every handle is gone.
    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut received = Vec::new();
        while commands.recv_many(&mut received, 64).await > 0 {
            self.obey(received.drain(..)).await;
            while !self.shared.queue().is_empty() {
                self.gather().await;
                let batch = self.take_batch();
                self.land(batch).await;
                // What arrived meanwhile must not wait for the whole queue.
                while let Ok(command) = commands.try_recv() {
                    self.obey(std::iter::once(command)).await;
                }
            }
            if let Err(error) = self.shared.engine.maintain().await {
                tracing::debug!(remote = self.shared.key, %error, "cache could not be tidied");
            }
            self.save_log().await;
        }
    }

    async fn obey(&mut self, commands: impl Iterator<Item = Command>) {
        // Everybody who asks for the head at the same time gets the same answer.
        let mut refreshed: Option<Result<Head, GitError>> = None;
        for command in commands {
            match command {
                Command::Wake => {}
                Command::Open(reply) => {
                    let _ = reply.send(self.ensure_open().await);
                }
                Command::Refresh(reply) => {
                    let answer = match refreshed.take() {
                        Some(answer) => answer,
                        None => self.refresh_and_report().await,
                    };
                    refreshed = Some(answer.clone());
                    let _ = reply.send(answer);
                }
                Command::Propose(on, change, reply) => {
                    let since = Instant::now();
                    let answer = self.propose(&on, &change).await;
                    self.shared.observe("propose", since, &answer);
                    let _ = reply.send(answer);
                }
                Command::Withdraw(on, at, reply) => {
                    let since = Instant::now();
                    let answer = self.withdraw(&on, at).await;
                    self.shared.observe("withdraw", since, &answer);
                    let _ = reply.send(answer);
                }
                Command::Heal(since, reply) => {
                    let answer = if self.healed.is_some_and(|healed| healed > since) {
                        self.ensure_open().await
                    } else {
                        self.heal().await
                    };
                    let _ = reply.send(answer);
                }
            }
        }
    }

    async fn refresh_and_report(&mut self) -> Result<Head, GitError> {
        let since = Instant::now();
        let mut answer = self.refresh().await;
        if matches!(&answer, Err(error) if error.kind() == GitErrorKind::Cache) {
            answer = self.heal().await;
        }
        self.shared.observe("refresh", since, &answer);
        if answer.is_ok() {
            self.rewritten = false;
            if let Some(head) = &mut self.shared.state_mut().head {
                head.rewritten = false;
            }
        }
        answer
    }

    /// Waits for announced changes, so that they go in one push; longer while many are on their way.
    async fn gather(&self) {
        let begun = tokio::time::Instant::now();
        loop {
            let fewer = self.shared.announced.fewer.notified();
            tokio::pin!(fewer);
            fewer.as_mut().enable();
            let coming = self.shared.announced.count();
            let patience = if coming < MANY { 1 } else { PATIENCE };
            let deadline = begun + self.options.gather.saturating_mul(patience);
            if coming == 0
                || self.shared.queue().len() >= self.options.max_batch
                || tokio::time::timeout_at(deadline, fewer).await.is_err()
            {
                return;
            }
        }
    }

    fn take_batch(&self) -> Vec<Pending> {
        let mut queue = self.shared.queue();
        let count = queue.len().min(self.options.max_batch.max(1));
        queue.drain(..count).collect()
    }

    fn known(&self) -> Option<Head> {
        self.shared.state().head
    }

    pub(crate) fn head_commit(&self) -> Option<CommitId> {
        self.known().and_then(|head| head.commit)
    }

    /// Says whether the first commit may create the branch.
    pub(crate) fn may_create(&self) -> bool {
        self.create && self.empty && self.last.is_none()
    }

    pub(crate) async fn ensure_open(&mut self) -> Result<Head, GitError> {
        if let Some(head) = self.known() {
            return Ok(head);
        }
        let since = Instant::now();
        let mut result = self.open_once().await;
        if matches!(&result, Err(error) if error.kind() == GitErrorKind::Cache) {
            tracing::warn!(remote = self.shared.key, "cache is damaged: fetching everything again");
            result = match self.shared.engine.wipe().await {
                Ok(()) => self.open_once().await,
                Err(error) => Err(error),
            };
        }
        self.shared.observe("open", since, &result);
        result
    }

    async fn open_once(&mut self) -> Result<Head, GitError> {
        let cached = self.shared.engine.open().await?;
        if self.log.is_none() {
            self.log = self.shared.engine.log_file().map(Cache::new);
        }
        self.last = self.last.or(cached);
        let seen = self.look().await?;
        self.follow(seen, cached).await
    }

    /// Throws the cache away and fetches everything again.
    pub(crate) async fn heal(&mut self) -> Result<Head, GitError> {
        tracing::warn!(remote = self.shared.key, "cache is damaged: fetching everything again");
        self.shared.engine.wipe().await?;
        self.shared.store.forget();
        self.shared.state_mut().head = None;
        let since = Instant::now();
        let result = self.open_once().await;
        self.shared.observe("heal", since, &result);
        if result.is_ok() {
            self.healed = Some(Instant::now());
        }
        result
    }

    /// Asks the server for the head and catches up with it.
    pub(crate) async fn refresh(&mut self) -> Result<Head, GitError> {
        if self.known().is_none() {
            return self.ensure_open().await;
        }
        let seen = self.look().await?;
        let local = self.head_commit();
        self.follow(seen, local).await
    }

    /// Asks the server for the head, again if the connection breaks.
    pub(crate) async fn look(&self) -> Result<Seen, GitError> {
        self.patiently("look", || self.shared.engine.look()).await
    }

    /// Does something that may be done again, again if the connection breaks.
    pub(crate) async fn patiently<T, F>(
        &self,
        op: &'static str,
        run: impl Fn() -> F,
    ) -> Result<T, GitError>
    where
        F: Future<Output = Result<T, GitError>>,
    {
        let mut faults = 0;
        loop {
            let since = Instant::now();
            let result = run().await;
            self.shared.observe(op, since, &result);
            match result {
                Err(error)
                    if faults < self.options.retries
                        && error.kind() == GitErrorKind::Unreachable =>
                {
                    self.pause(faults).await;
                    faults += 1;
                }
                result => return result,
            }
        }
    }

    /// Waits before another try after a broken connection; the jitter is full, so that many do not
    /// come back together.
    pub(crate) async fn pause(&self, faults: u32) {
        let cap = self.options.retry_pause.saturating_mul(1 << faults.min(6)).min(WARY);
        let millis = u64::try_from(cap.as_millis()).unwrap_or(u64::MAX).max(1);
        let wait = rand::rng().random_range(0..=millis);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    /// Brings cache and index to what was seen. `local` is the head that the cache has.
    pub(crate) async fn follow(
        &mut self,
        seen: Seen,
        local: Option<CommitId>,
    ) -> Result<Head, GitError> {
        self.empty = seen.empty;
        let Some(remote) = seen.branch else {
            return Ok(self.arrive(None));
        };
        let opened = self.known().is_some();
        let mut head = remote;
        if local != Some(remote) {
            head = self.fetch().await?;
        }
        if !opened {
            // With the log come the commits by which the next question is answered.
            self.index(head, None).await?;
        }
        // The branch may have gone and come back: what it was before counts, and what the cache knew.
        let cached = local.filter(|local| Some(*local) != self.last);
        let mut forward = true;
        for before in [self.last, cached].into_iter().flatten().filter(|before| *before != head) {
            forward = forward && self.shared.engine.is_ancestor(before, head).await?;
        }
        if !forward {
            tracing::warn!(remote = self.shared.key, from = %self.last.unwrap_or(head), to = %head, "history was rewritten");
            self.rewritten = true;
        }
        if opened && !(forward && self.last == Some(head)) {
            self.index(head, self.last.filter(|_| forward)).await?;
        }
        Ok(self.arrive(Some(head)))
    }

    async fn fetch(&self) -> Result<CommitId, GitError> {
        self.patiently("fetch", || self.shared.engine.fetch()).await
    }

    /// Brings the release log to the head. What a process before this one knew is read from its
    /// file, as long as the head still comes after it.
    async fn index(&mut self, head: CommitId, from: Option<CommitId>) -> Result<(), GitError> {
        let mut from = from;
        if from.is_none() {
            let kept = if self.known().is_none() { self.load_log().await } else { None };
            from = kept.as_ref().and_then(Index::head);
            if let Some(known) = from
                && !self.shared.engine.is_ancestor(known, head).await?
            {
                from = None;
            }
            let index = kept.filter(|_| from.is_some()).unwrap_or_else(|| {
                self.log.as_mut().map(Cache::reset);
                Index::default()
            });
            self.shared.state_mut().index = Arc::new(index);
        }
        if from != Some(head) {
            let entries = self.shared.engine.log(head, from).await?;
            self.record(&entries, head);
        }
        Ok(())
    }

    async fn load_log(&mut self) -> Option<Index> {
        let mut log = self.log.clone()?;
        let (log, index) = tokio::task::spawn_blocking(move || {
            let index = log.load();
            (log, index)
        })
        .await
        .ok()?;
        self.log = Some(log);
        Some(index)
    }

    /// Writes what is new in the release log to its file, if that is worth it.
    async fn save_log(&mut self) {
        let index = Arc::clone(&self.shared.state().index);
        let Some(mut log) = self.log.clone().filter(|log| log.is_due(&index)) else { return };
        let saved = tokio::task::spawn_blocking(move || {
            let result = log.save(&index);
            (log, result)
        });
        match saved.await {
            Ok((log, Ok(()))) => self.log = Some(log),
            Ok((_, Err(error))) => {
                self.log.as_mut().map(Cache::reset);
                tracing::debug!(remote = self.shared.key, %error, "release log could not be kept");
            }
            Err(error) => {
                self.log.as_mut().map(Cache::reset);
                tracing::warn!(remote = self.shared.key, %error, "keeping the release log was broken off");
            }
        }
    }

    /// Adds entries to the release log, which is then complete up to `head`.
    pub(crate) fn record(&self, entries: &[LogEntry], head: CommitId) {
        let mut state = self.shared.state_mut();
        // Only planning and saving hold on to an index, and both are over before anything is recorded.
        if let Some(index) = Arc::get_mut(&mut state.index) {
            index.extend(entries);
            index.set_head(head);
        } else {
            tracing::error!(remote = self.shared.key, "release log is in use");
        }
    }

    /// Remembers where the branch is now known to be.
    pub(crate) fn arrive(&mut self, commit: Option<CommitId>) -> Head {
        self.last = commit.or(self.last);
        let head = Head { commit, time: Timestamp::now(), rewritten: self.rewritten };
        self.shared.state_mut().head = Some(head);
        head
    }

    pub(crate) fn is_wary(&self) -> bool {
        self.wary_until.is_some_and(|until| Instant::now() < until)
    }

    pub(crate) fn be_wary(&mut self) {
        self.wary_until = Some(Instant::now() + WARY);
    }
}
