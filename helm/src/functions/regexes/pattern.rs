//! Compiled patterns with what matching them costs.

use std::ops::Deref;

use regex::{Match, Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::engine::Engine;
use crate::template::fault::{Fault, Outcome};

/// Memory a compiled pattern may take.
const PROGRAM_LIMIT: usize = 10 << 20;
/// Memory a pattern may take while it matches.
const CACHE_LIMIT: usize = 1 << 20;
/// Longest pattern; parsing takes some hundred times as much memory.
const LENGTH_LIMIT: usize = 64 << 10;
/// States of the automaton a pattern describes; Go has a similar limit.
const STATE_LIMIT: usize = 200_000;
/// Memory of a state, roughly.
const STATE_BYTES: usize = 48;

/// A compiled pattern.
pub(crate) struct Pattern {
    regex: Regex,
    length: usize,
    states: usize,
    strays: bool,
}

impl Deref for Pattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.regex
    }
}

impl Pattern {
    /// Compiles a pattern in the syntax of the regex crate.
    pub(super) fn compile(pattern: &str) -> Outcome<Self> {
        let broken = |error: String| Fault::new(format!("error parsing regexp: {error}"));
        if pattern.len() > LENGTH_LIMIT {
            return Err(Fault::limit(format!(
                "regular expression is longer than the limit of {LENGTH_LIMIT} bytes: shorten it"
            )));
        }
        let tree = regex_syntax::parse(pattern).map_err(|error| broken(error.to_string()))?;
        let states = states(&tree);
        if states > STATE_LIMIT {
            return Err(Fault::limit(format!(
                "regular expression has more than the limit of {STATE_LIMIT} states: repeat less"
            )));
        }
        let regex = RegexBuilder::new(pattern)
            .size_limit(PROGRAM_LIMIT)
            .dfa_size_limit(CACHE_LIMIT)
            .build()
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { regex, length: pattern.len(), states, strays: strays(&tree, false) })
    }

    /// Work that reading a pattern takes.
    pub(super) fn parse_price(pattern: &str) -> usize {
        pattern.len().min(LENGTH_LIMIT).saturating_mul(100)
    }

    /// Work that compiling the pattern took.
    pub(crate) fn price(&self) -> usize {
        (self.length + self.states).saturating_mul(100)
    }

    /// Memory that is taken for as long as the pattern is kept.
    pub(crate) fn memory(&self) -> usize {
        CACHE_LIMIT + self.states * STATE_BYTES
    }

    /// Work for every byte, should the automaton be in all of its states at once.
    fn effort(&self) -> usize {
        4 + self.states / 2
    }

    /// Counts one search that may go through all of a text.
    pub(super) fn count(&self, engine: &Engine<'_>, text: &str) -> Outcome<()> {
        engine.work(text.len().saturating_mul(self.effort()))
    }

    /// Counts a match with what a search may have seen of the text behind it.
    pub(super) fn count_match(
        &self,
        engine: &Engine<'_>,
        text: &str,
        found: &Match<'_>,
    ) -> Outcome<()> {
        let behind = if self.strays { text.len() - found.end() } else { 0 };
        engine.work((behind / 16).saturating_mul(self.effort()).saturating_add(64))
    }

    /// All matches, counted.
    pub(super) fn matches<'t>(
        &self,
        engine: &Engine<'_>,
        text: &'t str,
        most: usize,
    ) -> Outcome<Vec<Match<'t>>> {
        self.count(engine, text)?;
        let mut found = Vec::new();
        for one in self.regex.find_iter(text).take(most) {
            self.count_match(engine, text, &one)?;
            found.push(one);
            engine.check_length(i64::try_from(found.len()).unwrap_or(i64::MAX))?;
        }
        Ok(found)
    }
}

/// The states of the automaton for a tree, roughly; repetitions multiply.
fn states(tree: &Hir) -> usize {
    let all = |parts: &[Hir]| parts.iter().map(states).fold(0, usize::saturating_add);
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() * 2 + 2,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min).max(repetition.min);
            let times = usize::try_from(most).unwrap_or(usize::MAX).max(1);
            states(&repetition.sub).saturating_mul(times).saturating_add(2)
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(4),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => all(parts).saturating_add(1),
    }
}

/// Whether a search may go on for long after it has seen the match it will report: it does when
/// an endless repetition is one of several ways to go on. Then all matches of a text together
/// take quadratic time.
fn strays(tree: &Hir, choice: bool) -> bool {
    match tree.kind() {
        HirKind::Repetition(repetition) => {
            (choice && repetition.max.is_none()) || strays(&repetition.sub, true)
        }
        HirKind::Capture(capture) => strays(&capture.sub, choice),
        HirKind::Concat(parts) => parts.iter().any(|part| strays(part, choice)),
        HirKind::Alternation(parts) => parts.iter().any(|part| strays(part, true)),
        _ => false,
    }
}
