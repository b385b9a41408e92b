//! `.helmignore`.

use super::ChartError;

/// The rules of a `.helmignore` file, in order.
pub(super) struct Rules(Vec<Rule>);

struct Rule {
    pattern: Vec<char>,
    negated: bool,
    directories_only: bool,
    whole_path: bool,
}

impl Rules {
    pub(super) fn parse(text: &str) -> Result<Self, ChartError> {
        let mut rules = Vec::new();
        // Helm always leaves out hidden files below templates/.
        for line in text.trim_start_matches('\u{feff}').lines().chain(["templates/.?*"]) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.contains("**") {
                let message = "double-star (**) syntax is not supported".to_owned();
                return Err(ChartError::Ignore(message));
            }
            if !is_pattern(line) {
                return Err(ChartError::Ignore("syntax error in pattern".to_owned()));
            }
            let (negated, line) = strip(line, |text| text.strip_prefix('!'));
            let (directories_only, line) = strip(line, |text| text.strip_suffix('/'));
            let whole_path = line.contains('/');
            let pattern = line.trim_start_matches('/').chars().collect();
            rules.push(Rule { pattern, negated, directories_only, whole_path });
        }
        Ok(Self(rules))
    }

    /// What matching one symbol of a path with all rules takes.
    pub(super) fn effort(&self) -> usize {
        self.0.iter().map(|rule| rule.pattern.len() + 1).sum()
    }

    /// Tells whether a path is left out; a negated rule leaves out all it does not match.
    pub(super) fn ignores(&self, path: &str, is_dir: bool) -> bool {
        let base = path.rsplit('/').next().unwrap_or(path);
        for rule in &self.0 {
            let subject: Vec<char> = if rule.whole_path { path } else { base }.chars().collect();
            let hit = || matches(&rule.pattern, &subject);
            if rule.negated {
                if (rule.directories_only && !is_dir) || !hit() {
                    return true;
                }
            } else if (is_dir || !rule.directories_only) && hit() {
                return true;
            }
        }
        false
    }
}

fn strip(text: &str, by: impl Fn(&str) -> Option<&str>) -> (bool, &str) {
    by(text).map_or((false, text), |rest| (true, rest))
}

/// `filepath.Match`, with all ways to match followed side by side: trying them one after the
/// other takes exponential time with many stars.
fn matches(pattern: &[char], subject: &[char]) -> bool {
    let mut places = vec![false; pattern.len() + 1];
    places[0] = true;
    skip_stars(pattern, &mut places);
    for &symbol in subject {
        let mut next = vec![false; pattern.len() + 1];
        for at in (0..pattern.len()).filter(|at| places[*at]) {
            let (first, rest) = (pattern[at], &pattern[at + 1..]);
            match first {
                '*' => next[at] |= symbol != '/',
                '?' => next[at + 1] |= symbol != '/',
                '[' => {
                    if let Some((true, rest)) = class(rest, symbol) {
                        next[pattern.len() - rest.len()] = true;
                    }
                }
                '\\' => {
                    if rest.first() == Some(&symbol) {
                        next[at + 2] = true;
                    }
                }
                literal => next[at + 1] |= literal == symbol,
            }
        }
        skip_stars(pattern, &mut next);
        places = next;
    }
    places[pattern.len()]
}

/// A star matches nothing as well.
fn skip_stars(pattern: &[char], places: &mut [bool]) {
    for (at, symbol) in pattern.iter().enumerate() {
        if *symbol == '*' && places[at] {
            places[at + 1] = true;
        }
    }
}

/// A character of a class, with its escape taken off.
fn member(pattern: &[char]) -> Option<(char, &[char])> {
    match pattern {
        ['\\', escaped, rest @ ..] => Some((*escaped, rest)),
        ['\\' | '-' | ']', ..] | [] => None,
        [symbol, rest @ ..] => Some((*symbol, rest)),
    }
}

/// Whether a character belongs to a class, and what follows the class.
fn class(mut pattern: &[char], symbol: char) -> Option<(bool, &[char])> {
    let negated = pattern.first() == Some(&'^');
    if negated {
        pattern = &pattern[1..];
    }
    let mut hit = false;
    let mut first = true;
    loop {
        if let ([']', rest @ ..], false) = (pattern, first) {
            return Some((hit != negated, rest));
        }
        first = false;
        let (low, rest) = member(pattern)?;
        let (high, rest) = match rest {
            ['-', rest @ ..] => member(rest)?,
            _ => (low, rest),
        };
        hit |= (low..=high).contains(&symbol);
        pattern = rest;
    }
}

/// Tells whether `filepath.Match` understands a pattern.
fn is_pattern(text: &str) -> bool {
    let symbols: Vec<char> = text.chars().collect();
    let mut rest = symbols.as_slice();
    loop {
        rest = match rest {
            [] => return true,
            ['\\'] => return false,
            ['[', inside @ ..] => match class(inside, ' ') {
                Some((_, rest)) => rest,
                None => return false,
            },
            ['\\', _, rest @ ..] | [_, rest @ ..] => rest,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_names_paths_and_directories() {
        let rules = Rules::parse("# note\n*.swp\n/top.txt\nci/\ndocs/*.md\n").unwrap();
        for (path, is_dir, ignored) in [
            ("a/b.swp", false, true),
            ("top.txt", false, true),
            ("ci", true, true),
            ("ci", false, false),
            ("docs/a.md", false, true),
            ("docs/x/a.md", false, false),
            ("templates/.hidden", false, true),
            ("values.yaml", false, false),
        ] {
            assert_eq!(rules.ignores(path, is_dir), ignored, "{path}");
        }
    }

    #[test]
    fn many_stars_do_not_multiply() {
        let rules = Rules::parse(&format!("{}b\n", "*a".repeat(40))).unwrap();
        assert!(!rules.ignores(&"a".repeat(200), false));
        assert!(rules.ignores(&format!("{}b", "a".repeat(200)), false));
        let classes = Rules::parse("[^x]?\\*[a-c]*\n").unwrap();
        assert!(classes.ignores("qq*bz", false) && !classes.ignores("qq*dz", false));
    }

    #[test]
    fn a_double_star_is_refused() {
        assert!(Rules::parse("a/**/b").is_err());
    }
}
