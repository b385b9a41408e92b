//! What runs of an app in a cluster that an agent speaks for, asked through the dashboard.

use futures::AsyncBufRead;
use gimlet_agent::protocol::{AppState, Blind, EventLine, LogLine};
use gimlet_crds::Environment;
use gimlet_crds::name::{AppName, EnvName};
use http::Request;
use jiff::Timestamp;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded::Serializer;

use crate::args::Place;
use crate::cluster::Cluster;
use crate::error::{CommandError, Kind, chain};

/// Largest answer that is no log, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// An app in an environment, asked about through a server.
pub(crate) struct Agent<'a> {
    cluster: &'a Cluster,
    place: &'a Place,
}

/// What an agent last said of an app.
#[derive(Debug, Deserialize)]
pub(crate) struct Running {
    pub(crate) state: AppState,
    /// When the agent was heard last, where it is not connected.
    #[serde(default)]
    pub(crate) silent: Option<Timestamp>,
    /// Since when it does not see its cluster, where that is so.
    #[serde(default)]
    pub(crate) blind: Option<Blind>,
}

impl Running {
    /// Tells why it is no news, where it is none.
    pub(crate) fn stale(&self) -> Option<String> {
        if let Some(silent) = self.silent {
            return Some(format!("the agent is not connected; this is what it said at {silent}"));
        }
        let Blind { since, message } = self.blind.as_ref()?;
        Some(format!(
            "the agent does not see its cluster: {message}; this is how it was at {since}"
        ))
    }
}

/// A line of the answer to a question for logs.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Said {
    Line(LogLine),
    /// So many lines were left out.
    Dropped {
        dropped: u64,
    },
    /// It broke off.
    Failed {
        error: Problem,
    },
}

/// An error of the dashboard.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Problem {
    status: u16,
    reason: String,
    detail: String,
}

impl<'a> Agent<'a> {
    /// Asks through a server what the agent of the app's cluster last said of it. None where there is no
    /// server, or it is an API server itself.
    pub(crate) async fn find(
        cluster: &'a Cluster,
        place: &'a Place,
    ) -> Result<Option<(Self, Running)>, CommandError> {
        #[derive(Deserialize)]
        struct Answer {
            running: Option<Running>,
        }
        if !cluster.is_server() {
            return Ok(None);
        }
        let agent = Self { cluster, place };
        let body = match agent.send("", &[]).await {
            Ok(body) => body,
            Err(Refused::NoDashboard(_)) => return Ok(None),
            Err(Refused::Told(error)) => return Err(error),
        };
        let answer: Answer = agent.read(body).await?;
        let running = answer.running.ok_or_else(|| {
            let Place { app, environment } = place;
            let message = format!("no agent has told this server anything of {app} in {environment}");
            CommandError::new(Kind::NotFound, message).hint(format!(
                "name the cluster that Flux applies it to with --context, or see whether an agent is \
                 connected: gimlet get environment {environment} -o yaml"
            ))
        })?;
        Ok(Some((agent, running)))
    }

    /// Asks for the events of the app in its cluster, the oldest first.
    pub(crate) async fn events(&self) -> Result<Vec<EventLine>, CommandError> {
        #[derive(Deserialize)]
        struct Answer {
            items: Vec<EventLine>,
        }
        let body = self.send("/events", &[]).await?;
        Ok(self.read::<Answer>(body).await?.items)
    }

    /// Asks for logs; they come a JSON object a line.
    pub(crate) async fn logs(
        &self,
        asks: &[(&str, String)],
    ) -> Result<impl AsyncBufRead + Send + Unpin + use<>, CommandError> {
        use futures::{StreamExt as _, TryStreamExt as _};
        let body = self.send("/logs", asks).await?;
        let bytes = http_body_util::BodyDataStream::new(body);
        Ok(bytes.map_err(std::io::Error::other).boxed().into_async_read())
    }

    async fn read<T: DeserializeOwned>(&self, body: Body) -> Result<T, CommandError> {
        serde_json::from_slice(&whole(body).await?).map_err(|error| {
            CommandError::general(format!(
                "the answer of {} has a form that this version of gimlet does not know: {error}",
                self.cluster.server()
            ))
        })
    }

    async fn send(&self, what: &str, asks: &[(&str, String)]) -> Result<Body, Refused> {
        let Place { app, environment } = self.place;
        let named = |error: &dyn std::fmt::Display| CommandError::usage(error.to_string());
        let app = AppName::parse(app).map_err(|error| named(&error))?;
        let environment = EnvName::parse(environment).map_err(|error| named(&error))?;
        let mut path =
            format!("/api/agents/{}/{environment}/apps/{app}{what}", self.cluster.namespace);
        if !asks.is_empty() {
            let query = Serializer::new(String::new()).extend_pairs(asks).finish();
            path = format!("{path}?{query}");
        }
        let request = Request::get(path)
            .body(Body::empty())
            .map_err(|error| CommandError::usage(format!("this cannot be asked for: {error}")))?;
        let answer = self.cluster.client.send(request).await.map_err(|error| {
            let server = self.cluster.server();
            CommandError::general(format!("{server} cannot be reached: {}", chain(&error)))
        })?;
        let (head, body) = answer.into_parts();
        if head.status.is_success() {
            return Ok(body);
        }
        let bytes = whole(body).await?;
        Err(match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Refused::Told(problem.into()),
            Err(_) => Refused::NoDashboard(format!(
                "{} does not answer for agents: {}",
                self.cluster.server(),
                head.status
            )),
        })
    }
}

/// Why there is no answer.
enum Refused {
    /// What answers is no dashboard that knows agents.
    NoDashboard(String),
    Told(CommandError),
}

impl From<CommandError> for Refused {
    fn from(error: CommandError) -> Self {
        Self::Told(error)
    }
}

impl From<Refused> for CommandError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Told(error) => error,
            Refused::NoDashboard(message) => Self::general(message)
                .hint("name the cluster that Flux applies the app to with --context"),
        }
    }
}

impl From<Problem> for CommandError {
    fn from(problem: Problem) -> Self {
        let Problem { status, reason, detail } = problem;
        let kind = match status {
            401 | 403 => Kind::Forbidden,
            404 => Kind::NotFound,
            400 => Kind::Usage,
            504 => Kind::TimedOut,
            _ => Kind::General,
        };
        let error = Self::new(kind, detail);
        match (status, reason.as_str()) {
            (401, _) => error.hint("gimlet login URL"),
            (_, "NotByAgent") => {
                error.hint("name the cluster that Flux applies the app to with --context")
            }
            _ => error,
        }
    }
}

/// Says where to ask, where an environment is applied to another cluster than the one that was asked.
pub(super) async fn elsewhere(cluster: &Cluster, environment: &str) -> Option<&'static str> {
    let found = cluster.api::<Environment>().get_opt(environment).await.ok()??;
    (!found.spec.observed_by.is_operator()).then_some(
        "an agent speaks for the cluster of this environment: ask through the dashboard with --server URL, or \
         name that cluster with --context",
    )
}

async fn whole(body: Body) -> Result<Vec<u8>, CommandError> {
    use http_body_util::{BodyExt as _, Limited};
    let all = Limited::new(body, LARGEST).collect().await;
    let all =
        all.map_err(|error| CommandError::general(format!("the answer broke off: {error}")))?;
    Ok(all.to_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_an_answer_is_what_it_says() {
        let said = |text: &str| serde_json::from_str::<Said>(text).unwrap();
        assert!(matches!(said(r#"{"pod":"web-1","container":"app","text":"up"}"#), Said::Line(_)));
        assert_eq!(said(r#"{"dropped":3}"#), Said::Dropped { dropped: 3 });
        let text = r#"{"error":{"status":403,"reason":"Forbidden","detail":"you may not"}}"#;
        let Said::Failed { error } = said(text) else { panic!("{text}") };
        let error = CommandError::from(error);
        assert_eq!((error.kind(), error.message()), (Kind::Forbidden, "you may not"));
    }

    #[test]
    fn an_answer_of_an_api_server_is_no_problem_of_a_dashboard() {
        let status = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}"#;
        assert!(serde_json::from_str::<Problem>(status).is_err());
    }
}
