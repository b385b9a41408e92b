//! Packet lines, the frames of git's protocol.

use gix_packetline::PacketLineRef;
use gix_packetline::decode::{Stream, streaming};

use crate::error::{GitError, GitErrorKind};

/// The most bytes of data in one line.
pub(super) const MAX_DATA: usize = 65_516;

/// Ends a request or a list.
pub(super) const FLUSH: &[u8] = b"0000";
/// Stands between the parts of a request.
pub(super) const DELIMITER: &[u8] = b"0001";

/// Appends one line of data, which must not be longer than [`MAX_DATA`].
pub(super) fn put(out: &mut Vec<u8>, data: &[u8]) {
    debug_assert!(data.len() <= MAX_DATA, "a line is too long");
    out.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    out.extend_from_slice(data);
}

/// Appends one line of text.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.as_bytes());
}

/// What one line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Data(&'a [u8]),
    Flush,
    Delimiter,
}

impl<'a> Line<'a> {
    /// Returns a line of text without its end; none of a mark, or of what is not text.
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Data(data) => {
                std::str::from_utf8(data).ok().map(|text| text.trim_end_matches('\n'))
            }
            Self::Flush | Self::Delimiter => None,
        }
    }
}

/// Reads the lines of an answer one after the other.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    pub(super) fn new(answer: &'a [u8]) -> Self {
        Self { rest: answer }
    }

    /// Returns the next line; none at the end. An answer that was cut is an error.
    pub(super) fn next(&mut self) -> Result<Option<Line<'a>>, GitError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        match streaming(self.rest) {
            Ok(Stream::Complete { line, bytes_consumed }) => {
                self.rest = self.rest.get(bytes_consumed..).unwrap_or_default();
                Ok(Some(match line {
                    PacketLineRef::Data(data) => Line::Data(data),
                    PacketLineRef::Delimiter => Line::Delimiter,
                    PacketLineRef::Flush | PacketLineRef::ResponseEnd => Line::Flush,
                }))
            }
            Ok(Stream::Incomplete { .. }) => Err(cut("in the middle of a line")),
            Err(_) => Err(garbage("a line has no length")),
        }
    }
}

/// An answer that ended too early: the connection broke, or somebody between broke it.
pub(super) fn cut(place: &str) -> GitError {
    GitError::new(GitErrorKind::Unreachable, format!("the server's answer ends {place}: try again"))
}

/// An answer that is not what git's protocol says.
pub(super) fn garbage(what: &str) -> GitError {
    GitError::new(
        GitErrorKind::Unreachable,
        format!("the server's answer is not one of git: {what}: check what stands between"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(answer: &[u8]) -> Result<Vec<Line<'_>>, GitError> {
        let mut lines = Lines::new(answer);
        let mut found = Vec::new();
        while let Some(line) = lines.next()? {
            found.push(line);
        }
        Ok(found)
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let mut answer = Vec::new();
        put_text(&mut answer, "hello\n");
        answer.extend_from_slice(DELIMITER);
        put(&mut answer, &vec![7; MAX_DATA]);
        answer.extend_from_slice(FLUSH);
        let found = all(&answer).unwrap();
        assert_eq!(found[0].text(), Some("hello"));
        assert_eq!(found[1], Line::Delimiter);
        assert_eq!(found[2], Line::Data(&vec![7; MAX_DATA]));
        assert_eq!(found[3], Line::Flush);
    }

    #[test]
    fn an_answer_that_is_cut_anywhere_is_an_error() {
        let mut answer = Vec::new();
        put_text(&mut answer, "0123456789");
        for end in 1..answer.len() {
            let error = all(&answer[..end]).unwrap_err();
            assert_eq!(error.kind(), GitErrorKind::Unreachable, "{end}: {error}");
        }
        for bytes in [&b"zzzz"[..], b"0003", b"fffff", b"<html>", b"0004"] {
            assert!(all(bytes).is_err(), "{bytes:?}");
        }
    }
}
