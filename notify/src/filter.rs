//! Which messages a receiver wants.

use crate::{Kind, Message};

/// Which messages a receiver wants; an empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of messages.
    pub kinds: Vec<Kind>,
    /// Patterns of environments: `*` for any characters, `?` for one, `!` first for what is left
    /// out.
    pub environments: Vec<String>,
    /// Patterns of apps, in the same form.
    pub apps: Vec<String>,
}

impl Filter {
    /// Tells whether a message is wanted.
    pub fn wants(&self, message: &Message) -> bool {
        let Self { kinds, environments, apps } = self;
        (kinds.is_empty() || kinds.contains(&message.kind))
            && admits(environments, &message.environment)
            && admits(apps, &message.app)
    }
}

fn admits(patterns: &[String], name: &str) -> bool {
    let excluded = |pattern: &&String| pattern.starts_with('!');
    let (without, with): (Vec<_>, Vec<_>) = patterns.iter().partition(excluded);
    let matches_rest = |pattern: &&String| matches(pattern.trim_start_matches('!'), name);
    !without.iter().any(matches_rest) && (with.is_empty() || with.iter().any(|p| matches(p, name)))
}

/// Compares without recursion, so that no pattern takes longer than both lengths multiplied.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                // The star takes one more character.
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
