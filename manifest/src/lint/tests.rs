use gimlet_helm::{Chart, ChartFile};

use super::*;

const CHART: &[(&str, &str)] = &[
    ("Chart.yaml", "apiVersion: v2\nname: small\nversion: 1.0.0\n"),
    ("values.yaml", "replicas: 1\n"),
    (
        "values.schema.json",
        r#"{"type": "object", "additionalProperties": false, "properties": {"replicas": {"type": "integer"}, "image": {"type": "object"}, "global": {}}}"#,
    ),
    (
        "templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  r: {{ quote .Values.replicas }}\n",
    ),
];

/// Lists what is wrong, with the piece of the text that each place means.
fn found(text: &str) -> String {
    found_with(text, &[])
}

fn found_with(text: &str, vars: &[(&str, &str)]) -> String {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let files = CHART
        .iter()
        .map(|(path, data)| ChartFile { path: (*path).into(), data: data.as_bytes().to_vec() });
    let chart = Chart::from_files(files.collect()).unwrap();
    let (mut findings, drafts) = check(text, &vars);
    for draft in drafts {
        findings.extend(draft.render(&TrialInput {
            chart: draft.manifest.chart.as_ref().map(|_| &chart),
            kubernetes_version: "1.36.0",
            api_versions: &[],
            allow_secrets: false,
            seed: [0; 32],
            time: jiff::Timestamp::UNIX_EPOCH,
        }));
    }
    let shown = findings.iter().map(|finding| {
        let Finding { severity, rule, place, message, hint } = finding;
        let line = text.lines().nth(place.line - 1).unwrap_or_default();
        let piece: String = line.chars().skip(place.column - 1).take(place.length).collect();
        let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{} {piece:?} {severity}[{rule}] {message}{hint}\n", place.line, place.column)
    });
    shown.collect()
}

const HEAD: &str = "app: web\nenv: staging\nnamespace: team\nchart:\n  name: small\n";

#[test]
fn a_manifest_without_faults_has_no_findings() {
    let text = format!(
        "{HEAD}values:\n  replicas: 2\nstrategicMergePatches: |\n  apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    \
         name: web\n  data:\n    sha: '{{{{ .SHA }}}}'\n---\n{HEAD}"
    );
    assert_eq!(found(&text), "");
}

#[test]
fn faults_of_yaml_have_a_place() {
    insta::assert_snapshot!(found("app: web\n  b: 1\n"));
    insta::assert_snapshot!(found(&format!("{HEAD}manifests: |\n  a: b: c\n")));
}

#[test]
fn all_faults_of_fields_are_told_at_once() {
    insta::assert_snapshot!(found(
        "app: 12\nenv: [a]\nnamspace: team\nchart:\n  nam: small\n  hookPolicy: keep\n  version: 1.5\n\
         values: text\njson6902Patches:\n- patch: a\n  target: {kind: \"\", nam: x}\nmanifests: {a: b}\n\
         preview: maybe\ndependencies: []\nsomethingElse: 1\ndeploy: {event: pull}\napp: again\n"
    ));
}

#[test]
fn rules_between_fields_hold() {
    insta::assert_snapshot!(found(
        "namespace: team\nvalues: {a: 1}\n---\n- a\n---\nnamespace: ''\nmanifests: x\npreview: true\n"
    ));
}

#[test]
fn variables_that_nobody_gives_are_told_once_with_what_was_meant() {
    let text = format!(
        "{HEAD}values:\n  image:\n    tag: \"{{{{ .SHAA }}}}-{{{{ .DOMAIN }}}}\"\n    x: |\n      a {{{{ .DOMAIN }}}}\n      b \
         {{{{ .OTHER }}}}\n    y: {{{{{{{{}}}}\n"
    );
    let text = text.replace("    y: {{{{}}\n", "");
    insta::assert_snapshot!(found(&text));
    assert!(!found_with(&text, &[("DOMAIN", "x")]).contains("DOMAIN"));
}

#[test]
fn an_expression_that_is_broken_is_told_where_it_stands() {
    let text = format!(
        "{HEAD}values:\n  image:\n    tag: '{{{{ nope }}}}'\n---\nnamespace: a\nmanifests: |\n  apiVersion: v1\n  kind: ConfigMap\n  \
         metadata:\n    name: '{{{{ .APP | nope }}}}'\n"
    );
    insta::assert_snapshot!(found(&text));
}

#[test]
fn values_that_the_schema_refuses_are_told_where_they_stand() {
    insta::assert_snapshot!(found(&format!(
        "{HEAD}values:\n  replicas: many\n  image: x\n---\n{HEAD}values:\n  replicsa: 2\n"
    )));
}

#[test]
fn every_patch_that_fails_is_told() {
    insta::assert_snapshot!(found(&format!(
        "{HEAD}strategicMergePatches: |\n  apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: wbe\n  ---\n  \
         apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: web\n  data: {{a: b}}\n  ---\n  apiVersion: apps/v1\n  \
         kind: Deployment\n  metadata:\n    name: web\njson6902Patches:\n- target: {{kind: ConfigMap}}\n  patch: |\n    - \
         op: add\n      path: /data/b\n      value: c\n- target: {{kind: Service, name: web}}\n  patch: '[]'\n- target: \
         {{kind: ConfigMap}}\n  patch: |\n    - op: replace\n      path: /nowhere/x\n      value: 1\n"
    )));
}

#[test]
fn objects_that_cannot_work_are_told() {
    insta::assert_snapshot!(found(
        "namespace: team\nmanifests: |\n  apiVersion: v1\n  kind: Deployment\n  metadata:\n    name: a\n    labels:\n      on: \
         true\n  ---\n  apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: b\n  spec:\n    selector:\n      \
         matchLabels: {app: b}\n    template:\n      metadata:\n        labels: {app: c}\n      spec:\n        \
         containers:\n        - name: x\n          image: 'acme/shop:'\n        - name: x\n          image: y\n  ---\n  \
         apiVersion: extensions/v1beta1\n  kind: Ingress\n  metadata:\n    name: i\n  ---\n  apiVersion: v1\n  kind: \
         ConfigMap\n  metadata:\n    name: c\n  data:\n    port: 80\n"
    ));
}

#[test]
fn what_is_no_object_is_told_for_each() {
    insta::assert_snapshot!(found(
        "namespace: team\nmanifests: |\n  kind: A\n  metadata:\n    name: a\n  ---\n  apiVersion: v1\n  kind: ConfigMap\n  \
         metadata: {}\n"
    ));
}

#[test]
fn secrets_and_objects_that_are_there_twice_are_told_where_they_stand() {
    insta::assert_snapshot!(found(&format!(
        "{HEAD}manifests: |\n  apiVersion: v1\n  kind: Secret\n  metadata:\n    name: password\n  ---\n  apiVersion: v1\n  \
         kind: ConfigMap\n  metadata:\n    name: web\n"
    )));
}

#[test]
fn names_that_cannot_be_are_told() {
    insta::assert_snapshot!(found(
        "app: Web_1\nenv: staging\nnamespace: team\nchart: {name: small}\n"
    ));
}

#[test]
fn hostile_text_ends() {
    for text in [
        "",
        "---\n",
        "[",
        "a: &a [*a]\n",
        "\u{feff}",
        "? {a: b}\n: c\n",
        "a: !!binary x\n",
        "\t",
        "- - - -\n",
    ] {
        found(text);
    }
    let deep = "[".repeat(100_000);
    found(&deep);
    let mut bomb = String::from("namespace: a\nchart: {name: app}\nvalues:\n  a0: &a0 [x, x]\n");
    for level in 1..40 {
        bomb.extend([format!("  a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1)]);
    }
    found(&bomb);
}

#[test]
fn what_a_preview_cannot_do_is_found() {
    insta::assert_snapshot!(found(&format!(
        "{HEAD}preview: true\nvalues: {{replicas: 1}}\ncleanup: {{app: a, branch: b, after: 3d, idle: 12h}}\n\
         deploy: {{event: tag, paths: [src]}}\n---\n{HEAD}cleanup: {{after: 72h}}\n"
    )));
    let text = format!(
        "{HEAD}preview: true\nmanifests: |\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: a}}\n  \
         data: {{a: '{{{{ .PREVIEW_URL }}}}'}}\n"
    );
    assert_eq!(found(&text), "");
}
