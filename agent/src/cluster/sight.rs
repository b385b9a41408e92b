//! Whether the cluster is seen at all.
//!
//! A watch that hears nothing looks like a cluster in which nothing happens. So the API server is asked
//! for something small now and then; when it does not answer for a while, the agent says so, and goes on
//! to tell what it saw last.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, ListParams};
use tokio::time::{Instant, sleep, timeout};

use super::key::Kind;
use super::{Cluster, Pace};
use crate::protocol::{Blind, clip};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is known of whether the cluster is seen.
#[derive(Debug, Default)]
pub(super) struct Sight {
    lost: Option<Lost>,
    /// Kinds that were seen before and are not shown any more, and since when.
    hidden: BTreeMap<Kind, Timestamp>,
    /// Whether it differs from what was taken last.
    changed: bool,
}

/// The API server did not answer.
#[derive(Debug)]
struct Lost {
    blind: Blind,
    /// Whether it does again; what was missed has yet to be listed.
    back: bool,
    /// Whether that has yet to be begun.
    anew: bool,
}

impl Sight {
    /// Takes in that the API server has not answered since a while.
    pub(super) fn lose(&mut self, since: Timestamp, message: &str) {
        if let Some(lost) = &mut self.lost {
            (lost.back, lost.anew) = (false, false);
            return;
        }
        let blind = Blind { since, message: clip(message) };
        self.lost = Some(Lost { blind, back: false, anew: false });
        self.changed = true;
    }

    /// Takes in that the API server answers.
    pub(super) fn answer(&mut self) {
        if let Some(lost) = &mut self.lost {
            (lost.back, lost.anew) = (true, true);
        }
    }

    /// Tells once that the API server answers again, and everything is to be listed anew.
    pub(super) fn take_anew(&mut self) -> bool {
        self.lost.as_mut().is_some_and(|lost| std::mem::take(&mut lost.anew))
    }

    /// Tells whether the API server does not answer.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.as_ref().is_some_and(|lost| !lost.back)
    }

    /// Takes in that everything was listed.
    pub(super) fn settle(&mut self) {
        if self.lost.as_ref().is_some_and(|lost| lost.back) {
            self.lost = None;
            self.changed = true;
        }
    }

    /// Takes in that a kind is not shown any more.
    pub(super) fn hide(&mut self, kind: Kind, now: Timestamp) {
        self.hidden.entry(kind).or_insert_with(|| {
            self.changed = true;
            now
        });
    }

    /// Takes in that a kind is shown, or not there.
    pub(super) fn show(&mut self, kind: Kind) {
        self.changed |= self.hidden.remove(&kind).is_some();
    }

    /// Returns since when the cluster, or some of it, is not seen.
    pub(super) fn blind(&self) -> Option<Blind> {
        if let Some(lost) = &self.lost {
            return Some(lost.blind.clone());
        }
        let since = *self.hidden.values().min()?;
        let kinds: BTreeSet<_> = self.hidden.keys().map(|kind| kind.name()).collect();
        let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("it may not see {kinds} any more: bind the role of config/agent");
        Some(Blind { since, message })
    }

    /// Tells once whether it changed.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}

impl Cluster {
    /// Asks the API server now and then whether it answers.
    pub(super) async fn keep_in_sight(&self, client: &Client) {
        let deployments: Api<Deployment> = Api::all(client.clone());
        let Pace { ask, again, blind, look: _, patience: _ } = self.0.pace;
        let (mut heard, mut at) = (Timestamp::now(), Instant::now());
        loop {
            let one = ListParams::default().limit(1);
            let asked = timeout(PATIENCE, deployments.list_metadata(&one)).await;
            let why = match asked {
                Ok(Ok(_)) => None,
                // It is there: it has too much to do to say more, or does not show this kind.
                Ok(Err(kube::Error::Api(status))) if matches!(status.code, 403 | 429) => None,
                Ok(Err(kube::Error::Api(status))) => {
                    Some(format!("the API server says: {}", status.message))
                }
                Ok(Err(error)) => Some(format!("the API server is not reached: {error}")),
                Err(_) => {
                    let seconds = PATIENCE.as_secs();
                    Some(format!("the API server does not answer within {seconds} seconds"))
                }
            };
            let pause = match why {
                None => {
                    (heard, at) = (Timestamp::now(), Instant::now());
                    self.seen();
                    ask
                }
                Some(why) => {
                    if at.elapsed() >= blind {
                        self.unseen(heard, &why);
                    }
                    again
                }
            };
            sleep(pause).await;
        }
    }

    fn seen(&self) {
        let mut board = self.board();
        if board.sight.is_lost() {
            board.sight.answer();
            drop(board);
            tracing::info!("the API server answers again: everything is listed anew");
            self.0.again.notify_one();
        }
    }

    fn unseen(&self, since: Timestamp, why: &str) {
        let mut board = self.board();
        if board.sight.is_lost() {
            return;
        }
        board.sight.lose(since, why);
        drop(board);
        tracing::warn!(%since, why, "the cluster is not seen; what was seen last is told");
        self.0.again.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_cluster_is_seen_again_once_everything_was_listed() {
        let mut sight = Sight::default();
        assert_eq!((sight.blind(), sight.take_changed()), (None, false));
        sight.lose(at(5), "connection refused");
        sight.lose(at(9), "something else");
        let blind = sight.blind().unwrap();
        assert_eq!((blind.since, blind.message.as_str()), (at(5), "connection refused"));
        assert!(sight.take_changed() && !sight.take_changed());
        sight.settle();
        assert!(sight.is_lost(), "what was listed before says nothing");
        sight.answer();
        assert!(sight.take_anew() && !sight.take_anew());
        assert!(sight.blind().is_some() && !sight.take_changed());
        sight.lose(at(20), "again");
        assert!(sight.is_lost() && !sight.take_anew());
        assert_eq!(sight.blind().unwrap().since, at(5), "it was never seen in between");
        sight.answer();
        sight.settle();
        assert_eq!((sight.blind(), sight.take_changed()), (None, true));
    }

    #[test]
    fn kinds_that_are_not_shown_any_more_are_named() {
        let mut sight = Sight::default();
        sight.hide(Kind::Pod, at(7));
        sight.hide(Kind::Deployment, at(6));
        sight.hide(Kind::Pod, at(8));
        let blind = sight.blind().unwrap();
        assert_eq!(blind.since, at(6));
        assert!(blind.message.contains("Deployment, Pod any more"), "{}", blind.message);
        sight.show(Kind::Deployment);
        assert_eq!(sight.blind().unwrap().since, at(7));
        sight.show(Kind::Pod);
        assert!(sight.blind().is_none() && sight.take_changed());
    }
}
