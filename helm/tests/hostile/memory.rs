//! Templates that try to take all memory with few steps.

use gimlet_helm::{ErrorKind, RenderOptions};

use super::{error, output};

fn is_limited(template: &str) {
    let error = error(template);
    assert_eq!(error.kind(), ErrorKind::Limit, "{template}: {error}");
    assert!(error.to_string().contains("limit"), "{error}");
}

/// A list of a million references to one text of a megabyte.
const MANY: &str = "{{ $s := repeat 1000000 \"x\" }}{{ $l := list $s $s $s $s $s $s $s $s }}\
    {{ range 5 }}{{ $l = concat $l $l $l $l $l $l $l $l }}{{ end }}";

#[test]
fn a_text_that_is_held_many_times_is_not_copied_as_often() {
    for call in [
        "printf \"%s\" $l",
        "printf \"%v\" $l",
        "printf \"x\" $l $l $l",
        "print $l",
        "join \",\" $l",
        "toStrings $l",
        "sortAlpha $l",
        "quote $l",
        "cat $l $l",
        "toYaml $l",
        "toJson $l",
    ] {
        is_limited(&format!("{MANY}{{{{ $x := {call} }}}}"));
    }
    let quotes = "$s ".repeat(2000);
    is_limited(&format!("{{{{ $s := repeat 9000000 \"x\" }}}}{{{{ quote {quotes} }}}}"));
    is_limited(&format!("{{{{ $s := repeat 9000000 \"x\" }}}}{{{{ printf \"x\" {quotes} }}}}"));
}

#[test]
fn indentation_of_deep_values_counts() {
    let deep = "{{ $v := splitList \"b\" (repeat 400000 \"ab\") }}\
        {{ range 900 }}{{ $v = dict \"k\" $v }}{{ end }}";
    for call in ["toYaml $v", "toPrettyJson $v"] {
        is_limited(&format!("{deep}{{{{ $x := {call} }}}}"));
    }
    let lines = "{{ $v := repeat 4000000 \"a \" }}{{ range 900 }}{{ $v = dict \"k\" $v }}{{ end }}";
    is_limited(&format!("{lines}{{{{ toYaml $v }}}}"));
}

#[test]
fn what_nested_templates_hold_counts() {
    let text = "x".repeat(2_000_000);
    for template in [
        // Each level holds what it has printed so far.
        format!("{{{{ define \"a\" }}}}{text}{{{{ include \"a\" . }}}}{{{{ end }}}}{{{{ include \"a\" . }}}}"),
        "{{ $s := repeat 9000000 \"x\" }}{{ define \"b\" }}{{ . }}{{ include \"b\" . }}{{ end }}{{ include \"b\" $s }}"
            .to_owned(),
        // Each level holds a list it ranges over.
        "{{ define \"c\" }}{{ range until 400000 }}{{ template \"c\" }}{{ end }}{{ end }}{{ template \"c\" }}"
            .to_owned(),
        "{{ define \"d\" }}{{ range 400000 }}{{ template \"d\" }}{{ end }}{{ end }}{{ template \"d\" }}"
            .to_owned(),
    ] {
        is_limited(&template);
    }
}

#[test]
fn small_values_count_more_than_their_text() {
    is_limited(
        "{{ $d := dict }}{{ range $i := until 400000 }}{{ range 20 }}{{ $_ := set $d (printf \"%d-%d\" $i .) (dict) }}{{ end }}{{ end }}",
    );
    is_limited("{{ splitList \"\" (repeat 9000000 \"x\") }}");
    is_limited("{{ split \"\" (repeat 9000000 \"x\") }}");
    is_limited("{{ regexFindAll \"x\" (repeat 9000000 \"x\") -1 }}");
    is_limited("{{ regexSplit \"x\" (repeat 9000000 \"xy\") -1 }}");
    is_limited("{{ fromYaml (printf \"a: [%s]\" (repeat 5000000 \"{},\")) }}");
    is_limited("{{ fromJsonArray (printf \"[%s1]\" (repeat 5000000 \"{},\")) }}");
}

#[test]
fn parsed_texts_count() {
    is_limited(
        "{{ tpl (repeat 1000000 \"{{ 1 }}\") . }}".replace("{{ 1 }}", "{{\\\"1\\\"}}").as_str(),
    );
    is_limited(
        "{{ range $i := until 400000 }}{{ $x := tpl (printf \"{{ %d }}%s\" $i (repeat 2000 \"x\")) $ }}{{ end }}",
    );
    let nodes = error(&"{{ 1 }}".repeat(200_000));
    assert_eq!(nodes.kind(), ErrorKind::Limit);
    assert!(nodes.to_string().contains("limit of 300000 nodes"), "{nodes}");
    let variables = super::variables(2000);
    let variables = error(&variables).to_string();
    assert!(variables.contains("limit of 1000 variables"), "{variables}");
}

#[test]
fn nesting_over_many_calls_does_not_exhaust_the_stack() {
    let (open, close) = ("{{ if 1 }}".repeat(450), "{{ end }}".repeat(450));
    is_limited(&format!(
        "{{{{ define \"a\" }}}}{open}{{{{ template \"a\" }}}}{close}{{{{ end }}}}{{{{ template \"a\" }}}}"
    ));
    let (open, close) = ("(".repeat(450), ")".repeat(450));
    is_limited(&format!(
        "{{{{ define \"b\" }}}}{{{{ {open}include \"b\" .{close} }}}}{{{{ end }}}}{{{{ include \"b\" . }}}}"
    ));
    is_limited(
        "{{ define \"t\" }}{{ tpl . . }}{{ end }}{{ tpl \"{{ tpl . . }}\" \"{{ tpl . . }}\" }}",
    );
}

#[test]
fn messages_stay_readable() {
    let long = "x".repeat(100_000);
    let template = format!(
        "{{{{ define \"a\" }}}}{{{{ include \"a\" (list \"{long}\") }}}}{{{{ end }}}}{{{{ include \"a\" . }}}}"
    );
    let text = error(&template).to_string();
    assert!(text.len() < 200_000, "{}", text.len());
    assert!(text.contains("nested reference name"));
    let text = error("{{ fail (repeat 9000000 \"x\") }}").to_string();
    assert!(text.len() < 200_000, "{}", text.len());
}

#[test]
fn objects_are_counted() {
    let many = "---\na: 1\n".repeat(10_001);
    let error = error(&many);
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("limit of 10000 objects"), "{error}");
}

#[test]
fn odd_operands_of_printf_do_no_harm() {
    for format in ["%[0]*d", "%[18446744073709551615]d", "%[0]d%*d", "%*.*f", "%[99]*.[98]*d", "%!"]
    {
        let template = format!("a: {{{{ printf {format:?} 1 2 | quote }}}}");
        output(&template, &RenderOptions::default()).unwrap();
    }
}
