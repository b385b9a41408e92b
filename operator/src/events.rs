//! Events, written behind the work that they tell of.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, Recorder, Reporter};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::traffic::Traffic;

/// Events that may wait; what comes on top is dropped and counted.
const QUEUE: usize = 4096;
/// Events that are written without a pause.
const BURST: f64 = 200.0;
/// Events a second after that.
const RATE: f64 = 50.0;
/// Events a second while many releases are on their way: they need the API server for themselves.
const SLOW: f64 = 10.0;
/// How long the events that still wait are written for when the operator stops.
const LAST: Duration = Duration::from_secs(2);

/// A queue of events.
#[derive(Clone)]
pub(crate) struct Events {
    queue: mpsc::Sender<(Event, ObjectReference)>,
    metrics: Metrics,
}

/// The task that writes the events.
pub(crate) struct Writing(JoinHandle<()>);

impl Events {
    /// Starts to write what is published.
    pub(crate) fn start(client: Client, metrics: Metrics, traffic: Traffic) -> (Self, Writing) {
        let (queue, published) = mpsc::channel(QUEUE);
        let recorder = Recorder::new(client, Reporter::from("gimlet-operator"));
        let writing = tokio::spawn(write(recorder, published, traffic));
        (Self { queue, metrics }, Writing(writing))
    }

    /// Publishes an event, soon. That events fail, or are too many, stops nothing.
    pub(crate) fn publish(&self, event: Event, object: ObjectReference) {
        if self.queue.try_send((event, object)).is_err() {
            self.metrics.event_dropped();
        }
    }
}

impl Writing {
    /// Gives the last events a moment; every sender has to be gone.
    pub(crate) async fn finish(self) {
        let stop = self.0.abort_handle();
        if tokio::time::timeout(LAST, self.0).await.is_err() {
            stop.abort();
            tracing::warn!("some events were not written");
        }
    }
}

async fn write(
    recorder: Recorder,
    mut published: mpsc::Receiver<(Event, ObjectReference)>,
    traffic: Traffic,
) {
    let mut pace = Pace { saved: BURST, at: Instant::now() };
    while let Some((event, object)) = published.recv().await {
        // A crowd that hangs at a dead host must not make those of others be dropped.
        let slowly = traffic.is_crowded() && published.len() < QUEUE / 2;
        let rate = if slowly { SLOW } else { RATE };
        if let Some(pause) = pace.take(Instant::now(), rate) {
            tokio::time::sleep(pause).await;
        }
        if let Err(error) = recorder.publish(&event, &object).await {
            tracing::warn!(error = %error, object = object.name, "an event was not published");
        }
    }
}

/// A token bucket.
struct Pace {
    saved: f64,
    at: Instant,
}

impl Pace {
    /// Takes one token, and returns how long it takes to have it.
    fn take(&mut self, now: Instant, rate: f64) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.saved = passed.mul_add(rate, self.saved).min(BURST) - 1.0;
        self.at = now;
        (self.saved < 0.0).then(|| Duration::from_secs_f64(-self.saved / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut pace = Pace { saved: BURST, at: start };
        let at_once = (0..300).take_while(|_| pace.take(start, RATE).is_none()).count();
        assert_eq!(at_once, 200);
        let later = start + Duration::from_secs(1);
        let mut pace = Pace { saved: 0.0, at: start };
        let at_once = (0..300).take_while(|_| pace.take(later, RATE).is_none()).count();
        assert_eq!(at_once, 50);
        let mut pace = Pace { saved: 0.0, at: start };
        let at_once = (0..300).take_while(|_| pace.take(later, SLOW).is_none()).count();
        assert_eq!(at_once, 10);
    }

    #[test]
    fn waiting_long_saves_no_more_than_a_burst() {
        let start = Instant::now();
        let mut pace = Pace { saved: 0.0, at: start };
        let hours = start + Duration::from_mins(150);
        assert_eq!((0..1000).take_while(|_| pace.take(hours, RATE).is_none()).count(), 200);
    }
}
