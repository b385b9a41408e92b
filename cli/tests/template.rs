//! `gimlet template` side by side with `helm template`.
//!
//! The stored outputs are helm's: where `GIMLET_HELM` names a helm program, every case is given to it
//! too, and has to come out with the same bytes.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use insta::assert_snapshot;

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn gimlet(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gimlet"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIMLET_") {
            command.env_remove(name);
        }
    }
    command.current_dir(here()).arg("template").args(args).output().unwrap()
}

/// What helm answers, where there is one.
fn helm(args: &[&str]) -> Option<Output> {
    let program = std::env::var_os("GIMLET_HELM")?;
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.current_dir(here()).env("HOME", home.path()).env_remove("KUBECONFIG");
    Some(command.arg("template").args(args).output().unwrap())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Returns what is printed, which has to be what helm prints.
fn rendered(args: &[&str]) -> String {
    let found = gimlet(args);
    assert!(found.status.success(), "{args:?}: {}", text(&found.stderr));
    if let Some(expected) = helm(args) {
        assert!(expected.status.success(), "helm {args:?}: {}", text(&expected.stderr));
        assert_eq!(text(&found.stdout), text(&expected.stdout), "{args:?}");
    }
    text(&found.stdout)
}

/// Returns the exit code and what is said; helm has to say the first line too.
fn refused(args: &[&str]) -> String {
    let found = gimlet(args);
    assert!(!found.status.success(), "{args:?} is not refused: {}", text(&found.stdout));
    let said = text(&found.stderr);
    if let Some(expected) = helm(args) {
        assert!(!expected.status.success(), "helm takes {args:?}");
        let line = said.lines().next().unwrap().trim_start_matches("error: ");
        let helm_said = text(&expected.stderr);
        assert!(helm_said.contains(line), "{args:?}\nhelm: {helm_said}\nours: {said}");
    }
    format!("exit code {}\n{said}", found.status.code().unwrap())
}

/// Returns what is said about flags that only Gimlet refuses.
fn refused_here(args: &[&str]) -> String {
    let found = gimlet(args);
    assert!(!found.status.success(), "{args:?} is not refused");
    format!("exit code {}\n{}", found.status.code().unwrap(), text(&found.stderr))
}

const SHOP: &str = "charts/shop";
const VERSION: &str = "--kube-version=1.33.2";

#[test]
fn switches_take_true_and_false_as_those_of_helm() {
    assert_eq!(rendered(&[SHOP, VERSION, "--include-crds=false"]), rendered(&[SHOP, VERSION]));
    assert_eq!(
        rendered(&[SHOP, VERSION, "--include-crds=true", "--skip-tests=true"]),
        rendered(&[SHOP, VERSION, "--include-crds", "--skip-tests"])
    );
    rendered(&[SHOP, VERSION, "--validate=false"]);
}

#[test]
fn helm_4_is_another_output() {
    let third = rendered(&[SHOP, VERSION]);
    let found = gimlet(&[SHOP, VERSION, "--helm4"]);
    assert!(found.status.success(), "{}", text(&found.stderr));
    let fourth = text(&found.stdout);
    assert_ne!(third, fourth);
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(lines(&third), lines(&fourth));
}

#[test]
fn a_chart_is_rendered_with_its_defaults() {
    assert_snapshot!(rendered(&[SHOP, VERSION]));
}

#[test]
fn values_come_from_files_and_flags_in_the_order_of_helm() {
    assert_snapshot!(rendered(&[
        "my-shop",
        SHOP,
        VERSION,
        "-n=team",
        "-f=values/one.yaml,values/two.yaml",
        "--set=extra.count=1000000,extra.list[2].deep=x,replicas=3",
        "--set=extra.braces={a,b},extra.gone=null,extra.esc\\.aped=a\\,b",
        "--set-string=extra.text=0123,extra.flag=true",
        "--set-json=extra.json={\"a\":[1,2.5]}",
        "--set-file=extra.file=values/text.txt",
        "--set-literal=extra.literal=a,b=c\\d",
        "-s=templates/facts.yaml",
        "-s=templates/deployment.yaml",
    ]));
}

#[test]
fn facts_of_the_cluster_are_what_the_flags_say() {
    assert_snapshot!(rendered(&[
        "s",
        SHOP,
        "--kube-version=v1.18.4",
        "--is-upgrade",
        "--api-versions=example.com/v1,monitoring.coreos.com/v1",
        "-a=other.example.com/v1",
        "--show-only=templates/facts.yaml",
        "--show-only=templates/service.yaml",
    ]));
}

#[test]
fn definitions_are_shown_when_asked_for() {
    assert_snapshot!(rendered(&[
        SHOP,
        VERSION,
        "--include-crds",
        "--skip-tests",
        "-s=crds/*.yaml"
    ]));
    assert_eq!(
        rendered(&[SHOP, VERSION, "--include-crds", "--skip-crds"]),
        rendered(&[SHOP, VERSION, "--include-crds"])
    );
}

#[test]
fn hooks_and_tests_can_be_left_out() {
    let all = rendered(&[SHOP, VERSION]);
    let no_tests = rendered(&[SHOP, VERSION, "--skip-tests"]);
    let no_hooks = rendered(&[SHOP, VERSION, "--no-hooks"]);
    let has = |text: &str| (text.contains("name: migrate"), text.contains("-probe"));
    assert_eq!(has(&all), (true, true));
    assert_eq!(has(&no_tests), (true, false));
    assert_eq!(has(&no_hooks), (false, false));
}

#[test]
fn templates_are_shown_by_name_or_pattern() {
    assert_snapshot!(rendered(&[
        SHOP,
        VERSION,
        "-s=templates/tests/*",
        "-s=charts/db/templates/service.yaml",
        "-s=templates/hook?.yaml",
    ]));
    assert_snapshot!(refused(&[SHOP, VERSION, "-s=templates/none.yaml"]));
    refused(&[SHOP, VERSION, "--no-hooks", "-s=templates/tests/probe.yaml"]);
}

#[test]
fn a_release_can_be_named_by_a_template() {
    let named = rendered(&[
        SHOP,
        VERSION,
        "--name-template={{ \"SHOP\" | lower }}-{{ add 1 2 }}",
        "-s=charts/db/templates/service.yaml",
    ]);
    assert!(named.contains("name: shop-3-db"), "{named}");
    assert!(rendered(&["-g", SHOP, VERSION]).contains("name: release-name\n"));
    let random = gimlet(&[SHOP, "--name-template=x{{ randAlpha 6 | lower }}"]);
    assert!(random.status.success(), "{}", text(&random.stderr));
    assert_snapshot!(refused(&["a", SHOP, "--name-template=b"]));
    refused(&["a", SHOP, "--generate-name"]);
    assert_snapshot!(refused(&["Shop", SHOP]));
}

#[test]
fn what_helm_refuses_is_refused_with_its_words() {
    let version = gimlet(&[SHOP, "--kube-version=abc"]);
    assert!(text(&version.stderr).contains("invalid kube version 'abc': "));
    refused(&[SHOP, "--set=a[b]=c"]);
    refused(&[SHOP, "--set-json=a={"]);
    refused(&[SHOP, "-f=values/nowhere.yaml"]);
    refused(&[SHOP, "-f=values"]);
    refused(&[SHOP, "--set-file=a=values/nowhere.txt"]);
    refused(&[SHOP, "--set-file=a=values"]);
    refused(&["./nowhere"]);
    refused(&[SHOP, VERSION, "--set=image=x"]);
    let schema = gimlet(&[SHOP, VERSION, "--set=replicas=-1"]);
    assert!(text(&schema.stderr).contains("values don't meet the specifications of the schema"));
    let skipped = ["--set=replicas=-1", "--skip-schema-validation"];
    assert!(rendered(&[&[SHOP, VERSION], &skipped[..]].concat()).contains("replicas: -1"));
}

/// Reads a folder with its folders.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn templates_are_written_to_a_folder_as_helm_does() {
    for more in [&["--include-crds"][..], &["--release-name", "--include-crds"], &["--no-hooks"]] {
        let run = |program: &dyn Fn(&[&str]) -> Option<Output>| {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().to_str().unwrap();
            let dir = format!("--output-dir={out}");
            let output = program(&[&["rel", SHOP, VERSION, &dir], more].concat())?;
            assert!(output.status.success(), "{}", text(&output.stderr));
            Some((text(&output.stdout).replace(out, "OUT"), tree(folder.path())))
        };
        let (said, files) = run(&|args| Some(gimlet(args))).unwrap();
        if let Some(expected) = run(&helm) {
            assert_eq!((&said, &files), (&expected.0, &expected.1), "{more:?}");
        }
        let shown: Vec<String> =
            files.iter().map(|(name, text)| format!("=== {name}\n{text}")).collect();
        assert_snapshot!(format!("folder_{}", more.join("_")), said + &shown.concat());
    }
}

#[test]
fn what_is_drawn_at_random_is_another_each_time_unless_a_seed_is_given() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n");
    write("templates/a.yaml", "a: {{ randAlphaNum 20 }}\n");
    let run = |more: &[&str]| {
        let chart = folder.path().to_str().unwrap();
        text(&gimlet(&[&[chart], more].concat()).stdout)
    };
    assert_ne!(run(&[]), run(&[]));
    assert_eq!(run(&["--seed=x"]), run(&["--seed=x"]));
    assert_ne!(run(&["--seed=x"]), run(&["--seed=y"]));
}

#[test]
fn the_built_in_chart_and_an_archive_are_charts_too() {
    let values = ["--set=image.repository=acme/shop", "--set-string=image.tag=1"];
    let out = gimlet(&[&["web", "app"], &values[..]].concat());
    assert!(text(&out.stdout).contains("# Source: app/templates/"), "{}", text(&out.stderr));
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("shop-1.2.3.tgz");
    let packed = Command::new("tar")
        .args(["czf", archive.to_str().unwrap(), "-C", "charts", "shop"])
        .current_dir(here())
        .status()
        .unwrap();
    assert!(packed.success());
    let from_archive = rendered(&[archive.to_str().unwrap(), VERSION, "--include-crds"]);
    assert_eq!(from_archive, rendered(&[SHOP, VERSION, "--include-crds"]));
}

#[test]
fn dependencies_that_a_folder_lacks_are_fetched_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("parent");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    let write = |path: PathBuf, text: &str| std::fs::write(path, text).unwrap();
    write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies:\n- name: child\n  version: 1.0.0\n  \
         repository: file://../child\n",
    );
    std::fs::create_dir_all(folder.path().join("child/templates")).unwrap();
    write(folder.path().join("child/Chart.yaml"), "apiVersion: v2\nname: child\nversion: 1.0.0\n");
    write(folder.path().join("child/templates/a.yaml"), "a: 1\n");
    let chart = chart.to_str().unwrap();
    let error = refused(&[chart]);
    assert!(error.contains("missing in charts/ directory: child"), "{error}");
    let out = gimlet(&[chart, "--dependency-update"]);
    assert!(text(&out.stdout).contains("parent/charts/child/templates/a.yaml"));
    assert!(!Path::new(chart).join("charts").exists());
}

#[test]
fn what_would_reach_out_is_refused_with_a_way() {
    let cases: [&[&str]; 9] = [
        &["--validate"],
        &["--dry-run=server"],
        &["--enable-dns"],
        &["--post-renderer=./x"],
        &["--password=secret", "--username=me"],
        &["--insecure-skip-tls-verify"],
        &["--verify"],
        &["-f=https://example.com/values.yaml"],
        &["--set-file=a=https://example.com/x"],
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|flags| format!("{}\n{}", flags.join(" "), refused_here(&[&[SHOP], *flags].concat())))
        .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_chart_that_is_not_there_is_told_with_what_could_be_meant() {
    let cases = ["bitnami/nginx", "nginx", "./nginx", "oci://", "https://example.com/charts"];
    let said: Vec<String> =
        cases.iter().map(|chart| format!("{chart}\n{}", refused_here(&[chart]))).collect();
    assert_snapshot!(said.join("\n"));
    let no_password = refused_here(&["x", "--repo=https://example.invalid", "--username=me"]);
    assert!(no_password.contains("GIMLET_CHART_PASSWORD"), "{no_password}");
}

#[test]
fn flags_without_an_effect_are_taken_for_the_sake_of_scripts() {
    let flags = ["--dry-run", "--debug", "--create-namespace", "--timeout=5m", "--wait"];
    let plain = rendered(&[SHOP, VERSION]);
    assert_eq!(text(&gimlet(&[&[SHOP, VERSION], &flags[..]].concat()).stdout), plain);
}
