//! `--show-only`: parts of the output by the template that they come from.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::{CommandError, Kind};

/// Templates that a hint names.
const LISTED: usize = 8;

static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[\t\n\x0C\r ]*\n)---[\t\n\x0C\r ]*").expect("the separator pattern is valid")
});

static SOURCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"# Source: [^/\n]+/(.+)").expect("the pattern of a source is valid")
});

/// Selects the documents of each pattern, in the order of the patterns.
///
/// Like helm it looks at the printed text: of a file with several documents in `crds/` only the
/// first is found.
pub(super) fn select(text: &str, patterns: &[String]) -> Result<String, CommandError> {
    let documents: Vec<(&str, &str)> = SEPARATOR
        .split(text.trim())
        .map(str::trim)
        .filter_map(|document| {
            let source = SOURCE.captures(document)?.get(1)?;
            Some((source.as_str(), document))
        })
        .collect();
    let mut selected = String::new();
    for pattern in patterns {
        let pattern_chars: Vec<char> = pattern.chars().collect();
        let mut missing = true;
        for (source, document) in &documents {
            let source: Vec<char> = source.chars().collect();
            if matches(&pattern_chars, &source) {
                // Writing to a String cannot fail.
                let _ = writeln!(selected, "---\n{document}");
                missing = false;
            }
        }
        if missing {
            let message = format!("could not find template {pattern} in chart");
            return Err(CommandError::new(Kind::General, message).hint(hint(&documents)));
        }
    }
    Ok(selected)
}

fn hint(documents: &[(&str, &str)]) -> String {
    let mut sources: Vec<&str> = Vec::new();
    for (source, _) in documents {
        if !sources.contains(source) {
            sources.push(source);
        }
    }
    let more = sources.len().saturating_sub(LISTED);
    sources.truncate(LISTED);
    match more {
        _ if sources.is_empty() => "nothing was rendered".to_owned(),
        0 => format!("rendered were {}", sources.join(", ")),
        _ => format!("rendered were {} and {more} more", sources.join(", ")),
    }
}

/// Matches as Go's `filepath.Match`; a pattern that cannot be read matches nothing.
fn matches(pattern: &[char], path: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return path.is_empty() };
    if *first == '*' {
        return (0..=path.len())
            .take_while(|&taken| taken == 0 || path[taken - 1] != '/')
            .any(|taken| matches(rest, &path[taken..]));
    }
    let Some((head, tail)) = path.split_first() else { return false };
    match first {
        '?' => *head != '/' && matches(rest, tail),
        '[' => class(rest, *head).is_some_and(|rest| matches(rest, tail)),
        '\\' => rest.split_first().is_some_and(|(next, rest)| next == head && matches(rest, tail)),
        literal => literal == head && matches(rest, tail),
    }
}

/// Returns what follows a class that the character belongs to.
fn class(pattern: &[char], c: char) -> Option<&[char]> {
    let negated = pattern.first() == Some(&'^');
    let mut rest = if negated { &pattern[1..] } else { pattern };
    let mut hit = false;
    let mut empty = true;
    loop {
        if let [']', after @ ..] = rest
            && !empty
        {
            return (hit != negated).then_some(after);
        }
        empty = false;
        let (low, after) = class_end(rest)?;
        let (high, after) = match after {
            ['-', after @ ..] => class_end(after)?,
            _ => (low, after),
        };
        hit |= (low..=high).contains(&c);
        rest = after;
    }
}

/// Reads one end of a range.
fn class_end(pattern: &[char]) -> Option<(char, &[char])> {
    match pattern {
        ['-' | ']', ..] | [] => None,
        ['\\', c, rest @ ..] => Some((*c, rest)),
        [c, rest @ ..] => Some((*c, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "---\n# Source: shop/crds/a.yaml\nkind: A\n---\nkind: B\n---\n# Source: shop/templates/one.yaml\nx: 1\n---\n# Source: shop/charts/db/templates/two.yaml\ny: 2\n---\n# Source: shop/templates/one.yaml\nz: 3\n";

    fn shown(patterns: &[&str]) -> String {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        match select(OUTPUT, &patterns) {
            Ok(text) => text,
            Err(error) => anstream::adapter::strip_str(&error.styled()).to_string(),
        }
    }

    #[test]
    fn documents_come_in_the_order_of_the_patterns() {
        assert_eq!(
            shown(&["templates/one.yaml", "crds/*"]),
            "---\n# Source: shop/templates/one.yaml\nx: 1\n---\n# Source: shop/templates/one.yaml\nz: 3\n\
             ---\n# Source: shop/crds/a.yaml\nkind: A\n"
        );
    }

    #[test]
    fn a_template_that_is_not_there_is_an_error_with_those_that_are() {
        insta::assert_snapshot!(shown(&["templates/none.yaml"]), @r"
        error: could not find template templates/none.yaml in chart
        hint: rendered were crds/a.yaml, templates/one.yaml, charts/db/templates/two.yaml
        ");
    }

    #[test]
    fn patterns_match_as_in_go() {
        let cases = [
            ("templates/*.yaml", "templates/a.yaml", true),
            ("templates/*", "templates/x/a.yaml", false),
            ("*/*", "templates/a.yaml", true),
            ("t?st", "test", true),
            ("t?st", "t/st", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            (r"\*", "*", true),
            (r"[\]]", "]", true),
            ("[]a]", "]", false),
            ("[a", "a", false),
            ("a[", "a", false),
            ("", "", true),
        ];
        for (pattern, path, expected) in cases {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            assert_eq!(matches(&chars(pattern), &chars(path)), expected, "{pattern} {path}");
        }
    }
}
