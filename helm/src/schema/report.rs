//! The errors of a schema in the form helm prints them: a tree with a line for each cause.

mod keyword;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value as Json;

use self::keyword::{FINAL, ORDER, final_text, missing, text};
use super::text::{list, quote};

/// One line, and those below it.
struct Cause {
    /// Where in the values.
    at: String,
    text: String,
    causes: Vec<Self>,
    /// Whether it only holds others together.
    grouped: bool,
}

/// An error with what is left of the way to its keyword.
struct Item<'a> {
    error: &'a ValidationError<'a>,
    path: Vec<String>,
    instance: Vec<String>,
}

/// A place in the values, and the way to a schema that was applied there.
type Schema = (Vec<String>, Vec<String>);

fn tokens(location: &str) -> Vec<String> {
    location.split('/').skip(1).map(str::to_owned).collect()
}

fn pointer(tokens: &[String]) -> String {
    tokens.iter().fold(String::new(), |mut out, token| {
        let _ = write!(out, "/{token}");
        out
    })
}

/// Prints all errors of a chart's values.
pub(super) fn print(schema: &Json, errors: &[ValidationError<'_>]) -> String {
    let items = errors.iter().map(|error| item(error, 0)).collect();
    let mut causes = (Report { schema }).node(items, &[]);
    // A group that is alone at the top is not told.
    if let [only] = causes.as_slice()
        && only.grouped
    {
        causes = causes.swap_remove(0).causes;
    }
    let mut out = String::new();
    for cause in &causes {
        write_cause(cause, 0, &mut out);
    }
    out
}

fn item<'a>(error: &'a ValidationError<'a>, skip: usize) -> Item<'a> {
    let path = tokens(error.evaluation_path().as_str()).into_iter().skip(skip).collect();
    Item { error, path, instance: tokens(error.instance_path().as_str()) }
}

fn write_cause(cause: &Cause, level: usize, out: &mut String) {
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = write!(out, "{}- at {}: {}", "  ".repeat(level), quote(&cause.at), cause.text);
    for inner in &cause.causes {
        write_cause(inner, level + 1, out);
    }
}

struct Report<'a> {
    schema: &'a Json,
}

impl Report<'_> {
    /// The causes found by one schema at one place of the values.
    fn node(&self, items: Vec<Item<'_>>, place: &[String]) -> Vec<Cause> {
        for keyword in FINAL {
            let found = items.iter().find(|item| item.path.len() == 1 && item.path[0] == keyword);
            if let Some(item) = found {
                return vec![leaf(place, final_text(item.error))];
            }
        }
        let rank = |item: &Item<'_>| {
            let keyword = item.path.first().map_or("", String::as_str);
            ORDER.iter().position(|known| *known == keyword)
        };
        let mut groups: BTreeMap<Option<usize>, Vec<Item<'_>>> = BTreeMap::new();
        for item in items {
            groups.entry(rank(&item)).or_default().push(item);
        }
        groups.into_values().flat_map(|items| self.keyword(items, place)).collect()
    }

    /// The causes found by one keyword.
    fn keyword(&self, items: Vec<Item<'_>>, place: &[String]) -> Vec<Cause> {
        let Some(keyword) = items.first().and_then(|item| item.path.first().cloned()) else {
            return items.iter().map(|_| leaf(place, "false schema".to_owned())).collect();
        };
        let below = |items: Vec<Item<'_>>| self.below(items, place);
        match keyword.as_str() {
            "required" => vec![leaf(place, missing(&items))],
            "dependencies" | "dependentRequired"
                if items.iter().any(|item| item.path.len() == 1) =>
            {
                self.dependent(items, place)
            }
            "$ref" | "$dynamicRef" | "$recursiveRef" => {
                let items = items.into_iter().map(|item| after(item, 1)).collect();
                let causes = self.node(items, place);
                // A reference with a single cause is not told.
                if causes.len() == 1 {
                    return causes;
                }
                vec![with(place, "validation failed".to_owned(), causes)]
            }
            "allOf" => {
                let causes = below(items);
                let text = "'allOf' failed".to_owned();
                vec![with(place, text, causes)]
            }
            "anyOf" | "oneOf" => items.iter().flat_map(|item| self.choice(item, place)).collect(),
            _ if items.iter().all(|item| item.path.len() == 1) => {
                items.iter().flat_map(|item| self.single(item, place)).collect()
            }
            _ => below(items),
        }
    }

    /// The causes found by the schemas below a keyword, one after the other.
    fn below(&self, items: Vec<Item<'_>>, place: &[String]) -> Vec<Cause> {
        let mut found: Vec<(Schema, Vec<Item<'_>>)> = Vec::new();
        let mut causes = Vec::new();
        for item in items {
            if item.path.len() == 1 {
                causes.extend(self.single(&item, place));
                continue;
            }
            let named = match item.path[0].as_str() {
                "properties" | "patternProperties" | "dependencies" | "dependentSchemas"
                | "allOf" | "prefixItems" => true,
                "items" => item.path[1].bytes().all(|byte| byte.is_ascii_digit()),
                _ => false,
            };
            let same_place = matches!(
                item.path[0].as_str(),
                "allOf" | "dependencies" | "dependentSchemas" | "then" | "else"
            );
            let depth = place.len() + usize::from(!same_place);
            let inner = item.instance.iter().take(depth).cloned().collect();
            let skip = 1 + usize::from(named);
            let key = (inner, item.path[..skip].to_vec());
            match found.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => known.push(after(item, skip)),
                None => found.push((key, vec![after(item, skip)])),
            }
        }
        found.sort_by(|left, right| natural(&left.0.0).cmp(&natural(&right.0.0)));
        let inner = found.into_iter().map(|((place, _), items)| self.wrapped(items, &place));
        inner.chain(causes).collect()
    }

    /// The causes of a schema as one.
    fn wrapped(&self, items: Vec<Item<'_>>, place: &[String]) -> Cause {
        let mut causes = self.node(items, place);
        match (causes.len(), causes.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                causes.extend(last);
                group(place, causes)
            }
        }
    }

    fn choice(&self, item: &Item<'_>, place: &[String]) -> Vec<Cause> {
        let (context, text) = match item.error.kind() {
            Kind::AnyOf { context } => (context, "'anyOf' failed".to_owned()),
            Kind::OneOfNotValid { context } => (context, "'oneOf' failed, none matched".to_owned()),
            Kind::OneOfMultipleValid { context } => {
                let mut fitting =
                    context.iter().enumerate().filter(|(_, errors)| errors.is_empty());
                let mut next = || fitting.next().map_or(0, |(index, _)| index);
                let (first, second) = (next(), next());
                let text = format!("'oneOf' failed, subschemas {first}, {second} matched");
                return vec![leaf(place, text)];
            }
            _ => return self.single(item, place),
        };
        // The way inside starts with the keyword and the number of the schema.
        let start = tokens(item.error.evaluation_path().as_str()).len() + 1;
        let causes = context
            .iter()
            .filter(|errors| !errors.is_empty())
            .map(|errors| {
                let items = errors.iter().map(|error| self::item(error, start)).collect();
                self.wrapped(items, place)
            })
            .collect();
        vec![with(place, text, causes)]
    }

    /// Properties that others ask for.
    fn dependent(&self, items: Vec<Item<'_>>, place: &[String]) -> Vec<Cause> {
        let (plain, deep): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.path.len() == 1);
        let mut causes = Vec::new();
        if let Some(first) = plain.first() {
            let mut path = tokens(first.error.schema_path().as_str());
            let keyword = |path: &[String]| {
                path.last().is_some_and(|last| {
                    matches!(last.as_str(), "dependencies" | "dependentRequired")
                })
            };
            while !path.is_empty() && !keyword(&path) {
                path.pop();
            }
            let wishes = self.schema.pointer(&pointer(&path)).and_then(Json::as_object);
            let present = first.error.instance();
            for (name, wanted) in wishes.into_iter().flatten() {
                let Some(wanted) = wanted.as_array().filter(|_| present.get(name).is_some()) else {
                    continue;
                };
                let lacking: Vec<&str> = wanted
                    .iter()
                    .filter_map(Json::as_str)
                    .filter(|name| present.get(name).is_none())
                    .collect();
                if !lacking.is_empty() {
                    let text =
                        format!("properties {} required, if {} exists", list(lacking), quote(name));
                    causes.push(leaf(place, text));
                }
            }
        }
        if !deep.is_empty() {
            causes.extend(self.below(deep, place));
        }
        causes
    }

    /// A keyword without schemas below it.
    fn single(&self, item: &Item<'_>, place: &[String]) -> Vec<Cause> {
        let inner = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort();
            let at = |name: String| {
                let mut place = place.to_vec();
                place.push(name.replace('~', "~0").replace('/', "~1"));
                leaf(&place, "false schema".to_owned())
            };
            names.into_iter().map(at).collect()
        };
        match item.error.kind() {
            Kind::UnevaluatedProperties { unexpected } => inner(unexpected),
            Kind::UnevaluatedItems { .. } => {
                let start = item.error.instance().as_array().map_or(0, Vec::len);
                let Kind::UnevaluatedItems { unexpected } = item.error.kind() else {
                    return Vec::new();
                };
                let first = start.saturating_sub(unexpected.len());
                (first..start).flat_map(|index| inner(&[index.to_string()])).collect()
            }
            Kind::PropertyNames { error } => {
                // Names are checked on their own, away from their place.
                let name = error.instance().as_str().unwrap_or_default();
                let way = tokens(error.evaluation_path().as_str()).len();
                let causes = self.node(vec![self::item(error, way.saturating_sub(1))], &[]);
                let text = format!("invalid propertyName {}", quote(name));
                vec![with(&[], text, causes)]
            }
            Kind::Contains => self.contains(item, place),
            _ => vec![leaf(place, text(item.error))],
        }
    }

    /// Items of which some have to fit a schema, each with why it does not.
    fn contains(&self, item: &Item<'_>, place: &[String]) -> Vec<Cause> {
        let plain = || vec![leaf(place, "no items match contains schema".to_owned())];
        let mut path = tokens(item.error.schema_path().as_str());
        path.pop();
        let place_of_schema = pointer(&path);
        let (Some(keywords), Some(validator)) = (
            self.schema.pointer(&place_of_schema),
            super::part(self.schema, &format!("{place_of_schema}/contains")),
        ) else {
            return plain();
        };
        let items = item.error.instance().as_array().map_or(&[][..], Vec::as_slice);
        let (mut matched, mut causes) = (Vec::new(), Vec::new());
        for (index, value) in items.iter().enumerate() {
            let errors: Vec<_> = validator.iter_errors(value).collect();
            if errors.is_empty() {
                matched.push(index.to_string());
                continue;
            }
            let mut inner = place.to_vec();
            inner.push(index.to_string());
            let items = errors.iter().map(|error| {
                let instance = tokens(error.instance_path().as_str());
                let instance = inner.iter().cloned().chain(instance).collect();
                Item { instance, ..self::item(error, 1) }
            });
            causes.push(self.wrapped(items.collect(), &inner));
        }
        let bound = |name: &str| keywords.get(name).and_then(Json::as_u64);
        let count = matched.len();
        let found = format!("matched {count} items at {}", matched.join(" "));
        let enough = |wanted: u64| count as u64 >= wanted;
        let but = "items required to match contains schema, but";
        match (bound("minContains"), bound("maxContains")) {
            (_, Some(limit)) if count as u64 > limit => {
                vec![leaf(place, format!("max {limit} {but} {found}"))]
            }
            (Some(least), _) if !enough(least) && count == 0 => {
                vec![with(place, format!("min {least} {but} none matched"), causes)]
            }
            (Some(least), _) if !enough(least) => {
                vec![with(place, format!("min {least} {but} {found}"), causes)]
            }
            _ => vec![with(place, "no items match contains schema".to_owned(), causes)],
        }
    }
}

/// Numbers in their order, then names.
fn natural(place: &[String]) -> (usize, Option<&String>) {
    let last = place.last();
    (last.and_then(|last| last.parse().ok()).unwrap_or(usize::MAX), last)
}

fn after(mut item: Item<'_>, count: usize) -> Item<'_> {
    item.path.drain(..count.min(item.path.len()));
    item
}

fn with(place: &[String], text: String, causes: Vec<Cause>) -> Cause {
    Cause { at: pointer(place), text, causes, grouped: false }
}

fn leaf(place: &[String], text: String) -> Cause {
    with(place, text, Vec::new())
}

fn group(place: &[String], causes: Vec<Cause>) -> Cause {
    Cause { grouped: true, ..with(place, "validation failed".to_owned(), causes) }
}
