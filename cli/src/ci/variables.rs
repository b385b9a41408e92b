//! Variables that CI ships for the templates of the manifests: those that were asked for, and no others.

use gimlet_crds::ArtifactEvent;
use gimlet_manifest::Vars;

use super::Facts;
use crate::error::CommandError;

/// Largest number of variables that an artifact has.
const MAX: usize = 256;

/// Reads a file of lines `NAME=VALUE`; `#` begins a comment, and quotes around a value are taken off.
pub(crate) fn parse_file(path: &str, text: &str) -> Result<Vec<(String, String)>, CommandError> {
    let mut pairs = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let broken = |why: &str| {
            // The line may hold a secret, so it is not shown.
            CommandError::usage(format!("{path}:{}: {why}", index + 1))
                .hint("write one variable a line: NAME=VALUE")
        };
        let (name, value) = line.split_once('=').ok_or_else(|| broken("there is no '='"))?;
        let name = name.trim();
        if !is_name(name) {
            return Err(broken("the name has to be letters, digits and '_', a letter first"));
        }
        pairs.push((name.to_owned(), unquote(value.trim()).to_owned()));
    }
    Ok(pairs)
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|v| v.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// Adds what CI knows beside the commit: who, by what and where. What was given comes first.
pub(crate) fn variables(given: Vars, facts: &Facts) -> Result<Vars, CommandError> {
    let event = match facts.event {
        ArtifactEvent::Push => "push",
        ArtifactEvent::Tag => "tag",
        ArtifactEvent::PullRequest => "pr",
    };
    let known = [
        ("ACTOR", facts.actor.clone()),
        ("EVENT", Some(event.to_owned())),
        ("JOB", facts.run.clone()),
    ];
    let mut all: Vars =
        known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    all.extend(given);
    if all.len() > MAX {
        return Err(CommandError::usage(format!("{} variables are too many", all.len()))
            .hint(format!("an artifact has at most {MAX}")));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_variable_a_line() {
        let text = "# built\nIMAGE=ghcr.io/acme/shop\n\nexport TAG = \"1.2=3\"\nEMPTY=\n";
        let pairs = parse_file("build.env", text).unwrap();
        let shown: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(shown, ["IMAGE=ghcr.io/acme/shop", "TAG=1.2=3", "EMPTY="]);
    }

    #[test]
    fn a_broken_line_is_named_and_not_shown() {
        for text in ["A=1\nhunter2", "1A=hunter2", "A B=hunter2", "=hunter2"] {
            let error = parse_file("build.env", text).unwrap_err().styled();
            assert!(error.contains("build.env:") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn only_what_was_asked_for_is_shipped() {
        let facts = Facts { run: Some("https://ci/1".into()), ..Facts::default() };
        let given = Vars::from([("EVENT".to_owned(), "mine".to_owned())]);
        let all = variables(given, &facts).unwrap();
        let shown: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(shown, ["EVENT=mine", "JOB=https://ci/1"]);
        let many = (0..300).map(|i| (format!("V{i}"), String::new())).collect();
        assert_eq!(variables(many, &facts).unwrap_err().exit_code(), 2);
    }
}
