//! What was worked out from texts once, kept for the next render of the same chart.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;
use smol_str::SmolStr;

use crate::template::ast::Template;

/// Parsed `tpl` arguments that are kept; values may bring new ones with each render.
const MOST_SNIPPETS: usize = 512;
/// Compiled patterns that are kept; each may take megabytes.
const MOST_PATTERNS: usize = 64;
/// Longest text that is kept, in bytes.
const LONGEST_TEXT: usize = 64 << 10;

/// Templates parsed from one text: those it defines, then itself.
pub(crate) type Parsed = Arc<[Arc<Template>]>;

/// Parsed `tpl` arguments and compiled patterns. All of it can be made again at any time.
pub(crate) struct Memo {
    pub(crate) snippets: Kept<Parsed>,
    pub(crate) patterns: Kept<Arc<Regex>>,
}

impl Default for Memo {
    fn default() -> Self {
        Self { snippets: Kept::new(MOST_SNIPPETS), patterns: Kept::new(MOST_PATTERNS) }
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
    entries: Mutex<HashMap<SmolStr, T>>,
}

impl<T: Clone> Kept<T> {
    fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default() }
    }

    /// Gives the result for a text, made now if it is not known.
    pub(crate) fn get<E>(
        &self,
        text: &SmolStr,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, E> {
        // A result is never half made, so a thread that died while it held the lock did no harm.
        let lock = || self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(text) {
            return Ok(found.clone());
        }
        let result = make(text)?;
        if text.len() <= LONGEST_TEXT {
            let mut kept = lock();
            if kept.len() >= self.most {
                kept.clear();
            }
            kept.insert(text.clone(), result.clone());
        }
        Ok(result)
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
        let kept = Kept::new(8);
        assert_eq!(length(&kept, "abc"), 3);
        let again = kept.get(&SmolStr::new("abc"), |_| Err(()));
        assert_eq!(again, Ok(3));
    }

    #[test]
    fn failures_and_long_texts_are_not_kept() {
        let kept = Kept::new(8);
        assert!(kept.get(&SmolStr::new("x"), |_| Err::<usize, _>(())).is_err());
        assert_eq!(length(&kept, "x"), 1);
        let long = "y".repeat(LONGEST_TEXT + 1);
        length(&kept, &long);
        assert!(kept.get(&SmolStr::new(&long), |_| Err(())).is_err());
    }

    #[test]
    fn the_number_of_results_is_bounded() {
        let kept = Kept::new(8);
        for number in 0..20 {
            length(&kept, &number.to_string());
            assert!(kept.entries.lock().unwrap().len() <= 8);
        }
    }
}
