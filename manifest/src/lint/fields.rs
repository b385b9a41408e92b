//! The fields of a deploy manifest, checked with their places.

use granit_parser::ScalarStyle;

use super::Finding;
use super::mark::{Content, Node, Place};
use crate::policy::is_limit;
use crate::suggestion;

/// What may stand in a field.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Bool,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A time limit.
    Limit,
    /// Anything with keys.
    Free,
    Fields(&'static Fields),
    List(&'static Self),
}

/// The fields of a map.
struct Fields {
    /// What the map is called in messages.
    name: &'static str,
    known: &'static [(&'static str, Shape)],
    required: &'static [&'static str],
}

static MANIFEST: Fields = Fields {
    name: "a deploy manifest",
    known: &[
        ("app", Shape::Text),
        ("env", Shape::Text),
        ("namespace", Shape::Text),
        ("chart", Shape::Fields(&CHART)),
        ("values", Shape::Free),
        ("strategicMergePatches", Shape::Text),
        ("json6902Patches", Shape::List(&Shape::Fields(&PATCH))),
        ("manifests", Shape::Text),
        ("deploy", Shape::Fields(&DEPLOY)),
        ("cleanup", Shape::Fields(&CLEANUP)),
        ("preview", Shape::Bool),
    ],
    required: &["namespace"],
};

static CHART: Fields = Fields {
    name: "chart",
    known: &[
        ("repository", Shape::Text),
        ("name", Shape::Text),
        ("version", Shape::Text),
        ("hookPolicy", Shape::Word(&["Drop", "Keep"])),
    ],
    required: &["name"],
};

static PATCH: Fields = Fields {
    name: "a JSON patch",
    known: &[("patch", Shape::Text), ("target", Shape::Fields(&TARGET))],
    required: &["patch", "target"],
};

static TARGET: Fields = Fields {
    name: "the target of a patch",
    known: &[
        ("group", Shape::Text),
        ("version", Shape::Text),
        ("kind", Shape::Text),
        ("name", Shape::Text),
        ("namespace", Shape::Text),
    ],
    required: &["kind"],
};

static DEPLOY: Fields = Fields {
    name: "deploy",
    known: &[
        ("event", Shape::Word(&["push", "tag", "pr"])),
        ("branch", Shape::Text),
        ("tag", Shape::Text),
        ("commitMessagePatterns", Shape::List(&Shape::Text)),
        ("paths", Shape::List(&Shape::Text)),
    ],
    required: &[],
};

static CLEANUP: Fields = Fields {
    name: "cleanup",
    known: &[
        ("app", Shape::Text),
        ("event", Shape::Word(&["branchDeleted"])),
        ("branch", Shape::Text),
        ("after", Shape::Limit),
        ("idle", Shape::Limit),
    ],
    required: &[],
};

/// Checks the fields of a document.
pub(super) fn check(root: &Node, findings: &mut Vec<Finding>) {
    if !matches!(root.content, Content::Map(_)) {
        let finding = Finding::error("type", root.place, "a deploy manifest has to be a map");
        findings.push(finding.hint("write it as `app: NAME`, `namespace: NAME`, `chart: …`"));
        return;
    }
    // The one field that is known, and refused for a reason of its own.
    if let Some((key, _)) = root.entry("dependencies") {
        findings.push(
            Finding::error("unknown-field", key.place, "dependencies are not supported")
                .hint("put the objects that provision them under manifests"),
        );
    }
    map(root, &MANIFEST, root.place, findings);
    let has = |name: &str| root.get(name).is_some_and(|node| !node.is_null());
    if !has("chart") && !has("manifests") {
        findings.push(
            Finding::error("required", root.place, "a manifest needs a chart or raw manifests")
                .hint("set chart or manifests"),
        );
    }
    if let Some((key, _)) = root.entry("values")
        && has("values")
        && !has("chart")
    {
        findings.push(
            Finding::error("required", key.place, "values go to a chart, and there is none")
                .hint("set chart too, or remove values"),
        );
    }
    if is_preview(root) { of_preview(root, findings) } else { of_cleanup(root, findings) }
}

/// Tells whether a document is for an app of each branch.
pub(super) fn is_preview(root: &Node) -> bool {
    root.get("preview").and_then(Node::text) == Some("true")
}

/// Finds what a preview cannot have.
fn of_preview(root: &Node, findings: &mut Vec<Finding>) {
    let cleanup = root.get("cleanup");
    for name in ["app", "branch"] {
        if let Some((key, _)) = cleanup.and_then(|cleanup| cleanup.entry(name)) {
            let message = format!("a preview goes with its branch: cleanup.{name} has no meaning");
            findings.push(Finding::error("preview", key.place, message).hint("remove it"));
        }
    }
    let deploy = root.get("deploy");
    let of_tags = ["tag", "event"].into_iter().filter_map(|name| deploy?.entry(name));
    for (key, value) in of_tags {
        if key.text() == Some("tag") || value.text() == Some("tag") {
            findings.push(
                Finding::error("preview", key.place, "a preview is of a branch, not of a tag")
                    .hint("use the event push or pr"),
            );
        }
    }
}

/// Finds what the cleanup of an app lacks that is no preview.
fn of_cleanup(root: &Node, findings: &mut Vec<Finding>) {
    let Some((key, cleanup)) = root.entry("cleanup") else { return };
    if !matches!(cleanup.content, Content::Map(_)) {
        return;
    }
    for name in ["app", "event", "branch"] {
        let value = cleanup.get(name);
        if value.is_none_or(|value| value.is_null() || value.text() == Some("")) {
            let message = format!("{name} is missing: cleanup needs one");
            findings.push(
                Finding::error("required", key.place, message)
                    .hint("or set preview: true, whose app goes with its branch"),
            );
        }
    }
}

fn map(node: &Node, fields: &'static Fields, place: Place, findings: &mut Vec<Finding>) {
    let mut seen: Vec<&str> = Vec::new();
    for (key, value) in node.entries() {
        let Some(name) = key.text() else {
            findings.push(Finding::error("type", key.place, "a key has to be a text"));
            continue;
        };
        if seen.contains(&name) {
            findings.push(
                Finding::error("duplicate", key.place, format!("{name} is there twice"))
                    .hint("remove one: only one of them would count"),
            );
            continue;
        }
        seen.push(name);
        match fields.known.iter().find(|(known, _)| *known == name) {
            Some((_, shape)) => check_shape(name, value, *shape, key.place, findings),
            None if name == "dependencies" || name == "<<" => {}
            None => findings.push(unknown(name, key.place, fields)),
        }
    }
    for required in fields.required {
        let value = node.get(required);
        let is_empty = value.is_some_and(|value| value.is_null() || value.text() == Some(""));
        if value.is_none() || is_empty {
            let place = node.entry(required).map_or(place, |(key, _)| key.place);
            let what = if is_empty { "is empty" } else { "is missing" };
            let message = format!("{required} {what}: {} needs one", fields.name);
            findings.push(Finding::error("required", place, message));
        }
    }
}

fn unknown(name: &str, place: Place, fields: &Fields) -> Finding {
    let known = fields.known.iter().map(|(known, _)| *known);
    let hint = match suggestion::closest(name, known.clone()) {
        Some(close) => format!("did you mean {close}?"),
        None => format!("known are {}", known.collect::<Vec<_>>().join(", ")),
    };
    Finding::error("unknown-field", place, format!("{} has no field {name}", fields.name))
        .hint(hint)
}

fn check_shape(name: &str, value: &Node, shape: Shape, key: Place, findings: &mut Vec<Finding>) {
    // What stands elsewhere is checked there, and nothing is as good as left out.
    if matches!(value.content, Content::Alias) || value.is_null() {
        return;
    }
    let wrong =
        |wanted: &str| Finding::error("type", value.place, format!("{name} has to be {wanted}"));
    match (shape, &value.content) {
        (Shape::Text, Content::Scalar(scalar)) => {
            if scalar.style == ScalarStyle::Plain && is_not_text(&scalar.text) {
                findings
                    .push(wrong("a text").hint(format!("write it as {name}: {:?}", scalar.text)));
            }
        }
        (Shape::Text, Content::Map(_)) if is_yaml_field(name) => {
            findings.push(wrong("a text that holds YAML").hint(format!("write `{name}: |`")));
        }
        (Shape::Text, _) => findings.push(wrong("a text")),
        (Shape::Bool, Content::Scalar(scalar)) if matches!(&*scalar.text, "true" | "false") => {}
        (Shape::Bool, _) => findings.push(wrong("true or false")),
        (Shape::Word(words), Content::Scalar(scalar)) => {
            if !words.contains(&scalar.text.as_str()) {
                let message = format!("{name} has no value {:?}", scalar.text);
                let hint = match suggestion::closest(&scalar.text, words.iter().copied()) {
                    Some(close) => format!("did you mean {close}?"),
                    None => format!("known are {}", words.join(", ")),
                };
                findings.push(Finding::error("unknown-value", value.place, message).hint(hint));
            }
        }
        (Shape::Limit, Content::Scalar(scalar)) => {
            if !is_limit(&scalar.text) {
                let message = format!("{name} has no value {:?}", scalar.text);
                let hint = "use a duration such as 30m, 24h or 1h30m, at most a year";
                findings.push(Finding::error("unknown-value", value.place, message).hint(hint));
            }
        }
        (Shape::Limit, _) => findings.push(wrong("a duration")),
        (Shape::Word(words), _) => findings.push(wrong(&format!("one of {}", words.join(", ")))),
        (Shape::Free, Content::Map(_)) => {}
        (Shape::Fields(fields), Content::Map(_)) => map(value, fields, key, findings),
        (Shape::Free | Shape::Fields(_), _) => findings.push(wrong("a map")),
        (Shape::List(shape), Content::List(items)) => {
            for item in items {
                check_shape(name, item, *shape, item.place, findings);
            }
        }
        (Shape::List(_), _) => findings.push(wrong("a list")),
    }
}

fn is_yaml_field(name: &str) -> bool {
    matches!(name, "manifests" | "strategicMergePatches" | "patch")
}

/// Tells whether a plain scalar is read as a number or a boolean.
fn is_not_text(text: &str) -> bool {
    matches!(text, "true" | "false") || text.parse::<f64>().is_ok_and(f64::is_finite)
}
