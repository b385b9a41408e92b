//! What was worked out from texts once, kept for the next render of the same chart.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use smol_str::SmolStr;

use crate::functions::Pattern;
use crate::template::ast::Template;
use crate::template::parse::NODE_BYTES;

/// Parsed `tpl` arguments that are kept; values may bring new ones with each render.
const MOST_SNIPPETS: usize = 512;
/// Compiled patterns that are kept; each may take megabytes.
const MOST_PATTERNS: usize = 64;
/// Memory that all of them may take.
const SNIPPET_BYTES: usize = 16 << 20;
const PATTERN_BYTES: usize = 64 << 20;
/// Longest text that is kept, in bytes.
const LONGEST_TEXT: usize = 64 << 10;

/// Templates parsed from one text: those it defines, then itself.
pub(crate) type Parsed = Arc<[Arc<Template>]>;

/// Parsed `tpl` arguments and compiled patterns. All of it can be made again at any time.
pub(crate) struct Memo {
    pub(crate) snippets: Kept<Parsed>,
    pub(crate) patterns: Kept<Arc<Pattern>>,
}

impl Default for Memo {
    fn default() -> Self {
        Self {
            snippets: Kept::new(MOST_SNIPPETS, SNIPPET_BYTES, snippet_bytes),
            patterns: Kept::new(MOST_PATTERNS, PATTERN_BYTES, |pattern| pattern.memory()),
        }
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

/// Results by the text they were made from; all are forgotten when they become too many.
pub(crate) struct Kept<T> {
    most: usize,
    most_bytes: usize,
    bytes_of: fn(&T) -> usize,
    entries: Mutex<(usize, HashMap<SmolStr, T>)>,
}

impl<T: Clone> Kept<T> {
    fn new(most: usize, most_bytes: usize, bytes_of: fn(&T) -> usize) -> Self {
        Self { most, most_bytes, bytes_of, entries: Mutex::default() }
    }

    /// Gives the result for a text, made now if it is not known.
    pub(crate) fn get<E>(
        &self,
        text: &SmolStr,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, E> {
        // A result is never half made, so a thread that died while it held the lock did no harm.
        let lock = || self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().1.get(text) {
            return Ok(found.clone());
        }
        let result = make(text)?;
        if text.len() <= LONGEST_TEXT {
            let mut lock = lock();
            let (bytes, kept) = &mut *lock;
            *bytes += (self.bytes_of)(&result);
            if kept.len() >= self.most || *bytes > self.most_bytes {
                kept.clear();
                *bytes = (self.bytes_of)(&result);
            }
            kept.insert(text.clone(), result.clone());
        }
        Ok(result)
    }
}

/// Memory of parsed templates.
pub(crate) fn snippet_bytes(parsed: &Parsed) -> usize {
    parsed.iter().map(|template| template.nodes).sum::<usize>().saturating_mul(NODE_BYTES)
}

/// The texts one render used, forgotten by the same rules as the results.
pub(crate) struct Counted {
    most: usize,
    most_bytes: usize,
    bytes: usize,
    texts: HashSet<SmolStr>,
}

impl Counted {
    pub(crate) fn snippets() -> Self {
        Self::new(MOST_SNIPPETS, SNIPPET_BYTES)
    }

    pub(crate) fn patterns() -> Self {
        Self::new(MOST_PATTERNS, PATTERN_BYTES)
    }

    fn new(most: usize, most_bytes: usize) -> Self {
        Self { most, most_bytes, bytes: 0, texts: HashSet::new() }
    }

    /// Tells whether a render that is alone would have to make the result now.
    pub(crate) fn is_new(&mut self, text: &SmolStr, bytes: usize) -> bool {
        if self.texts.contains(text) {
            return false;
        }
        if text.len() <= LONGEST_TEXT {
            self.bytes += bytes;
            if self.texts.len() >= self.most || self.bytes > self.most_bytes {
                self.texts.clear();
                self.bytes = bytes;
            }
            self.texts.insert(text.clone());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(kept: &Kept<usize>, text: &str) -> usize {
        kept.get(&SmolStr::new(text), |text| Ok::<_, ()>(text.len())).unwrap()
    }

    #[test]
    fn a_result_is_made_once() {
        let kept = Kept::new(8, 1000, |size| *size);
        assert_eq!(length(&kept, "abc"), 3);
        let again = kept.get(&SmolStr::new("abc"), |_| Err(()));
        assert_eq!(again, Ok(3));
    }

    #[test]
    fn failures_and_long_texts_are_not_kept() {
        let kept = Kept::new(8, 1000, |size| *size);
        assert!(kept.get(&SmolStr::new("x"), |_| Err::<usize, _>(())).is_err());
        assert_eq!(length(&kept, "x"), 1);
        let long = "y".repeat(LONGEST_TEXT + 1);
        length(&kept, &long);
        assert!(kept.get(&SmolStr::new(&long), |_| Err(())).is_err());
    }

    #[test]
    fn the_number_of_results_is_bounded() {
        let kept = Kept::new(8, 1000, |size| *size);
        for number in 0..20 {
            length(&kept, &number.to_string());
            assert!(kept.entries.lock().unwrap().1.len() <= 8);
        }
    }

    #[test]
    fn the_memory_of_results_is_bounded() {
        let kept = Kept::new(8, 1000, |size| *size);
        for number in 0..5 {
            length(&kept, &format!("{number}{}", "x".repeat(399)));
            assert!(kept.entries.lock().unwrap().1.len() <= 2);
        }
    }
}
