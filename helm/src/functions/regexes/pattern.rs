//! Compiled patterns with what matching them costs.

use std::ops::Deref;

use regex::{Match, Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::re2;
use crate::engine::Engine;
use crate::template::fault::Outcome;

/// Memory a compiled pattern may take.
const PROGRAM_LIMIT: usize = 10 << 20;
/// Memory a pattern may take while it matches.
const CACHE_LIMIT: usize = 1 << 20;
/// Longest pattern; parsing takes some hundred times as much memory.
const LENGTH_LIMIT: usize = 64 << 10;
/// States of the automaton a pattern describes; Go has a similar limit.
const STATE_LIMIT: usize = 200_000;
/// Nesting the compiler accepts; the translation is stricter.
const NEST_LIMIT: u32 = 10_000;
/// Memory of a state, roughly.
const STATE_BYTES: usize = 48;

/// A compiled pattern.
pub(crate) struct Pattern {
    regex: Regex,
    /// The names of the groups, the whole match being group 0.
    names: Vec<String>,
    length: usize,
    states: usize,
    strays: bool,
}

/// Why a pattern is not accepted.
pub(super) enum Problem {
    /// It is no pattern, in Go's words.
    Broken(String),
    /// It exceeds a limit.
    Limit(String),
}

impl Deref for Pattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.regex
    }
}

impl Pattern {
    /// Compiles a pattern in Go's syntax.
    pub(super) fn compile(pattern: &str) -> Result<Self, Problem> {
        if pattern.len() > LENGTH_LIMIT {
            return Err(Problem::Limit(format!(
                "regular expression is longer than the limit of {LENGTH_LIMIT} bytes: shorten it"
            )));
        }
        let re2::Translated { pattern: text, names } =
            re2::translate(pattern).map_err(Problem::Broken)?;
        let too_large =
            || Problem::Broken(format!("error parsing regexp: expression too large: `{pattern}`"));
        let tree = ParserBuilder::new()
            .nest_limit(NEST_LIMIT)
            .build()
            .parse(&text)
            .map_err(|_| too_large())?;
        let states = states(&tree);
        if states > STATE_LIMIT {
            return Err(Problem::Limit(format!(
                "regular expression has more than the limit of {STATE_LIMIT} states: repeat less"
            )));
        }
        let regex = RegexBuilder::new(&text)
            .size_limit(PROGRAM_LIMIT)
            .dfa_size_limit(CACHE_LIMIT)
            .nest_limit(NEST_LIMIT)
            .build()
            .map_err(|_| too_large())?;
        Ok(Self { regex, names, length: pattern.len(), states, strays: strays(&tree, false) })
    }

    /// The names of the groups, the whole match being group 0.
    pub(super) fn names(&self) -> &[String] {
        &self.names
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
