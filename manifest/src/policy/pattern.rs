//! Globs of policies.

use globset::{Glob, GlobBuilder, GlobMatcher};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 512;

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern {pattern:?} is not valid: {message}")]
pub struct InvalidPattern {
    pattern: String,
    message: String,
}

/// A glob for a name; one that starts with `!` matches all other names.
///
/// `*` stands for any text, also with slashes in it, `?` for one character of ASCII, `{a,b}` for one
/// of several, `[a-c]` for one of a range of ASCII.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    negated: bool,
    glob: GlobMatcher,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let (negated, glob) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let glob = compile(text, glob, false)?;
        Ok(Self { text: text.to_owned(), negated, glob })
    }

    /// Returns the pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether a name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.glob.is_match(name) != self.negated
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// A glob for a commit message, in which brackets stand for themselves: `*[deploy]*`.
#[derive(Clone, Debug)]
pub(super) struct MessagePattern {
    text: String,
    glob: GlobMatcher,
}

impl MessagePattern {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut glob = String::with_capacity(text.len());
        let mut escaped = false;
        for c in text.chars() {
            if matches!(c, '[' | ']') && !escaped {
                glob.push('\\');
            }
            escaped = c == '\\' && !escaped;
            glob.push(c);
        }
        Ok(Self { text: text.to_owned(), glob: compile(text, &glob, false)? })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        self.glob.is_match(message.trim_end())
    }
}

impl PartialEq for MessagePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Globs for paths: one of them has to match, and none that starts with `!`.
///
/// A folder stands for all that is in it. `*` stops at a slash here, `**` does not.
#[derive(Clone, Debug)]
pub(super) struct PathPatterns {
    wanted: Vec<PathPattern>,
    unwanted: Vec<PathPattern>,
}

#[derive(Clone, Debug)]
struct PathPattern {
    text: String,
    itself: GlobMatcher,
    inside: GlobMatcher,
}

impl PathPatterns {
    pub(super) fn parse(texts: &[String]) -> Result<Option<Self>, InvalidPattern> {
        if texts.is_empty() {
            return Ok(None);
        }
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for text in texts {
            match text.strip_prefix('!') {
                Some(rest) => unwanted.push(PathPattern::parse(text, rest)?),
                None => wanted.push(PathPattern::parse(text, text)?),
            }
        }
        Ok(Some(Self { wanted, unwanted }))
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.wanted.iter().chain(&self.unwanted).map(|pattern| pattern.text.as_str())
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        let any = |patterns: &[PathPattern]| patterns.iter().any(|pattern| pattern.matches(path));
        (self.wanted.is_empty() || any(&self.wanted)) && !any(&self.unwanted)
    }
}

impl PartialEq for PathPatterns {
    fn eq(&self, other: &Self) -> bool {
        self.texts().eq(other.texts())
    }
}

impl PathPattern {
    fn parse(text: &str, glob: &str) -> Result<Self, InvalidPattern> {
        let glob = glob.trim_start_matches("./").trim_start_matches('/').trim_end_matches('/');
        Ok(Self {
            text: text.to_owned(),
            itself: compile(text, glob, true)?,
            inside: compile(text, &format!("{glob}/**"), true)?,
        })
    }

    fn matches(&self, path: &str) -> bool {
        self.itself.is_match(path) || self.inside.is_match(path)
    }
}

fn compile(text: &str, glob: &str, path: bool) -> Result<GlobMatcher, InvalidPattern> {
    let refused = |message: String| InvalidPattern {
        pattern: text.chars().take(MAX_PATTERN).collect(),
        message,
    };
    if glob.is_empty() {
        return Err(refused("it is empty".into()));
    }
    if path && glob.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(refused("paths have no . and .. in them: ** stands for all".into()));
    }
    if has_class_beyond_ascii(glob) {
        return Err(refused("letters beyond ASCII do not go into [ ]: write {ä,ö} instead".into()));
    }
    if glob.len() > MAX_PATTERN {
        return Err(refused(format!("it is longer than {MAX_PATTERN} bytes")));
    }
    let built: Result<Glob, _> = GlobBuilder::new(glob)
        .literal_separator(path)
        .backslash_escape(true)
        .empty_alternates(true)
        .build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| refused(error.kind().to_string()))
}

/// Tells whether a range has letters that are several bytes, of which a glob would take each for one.
fn has_class_beyond_ascii(glob: &str) -> bool {
    let (mut inside, mut escaped) = (false, false);
    for c in glob.chars() {
        match c {
            _ if escaped => {}
            '[' => inside = true,
            ']' => inside = false,
            _ => {}
        }
        if inside && !c.is_ascii() {
            return true;
        }
        escaped = c == '\\' && !escaped;
    }
    false
}
