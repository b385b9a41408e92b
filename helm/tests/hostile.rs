//! Charts that misbehave, by accident or on purpose.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

#[path = "hostile/archives.rs"]
mod archives;
#[path = "hostile/loops.rs"]
mod loops;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/values.rs"]
mod values;

use gimlet_helm::{Chart, ChartError, ChartFile, ErrorKind, RenderError, RenderOptions, render};
use serde_json::json;

/// Declarations of many variables.
fn variables(count: usize) -> String {
    let each: Vec<String> = (0..count).map(|n| format!("{{{{ $v{n} := 1 }}}}")).collect();
    each.concat()
}

fn file(path: &str, text: &str) -> ChartFile {
    ChartFile { path: path.to_owned(), data: text.as_bytes().to_vec() }
}

fn chart(template: &str) -> Chart {
    Chart::from_files(vec![
        file("Chart.yaml", "apiVersion: v2\nname: demo\nversion: 0.1.0\n"),
        file("values.yaml", "name: web\n"),
        file("templates/a.yaml", template),
    ])
    .unwrap()
}

fn output(template: &str, options: &RenderOptions) -> Result<String, RenderError> {
    render(&chart(template), &json!({}), options).map(|found| found.to_template_output())
}

fn error(template: &str) -> RenderError {
    output(template, &RenderOptions::default()).unwrap_err()
}

#[test]
fn endless_work_hits_a_limit() {
    for template in [
        "{{ until 200000000 }}",
        "{{ repeat 2000000000 \"x\" }}",
        "{{ printf \"%2000000000d\" 1 }}{{ range 1000 }}{{ repeat 9000000 \"x\" }}{{ end }}",
        "{{ $s := \"xx\" }}{{ range 60 }}{{ $s = print $s $s }}{{ end }}",
        "{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ toYaml $l }}",
        "{{ range 1000000 }}{{ range 1000000 }}{{ end }}{{ end }}",
        "{{ range 1000000 }}{{ range 1000000 }}x{{ end }}{{ end }}",
        "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
        "{{ $s := repeat 9000000 \"x\" }}{{ $l := list }}{{ range 9999 }}{{ $l = append $l (print $s .) }}{{ end }}",
    ] {
        assert_eq!(error(template).kind(), ErrorKind::Limit, "{template}");
    }
}

#[test]
fn endless_includes_end_as_in_helm() {
    let template = "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}";
    let error = error(template);
    assert!(error.to_string().contains("nested reference name: a"));
}

#[test]
fn a_map_that_contains_itself_does_no_harm() {
    let template =
        "{{ $d := dict }}{{ $_ := set $d \"d\" $d }}a: \"{{ toYaml $d }}{{ toJson $d }}\"";
    let found = output(template, &RenderOptions::default()).unwrap();
    assert!(found.ends_with("a: \"\"\n"), "{found}");
    for template in ["{{ deepCopy $d }}", "{{ $d }}", "{{ merge (deepCopy $d) $d }}"] {
        let template = format!("{{{{ $d := dict }}}}{{{{ $_ := set $d \"d\" $d }}}}{template}");
        assert_eq!(error(&template).kind(), ErrorKind::Limit, "{template}");
    }
}

#[test]
fn deeply_nested_syntax_is_refused() {
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    let blocks = "{{ if 1 }}".repeat(100_000);
    for template in [parens, blocks] {
        assert_eq!(error(&template).kind(), ErrorKind::Parse);
    }
}

#[test]
fn errors_read_as_with_helm_and_know_their_place() {
    let raised = error("a: 1\nb: {{ required \"name it\" .Values.nope }}\n");
    assert_eq!(raised.to_string(), "execution error at (demo/templates/a.yaml:2:6): name it");
    assert_eq!(raised.kind(), ErrorKind::Raised);
    assert_eq!((raised.template.as_deref(), raised.line), (Some("demo/templates/a.yaml"), Some(2)));
    assert_eq!(
        error("{{ .Values.a.b }}").to_string(),
        "template: demo/templates/a.yaml:1:10: executing \"demo/templates/a.yaml\" at \
         <.Values.a.b>: nil pointer evaluating interface {}.b"
    );
    assert_eq!(
        error("\n{{ nope }}").to_string(),
        "parse error at (demo/templates/a.yaml:2): function \"nope\" not defined"
    );
    assert_eq!(error("a: b: c").kind(), ErrorKind::Manifest);
}

#[test]
fn the_environment_is_out_of_reach() {
    for call in ["env \"HOME\"", "expandenv \"$HOME\""] {
        assert_eq!(error(&format!("{{{{ {call} }}}}")).kind(), ErrorKind::Parse);
    }
    let found = output("a: \"{{ getHostByName \"localhost\" }}\"", &RenderOptions::default());
    assert!(found.unwrap().ends_with("a: \"\"\n"));
}

#[test]
fn the_seed_and_the_clock_come_from_the_options() {
    let template = "a: {{ randAlphaNum 20 }} {{ uuidv4 }} {{ now | date \"2006\" }}";
    let seeded = |seed| {
        output(template, &RenderOptions { seed: [seed; 32], ..RenderOptions::default() }).unwrap()
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
    assert!(seeded(1).ends_with(" 1970\n"));
}

#[test]
fn paths_that_leave_the_chart_are_refused() {
    for path in ["../x", "/etc/passwd", "a/../../b", "", "a//b", "a\\b"] {
        let loaded = Chart::from_files(vec![file(path, "")]);
        assert!(matches!(loaded, Err(ChartError::Path(_))), "{path}");
    }
}
