//! A check and what it came to.

use std::fmt::Write as _;

use clap::builder::styling::AnsiColor;
use serde::Serialize;
use serde_json::json;

use crate::error::{CommandError, Finish};
use crate::output::{self, Cell, Format};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(in crate::command) enum State {
    /// As it should be.
    Fine,
    /// Not as it should be, and somebody has to act.
    Wrong,
    /// It works, and may not for long.
    Doubtful,
    /// It could not be looked at.
    Unknown,
}

/// A check and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::command) struct Check {
    /// What was looked at.
    pub(in crate::command) what: String,
    /// How it ended.
    pub(in crate::command) state: State,
    /// The cause, or what is fine.
    pub(in crate::command) said: String,
    /// What to do, or the command to run next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) next: Option<String>,
}

impl Check {
    pub(in crate::command) fn fine(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Fine, said: said.into(), next: None }
    }

    pub(in crate::command) fn wrong(
        what: impl Into<String>,
        said: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let next = Some(next.into());
        Self { what: what.into(), state: State::Wrong, said: said.into(), next }
    }

    pub(in crate::command) fn doubtful(
        what: impl Into<String>,
        said: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let next = Some(next.into());
        Self { what: what.into(), state: State::Doubtful, said: said.into(), next }
    }

    pub(in crate::command) fn unknown(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Unknown, said: said.into(), next: None }
    }
}

/// Prints checks, and ends with findings where one of them is wrong.
pub(in crate::command) fn report(checks: &[Check], format: Format) -> Result<Finish, CommandError> {
    let wrong = || checks.iter().filter(|check| check.state == State::Wrong);
    let healthy = wrong().next().is_none();
    let text = match format {
        Format::Json | Format::Yaml => {
            output::object(&json!({"healthy": healthy, "checks": checks}), format)?
        }
        Format::Name => output::lines(wrong().map(|check| check.what.clone())),
        Format::Table | Format::Wide => table(checks),
    };
    output::print(&text)?;
    Ok(if healthy { Finish::Done } else { Finish::Findings })
}

/// Shows checks, a line each, and what to do about those that need it.
pub(in crate::command) fn table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for check in checks {
        let sign = match check.state {
            State::Fine => Cell::colored("✓", AnsiColor::Green),
            State::Wrong => Cell::colored("✕", AnsiColor::Red),
            State::Doubtful => Cell::colored("!", AnsiColor::Yellow),
            State::Unknown => Cell::colored("?", AnsiColor::Yellow),
        };
        let said: String =
            check.said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "{} {:<width$}  {said}", sign.styled(), check.what);
        if let Some(next) = &check.next {
            let _ = writeln!(text, "  {:<width$}  → {next}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn each_check_is_a_line_and_each_fault_has_a_next_step() {
        let checks = [
            Check::fine("cluster", "https://k8s.example.com answers in 12 ms"),
            Check::wrong(
                "operator",
                "no operator has led for 4m",
                "kubectl get pods -n gimlet-system",
            ),
            Check::doubtful("clock", "it differs by 7s", "synchronise the clock of this machine"),
            Check::unknown("lease", "you may not see it"),
        ];
        assert_snapshot!(anstream::adapter::strip_str(&table(&checks)).to_string());
    }
}
