//! The release log, read from commit trailers alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::change::{
    APP_TRAILER, Change, ENV_TRAILER, Identity, ORDER_TRAILER, RELEASE_TRAILER, line, parse_order,
};
use crate::id::CommitId;

/// Describes one commit with trailers of ours.
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
    /// The trailers by name; of several with one name the last.
    pub trailers: BTreeMap<String, String>,
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
        }
    }

    fn get(&self, trailer: &str) -> Option<&str> {
        self.trailers.get(trailer).map(String::as_str)
    }
}

/// Chooses entries of the release log.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// Only this environment's application of this name.
    pub app: Option<(String, String)>,
    /// At most this many entries; zero stands for all.
    pub limit: usize,
    /// Only entries older than this one.
    pub before: Option<CommitId>,
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

/// The place of a change among those of its application, and the change's id.
pub(crate) type Newest = (i64, String, String);

/// All entries of a branch, oldest first, with what is asked for often.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<Arc<LogEntry>>,
    positions: HashMap<CommitId, usize>,
    apps: HashMap<(String, String), Vec<usize>>,
    ids: HashMap<String, CommitId>,
    newest: HashMap<String, Newest>,
}

impl Index {
    pub(crate) fn push(&mut self, entry: LogEntry) {
        if self.positions.contains_key(&entry.commit) {
            return;
        }
        let at = self.entries.len();
        self.positions.insert(entry.commit, at);
        if let (Some(env), Some(app)) = (entry.get(ENV_TRAILER), entry.get(APP_TRAILER)) {
            self.apps.entry((env.to_owned(), app.to_owned())).or_default().push(at);
        }
        if let Some(id) = entry.get(RELEASE_TRAILER) {
            self.ids.entry(id.to_owned()).or_insert(entry.commit);
            if let Some((key, number, tie)) = entry.get(ORDER_TRAILER).and_then(parse_order) {
                let place = (number, tie, id.to_owned());
                let newest = self.newest.entry(key).or_insert_with(|| place.clone());
                if (newest.0, &newest.1) < (place.0, &place.1) {
                    *newest = place;
                }
            }
        }
        self.entries.push(Arc::new(entry));
    }

    pub(crate) fn find(&self, id: &str) -> Option<CommitId> {
        self.ids.get(id).copied()
    }

    pub(crate) fn newest(&self, key: &str) -> Option<&Newest> {
        self.newest.get(key)
    }

    /// Returns entries, newest first; none if the entry to start before is not known.
    pub(crate) fn history(&self, filter: &HistoryFilter) -> Option<Vec<LogEntry>> {
        let end = match &filter.before {
            Some(commit) => *self.positions.get(commit)?,
            None => self.entries.len(),
        };
        let limit = if filter.limit == 0 { usize::MAX } else { filter.limit };
        let pick = |at: usize| LogEntry::clone(&self.entries[at]);
        Some(match &filter.app {
            Some(app) => {
                let all = self.apps.get(app).map_or(&[][..], Vec::as_slice);
                let older = &all[..all.partition_point(|at| *at < end)];
                older.iter().rev().take(limit).map(|at| pick(*at)).collect()
            }
            None => (0..end).rev().take(limit).map(pick).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u8, app: &str, order: Option<&str>) -> LogEntry {
        let mut trailers: BTreeMap<String, String> = [
            (RELEASE_TRAILER.to_owned(), format!("r{n}")),
            (ENV_TRAILER.to_owned(), "staging".to_owned()),
            (APP_TRAILER.to_owned(), app.to_owned()),
        ]
        .into();
        trailers.extend(order.map(|o| (ORDER_TRAILER.to_owned(), o.to_owned())));
        LogEntry {
            commit: CommitId::parse(&format!("{n:040x}")).unwrap(),
            time: Timestamp::UNIX_EPOCH,
            author: Identity { name: "a".into(), email: "a@b".into() },
            subject: "s".into(),
            trailers,
        }
    }

    #[test]
    fn history_is_paged_per_application_newest_first() {
        let mut index = Index::default();
        for n in 1..=6 {
            index.push(entry(n, if n % 2 == 0 { "web" } else { "api" }, None));
        }
        let page = |before, limit| {
            let app = Some(("staging".into(), "web".into()));
            let found = index.history(&HistoryFilter { app, limit, before }).unwrap();
            found.iter().map(|e| e.trailers[RELEASE_TRAILER].clone()).collect::<Vec<_>>()
        };
        assert_eq!(page(None, 2), ["r6", "r4"]);
        assert_eq!(page(Some(entry(4, "web", None).commit), 2), ["r2"]);
        assert_eq!(page(None, 0).len(), 3);
        let all = index.history(&HistoryFilter::default()).unwrap();
        assert_eq!(all.len(), 6);
        let before = Some(entry(99, "x", None).commit);
        assert!(index.history(&HistoryFilter { before, ..HistoryFilter::default() }).is_none());
    }

    #[test]
    fn the_newest_change_of_an_application_is_remembered() {
        let mut index = Index::default();
        index.push(entry(1, "web", Some("web 5 b")));
        index.push(entry(2, "web", Some("web 5 a")));
        index.push(entry(3, "web", Some("web 4 z")));
        assert_eq!(index.newest("web"), Some(&(5, "b".into(), "r1".into())));
    }

    #[test]
    fn only_the_last_paragraph_has_trailers() {
        let found =
            trailers_of("subject\n\nGimlet-Release: forged\n\ntext: x\nGimlet-Release: r1\n");
        assert_eq!(found[RELEASE_TRAILER], "r1");
        assert!(trailers_of("Gimlet-Release: r1").is_empty());
    }
}
