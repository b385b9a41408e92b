//! What is asked of a server's upload-pack: branches and objects (protocol version 2).

use gix_hash::ObjectId;

use super::http::{Http, Service};
use super::pack;
use super::packet::{DELIMITER, FLUSH, Line, Lines, cut, garbage, put_text};
use crate::error::{GitError, GitErrorKind};
use crate::id::{CommitId, Object};

const AGENT: &str = concat!("agent=gimlet/", env!("CARGO_PKG_VERSION"));
/// The most words of the server that are shown.
const SAID: usize = 300;

/// What a server can do for us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    /// It speaks version 2 of the protocol, with objects named by SHA-1.
    pub(super) version_2: bool,
    /// It leaves objects out that are not wanted.
    pub(super) filter: bool,
    /// It sends commits without those before them.
    pub(super) shallow: bool,
}

impl Abilities {
    /// Says whether the server can be worked with without a clone.
    pub(super) fn suffice(self) -> bool {
        self.version_2 && self.filter && self.shallow
    }

    /// Asks the server.
    pub(super) async fn ask(http: &Http) -> Result<Self, GitError> {
        Self::parse(&http.advertisement().await?)
    }

    pub(super) fn parse(answer: &[u8]) -> Result<Self, GitError> {
        let mut lines = Lines::new(answer);
        let mut abilities = Self::default();
        let mut format = "sha1".to_owned();
        while let Some(line) = lines.next()? {
            let Some(text) = line.text() else { continue };
            if text == "version 2" {
                abilities.version_2 = true;
            } else if let Some(features) = text.strip_prefix("fetch=") {
                let has = |name| features.split(' ').any(|feature| feature == name);
                (abilities.filter, abilities.shallow) = (has("filter"), has("shallow"));
            } else if let Some(found) = text.strip_prefix("object-format=") {
                found.clone_into(&mut format);
            }
        }
        abilities.version_2 &= format == "sha1";
        Ok(abilities)
    }
}

/// Which objects are wanted.
#[derive(Debug)]
pub(super) struct Want<'a> {
    pub(super) ids: &'a [ObjectId],
    /// What we have, with everything before it.
    pub(super) have: Option<CommitId>,
    /// How many levels come along: of trees with a commit, of what is in it with a tree.
    pub(super) trees: u32,
    /// Only the commit itself, without those before it.
    pub(super) alone: bool,
}

impl Want<'_> {
    fn request(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(256 + self.ids.len() * 50);
        put_text(&mut body, "command=fetch\n");
        put_text(&mut body, AGENT);
        put_text(&mut body, "object-format=sha1");
        body.extend_from_slice(DELIMITER);
        put_text(&mut body, "no-progress\n");
        put_text(&mut body, "ofs-delta\n");
        put_text(&mut body, &format!("filter tree:{}\n", self.trees));
        if self.alone {
            put_text(&mut body, "deepen 1\n");
        }
        for id in self.ids {
            put_text(&mut body, &format!("want {}\n", id.to_hex()));
        }
        if let Some(have) = self.have {
            put_text(&mut body, &format!("have {have}\n"));
        }
        put_text(&mut body, "done\n");
        body.extend_from_slice(FLUSH);
        body
    }
}

/// Fetches objects. [`GitErrorKind::NotFound`] if the server has nothing for a name, or refuses the
/// filter.
pub(super) async fn fetch(http: &Http, want: &Want<'_>) -> Result<Vec<Object>, GitError> {
    let answer = http.call(Service::UploadPack, want.request()).await?;
    // Inflating the history of a large repository takes a while.
    let read = tokio::task::spawn_blocking(move || objects_of(&answer)).await;
    read.map_err(|e| GitError::other(format!("reading the pack was broken off: {e}")))?
}

pub(super) fn objects_of(answer: &[u8]) -> Result<Vec<Object>, GitError> {
    let mut lines = Lines::new(answer);
    let mut packfile = Vec::new();
    let mut started = false;
    loop {
        match lines.next()? {
            None => return Err(cut("before its end")),
            Some(Line::Flush) if started => break,
            Some(Line::Data(data)) if started => match data.split_first() {
                Some((1, data)) => packfile.extend_from_slice(data),
                Some((2, _)) => {}
                Some((3, said)) => return Err(told(said)),
                _ => return Err(garbage("a line is of no band")),
            },
            Some(Line::Data(b"packfile\n")) => started = true,
            Some(Line::Data(data)) => {
                if let Some(said) = data.strip_prefix(b"ERR ") {
                    return Err(told(said));
                }
            }
            // What stands before the pack: which commits came without those before them.
            Some(Line::Delimiter | Line::Flush) => {}
        }
    }
    // Without the feature thin-pack all bases are in the pack.
    pack::read(&packfile, |_| None)
}

/// The server's own words for a request that it does not serve.
fn told(said: &[u8]) -> GitError {
    let said: String = String::from_utf8_lossy(said).trim().chars().take(SAID).collect();
    GitError::new(GitErrorKind::NotFound, format!("the server says: {said}"))
}

/// Asks where branches are, by the beginning of their full names.
pub(super) async fn branches(
    http: &Http,
    prefix: &str,
) -> Result<Vec<(String, CommitId)>, GitError> {
    let mut body = Vec::new();
    put_text(&mut body, "command=ls-refs\n");
    put_text(&mut body, AGENT);
    put_text(&mut body, "object-format=sha1");
    body.extend_from_slice(DELIMITER);
    put_text(&mut body, &format!("ref-prefix {prefix}\n"));
    body.extend_from_slice(FLUSH);
    refs_of(&http.call(Service::UploadPack, body).await?)
}

pub(super) fn refs_of(answer: &[u8]) -> Result<Vec<(String, CommitId)>, GitError> {
    let mut lines = Lines::new(answer);
    let mut found = Vec::new();
    loop {
        match lines.next()? {
            None => return Err(cut("before its end")),
            Some(Line::Flush) => return Ok(found),
            Some(line) => {
                let text = line.text().ok_or_else(|| garbage("a branch has no name"))?;
                if let Some(said) = text.strip_prefix("ERR ") {
                    return Err(told(said.as_bytes()));
                }
                let (id, name) =
                    text.split_once(' ').ok_or_else(|| garbage("a branch has no name"))?;
                // Attributes may follow; we ask for none.
                let name = name.split(' ').next().unwrap_or(name);
                let id = CommitId::parse(id).map_err(|_| garbage("a branch has no commit"))?;
                found.push((name.to_owned(), id));
            }
        }
    }
}
