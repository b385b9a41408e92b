//! Loops whose every turn is one call, but a long one: bytes count, not only steps.

use gimlet_helm::{ErrorKind, Limits, RenderOptions};

use super::output;

/// Calls that go through all of `$big` (1 MB of text), `$list` or `$map`.
const CALLS: [&str; 62] = [
    "sha1sum $big",
    "sha256sum $big",
    "sha512sum $big",
    "adler32sum $big",
    "b64enc $big",
    "b64dec $big",
    "b32enc $big",
    "upper $big",
    "lower $big",
    "title $big",
    "untitle $big",
    "swapcase $big",
    "snakecase $big",
    "camelcase $big",
    "kebabcase $big",
    "initials $big",
    "nospace $big",
    "trim $big",
    "trimAll $big $big",
    "trimSuffix \"x\" $big",
    "replace \"b\" \"cc\" $big",
    "contains \"zz\" $big",
    "hasPrefix $big $big",
    "indent 1 $big",
    "wrap 10 $big",
    "wrapWith 10 \" \" $big",
    "quote $big",
    "squote $big",
    "cat $big $big",
    "print $big 1 2",
    "printf \"%q\" $big",
    "html $big",
    "js $big",
    "urlquery $big",
    "urlParse $big",
    "splitList \"zz\" $big",
    "split \"zz\" $big",
    "splitn \"zz\" 3 $big",
    "regexMatch \"b{3}\" $big",
    "regexFind \"b{3}\" $big",
    "regexFindAll \"b{3}\" $big -1",
    "regexReplaceAll \"b{3}\" $big \"c\"",
    "regexSplit \"b{3}\" $big -1",
    "regexQuoteMeta $big",
    "semverCompare $big \"1.2.3\"",
    "date $big (toDate \"2006\" \"2024\")",
    "toDate $big $big",
    "duration $big",
    "base $big",
    "clean $big",
    "fromYaml $big",
    "fromJson $big",
    "toYaml (list $big)",
    "toJson (list $big)",
    "toYaml $map",
    "toPrettyJson $map",
    "deepCopy $map",
    "deepEqual $map (deepCopy $map)",
    "sortAlpha $list",
    "uniq $list",
    "append $list 1",
    "has \"none\" $list",
];

fn limits() -> Limits {
    Limits { steps: 200_000, ..Limits::default() }
}

#[test]
fn every_function_counts_the_bytes_it_goes_through() {
    let options = RenderOptions { limits: limits(), ..RenderOptions::default() };
    for call in CALLS {
        let template = format!(
            "{{{{ $big := repeat 500000 \"ab\" }}}}{{{{ $list := splitList \"b\" (repeat 5000 \"ab\") }}}}\
             {{{{ $map := dict \"l\" $list }}}}\
             {{{{ range 500000 }}}}{{{{ $x := {call} }}}}{{{{ end }}}}"
        );
        let error = output(&template, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{call}: {error}");
    }
}

#[test]
fn the_usage_of_a_loop_grows_with_its_texts() {
    let steps = |size: usize| {
        let template = format!("a: {{{{ repeat {size} \"x\" | sha256sum }}}}");
        let chart = super::chart(&template);
        let found = gimlet_helm::render(&chart, &serde_json::json!({}), &RenderOptions::default());
        found.unwrap().usage.steps
    };
    assert!(steps(1_000_000) > steps(10) + 10_000);
}

#[test]
fn patterns_that_take_long_count_more() {
    let options = RenderOptions { limits: limits(), ..RenderOptions::default() };
    for call in [
        // Every search goes on to the end of the text, and there are as many as letters.
        "regexFindAll \".*[^A-Z]|[A-Z]\" (repeat 100000 \"A\") -1",
        "regexReplaceAll \"(a+b)?\" (repeat 100000 \"a\") \"\"",
        // Thousands of states at once.
        "regexMatch \"(a|b){0,900}[ab]*c(a|b){0,900}d\" (repeat 100000 \"ab\")",
        // A new pattern each time.
        "regexMatch (printf \"a{900}b%d\" .) \"a\"",
        "regexMatch (printf \"(%s\" (repeat 1000 \"a\")) \"a\"",
    ] {
        let template = format!("{{{{ range 100000 }}}}{{{{ $x := {call} }}}}{{{{ end }}}}");
        let error = output(&template, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{call}: {error}");
    }
    for (pattern, problem) in [
        ("repeat 100000 \"a\"", "limit of 65536 bytes"),
        ("repeat 300 \"[a-z]{1000}\"", "limit of 200000 states"),
    ] {
        let error = super::error(&format!("{{{{ regexMatch ({pattern}) \"a\" }}}}"));
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn work_that_calls_no_function_counts_as_well() {
    let options = RenderOptions { limits: limits(), ..RenderOptions::default() };
    let zeros = "0 ".repeat(50_000);
    let fields = ".a".repeat(50_000);
    let variables = super::variables(900);
    for template in [
        format!("{{{{ range 500000 }}}}{{{{ $x := or {zeros} }}}}{{{{ end }}}}"),
        format!("{{{{ range 500000 }}}}{{{{ $x := add {zeros} }}}}{{{{ end }}}}"),
        format!("{{{{ $n := nil | default nil }}}}{{{{ range 500000 }}}}{{{{ $n{fields} }}}}{{{{ end }}}}")
            .replace("nil | default nil", "default \"\" \"\" | empty | ternary .Values.x .Values.x"),
        format!("{variables}{{{{ range 500000 }}}}{{{{ if $v0 }}}}{{{{ end }}}}{{{{ end }}}}"),
    ] {
        let error = output(&template, &options).unwrap_err();
        let start: String = template.chars().take(60).collect();
        assert_eq!(error.kind(), ErrorKind::Limit, "{start}: {error}");
    }
}
