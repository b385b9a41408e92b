//! Names that become paths, labels and object names.

use std::fmt;

/// Longest name of an app: Helm allows no longer release name.
pub const MAX_APP: usize = 53;
/// Longest name of an environment.
pub const MAX_ENVIRONMENT: usize = 40;
/// Longest `<environment>-<app>`: it is the value of a label of Flux.
pub const MAX_JOINED: usize = 63;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidName {
    what: &'static str,
    name: String,
    max: usize,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} name {:?} is not valid: use lower-case letters, digits and '-', start and end with \
             a letter or digit, at most {} characters",
            self.what, self.name, self.max
        )
    }
}

impl std::error::Error for InvalidName {}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// Checks a name: a DNS label (RFC 1123), so that it is safe as path, label and object name.
            pub fn parse(name: &str) -> Result<Self, InvalidName> {
                if is_dns_label(name) && name.len() <= $max {
                    Ok(Self(name.to_owned()))
                } else {
                    let name = name.chars().take(80).collect();
                    Err(InvalidName { what: $what, name, max: $max })
                }
            }

            /// Returns the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// Name of an app.
    AppName, "app", MAX_APP
);
name!(
    /// Name of an environment.
    EnvName, "environment", MAX_ENVIRONMENT
);

fn is_dns_label(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !name.is_empty() && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// Names the App object of an app in an environment.
pub fn app_object(app: &str, environment: &str) -> String {
    format!("{app}.{environment}")
}

/// Names Flux' GitRepository and root Kustomization of an environment.
pub fn flux_of_environment(environment: &str) -> String {
    format!("gimlet-{environment}")
}

/// Names Flux' Kustomization of an app.
pub fn flux_of_app(environment: &str, app: &str) -> String {
    format!("{environment}-{app}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_folder_are_refused() {
        for bad in ["", ".", "..", "a/b", "-a", "a-", "A", "a_b", "a.b", ".git", "a\n", "ä"] {
            assert!(AppName::parse(bad).is_err(), "{bad:?}");
            assert!(EnvName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(AppName::parse(&"a".repeat(53)).is_ok());
        assert!(AppName::parse(&"a".repeat(54)).is_err());
        assert!(EnvName::parse(&"a".repeat(41)).is_err());
    }

    #[test]
    fn a_refused_name_is_quoted_and_cut() {
        let error = AppName::parse(&"X".repeat(500)).unwrap_err().to_string();
        assert!(error.starts_with("app name \"XXXX"), "{error}");
        assert!(error.len() < 300);
    }
}
