//! Logs of pods and containers, several at once.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, LogParams};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::answering::Answering;
use super::lines::{self, Line};
use super::refused::Refused;
use crate::cluster::{Cluster, LogTarget};
use crate::protocol::{Answer, LogLine, Logs, Refusal};

/// Containers whose logs are read at once.
const MOST: usize = 50;
/// Last lines of a container, where nobody says how many.
const TAIL: u32 = 1_000;
/// Last lines of a container at most.
const LONGEST_TAIL: u32 = 100_000;
/// Bytes of a container's log that does not go on.
const BYTES: i64 = 16 * 1024 * 1024;
/// Lines are gathered for so long before they are sent.
const GATHER: Duration = Duration::from_millis(100);
/// Lines of one part.
const PART: usize = 1_000;
/// How often it is looked whether there are new containers.
const LOOK: Duration = Duration::from_secs(2);
/// For how long somebody may follow.
const FOLLOW: Duration = Duration::from_hours(4);

/// Reads logs until their end, or as long as they are followed.
pub(super) async fn read(
    client: &Client,
    cluster: &Cluster,
    logs: Logs,
    answering: &Answering,
) -> Result<(), Refused> {
    if logs.follow && logs.previous {
        let why = "the log of a container that is over does not go on: leave out one of follow and previous";
        return Err(Refused::new(Refusal::Invalid, why));
    }
    let targets = chosen(cluster, &logs)?;
    let (tell, mut lines) = mpsc::channel(PART);
    let mut reading = Reading {
        client,
        logs: &logs,
        tell,
        tasks: JoinSet::new(),
        active: BTreeSet::new(),
        last: BTreeMap::new(),
    };
    for target in targets {
        reading.begin(target.0);
    }
    let over = Instant::now() + FOLLOW;
    let mut look = Instant::now() + LOOK;
    let mut failed = None;
    loop {
        let mut part = Vec::new();
        let until = if logs.follow { look } else { Instant::now() + LOOK };
        let came = tokio::select! {
            ended = reading.tasks.join_next(), if !reading.tasks.is_empty() => {
                if let Some(Ok((target, Err(refused)))) = &ended {
                    tracing::debug!(pod = target.pod, why = %refused, "a log is not read");
                    failed = Some(refused.clone());
                }
                if let Some(Ok((target, _))) = ended {
                    reading.active.remove(&target);
                }
                0
            }
            came = lines.recv_many(&mut part, PART) => came,
            () = tokio::time::sleep_until(until) => 0,
        };
        if came > 0 {
            let more =
                async { while part.len() < PART && lines.recv_many(&mut part, PART).await > 0 {} };
            let _ = timeout(GATHER, more).await;
            answering.send(Answer::lines(reading.note(part), 0)).await?;
            continue;
        }
        if reading.tasks.is_empty() && lines.is_empty() {
            match failed.take() {
                // A container that has not started yet may be followed all the same.
                Some(refused) if !logs.follow || refused.word() != "invalid" => {
                    return Err(refused);
                }
                _ if !logs.follow => return Ok(()),
                _ => {}
            }
        }
        if logs.follow && Instant::now() >= look {
            look = Instant::now() + LOOK;
            for (target, runs) in chosen(cluster, &logs).unwrap_or_default() {
                reading.resume(target, runs);
            }
        }
        if Instant::now() >= over {
            return Ok(());
        }
    }
}

/// Finds the containers that are meant, and tells which of them run.
fn chosen(cluster: &Cluster, logs: &Logs) -> Result<Vec<(LogTarget, bool)>, Refused> {
    let wanted = |list: &[String], name: &String| list.is_empty() || list.contains(name);
    let targets: Vec<_> = cluster
        .log_targets(&logs.app)
        .into_iter()
        .filter(|(target, _)| wanted(&logs.pods, &target.pod))
        .filter(|(target, _)| wanted(&logs.containers, &target.container))
        .collect();
    if targets.is_empty() {
        let why = "the app has no such pods and containers here: see what it consists of";
        return Err(Refused::new(Refusal::NotFound, why));
    }
    if targets.len() > MOST {
        let why = format!(
            "these are {} containers, and logs of at most {MOST} are read at once: name pods or containers",
            targets.len()
        );
        return Err(Refused::new(Refusal::Invalid, why));
    }
    Ok(targets)
}

/// The containers that are read.
struct Reading<'a> {
    client: &'a Client,
    logs: &'a Logs,
    tell: mpsc::Sender<(LogTarget, Line)>,
    tasks: JoinSet<(LogTarget, Result<(), Refused>)>,
    active: BTreeSet<LogTarget>,
    /// The time of the last line of each container.
    last: BTreeMap<LogTarget, Timestamp>,
}

impl Reading<'_> {
    fn begin(&mut self, target: LogTarget) {
        let since = self.last.get(&target).copied();
        let tail = self.logs.tail.or_else(|| self.logs.since.is_none().then_some(TAIL));
        let params = LogParams {
            container: Some(target.container.clone()),
            follow: self.logs.follow,
            limit_bytes: (!self.logs.follow).then_some(BYTES),
            previous: self.logs.previous,
            since_time: since.or(self.logs.since),
            // What is gone on with is read to its end.
            tail_lines: if since.is_some() {
                None
            } else {
                tail.map(|n| n.min(LONGEST_TAIL).into())
            },
            timestamps: true,
            ..LogParams::default()
        };
        self.active.insert(target.clone());
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &target.namespace);
        let tell = self.tell.clone();
        self.tasks.spawn(async move {
            let done = stream(&pods, &target, &params, since, &tell).await;
            (target, done)
        });
    }

    /// Goes on with a container that is not read at present and runs.
    fn resume(&mut self, target: LogTarget, runs: bool) {
        let room = self.active.len() < MOST;
        // One that was read to its end has no more to say until it runs again.
        let news = runs || !self.last.contains_key(&target);
        if room && news && !self.active.contains(&target) {
            self.begin(target);
        }
    }

    /// Makes lines ready to be told, and remembers how far they go.
    fn note(&mut self, lines: Vec<(LogTarget, Line)>) -> Vec<LogLine> {
        let told = lines.into_iter().map(|(target, Line { time, text })| {
            let (pod, container) = (target.pod.clone(), target.container.clone());
            if let Some(time) = time {
                self.last.insert(target, time);
            }
            LogLine { pod, container, time, text }
        });
        told.collect()
    }
}

async fn stream(
    pods: &Api<Pod>,
    target: &LogTarget,
    params: &LogParams,
    after: Option<Timestamp>,
    tell: &mpsc::Sender<(LogTarget, Line)>,
) -> Result<(), Refused> {
    let mut source = pin!(pods.log_stream(&target.pod, params).await?);
    loop {
        let line = lines::next(&mut source).await;
        let line = line.map_err(|error| {
            Refused::new(Refusal::Failed, format!("the log of {} broke off: {error}", target.pod))
        })?;
        let Some(line) = line else { return Ok(()) };
        // The API knows seconds only: what was told already comes once more.
        if after.is_some() && line.time <= after {
            continue;
        }
        if tell.send((target.clone(), line)).await.is_err() {
            return Ok(());
        }
    }
}
