//! Why something was not carried out.

use std::fmt;

use crate::protocol::{FromAgent, Refusal, clip};

/// Why something was not carried out, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    reason: Refusal,
    message: String,
}

impl Refused {
    pub(super) fn new(reason: Refusal, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Returns a word to count it by.
    pub(super) fn word(&self) -> &'static str {
        match self.reason {
            Refusal::Off => "off",
            Refusal::Forbidden => "forbidden",
            Refusal::NotFound => "notFound",
            Refusal::Invalid => "invalid",
            Refusal::Unsupported => "unsupported",
            Refusal::Busy => "busy",
            Refusal::Failed => "failed",
        }
    }

    /// Makes it an answer.
    pub(super) fn answer(self, id: u64) -> FromAgent {
        FromAgent::Failed { id, reason: self.reason, message: clip(&self.message) }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<kube::Error> for Refused {
    fn from(error: kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::new(Refusal::Failed, format!("the cluster is not reached: {error}"));
        };
        let said = &status.message;
        match status.code {
            403 if said.contains("cannot impersonate") => Self::new(
                Refusal::Off,
                "the agent may not act as the people who ask: apply config/agent-on-demand",
            ),
            403 | 401 => Self::new(
                Refusal::Forbidden,
                format!("the cluster does not let you: {said}; ask for a role in that cluster"),
            ),
            404 => Self::new(Refusal::NotFound, said.clone()),
            400 | 409 | 422 => Self::new(Refusal::Invalid, said.clone()),
            429 => Self::new(Refusal::Busy, format!("the cluster is busy: {said}; try again")),
            _ => Self::new(Refusal::Failed, format!("the cluster says: {said}")),
        }
    }
}
