//! The templates of a chart, parsed when they are first needed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use smol_str::SmolStr;

use crate::functions::{Dialect, find};
use crate::memo::Parsed;
use crate::octets;
use crate::template::parse::{SyntaxError, parse};

/// A template file of a chart.
#[derive(Clone)]
pub(crate) struct TemplateFile {
    pub(crate) path: String,
    source: Arc<str>,
    has_octets: bool,
    /// Parsed under each path it had so far: a chart that is used under two aliases has two.
    parsed: Arc<Mutex<Vec<(SmolStr, Dialect, Parsed)>>>,
}

impl TemplateFile {
    pub(crate) fn new(path: String, data: &[u8]) -> Self {
        let (source, has_octets) = match std::str::from_utf8(data) {
            Ok(text) => (Arc::from(text), false),
            Err(_) => (Arc::from(octets::to_text(data)), true),
        };
        Self { path, source, has_octets, parsed: Arc::default() }
    }

    /// Whether there are bytes in the file that are no UTF-8.
    pub(crate) fn has_octets(&self) -> bool {
        self.has_octets
    }

    /// Bytes of the text.
    pub(crate) fn size(&self) -> usize {
        self.source.len()
    }

    /// The templates of the file, which is at a path in the tree of charts.
    pub(crate) fn parsed(&self, path: &SmolStr, dialect: Dialect) -> Result<Parsed, SyntaxError> {
        // A result is never half made, so a thread that died while it held the lock did no harm.
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parsed.iter().find(|(known, of, _)| known == path && *of == dialect);
        if let Some((_, _, found)) = known {
            return Ok(Arc::clone(found));
        }
        let made = Parsed::from(parse(path, &self.source, &|name| find(dialect, name))?);
        parsed.push((path.clone(), dialect, Arc::clone(&made)));
        Ok(made)
    }
}

impl fmt::Debug for TemplateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TemplateFile").field(&self.path).finish()
    }
}
