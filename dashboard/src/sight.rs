//! What a caller may see, by kind and namespace.

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _};

use crate::caller::Caller;
use crate::http::Dashboard;
use crate::problem::Problem;
use crate::rights::Question;

/// Namespaces that are asked about for one caller. Who sees more has a right for all of them.
const MOST: usize = 256;
/// Questions that are put to the API server at once.
const AT_ONCE: usize = 16;

/// A kind that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Apps = 1,
    Environments = 2,
    Releases = 4,
    Artifacts = 8,
    Approvals = 16,
    Repositories = 32,
    ConfigChanges = 64,
    ReleaseSets = 128,
}

impl Kind {
    fn plural(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::Environments => "environments",
            Self::Releases => "releases",
            Self::Artifacts => "artifacts",
            Self::Approvals => "approvals",
            Self::Repositories => "repositories",
            Self::ConfigChanges => "configchanges",
            Self::ReleaseSets => "releasesets",
        }
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    fn with(self, kind: Kind) -> Self {
        Self(self.0 | kind as u8)
    }

    fn has(self, kind: Kind) -> bool {
        self.0 & kind as u8 != 0
    }
}

/// What a caller may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    everywhere: Kinds,
    namespaces: HashMap<String, Kinds>,
    /// The one namespace that is looked at, where it is one.
    only: Option<String>,
}

impl Sight {
    /// Asks the API server, as the caller. The verb is `list` or `watch`.
    pub(crate) async fn of(
        dashboard: &Dashboard,
        caller: &Caller,
        verb: &str,
        only: Option<&str>,
        kinds: &[Kind],
    ) -> Result<Self, Problem> {
        let ask = async |namespace: String, kind: Kind| {
            let question = Question {
                group: crate::rights::gimlet(),
                verb: verb.to_owned(),
                resource: kind.plural().to_owned(),
                subresource: None,
                namespace: namespace.clone(),
                name: None,
            };
            let may = dashboard.rights.allows(dashboard, caller, question).await?;
            Ok::<_, Problem>(may.then_some((namespace, kind)))
        };
        let all = async |questions: Vec<(String, Kind)>| {
            futures::stream::iter(questions)
                .map(|(namespace, kind)| ask(namespace, kind))
                .buffer_unordered(AT_ONCE)
                .try_collect::<Vec<_>>()
                .await
        };
        let mut sight = Self { only: only.map(str::to_owned), ..Self::default() };
        let namespaces: Vec<String> = if let Some(only) = only {
            vec![only.to_owned()]
        } else {
            let everywhere = kinds.iter().map(|kind| (String::new(), *kind)).collect();
            for (_, kind) in all(everywhere).await?.into_iter().flatten() {
                sight.everywhere = sight.everywhere.with(kind);
            }
            let board = dashboard.watched.board();
            let known = board.iter().flat_map(|board| board.namespaces.iter());
            known.take(MOST).cloned().collect()
        };
        let questions = namespaces.iter().flat_map(|namespace| {
            let left = kinds.iter().filter(|kind| !sight.everywhere.has(**kind));
            left.map(|kind| (namespace.clone(), *kind))
        });
        for (namespace, kind) in all(questions.collect()).await?.into_iter().flatten() {
            let seen = sight.namespaces.entry(namespace).or_default();
            *seen = seen.with(kind);
        }
        Ok(sight)
    }

    /// Makes the sight of somebody who may see kinds in one namespace, and nothing else.
    #[cfg(test)]
    pub(crate) fn in_namespace(namespace: &str, kinds: &[Kind]) -> Self {
        let kinds = kinds.iter().fold(Kinds::default(), |kinds, kind| kinds.with(*kind));
        Self { namespaces: HashMap::from([(namespace.to_owned(), kinds)]), ..Self::default() }
    }

    /// Tells whether objects of a kind in a namespace may be shown.
    pub(crate) fn sees(&self, kind: Kind, namespace: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == namespace)
            && (self.everywhere.has(kind)
                || self.namespaces.get(namespace).is_some_and(|kinds| kinds.has(kind)))
    }

    /// Tells whether nothing at all may be shown.
    pub(crate) fn is_blind(&self) -> bool {
        self.everywhere == Kinds::default() && self.namespaces.is_empty()
    }

    /// Tells somebody who sees nothing which right is missing.
    pub(crate) fn refusal(&self, verb: &str, kind: Kind) -> Problem {
        let kind = kind.plural();
        Problem::forbidden(match &self.only {
            Some(namespace) => format!("needs `{verb} {kind}` in namespace `{namespace}`"),
            None => format!("needs `{verb} {kind}` in at least one namespace"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_in_one_namespace_shows_nothing_of_another() {
        let namespaces = HashMap::from([("a".to_owned(), Kinds::default().with(Kind::Apps))]);
        let sight = Sight { namespaces, ..Sight::default() };
        assert!(sight.sees(Kind::Apps, "a"));
        assert!(!sight.sees(Kind::Releases, "a"));
        assert!(!sight.sees(Kind::Apps, "b"));
    }

    #[test]
    fn who_looks_at_one_namespace_sees_only_that() {
        let everywhere = Kinds::default().with(Kind::Apps);
        let sight = Sight { everywhere, only: Some("a".into()), ..Sight::default() };
        assert!(sight.sees(Kind::Apps, "a"));
        assert!(!sight.sees(Kind::Apps, "b"));
    }
}
