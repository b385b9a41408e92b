//! What CI knows of the version that it builds.
//!
//! Everything here that decides is a function of the variables, the event's payload and the facts of
//! the checkout, so that each provider is a table of its variables in a test.

mod actions;
mod checkout;
mod files;
mod pipelines;
mod provider;
mod report;
mod servers;
mod variables;

use std::collections::BTreeMap;

use gimlet_crds::ArtifactEvent;

pub(crate) use checkout::{Checkout, Commit, commit};
pub(crate) use files::manifests;
pub(crate) use provider::{Provider, facts};
pub(crate) use report::{ManifestReport, Outputs, Report};
pub(crate) use variables::{parse_file, variables};

/// The variables of a process, by name.
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the variables of this process; those that are no text are of no use.
    pub(crate) fn of_process() -> Self {
        let pairs = std::env::vars_os();
        Self(
            pairs
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// Returns a variable that is set, and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok().filter(|number| *number > 0)
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }
}

/// Facts of the version that is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Repository, such as `acme/shop`.
    pub(crate) repository: Option<String>,
    /// The commit that people wrote: of a pull request its head, never the merge that CI tries.
    pub(crate) sha: Option<String>,
    /// What made the version.
    pub(crate) event: ArtifactEvent,
    /// Branch; of a pull request the one that it comes from.
    pub(crate) branch: Option<String>,
    /// Branch that the pull request goes to.
    pub(crate) target_branch: Option<String>,
    /// Number of the pull request.
    pub(crate) pull_request: Option<i64>,
    /// Tag.
    pub(crate) tag: Option<String>,
    /// Author of the commit.
    pub(crate) author: Option<String>,
    /// Message of the commit.
    pub(crate) message: Option<String>,
    /// Page of the commit.
    pub(crate) url: Option<String>,
    /// Page of the pipeline.
    pub(crate) run: Option<String>,
    /// Who set the pipeline off.
    pub(crate) actor: Option<String>,
    /// Whether the pull request comes from another repository.
    pub(crate) fork: bool,
}

/// Returns a name and an address as git writes them.
fn signature(name: Option<String>, email: Option<&str>) -> Option<String> {
    match (name, email) {
        (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
        (name, None) => name,
        (None, Some(email)) => Some(email.to_owned()),
    }
}
