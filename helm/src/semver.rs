//! Versions and constraints with the rules of Masterminds/semver v3.
//!
//! They differ from Cargo's: a pre-release matches only constraints that name one, `-` makes
//! ranges, `x` stands for any number, and versions may be incomplete.

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// Longest version or constraint.
const LENGTH_LIMIT: usize = 8 << 10;

const NUMBERS: &str = r"v?([0-9xX*]+)(\.[0-9xX*]+)?(\.[0-9xX*]+)?(-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?";
const OPERATORS: &str = r"=<|=>|!=|>=|<=|~>|=|>|<|~|\^|";

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the version patterns are valid")
}

static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(?:\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?$",
    )
});
static CONSTRAINT: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"^\s*({OPERATORS})\s*({NUMBERS})\s*$")));
static FIND: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"({OPERATORS})\s*({NUMBERS})")));
static GROUP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"^(\s*({OPERATORS})\s*({NUMBERS})\s*)((?:\s+|,\s*)({OPERATORS})\s*({NUMBERS})\s*)*$"
    ))
});
static RANGE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\s*({NUMBERS})\s+-\s+({NUMBERS})\s*")));

/// A parsed version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) patch: u64,
    pub(crate) pre: String,
    pub(crate) metadata: String,
    pub(crate) original: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl Version {
    /// Parses a version that may lack its minor and patch numbers.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "invalid semantic version".to_owned();
        if text.len() > LENGTH_LIMIT {
            return Err(invalid());
        }
        let found = VERSION.captures(text).ok_or_else(invalid)?;
        let number = |index: usize| {
            found.get(index).map_or(Ok(0), |part| {
                let part = part.as_str();
                part.parse().map_err(|_| {
                    format!(
                        "error parsing version segment: strconv.ParseUint: parsing {}: value out of range",
                        crate::print::quote(part)
                    )
                })
            })
        };
        let part = |index: usize| {
            found.get(index).map(|part| part.as_str().to_owned()).unwrap_or_default()
        };
        let (major, minor, patch, pre) = (number(1)?, number(2)?, number(3)?, part(4));
        let padded = |part: &str| {
            part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit())
        };
        if pre.split('.').any(padded) {
            return Err("version segment starts with 0".to_owned());
        }
        Ok(Self { major, minor, patch, pre, metadata: part(5), original: text.to_owned() })
    }

    fn next(&self, major: u64, minor: u64, patch: u64) -> Self {
        let mut next = Self {
            major,
            minor,
            patch,
            pre: String::new(),
            metadata: String::new(),
            original: String::new(),
        };
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        next.original = format!("{prefix}{next}");
        next
    }

    /// The next major version.
    pub(crate) fn next_major(&self) -> Self {
        self.next(self.major.saturating_add(1), 0, 0)
    }

    /// The next minor version.
    pub(crate) fn next_minor(&self) -> Self {
        self.next(self.major, self.minor.saturating_add(1), 0)
    }

    /// The next patch; that of a pre-release is the version itself.
    pub(crate) fn next_patch(&self) -> Self {
        let step = u64::from(self.pre.is_empty());
        self.next(self.major, self.minor, self.patch.saturating_add(step))
    }

    /// Orders by precedence; build metadata does not count.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| compare_pre(&self.pre, &other.pre))
    }
}

fn compare_pre(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        _ if left == right => return Ordering::Equal,
        (true, _) => return Ordering::Greater,
        (_, true) => return Ordering::Less,
        _ => {}
    }
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

struct Comparison {
    operator: String,
    version: Version,
    any: bool,
    any_minor: bool,
    any_patch: bool,
}

fn is_wildcard(text: &str) -> bool {
    matches!(text.trim_start_matches('.'), "" | "x" | "X" | "*")
}

impl Comparison {
    fn parse(text: &str) -> Result<Self, String> {
        let improper = || format!("improper constraint: {}", crate::print::quote(text));
        let found = CONSTRAINT.captures(text).ok_or_else(improper)?;
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
        let (major, minor, patch, pre) = (part(3), part(4), part(5), part(6));
        let (mut any, mut any_minor, mut any_patch) = (true, false, false);
        let number = if is_wildcard(major) {
            format!("0.0.0{pre}")
        } else if is_wildcard(minor) {
            any_minor = true;
            format!("{major}.0.0{pre}")
        } else if is_wildcard(patch) {
            any_patch = true;
            format!("{major}{minor}.0{pre}")
        } else {
            any = false;
            part(2).to_owned()
        };
        let version = Version::parse(&number).map_err(|_| "constraint parser error".to_owned())?;
        Ok(Self { operator: part(1).to_owned(), version, any, any_minor, any_patch })
    }

    fn tilde(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.compare(own).is_lt() {
            return false;
        }
        let zero = own.major == 0 && own.minor == 0 && own.patch == 0;
        if zero && !self.any_minor && !self.any_patch {
            return true;
        }
        version.major == own.major && (version.minor == own.minor || self.any_minor)
    }

    fn caret(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.compare(own).is_lt() {
            return false;
        }
        if own.major > 0 || self.any_minor {
            return version.major == own.major;
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.any_patch {
            return version.minor == own.minor;
        }
        version.minor == 0 && own.patch == version.patch
    }

    fn differs(&self, version: &Version) -> bool {
        let own = &self.version;
        if self.any {
            if own.major != version.major || (own.minor != version.minor && !self.any_minor) {
                return true;
            }
            if self.any_minor {
                return false;
            }
            if own.patch != version.patch && !self.any_patch {
                return true;
            }
            if self.any_patch {
                let no_pre = version.pre.is_empty() && own.pre.is_empty();
                return !no_pre && compare_pre(&version.pre, &own.pre).is_ne();
            }
        }
        version.compare(own).is_ne()
    }

    fn above(&self, version: &Version) -> bool {
        let own = &self.version;
        if self.any {
            if version.major != own.major {
                return version.major > own.major;
            }
            if self.any_minor {
                return false;
            }
            if self.any_patch {
                return version.minor > own.minor;
            }
        }
        version.compare(own).is_gt()
    }

    fn at_most(&self, version: &Version) -> bool {
        let own = &self.version;
        if !self.any {
            return version.compare(own).is_le();
        }
        version.major < own.major
            || (version.major == own.major && (version.minor <= own.minor || self.any_minor))
    }

    fn matches(&self, version: &Version, pre_allowed: bool) -> bool {
        if !version.pre.is_empty() && !pre_allowed {
            return false;
        }
        match self.operator.as_str() {
            "" | "=" if self.any => self.tilde(version),
            "" | "=" => version.compare(&self.version).is_eq(),
            "!=" => self.differs(version),
            ">" => self.above(version),
            "<" => version.compare(&self.version).is_lt(),
            ">=" | "=>" => version.compare(&self.version).is_ge(),
            "<=" | "=<" => self.at_most(version),
            "~" | "~>" => self.tilde(version),
            "^" => self.caret(version),
            _ => false,
        }
    }
}

/// Tells whether a version satisfies a constraint.
pub(crate) fn satisfies(constraint: &str, version: &str) -> Result<bool, String> {
    if constraint.len() > LENGTH_LIMIT {
        return Err(format!("constraint is longer than the limit of {LENGTH_LIMIT} bytes"));
    }
    let text = RANGE.replace_all(constraint, |found: &regex::Captures<'_>| {
        format!(">= {}, <= {} ", &found[1], &found[9])
    });
    let mut alternatives = Vec::new();
    for alternative in text.split("||") {
        if !GROUP.is_match(alternative) {
            return Err(format!("improper constraint: {}", crate::print::quote(alternative)));
        }
        let group = FIND
            .find_iter(alternative)
            .map(|found| Comparison::parse(found.as_str()))
            .collect::<Result<Vec<_>, _>>()?;
        alternatives.push(group);
    }
    let version = Version::parse(version)?;
    Ok(alternatives.iter().any(|group| {
        let pre_allowed = group.iter().any(|comparison| !comparison.version.pre.is_empty());
        group.iter().all(|comparison| comparison.matches(&version, pre_allowed))
    }))
}

/// Like [`satisfies`], with anything unreadable taken as a mismatch.
pub(crate) fn is_compatible(constraint: &str, version: &str) -> bool {
    satisfies(constraint, version).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_follow_masterminds() {
        for (constraint, version, expected) in [
            (">=1.19", "v1.27.3-gke.1", false),
            (">=1.19-0", "v1.27.3-gke.1", true),
            ("^1.2", "1.9.0", true),
            ("^0.2.3", "0.3.0", false),
            ("~1.2.3", "1.3.0", false),
            ("1.x", "1.40.2", true),
            ("1.2 - 1.4", "1.4.9", true),
            ("<1.19 || >=1.22", "1.20.0", false),
            (">=1.19, <1.22", "1.20.1", true),
            ("!=1.2.x", "1.2.7", false),
            ("*", "0.1.0", true),
        ] {
            assert_eq!(satisfies(constraint, version), Ok(expected), "{constraint} {version}");
        }
    }

    #[test]
    fn an_improper_constraint_is_an_error() {
        assert!(satisfies(">=a.b", "1.0.0").is_err());
    }
}
