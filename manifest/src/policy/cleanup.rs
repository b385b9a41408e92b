//! When an app goes by itself.

use std::time::Duration;

use super::Pattern;

/// The longest time that an app can be given.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// When an app goes by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Cleanup {
    /// The branches whose end removes an app, and the app's name, which may hold variables; none of a
    /// preview, which goes with its branch anyway.
    pub bound: Option<Bound>,
    /// How long after the app was made it goes.
    pub after: Option<String>,
    /// How long after its last release it goes.
    pub idle: Option<String>,
}

/// An app that goes with a branch.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Name of the app; it may hold variables.
    pub app: String,
    branch: Pattern,
}

impl Bound {
    /// Tells whether the end of this branch removes the app.
    pub fn matches(&self, branch: &str) -> bool {
        self.branch.matches(branch)
    }
}

/// The time limits as a file holds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) after: Option<String>,
    pub(crate) idle: Option<String>,
}

impl Limits {
    fn checked(self) -> Result<Self, String> {
        let check = |field: &str, limit: &Option<String>| match limit {
            Some(text) if !is_limit(text) => Err(format!(
                "cleanup.{field} is not a time limit: use a duration such as 30m, 24h or 1h30m, at \
                 most a year"
            )),
            _ => Ok(()),
        };
        check("after", &self.after)?;
        check("idle", &self.idle)?;
        Ok(self)
    }
}

impl Cleanup {
    /// Reads the cleanup of a preview.
    pub(crate) fn of_preview(limits: Limits) -> Result<Self, String> {
        let Limits { after, idle } = limits.checked()?;
        Ok(Self { bound: None, after, idle })
    }

    /// Reads the cleanup of an app that is no preview.
    pub(crate) fn of_app(app: String, branch: &str, limits: Limits) -> Result<Self, String> {
        let branch = Pattern::parse(branch).map_err(|error| format!("cleanup.branch: {error}"))?;
        let Limits { after, idle } = limits.checked()?;
        Ok(Self { bound: Some(Bound { app, branch }), after, idle })
    }
}

/// Tells whether a text is a time limit: numbers with `h`, `m` or `s` behind, not zero.
pub(crate) fn is_limit(text: &str) -> bool {
    let parts = text.split_inclusive(['h', 'm', 's']);
    let is_part = |part: &str| {
        let digits = &part[..part.len().saturating_sub(1)];
        part.ends_with(['h', 'm', 's'])
            && (1..=6).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
    };
    if text.is_empty() || text.len() > 32 || !parts.clone().all(is_part) {
        return false;
    }
    let length = text.parse::<jiff::SignedDuration>().ok();
    let length = length.and_then(|length| Duration::try_from(length).ok());
    length.is_some_and(|length| !length.is_zero() && length <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_a_duration_that_ends() {
        for good in ["20s", "72h", "1h30m", "8784h"] {
            assert!(is_limit(good), "{good}");
        }
        for bad in ["", "0s", "3d", "h", "12", "1.5h", "-1h", "8785h", "1h 30m", "9999999h", "1h1"]
        {
            assert!(!is_limit(bad), "{bad}");
        }
    }
}
