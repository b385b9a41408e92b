//! Where a page of a list begins.

use std::fmt;

use super::problem::Problem;

/// Names a place in the list of the commits that lead to one.
///
/// The list of a branch moves with each push; that of a commit never does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The commit that the first page began with.
    pub(super) head: String,
    /// Page of the host's list, counted from 1.
    pub(super) page: u32,
    /// Entries of that page that were shown already.
    pub(super) skip: usize,
}

impl Cursor {
    /// Reads what a page before gave as `next`.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let read = || {
            let (head, place) = text.split_once('.')?;
            let (page, skip) = place.split_once('.')?;
            let whole =
                matches!(head.len(), 40 | 64) && head.bytes().all(|b| b.is_ascii_hexdigit());
            let (page, skip) = (page.parse().ok()?, skip.parse().ok()?);
            (whole && page > 0).then(|| Self { head: head.to_owned(), page, skip })
        };
        read().ok_or_else(|| bad(text))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.head, self.page, self.skip)
    }
}

/// Reads the number of a page.
pub(super) fn page(cursor: Option<&str>) -> Result<u32, Problem> {
    let Some(text) = cursor else { return Ok(1) };
    text.parse().ok().filter(|page| *page > 0).ok_or_else(|| bad(text))
}

fn bad(text: &str) -> Problem {
    let shown: String = text.chars().take(80).collect();
    Problem::bad_request(format!("{shown:?} is no cursor: give the `next` of the page before"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is() {
        let head = "ab".repeat(20);
        let cursor = Cursor { head: head.clone(), page: 2, skip: 30 };
        assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
        for text in ["", "main.1.0", &head, &format!("{head}.0.1"), &format!("{head}.1.-1")] {
            assert_eq!(Cursor::parse(text).unwrap_err().status, 400, "{text}");
        }
        assert_eq!((page(None), page(Some("3"))), (Ok(1), Ok(3)));
        assert!(page(Some("0")).is_err() && page(Some("x")).is_err());
    }
}
