//! YAML inside of a text field, and places in it.

use granit_parser::ScalarStyle;

use super::mark::{self, Content, Node, Place, Scalar, place_of};
use crate::template::Hidden;

/// A text field that holds YAML documents.
pub(super) struct Embedded {
    /// The documents that have content.
    pub(super) documents: Vec<Node>,
    layout: Layout,
}

/// How places of the inner text become places of the file.
#[derive(Clone, Copy)]
enum Layout {
    /// Each line of the text is a line of the file, with some more columns.
    Lines { first: usize, columns: usize },
    /// The text is written in another form: only its start is known.
    Start(Place),
}

impl Layout {
    fn of(source: &str, scalar: &Scalar, place: Place) -> Self {
        let written = source.get(scalar.range.clone()).unwrap_or_default();
        // Where YAML and editors do not count the same lines, none is the other's.
        let same_lines = !written.replace("\r\n", "\n").contains('\r');
        if scalar.style != ScalarStyle::Literal || !same_lines {
            return Self::Start(place);
        }
        let mut first = place_of(source, scalar.range.start..scalar.range.start).line;
        // The text starts below the bar; some parsers count the bar to it.
        if written.starts_with('|') {
            first += 1;
        }
        let columns = scalar
            .text
            .lines()
            .zip(source.lines().skip(first - 1))
            .find(|(inner, _)| !inner.trim().is_empty())
            .map(|(inner, outer)| outer.chars().count().saturating_sub(inner.chars().count()));
        columns.map_or(Self::Start(place), |columns| Self::Lines { first, columns })
    }

    fn outer(self, inner: Place) -> Place {
        match self {
            Self::Start(place) => place,
            Self::Lines { first, columns } => {
                Place { line: first + inner.line - 1, column: inner.column + columns, ..inner }
            }
        }
    }
}

impl Embedded {
    /// Reads a field; `Err` has the place and the message of what is not YAML.
    pub(super) fn read(source: &str, node: &Node) -> Result<Self, (Place, String)> {
        let Content::Scalar(scalar) = &node.content else {
            return Ok(Self { documents: Vec::new(), layout: Layout::Start(node.place) });
        };
        let layout = Layout::of(source, scalar, node.place);
        let hidden = Hidden::new(&scalar.text);
        let documents = mark::documents(&hidden.text)
            .map_err(|error| (layout.outer(error.place), hidden.reveal(&error.message)))?;
        let documents = documents
            .into_iter()
            .flatten()
            .filter(|node| !node.is_null())
            .map(|mut node| {
                reveal(&mut node, &hidden);
                node
            })
            .collect();
        Ok(Self { documents, layout })
    }

    /// Returns the place in the file of a node of the text.
    pub(super) fn outer(&self, inner: Place) -> Place {
        self.layout.outer(inner)
    }
}

/// Puts the expressions back.
fn reveal(node: &mut Node, hidden: &Hidden<'_>) {
    match &mut node.content {
        Content::Scalar(scalar) => scalar.text = hidden.reveal(&scalar.text),
        Content::List(items) => items.iter_mut().for_each(|item| reveal(item, hidden)),
        Content::Map(entries) => {
            for (key, value) in entries {
                reveal(key, hidden);
                reveal(value, hidden);
            }
        }
        Content::Alias => {}
    }
}

/// Splits a path such as `json6902Patches[0].patch[1].path` into its steps.
pub(super) fn steps(path: &str) -> Vec<&str> {
    path.split(['.', '[', ']']).filter(|step| !step.is_empty()).collect()
}

/// Finds the place of a path in a manifest, inside of fields that hold YAML too.
pub(super) fn locate(source: &str, root: &Node, path: &str) -> Place {
    let steps = steps(path);
    let mut node = root;
    for (index, step) in steps.iter().enumerate() {
        let next = match &node.content {
            Content::Map(_) => node.get(step),
            Content::List(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
            Content::Scalar(_) => {
                return inside(source, node, &steps[index..]).unwrap_or(node.place);
            }
            Content::Alias => None,
        };
        let Some(next) = next else { break };
        node = next;
    }
    root.locate(steps)
}

/// Follows a path inside of a field: the number of the document first.
fn inside(source: &str, node: &Node, steps: &[&str]) -> Option<Place> {
    let embedded = Embedded::read(source, node).ok()?;
    let (number, rest) = steps.split_first()?;
    let document = embedded.documents.get(number.parse::<usize>().ok()?)?;
    Some(embedded.outer(document.locate(rest.iter().copied())))
}
