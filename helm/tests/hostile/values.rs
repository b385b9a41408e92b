//! Values, YAML texts and schemas that are traps.

use std::fmt::Write as _;

use gimlet_helm::{Chart, ChartError, ErrorKind, RenderError, RenderOptions, render, yaml};
use serde_json::{Value as Json, json};

use super::file;

fn checked(schema: &Json, values: &Json) -> RenderError {
    let chart = Chart::from_files(vec![
        file("Chart.yaml", "name: demo\nversion: 0.1.0\n"),
        file("values.schema.json", &schema.to_string()),
    ])
    .unwrap();
    render(&chart, values, &RenderOptions::default()).unwrap_err()
}

#[test]
fn an_alias_bomb_in_the_values_is_refused() {
    let mut values = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(values, "a{level}: &a{level} [{aliases}]");
    }
    let loaded = Chart::from_files(vec![
        file("Chart.yaml", "name: demo\nversion: 0.1.0\n"),
        file("values.yaml", &values),
    ]);
    assert!(matches!(loaded, Err(ChartError::Yaml { .. })));
}

#[test]
fn a_long_text_is_not_repeated_by_aliases() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), "*a, ".repeat(1000));
    assert!(yaml::from_str(&text).unwrap_err().to_string().contains("excessive aliasing"));
    let anchors: String = (0..200).fold(String::new(), |mut text, level| {
        let _ = write!(text, "&a{level} [");
        text
    });
    let nested = format!("{anchors}{}{}", "x,".repeat(50_000), "]".repeat(200));
    assert!(yaml::from_str(&nested).unwrap_err().to_string().contains("excessive aliasing"));
}

#[test]
fn yaml_has_limits_on_nodes_and_depth() {
    let many = format!("[{}]", "0,".repeat(1_000_001));
    assert!(yaml::from_str(&many).unwrap_err().to_string().contains("limit of 1000000 nodes"));
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        let deep = format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
        let error = yaml::from_str(&deep).unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    let mut level = String::from("a0: &a0 [1]\n");
    for n in 1..1000 {
        let _ = writeln!(level, "a{n}: &a{n} [*a{}]", n - 1);
    }
    assert!(yaml::from_str(&level).unwrap_err().to_string().contains("max depth"));
}

#[test]
fn schemas_that_take_for_ever_are_refused() {
    let mut defs = serde_json::Map::new();
    for level in 0..60 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        defs.insert(format!("d{level}"), json!({"allOf": [next, next]}));
    }
    defs.insert("d60".to_owned(), json!(true));
    let patterns: serde_json::Map<_, _> =
        (0..10_000).map(|n| (format!("^{n}"), json!({"type": "string"}))).collect();
    let keys: Json = (0..10_000).map(|n| (n.to_string(), json!(1))).collect();
    for (schema, values) in [
        (json!({"$defs": defs, "$ref": "#/$defs/d0"}), json!({})),
        (json!({"$ref": "#"}), json!({})),
        (json!({"anyOf": [{"$ref": "#"}, {"not": {"$ref": "#"}}]}), json!({})),
        (json!({"patternProperties": patterns}), keys),
        (
            json!({"properties": {"a": {"items": {"enum": vec![json!([1]); 20_000]}}}}),
            json!({"a": vec![json!([2]); 20_000]}),
        ),
    ] {
        let error = checked(&schema, &values);
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        assert!(error.to_string().contains("limit of"), "{error}");
    }
}

#[test]
fn patterns_of_a_schema_do_not_backtrack_for_ever() {
    let text = "a".repeat(5000);
    for pattern in ["^(a+)+$b", "^(?=(a+)+b)c", "(a|aa)+$(?<!b)c", "(.*)\\1(.*)\\2x"] {
        let schema = json!({"properties": {"a": {"pattern": pattern}}});
        let error = checked(&schema, &json!({ "a": text }));
        assert_eq!(error.kind(), ErrorKind::Values, "{pattern}: {error}");
    }
}

#[test]
fn the_list_of_violations_is_bounded() {
    let schema = json!({"properties": {"a": {"items": {"maxLength": 1}}}});
    let error = checked(&schema, &json!({"a": vec!["x".repeat(1000); 1000]}));
    assert_eq!(error.kind(), ErrorKind::Values);
    assert!(error.to_string().len() < 200_000, "{}", error.to_string().len());
    assert!(error.to_string().contains("and more"));
}

#[test]
fn a_schema_never_reads_files_or_the_network() {
    for target in ["file:///etc/hostname", "http://127.0.0.1:9/schema.json"] {
        let error = checked(&json!({ "$ref": target }), &json!({}));
        assert_eq!(error.kind(), ErrorKind::Values, "{target}");
    }
}

fn named(name: &str, alias: usize) -> String {
    (0..alias).fold(String::from("dependencies:\n"), |mut text, n| {
        let _ = writeln!(text, "- {{name: {name}, version: '*', alias: a{n}}}");
        text
    })
}

#[test]
fn aliases_are_counted_with_the_charts_below() {
    let mut files = Vec::new();
    let mut path = String::new();
    for level in 0..8 {
        let below = if level == 0 { named("c1", 200) } else { String::new() };
        let text = format!("name: c{level}\nversion: 0.1.0\n{below}");
        files.push(file(&format!("{path}Chart.yaml"), &text));
        let _ = write!(path, "charts/c{}/", level + 1);
    }
    let chart = Chart::from_files(files).unwrap();
    let error = render(&chart, &json!({}), &RenderOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("limit of 1000 subcharts"), "{error}");
}

#[test]
fn large_values_of_many_charts_share_one_limit() {
    let values: String = (0..100_000).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "k{n}: {{}}");
        text
    });
    let chart = Chart::from_files(vec![
        file("Chart.yaml", &format!("name: demo\nversion: 0.1.0\n{}", named("c", 300))),
        file("values.yaml", &values),
        file("charts/c/Chart.yaml", &format!("name: c\nversion: 0.1.0\n{}", named("d", 1))),
        file("charts/c/charts/d/Chart.yaml", "name: d\nversion: 0.1.0\n"),
    ])
    .unwrap();
    let error = render(&chart, &json!({}), &RenderOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[test]
fn dependencies_and_paths_are_bounded() {
    let many = format!("name: demo\nversion: 0.1.0\n{}", named("c", 1001));
    let error = Chart::from_files(vec![file("Chart.yaml", &many)]).unwrap_err();
    assert!(error.to_string().contains("limit of 1000 dependencies"), "{error}");
    let path = vec!["a"; 100_000].join(".");
    let import = format!(
        "name: demo\nversion: 0.1.0\ndependencies:\n- name: c\n  import-values:\n\
         \x20 - {{child: d, parent: {path}}}\n  - {{child: d, parent: {path}}}\n"
    );
    let chart = Chart::from_files(vec![
        file("Chart.yaml", &import),
        file("charts/c/Chart.yaml", "name: c\nversion: 0.1.0\n"),
        file("charts/c/values.yaml", "d: {e: 1}\n"),
    ])
    .unwrap();
    let error = render(&chart, &json!({}), &RenderOptions::default()).unwrap_err();
    assert!(error.to_string().contains("limit of 100 elements"), "{error}");
}

#[test]
fn warnings_are_bounded() {
    let conditions = "c.x,".repeat(5000);
    let chart = Chart::from_files(vec![
        file(
            "Chart.yaml",
            &format!("name: demo\nversion: 0.1.0\ndependencies:\n- {{name: c, version: '*', condition: '{conditions}'}}\n"),
        ),
        file("charts/c/Chart.yaml", "name: c\nversion: 0.1.0\n"),
        file("charts/c/values.yaml", "x: 1\n"),
    ])
    .unwrap();
    let found = render(&chart, &json!({}), &RenderOptions::default()).unwrap();
    assert!((1..=101).contains(&found.warnings.len()), "{}", found.warnings.len());
}
