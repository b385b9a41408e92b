//! Names of branches and tags.

use crate::error::HostError;

/// Names a branch or a tag, without `refs/…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A branch.
    Branch(String),
    /// A tag.
    Tag(String),
}

impl Reference {
    /// Parses `refs/heads/…` and `refs/tags/…` with a name that git allows.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (make, name): (fn(String) -> Self, _) = match text.strip_prefix("refs/heads/") {
            Some(name) => (Self::Branch, name),
            None => (Self::Tag, text.strip_prefix("refs/tags/")?),
        };
        is_ref_name(name).then(|| make(name.to_owned()))
    }
}

/// Tells whether git allows a name for a branch or tag.
pub(crate) fn is_ref_name(name: &str) -> bool {
    const FORBIDDEN: &[char] = &[' ', '~', '^', ':', '?', '*', '[', '\\'];
    let lock = |part: &str| part.rsplit_once('.').is_some_and(|(_, end)| end == "lock");
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !lock(part);
    name.len() <= 1024
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && !name.chars().any(|c| c.is_control() || FORBIDDEN.contains(&c))
        && name.split('/').all(part)
}

/// Refuses a name that would lead to another address of an API.
pub(crate) fn check_branch(name: &str) -> Result<(), HostError> {
    if is_ref_name(name) {
        return Ok(());
    }
    let detail = "git does not allow it".to_owned();
    Err(HostError::InvalidInput { what: "the name of the branch", detail })
}

/// The branch of a pull request, from what GitHub and Gitea call its `ref` and `label`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) branch: String,
    /// Whether it was pushed without a branch, which needs no right to write.
    pub(crate) loose: bool,
}

impl Head {
    /// Gitea names a `ref` of its own once the branch is gone, where only the `label` still has the
    /// branch; without even that there never was one. Labels of GitHub are no names of branches.
    pub(crate) fn new(reference: String, label: Option<&str>) -> Self {
        let own = reference.starts_with("refs/pull/");
        match label {
            Some("") if own => Self { branch: reference, loose: true },
            Some(label) if own && is_ref_name(label) => {
                Self { branch: label.to_owned(), loose: false }
            }
            _ => Self { branch: reference, loose: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_git_allows_become_references() {
        for (text, expected) in [
            ("refs/heads/main", Some(Reference::Branch("main".into()))),
            ("refs/heads/feature/a-b", Some(Reference::Branch("feature/a-b".into()))),
            ("refs/tags/v1.0", Some(Reference::Tag("v1.0".into()))),
            ("refs/heads/", None),
            ("refs/heads/-x", None),
            ("refs/heads/a..b", None),
            ("refs/heads/a b", None),
            ("refs/heads/a//b", None),
            ("refs/heads/.a", None),
            ("refs/heads/a.lock", None),
            ("refs/pull/1/head", None),
            ("main", None),
        ] {
            assert_eq!(Reference::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_branch_that_is_gone_is_told_from_one_that_never_was() {
        let head = |reference: &str, label| {
            let Head { branch, loose } = Head::new(reference.into(), label);
            (branch, loose)
        };
        assert_eq!(head("b", Some("acme:b")), ("b".into(), false));
        assert_eq!(head("b", Some("b")), ("b".into(), false));
        assert_eq!(head("refs/pull/1/head", Some("b")), ("b".into(), false));
        assert_eq!(head("refs/pull/1/head", Some("")), ("refs/pull/1/head".into(), true));
        let odd = "refs/pull/1/head";
        assert_eq!(head(odd, Some("acme:refs/pull/1/head")), (odd.into(), false));
    }
}
