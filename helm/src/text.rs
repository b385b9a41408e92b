//! The template language without the objects of a chart.

use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;
use smol_str::SmolStr;

use crate::engine::{Engine, Limits};
use crate::functions::{Dialect, Target, find};
use crate::memo::Memo;
use crate::stack;
use crate::template::exec::execute;
use crate::template::fault::{Cause, Fault};
use crate::template::parse::{NODE_BYTES, parse};
use crate::template::scope::Scope;
use crate::value::Value;

/// A function of one string.
pub type Function = fn(&str) -> String;

/// What random functions draw from, and the time.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    /// The same seed gives the same bytes.
    pub seed: [u8; 32],
    /// What `now` returns.
    pub now: Timestamp,
}

/// How a text is rendered.
#[derive(Debug, Clone, Default)]
pub struct TextOptions<'a> {
    /// A key that is not in a map is an error that names it, not an empty value.
    pub missing_key_error: bool,
    /// Further functions of one string, by name.
    pub functions: &'a [(&'a str, Function)],
    /// Bounds of the render.
    pub limits: Limits,
    /// Makes the functions that need randomness or a clock available.
    pub draws: Option<Draws>,
}

/// A text that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TextError {
    message: String,
    missing_key: Option<String>,
    line: Option<usize>,
}

impl TextError {
    /// Returns the key that was missing, if that was the problem.
    pub fn missing_key(&self) -> Option<&str> {
        self.missing_key.as_deref()
    }

    /// Returns the 1-based line of the problem where it is known.
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

impl From<Fault> for TextError {
    fn from(fault: Fault) -> Self {
        let fault = fault.into_details();
        let line = fault.inner.map(|place| place.line);
        let missing_key = match fault.cause {
            Cause::MissingKey(key) => Some(key),
            _ => None,
        };
        Self { message: fault.message, missing_key, line }
    }
}

/// Renders a text with Sprig's functions, except those that need a network or an environment, and
/// without [`TextOptions::draws`] also those that need randomness or a clock.
pub fn render_text(
    name: &str,
    text: &str,
    data: &Json,
    options: &TextOptions<'_>,
) -> Result<String, TextError> {
    let result = stack::on_deep_stack(|| render(name, text, data, options));
    result.unwrap_or_else(|| {
        let message = format!("template: {name}: cannot start the thread to render it");
        Err(TextError { message, missing_key: None, line: None })
    })
}

fn render(
    name: &str,
    text: &str,
    data: &Json,
    options: &TextOptions<'_>,
) -> Result<String, TextError> {
    let dialect = if options.draws.is_some() { Dialect::Chart } else { Dialect::Text };
    let Draws { seed, now } =
        options.draws.unwrap_or(Draws { seed: [0; 32], now: Timestamp::UNIX_EPOCH });
    let lookup = |wanted: &str| {
        let custom = options.functions.iter().find(|(name, _)| *name == wanted);
        match custom {
            Some((_, function)) => Some(Target::Custom(*function)),
            None => find(dialect, wanted),
        }
    };
    let templates = parse(&SmolStr::new(name), &Arc::from(text), &lookup).map_err(|error| {
        TextError { message: error.message, missing_key: None, line: Some(error.line) }
    })?;
    let memo = Memo::default();
    let engine =
        Engine::new(&lookup, options.limits.clone(), options.missing_key_error, now, seed, &memo);
    let nodes: usize = templates.iter().map(|template| template.nodes).sum();
    engine.allocate(nodes.saturating_mul(NODE_BYTES))?;
    let scope = Rc::new(Scope::default());
    scope.add(&templates);
    let mut out = String::new();
    if let Some(main) = templates.last() {
        execute(&engine, &scope, main, &Value::from_json(data), &mut out)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(text: &str, data: &Json) -> Result<String, TextError> {
        let shout: Function = |text| format!("{text}!");
        let functions = [("shout", shout)];
        let options =
            TextOptions { missing_key_error: true, functions: &functions, ..Default::default() };
        render_text("note", text, data, &options)
    }

    #[test]
    fn values_functions_and_blocks_work() {
        let data = json!({"app": "web", "env": {"name": "prod"}, "list": ["a", "b"]});
        for (text, expected) in [
            ("{{ .app }}-{{ .env.name | upper }}", "web-PROD"),
            ("{{ range $i, $x := .list }}{{ $i }}{{ $x }}{{ end }}", "0a1b"),
            ("{{- if eq .app \"web\" -}} yes {{- else }} no {{- end }}", "yes"),
            ("{{ with .env }}{{ .name }}{{ end }}{{/* gone */}}", "prod"),
            ("{{ define \"x\" }}<{{ . }}>{{ end }}{{ template \"x\" .app }}", "<web>"),
            ("{{ .app | shout | quote }}", "\"web!\""),
            ("{{ $x := 1 }}{{ $x = add $x 2 }}{{ $x }}", "3"),
            ("{{ printf \"%s:%d\" .app 8 }}", "web:8"),
            ("{{ dict \"a\" 1 | toJson }}", "{\"a\":1}"),
            ("{{ range 3 }}{{ . }}{{ if eq . 1 }}{{ break }}{{ end }}{{ end }}", "01"),
        ] {
            assert_eq!(rendered(text, &data).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_missing_key_is_named() {
        let error = rendered("a\n{{ .env.nope }}", &json!({"env": {}})).unwrap_err();
        assert_eq!(error.missing_key(), Some("nope"));
        assert_eq!(
            error.to_string(),
            "template: note:2:7: executing \"note\" at <.env.nope>: map has no entry for key \"nope\""
        );
        assert_eq!(error.line(), Some(2));
    }

    #[test]
    fn syntax_errors_read_as_in_go() {
        for (text, expected) in [
            ("{{ if }}x{{ end }}", "template: note:1: missing value for if"),
            ("a\n{{ nope 1 }}", "template: note:2: function \"nope\" not defined"),
            ("{{ .a", "template: note:1: unclosed action"),
            ("{{ end }}", "template: note:1: unexpected {{end}}"),
            ("{{ if .a }}", "template: note:1: unexpected EOF"),
            ("{{ $x }}", "template: note:1: undefined variable \"$x\""),
            ("{{ \"a }}", "template: note:1: unterminated quoted string"),
            ("{{ .a | 3 }}", "template: note:1: non executable command in pipeline stage 2"),
            ("{{ break }}", "template: note:1: {{break}} outside {{range}}"),
        ] {
            assert_eq!(rendered(text, &json!({})).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn wrong_arguments_read_as_in_go() {
        for (text, expected) in [
            ("{{ upper 5 }}", "<5>: expected string; found 5"),
            ("{{ upper .n }}", "<.n>: wrong type for value; expected string; got float64"),
            ("{{ upper }}", "<upper>: wrong number of args for upper: want 1 got 0"),
            ("{{ .n.x }}", "<.n.x>: can't evaluate field x in type interface {}"),
            ("{{ fail \"no\" }}", "<fail \"no\">: error calling fail: no"),
        ] {
            let error = rendered(text, &json!({"n": 1})).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn clock_random_and_environment_do_not_exist() {
        for name in ["now", "randAlpha 3", "env \"HOME\"", "expandenv \"$HOME\"", "uuidv4", "genCA"]
        {
            let error = rendered(&format!("{{{{ {name} }}}}"), &json!({})).unwrap_err();
            assert!(error.to_string().contains("not defined"), "{error}");
        }
    }

    #[test]
    fn hostile_texts_hit_a_limit() {
        let doubling = "{{ $s := \"x\" }}{{ range 40 }}{{ $s = print $s $s }}{{ end }}";
        let endless = "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}";
        let nested = "{{ $l := list }}{{ range 300000 }}{{ $l = list $l }}{{ end }}{{ toJson $l }}";
        let own = "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}[{{ toYaml $d }}]";
        for text in ["{{ until 200000000 }}", "{{ repeat 999999999 \"ab\" }}", doubling, endless] {
            assert!(rendered(text, &json!({})).is_err(), "{text}");
        }
        assert_eq!(rendered(nested, &json!({})).unwrap(), "");
        assert_eq!(rendered(own, &json!({})).unwrap(), "[]");
    }
}
