//! Values for a chart from flags.

use gimlet_crds::Values;
use serde_json::{Map, Value};

use crate::error::CommandError;

/// Merges values over others: maps are merged, everything else is replaced.
pub(crate) fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Reads a file of values.
pub(crate) fn parse_file(path: &str, text: &str) -> Result<Map<String, Value>, CommandError> {
    // `0777` is a number of base eight for Helm, so it is one here.
    let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
    let value: Option<Values> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| CommandError::usage(format!("{path} holds no values: {error}")))?;
    Ok(value.unwrap_or_default().0)
}

/// Sets one value: `a.b=c`, a dot in a key written as `\.`.
///
/// `typed` makes numbers, booleans and null of what looks like them.
pub(crate) fn set(
    values: &mut Map<String, Value>,
    assignment: &str,
    typed: bool,
) -> Result<(), CommandError> {
    let broken = |why: &str| {
        CommandError::usage(format!("{assignment:?} sets no value: {why}"))
            .hint("write it as a.b=c; for lists and longer values use --values FILE")
    };
    let (path, text) = assignment.split_once('=').ok_or_else(|| broken("it has no '='"))?;
    let keys = keys(path);
    if keys.iter().any(String::is_empty) {
        return Err(broken("a key is empty"));
    }
    if keys.iter().any(|key| key.contains(['[', ']'])) {
        return Err(broken("places in lists cannot be set"));
    }
    let value = if typed { scalar(text) } else { Value::String(text.to_owned()) };
    let over = keys.into_iter().rev().fold(value, |inner, key| {
        let mut map = Map::new();
        map.insert(key, inner);
        Value::Object(map)
    });
    if let Value::Object(over) = over {
        merge(values, over);
    }
    Ok(())
}

/// Splits `a.b\.c` at its dots.
pub(crate) fn keys(path: &str) -> Vec<String> {
    let mut keys = vec![String::new()];
    let mut letters = path.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some('.')) => {
                letters.next();
                push(&mut keys, '.');
            }
            ('.', _) => keys.push(String::new()),
            _ => push(&mut keys, letter),
        }
    }
    keys
}

fn push(keys: &mut [String], letter: char) {
    if let Some(key) = keys.last_mut() {
        key.push(letter);
    }
}

/// Makes a number, a boolean or null of what looks like one.
pub(crate) fn scalar(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        // A leading zero would be lost, and with it the id of a commit such as 0123456.
        _ if text.len() > 1 && text.starts_with('0') => Value::String(text.to_owned()),
        _ => text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from),
    }
}

/// Sets the image of a chart with the usual values: `image.repository`, and tag or digest.
pub(crate) fn set_image(values: &mut Map<String, Value>, image: &str) -> Result<(), CommandError> {
    let broken = || {
        CommandError::usage(format!("image {image:?} has neither tag nor digest"))
            .hint("write it as repository:tag or repository@sha256:…")
    };
    let mut fields = Map::new();
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    // A colon before the last slash belongs to the port of the registry.
    let colon = name.rfind(':').filter(|colon| !name[*colon..].contains('/'));
    let (repository, tag) = match colon {
        Some(colon) => (&name[..colon], Some(&name[colon + 1..])),
        None => (name, None),
    };
    let tag = tag.filter(|tag| !tag.is_empty());
    let digest = digest.filter(|digest| !digest.is_empty());
    if repository.is_empty() || (tag.is_none() && digest.is_none()) {
        return Err(broken());
    }
    fields.insert("repository".into(), repository.into());
    for (key, value) in [("tag", tag), ("digest", digest)] {
        if let Some(value) = value {
            fields.insert(key.into(), value.into());
        }
    }
    let mut over = Map::new();
    over.insert("image".into(), Value::Object(fields));
    merge(values, over);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set_all(assignments: &[&str]) -> Value {
        let mut values = Map::new();
        for assignment in assignments {
            set(&mut values, assignment, true).unwrap();
        }
        Value::Object(values)
    }

    #[test]
    fn values_are_set_where_their_path_says() {
        assert_eq!(
            set_all(&["a.b=1", "a.c=true", "d=x=y", r"e\.f.g=null", "h="]),
            json!({"a": {"b": 1, "c": true}, "d": "x=y", "e.f": {"g": null}, "h": ""})
        );
    }

    #[test]
    fn what_only_looks_like_a_number_stays_text() {
        assert_eq!(
            set_all(&["a=0123456", "b=1.10", "c=1e3", "d=0"]),
            json!({"a": "0123456", "b": "1.10", "c": "1e3", "d": 0})
        );
        let mut values = Map::new();
        set(&mut values, "a=1", false).unwrap();
        assert_eq!(Value::Object(values), json!({"a": "1"}));
    }

    #[test]
    fn assignments_that_cannot_be_meant_are_refused() {
        for bad in ["a", "=1", "a..b=1", "a[0]=1"] {
            assert!(set(&mut Map::new(), bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_image_is_taken_apart() {
        for (image, expected) in [
            ("shop:1.2", json!({"repository": "shop", "tag": "1.2"})),
            ("host:5000/shop:1.2", json!({"repository": "host:5000/shop", "tag": "1.2"})),
            ("shop@sha256:ab", json!({"repository": "shop", "digest": "sha256:ab"})),
            ("shop:1@sha256:ab", json!({"repository": "shop", "tag": "1", "digest": "sha256:ab"})),
        ] {
            let mut values = Map::new();
            set_image(&mut values, image).unwrap();
            assert_eq!(Value::Object(values), json!({"image": expected}), "{image}");
        }
        for bad in ["shop", "host:5000/shop", ":1", "shop:"] {
            assert!(set_image(&mut Map::new(), bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn later_values_win_and_maps_are_merged() {
        let mut base = parse_file("v.yaml", "a: {b: 1, c: [1]}\nd: 0777\n").unwrap();
        merge(&mut base, parse_file("w.yaml", "a: {c: [2]}\n").unwrap());
        assert_eq!(Value::Object(base), json!({"a": {"b": 1, "c": [2]}, "d": 511}));
        assert!(parse_file("empty.yaml", "").unwrap().is_empty());
        assert!(parse_file("list.yaml", "- a\n").is_err());
    }
}
