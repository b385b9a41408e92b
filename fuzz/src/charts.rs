//! Charts: archives, values, templates, YAML.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use gimlet_helm::text::{TextOptions, render_text};
use gimlet_helm::{
    Chart, ChartFile, HelmVersion, Limits, RenderOptions, merge_values, render, yaml as helm_yaml,
};
use serde_json::Value as Json;

use crate::{explained, parts, same};

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
    let [own, given, schema, below] = parts(&text);
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
    match helm_yaml::documents(given) {
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
    let [template, values, named] = parts(&text);
    let user = helm_yaml::from_str(values).unwrap_or_default();
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
    match helm_yaml::documents(&text) {
        Ok(documents) => {
            for document in &documents {
                let written = helm_yaml::to_string(document);
                // Helm writes these as ends of lines of YAML 1.1, which 1.2 reads as characters.
                if written.contains(['\u{2028}', '\u{2029}']) {
                    continue;
                }
                // Helm writes this key as one that merges.
                if written.contains("<<") && has_key(document, "<<") {
                    continue;
                }
                let again = helm_yaml::from_str(&written);
                assert!(again.is_ok(), "{again:?} in what was written:\n{written}");
                let again = again.unwrap_or_default();
                assert!(same(document, &again), "{document} became {again} by\n{written}");
                assert_eq!(helm_yaml::to_string(&again), written, "writing is not stable");
            }
        }
        Err(error) => {
            explained(&error);
        }
    }
    if let Err(error) = helm_yaml::from_str(&text) {
        explained(&error);
    }
}

/// A rendered file of many documents: each is taken apart and told as what it is.
pub fn split(data: &[u8]) {
    let text = String::from_utf8_lossy(data).replace("{{", "{ {");
    let chart = Chart::from_files(vec![
        file("Chart.yaml", "name: demo\nversion: 1.2.3\n"),
        file("templates/main.yaml", &text),
    ]);
    let chart = chart.expect("the chart is valid");
    for helm in [HelmVersion::V3, HelmVersion::V4] {
        let options = RenderOptions { helm, limits: limits(), ..RenderOptions::default() };
        match render(&chart, &Json::Object(serde_json::Map::new()), &options) {
            Ok(found) => {
                let hooks = found.hooks.iter().map(|hook| (&hook.content, Some(hook)));
                let all = found.manifests.iter().map(|it| (&it.content, None)).chain(hooks);
                let mut bytes = 0;
                for (content, hook) in all {
                    bytes += content.len();
                    let read = helm_yaml::from_str(content);
                    assert!(read.is_ok(), "{read:?} is told as a document:\n{content}");
                    let read = read.unwrap_or_default();
                    if let Some(hook) = hook {
                        assert_eq!(read["kind"].as_str().unwrap_or_default(), hook.kind);
                        assert_eq!(
                            read["metadata"]["name"].as_str().unwrap_or_default(),
                            hook.name
                        );
                        assert!(!hook.events.is_empty() && hook.events.len() <= 10);
                    }
                }
                assert!(bytes <= text.len(), "{bytes} bytes were made of {}", text.len());
            }
            Err(error) => {
                explained(&error);
            }
        }
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

fn has_key(json: &Json, key: &str) -> bool {
    match json {
        Json::Array(items) => items.iter().any(|item| has_key(item, key)),
        Json::Object(entries) => {
            entries.iter().any(|(name, value)| name == key || has_key(value, key))
        }
        _ => false,
    }
}
