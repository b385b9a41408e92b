//! Version ranges as Helm reads them.
//!
//! The rules differ from Cargo's: parts may be missing or `x`, a space is "and", `||` is "or",
//! `1.2 - 1.4` is a range, and a pre-release satisfies only a comparator that names one.

use std::cmp::Ordering;
use std::fmt;

use semver::{BuildMetadata, Prerelease, Version};

/// A range that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("version range {text:?} cannot be read; write it like 1.2.3, ^1.2, ~1.2, 1.x or >=1.2 <2")]
pub struct RangeError {
    text: String,
}

/// A set of versions, such as `^1.2` or `>=1.2 <2 || 3.x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    any_of: Vec<Vec<Comparator>>,
}

/// The most bytes of a range.
const MAX_RANGE: usize = 256;
/// The most bytes of a version, which is as much as a registry takes for a tag: any is a range of its own.
const MAX_VERSION: usize = 128;

impl VersionRange {
    /// Reads a range; an empty text is every stable version.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let error = || RangeError { text: text.to_owned() };
        if text.len() > MAX_RANGE {
            return Err(error());
        }
        let any_of = text
            .split("||")
            .map(|part| parse_all(part).ok_or_else(error))
            .collect::<Result<_, _>>()?;
        Ok(Self { text: text.trim().to_owned(), any_of })
    }

    /// Tells whether a version is in the range.
    pub fn matches(&self, version: &Version) -> bool {
        self.any_of.iter().any(|all| all.iter().all(|one| one.matches(version)))
    }

    /// Returns the range as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "*" } else { &self.text })
    }
}

/// Reads a version as Helm does: a leading `v` and missing parts are fine.
pub fn parse_version(text: &str) -> Option<Version> {
    if text.len() > MAX_VERSION {
        return None;
    }
    let partial = Partial::parse(text)?;
    (!partial.wild_text).then_some(partial.version)
}

/// Tells whether a text is one version and not, with parts left out, also a range of them.
pub(crate) fn is_whole(text: &str) -> bool {
    let numbers = text.split(['-', '+']).next().unwrap_or(text);
    parse_version(text).is_some() && numbers.matches('.').count() == 2
}

/// Compares as semantic versioning does, without build metadata.
pub(crate) fn precedence(a: &Version, b: &Version) -> Ordering {
    a.cmp_precedence(b)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Which part of a version was left out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Missing {
    Major,
    Minor,
    Patch,
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Partial {
    version: Version,
    missing: Missing,
    wild_text: bool,
}

impl Partial {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, BuildMetadata::new(build).ok()?),
            None => (text, BuildMetadata::EMPTY),
        };
        let (numbers, pre) = match text.split_once('-') {
            Some((numbers, pre)) => (numbers, Prerelease::new(pre).ok()?),
            None => (text, Prerelease::EMPTY),
        };
        let mut parts = [0_u64; 3];
        let mut missing = Missing::Nothing;
        let mut wild_text = false;
        let mut written = numbers.split('.');
        for (index, level) in
            [Missing::Major, Missing::Minor, Missing::Patch].into_iter().enumerate()
        {
            match written.next() {
                Some("x" | "X" | "*") => {
                    wild_text = true;
                    missing = missing.min(level);
                }
                Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => {
                    let number = number.parse().ok()?;
                    if missing == Missing::Nothing {
                        parts[index] = number;
                    }
                }
                Some(_) => return None,
                None if index == 0 => return None,
                None => missing = missing.min(level),
            }
        }
        if written.next().is_some() {
            return None;
        }
        let [major, minor, patch] = parts;
        Some(Self { version: Version { major, minor, patch, pre, build }, missing, wild_text })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparator {
    operator: Operator,
    bound: Version,
    missing: Missing,
}

impl Comparator {
    fn matches(&self, version: &Version) -> bool {
        if !version.pre.is_empty() && self.bound.pre.is_empty() {
            return false;
        }
        let order = version.cmp_precedence(&self.bound);
        let bound = &self.bound;
        match self.operator {
            Operator::Equal if self.missing == Missing::Nothing => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => self.within(version, order),
            Operator::NotEqual if self.missing == Missing::Nothing => order != Ordering::Equal,
            Operator::NotEqual => !self.within(version, order),
            Operator::Greater => match self.missing {
                Missing::Nothing => order == Ordering::Greater,
                // ">1" means above every 1.x.
                Missing::Patch => (version.major, version.minor) > (bound.major, bound.minor),
                Missing::Minor | Missing::Major => version.major > bound.major,
            },
            Operator::Less => order == Ordering::Less,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::LessOrEqual => match self.missing {
                Missing::Nothing => order != Ordering::Greater,
                // "<=1.2" includes every 1.2.x.
                Missing::Patch => (version.major, version.minor) <= (bound.major, bound.minor),
                Missing::Minor => version.major <= bound.major,
                Missing::Major => true,
            },
            Operator::Caret => order != Ordering::Less && self.compatible(version),
        }
    }

    /// Same version as far as it was written (`1.2` is every 1.2.x), or `~`: same minor.
    fn within(&self, version: &Version, order: Ordering) -> bool {
        order != Ordering::Less
            && match self.missing {
                Missing::Major => true,
                Missing::Minor => version.major == self.bound.major,
                Missing::Patch | Missing::Nothing => {
                    (version.major, version.minor) == (self.bound.major, self.bound.minor)
                }
            }
    }

    /// `^`: the leftmost number that is not zero stays.
    fn compatible(&self, version: &Version) -> bool {
        let bound = &self.bound;
        if self.missing == Missing::Major {
            return true;
        }
        if bound.major > 0 || self.missing == Missing::Minor {
            return version.major == bound.major;
        }
        if version.major > 0 {
            return false;
        }
        if bound.minor > 0 || self.missing == Missing::Patch {
            return version.minor == bound.minor;
        }
        version.minor == 0 && version.patch == bound.patch
    }
}

fn parse_all(text: &str) -> Option<Vec<Comparator>> {
    let mut all: Vec<Comparator> = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        rest = "*";
    }
    while !rest.is_empty() {
        let operator_end = rest.find(|c: char| !"=!<>~^".contains(c)).unwrap_or(rest.len());
        let (operator, after) = rest.split_at(operator_end);
        let after = after.trim_start();
        let end = after.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(after.len());
        let (version, mut tail) = after.split_at(end);
        let first = Partial::parse(version)?;
        tail = tail.trim_start();
        if let Some(upper) = tail.strip_prefix("- ").filter(|_| operator.is_empty()) {
            let upper = upper.trim_start();
            let end = upper.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(upper.len());
            let (version, after) = upper.split_at(end);
            all.push(comparator(Operator::GreaterOrEqual, first));
            all.push(comparator(Operator::LessOrEqual, Partial::parse(version)?));
            tail = after.trim_start();
        } else {
            all.push(comparator(parse_operator(operator)?, first));
        }
        if let Some(after) = tail.strip_prefix(',') {
            tail = after.trim_start();
            if tail.is_empty() {
                return None;
            }
        }
        rest = tail;
    }
    Some(all)
}

fn comparator(operator: Operator, partial: Partial) -> Comparator {
    Comparator { operator, bound: partial.version, missing: partial.missing }
}

fn parse_operator(text: &str) -> Option<Operator> {
    Some(match text {
        "" | "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        ">" => Operator::Greater,
        "<" => Operator::Less,
        ">=" | "=>" => Operator::GreaterOrEqual,
        "<=" | "=<" => Operator::LessOrEqual,
        "~" | "~>" => Operator::Tilde,
        "^" => Operator::Caret,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(range: &str, version: &str) -> bool {
        VersionRange::parse(range).unwrap().matches(&parse_version(version).unwrap())
    }

    #[test]
    fn ranges_select_what_helm_selects() {
        for (range, inside, outside) in [
            ("", &["0.0.1", "9.9.9"][..], &["1.0.0-rc.1"][..]),
            ("*", &["1.2.3"], &["1.2.3-beta"]),
            ("1.2.3", &["1.2.3", "v1.2.3", "1.2.3+build"], &["1.2.4", "1.2.3-rc.1"]),
            ("1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]),
            ("1.x", &["1.0.0", "1.9.0"], &["2.0.0", "0.9.0"]),
            ("=1.2.x", &["1.2.4"], &["1.3.0"]),
            ("^1.2", &["1.2.0", "1.9.9"], &["1.1.9", "2.0.0", "1.5.0-rc.1"]),
            ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "1.0.0"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4", "0.1.0"]),
            ("^0", &["0.0.1", "0.9.0"], &["1.0.0"]),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.3.0", "1.2.2"]),
            ("~1", &["1.9.0"], &["2.0.0"]),
            ("~>1.2", &["1.2.7"], &["1.3.0"]),
            (">=1 <2", &["1.0.0", "1.9.0"], &["2.0.0", "0.9.0"]),
            (">= 1.2, < 1.4", &["1.3.9"], &["1.4.0"]),
            ("1.2 - 1.4", &["1.2.0", "1.4.9"], &["1.1.0", "1.5.0"]),
            ("1.2.0 - 1.4.5 || 3.x", &["1.4.5", "3.1.0"], &["1.4.6", "2.0.0"]),
            (">1", &["2.0.0"], &["1.9.0"]),
            (">1.2", &["1.3.0"], &["1.2.9"]),
            ("<=1", &["1.9.9", "0.1.0"], &["2.0.0"]),
            ("!=1.2.3", &["1.2.4"], &["1.2.3"]),
            ("!=1.x", &["2.0.0", "0.1.0"], &["1.5.0"]),
            (">=1.0.0-0", &["1.0.0-rc.1", "1.2.0-beta"], &["0.9.0"]),
            ("~1.2.3-beta", &["1.2.3-beta.2", "1.2.4"], &["1.3.0", "1.2.3-alpha"]),
        ] {
            for version in inside {
                assert!(matches(range, version), "{range:?} must select {version}");
            }
            for version in outside {
                assert!(!matches(range, version), "{range:?} must not select {version}");
            }
        }
    }

    #[test]
    fn nonsense_is_not_a_range() {
        for text in ["main", "1.2.3.4", ">>1", "1 -", "^", "1,", "a || 1", "=!1", "1.2.-3"] {
            assert!(VersionRange::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn versions_are_read_leniently() {
        assert_eq!(parse_version("v1.2"), Some(Version::new(1, 2, 0)));
        assert_eq!(parse_version("1"), Some(Version::new(1, 0, 0)));
        assert_eq!(parse_version("1.x"), None);
        assert_eq!(parse_version("latest"), None);
        let long = |length: usize| format!("1.2.3-{}", "a".repeat(length - 6));
        assert_eq!(parse_version(&long(129)), None);
        assert!(
            VersionRange::parse(&long(128)).unwrap().matches(&parse_version(&long(128)).unwrap())
        );
    }
}
