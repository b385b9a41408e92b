use super::*;
use insta::assert_snapshot;
use serde_json::json;

fn report() -> Report {
    let plan = json!({"digest": "d", "tree": "t", "added": 1, "changed": 1, "removed": 0,
        "objects": ["+ ConfigMap/shop", "~ Deployment/shop"], "warnings": ["it has no limits"]});
    Report {
        artifact: "shop-1f0c2a9b3d".into(),
        version: "9f3c1a2".into(),
        phase: "Failed".into(),
        manifests: vec![
            ManifestReport {
                manifest: ".gimlet/shop.yaml".into(),
                place: Some(("shop".into(), "staging".into())),
                became: "Healthy".into(),
                why: "event push, branch main matched".into(),
                release: Some("shop.staging-1".into()),
                commit: Some(("4e1f09c".into(), Some("https://git.example.com/c/4e1f09c".into()))),
                plan: Some(serde_json::from_value(plan).unwrap()),
                ..ManifestReport::default()
            },
            ManifestReport {
                manifest: ".gimlet/a,b.yaml#2".into(),
                became: "Invalid".into(),
                why: "line 3 column 5: `chrat` | no such key\n<script>".into(),
                wrong: true,
                ..ManifestReport::default()
            },
        ],
    }
}

#[test]
fn a_summary_is_a_table_and_the_plans() {
    assert_snapshot!(report().summary());
}

#[test]
fn outputs_are_one_line_each() {
    let mut report = report();
    report.phase = "Failed\nartifact=evil".into();
    assert_snapshot!(report.outputs(), @r"
    artifact=shop-1f0c2a9b3d
    release=shop.staging-1
    commit=4e1f09c
    phase=Failed artifact=evil
    url=https://git.example.com/c/4e1f09c
    ");
    assert!(report.dotenv().starts_with("GIMLET_ARTIFACT=shop-1f0c2a9b3d\nGIMLET_RELEASE="));
}

#[test]
fn what_is_wrong_is_marked_at_its_line() {
    assert_snapshot!(report().marks(), @"::error file=.gimlet/a%2Cb.yaml,line=3,title=Gimlet::line 3 column 5: `chrat` | no such key%0A<script>");
}

#[test]
fn only_a_ci_that_reads_them_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).to_string_lossy().into_owned();
    let (output, summary) = (text("output"), text("summary"));
    let env = Environment::from([
        ("GITHUB_OUTPUT", output.as_str()),
        ("GITHUB_STEP_SUMMARY", summary.as_str()),
    ]);
    let elsewhere = Outputs::find(Provider::GitLab, &env, Some(&path("dotenv")));
    elsewhere.tell(&report()).unwrap();
    assert!(!elsewhere.marks);
    assert!(!path("output").exists() && path("dotenv").exists());
    let here = Outputs::find(Provider::GitHub, &env, None);
    here.tell(&report()).unwrap();
    assert!(here.marks && path("output").exists() && path("summary").exists());
}
