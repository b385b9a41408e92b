//! A request in the words of an API, and what came back.

use std::sync::Arc;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::HostError;
use crate::provider::Provider;
use crate::secret::Secret;
use crate::text::line;

/// What a request is for, and what a token needs for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) doing: &'static str,
    pub(crate) right: &'static str,
}

/// A request, below the address of the API.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: Vec<&'a str>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    pub(super) task: Task,
    /// What is not there if the host says so.
    pub(super) what: String,
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, path: Vec<&'a str>, task: Task, what: &str) -> Self {
        let what = what.to_owned();
        Self { method, path, query: Vec::new(), body: None, task, what }
    }

    pub(crate) fn get(path: Vec<&'a str>, task: Task, what: &str) -> Self {
        Self::new(Method::GET, path, task, what)
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// An answer with any status but those of rate limits.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(super) host: String,
    pub(super) provider: Provider,
    pub(super) status: u16,
    pub(super) body: Arc<[u8]>,
    pub(super) more: bool,
    pub(super) total: Option<u64>,
    pub(super) task: Task,
    pub(super) what: String,
    /// What the host says of a refusal, without the token.
    pub(super) detail: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the list goes on.
    pub(crate) fn more(&self) -> bool {
        self.more
    }

    /// How long the list is, where the host says it in the way of Gitea.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Turns any status but success into an error that says what to do.
    pub(crate) fn success(self) -> Result<Self, HostError> {
        let Self { host, task: Task { doing, right }, what, detail, status, .. } = self;
        Err(match status {
            200..=299 => {
                return Ok(Self { host, task: Task { doing, right }, what, detail, ..self });
            }
            401 => HostError::Unauthorized { host, doing, right },
            403 => HostError::Forbidden { host, doing, right, detail },
            404 | 410 => HostError::NotFound { host, what, right },
            408 | 425 | 500..=599 => {
                HostError::Unreachable { host, detail: format!("it answers with status {status}") }
            }
            _ => HostError::Refused { host, doing, status, detail },
        })
    }

    /// Reads the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, HostError> {
        serde_json::from_slice(&self.body).map_err(|error| self.invalid(&error))
    }

    /// Says that the host could not do it now.
    pub(crate) fn busy(self) -> HostError {
        let Self { host, status, detail, .. } = self;
        let said = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        HostError::Unreachable { host, detail: format!("it answers with status {status}{said}") }
    }

    /// Says that the answer has a form that it should not have.
    pub(crate) fn invalid(&self, detail: &impl ToString) -> HostError {
        let detail = line(&detail.to_string());
        HostError::Invalid { host: self.host.clone(), provider: self.provider, detail }
    }
}

/// Finds what a host says of a refusal.
pub(super) fn detail(body: &[u8], token: Option<&Secret>) -> String {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    let mut said: Vec<String> = ["message", "error_description", "error"]
        .iter()
        .find_map(|name| answer.get(name).and_then(text))
        .into_iter()
        .collect();
    for error in answer.get("errors").and_then(Value::as_array).into_iter().flatten().take(3) {
        said.extend(error.get("message").and_then(text).or_else(|| text(error)));
    }
    let said = said.join("; ");
    line(&token.map_or_else(|| said.clone(), |token| token.scrub(&said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hosts_say_is_found_in_every_form_and_without_the_token() {
        let token = Secret::new("hunter2");
        for (body, expected) in [
            (r#"{"message":"Bad hunter2"}"#, "Bad ***"),
            (
                r#"{"message":"Failed","errors":[{"message":"A pull request already exists"}]}"#,
                "Failed; A pull request already exists",
            ),
            (r#"{"message":{"base":["is taken"]}}"#, r#"{"base":["is taken"]}"#),
            (r#"{"error":"insufficient_scope","error_description":"needs api"}"#, "needs api"),
            ("<html>", ""),
        ] {
            assert_eq!(detail(body.as_bytes(), Some(&token)), expected);
        }
    }
}
