//! One connection, from Hello to its end.

use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::speaker::{Heard, Speaker};
use crate::ask::{Desk, Powers};
use crate::cluster::Cluster;
use crate::metrics::Metrics;
use crate::protocol::{FromAgent, FromDashboard, VERSION, clip, decode, encode};

/// For how long a welcome is waited for.
const WELCOME: Duration = Duration::from_secs(30);
/// For how long a connection that is over may take to end.
const GOODBYE: Duration = Duration::from_secs(2);
/// Silent intervals after which the dashboard counts as gone.
const SILENCE: u32 = 3;
/// Intervals that are as short or as long as a dashboard may want them.
const INTERVALS: (u32, u32) = (1, 60);
/// Frames that are on their way to the socket.
const QUEUE: usize = 2;

/// Why a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The program is asked to stop.
    Stopped,
    /// There is another token.
    Rotated,
    /// It broke, was never made, or the dashboard ended it.
    Lost(String),
}

impl End {
    /// Returns a word to count it by.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Rotated => "rotated",
            Self::Lost(_) => "lost",
        }
    }
}

/// What a connection is about.
pub(super) struct Session<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) metrics: &'a Metrics,
    pub(super) powers: &'a Powers,
}

impl Session<'_> {
    /// Speaks until the connection ends.
    pub(super) async fn run<S>(
        &self,
        socket: WebSocketStream<S>,
        hello: FromAgent,
        exchanged: impl Future<Output = ()>,
        stop: &CancellationToken,
    ) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sink, mut hearing) = socket.split();
        let (say, said) = mpsc::channel(QUEUE);
        // A task of its own: while the dashboard is slow to read, it is still listened to.
        let writer = AbortOnDropHandle::new(tokio::spawn(write(sink, said)));
        let speaking = async {
            self.say(&say, &hello).await.map_err(End::Lost)?;
            let interval = self.welcome(&mut hearing).await.map_err(End::Lost)?;
            self.metrics.connected();
            tracing::info!(heartbeat = interval.as_secs(), "connected to the dashboard");
            Ok(self.speak(&say, &mut hearing, interval).await)
        };
        let end = tokio::select! {
            ended = speaking => ended.unwrap_or_else(|end| end),
            () = exchanged => End::Rotated,
            () = stop.cancelled() => End::Stopped,
        };
        // Who is still read from is told that it was meant so.
        let _ = say.try_send(Message::Close(None));
        drop(say);
        let _ = timeout(GOODBYE, writer).await;
        end
    }

    /// Waits for the welcome; returns the time between two heartbeats.
    async fn welcome<S>(
        &self,
        hearing: &mut SplitStream<WebSocketStream<S>>,
    ) -> Result<Duration, String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let welcome = async {
            loop {
                let Some(text) = text_of(hearing.next().await)? else { continue };
                match decode(&text) {
                    Ok(FromDashboard::Welcome { protocol, heartbeat_seconds })
                        if (1..=VERSION).contains(&protocol) =>
                    {
                        let seconds = heartbeat_seconds.clamp(INTERVALS.0, INTERVALS.1);
                        return Ok(Duration::from_secs(seconds.into()));
                    }
                    Ok(FromDashboard::Welcome { protocol, .. }) => {
                        return Err(format!(
                            "the dashboard wants version {protocol} of the protocol, and this agent \
                             speaks 1 to {VERSION}: bring both to one version"
                        ));
                    }
                    Ok(FromDashboard::Error { message }) => {
                        return Err(format!("the dashboard says: {}", clip(&message)));
                    }
                    Ok(_) => {}
                    Err(error) => return Err(format!("what answers is no dashboard: {error}")),
                }
            }
        };
        let late = || format!("the dashboard said no welcome within {} seconds", WELCOME.as_secs());
        timeout(WELCOME, welcome).await.unwrap_or_else(|_| Err(late()))
    }

    async fn speak<S>(
        &self,
        say: &mpsc::Sender<Message>,
        hearing: &mut SplitStream<WebSocketStream<S>>,
        interval: Duration,
    ) -> End
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut speaker, mut desk) = (Speaker::new(), Desk::new(self.powers.clone()));
        let mut progress = self.cluster.progress();
        let mut beats = interval_at(Instant::now() + interval, interval);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let silence = interval * SILENCE;
        let mut gone = Instant::now() + silence;
        let mut complaint = None;
        loop {
            let has_word = speaker.has_word(*progress.borrow_and_update());
            tokio::select! {
                heard = hearing.next() => {
                    gone = Instant::now() + silence;
                    match text_of(heard) {
                        Ok(Some(text)) => {
                            complaint = self.hear(&mut speaker, &mut desk, &text).or(complaint);
                        }
                        Ok(None) => {}
                        // What was said last tells more than that the connection is over.
                        Err(why) => return End::Lost(complaint.unwrap_or(why)),
                    }
                }
                room = say.reserve(), if has_word => {
                    let Ok(room) = room else {
                        return End::Lost(complaint.unwrap_or_else(broken));
                    };
                    if let Some(frame) = speaker.speak(self.cluster, Timestamp::now()) {
                        match self.encoded(&frame) {
                            Ok(message) => room.send(message),
                            Err(why) => return End::Lost(why),
                        }
                    }
                }
                answer = desk.next(), if speaker.takes_answer() => speaker.answer(answer),
                _ = progress.changed() => {}
                _ = beats.tick() => speaker.beat(),
                () = tokio::time::sleep_until(gone) => {
                    let seconds = silence.as_secs();
                    return End::Lost(format!("the dashboard was silent for {seconds} seconds"));
                }
            }
        }
    }

    /// Takes in a frame; returns what the dashboard complains of.
    fn hear(&self, speaker: &mut Speaker, desk: &mut Desk, text: &str) -> Option<String> {
        match decode(text) {
            Ok(frame) => match speaker.hear(frame) {
                Heard::Nothing => None,
                Heard::Resync => {
                    self.metrics.resync();
                    None
                }
                Heard::Asked(id, person, query) => {
                    if let Some(refusal) = desk.ask(id, person, query) {
                        speaker.refuse(refusal);
                    }
                    None
                }
                Heard::Cancelled(id) => {
                    desk.cancel(id);
                    None
                }
                Heard::Allowed(id, chunks) => {
                    desk.allow(id, chunks);
                    None
                }
                Heard::Complaint(message) => {
                    let message = clip(&message);
                    tracing::warn!(message, "the dashboard complains");
                    Some(format!("the dashboard said: {message}"))
                }
            },
            Err(error) => {
                self.metrics.malformed();
                tracing::warn!(%error, "a frame of the dashboard was not understood");
                speaker.complain(error.to_string());
                None
            }
        }
    }

    async fn say(&self, say: &mpsc::Sender<Message>, frame: &FromAgent) -> Result<(), String> {
        let message = self.encoded(frame)?;
        say.send(message).await.map_err(|_| broken())
    }

    fn encoded(&self, frame: &FromAgent) -> Result<Message, String> {
        let text = encode(frame).map_err(|error| format!("a frame cannot be sent: {error}"))?;
        self.metrics.sent(text.len());
        Ok(Message::text(text))
    }
}

fn broken() -> String {
    "the connection broke".to_owned()
}

/// Returns the text of a message, or why there will be none.
fn text_of(
    heard: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
) -> Result<Option<String>, String> {
    match heard {
        Some(Err(error)) => Err(format!("the connection broke: {error}")),
        Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
        // It is answered as what it is: no frame.
        Some(Ok(Message::Binary(_))) => Ok(Some(String::new())),
        Some(Ok(Message::Close(Some(close)))) if !close.reason.is_empty() => {
            Err(format!("the dashboard ended the connection: {}", clip(&close.reason)))
        }
        None | Some(Ok(Message::Close(_))) => Err("the dashboard ended the connection".to_owned()),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
    }
}

/// Writes until there is nothing more, or nobody reads.
async fn write<S>(
    mut sink: SplitSink<WebSocketStream<S>, Message>,
    mut said: mpsc::Receiver<Message>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = said.recv().await {
        if let Err(error) = sink.send(message).await {
            tracing::debug!(%error, "the connection takes no more");
            return;
        }
    }
    let _ = sink.close().await;
}
