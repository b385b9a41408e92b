//! What Helm 4 renders otherwise than Helm 3.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use gimlet_helm::{Chart, ChartFile, HelmVersion, RenderError, RenderOptions, Rendered, render};
use serde_json::json;

const METADATA: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

fn chart(files: &[(&str, &str)]) -> Chart {
    let metadata = [("Chart.yaml", METADATA)];
    let given = files.iter().any(|(path, _)| *path == "Chart.yaml");
    let files = metadata
        .iter()
        .filter(|_| !given)
        .chain(files)
        .map(|(path, text)| ChartFile { path: (*path).to_owned(), data: text.as_bytes().to_vec() });
    Chart::from_files(files.collect()).unwrap()
}

fn rendered(chart: &Chart, helm: HelmVersion) -> Result<Rendered, RenderError> {
    render(chart, &json!({}), &RenderOptions { helm, ..RenderOptions::default() })
}

fn output(files: &[(&str, &str)], helm: HelmVersion) -> String {
    rendered(&chart(files), helm).unwrap().to_template_output()
}

#[test]
fn documents_keep_the_line_ends_they_were_written_with() {
    let text = "\na: 1\n\n---\nb: 2\n --- \n---\n \n--- \nc: |\n  x\n";
    let files = [("templates/a.yaml", text)];
    let source = "---\n# Source: c/templates/a.yaml\n";
    assert_eq!(
        output(&files, HelmVersion::V4).replace(source, "=="),
        "==a: 1\n\n\n==b: 2\n --- \n\n==c: |\n  x\n"
    );
}

#[test]
fn a_separator_stands_at_the_start_of_a_line() {
    let files = [("templates/a.yaml", "a: 1\n---b: 2\n")];
    let found = rendered(&chart(&files), HelmVersion::V4).unwrap();
    let contents: Vec<_> = found.manifests.iter().map(|found| &*found.content).collect();
    assert_eq!(contents, ["a: 1\n", "b: 2\n"]);
}

#[test]
fn webhooks_come_last() {
    let text = "kind: ValidatingWebhookConfiguration\n---\nkind: MutatingWebhookConfiguration\n\
        ---\nkind: APIService\n---\nkind: Another\n";
    let kinds = |helm| {
        let found = rendered(&chart(&[("templates/a.yaml", text)]), helm).unwrap();
        let kinds = found.manifests.iter().map(|found| found.content["kind: ".len()..].trim_end());
        kinds.map(|kind| kind.split("Webhook").next().unwrap_or_default().to_owned()).collect()
    };
    let (third, fourth): (Vec<String>, Vec<String>) =
        (kinds(HelmVersion::V3), kinds(HelmVersion::V4));
    assert_eq!(third, ["APIService", "Another", "Mutating", "Validating"]);
    assert_eq!(fourth, ["APIService", "Mutating", "Validating", "Another"]);
}

#[test]
fn nulls_of_the_chart_are_dropped() {
    let files = [
        ("values.yaml", "a: null\nb: {c: null, d: {e: null}}\nlist: [null]\nsub: {x: null}\n"),
        ("templates/a.yaml", "values: {{ toJson .Values }}\n"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        ("charts/sub/values.yaml", "x: 1\ny: null\n"),
        ("charts/sub/templates/a.yaml", "values: {{ toJson .Values }}\n"),
    ];
    let third = output(&files, HelmVersion::V3);
    assert!(third.contains(r#""a":null"#) && third.contains(r#""e":null"#), "{third}");
    let fourth = output(&files, HelmVersion::V4);
    assert!(fourth.contains(r#""b":{"d":{}}"#), "{fourth}");
    assert!(fourth.contains(r#""list":[null]"#), "{fourth}");
    assert!(fourth.contains(r#""sub":{"global":{},"x":1}"#), "{fourth}");
}

#[test]
fn a_chart_under_two_aliases_has_dependencies_of_its_own() {
    let files = [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies:\n\
             - {name: mid, version: '*', alias: one}\n- {name: mid, version: '*', alias: two}\n",
        ),
        ("values.yaml", "one: {leaf: {enabled: false}}\ntwo: {leaf: {enabled: true}}\n"),
        (
            "charts/mid/Chart.yaml",
            "apiVersion: v2\nname: mid\nversion: 1.0.0\ndependencies:\n\
             - {name: leaf, version: '*', condition: leaf.enabled}\n",
        ),
        ("charts/mid/charts/leaf/Chart.yaml", "apiVersion: v2\nname: leaf\nversion: 1.0.0\n"),
        ("charts/mid/charts/leaf/templates/a.yaml", "a: 1\n"),
    ];
    let found = rendered(&chart(&files), HelmVersion::V4).unwrap();
    let sources: Vec<_> = found.manifests.iter().map(|found| &*found.source).collect();
    assert_eq!(sources, ["c/charts/two/charts/leaf/templates/a.yaml"]);
}

#[test]
fn functions_that_are_new_are_known_to_helm_4_only() {
    let files =
        [("templates/a.yaml", "a: {{ mustToYaml 1 }}\nb: {{ mustToToml (dict) | quote }}\n")];
    let chart = chart(&files);
    let error = rendered(&chart, HelmVersion::V3).unwrap_err();
    assert!(error.to_string().contains("function \"mustToYaml\" not defined"), "{error}");
    let found = rendered(&chart, HelmVersion::V4).unwrap();
    assert_eq!(found.manifests[0].content, "a: 1\nb: \"\"\n");
    let error = rendered(&chart, HelmVersion::V3).unwrap_err();
    assert!(error.to_string().contains("not defined"), "{error}");
}

#[test]
fn a_text_that_is_parsed_at_run_time_is_parsed_for_its_helm() {
    let files = [("templates/a.yaml", "a: {{ tpl \"{{ mustToYaml 1 }}\" . }}\n")];
    let chart = chart(&files);
    assert!(rendered(&chart, HelmVersion::V4).is_ok());
    let error = rendered(&chart, HelmVersion::V3).unwrap_err();
    assert!(error.to_string().contains("function \"mustToYaml\" not defined"), "{error}");
}

#[test]
fn errors_are_not_hidden_by_the_functions_that_must_succeed() {
    let message = |text: &str| {
        rendered(&chart(&[("templates/a.yaml", text)]), HelmVersion::V4).unwrap_err().to_string()
    };
    let error = message("a: {{ mustToYaml (float64 \"nan\") }}");
    assert!(error.ends_with("error marshaling into JSON: json: unsupported value: NaN"), "{error}");
    let error = message("a: {{ mustToToml (dict \"l\" (list nil)) }}");
    assert!(error.ends_with("toml: cannot encode array with nil element"), "{error}");
}
