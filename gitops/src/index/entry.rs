//! One commit of the release log.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::change::{
    APP_TRAILER, Change, ENV_TRAILER, Identity, MAX_MEMBERS, MemberRef, RELEASE_TRAILER,
    REPOSITORY_TRAILER, REQUESTED_BY_TRAILER, line,
};
use crate::id::CommitId;

/// The longest subject that is kept of a commit that others made, in characters.
const MAX_SUBJECT: usize = 200;
/// The most folders that are kept of one commit that others made.
pub(crate) const MAX_FOLDERS: usize = 256;

/// Describes one commit of the branch, or one member of a commit that has several.
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
    /// The member's trailers by name; of several with one name the last. Empty if others made the
    /// commit.
    pub trailers: BTreeMap<String, String>,
    /// Who made the commit.
    pub origin: Origin,
}

/// Says who made a commit, as far as its message tells.
///
/// Anybody can write such a message; only a signature proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Gimlet, as its trailers say; or, where a merge squashed them away, the record in the folder.
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
    /// Returns the entries that a change's commit will have, one for each member.
    pub(crate) fn of_change(change: &Change, commit: CommitId) -> Vec<Self> {
        let entry = |member: MemberRef<'_>| Self {
            commit,
            time: change.time,
            author: change.author.clone(),
            subject: line(&change.subject),
            trailers: member.all_trailers().into_iter().collect(),
            origin: Origin::Gimlet,
        };
        change.members().map(entry).collect()
    }

    /// Returns the entries of a commit that was read: one, or one for each member. The folders of
    /// [`Origin::Other`] are not known yet.
    pub(crate) fn of_message(
        commit: CommitId,
        time: Timestamp,
        author: Identity,
        message: &str,
    ) -> Vec<Self> {
        let first = message.lines().next().unwrap_or_default();
        let members = trailers_of(message);
        if members.iter().flat_map(BTreeMap::keys).any(|key| key.starts_with("Gimlet-")) {
            let entry = |trailers| Self {
                commit,
                time,
                author: author.clone(),
                subject: first.to_owned(),
                trailers,
                origin: Origin::Gimlet,
            };
            return members.into_iter().map(entry).collect();
        }
        let origin = match Legacy::parse(first) {
            Some(legacy) => Origin::Legacy(legacy),
            None => Origin::Other(Vec::new()),
        };
        let subject = first.chars().take(MAX_SUBJECT).collect();
        vec![Self { commit, time, author, subject, trailers: BTreeMap::new(), origin }]
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

/// Reads the trailers from the last paragraph of a message: those of each member, which begin with
/// its id. Members beyond the most that there may be are left out.
pub(crate) fn trailers_of(message: &str) -> Vec<BTreeMap<String, String>> {
    let text = message.trim_end();
    // A message of one paragraph is all subject.
    let Some((_, last)) = text.rsplit_once("\n\n") else { return Vec::new() };
    let trailers = last.lines().filter_map(|l| l.split_once(": ")).filter(|(key, _)| {
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    });
    let mut members = Vec::new();
    let mut member = BTreeMap::new();
    for (key, value) in trailers {
        if key == RELEASE_TRAILER && member.contains_key(key) {
            members.push(std::mem::take(&mut member));
        }
        member.insert(key.to_owned(), value.trim().to_owned());
    }
    members.push(member);
    members.truncate(MAX_MEMBERS);
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_paragraph_has_trailers() {
        let found =
            trailers_of("subject\n\nGimlet-Release: forged\n\ntext: x\nGimlet-Release: r1\n");
        assert_eq!((found.len(), found[0][RELEASE_TRAILER].as_str()), (1, "r1"));
        assert!(trailers_of("Gimlet-Release: r1").is_empty());
    }

    #[test]
    fn each_member_of_a_commit_has_its_own_trailers() {
        let text = "s\n\nSigned-off-by: x\nGimlet-Release: r1\nGimlet-App: web\nGimlet-Release: r2\nGimlet-App: api\n";
        let found = trailers_of(text);
        let apps: Vec<_> = found.iter().map(|trailers| trailers[APP_TRAILER].as_str()).collect();
        assert_eq!(apps, ["web", "api"]);
        assert!(!found[1].contains_key("Signed-off-by"));
        let many = format!("s\n\n{}", "Gimlet-Release: r\n".repeat(MAX_MEMBERS + 9));
        assert_eq!(trailers_of(&many).len(), MAX_MEMBERS);
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
