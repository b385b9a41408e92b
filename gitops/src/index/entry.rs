//! One commit of the release log.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::change::{
    APP_TRAILER, Change, ENV_TRAILER, Identity, REPOSITORY_TRAILER, REQUESTED_BY_TRAILER, line,
};
use crate::id::CommitId;

/// The longest subject that is kept of a commit that others made, in characters.
const MAX_SUBJECT: usize = 200;
/// The most folders that are kept of one commit that others made.
pub(crate) const MAX_FOLDERS: usize = 256;

/// Describes one commit of the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The commit.
    pub commit: CommitId,
    /// When the change was asked for.
    pub time: Timestamp,
    /// Who asked for it.
    pub author: Identity,
    /// The first line of the message.
    pub subject: String,
    /// The trailers by name; of several with one name the last. Empty if others made the commit.
    pub trailers: BTreeMap<String, String>,
    /// Who made the commit.
    pub origin: Origin,
}

/// Says who made a commit, as far as its message tells.
///
/// Anybody can write such a message; only a signature proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Gimlet, as its trailers say.
    Gimlet,
    /// The original Gimlet, which wrote no trailers. What it released is in the file
    /// `release.json` of the application's folder at the commit.
    Legacy(Legacy),
    /// Somebody else, in these folders, sorted; at most 256 of them.
    Other(Vec<String>),
}

/// Describes a commit of the original Gimlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legacy {
    /// The environment's name.
    pub environment: String,
    /// The application's name.
    pub app: String,
    /// What was done.
    pub action: LegacyAction,
}

/// Says what the original Gimlet did in a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyAction {
    /// Released a version.
    Deploy,
    /// Removed the application.
    Delete,
    /// Took a release back; a rollback over several releases is as many commits.
    Revert,
}

impl Legacy {
    /// Recognises a message of the original Gimlet by its first line.
    pub fn parse(subject: &str) -> Option<Self> {
        let reverted = subject.strip_prefix("Revert \"").and_then(|rest| rest.strip_suffix('"'));
        let text = reverted.unwrap_or(subject).strip_prefix("[Gimlet] ")?;
        let (place, rest) = text.split_once(' ')?;
        let (environment, app) = place.split_once('/')?;
        let action = match (reverted, rest) {
            (None, "automated deploy") => LegacyAction::Deploy,
            (None, rest) if rest.starts_with("deleted by ") => LegacyAction::Delete,
            (Some(_), "automated deploy") => LegacyAction::Revert,
            (Some(_), rest) if rest.starts_with("deleted by ") => LegacyAction::Revert,
            _ => return None,
        };
        if environment.is_empty() || app.is_empty() || app.contains('/') {
            return None;
        }
        Some(Self { environment: environment.to_owned(), app: app.to_owned(), action })
    }
}

impl LogEntry {
    /// Returns the entry that a change's commit will have.
    pub(crate) fn of_change(change: &Change, commit: CommitId) -> Self {
        Self {
            commit,
            time: change.time,
            author: change.author.clone(),
            subject: line(&change.subject),
            trailers: change.all_trailers().into_iter().collect(),
            origin: Origin::Gimlet,
        }
    }

    /// Returns the entry of a commit that was read; the folders of [`Origin::Other`] are not known
    /// yet.
    pub(crate) fn of_message(
        commit: CommitId,
        time: Timestamp,
        author: Identity,
        message: &str,
    ) -> Self {
        let first = message.lines().next().unwrap_or_default();
        let trailers = trailers_of(message);
        if trailers.keys().any(|key| key.starts_with("Gimlet-")) {
            let subject = first.to_owned();
            return Self { commit, time, author, subject, trailers, origin: Origin::Gimlet };
        }
        let origin = match Legacy::parse(first) {
            Some(legacy) => Origin::Legacy(legacy),
            None => Origin::Other(Vec::new()),
        };
        let subject = first.chars().take(MAX_SUBJECT).collect();
        Self { commit, time, author, subject, trailers: BTreeMap::new(), origin }
    }

    pub(crate) fn get(&self, trailer: &str) -> Option<&str> {
        self.trailers.get(trailer).map(String::as_str)
    }

    /// Returns the environment's name; none if others made the commit.
    pub fn environment(&self) -> Option<&str> {
        match &self.origin {
            Origin::Gimlet => self.get(ENV_TRAILER),
            Origin::Legacy(legacy) => Some(&legacy.environment),
            Origin::Other(_) => None,
        }
    }

    /// Returns the application's name; none if others made the commit.
    pub fn app(&self) -> Option<&str> {
        match &self.origin {
            Origin::Gimlet => self.get(APP_TRAILER),
            Origin::Legacy(legacy) => Some(&legacy.app),
            Origin::Other(_) => None,
        }
    }

    /// Returns who asked for the release, if the commit says so.
    pub fn requested_by(&self) -> Option<&str> {
        self.get(REQUESTED_BY_TRAILER)
    }

    /// Returns the application's own repository, if the commit says so.
    pub fn repository(&self) -> Option<&str> {
        self.get(REPOSITORY_TRAILER)
    }
}

/// Reads the trailers from the last paragraph of a message.
pub(crate) fn trailers_of(message: &str) -> BTreeMap<String, String> {
    let text = message.trim_end();
    // A message of one paragraph is all subject.
    let Some((_, last)) = text.rsplit_once("\n\n") else { return BTreeMap::new() };
    last.lines()
        .filter_map(|l| l.split_once(": "))
        .filter(|(key, _)| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
        .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::RELEASE_TRAILER;

    #[test]
    fn only_the_last_paragraph_has_trailers() {
        let found =
            trailers_of("subject\n\nGimlet-Release: forged\n\ntext: x\nGimlet-Release: r1\n");
        assert_eq!(found[RELEASE_TRAILER], "r1");
        assert!(trailers_of("Gimlet-Release: r1").is_empty());
    }

    #[test]
    fn messages_of_the_original_gimlet_are_recognised() {
        let parsed = |text: &str| Legacy::parse(text).map(|l| (l.environment, l.app, l.action));
        let place = |action| Some(("staging".to_owned(), "web".to_owned(), action));
        assert_eq!(parsed("[Gimlet] staging/web automated deploy"), place(LegacyAction::Deploy));
        assert_eq!(
            parsed("[Gimlet] staging/web deleted by cleanup policy"),
            place(LegacyAction::Delete)
        );
        assert_eq!(
            parsed("Revert \"[Gimlet] staging/web automated deploy\""),
            place(LegacyAction::Revert)
        );
        for text in [
            "[Gimlet] Bootstrapping",
            "[Gimlet] Creating web gimlet manifest for the staging env",
            "staging/web automated deploy",
            "[Gimlet] web automated deploy",
            "[Gimlet] a/b/c automated deploy",
            "Revert \"fix\"",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
