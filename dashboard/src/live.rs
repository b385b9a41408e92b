//! What happens, told to pages as it happens: one WebSocket for each.
//!
//! Nothing is queued for a page. What it was told last is compared with what is there when it can take
//! more, so a slow page gets fewer frames and misses nothing.

mod scope;
mod subscription;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{
    Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::caller::Caller;
use crate::http::Dashboard;
use crate::problem::Problem;
use scope::Scope;
use subscription::Subscription;

/// Pages that follow at once.
const MOST_PAGES: i64 = 2000;
/// Subscriptions of one page.
const MOST_SUBSCRIPTIONS: usize = 32;
/// Largest message of a page, in bytes.
const LARGEST: usize = 16 * 1024;
/// Longest name of a subscription, in bytes.
const LONGEST: usize = 256;
/// What agents say is gathered for so long.
const GATHER: Duration = Duration::from_millis(100);
/// How often a page hears that the connection stands.
const PING: Duration = Duration::from_secs(15);
/// How often is asked whether the page may still see what it sees.
const RECHECK: Duration = Duration::from_mins(1);
/// How long a page may take no frame before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a page says.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Said {
    Sub { id: String, scope: Scope },
    Unsub { id: String },
}

/// Tells a page that something of it cannot be answered.
#[derive(Serialize)]
struct Refusal<'a> {
    sub: &'a str,
    error: &'a Problem,
}

/// Takes a page's connection; one of another site was refused with the caller.
pub(crate) async fn live(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|error| Problem::bad_request(error.body_text()))?;
    if dashboard.metrics.clients() >= MOST_PAGES {
        return Err(Problem::busy());
    }
    let page = upgrade.max_message_size(LARGEST).max_frame_size(LARGEST);
    Ok(page.on_upgrade(move |socket| async move {
        let _counted = dashboard.metrics.client();
        let stop = dashboard.stop.clone();
        let mut page = Page { dashboard, caller, socket, subscriptions: BTreeMap::new() };
        // An end is an end: the page connects anew.
        let _ = stop.run_until_cancelled(page.serve()).await;
    }))
}

/// The connection is over.
struct Gone;

struct Page {
    dashboard: Dashboard,
    caller: Caller,
    socket: WebSocket,
    subscriptions: BTreeMap<String, Subscription>,
}

impl Page {
    async fn serve(&mut self) -> Result<(), Gone> {
        let mut boards = self.dashboard.watched.boards();
        let mut reports = self.dashboard.gateway.news();
        let mut denials = self.dashboard.denials.news();
        let mut ping = interval_at(Instant::now() + PING, PING);
        let mut recheck = interval_at(Instant::now() + RECHECK, RECHECK);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        recheck.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // When what agents said meanwhile is told.
        let mut gathered = None;
        loop {
            let due = async {
                match gathered {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                said = self.socket.recv() => self.hear(said.ok_or(Gone)?.map_err(|_| Gone)?).await?,
                changed = boards.changed() => {
                    changed.map_err(|_| Gone)?;
                    self.tell_all().await?;
                }
                Ok(()) = reports.changed(), if gathered.is_none() => {
                    gathered = Some(Instant::now() + GATHER);
                }
                Ok(()) = denials.changed(), if gathered.is_none() => {
                    gathered = Some(Instant::now() + GATHER);
                }
                () = due => {
                    gathered = None;
                    self.tell_reports().await?;
                }
                _ = ping.tick() => self.send(r#"{"op":"ping"}"#.to_owned()).await?,
                _ = recheck.tick() => self.recheck().await?,
            }
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), Gone> {
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => return Err(Gone),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        match serde_json::from_str(&text) {
            Ok(Said::Sub { id, scope }) => self.subscribe(id, scope).await,
            Ok(Said::Unsub { id }) => {
                self.subscriptions.remove(&id);
                Ok(())
            }
            Err(error) => {
                self.refuse("", &Problem::bad_request(format!("not understood: {error}"))).await
            }
        }
    }

    async fn subscribe(&mut self, id: String, scope: Scope) -> Result<(), Gone> {
        self.subscriptions.remove(&id);
        if id.len() > LONGEST || self.subscriptions.len() >= MOST_SUBSCRIPTIONS {
            let problem = Problem::bad_request(format!(
                "a page has at most {MOST_SUBSCRIPTIONS} subscriptions, with names of at most {LONGEST} bytes"
            ));
            return self.refuse(&id, &problem).await;
        }
        self.renew().await?;
        self.subscriptions.insert(id.clone(), Subscription::new(scope));
        self.look(&id).await
    }

    /// Asks what a subscription may show, and tells it.
    async fn look(&mut self, id: &str) -> Result<(), Gone> {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return Ok(()) };
        match subscription.look(&self.dashboard, &self.caller).await {
            Ok(()) => self.tell(id).await,
            Err(problem) => self.refuse(id, &problem).await,
        }
    }

    async fn tell_all(&mut self) -> Result<(), Gone> {
        for id in self.subscriptions.keys().cloned().collect::<Vec<_>>() {
            self.tell(&id).await?;
        }
        Ok(())
    }

    /// Tells what agents said and what was refused, where the page shows that.
    async fn tell_reports(&mut self) -> Result<(), Gone> {
        let shown = self.subscriptions.iter().filter(|(_, shown)| shown.shows_reports());
        for id in shown.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.tell(&id).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, id: &str) -> Result<(), Gone> {
        let frame = self
            .subscriptions
            .get_mut(id)
            .and_then(|subscription| subscription.frame(id, &self.dashboard));
        match frame {
            Some(frame) => self.send(frame).await,
            None => Ok(()),
        }
    }

    async fn recheck(&mut self) -> Result<(), Gone> {
        self.renew().await?;
        for id in self.subscriptions.keys().cloned().collect::<Vec<_>>() {
            self.look(&id).await?;
        }
        Ok(())
    }

    /// Takes the caller's token of now. Whoever has none is told so, and the connection ends.
    async fn renew(&mut self) -> Result<(), Gone> {
        match self.caller.of_now(&self.dashboard).await {
            Ok(caller) => self.caller = caller,
            Err(problem) => {
                self.refuse("", &problem).await?;
                return Err(Gone);
            }
        }
        Ok(())
    }

    async fn refuse(&mut self, sub: &str, error: &Problem) -> Result<(), Gone> {
        let text = serde_json::to_string(&Refusal { sub, error }).map_err(|_| Gone)?;
        self.send(text).await
    }

    async fn send(&mut self, text: String) -> Result<(), Gone> {
        match tokio::time::timeout(PATIENCE, self.socket.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}
