//! One connection of an agent, from its hello to its end.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use gimlet_agent::protocol::{self, Applied, FromAgent, FromDashboard};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};

use super::Place;
use super::asked::Questions;
use super::seat::Claim;
use super::welcome::{self, Introduction};
use super::writer::{Over, Writer};
use crate::http::Dashboard;
use crate::token::Token;

/// How long an agent may take to say hello.
const HELLO: Duration = Duration::from_secs(10);
/// Seconds between two heartbeats.
const HEARTBEAT_SECONDS: u32 = 15;
const HEARTBEAT: Duration = Duration::from_secs(HEARTBEAT_SECONDS as u64);
/// After three silent intervals an agent counts as gone.
const SILENCE: Duration = Duration::from_secs(3 * HEARTBEAT_SECONDS as u64);
/// How long an agent may take no frame before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Frames that wait to be sent.
const QUEUE: usize = 64;
/// Frames that were not understood, after which a connection is given up.
const MOST_MALFORMED: u32 = 100;
/// Seconds by which an agent's clock may be off without a word.
const SKEW_SECONDS: i64 = 30;
/// Bytes of the reason in the frame that closes a WebSocket.
const LONGEST_REASON: usize = 123;

/// Why a connection is over.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The agent has gone.
    Gone,
    /// It is sent away: one word for the metrics, and what it is told.
    Sent(&'static str, String),
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::NotServed(why) => Self::Sent("NotServed", why),
            Over::Token => {
                Self::Sent("Token", "the API server does not take the token any more".into())
            }
        }
    }
}

/// A connection whose agent was let in.
pub(super) struct Line {
    pub(super) dashboard: Dashboard,
    pub(super) place: Place,
    pub(super) token: Token,
    pub(super) said: Introduction,
    pub(super) claim: Claim,
    outgoing: mpsc::Sender<FromDashboard>,
}

/// Serves an agent until one of both sides ends it.
pub(super) async fn serve(mut socket: WebSocket, dashboard: Dashboard, place: Place, token: Token) {
    let first = match timeout(HELLO, hello(&mut socket)).await {
        Ok(Ok(first)) => first,
        Ok(Err(why)) => return refuse(socket, &dashboard, &place, why).await,
        Err(_) => return refuse(socket, &dashboard, &place, "no hello came in time".into()).await,
    };
    let environment = dashboard.watched.environment(&place.namespace, &place.environment);
    let (said, version) = match welcome::admit(first, &place, environment.as_deref()) {
        Ok(admitted) => admitted,
        Err(why) => return refuse(socket, &dashboard, &place, why).await,
    };
    tracing::info!(agent = %place, version = said.version, cluster = said.cluster, "an agent is here");
    let _counted = dashboard.metrics.agent(&place.namespace, &place.environment);
    let who = format!("agent {} of cluster {}", said.version, said.cluster);
    let seat = dashboard.gateway.seat(&place, &dashboard.watched);
    let (outgoing, queue) = mpsc::channel(QUEUE);
    let questions = Questions::new(outgoing.clone(), said.capabilities.clone());
    let (claim, leave) = seat.claim(&protocol::clip(&who), questions);
    let line = Line { dashboard, place, token, said, claim, outgoing };
    line.say(FromDashboard::Welcome { protocol: version, heartbeat_seconds: HEARTBEAT_SECONDS });
    let (mut sink, stream) = socket.split();
    let end = line.speak(&mut sink, stream, queue, leave).await;
    let Line { dashboard, place, claim, .. } = line;
    drop(claim);
    match &end {
        End::Gone => tracing::info!(agent = %place, "an agent is gone"),
        End::Sent(reason, why) => {
            tracing::info!(agent = %place, reason, why, "an agent is sent away");
            if *reason == "NotServed" {
                dashboard.gateway.forget(&place);
            }
            dashboard.metrics.agent_refused(reason);
            farewell(&mut sink, why.clone()).await;
        }
    }
}

impl Line {
    /// Speaks until the end.
    async fn speak(
        &self,
        sink: &mut SplitSink<WebSocket, Message>,
        stream: SplitStream<WebSocket>,
        queue: mpsc::Receiver<FromDashboard>,
        leave: oneshot::Receiver<String>,
    ) -> End {
        let stop = self.dashboard.stop.clone();
        let expired = async {
            match self.token.expires() {
                Some(expires) => tokio::time::sleep(until(expires)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            end = self.hear(stream) => end,
            end = send(sink, queue) => end,
            over = Writer::new(self).run() => over.into(),
            Ok(word) = leave => End::Sent("Replaced", word),
            () = expired => {
                End::Sent("Token", "the token has expired: come back with a new one".into())
            }
            () = stop.cancelled() => {
                End::Sent("Stopping", "the dashboard stops: come back in a moment".into())
            }
        }
    }

    /// Takes in what the agent says.
    async fn hear(&self, mut stream: SplitStream<WebSocket>) -> End {
        let mut heard = Instant::now();
        let mut malformed = 0;
        let mut skewed = false;
        loop {
            let message = match timeout_at(heard + SILENCE, stream.next()).await {
                Err(_) => {
                    let why = format!("nothing was heard for {} seconds", SILENCE.as_secs());
                    return End::Sent("Silent", why);
                }
                Ok(None | Some(Ok(Message::Close(_)))) => return End::Gone,
                Ok(Some(Err(error))) => return End::Sent("Broken", error.to_string()),
                Ok(Some(Ok(message))) => message,
            };
            let text = match message {
                Message::Text(text) => text,
                // It is answered as what it is: no frame.
                Message::Binary(_) => Utf8Bytes::default(),
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) => continue,
            };
            heard = Instant::now();
            self.dashboard.metrics.agent_frame(text.len());
            let frame = match protocol::decode::<FromAgent>(&text) {
                Ok(frame) => frame,
                Err(error) => {
                    malformed += 1;
                    if malformed > MOST_MALFORMED {
                        return End::Sent(
                            "Malformed",
                            format!("too many frames were no frames: {error}"),
                        );
                    }
                    tracing::warn!(agent = %self.place, error = %error, "a frame is not understood");
                    self.say(FromDashboard::Error { message: error.to_string() });
                    continue;
                }
            };
            match &frame {
                FromAgent::Hello { .. } => {
                    self.say(FromDashboard::Error { message: "hello is said once".into() });
                    continue;
                }
                FromAgent::Error { message } => {
                    malformed += 1;
                    if malformed > MOST_MALFORMED {
                        return End::Sent("Malformed", "the agent understands too little".into());
                    }
                    tracing::warn!(agent = %self.place, message = protocol::clip(message), "the agent did not understand");
                    continue;
                }
                FromAgent::Heartbeat { time, .. } if !skewed => {
                    if let Some(skew) = skew(*time, Timestamp::now()) {
                        skewed = true;
                        tracing::warn!(agent = %self.place, "{skew}");
                    }
                }
                _ => {}
            }
            match self.claim.take(frame, Timestamp::now()) {
                // Whoever has the seat now has had this one told to leave.
                None => std::future::pending().await,
                Some(Applied::Gap) => {
                    self.dashboard.metrics.agent_resync();
                    self.say(FromDashboard::Resync);
                }
                Some(Applied::TooMany) => {
                    let why = format!(
                        "more than {} apps or {} MiB are reported: have the agent look at fewer \
                         namespaces",
                        protocol::MAX_APPS,
                        protocol::MAX_BYTES >> 20
                    );
                    return End::Sent("TooMany", why);
                }
                Some(
                    Applied::Nothing
                    | Applied::Everything
                    | Applied::Environment
                    | Applied::Some(_),
                ) => {}
            }
        }
    }

    /// Says something to the agent. Where it does not read, this is not said: it will be sent away.
    pub(super) fn say(&self, frame: FromDashboard) {
        if self.outgoing.try_send(frame).is_err() {
            tracing::warn!(agent = %self.place, "an agent does not read what it is told");
        }
    }
}

/// Reads the first frame.
async fn hello(socket: &mut WebSocket) -> Result<FromAgent, String> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => {
                return protocol::decode(&text).map_err(|error| error.to_string());
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err("frames are text".into()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err("it is gone".into()),
        }
    }
}

/// Sends what is queued, and shows now and then that the connection stands.
async fn send(
    sink: &mut SplitSink<WebSocket, Message>,
    mut queue: mpsc::Receiver<FromDashboard>,
) -> End {
    let mut ping = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            frame = queue.recv() => match frame {
                Some(frame) => match protocol::encode(&frame) {
                    Ok(text) => Message::text(text),
                    Err(error) => {
                        tracing::warn!(error = %error, "a frame is not sent");
                        continue;
                    }
                },
                None => return End::Gone,
            },
            _ = ping.tick() => Message::Ping(axum::body::Bytes::new()),
        };
        match timeout(PATIENCE, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Gone,
            Err(_) => return End::Sent("Slow", "what is sent to you is not read".into()),
        }
    }
}

/// Refuses an agent that is connected, but was not let in.
async fn refuse(socket: WebSocket, dashboard: &Dashboard, place: &Place, why: String) {
    tracing::warn!(agent = %place, why, "an agent was refused");
    dashboard.metrics.agent_refused("NotAdmitted");
    farewell(&mut socket.split().0, why).await;
}

/// Tells an agent why it has to go, and closes.
async fn farewell(sink: &mut SplitSink<WebSocket, Message>, why: String) {
    let end = why.floor_char_boundary(LONGEST_REASON);
    let frame = CloseFrame { code: close_code::POLICY, reason: why[..end].into() };
    let word = protocol::encode(&FromDashboard::Error { message: protocol::clip(&why) });
    let said = async {
        if let Ok(word) = word {
            sink.send(Message::text(word)).await?;
        }
        sink.send(Message::Close(Some(frame))).await
    };
    // Whoever does not listen to it is gone all the same.
    let _ = timeout(HELLO, said).await;
}

/// Says how far an agent's clock is off, where it is by much. Nothing is judged by that clock but how old
/// alerts are.
pub(super) fn skew(said: Timestamp, now: Timestamp) -> Option<String> {
    let seconds = now.as_second() - said.as_second();
    let way = if seconds > 0 { "behind" } else { "ahead of" };
    (seconds.abs() > SKEW_SECONDS).then(|| {
        let seconds = seconds.abs();
        format!(
            "the agent's clock is {seconds} seconds {way} this one: set both by one source of time"
        )
    })
}

/// Time from now on.
fn until(time: Timestamp) -> Duration {
    let seconds = time.as_second() - Timestamp::now().as_second();
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}
