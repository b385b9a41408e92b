//! How watches become what is known.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Cluster;
use super::board::Board;
use super::key::Kind;
use super::source::{Source, Step};

/// What is listed one after the other: owners before what belongs to them.
const PHASES: [&[Kind]; 5] = [
    &[Kind::Namespace],
    &[Kind::Kustomization, Kind::HelmRelease, Kind::GitRepository, Kind::OciRepository],
    &[Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::CronJob],
    &[Kind::ReplicaSet, Kind::Job],
    &[Kind::Pod, Kind::Autoscaler, Kind::Service, Kind::Ingress, Kind::HttpRoute, Kind::Event],
];
/// Changes are gathered for so long before they are looked at.
const GATHER: Duration = Duration::from_millis(100);
/// What the time changes, such as alerts, is looked at so often.
const CLOCK: Duration = Duration::from_secs(5);
/// Everything is listed again at most so often.
const RELIST: Duration = Duration::from_secs(30);
/// Steps that are read ahead.
const AHEAD: usize = 256;

impl Cluster {
    /// Follows the cluster until the token is cancelled.
    pub async fn follow(&self, client: Client, stop: CancellationToken) {
        let rounds = async {
            loop {
                Round::new(self, &client).run().await;
                tracing::debug!("everything is listed again");
            }
        };
        let all = async {
            tokio::join!(rounds, self.keep_in_sight(&client), self.keep_flux_known(&client))
        };
        stop.run_until_cancelled(all).await;
    }

    fn settle(&self) {
        let mut board = self.board();
        board.index.settle();
        board.sight.settle();
        drop(board);
        self.0
            .progress
            .send_if_modified(|progress| !std::mem::replace(&mut progress.settled, true));
    }
}

/// The watches of all kinds, from their lists on.
struct Round<'a> {
    cluster: &'a Cluster,
    client: &'a Client,
    steps: mpsc::Receiver<(Kind, Step)>,
    tell: mpsc::Sender<(Kind, Step)>,
    /// They end with the round.
    watches: JoinSet<()>,
    /// Kinds whose lists are not whole yet.
    missing: BTreeSet<Kind>,
    /// When it is looked at what changed.
    look: Instant,
    /// Whether something changed since.
    dirty: bool,
    /// Whether everything is to be listed again.
    relist: bool,
}

impl<'a> Round<'a> {
    fn new(cluster: &'a Cluster, client: &'a Client) -> Self {
        let (tell, steps) = mpsc::channel(AHEAD);
        Self {
            cluster,
            client,
            steps,
            tell,
            watches: JoinSet::new(),
            missing: BTreeSet::new(),
            look: Instant::now() + CLOCK,
            dirty: false,
            relist: false,
        }
    }

    /// Runs until everything has to be listed again.
    async fn run(mut self) {
        let begun = Instant::now();
        for phase in PHASES {
            self.begin(phase);
            let over = Instant::now() + self.cluster.0.pace.patience;
            while !self.missing.is_empty() {
                let now = Instant::now();
                // Of a cluster that is not seen it is not known what is there: that is waited for.
                let until = if self.is_blind() { now + CLOCK } else { over };
                if now >= until {
                    break;
                }
                self.turn(until).await;
                if self.is_to_begin() {
                    return;
                }
            }
            for kind in std::mem::take(&mut self.missing) {
                tracing::warn!(kind = kind.name(), "a kind is not listed yet; the others go on");
            }
        }
        self.cluster.settle();
        self.dirty = true;
        while !(self.is_to_begin() || (self.relist && begun.elapsed() >= RELIST)) {
            self.turn(self.look + CLOCK).await;
        }
    }

    fn is_blind(&self) -> bool {
        self.cluster.board().sight.is_lost()
    }

    /// Tells whether the cluster is seen again, after changes that were not.
    fn is_to_begin(&self) -> bool {
        self.cluster.board().sight.take_anew()
    }

    fn begin(&mut self, phase: &[Kind]) {
        for kind in phase.iter().copied() {
            let labels = match (kind, &self.cluster.0.selector) {
                (Kind::Namespace, None) => continue,
                (Kind::Namespace, selector) => selector.clone(),
                _ => None,
            };
            self.missing.insert(kind);
            let (client, steps) = (self.client.clone(), self.tell.clone());
            let look = self.cluster.0.pace.look;
            self.watches.spawn(Source::new(client, kind, labels, steps, look).follow());
        }
    }

    /// Takes in what comes, and looks at it when it is time; returns at the latest when `over`.
    async fn turn(&mut self, over: Instant) {
        let mut batch = Vec::with_capacity(AHEAD);
        let due = self.look.min(over);
        // The round has a sender itself, so that the channel does not end.
        let came = tokio::select! {
            came = tokio::time::timeout_at(due, self.steps.recv_many(&mut batch, AHEAD)) => came.is_ok(),
            () = self.cluster.0.again.notified() => true,
        };
        let now = Timestamp::now();
        let mut board = self.cluster.board();
        if came {
            for (kind, step) in batch {
                if matches!(step, Step::Listed | Step::Absent | Step::Refused) {
                    self.missing.remove(&kind);
                }
                take_in(&mut board, kind, step, now);
            }
            if !std::mem::replace(&mut self.dirty, true) {
                self.look = Instant::now() + GATHER;
            }
        }
        if Instant::now() < self.look {
            return;
        }
        self.relist |= board.pulse(now);
        let pending = board.is_pending();
        drop(board);
        self.cluster.tell(pending);
        self.dirty = false;
        self.look = Instant::now() + CLOCK;
    }
}

fn take_in(board: &mut Board, kind: Kind, step: Step, now: Timestamp) {
    match step {
        Step::Begin => board.index.begin(kind),
        Step::Saw(seen) => board.index.apply(*seen, now),
        Step::Noted(note) => board.index.note(*note),
        Step::Gone(key) => board.index.delete(&key),
        Step::Listed => {
            board.index.end(kind);
            board.sight.show(kind);
        }
        Step::Absent => {
            board.index.absent(kind);
            board.sight.show(kind);
        }
        // What was seen is not gone because it is not shown any more.
        Step::Refused if board.index.counts().contains_key(&kind) => board.sight.hide(kind, now),
        Step::Refused => {}
        Step::Broke => *board.breaks.entry(kind).or_default() += 1,
    }
}
