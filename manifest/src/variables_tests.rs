use super::*;
use serde_json::json;

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with_values(values: Value) -> DeployManifest {
    let Value::Object(values) = values else { panic!("values are a map") };
    DeployManifest {
        namespace: "ns".into(),
        values: Some(Values(values)),
        ..DeployManifest::default()
    }
}

fn with_manifests(text: &str) -> DeployManifest {
    DeployManifest {
        namespace: "ns".into(),
        manifests: Some(text.into()),
        ..DeployManifest::default()
    }
}

fn values(input: Value, pairs: &[(&str, &str)]) -> Result<Value, VarsError> {
    let resolved = resolve(&with_values(input), &vars(pairs))?;
    Ok(Value::Object(resolved.values.unwrap().0))
}

fn documents(text: &str, pairs: &[(&str, &str)]) -> Vec<Value> {
    let resolved = resolve(&with_manifests(text), &vars(pairs)).unwrap();
    yaml::documents(&resolved.manifests.unwrap()).unwrap()
}

#[test]
fn every_field_is_resolved() {
    let field = || "{{ .X }}-y".to_owned();
    let manifest = DeployManifest {
        app: Some(field()),
        env: Some(field()),
        namespace: field(),
        chart: Some(Chart {
            repository: Some(field()),
            name: field(),
            version: Some(field()),
            hook_policy: None,
        }),
        values: Some(Values(json!({"{{ .X }}": ["{{ .X }}", 1]}).as_object().unwrap().clone())),
        strategic_merge_patches: Some("a: {{ .X }}\n".into()),
        json6902_patches: vec![Json6902Patch {
            patch: "- {{ .X }}\n".into(),
            target: PatchTarget {
                group: Some(field()),
                version: Some(field()),
                kind: field(),
                name: Some(field()),
                namespace: Some(field()),
            },
        }],
        manifests: Some("{{ .X }}: \"{{ .X }}\"\n".into()),
    };
    let resolved = resolve(&manifest, &vars(&[("X", "v")])).unwrap();
    let text = serde_json::to_string(&resolved).unwrap();
    assert!(!text.contains("{{"), "{text}");
    assert_eq!(text.matches("v-y").count(), 11, "{text}");
    assert_eq!(resolved.values.unwrap().0, *json!({"v": ["v", 1]}).as_object().unwrap());
    assert_eq!(resolved.manifests.unwrap(), "v: v\n");
}

#[test]
fn a_missing_variable_is_named_with_its_place() {
    let error = values(json!({"image": {"tag": "{{ .SAH }}"}}), &[("SHA", "1")]).unwrap_err();
    let expected = "values.image.tag uses the variable SAH, which is not set; did you mean SHA?";
    assert_eq!(error.to_string(), expected);
    let error = values(json!({"a": [{"b": "x {{ .NOPE }}"}]}), &[]).unwrap_err();
    assert_eq!(error.to_string(), "values.a[0].b uses the variable NOPE, which is not set");
    let manifest = with_manifests("a: 1\n---\nmetadata: {name: \"{{ .NOPE }}\"}\n");
    let error = resolve(&manifest, &Vars::new()).unwrap_err();
    let expected = "manifests[1].metadata.name uses the variable NOPE, which is not set";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn variables_refer_to_each_other() {
    let pairs = [("A", "{{ .B }}-a"), ("B", "{{ .C | upper }}"), ("C", "c")];
    assert_eq!(values(json!({"v": "{{ .A }}"}), &pairs).unwrap(), json!({"v": "C-a"}));
}

#[test]
fn a_circle_of_variables_is_refused() {
    let pairs = [("A", "{{ .B }}"), ("B", "{{ .C }}"), ("C", "{{ .B }}")];
    let error = values(json!({"v": "{{ .A }}"}), &pairs).unwrap_err();
    assert_eq!(error.to_string(), "the variables refer to each other in a circle: B -> C -> B");
}

#[test]
fn a_faulty_variable_that_nobody_uses_does_not_matter() {
    let pairs = [("MESSAGE", "fix {{ .Values.x }} and {{ end"), ("SHA", "1")];
    assert_eq!(values(json!({"v": "{{ .SHA }}"}), &pairs).unwrap(), json!({"v": "1"}));
    assert!(values(json!({"v": "{{ .MESSAGE }}"}), &pairs).is_err());
}

#[test]
fn variables_named_like_fields_do_not_collide() {
    let pairs = [("app", "evil"), ("env", "evil"), ("namespace", "evil")];
    let resolved = resolve(&with_values(json!({"v": "{{ .app }}"})), &vars(&pairs)).unwrap();
    assert_eq!(resolved.namespace, "ns");
    assert_eq!(resolved.app, None);
}

#[test]
fn the_process_environment_is_out_of_reach() {
    for expression in ["{{ env \"PATH\" }}", "{{ expandenv \"$PATH\" }}"] {
        let error = values(json!({"v": expression}), &[]).unwrap_err();
        assert!(error.to_string().contains("not defined"), "{error}");
    }
}

#[test]
fn a_leaf_that_is_one_expression_stays_a_string() {
    let pairs = [("N", "3"), ("B", "true")];
    let resolved = values(json!({"n": "{{ .N }}", "b": "{{ .B }}"}), &pairs).unwrap();
    assert_eq!(resolved, json!({"n": "3", "b": "true"}));
}

#[test]
fn a_value_cannot_change_the_structure() {
    let evil = "x\"\nkind: Secret\n---\na: {b: [c";
    let text = "kind: A\nname: {{ .X }}\nquoted: \"{{ .X }}\"\nlist: [{{ .X }}, b]\n";
    let expected = json!({"kind": "A", "name": evil, "quoted": evil, "list": [evil, "b"]});
    assert_eq!(documents(text, &[("X", evil)]), [expected]);
    assert_eq!(values(json!({"v": "{{ .X }}"}), &[("X", evil)]).unwrap(), json!({"v": evil}));
}

#[test]
fn an_unquoted_number_in_raw_yaml_stays_a_number() {
    let text = "replicas: {{ .N }}\nquoted: \"{{ .N }}\"\non: {{ .B }}\ntag: v{{ .N }}\n";
    let expected = json!({"replicas": 3, "quoted": "3", "true": true, "tag": "v3"});
    assert_eq!(documents(text, &[("N", "3"), ("B", "true")]), [expected]);
}

#[test]
fn blocks_inside_of_a_leaf_work() {
    let text = "data:\n  a: |\n    {{ if eq .X \"1\" }}one{{ else }}many{{ end }}\n    {{ .X }}\n";
    assert_eq!(documents(text, &[("X", "1")]), [json!({"data": {"a": "one\n1\n"}})]);
}

#[test]
fn expressions_that_make_yaml_are_refused() {
    let manifest = with_manifests("a: 1\n{{ if .X }}\nb: 2\n{{ end }}\n");
    let error = resolve(&manifest, &vars(&[("X", "1")])).unwrap_err();
    assert!(error.to_string().contains("cannot make lines of YAML"), "{error}");
}

#[test]
fn keys_that_become_the_same_are_refused() {
    let error = values(json!({"a": {"{{ .X }}": 1, "k": 2}}), &[("X", "k")]).unwrap_err();
    assert_eq!(error.to_string(), "values.a has the key \"k\" twice once its variables are put in");
}

#[test]
fn a_text_without_expressions_is_left_alone() {
    let text = "# comment\na:   1\n";
    let resolved = resolve(&with_manifests(text), &Vars::new()).unwrap();
    assert_eq!(resolved.manifests.unwrap(), text);
}

#[test]
fn names_are_made_dns_labels() {
    for (text, name) in
        [("feature/Login_Page", "feature-login-page"), ("--a--", "a"), ("ä", ""), ("a..b", "a-b")]
    {
        assert_eq!(sanitize_dns_name(text), name, "{text:?}");
    }
    let long = sanitize_dns_name(&format!("{}/{}", "a".repeat(52), "b".repeat(20)));
    assert_eq!(long, "a".repeat(52));
    let value = values(json!({"v": "{{ .B | sanitizeDNSName }}"}), &[("B", "A/B")]).unwrap();
    assert_eq!(value, json!({"v": "a-b"}));
}
