//! The release log, read from commits' messages, with what is asked for often.

mod cache;
mod codec;
mod entry;
mod filter;

use std::collections::{HashMap, HashSet};

pub(crate) use cache::Cache;
pub use entry::{Legacy, LegacyAction, LogEntry, Origin};
pub(crate) use entry::{MAX_FOLDERS, trailers_of};
use filter::Chosen;
pub use filter::HistoryFilter;

use crate::change::{ORDER_TRAILER, RELEASE_TRAILER, parse_order};
use crate::id::CommitId;
use crate::path::RepoPath;
use codec::{Decoder, encode};

/// The place of a change among those of its application, and the change's id.
pub(crate) type Newest = (i64, String, String);

/// A text that occurs in many entries.
type Word = u32;

/// The word of a text that is not there.
const NOTHING: Word = 0;
/// The word of a text that no entry has.
const UNKNOWN: Word = Word::MAX;

/// What entries are chosen by; the rest of an entry is decoded when it is asked for.
#[derive(Debug)]
struct Row {
    commit: CommitId,
    /// Where the entry's bytes start.
    at: usize,
    time: i64,
    environment: Word,
    app: Word,
    requested_by: Word,
    name: Word,
    email: Word,
    repository: Word,
    /// Where the folders start and end that others changed.
    folders: (u32, u32),
    origin: Maker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Gimlet,
    Legacy,
    Other,
}

/// All entries of a branch, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The commit up to which this is complete.
    head: Option<CommitId>,
    bytes: Vec<u8>,
    rows: Vec<Row>,
    words: HashMap<Box<str>, Word>,
    folders: Vec<Word>,
    /// The rows of each application of an environment: most of what is asked for is of one.
    apps: HashMap<(Word, Word), Vec<u32>>,
    /// The first row of each commit; those of a commit with several members follow each other.
    positions: HashMap<CommitId, u32>,
    ids: HashMap<Box<str>, CommitId>,
    newest: HashMap<String, Newest>,
}

impl Index {
    /// Adds entries; those of one commit follow each other. A commit that is there is passed over.
    pub(crate) fn extend(&mut self, entries: &[LogEntry]) {
        for members in entries.chunk_by(|one, next| one.commit == next.commit) {
            let commit = members[0].commit;
            let Ok(position) = u32::try_from(self.rows.len()) else { return };
            if self.positions.contains_key(&commit) {
                continue;
            }
            self.positions.insert(commit, position);
            for entry in members {
                match self.resolve(entry) {
                    Some(resolved) => self.push(&resolved),
                    None => self.push(entry),
                }
            }
        }
    }

    /// Decides what a commit of others is that changed the record of a release: the merge that brought
    /// the release, where nothing else has; else it copied a record, or put an old one back.
    fn resolve(&self, entry: &LogEntry) -> Option<LogEntry> {
        let id = match &entry.origin {
            Origin::Other(_) => entry.get(RELEASE_TRAILER)?,
            Origin::Gimlet | Origin::Legacy(_) => return None,
        };
        let mut resolved = entry.clone();
        if self.ids.contains_key(id) {
            resolved.trailers.clear();
        } else {
            resolved.origin = Origin::Gimlet;
        }
        Some(resolved)
    }

    fn push(&mut self, entry: &LogEntry) {
        if let Some(id) = entry.get(RELEASE_TRAILER) {
            self.ids.entry(id.into()).or_insert(entry.commit);
            if let Some((key, number, tie)) = entry.get(ORDER_TRAILER).and_then(parse_order) {
                let place = (number, tie, id.to_owned());
                let newest = self.newest.entry(key).or_insert_with(|| place.clone());
                if (newest.0, &newest.1) < (place.0, &place.1) {
                    *newest = place;
                }
            }
        }
        let start = self.folders.len();
        let origin = match &entry.origin {
            Origin::Gimlet => Maker::Gimlet,
            Origin::Legacy(_) => Maker::Legacy,
            Origin::Other(folders) => {
                for folder in folders {
                    let word = self.learn(Some(folder));
                    self.folders.push(word);
                }
                Maker::Other
            }
        };
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let row = Row {
            commit: entry.commit,
            at: self.bytes.len(),
            time: entry.time.as_second(),
            environment: self.learn(entry.environment()),
            app: self.learn(entry.app()),
            requested_by: self.learn(entry.requested_by()),
            name: self.learn(Some(&entry.author.name)),
            email: self.learn(Some(&entry.author.email)),
            repository: self.learn(entry.repository()),
            folders: (place(start), place(self.folders.len())),
            origin,
        };
        if origin != Maker::Other {
            let number = place(self.rows.len());
            self.apps.entry((row.environment, row.app)).or_default().push(number);
        }
        self.rows.push(row);
        encode(entry, &mut self.bytes);
    }

    fn learn(&mut self, text: Option<&str>) -> Word {
        let Some(text) = text else { return NOTHING };
        let next = Word::try_from(self.words.len() + 1).unwrap_or(Word::MAX);
        match self.words.get(text) {
            Some(word) => *word,
            None => *self.words.entry(text.into()).or_insert(next),
        }
    }

    /// Says up to which commit this is complete.
    pub(crate) fn set_head(&mut self, head: CommitId) {
        self.head = Some(head);
    }

    pub(crate) fn head(&self) -> Option<CommitId> {
        self.head
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns all entries as bytes; what was there stays where it was when more come.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn find(&self, id: &str) -> Option<CommitId> {
        self.ids.get(id).copied()
    }

    pub(crate) fn newest(&self, key: &str) -> Option<&Newest> {
        self.newest.get(key)
    }

    /// Returns entries, newest first; none if the commit to start before is not known.
    pub(crate) fn history(&self, filter: &HistoryFilter) -> Option<Vec<LogEntry>> {
        let end = match &filter.before {
            Some(commit) => *self.positions.get(commit)? as usize,
            None => self.rows.len(),
        };
        let limit = if filter.limit == 0 { usize::MAX } else { filter.limit };
        let chosen = Chosen::new(self, filter);
        let rows = chosen.among(self, end).filter(|row| chosen.has(self, row));
        let (mut count, mut last) = (0, None);
        let rows = rows.take_while(|row| {
            // Who goes on from a commit must not miss a member of it.
            let taken = count < limit || last == Some(row.commit);
            (count, last) = (count + 1, Some(row.commit));
            taken
        });
        Some(rows.filter_map(|row| Decoder(&self.bytes[row.at..]).entry()).collect())
    }

    /// Returns the commits that may have changed a folder named after its application, newest
    /// first: those of this application, and those of others below the folder or in so many folders
    /// that not all of them are known.
    pub(crate) fn touching(&self, folder: &RepoPath) -> Vec<CommitId> {
        let name = folder.parts().last().unwrap_or_default();
        let app = self.words.get(name).copied().unwrap_or(UNKNOWN);
        let below = self.folders_below(folder);
        let is_cut = |row: &Row| (row.folders.1 - row.folders.0) as usize >= MAX_FOLDERS;
        let rows = self.rows.iter().rev();
        let rows = rows.filter(|row| row.app == app || is_cut(row) || self.touches(row, &below));
        rows.map(|row| row.commit).collect()
    }

    /// Returns the words of a folder and of all in it.
    fn folders_below(&self, folder: &RepoPath) -> HashSet<Word> {
        let of = |text: &str| {
            let rest = text.strip_prefix(folder.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.words.iter().filter(|(text, _)| of(text)).map(|(_, word)| *word).collect()
    }

    fn touches(&self, row: &Row, folders: &HashSet<Word>) -> bool {
        let (start, end) = row.folders;
        let own = self.folders.get(start as usize..end as usize).unwrap_or_default();
        own.iter().any(|word| folders.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    use crate::change::{
        APP_TRAILER, ENV_TRAILER, Identity, REPOSITORY_TRAILER, REQUESTED_BY_TRAILER,
    };

    pub(super) fn entry(n: u8, app: &str, order: Option<&str>) -> LogEntry {
        let mut trailers: std::collections::BTreeMap<String, String> = [
            (RELEASE_TRAILER.to_owned(), format!("r{n}")),
            (ENV_TRAILER.to_owned(), "staging".to_owned()),
            (APP_TRAILER.to_owned(), app.to_owned()),
        ]
        .into();
        trailers.extend(order.map(|o| (ORDER_TRAILER.to_owned(), o.to_owned())));
        LogEntry {
            commit: CommitId::parse(&format!("{n:040x}")).unwrap(),
            time: Timestamp::from_second(i64::from(n)).unwrap(),
            author: Identity { name: "a".into(), email: "a@b".into() },
            subject: "s".into(),
            trailers,
            origin: Origin::Gimlet,
        }
    }

    fn other(n: u8, message: &str, folders: &[&str]) -> LogEntry {
        let base = entry(n, "", None);
        let author = Identity { name: "Jane".into(), email: "jane@b".into() };
        let mut entry = LogEntry::of_message(base.commit, base.time, author, message).remove(0);
        if let Origin::Other(found) = &mut entry.origin {
            *found = folders.iter().map(|f| (*f).to_owned()).collect();
        }
        entry
    }

    fn index(entries: impl IntoIterator<Item = LogEntry>) -> Index {
        let mut index = Index::default();
        index.extend(&entries.into_iter().collect::<Vec<_>>());
        index
    }

    /// The last digits of the chosen commits.
    fn chosen(index: &Index, filter: &HistoryFilter) -> Vec<u8> {
        let found = index.history(filter).unwrap();
        found.iter().map(|e| e.commit.0.as_slice()[19]).collect()
    }

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    #[test]
    fn history_is_paged_per_application_newest_first() {
        let apps = |n: u8| if n.is_multiple_of(2) { "web" } else { "api" };
        let index = index((1..=6).map(|n| entry(n, apps(n), None)));
        let page = |before, limit| {
            let app = Some(("staging".into(), "web".into()));
            chosen(&index, &HistoryFilter { app, limit, before, ..HistoryFilter::default() })
        };
        assert_eq!(page(None, 2), [6, 4]);
        assert_eq!(page(Some(entry(4, "web", None).commit), 2), [2]);
        assert_eq!(page(None, 0).len(), 3);
        assert_eq!(page(Some(entry(5, "api", None).commit), 2), [4, 2]);
        assert_eq!(chosen(&index, &HistoryFilter::default()).len(), 6);
        let before = Some(entry(99, "x", None).commit);
        assert!(index.history(&HistoryFilter { before, ..HistoryFilter::default() }).is_none());
    }

    #[test]
    fn a_commit_has_an_entry_for_each_member_and_no_page_ends_inside_of_it() {
        let member = |id: u8, app: &str| {
            let mut entry = entry(2, app, Some(&format!("{app} {id} x")));
            entry.trailers.insert(RELEASE_TRAILER.into(), format!("r{id}"));
            entry
        };
        let mut index = index([
            entry(1, "web", None),
            member(2, "web"),
            member(3, "api"),
            member(4, "cart"),
            entry(5, "api", None),
        ]);
        // Once more is no more.
        index.extend(&[member(2, "web"), member(3, "api")]);
        let page = |before: Option<u8>, limit| {
            let before = before.map(|n| entry(n, "x", None).commit);
            chosen(&index, &HistoryFilter { limit, before, ..HistoryFilter::default() })
        };
        assert_eq!(page(None, 0), [5, 2, 2, 2, 1]);
        assert_eq!(page(None, 1), [5]);
        assert_eq!(page(None, 2), [5, 2, 2, 2]);
        assert_eq!(page(Some(5), 1), [2, 2, 2]);
        assert_eq!(page(Some(2), 1), [1]);
        let app = |app: &str| HistoryFilter {
            app: Some(("staging".into(), app.into())),
            ..HistoryFilter::default()
        };
        assert_eq!(chosen(&index, &app("api")), [5, 2]);
        assert_eq!(chosen(&index, &app("cart")), [2]);
        let commit = entry(2, "x", None).commit;
        assert_eq!(["r2", "r3", "r4"].map(|id| index.find(id)), [Some(commit); 3]);
        assert_eq!(index.newest("cart").map(|newest| newest.2.as_str()), Some("r4"));
        assert_eq!(index.touching(&path("staging/api")).len(), 2);
    }

    #[test]
    fn a_merge_that_lost_the_trailers_is_its_release_unless_git_has_that_already() {
        let recorded = |n: u8, id: &str| {
            let mut entry = other(n, "squashed (#1)", &["staging/web"]);
            entry.trailers = self::entry(9, "web", None).trailers;
            entry.trailers.insert(RELEASE_TRAILER.into(), id.into());
            entry
        };
        let index = index([entry(1, "web", None), recorded(2, "r2"), recorded(3, "r1")]);
        let commit = |n| entry(n, "web", None).commit;
        assert_eq!(index.find("r2"), Some(commit(2)));
        assert_eq!(index.find("r1"), Some(commit(1)));
        let app = Some(("staging".into(), "web".into()));
        assert_eq!(chosen(&index, &HistoryFilter { app, ..HistoryFilter::default() }), [2, 1]);
        let all = HistoryFilter { others: true, ..HistoryFilter::default() };
        let found = index.history(&all).unwrap();
        assert_eq!(found[0].origin, Origin::Other(vec!["staging/web".into()]));
        assert!(found[0].trailers.is_empty());
    }

    #[test]
    fn entries_are_chosen_by_all_that_is_asked_for() {
        let mut asked = entry(2, "web", None);
        asked.trailers.insert(REQUESTED_BY_TRAILER.into(), "jane@b".into());
        asked.trailers.insert(REPOSITORY_TRAILER.into(), "shop/web".into());
        let index = index([entry(1, "web", None), asked, entry(3, "api", None)]);
        let none = HistoryFilter::default;
        let time = |n| Some(Timestamp::from_second(n).unwrap());
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(chosen(&index, &HistoryFilter { person: text("jane@b"), ..none() }), [2]);
        assert_eq!(chosen(&index, &HistoryFilter { person: text("a@b"), ..none() }), [3, 2, 1]);
        assert_eq!(chosen(&index, &HistoryFilter { repository: text("shop/web"), ..none() }), [2]);
        let range = HistoryFilter { since: time(2), until: time(3), ..none() };
        assert_eq!(chosen(&index, &range), [2]);
        assert_eq!(
            chosen(&index, &HistoryFilter { environment: text("staging"), ..none() }).len(),
            3
        );
        let app = |environment: &str| Some((environment.to_owned(), "web".to_owned()));
        let both = HistoryFilter { app: app("staging"), person: text("jane@b"), ..none() };
        assert_eq!(chosen(&index, &both), [2]);
        assert!(chosen(&index, &HistoryFilter { app: app("other"), ..none() }).is_empty());
        let against = HistoryFilter { app: app("staging"), environment: text("x"), ..none() };
        assert!(chosen(&index, &against).is_empty());
        assert!(chosen(&index, &HistoryFilter { person: text("nobody"), ..none() }).is_empty());
    }

    #[test]
    fn what_others_made_is_chosen_by_its_folder_and_only_when_asked_for() {
        let legacy = "[Gimlet] staging/web automated deploy";
        let index = index([
            other(1, legacy, &[]),
            other(2, "fix", &["staging/web/sub", "docs"]),
            other(3, "fix", &["staging/web2"]),
            other(4, "readme", &[]),
            entry(5, "web", None),
        ]);
        let app = Some(("staging".to_owned(), "web".to_owned()));
        let filter = |folder: Option<&str>| HistoryFilter {
            app: app.clone(),
            others: true,
            folder: folder.map(path),
            ..HistoryFilter::default()
        };
        assert_eq!(chosen(&index, &HistoryFilter::default()), [5]);
        assert_eq!(chosen(&index, &filter(None)), [5, 1]);
        assert_eq!(chosen(&index, &filter(Some("staging/web"))), [5, 2, 1]);
        let all = HistoryFilter { others: true, ..HistoryFilter::default() };
        assert_eq!(chosen(&index, &all), [5, 4, 3, 2, 1]);
        let jane = HistoryFilter { person: Some("Jane".into()), ..all };
        assert_eq!(chosen(&index, &jane), [4, 3, 2, 1]);
        let touching: Vec<_> =
            index.touching(&path("staging/web")).iter().map(|c| c.0.as_slice()[19]).collect();
        assert_eq!(touching, [5, 2, 1]);
    }

    #[test]
    fn a_commit_of_so_many_folders_that_some_are_left_out_may_have_touched_any() {
        let many: Vec<_> = (0..MAX_FOLDERS).map(|n| format!("staging/app-{n:03}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let index = index([other(1, "all", &many), other(2, "most", &many[1..])]);
        let touching = |text: &str| {
            let found = index.touching(&path(text));
            found.iter().map(|c| c.0.as_slice()[19]).collect::<Vec<_>>()
        };
        assert_eq!(touching("staging/app-255"), [2, 1]);
        assert_eq!(touching("staging/never-named"), [1]);
    }

    #[test]
    fn the_newest_change_of_an_application_is_remembered() {
        let orders = [(1, "web 5 b"), (2, "web 5 a"), (3, "web 4 z")];
        let index = index(orders.map(|(n, order)| entry(n, "web", Some(order))));
        assert_eq!(index.newest("web"), Some(&(5, "b".into(), "r1".into())));
    }
}
