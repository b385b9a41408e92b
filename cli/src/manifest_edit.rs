//! Values of a deploy manifest changed in its text: comments, order and everything else stay.
//!
//! The text is edited by a library, and the result is believed only where it reads as what was asked
//! for: what cannot be edited so is refused, and never half done.

use std::str::FromStr as _;

use serde_json::{Map, Value};
use yaml_edit::path::YamlPath as _;
use yaml_edit::{Document, YamlFile};

use crate::error::{CommandError, Kind};
use crate::values;

/// A change of one value of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edit {
    /// Its keys, from the top of the manifest.
    path: Vec<String>,
    /// The new value; none takes it out.
    value: Option<Value>,
}

impl Edit {
    /// Reads `a.b=c` and `a.b-`: below the values, or with a dot before it from the top of the manifest.
    ///
    /// With `typed`, what looks like a number or a boolean is one.
    pub(crate) fn parse(text: &str, typed: bool) -> Result<Self, CommandError> {
        let broken = |why: &str| {
            CommandError::usage(format!("{text:?} changes no value: {why}")).hint(
                "write it as replicas=3, image.tag=v2, or replicas- to take it out; \
                 .chart.version=0.78 is of the manifest itself",
            )
        };
        let (path, value) = if let Some((path, value)) = text.split_once('=') {
            let value = if typed { values::scalar(value) } else { Value::String(value.to_owned()) };
            if value.is_null() {
                return Err(broken("null is written by taking the value out"));
            }
            (path, Some(value))
        } else {
            let path = text.strip_suffix('-');
            (path.ok_or_else(|| broken("it has no '='"))?, None)
        };
        let (top, path) = match path.strip_prefix('.') {
            Some(path) => (None, path),
            None => (Some("values".to_owned()), path),
        };
        let keys = values::keys(path);
        if keys.iter().any(String::is_empty) {
            return Err(broken("a key is empty"));
        }
        if keys.iter().any(|key| key.contains(['[', ']'])) {
            return Err(broken("places in lists cannot be set"));
        }
        Ok(Self { path: top.into_iter().chain(keys).collect(), value })
    }

    /// Returns the path as the library reads it.
    fn text(&self) -> String {
        let escaped = |key: &String| {
            // A key of digits would be taken for a place in a list.
            let digits = key.bytes().all(|b| b.is_ascii_digit());
            let first = if digits { "\\" } else { "" };
            format!("{first}{}", key.replace('\\', "\\\\").replace('.', "\\."))
        };
        self.path.iter().map(escaped).collect::<Vec<_>>().join(".")
    }

    /// Makes the change in data.
    fn apply(&self, document: &mut Value) -> bool {
        let Some((last, parents)) = self.path.split_last() else { return false };
        let mut at = document;
        for key in parents {
            let Some(map) = at.as_object_mut() else { return false };
            if !map.contains_key(key) && self.value.is_none() {
                return false;
            }
            at = map.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
        }
        let Some(map) = at.as_object_mut() else { return false };
        match &self.value {
            Some(value) => {
                map.insert(last.clone(), value.clone());
                true
            }
            None => map.remove(last).is_some(),
        }
    }
}

/// Finds the document of an app in an environment; the number of it in the file.
pub(crate) fn find(text: &str, app: &str, environment: &str) -> Option<usize> {
    let documents = read(text).ok()?;
    documents.iter().position(|document| is_of(document, app, environment))
}

/// Makes changes in the document of an app in an environment.
pub(crate) fn apply(
    text: &str,
    app: &str,
    environment: &str,
    edits: &[Edit],
) -> Result<String, CommandError> {
    let mut wanted = read(text)?;
    let number = find(text, app, environment).ok_or_else(|| {
        CommandError::new(
            Kind::NotFound,
            format!("the file has no manifest of {app} in {environment}"),
        )
    })?;
    let file = YamlFile::from_str(text).map_err(|error| by_hand(&error.to_string()))?;
    let own = |document: &Document| {
        let is = |key: &str, value: &str| document.get_string(key).as_deref() == Some(value);
        is("app", app) && is("env", environment)
    };
    let Some(document) = file.documents().find(own) else {
        return Err(by_hand("its place in the file was not found"));
    };
    for edit in edits {
        let Some(data) = wanted.get_mut(number) else {
            return Err(by_hand("it has no such document"));
        };
        if !edit.apply(data) {
            let path = edit.path.join(".");
            return Err(CommandError::usage(match edit.value {
                None => format!("the manifest has no {path} to take out"),
                Some(_) => format!("{path} is below a value that is no map"),
            }));
        }
        let path = edit.text();
        let done = match &edit.value {
            None => document.try_remove_path(&path).map(|_| ()),
            Some(value) => {
                // Written by the one that writes manifests: it knows what YAML of clusters mistakes.
                let text =
                    serde_saphyr::to_string(value).map_err(|error| by_hand(&error.to_string()))?;
                let scalar =
                    Document::from_str(&text).ok().and_then(|document| document.as_scalar());
                let scalar = scalar.ok_or_else(|| by_hand("the value is not one line"))?;
                document.try_set_path(&path, scalar)
            }
        };
        done.map_err(|error| by_hand(&error.to_string()))?;
    }
    let edited = file.to_string();
    if read(&edited).is_ok_and(|read| read == wanted) {
        return Ok(edited);
    }
    Err(by_hand("the result would not read as what was asked for"))
}

fn by_hand(why: &str) -> CommandError {
    CommandError::general(format!("the file cannot be changed without harm to its form: {why}"))
        .hint("change it in an editor: gimlet app edit")
}

fn is_of(document: &Value, app: &str, environment: &str) -> bool {
    document["app"] == app && document["env"] == environment
}

fn read(text: &str) -> Result<Vec<Value>, CommandError> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| CommandError::usage(format!("the file is no YAML: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    const FILE: &str = "\
# the shop
app: shop
env: staging
namespace: shop
chart:
  name: app
  version: ~1.0 # pinned below 2
values:
  # keep it small
  replicas: 1   # for now
  image: {repository: example/shop, tag: '{{ .SHA }}'}
  env:
    LOG: \"debug\"

  # asked for by ops
  ports: [80, 443]
---
app: shop
env: production
namespace: shop
chart: {name: app}
values:
  replicas: 3
";

    fn edited(environment: &str, edits: &[&str]) -> Result<String, CommandError> {
        let edits: Vec<Edit> = edits.iter().map(|text| Edit::parse(text, true).unwrap()).collect();
        apply(FILE, "shop", environment, &edits)
    }

    #[test]
    fn comments_order_and_layout_stay() {
        assert_snapshot!(edited("staging", &["replicas=3"]).unwrap());
        let more = edited(
            "staging",
            &[
                ".chart.version=1.2.3",
                "image.tag=v2",
                "env.LEVEL=5",
                "env.LOG=yes",
                "resources.limits.memory=1Gi",
            ],
        );
        assert_snapshot!(more.unwrap());
    }

    #[test]
    fn a_value_is_taken_out() {
        assert_snapshot!(edited("staging", &["env.LOG-", "env.A=b", "replicas-"]).unwrap());
        let error = edited("staging", &["nothing.here-"]).unwrap_err();
        assert!(error.message().contains("has no values.nothing.here"), "{error:?}");
    }

    #[test]
    fn only_the_manifest_that_is_meant_is_changed() {
        let text = edited("production", &["replicas=5"]).unwrap();
        assert_eq!(text, FILE.replace("replicas: 3", "replicas: 5"));
        assert_eq!(edited("qa", &["replicas=5"]).unwrap_err().exit_code(), 6);
    }

    #[test]
    fn what_would_harm_the_file_is_refused() {
        let error = edited("staging", &["replicas.deep=1"]).unwrap_err();
        assert!(error.message().contains("no map"), "{error:?}");
        let shared = "app: a\nenv: e\nvalues:\n  one: &x {n: 1}\n  two: *x\n";
        let edit = Edit::parse("two.n=2", true).unwrap();
        assert!(apply(shared, "a", "e", &[edit]).is_err(), "it would change the other one too");
    }

    #[test]
    fn an_edit_says_what_is_wrong_with_it() {
        for bad in ["replicas", "=1", "a..b=1", "a[0]=1", "a=null", "-"] {
            assert_eq!(Edit::parse(bad, true).unwrap_err().exit_code(), 2, "{bad}");
        }
        let text = Edit::parse("a=1", false).unwrap();
        assert_eq!(text.value, Some(Value::String("1".into())));
    }
}
