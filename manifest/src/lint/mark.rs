//! YAML with the place of each node.

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from one.
    pub line: usize,
    /// Column in characters, from one.
    pub column: usize,
    /// Number of characters, at least one.
    pub length: usize,
}

/// A node with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// Keys that are no scalars have no name and are left out.
    Map(Vec<(Node, Node)>),
    /// What stands somewhere else.
    Alias,
}

#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Bytes of the source that hold it.
    pub(super) range: std::ops::Range<usize>,
    pub(super) style: ScalarStyle,
}

impl Node {
    /// Returns the scalar's text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// Tells whether the node stands for nothing.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.style == ScalarStyle::Plain
            && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    pub(super) fn entries(&self) -> &[(Self, Self)] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Finds an entry of a map.
    pub(super) fn entry(&self, name: &str) -> Option<(&Self, &Self)> {
        self.entries()
            .iter()
            .find(|(key, _)| key.text() == Some(name))
            .map(|(key, value)| (key, value))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|(_, value)| value)
    }

    /// Follows a path of keys and indexes as far as it goes, and returns the place of the last step:
    /// that of a key where there is one.
    pub(super) fn locate<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Place {
        let mut place = self.place;
        let mut node = self;
        for step in path {
            let next = match &node.content {
                Content::Map(_) => node.entry(step),
                Content::List(items) => {
                    step.parse::<usize>().ok().and_then(|index| items.get(index)).map(|n| (n, n))
                }
                _ => None,
            };
            let Some((key, value)) = next else { break };
            place = key.place;
            node = value;
        }
        place
    }
}

/// A text that is not YAML.
#[derive(Clone, Debug)]
pub(super) struct SyntaxError {
    pub(super) place: Place,
    pub(super) message: String,
}

enum Frame {
    List(Place, Vec<Node>),
    Map(Place, Vec<(Node, Node)>, Option<Node>),
}

/// Where each line of YAML is in the file: to YAML a carriage return alone ends a line, to editors it does not.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<(usize, usize)>);

impl Lines {
    /// Reads the lines of a text; there is nothing to be known of one without such an end.
    pub(super) fn of(text: &str) -> Self {
        if !text.replace("\r\n", "\n").contains('\r') {
            return Self::default();
        }
        let (mut line, mut column) = (1, 0);
        let mut starts = vec![(line, column)];
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            column += 1;
            if c == '\n' {
                (line, column) = (line + 1, 0);
            }
            if c == '\n' || c == '\r' && rest.peek() != Some(&'\n') {
                starts.push((line, column));
            }
        }
        Self(starts)
    }

    /// Gives the place in the file of one that was found by the lines of YAML.
    pub(super) fn place(&self, place: Place) -> Place {
        match self.0.get(place.line.saturating_sub(1)) {
            Some((line, column)) => Place { line: *line, column: column + place.column, ..place },
            None => place,
        }
    }
}

/// Reads the documents of a text; one without content is `None`.
pub(super) fn documents(text: &str) -> Result<Vec<Option<Node>>, SyntaxError> {
    let mut options = Options::default();
    options.block_scalar_eof_without_line_feed = true;
    let lines = Lines::of(text);
    let mut found = Vec::new();
    let mut root = None;
    let mut frames: Vec<Frame> = Vec::new();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| SyntaxError {
            place: lines.place(Place {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                length: 1,
            }),
            message: error.info().clone(),
        })?;
        let place = lines.place(place(&span));
        let node = match event {
            Event::DocumentEnd => {
                found.push(root.take());
                continue;
            }
            Event::SequenceStart(..) => {
                frames.push(Frame::List(place, Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                frames.push(Frame::Map(place, Vec::new(), None));
                continue;
            }
            Event::Scalar(value, style, ..) => {
                let range = range(&span, text);
                Node {
                    place,
                    content: Content::Scalar(Scalar { text: value.into_owned(), range, style }),
                }
            }
            Event::Alias(_) => Node { place, content: Content::Alias },
            Event::UnresolvedAlias(name) => {
                let message = format!("unknown anchor {name:?}");
                return Err(SyntaxError { place, message });
            }
            Event::SequenceEnd | Event::MappingEnd => match frames.pop() {
                Some(Frame::List(place, items)) => Node { place, content: Content::List(items) },
                Some(Frame::Map(place, entries, _)) => {
                    Node { place, content: Content::Map(entries) }
                }
                None => continue,
            },
            _ => continue,
        };
        match frames.last_mut() {
            None => root = Some(node),
            Some(Frame::List(_, items)) => items.push(node),
            Some(Frame::Map(_, entries, key)) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }
    Ok(found)
}

fn place(span: &Span) -> Place {
    let length = if span.start.line() == span.end.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    Place { line: span.start.line(), column: span.start.col() + 1, length: length.max(1) }
}

fn range(span: &Span, text: &str) -> std::ops::Range<usize> {
    let at = |offset: Option<usize>| offset.unwrap_or(text.len()).min(text.len());
    let start = at(span.start.byte_offset());
    start..at(span.end.byte_offset()).max(start)
}

/// The place of a byte of a text.
pub(super) fn place_of(text: &str, range: std::ops::Range<usize>) -> Place {
    let before = text.get(..range.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    Place {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        length: text.get(range).map_or(1, |part| part.chars().count()).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_where_they_are() {
        let text = "# head\na: 1\nbö: {c: [x, 'yy']}\n---\n---\nz: |\n  text\n";
        let found = documents(text).unwrap();
        assert_eq!(found.len(), 3);
        let first = found[0].as_ref().unwrap();
        let place = |line, column, length| Place { line, column, length };
        assert_eq!(first.locate(["a"]), place(2, 1, 1));
        assert_eq!(first.get("a").unwrap().place, place(2, 4, 1));
        assert_eq!(first.locate(["bö", "c"]), place(3, 6, 1));
        assert_eq!(first.locate(["bö", "c", "1", "not there"]), place(3, 13, 4));
        assert!(found[1].as_ref().is_none_or(Node::is_null));
        let scalar = found[2].as_ref().unwrap().get("z").unwrap();
        assert_eq!(scalar.text(), Some("text\n"));
    }

    #[test]
    fn a_syntax_error_has_a_place() {
        let error = documents("a: 1\n  b: 2\n").unwrap_err();
        assert_eq!(error.place.line, 2, "{error:?}");
        assert!(documents("a: *x\n").is_err());
    }

    #[test]
    fn lines_are_those_of_editors_and_not_of_yaml() {
        let found = documents("a: 1\rb: {c: 2}\r\nd: 3\n").unwrap();
        let root = found[0].as_ref().unwrap();
        assert_eq!(root.locate(["b", "c"]), Place { line: 1, column: 10, length: 1 });
        assert_eq!(root.locate(["d"]), Place { line: 2, column: 1, length: 1 });
        let error = documents("a: 1\r\r\rb: ]\n").unwrap_err();
        assert_eq!(error.place.line, 1, "{error:?}");
    }

    #[test]
    fn a_byte_has_a_line_and_a_column() {
        assert_eq!(place_of("ä\nbc: d\n", 7..8), Place { line: 2, column: 5, length: 1 });
    }
}
