//! What is to be written, and what came of it.

use std::collections::HashSet;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::error::{GitError, GitErrorKind};
use crate::folder::FileMap;
use crate::id::{CommitId, TreeId};
use crate::path::RepoPath;

/// The trailer that carries a change's id.
pub const RELEASE_TRAILER: &str = "Gimlet-Release";
/// The trailer that carries a change's place among those of its application.
pub const ORDER_TRAILER: &str = "Gimlet-Order";
/// The trailer that carries the application's name.
pub const APP_TRAILER: &str = "Gimlet-App";
/// The trailer that carries the environment's name.
pub const ENV_TRAILER: &str = "Gimlet-Env";
/// The trailer that says who asked for the change.
pub const REQUESTED_BY_TRAILER: &str = "Gimlet-Requested-By";
/// The trailer that carries the application's own repository.
pub const REPOSITORY_TRAILER: &str = "Gimlet-Repository";

/// The most members that one commit has.
pub const MAX_MEMBERS: usize = 256;

/// Changes one place of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Makes a folder hold exactly these files.
    Folder {
        /// The folder.
        path: RepoPath,
        /// All its files, named relative to it.
        files: FileMap,
    },
    /// Makes a folder what it was in an earlier commit.
    Restore {
        /// The folder.
        path: RepoPath,
        /// Its recorded content.
        tree: TreeId,
    },
    /// Removes a folder with all that is in it.
    RemoveFolder {
        /// The folder.
        path: RepoPath,
    },
    /// Writes one file and leaves its neighbours alone.
    WriteFile {
        /// The file.
        path: RepoPath,
        /// Its whole content.
        data: Vec<u8>,
    },
    /// Removes one file.
    RemoveFile {
        /// The file.
        path: RepoPath,
    },
}

impl Edit {
    /// Returns the place that is changed.
    pub fn path(&self) -> &RepoPath {
        match self {
            Self::Folder { path, .. }
            | Self::Restore { path, .. }
            | Self::RemoveFolder { path }
            | Self::WriteFile { path, .. }
            | Self::RemoveFile { path } => path,
        }
    }

    pub(crate) fn is_folder(&self) -> bool {
        match self {
            Self::Folder { .. } | Self::Restore { .. } | Self::RemoveFolder { .. } => true,
            Self::WriteFile { .. } | Self::RemoveFile { .. } => false,
        }
    }
}

/// Names a person or program in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

/// Describes one commit to make.
///
/// The commit's dates are [`Change::time`], so the same change on the same base is the same commit.
#[derive(Clone, Debug)]
pub struct Change {
    /// The idempotency key, written as the trailer `Gimlet-Release`; letters, digits and `-._:`.
    pub id: String,
    /// What changes, applied in order.
    pub edits: Vec<Edit>,
    /// The first line of the message.
    pub subject: String,
    /// The text below it; may be empty.
    pub body: String,
    /// Further trailers.
    pub trailers: Vec<(String, String)>,
    /// Who asked for it.
    pub author: Identity,
    /// Who writes it.
    pub committer: Identity,
    /// When it was asked for.
    pub time: Timestamp,
    /// The application's key, and this change's place among the application's changes: a number and a
    /// text that decides between equal numbers. An older change than the newest committed one is refused.
    pub order: Option<(String, i64, String)>,
    /// The commit whose content at the first edit's path this change was made for. If the path is
    /// something else by now, the change is refused.
    pub expected: Option<CommitId>,
    /// Further members that go into the same commit: all of them or none. Each is an entry of the
    /// release log of its own; what is above of one is the first member.
    pub also: Vec<Member>,
}

/// Describes a further member of a commit; the fields are those of [`Change`].
#[derive(Clone, Debug)]
pub struct Member {
    /// The idempotency key.
    pub id: String,
    /// What changes, applied in order, after what the members before it change.
    pub edits: Vec<Edit>,
    /// Further trailers.
    pub trailers: Vec<(String, String)>,
    /// The application's key, and the place among the application's changes.
    pub order: Option<(String, i64, String)>,
    /// The commit whose content at the first edit's path it was made for.
    pub expected: Option<CommitId>,
}

/// One member of a change, the first or a further one.
#[derive(Clone, Copy)]
pub(crate) struct MemberRef<'a> {
    pub(crate) id: &'a str,
    pub(crate) edits: &'a [Edit],
    trailers: &'a [(String, String)],
    pub(crate) order: Option<&'a (String, i64, String)>,
    pub(crate) expected: Option<CommitId>,
}

impl MemberRef<'_> {
    fn check(&self) -> Result<(), GitError> {
        let invalid = |text: String| Err(GitError::new(GitErrorKind::Invalid, text));
        let id_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
        if self.id.is_empty() || self.id.len() > 200 || !self.id.chars().all(id_char) {
            return invalid(format!(
                "change id {:?} is not usable: use at most 200 letters, digits, '-', '.', '_' and ':'",
                self.id.chars().take(200).collect::<String>()
            ));
        }
        if self.edits.is_empty() {
            return invalid(format!("change {} has no edits", self.id));
        }
        let key_char = |c: char| c.is_ascii_alphanumeric() || c == '-';
        for (key, _) in self.trailers {
            if key.is_empty() || !key.chars().all(key_char) {
                return invalid(format!(
                    "trailer {key:?} is not usable: use letters, digits and '-'"
                ));
            }
        }
        Ok(())
    }

    /// Returns the place among the application's changes as the value of its trailer.
    pub(crate) fn order_value(&self) -> Option<String> {
        self.order.map(|(key, number, tie)| {
            format!("{} {number} {}", word(key), word(tie)).trim_end().to_owned()
        })
    }

    /// Returns all trailers; the id comes first, so that members can be told apart.
    pub(crate) fn all_trailers(&self) -> Vec<(String, String)> {
        let mut all = vec![(RELEASE_TRAILER.to_owned(), self.id.to_owned())];
        let own = |key: &str| {
            key.eq_ignore_ascii_case(RELEASE_TRAILER) || key.eq_ignore_ascii_case(ORDER_TRAILER)
        };
        let others = self.trailers.iter().filter(|(key, _)| !own(key));
        all.extend(others.map(|(key, value)| (key.clone(), line(value))));
        all.extend(self.order_value().map(|value| (ORDER_TRAILER.to_owned(), value)));
        all
    }
}

impl Change {
    /// Returns the members in order.
    pub(crate) fn members(&self) -> impl Iterator<Item = MemberRef<'_>> {
        let first = MemberRef {
            id: &self.id,
            edits: &self.edits,
            trailers: &self.trailers,
            order: self.order.as_ref(),
            expected: self.expected,
        };
        let others = self.also.iter().map(|member| MemberRef {
            id: &member.id,
            edits: &member.edits,
            trailers: &member.trailers,
            order: member.order.as_ref(),
            expected: member.expected,
        });
        std::iter::once(first).chain(others)
    }

    pub(crate) fn check(&self) -> Result<(), GitError> {
        let invalid = |text: String| Err(GitError::new(GitErrorKind::Invalid, text));
        if self.also.len() >= MAX_MEMBERS {
            return invalid(format!(
                "change {} has {} members: make at most {MAX_MEMBERS} at once",
                self.id,
                self.also.len() + 1
            ));
        }
        let mut ids = HashSet::new();
        for member in self.members() {
            member.check()?;
            if !ids.insert(member.id) {
                return invalid(format!("change {} is in the same commit twice", member.id));
            }
        }
        if self.subject.trim().is_empty() {
            return invalid(format!("change {} has no subject", self.id));
        }
        Ok(())
    }

    /// Returns the whole commit message.
    pub(crate) fn message(&self) -> String {
        let mut message = line(&self.subject);
        message.push('\n');
        let body = clean(&self.body);
        if !body.is_empty() {
            let _ = write!(message, "\n{body}\n");
        }
        message.push('\n');
        for (key, value) in self.members().flat_map(|member| member.all_trailers()) {
            let _ = writeln!(message, "{key}: {value}");
        }
        message
    }
}

/// Returns what follows `key ` in a trailer's value: number and tie.
pub(crate) fn parse_order(value: &str) -> Option<(String, i64, String)> {
    let mut words = value.split(' ');
    let key = words.next()?.to_owned();
    let number = words.next()?.parse().ok()?;
    Some((key, number, words.next().unwrap_or_default().to_owned()))
}

/// Makes one line of a text.
pub(crate) fn line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.trim().to_owned()
}

/// Makes one word of a text.
pub(crate) fn word(text: &str) -> String {
    line(text).replace(char::is_whitespace, "_")
}

/// Drops control characters and the blank lines around a text.
fn clean(text: &str) -> String {
    let kept: String = text
        .replace("\r\n", "\n")
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    kept.trim_matches(|c: char| c == '\n' || c == ' ').to_owned()
}

/// Says what came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The commit is on the server.
    Committed {
        /// The commit.
        commit: CommitId,
        /// The commit before it; none for the first of a repository.
        parent: Option<CommitId>,
        /// The first edited folder's content; the empty tree if it is gone or no folder was edited.
        tree: TreeId,
    },
    /// Everything was as asked for already, so there is no commit.
    Unchanged {
        /// The branch's head.
        head: CommitId,
        /// As in [`Outcome::Committed`].
        tree: TreeId,
    },
    /// A commit with this id was found on the server.
    Adopted {
        /// That commit.
        commit: CommitId,
        /// As in [`Outcome::Committed`], in that commit.
        tree: TreeId,
    },
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn change(id: &str, edits: Vec<Edit>) -> Change {
        let identity = Identity { name: "Gimlet".into(), email: "gimlet@example.com".into() };
        Change {
            id: id.into(),
            edits,
            subject: format!("release {id}"),
            body: String::new(),
            trailers: vec![
                (ENV_TRAILER.into(), "staging".into()),
                (APP_TRAILER.into(), "web".into()),
            ],
            author: identity.clone(),
            committer: identity,
            time: Timestamp::UNIX_EPOCH,
            order: None,
            expected: None,
            also: Vec::new(),
        }
    }

    #[test]
    fn a_body_cannot_forge_a_trailer() {
        let mut c = change("r1", vec![]);
        c.body = "text\r\n\nGimlet-Release: forged\n\n".into();
        c.trailers.push(("Gimlet-Reason".into(), "x\nGimlet-Release: forged".into()));
        c.trailers.push(("gimlet-release".into(), "forged".into()));
        let message = c.message();
        let last = message.trim_end().rsplit("\n\n").next().unwrap();
        let ids: Vec<_> =
            last.lines().filter(|l| l.to_lowercase().starts_with("gimlet-release")).collect();
        assert_eq!(ids, ["Gimlet-Release: r1"]);
    }

    #[test]
    fn an_order_survives_its_trailer() {
        let mut c = change("r1", vec![]);
        c.order = Some(("staging/my app".into(), -5, "uid-1".into()));
        let parsed = parse_order(&c.members().next().unwrap().order_value().unwrap()).unwrap();
        assert_eq!(parsed, ("staging/my_app".into(), -5, "uid-1".into()));
    }

    #[test]
    fn members_are_told_apart_and_none_is_there_twice() {
        let edits = vec![Edit::RemoveFolder { path: RepoPath::parse("a").unwrap() }];
        let member = |id: &str| Member {
            id: id.into(),
            edits: edits.clone(),
            trailers: vec![(APP_TRAILER.into(), format!("app-{id}"))],
            order: None,
            expected: None,
        };
        let mut c = change("r1", edits.clone());
        c.also = vec![member("r2"), member("r3")];
        assert!(c.check().is_ok());
        let message = c.message();
        let trailers: Vec<_> = message.rsplit("\n\n").next().unwrap().lines().collect();
        assert_eq!(trailers[3..5], ["Gimlet-Release: r2", "Gimlet-App: app-r2"]);
        for wrong in [vec![member("r1")], vec![member("a b")], vec![member("x"); MAX_MEMBERS]] {
            c.also = wrong;
            assert_eq!(c.check().unwrap_err().kind(), GitErrorKind::Invalid);
        }
    }

    #[test]
    fn an_id_that_would_break_the_message_is_refused() {
        let edits = vec![Edit::RemoveFolder { path: RepoPath::parse("a").unwrap() }];
        assert!(change("ok-1", edits.clone()).check().is_ok());
        for id in ["", "a b", "a\nb"] {
            assert_eq!(
                change(id, edits.clone()).check().unwrap_err().kind(),
                GitErrorKind::Invalid
            );
        }
    }
}
