//! Hostile input of every kind, and what must hold whatever it is.
//!
//! A target panics when something does not hold. That there is no panic, no hang and no
//! exhausted memory is what the caller watches.

use std::fmt::Display;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use gimlet_helm::text::{TextOptions, render_text};
use gimlet_helm::{Chart, ChartFile, Limits, RenderOptions, merge_values, render, yaml};
use serde_json::Value as Json;

/// What separates the parts of an input that has several.
const SEPARATOR: &str = "\n=====\n";

/// A target with its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, for callers that run one after the other.
pub const TARGETS: [Target; 4] =
    [("archive", archive), ("values", values), ("templates", templates), ("yaml", yaml)];

const CHART_YAML: &str = "\
apiVersion: v2
name: demo
version: 1.2.3
dependencies:
- name: child
  version: '>=0.1.0'
  condition: child.enabled,global.child
  tags: [back]
  import-values: [data, {child: inner.deep, parent: taken.over}]
- name: child
  version: ~0.2
  alias: other
";
const CHILD_YAML: &str = "name: child\nversion: 0.2.0\n";
const CHILD_VALUES: &str = "\
inner: {deep: {a: 1}, n: null}
exports: {data: {port: 80}}
global: {zone: a}
";

/// A chart archive: packed as it is if it is compressed, else taken for the tar inside.
pub fn archive(data: &[u8]) {
    let packed = if data.starts_with(&[0x1f, 0x8b]) { data.to_vec() } else { compressed(data) };
    let load = || Chart::from_archive(&packed).map_err(|error| explained(&error));
    match (load(), load()) {
        (Ok(chart), Ok(again)) => {
            let none = Json::Object(serde_json::Map::new());
            assert_eq!(rendered(&chart, &none), rendered(&again, &none));
            assert!(!chart.name().is_empty() && !chart.version().is_empty());
        }
        (first, second) => assert_eq!(first.err(), second.err()),
    }
}

/// Values of a chart, of its subchart, of a person, and a schema.
pub fn values(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split(SEPARATOR);
    let mut part = || parts.next().unwrap_or_default();
    let (own, given, schema, below) = (part(), part(), part(), part());
    let mut files = vec![
        file("Chart.yaml", CHART_YAML),
        file("values.yaml", own),
        file("templates/all.yaml", "all: {{ toJson .Values }}\nname: {{ .Values.name | quote }}\n"),
        file("charts/child/Chart.yaml", CHILD_YAML),
        file("charts/child/values.yaml", if below.is_empty() { CHILD_VALUES } else { below }),
        file("charts/child/templates/all.yaml", "{{ toYaml .Values }}\n"),
    ];
    if !schema.is_empty() {
        files.push(file("values.schema.json", schema));
    }
    let chart = match Chart::from_files(files) {
        Ok(chart) => chart,
        Err(error) => {
            explained(&error);
            return;
        }
    };
    let mut user = Json::Object(serde_json::Map::new());
    match yaml::documents(given) {
        Ok(documents) => documents.into_iter().for_each(|over| merge_values(&mut user, over)),
        Err(error) => {
            explained(&error);
        }
    }
    assert_eq!(rendered(&chart, &user), rendered(&chart, &user));
}

/// A template, the values it sees, and a file of named templates.
pub fn templates(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split(SEPARATOR);
    let mut part = || parts.next().unwrap_or_default();
    let (template, values, named) = (part(), part(), part());
    let user = yaml::from_str(values).unwrap_or_default();
    let chart = Chart::from_files(vec![
        file("Chart.yaml", "name: demo\nversion: 1.2.3\n"),
        file("templates/main.yaml", template),
        file("templates/_named.tpl", named),
        file("conf/a.txt", "one\ntwo\n"),
    ])
    .expect("the chart is valid");
    let first = rendered(&chart, &user);
    assert_eq!(first, rendered(&chart, &user));
    let options = TextOptions { limits: limits(), ..TextOptions::default() };
    let text = || render_text("text", template, &user, &options).map_err(|error| explained(&error));
    assert_eq!(text(), text());
}

/// A YAML text: what can be read is written and read again without a loss.
pub fn yaml(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match yaml::documents(&text) {
        Ok(documents) => {
            for document in &documents {
                let written = yaml::to_string(document);
                // Helm writes these as ends of lines of YAML 1.1, which 1.2 reads as characters.
                if written.contains(['\u{2028}', '\u{2029}']) {
                    continue;
                }
                // Helm writes this key as one that merges.
                if written.contains("<<") && has_key(document, "<<") {
                    continue;
                }
                let again = yaml::from_str(&written)
                    .unwrap_or_else(|error| panic!("{error} in what was written:\n{written}"));
                assert!(same(document, &again), "{document} became {again} by\n{written}");
                assert_eq!(yaml::to_string(&again), written, "writing is not stable");
            }
        }
        Err(error) => {
            explained(&error);
        }
    }
    if let Err(error) = yaml::from_str(&text) {
        explained(&error);
    }
}

fn file(path: &str, text: &str) -> ChartFile {
    ChartFile { path: path.to_owned(), data: text.as_bytes().to_vec() }
}

fn compressed(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(data).and_then(|()| encoder.finish()).expect("memory can be written to")
}

/// Far below the defaults, so that an input that hits one is tried in milliseconds.
fn limits() -> Limits {
    Limits {
        steps: 20_000,
        output_bytes: 64 << 10,
        depth: 60,
        list_length: 2_000,
        allocated_bytes: 8 << 20,
        objects: 50,
    }
}

fn rendered(chart: &Chart, values: &Json) -> Result<String, String> {
    let options =
        RenderOptions { include_crds: true, limits: limits(), ..RenderOptions::default() };
    match render(chart, values, &options) {
        Ok(found) => {
            assert!(found.manifests.len() + found.hooks.len() + found.crds.len() <= 50);
            assert!(found.warnings.len() <= 101);
            Ok(found.to_template_output() + &found.notes)
        }
        Err(error) => Err(explained(&error)),
    }
}

/// An error has a text, and not one without end.
fn explained(error: &dyn Display) -> String {
    let text = error.to_string();
    assert!(!text.trim().is_empty(), "an error without a text");
    assert!(text.len() < 1 << 20, "an error of {} bytes", text.len());
    text
}

fn has_key(json: &Json, key: &str) -> bool {
    match json {
        Json::Array(items) => items.iter().any(|item| has_key(item, key)),
        Json::Object(entries) => {
            entries.iter().any(|(name, value)| name == key || has_key(value, key))
        }
        _ => false,
    }
}

/// Equal but for the kind of a number: what is written as 1e+06 may have been an integer.
fn same(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}
