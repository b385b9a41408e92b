//! Feedback: source commits are told what became of their releases, and hosts show deployments.
//!
//! What a host is to show follows from a release as it is now. What it shows is remembered in
//! memory only: after a start, and whenever too much waited at once, a sweep over the releases that
//! moved last asks the hosts themselves and reports what is missing there.

mod board;
mod delivery;
mod standing;
mod subject;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use gimlet_crds::{App, Release};
use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use board::Board;

/// News that may wait; what comes on top is left to the next sweep.
const QUEUE: usize = 1024;
/// Requests to all hosts at once.
const AT_ONCE: usize = 4;
/// How often releases are looked at whose news were lost or not taken.
const SWEEP: Duration = Duration::from_mins(5);
/// Releases that a sweep looks at: those that moved last.
const SWEPT: usize = 200;
/// What moved longer ago is not reported any more, in seconds.
const RECENT: i64 = 24 * 60 * 60;

/// Something that hosts are to show.
enum News {
    /// A release has come to another phase.
    Moved(Box<Release>),
    /// An app was uninstalled.
    Gone(Box<App>),
}

/// Where news are published.
#[derive(Clone)]
pub(crate) struct Feedback(mpsc::Sender<News>);

/// News that are still to be reported.
pub(crate) struct Reports(mpsc::Receiver<News>);

impl Feedback {
    /// Makes a queue.
    pub(crate) fn new() -> (Self, Reports) {
        let (queue, news) = mpsc::channel(QUEUE);
        (Self(queue), Reports(news))
    }

    /// Reports how a release stands, soon.
    pub(crate) fn publish(&self, release: Release) {
        self.send(News::Moved(Box::new(release)));
    }

    /// Reports that an app was uninstalled, once: nothing is left from which a sweep would know it.
    pub(crate) fn publish_gone(&self, app: App) {
        self.send(News::Gone(Box::new(app)));
    }

    fn send(&self, news: News) {
        if self.0.try_send(news).is_err() {
            tracing::debug!("feedback was left to the next sweep: too much waits");
        }
    }
}

impl Reports {
    /// Reports until the token is cancelled; a host that is away holds up no other.
    pub(crate) async fn send(mut self, ctx: Arc<Context>, stop: CancellationToken) {
        tokio::select! {
            () = ctx.filled() => {}
            () = stop.cancelled() => return,
        }
        let mut board = Board::default();
        let mut under_way = FuturesUnordered::new();
        let mut sweeps = tokio::time::interval(SWEEP);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while under_way.len() < AT_ONCE
                && let Some(job) = board.take(Instant::now())
            {
                let ctx = Arc::clone(&ctx);
                under_way.push(async move {
                    let result = delivery::deliver(&job, &ctx).await;
                    (job.key, result)
                });
            }
            let next = board.next().filter(|_| under_way.len() < AT_ONCE);
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = self.0.recv() => {
                    let Some(news) = news else { return };
                    let reports = match &news {
                        News::Moved(release) => subject::reports(release, false, &ctx),
                        News::Gone(app) => subject::of_gone(app, &ctx).into_iter().collect(),
                    };
                    board.want(reports, Instant::now());
                }
                Some((key, result)) = under_way.next() => board.done(&key, result, Instant::now()),
                _ = sweeps.tick() => {
                    for release in moved_last(&ctx) {
                        board.want(subject::reports(&release, true, &ctx), Instant::now());
                    }
                }
                () = due => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// Lists the releases that moved last, those that moved first of them first.
fn moved_last(ctx: &Context) -> Vec<Arc<Release>> {
    let all = ctx.releases.state();
    let times = all.iter().filter_map(|guarded| {
        let release = guarded.0.as_ref().ok()?;
        Some((moved(release)?, ObjectRef::from_obj(release)))
    });
    let mut places = newest(times.collect(), Context::now());
    places.reverse();
    places
        .into_iter()
        .filter_map(|place| ctx.release(place.namespace.as_deref()?, &place.name))
        .collect()
}

/// Says when a release came to where it is.
fn moved(release: &Release) -> Option<Timestamp> {
    let conditions = release.status.iter().flat_map(|status| &status.conditions);
    conditions.map(|condition| condition.last_transition_time.0).max()
}

/// Keeps what is recent, the newest first, up to a number.
fn newest<T>(mut all: Vec<(Timestamp, T)>, now: Timestamp) -> Vec<T> {
    all.retain(|(moved, _)| now.as_second() - moved.as_second() <= RECENT);
    all.sort_by_key(|(moved, _)| Reverse(*moved));
    all.truncate(SWEPT);
    all.into_iter().map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_with_many_releases_asks_for_the_newest_few() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let at = |ago: i64| Timestamp::from_second(now.as_second() - ago).unwrap();
        let all = (0..10_000).map(|ago| (at(ago * 60), ago)).collect();
        let kept: Vec<i64> = newest(all, now);
        assert_eq!(kept.len(), SWEPT);
        assert_eq!((kept[0], kept[SWEPT - 1]), (0, 199));
        assert_eq!(newest(vec![(at(RECENT), 1), (at(RECENT + 1), 2)], now), [1]);
    }
}
