use super::*;
use serde_json::json;

const TWO: &str = "\
app: shop
env: staging
namespace: shop
chart: {name: app}
values: {replicas: 1, image: {tag: '1'}}
---
app: 'shop-{{ .BRANCH }}'
env: production
namespace: shop
chart: {name: app}
";

fn args(text: &str) -> (tempfile::TempDir, ManifestArgs) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    std::fs::write(&path, text).unwrap();
    let var = vec!["BRANCH=main".to_owned()];
    (folder, ManifestArgs { file: Some(path), var, ..ManifestArgs::default() })
}

#[test]
fn a_file_of_many_is_narrowed_by_app_or_environment() {
    let (_folder, args) = args(TWO);
    let error = args.choose().unwrap_err().styled();
    assert!(error.contains("shop -e staging, shop-main -e production"), "{error}");
    let by_env = ManifestArgs { environment: Some("production".into()), ..args.clone() };
    let chosen = by_env.choose().unwrap();
    assert_eq!((chosen.app.as_str(), chosen.environment.as_str()), ("shop-main", "production"));
    assert_eq!(chosen.manifest.app, None);
    let none = ManifestArgs { app: Some("cart".into()), ..args };
    assert_eq!(none.choose().unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn a_file_of_one_needs_no_more_words() {
    let (_folder, args) = args(TWO.split("---").next().unwrap());
    let chosen = args.choose().unwrap();
    assert_eq!((chosen.app.as_str(), chosen.environment.as_str()), ("shop", "staging"));
    let elsewhere = ManifestArgs { environment: Some("qa".into()), ..args };
    assert_eq!(elsewhere.choose().unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn flags_overrule_the_values_of_the_file() {
    let (_folder, args) = args(TWO.split("---").next().unwrap());
    let args = ManifestArgs {
        set: vec!["replicas=3".into()],
        set_string: vec!["build=7".into()],
        image: Some("acme/shop:2".into()),
        ..args
    };
    let values = args.choose().unwrap().manifest.values.unwrap().0;
    let expected =
        json!({"replicas": 3, "build": "7", "image": {"repository": "acme/shop", "tag": "2"}});
    assert_eq!(serde_json::Value::Object(values), expected);
}

#[test]
fn flags_alone_make_a_manifest() {
    let args = ManifestArgs {
        app: Some("shop".into()),
        environment: Some("staging".into()),
        chart: Some("app".into()),
        target_namespace: Some("shop".into()),
        ..ManifestArgs::default()
    };
    let manifest = args.choose().unwrap().manifest;
    assert_eq!(manifest.chart.unwrap().name, "app");
    let nowhere = ManifestArgs { target_namespace: None, ..args.clone() };
    assert!(nowhere.choose().unwrap_err().styled().contains("--target-namespace"));
    let nothing = ManifestArgs { chart: None, ..args };
    assert!(nothing.choose().unwrap_err().styled().contains("-f FILE"));
}

#[test]
fn a_missing_variable_of_a_name_is_named() {
    let (_folder, args) = args(TWO);
    let error = ManifestArgs { var: Vec::new(), ..args }.choose().unwrap_err().styled();
    assert!(error.contains("BRANCH") && error.contains("--var"), "{error}");
}

#[test]
fn names_that_are_no_names_are_refused_before_anything_is_sent() {
    let (_folder, args) = args("app: Shop\nenv: staging\nnamespace: x\nchart: {name: app}\n");
    assert_eq!(args.choose().unwrap_err().kind(), Kind::Usage);
}

#[test]
fn a_chart_on_this_machine_cannot_be_sent() {
    let with = |name: &str, repository: Option<&str>| DeployManifest {
        chart: Some(Chart {
            name: name.into(),
            repository: repository.map(str::to_owned),
            ..Chart::default()
        }),
        ..DeployManifest::default()
    };
    for local in ["./chart", "charts/shop", "shop.tgz"] {
        let error = refuse_local(&with(local, None)).unwrap_err().styled();
        assert!(error.contains("gimlet manifest render"), "{error}");
    }
    refuse_local(&with("app", None)).unwrap();
    refuse_local(&with("shop", Some("https://charts.example.com"))).unwrap();
    refuse_local(&with("{{ .CHART }}", None)).unwrap();
}
