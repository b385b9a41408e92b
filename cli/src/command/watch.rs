//! Objects watched as they change.

use futures::{Stream, StreamExt as _};
use kube::Api;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};

use super::row::Row;
use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::output;

/// Watches the objects of a kind; a network that fails for a while is told, and does not end it.
pub(super) fn watch_kind<K: Row>(
    api: Api<K>,
    config: watcher::Config,
) -> impl Stream<Item = Result<Event<K>, watcher::Error>> + Send {
    watch(api, config).default_backoff()
}

/// Turns an error of a watch into an end, unless the watch recovers from it by itself.
pub(super) fn give_up<K: Row>(cluster: &Cluster, error: watcher::Error) -> Option<CommandError> {
    let error = match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => error,
        watcher::Error::WatchFailed(_)
        | watcher::Error::WatchError(_)
        | watcher::Error::NoResourceVersion => return None,
    };
    match &error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404) => {
            Some(cluster.request("watch", K::PLURAL, None).failed(&error))
        }
        _ => {
            output::note(&format!(
                "the watch is interrupted and goes on: {}",
                crate::error::chain(&error)
            ));
            None
        }
    }
}

/// Waits until an object of a kind changes; the first answer is the present state.
pub(super) async fn next_change<K: Row>(
    cluster: &Cluster,
    stream: &mut (impl Stream<Item = Result<Event<K>, watcher::Error>> + Unpin),
) -> Result<(), CommandError> {
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => return Ok(()),
            Ok(Event::Init | Event::InitApply(_)) => {}
            Err(error) => {
                if let Some(error) = give_up::<K>(cluster, error) {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}
