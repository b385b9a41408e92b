use std::fs;

use super::*;

#[test]
fn the_built_in_chart_is_fetched_without_any_host() {
    let fetcher = Fetcher::new(Options { allowed_hosts: Some(Vec::new()), ..Options::default() });
    let chart = fetcher.fetch(&Source::BuiltIn, &Access::default()).unwrap();
    assert_eq!((chart.chart.name(), chart.version.as_str()), ("app", crate::built_in_version()));
    assert!(chart.chart.values_schema().is_some());
    let again = Fetcher::new(Options::default()).fetch(&Source::BuiltIn, &Access::default());
    assert_eq!(again.unwrap().digest, chart.digest);
}

#[test]
fn what_a_program_says_last_is_kept_unless_a_person_wants_otherwise() {
    let fetched = Fetcher::new(Options::default()).fetch(&Source::BuiltIn, &Access::default());
    let chart = fetched.unwrap().chart;
    let policy = |container: serde_json::Value| {
        let image = serde_json::json!({"repository": "shop", "tag": "1"});
        let values = serde_json::json!({"image": image, "container": container});
        let found = gimlet_helm::render(&chart, &values, &gimlet_helm::RenderOptions::default());
        let all = found.unwrap().manifests;
        let mut lines = all.iter().flat_map(|manifest| manifest.content.lines());
        lines.find_map(|line| Some(line.split_once("MessagePolicy: ")?.1.to_owned()))
    };
    assert_eq!(policy(serde_json::json!({})).as_deref(), Some("FallbackToLogsOnError"));
    let file = serde_json::json!({"terminationMessagePolicy": "File"});
    assert_eq!(policy(file).as_deref(), Some("File"));
}

#[test]
fn a_local_folder_is_read_with_the_charts_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("common/Chart.yaml", "apiVersion: v2\nname: common\nversion: 0.1.0\n");
    let shop = |repository: &str| {
        format!(
            "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- {{name: common, version: \
             0.1.0, repository: '{repository}'}}\n"
        )
    };
    write("shop/Chart.yaml", &shop("file://../common"));
    let cache = tempfile::tempdir().unwrap();
    let source = source("shop", dir.path());
    let fetched = fetcher(cache.path()).fetch(&source, &Access::default()).unwrap();
    assert!(fetched.chart.missing_dependencies().is_empty());
    for outside in ["file:///etc", "file://../../../../../../etc", "", "@stable"] {
        write("shop/Chart.yaml", &shop(outside));
        let error = fetcher(cache.path()).fetch(&source, &Access::default()).unwrap_err();
        assert_eq!(error.reason(), "InvalidChart", "{outside}");
    }
}

#[test]
fn a_local_archive_is_read_and_refused_where_nothing_local_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = archive("shop", "1.0.0", &[]);
    fs::write(dir.path().join("shop.tgz"), &bytes).unwrap();
    let source = source("shop.tgz", dir.path());
    let fetched = fetcher(dir.path()).fetch(&source, &Access::default()).unwrap();
    assert_eq!(fetched.digest, sha256(&bytes));
    let error = Fetcher::new(Options::default()).fetch(&source, &Access::default()).unwrap_err();
    assert_eq!(error.reason(), "LocalRefused");
}

#[test]
fn a_missing_folder_says_how_to_name_a_chart_in_a_repository() {
    let dir = tempfile::tempdir().unwrap();
    let error = fetcher(dir.path()).fetch(&source("onechart", dir.path()), &Access::default());
    assert!(error.unwrap_err().to_string().contains("set chart.repository"));
}
