//! Questions to the person at the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::error::{CommandError, Kind};

/// Asks before something that cannot be undone; off a terminal the flag `--yes` has to say it.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::usage(format!("{question}: nobody is here to be asked"))
            .hint("pass --yes to confirm"));
    }
    let mut stderr = anstream::stderr();
    write!(stderr, "{question}? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CommandError::general(format!("the answer cannot be read: {error}")))?;
    if is_yes(&answer) {
        return Ok(());
    }
    Err(CommandError::new(Kind::Interrupted, "nothing was done"))
}

/// Asks for a text; an empty answer takes the one that is offered.
pub(crate) fn ask(what: &str, offered: Option<&str>) -> Result<String, CommandError> {
    let mut stderr = anstream::stderr();
    let offer = offered.map(|text| format!(" [{text}]")).unwrap_or_default();
    write!(stderr, "{what}{offer}: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CommandError::general(format!("the answer cannot be read: {error}")))?;
    let answer = answer.trim();
    match (answer, offered) {
        ("", Some(offered)) => Ok(offered.to_owned()),
        ("", None) => Err(CommandError::usage(format!("{what} was not said"))),
        _ => Ok(answer.to_owned()),
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_confirms() {
        assert!(is_yes("y\n") && is_yes("YES\r\n"));
        assert!(!is_yes("\n") && !is_yes("n\n") && !is_yes("yep\n"));
    }
}
