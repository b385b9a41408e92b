//! A page that somebody has open: it follows one app of each of some environments.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use gimlet_e2e::Dashboard;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Told;

/// How long a page may take to be told everything.
const SOON: Duration = Duration::from_secs(10);

/// A page, by its connection.
pub struct Page(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Page {
    /// Connects, follows an app of each environment, and waits until it shows what their agents said.
    pub async fn open(
        dashboard: &Dashboard,
        token: &str,
        namespace: &str,
        environments: &[String],
        app: &str,
    ) -> Result<Self> {
        let mut request = dashboard.live().into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        let mut page = Self(connect_async(request).await?.0);
        for environment in environments {
            let scope = json!({"kind": "app", "namespace": namespace, "environment": environment,
                "name": app});
            let said = json!({"op": "sub", "id": environment, "scope": scope});
            page.0.send(Message::text(said.to_string())).await?;
        }
        let mut missing: BTreeSet<_> = environments.iter().cloned().collect();
        while !missing.is_empty() {
            let hear = tokio::time::timeout(SOON, page.hear());
            let (environment, shown) =
                hear.await.with_context(|| format!("nothing is shown of {missing:?}"))??;
            if shown.is_some() {
                missing.remove(&environment);
            }
        }
        Ok(page)
    }

    /// Tells what it shows until it is stopped.
    pub async fn follow(mut self, told: &Told) -> Result<()> {
        loop {
            if let (environment, Some(restarts)) = self.hear().await? {
                told.shows(&environment, restarts);
            }
        }
    }

    /// Reads the next frame: of which environment, and how often the app's first pod has restarted.
    async fn hear(&mut self) -> Result<(String, Option<i32>)> {
        loop {
            let text = match self.0.next().await.context("the page's connection is over")?? {
                Message::Text(text) => text,
                Message::Close(frame) => bail!("the dashboard closes the page: {frame:?}"),
                _ => continue,
            };
            let frame: Value = serde_json::from_str(&text)?;
            ensure!(frame["error"].is_null(), "the dashboard refuses: {}", frame["error"]);
            let Some(environment) = frame["sub"].as_str() else { continue };
            return Ok((environment.to_owned(), restarts(&frame)));
        }
    }
}

/// Finds what an agent said in a frame for a page.
fn restarts(frame: &Value) -> Option<i32> {
    let entries = [&frame["snapshot"], &frame["upserts"]].into_iter().filter_map(Value::as_array);
    let running = entries
        .flatten()
        .find(|entry| entry["key"].as_str().is_some_and(|key| key.starts_with("running:")))?;
    let restarts = running["value"]["state"]["pods"][0]["restarts"].as_i64()?;
    i32::try_from(restarts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_said_is_found_among_all_else_that_a_page_is_told() {
        let running = json!({"key": "running:ns/web.prod",
            "value": {"state": {"pods": [{"restarts": 7}, {"restarts": 1}]}}});
        let app = json!({"key": "app:ns/web.prod", "value": {}});
        assert_eq!(restarts(&json!({"snapshot": [app, running], "upserts": []})), Some(7));
        assert_eq!(restarts(&json!({"upserts": [running]})), Some(7));
        assert_eq!(restarts(&json!({"upserts": [app]})), None);
    }
}
