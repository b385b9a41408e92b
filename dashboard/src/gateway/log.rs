//! A log on its way from an agent to a viewer.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use futures::Stream;
use gimlet_agent::protocol::{Answer, LogLine};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use super::ask::refused;
use super::asked::{Asked, Reply};
use crate::caller::Caller;
use crate::http::Dashboard;
use crate::problem::Problem;

/// A log says so often that it goes on, and is asked whether it may.
const PULSE: Duration = Duration::from_secs(15);
/// Time that a byte takes at least, so that one viewer is sent a megabyte in a second. What is more is
/// left out by the agent, and counted.
const A_BYTE: Duration = Duration::from_micros(1);

/// A log on its way to a viewer.
pub(super) struct Log {
    dashboard: Dashboard,
    caller: Caller,
    asked: Asked,
    first: Option<Reply>,
    checked: Instant,
    over: bool,
}

/// What a line of the answer can be.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Log(&'a LogLine),
    Dropped { dropped: u64 },
    Failed { error: Problem },
}

impl Log {
    pub(super) fn new(
        dashboard: Dashboard,
        caller: Caller,
        asked: Asked,
        first: Option<Reply>,
    ) -> Self {
        Self { dashboard, caller, asked, first, checked: Instant::now(), over: false }
    }

    /// Gives it as a body: a JSON object on each line.
    pub(super) fn lines(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        futures::stream::unfold(self, async |mut log| {
            let text = log.next().await?;
            Some((Ok(Bytes::from(text)), log))
        })
    }

    /// Gives the next lines; none at the end.
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        let begun = Instant::now();
        if self.checked + PULSE <= begun {
            self.checked = begun;
            if !self.caller.stays(&self.dashboard) {
                return Some(
                    self.fail(Problem::unauthorized("the session is over: sign in again")),
                );
            }
        }
        let reply = match self.first.take() {
            Some(reply) => Some(reply),
            None => match timeout(PULSE, self.asked.next()).await {
                Ok(reply) => reply,
                // An empty line shows that the connection stands.
                Err(_) => return Some("\n".into()),
            },
        };
        let (lines, dropped) = match reply {
            Some(Reply::Part(Answer::Lines { lines, dropped })) => (lines, dropped),
            Some(Reply::Part(_)) => return Some("\n".into()),
            Some(Reply::End) => return None,
            Some(Reply::Failed(reason, message)) => {
                return Some(self.fail(refused(reason, message)));
            }
            None => {
                return Some(self.fail(Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "NoAgent",
                    "the agent is gone: try again in a moment",
                )));
            }
        };
        let mut text = String::new();
        if dropped > 0 {
            add(&mut text, &Line::Dropped { dropped });
        }
        for line in &lines {
            add(&mut text, &Line::Log(line));
        }
        // While nothing is taken, the agent has no leave to send, and leaves lines out.
        let least = A_BYTE.saturating_mul(text.len().try_into().unwrap_or(u32::MAX));
        sleep(least.saturating_sub(begun.elapsed())).await;
        Some(text)
    }

    fn fail(&mut self, error: Problem) -> String {
        self.over = true;
        let mut text = String::new();
        add(&mut text, &Line::Failed { error });
        text
    }
}

fn add(text: &mut String, line: &Line<'_>) {
    if let Ok(line) = serde_json::to_string(line) {
        text.push_str(&line);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_answer_says_what_it_is() {
        let line =
            LogLine { pod: "web-1".into(), container: "app".into(), time: None, text: "up".into() };
        let mut text = String::new();
        for line in [
            Line::Dropped { dropped: 3 },
            Line::Log(&line),
            Line::Failed { error: Problem::not_found("no") },
        ] {
            add(&mut text, &line);
        }
        let expected = "{\"dropped\":3}\n{\"pod\":\"web-1\",\"container\":\"app\",\"text\":\"up\"}\n\
            {\"error\":{\"status\":404,\"reason\":\"NotFound\",\"detail\":\"no\"}}\n";
        assert_eq!(text, expected);
    }
}
