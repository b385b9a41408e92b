//! An object watched until it is as somebody wants it.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::StreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use tokio::time::Instant;

use super::row::Row;
use super::watch::give_up;
use super::write::fetch;
use crate::cluster::Cluster;
use crate::error::{CommandError, Kind};
use crate::output;

/// What is to be said of a state: that it goes on, or how it ended.
pub(super) type Judged = ControlFlow<Result<(), CommandError>>;

/// Waits until a judge says that an object has ended, whichever way. The present state is looked at first.
///
/// `present` says in one line what it waits for, for the message when the time is over.
pub(super) async fn until<K: Row + PartialEq>(
    cluster: &Cluster,
    name: &str,
    timeout: Duration,
    mut judge: impl FnMut(&K) -> Judged,
    present: impl Fn(&K) -> String,
) -> Result<K, CommandError> {
    let deadline = Instant::now() + timeout;
    let mut last = fetch::<K>(cluster, name).await?;
    let mut stream =
        std::pin::pin!(watcher::watch_object(cluster.api::<K>(), name).default_backoff());
    let kind = K::kind(&()).to_lowercase();
    let gone = || {
        CommandError::new(
            Kind::NotFound,
            format!("{kind} {name} was deleted while it was waited for"),
        )
    };
    loop {
        if let ControlFlow::Break(ended) = judge(&last) {
            return ended.map(|()| last);
        }
        let event = tokio::select! {
            event = tokio::time::timeout_at(deadline, stream.next()) => event,
            _ = tokio::signal::ctrl_c() => {
                return Err(CommandError::new(
                    Kind::Interrupted,
                    format!("interrupted; {kind} {name} goes on"),
                )
                .hint(format!("follow it: gimlet get {} {name} --watch", K::PLURAL)));
            }
        };
        match event {
            Err(_) | Ok(None) => {
                let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
                return Err(CommandError::new(
                    Kind::TimedOut,
                    format!(
                        "{kind} {name} is not there after {}: {}",
                        output::duration(seconds),
                        present(&last)
                    ),
                )
                .hint(format!("it goes on; follow it: gimlet get {} {name} --watch", K::PLURAL)));
            }
            Ok(Some(Ok(Some(next)))) if next.meta().uid == last.meta().uid => last = next,
            Ok(Some(Ok(_))) => return Err(gone()),
            Ok(Some(Err(error))) => {
                if let Some(error) = give_up::<K>(cluster, error) {
                    return Err(error);
                }
            }
        }
    }
}
