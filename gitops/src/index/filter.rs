//! What is asked of the release log.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Index, Maker, Row, UNKNOWN, Word};
use crate::id::CommitId;
use crate::path::RepoPath;

/// Chooses entries of the release log; what is set must all be true of an entry.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// Only this environment's application of this name.
    pub app: Option<(String, String)>,
    /// Only this environment.
    pub environment: Option<String>,
    /// Only what this person asked for, or is the author of: a name or a mail address.
    pub person: Option<String>,
    /// Only releases of this application repository.
    pub repository: Option<String>,
    /// Only what is not older.
    pub since: Option<Timestamp>,
    /// Only what is older.
    pub until: Option<Timestamp>,
    /// Also commits that the original Gimlet made, or others.
    ///
    /// Those of others say nothing of environments and applications: with [`Self::app`] or
    /// [`Self::environment`] they are chosen by [`Self::folder`], and left out without it.
    pub others: bool,
    /// The folder of that application or environment in the repository.
    pub folder: Option<RepoPath>,
    /// At most this many entries, and the other members of the last one's commit; zero stands for
    /// all.
    pub limit: usize,
    /// Only entries of commits that come before this one.
    pub before: Option<CommitId>,
}

/// A filter in an index's own words.
pub(super) struct Chosen {
    app: Option<Word>,
    environment: Option<Word>,
    person: Option<Word>,
    repository: Option<Word>,
    since: i64,
    until: i64,
    others: bool,
    folders: Option<HashSet<Word>>,
}

impl Chosen {
    pub(super) fn new(index: &Index, filter: &HistoryFilter) -> Self {
        let word =
            |text: Option<&str>| text.map(|text| index.words.get(text).copied().unwrap_or(UNKNOWN));
        let (of_app, app) = filter.app.as_ref().map(|(e, a)| (e.as_str(), a.as_str())).unzip();
        let environment = match (word(of_app), word(filter.environment.as_deref())) {
            (Some(one), Some(other)) if one != other => Some(UNKNOWN),
            (one, other) => one.or(other),
        };
        let folder = filter.folder.as_ref().filter(|_| filter.others);
        Self {
            app: word(app),
            environment,
            person: word(filter.person.as_deref()),
            repository: word(filter.repository.as_deref()),
            since: filter.since.map_or(i64::MIN, Timestamp::as_second),
            until: filter.until.map_or(i64::MAX, Timestamp::as_second),
            others: filter.others,
            folders: folder.map(|folder| index.folders_below(folder)),
        }
    }

    /// Returns the rows before a place that may be chosen, newest first.
    pub(super) fn among<'a>(
        &self,
        index: &'a Index,
        end: usize,
    ) -> Box<dyn Iterator<Item = &'a Row> + 'a> {
        match (self.environment, self.app, self.others) {
            (Some(environment), Some(app), false) => {
                let of_app = index.apps.get(&(environment, app)).map_or(&[][..], Vec::as_slice);
                let before = of_app.partition_point(|row| (*row as usize) < end);
                Box::new(of_app[..before].iter().rev().map(|row| &index.rows[*row as usize]))
            }
            _ => Box::new(index.rows[..end].iter().rev()),
        }
    }

    pub(super) fn has(&self, index: &Index, row: &Row) -> bool {
        let is = |asked: Option<Word>, word: Word| asked.is_none_or(|asked| asked == word);
        let person = |asked| [row.requested_by, row.name, row.email].contains(&asked);
        let placed = match row.origin {
            Maker::Gimlet | Maker::Legacy => {
                is(self.environment, row.environment) && is(self.app, row.app)
            }
            Maker::Other => match &self.folders {
                Some(folders) => index.touches(row, folders),
                None => self.environment.is_none() && self.app.is_none(),
            },
        };
        placed
            && (self.others || row.origin == Maker::Gimlet)
            && self.person.is_none_or(person)
            && is(self.repository, row.repository)
            && (self.since..self.until).contains(&row.time)
    }
}
