//! The files of a chart as templates see them (`.Files`).

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

/// Longest glob that is taken for one.
const GLOB_LIMIT: usize = 4096;

/// Files by path; a clone shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(Arc<BTreeMap<String, Arc<[u8]>>>);

impl FromIterator<(String, Arc<[u8]>)> for Files {
    fn from_iter<I: IntoIterator<Item = (String, Arc<[u8]>)>>(files: I) -> Self {
        Self(Arc::new(files.into_iter().collect()))
    }
}

impl Files {
    /// Adds a file; a later one of the same path replaces the earlier one.
    pub(crate) fn insert(&mut self, path: String, data: Arc<[u8]>) {
        Arc::make_mut(&mut self.0).insert(path, data);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of all files and their names.
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(|(name, data)| name.len() + data.len()).sum()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|data| &**data)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, data)| (name.as_str(), &**data))
    }

    /// The files whose path matches; a pattern that cannot be understood matches everything.
    pub(crate) fn glob(&self, pattern: &str) -> Self {
        let matcher = glob_regex(pattern);
        self.0
            .iter()
            .filter(|(name, _)| matcher.as_ref().is_none_or(|matcher| matcher.is_match(name)))
            .map(|(name, data)| (name.clone(), Arc::clone(data)))
            .collect()
    }
}

/// Matches no name, for none is empty.
fn nothing() -> Regex {
    Regex::new("^$").expect("the pattern is valid")
}

/// Translates a glob of the gobwas flavour with `/` as the separator.
fn glob_regex(pattern: &str) -> Option<Regex> {
    if pattern.len() > GLOB_LIMIT {
        return None;
    }
    let mut out = String::from("(?s)^");
    let mut alternatives = 0_usize;
    let mut symbols = pattern.chars().peekable();
    while let Some(symbol) = symbols.next() {
        match symbol {
            '*' => {
                let mut deep = false;
                while symbols.next_if_eq(&'*').is_some() {
                    deep = true;
                }
                out.push_str(if deep { ".*" } else { "[^/]*" });
            }
            '?' => out.push_str("[^/]"),
            '{' => {
                alternatives += 1;
                out.push_str("(?:");
            }
            '}' if alternatives > 0 => {
                alternatives -= 1;
                out.push(')');
            }
            ',' if alternatives > 0 => out.push('|'),
            '[' => {
                out.push('[');
                if symbols.next_if(|next| matches!(next, '!' | '^')).is_some() {
                    out.push('^');
                }
                for member in symbols.by_ref() {
                    if member == ']' {
                        break;
                    }
                    if matches!(member, '\\' | '[' | '&' | '~' | '^') {
                        out.push('\\');
                    }
                    out.push(member);
                }
                out.push(']');
            }
            '\\' => {
                if let Some(escaped) = symbols.next() {
                    out.push_str(&regex::escape(&escaped.to_string()));
                }
            }
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    if alternatives > 0 {
        // Go's library takes such a pattern, for nothing that could match.
        return Some(nothing());
    }
    out.push('$');
    Regex::new(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str) -> Vec<String> {
        let files: Files = ["a.txt", "conf/a.txt", "conf/sub/b.json", "conf/c.yaml"]
            .into_iter()
            .map(|name| (name.to_owned(), Arc::from(&b""[..])))
            .collect();
        files.glob(pattern).iter().map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn globs_stop_at_slashes_unless_doubled() {
        assert_eq!(matched("conf/*"), ["conf/a.txt", "conf/c.yaml"]);
        assert_eq!(matched("conf/**"), ["conf/a.txt", "conf/c.yaml", "conf/sub/b.json"]);
        assert_eq!(matched("**.{json,yaml}"), ["conf/c.yaml", "conf/sub/b.json"]);
        assert_eq!(matched("?.txt"), ["a.txt"]);
    }
}
