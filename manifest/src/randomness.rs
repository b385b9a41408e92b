//! What a chart draws at random or takes from the clock, told before it is released.
//!
//! Such a chart is rendered a second time, with another seed at another time. What differs then
//! will differ with every release; a person should know, most of all where it is a password.

use std::collections::{BTreeMap, BTreeSet};

use gimlet_helm::{Chart, RandomKind, RandomUse};
use serde_json::Value;

use crate::layout;
use crate::object::Object;

/// Objects that get a warning each.
const LISTED_OBJECTS: usize = 6;
/// Fields that a warning names.
const LISTED_FIELDS: usize = 3;
/// Functions that a warning names.
const LISTED_FUNCTIONS: usize = 4;

/// An app that was rendered, and where its objects come from.
pub(crate) struct Drawn<'a> {
    /// The objects, as they would go to git.
    pub(crate) objects: &'a [Object],
    /// The functions that drew.
    pub(crate) uses: &'a [RandomUse],
    /// Templates of objects, by identity.
    pub(crate) sources: &'a BTreeMap<String, String>,
}

/// Says what differs between two renders that differ in seed and time only.
pub(crate) fn warnings(first: &Drawn<'_>, second: &[Object], chart: &Chart) -> Vec<String> {
    let others: BTreeMap<String, &Object> =
        second.iter().map(|object| (layout::identity(object), object)).collect();
    let defaults = chart.default_values();
    let mut found = Vec::new();
    for object in first.objects {
        let identity = layout::identity(object);
        let mut fields = Vec::new();
        match others.get(&identity) {
            None => fields.push(Vec::new()),
            Some(other) => {
                let (one, two) = (object.value(), other.value());
                for key in one.keys().chain(two.keys()).collect::<BTreeSet<_>>() {
                    let step = vec![Step::Key(key.clone())];
                    compare(one.get(key), two.get(key), step, &mut fields);
                }
            }
        }
        if !fields.is_empty() {
            let calls = calls(first.uses, first.sources.get(&identity));
            found.push(warning(object, &fields, &calls, &defaults));
        }
    }
    if found.len() > LISTED_OBJECTS {
        let more = found.len() - LISTED_OBJECTS;
        found.truncate(LISTED_OBJECTS);
        found.push(format!("{more} more objects change with every release"));
    }
    found
}

/// A step on the way to a field.
#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

fn compare(one: Option<&Value>, two: Option<&Value>, path: Vec<Step>, found: &mut Vec<Vec<Step>>) {
    match (one, two) {
        (Some(Value::Object(one)), Some(Value::Object(two))) => {
            for key in one.keys().chain(two.keys()).collect::<BTreeSet<_>>() {
                let below = path.iter().cloned().chain([Step::Key(key.clone())]).collect();
                compare(one.get(key), two.get(key), below, found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(two))) if one.len() == two.len() => {
            for (index, (one, two)) in one.iter().zip(two).enumerate() {
                let below = path.iter().cloned().chain([Step::Index(index)]).collect();
                compare(Some(one), Some(two), below, found);
            }
        }
        (one, two) if one == two => {}
        _ => found.push(path),
    }
}

fn shown(path: &[Step]) -> String {
    let plain =
        |key: &str| key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    path.iter().fold(String::new(), |text, step| match step {
        Step::Index(index) => format!("{text}[{index}]"),
        Step::Key(key) if !plain(key) => format!("{text}[{key:?}]"),
        Step::Key(key) if text.is_empty() => key.clone(),
        Step::Key(key) => format!("{text}.{key}"),
    })
}

/// Returns the functions that drew for a template; for one that is not known, all of them.
fn calls<'a>(uses: &'a [RandomUse], source: Option<&String>) -> Vec<&'a RandomUse> {
    let own: Vec<&RandomUse> = uses.iter().filter(|used| Some(&used.source) == source).collect();
    if own.is_empty() { uses.iter().collect() } else { own }
}

fn warning(
    object: &Object,
    fields: &[Vec<Step>],
    calls: &[&RandomUse],
    defaults: &Value,
) -> String {
    let mut texts: Vec<String> =
        fields.iter().take(LISTED_FIELDS).map(|path| shown(path)).collect();
    if fields.len() > LISTED_FIELDS {
        texts.push(format!("{} more", fields.len() - LISTED_FIELDS));
    }
    let place = match texts.as_slice() {
        // An object that has another name is another object.
        [only] if only.is_empty() => format!("the name of {object}"),
        _ => format!("{object} {}", texts.join(", ")),
    };
    let made = functions(calls);
    let has = |kinds: &[RandomKind]| calls.iter().any(|call| kinds.contains(&call.kind));
    let is_certificate = has(&[RandomKind::Certificate, RandomKind::Key]);
    if object.is_secret() || is_certificate || has(&[RandomKind::Password]) {
        let what = if is_certificate { "certificate or key" } else { "password" };
        let advice = advice(fields, defaults, is_certificate);
        let are = if fields.len() == 1 { "is" } else { "are" };
        return format!("{what} in {place} {are} made anew by every release: {made}; {advice}");
    }
    let restarts = fields.iter().any(|path| is_pod_template(path));
    let then = if restarts { ", which restarts its pods" } else { "" };
    let change = if fields.len() == 1 { "changes" } else { "change" };
    format!("{place} {change} with every release{then}: {made}")
}

fn is_pod_template(path: &[Step]) -> bool {
    let key = |index: usize| match path.get(index) {
        Some(Step::Key(key)) => key.as_str(),
        _ => "",
    };
    key(0) == "spec" && key(1) == "template"
}

/// Names functions with the templates in which they are called.
fn functions(calls: &[&RandomUse]) -> String {
    let mut by_template: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for call in calls.iter().take(LISTED_FUNCTIONS) {
        by_template.entry(&call.template).or_default().insert(call.function);
    }
    let texts: Vec<String> = by_template
        .into_iter()
        .map(|(template, functions)| {
            let functions: Vec<&str> = functions.into_iter().collect();
            format!("{} in {template}", functions.join(", "))
        })
        .collect();
    texts.join(", ")
}

/// Says how the chart could be told to draw nothing, by the values that it has.
fn advice(fields: &[Vec<Step>], defaults: &Value, is_certificate: bool) -> String {
    let keys: Vec<String> = fields
        .iter()
        .filter_map(|path| match path.last() {
            Some(Step::Key(key)) => Some(simple(key)),
            _ => None,
        })
        .collect();
    let mut open = Vec::new();
    unset(defaults, "", &mut open);
    let last = |path: &str| simple(path.rsplit('.').next().unwrap_or(path));
    let same = open.iter().find(|path| keys.contains(&last(path)));
    let existing = open.iter().find(|path| last(path).starts_with("existingsecret"));
    let settings: Vec<&str> = same.into_iter().chain(existing).map(String::as_str).collect();
    match (settings.as_slice(), is_certificate) {
        ([], true) => {
            "let cert-manager make it, or look for a value that names a Secret".to_owned()
        }
        ([], false) => "look for a value of the chart that sets it or names a Secret".to_owned(),
        (settings, _) => format!("set {}", settings.join(" or ")),
    }
}

/// Spells a key without what differs between the styles of keys.
fn simple(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Lists the values that a chart leaves empty.
fn unset(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                unset(value, &below, found);
            }
        }
        Value::Null => found.push(path.to_owned()),
        Value::String(text) if text.is_empty() => found.push(path.to_owned()),
        _ => {}
    }
}
