//! What a chart and its rendering tell besides the output of `helm template`.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::path::Path;

use gimlet_helm::{Chart, ChartFile, ErrorKind, RenderOptions, Rendered, merge_values, render};
use serde_json::json;

fn fixture(name: &str) -> Chart {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts").join(name);
    Chart::from_dir(&folder).unwrap()
}

fn options() -> RenderOptions {
    RenderOptions {
        release_name: "my-release".to_owned(),
        namespace: "my-namespace".to_owned(),
        include_crds: true,
        ..RenderOptions::default()
    }
}

fn rendered(name: &str) -> Rendered {
    render(&fixture(name), &json!({}), &options()).unwrap()
}

#[test]
fn the_chart_tells_about_itself() {
    let chart = fixture("basics");
    assert_eq!((chart.name(), chart.version()), ("basics", "1.2.3-rc.1+build.5"));
    assert_eq!(chart.app_version(), Some("1.1"));
    assert!(chart.values_schema().is_some());
    assert_eq!(chart.default_values()["mode"], json!(420));
    assert!(chart.missing_dependencies().is_empty());
}

#[test]
fn hooks_notes_and_definitions_are_told_apart() {
    let found = rendered("basics");
    assert_eq!(found.notes, "Thanks for basics 1.1\n");
    assert_eq!(found.crds.len(), 1);
    let hooks: Vec<_> = found.hooks.iter().map(|hook| (&*hook.name, hook.weight)).collect();
    assert_eq!(hooks, [("early", 0), ("probe", 0), ("migrate", -5)]);
}

#[test]
fn values_that_break_the_schema_are_refused() {
    let error = render(&fixture("basics"), &json!({"replicas": 0}), &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Values);
    assert!(error.to_string().contains("basics:\n- at '/replicas'"), "{error}");
    let skipped = RenderOptions { skip_schema_validation: true, ..options() };
    assert!(render(&fixture("basics"), &json!({"replicas": 0}), &skipped).is_ok());
}

#[test]
fn an_old_cluster_is_refused() {
    let old = RenderOptions { kube_version: "1.19.0".to_owned(), ..options() };
    let error = render(&fixture("basics"), &json!({}), &old).unwrap_err();
    assert_eq!(
        error.to_string(),
        "chart requires kubeVersion: >=1.20.0-0 which is incompatible with Kubernetes v1.19.0"
    );
}

#[test]
fn a_release_name_that_is_none_is_refused() {
    for name in ["", "UPPER", "a_b", "-a", "a..b", &"a".repeat(54)] {
        let named = RenderOptions { release_name: name.to_owned(), ..options() };
        let error = render(&fixture("basics"), &json!({}), &named).unwrap_err();
        assert!(error.to_string().starts_with("release name \""), "{error}");
    }
}

#[test]
fn provenance_files_are_noted() {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
        ("charts/d-1.0.0.tgz.prov", "signed"),
    ];
    let files = files
        .map(|(path, text)| ChartFile { path: path.to_owned(), data: text.as_bytes().to_vec() });
    let chart = Chart::from_files(files.to_vec()).unwrap();
    assert_eq!(chart.provenance_files(), ["charts/d-1.0.0.tgz.prov"]);
}

#[test]
fn later_values_win_and_maps_merge() {
    let mut values = json!({"a": {"b": 1, "c": [1]}, "d": 1});
    merge_values(&mut values, json!({"a": {"c": [2], "e": null}, "d": {"x": 1}}));
    assert_eq!(values, json!({"a": {"b": 1, "c": [2], "e": null}, "d": {"x": 1}}));
}

#[test]
fn functions_that_draw_at_random_are_told_with_their_template() {
    let templates = [
        ("templates/_lib.tpl", "{{ define \"password\" }}{{ randAlphaNum 8 }}{{ end }}"),
        ("templates/a.yaml", "a: {{ include \"password\" . }}\nb: {{ now | date \"2006\" }}\n"),
        ("templates/b.yaml", "a: {{ tpl \"{{ uuidv4 }}\" . }}\n"),
    ];
    let chart = |templates: &[(&str, &str)]| {
        let metadata = [("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n")];
        let files = metadata.iter().chain(templates);
        let files = files.map(|(path, text)| ChartFile {
            path: (*path).to_owned(),
            data: text.as_bytes().to_vec(),
        });
        Chart::from_files(files.collect()).unwrap()
    };
    let found = render(&chart(&templates), &json!({}), &options()).unwrap();
    let uses: Vec<_> = found.random.iter().map(|used| (&*used.template, used.function)).collect();
    assert_eq!(
        uses,
        [
            ("c/templates/_lib.tpl", "randAlphaNum"),
            ("c/templates/a.yaml", "now"),
            ("c/templates/b.yaml", "uuidv4"),
        ]
    );
    let plain = chart(&[("templates/a.yaml", "a: {{ add 1 2 }}\n")]);
    assert_eq!(render(&plain, &json!({}), &options()).unwrap().random, []);
}
