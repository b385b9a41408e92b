//! An agent that tells what another one saw, and how it changes.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{SinkExt, StreamExt};
use gimlet_agent::protocol::{
    AppState, FromAgent, FromDashboard, PATH, VERSION, Word, decode, encode,
};
use gimlet_e2e::Dashboard;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, interval, interval_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Mode, Told};

/// As the dashboard asks for.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// One change of so many is one that the App object shows too.
const WRITTEN: usize = 10;

/// An agent, by its connection.
pub struct Speaker {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    apps: Vec<AppState>,
    seq: u64,
    changes: usize,
}

impl Speaker {
    /// Connects for an environment (`<namespace>/<name>`), and tells a snapshot.
    pub async fn welcome(
        dashboard: &Dashboard,
        token: &str,
        environment: &str,
        apps: &[AppState],
    ) -> Result<Self> {
        let address = format!("{}{PATH}", dashboard.origin().replacen("http", "ws", 1));
        let mut request = address.into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        let (socket, _) = connect_async(request).await?;
        let mut speaker = Self { socket, apps: apps.to_vec(), seq: 0, changes: 0 };
        let hello = FromAgent::Hello {
            protocol: VERSION,
            version: "bench".into(),
            cluster: "bench".into(),
            environment: environment.to_owned(),
            capabilities: Vec::new(),
        };
        speaker.say(&hello).await?;
        match speaker.hear().await? {
            FromDashboard::Welcome { .. } => {}
            other => bail!("the dashboard says {other:?}"),
        }
        for frame in FromAgent::snapshot(1, Vec::new(), speaker.apps.clone()) {
            speaker.seq = frame.seq().unwrap_or(speaker.seq);
            speaker.say(&frame).await?;
        }
        Ok(speaker)
    }

    /// Speaks until it is stopped: first after so long, and then in such steps, when something changes.
    pub async fn speak(
        mut self,
        environment: &str,
        (first, step): (Duration, Duration),
        modes: watch::Receiver<Mode>,
        told: &Told,
    ) -> Result<()> {
        let mut beats = interval(HEARTBEAT);
        let mut pace = interval_at(Instant::now() + first, step);
        loop {
            tokio::select! {
                heard = self.hear() => bail!("the dashboard says {:?}", heard?),
                _ = beats.tick() => {
                    let beat = FromAgent::Heartbeat { seq: self.seq, time: Timestamp::now() };
                    self.say(&beat).await?;
                }
                _ = pace.tick() => {
                    if *modes.borrow() == Mode::Change {
                        self.change(environment, told).await?;
                    }
                }
            }
        }
    }

    /// Changes an app, every second time the one that a page follows: a pod has restarted.
    async fn change(&mut self, environment: &str, told: &Told) -> Result<()> {
        self.changes += 1;
        let followed = self.changes.is_multiple_of(2) || self.apps.len() == 1;
        let others = self.apps.len().saturating_sub(1).max(1);
        let index = if followed { 0 } else { 1 + (self.changes / 2) % others };
        let app = self.apps.get_mut(index).context("there is no app")?;
        let pod = app.pods.first_mut().context("the app has no pod")?;
        pod.restarts += 1;
        let restarts = pod.restarts;
        if self.changes.is_multiple_of(WRITTEN) {
            let runs = app.word != Word::Healthy;
            app.word = if runs { Word::Healthy } else { Word::Progressing };
            for workload in &mut app.workloads {
                workload.ready = if runs { workload.wanted } else { workload.wanted - 1 };
            }
        }
        let frames = FromAgent::deltas(self.seq + 1, [app.clone()], Vec::new());
        told.says(environment, followed.then_some(restarts));
        for frame in frames {
            self.seq = frame.seq().unwrap_or(self.seq);
            self.say(&frame).await?;
        }
        Ok(())
    }

    async fn say(&mut self, frame: &FromAgent) -> Result<()> {
        Ok(self.socket.send(Message::text(encode(frame)?)).await?)
    }

    /// Hears the next frame; it may be given up at any moment.
    async fn hear(&mut self) -> Result<FromDashboard> {
        loop {
            match self.socket.next().await.context("the connection is over")?? {
                Message::Text(text) => return Ok(decode(&text)?),
                Message::Close(frame) => bail!("the dashboard closes the connection: {frame:?}"),
                _ => {}
            }
        }
    }
}
