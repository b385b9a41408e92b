//! Variables that a manifest uses, and who gives them.

use std::collections::BTreeSet;

use granit_parser::ScalarStyle;

use super::mark::{Content, Node, Scalar, place_of};
use super::{Finding, fields};
use crate::variables::Vars;
use crate::{suggestion, template};

/// Facts of a release: of its source and of itself.
pub(super) const FACTS: [(&str, &str); 7] = [
    ("REPO", "example/app"),
    ("OWNER", "example"),
    ("SHA", "0123456789abcdef0123456789abcdef01234567"),
    ("BRANCH", "main"),
    ("TAG", "v1.0.0"),
    ("APP", "app"),
    ("ENV", "env"),
];

/// What a preview is told beside them.
const PREVIEW: [(&str, &str); 2] = [
    (crate::preview::HOST, "app-fix.preview.example.com"),
    (crate::preview::URL, "https://app-fix.preview.example.com"),
];

/// Stands for a variable that is not known: a number, a name and a version at once.
const SAMPLE: &str = "1";

/// Finds variables that nobody gives, and makes up values for a trial.
pub(super) fn check(source: &str, root: &Node, vars: &Vars, findings: &mut Vec<Finding>) -> Vars {
    let mut all: Vars =
        FACTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    if fields::is_preview(root) {
        all.extend(PREVIEW.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    all.extend(vars.clone());
    let mut told = BTreeSet::new();
    let mut pending = vec![root];
    while let Some(node) = pending.pop() {
        match &node.content {
            Content::Alias => {}
            Content::List(items) => pending.extend(items.iter().rev()),
            Content::Map(entries) => {
                pending.extend(entries.iter().rev().flat_map(|(key, value)| [value, key]));
            }
            Content::Scalar(scalar) => {
                for name in missing(scalar, &all) {
                    if told.insert(name.to_owned()) {
                        findings.push(finding(source, scalar, name, vars));
                    }
                }
            }
        }
    }
    for name in told {
        all.insert(name, SAMPLE.to_owned());
    }
    all
}

fn missing<'a>(scalar: &'a Scalar, known: &Vars) -> Vec<&'a str> {
    template::expressions(&scalar.text)
        .into_iter()
        .flat_map(|range| template::mentions(&scalar.text[range]))
        .filter(|name| !known.contains_key(*name))
        .collect()
}

fn finding(source: &str, scalar: &Scalar, name: &str, vars: &Vars) -> Finding {
    let known = FACTS.iter().map(|(name, _)| *name).chain(vars.keys().map(String::as_str));
    let hint = match suggestion::closest(name, known) {
        Some(close) => format!("did you mean {close}?"),
        None => format!(
            "spec.vars of the Environment or the release has to set it; --var {name}=… checks with a value"
        ),
    };
    Finding::warning(
        "unknown-variable",
        place(source, scalar, name),
        format!("nobody here gives the variable {name}"),
    )
    .hint(hint)
}

/// Finds where a scalar of the source mentions a variable.
fn place(source: &str, scalar: &Scalar, name: &str) -> super::Place {
    let written = source.get(scalar.range.clone()).unwrap_or_default();
    let mention = format!(".{name}");
    let at = written.match_indices(&mention).map(|(at, _)| at).find(|at| {
        let after = written[at + mention.len()..].chars().next();
        after.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    });
    let is_short = matches!(scalar.style, ScalarStyle::Plain) && at.is_none();
    let start = scalar.range.start + at.unwrap_or(0);
    let length = if at.is_some() {
        mention.len()
    } else if is_short {
        written.len()
    } else {
        1
    };
    place_of(source, start..start + length)
}
