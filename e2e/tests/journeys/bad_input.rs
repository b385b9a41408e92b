//! Input that is wrong or hostile: it is refused with a reason, and stops nothing else.

use anyhow::{Context, Result};
use gimlet_crds::{BlockerKind, Environment, Phase, Release};
use gimlet_e2e::{Stage, gitea};
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::faults::{once, ready};

/// A manifest that fails, the reason, and texts that the message has.
struct Bad {
    app: &'static str,
    manifest: Value,
    reason: &'static str,
    says: &'static [&'static str],
}

fn raw(stage: &Stage, object: &Value) -> Value {
    json!({"namespace": stage.namespace.name(), "manifests": object.to_string()})
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

fn with(mut manifest: Value, pointer: &str, value: Value) -> Value {
    if let Some(place) = manifest.pointer_mut(pointer) {
        *place = value;
    }
    manifest
}

fn bad_manifests(stage: &Stage) -> Vec<Bad> {
    let bad = |app, manifest, reason, says| Bad { app, manifest, reason, says };
    let web = || stage.web("1");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    vec![
        bad(
            "schema",
            with(web(), "/values/port", json!("eighty")),
            "ChartFailed",
            &["port", "chart app"],
        ),
        bad(
            "unknown-value",
            with(web(), "/values", json!({"imag": {"tag": "1"}})),
            "ChartFailed",
            &["imag"],
        ),
        bad("variable", stage.web("{{ .TAGG }}"), "MissingVariable", &["TAGG", "values.image.tag"]),
        bad("template", stage.web("{{ .TAG"), "InvalidTemplate", &["values.image.tag"]),
        bad(
            "chart",
            with(web(), "/chart", json!({"name": "no-such-chart"})),
            "InvalidChart",
            &["manifest.chart", "no-such-chart"],
        ),
        bad(
            "local-chart",
            with(web(), "/chart", json!({"name": "x", "repository": "file:///etc"})),
            "InvalidChart",
            &["file:///etc"],
        ),
        bad(
            "other-host",
            with(
                web(),
                "/chart",
                json!({"name": "x", "repository": "https://elsewhere.example.com"}),
            ),
            "HostNotAllowed",
            &["elsewhere.example.com", "allowed chart hosts"],
        ),
        bad("secret", raw(stage, &secret), "SecretRefused", &["Secret", "allowSecrets"]),
        bad("climbing", raw(stage, &config_map("../../../evil")), "InvalidObject", &["evil"]),
        bad(
            "twice",
            raw(
                stage,
                &json!({
                    "apiVersion": "v1", "kind": "List", "items": [config_map("a"), config_map("a")],
                }),
            ),
            "DuplicateObject",
            &["ConfigMap", "twice"],
        ),
        bad(
            "empty",
            json!({"namespace": stage.namespace.name(), "manifests": "# nothing\n"}),
            "NothingRendered",
            &["at least one object"],
        ),
        bad(
            "no-yaml",
            json!({"namespace": stage.namespace.name(), "manifests": "a: [b"}),
            "InvalidObject",
            &["manifests"],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_manifest_that_is_wrong_fails_with_a_reason_and_stops_no_other() -> Result<()> {
    let hosts = json!({"render": {"chartHosts": ["charts.example.com"]}});
    let stage = Stage::open_with("bad", hosts).await?;
    let bad = bad_manifests(&stage);
    let mut releases = Vec::new();
    for bad in &bad {
        releases.push(stage.release(bad.app, bad.manifest.clone()).await?);
    }
    let good = stage.release("web", stage.web("1")).await?;
    once(&stage, &good).await?;
    let mut wrong = Vec::new();
    for (bad, release) in bad.iter().zip(&releases) {
        let ended = stage.ended(&release.name_any()).await?;
        let phase = ended.status.as_ref().map(|status| status.phase);
        let (reason, message) = ready(&ended);
        let told = bad.says.iter().all(|text| message.contains(text));
        if phase != Some(Phase::Failed) || reason != bad.reason || !told {
            let app = bad.app;
            wrong.push(format!(
                "{app}: {phase:?} {reason}: {message}; not {}, {:?}",
                bad.reason, bad.says
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files = stage.files()?;
    let ours = |path: &String| {
        ["staging/web/", "staging/flux/"].iter().any(|folder| path.starts_with(folder))
    };
    let others: Vec<&String> = files.keys().filter(|path| !ours(path)).collect();
    assert!(others.is_empty(), "git has {others:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_chart_host_does_not_answer_waits_and_says_so() -> Result<()> {
    let stage = Stage::open("chart").await?;
    let chart = json!({"name": "shop", "repository": "https://127.0.0.1:1/charts"});
    let release = stage.release("shop", with(stage.web("1"), "/chart", chart)).await?;
    let waiting = stage
        .until(&release.name_any(), "says that the chart cannot be had", |release| {
            ready(release).0 == "Unreachable"
        })
        .await?;
    let status = waiting.status.clone().context("it has a status")?;
    assert_eq!(status.phase, Phase::Waiting);
    assert_eq!(status.blocked_by.first().map(|b| b.kind), Some(BlockerKind::Chart));
    assert!(ready(&waiting).1.contains("127.0.0.1:1"), "{}", ready(&waiting).1);
    let metadata = json!({"name": "shop", "repository": "https://169.254.169.254/charts"});
    let metadata = stage.release("curious", with(stage.web("1"), "/chart", metadata)).await?;
    let metadata = stage.phase(&metadata.name_any(), Phase::Failed).await?;
    assert_eq!(ready(&metadata).0, "AddressRefused", "{}", ready(&metadata).1);
    let good = stage.release("web", stage.web("1")).await?;
    once(&stage, &good).await?;
    // A newer release of the app is not held up by the one that waits.
    let newer = stage.release("shop", stage.web("1")).await?;
    once(&stage, &newer).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_that_eats_its_budget_fails_its_own_release_only() -> Result<()> {
    let mut stage = Stage::open("greedy").await?;
    // What one rendering may take, far below what the engine itself allows a chart.
    let budget = ["--render-memory", "64", "--render-seconds", "20"];
    stage.operator.stop().await?;
    stage.operator.restart_with(&budget).await?;
    let charts = gitea()?.empty_repository("charts")?;
    charts.write("main", "greedy/Chart.yaml", "apiVersion: v2\nname: greedy\nversion: 0.1.0\n")?;
    charts.write(
        "main",
        "greedy/templates/all.yaml",
        "{{ $l := list }}{{ range 600 }}{{ $l = append $l (repeat 1000000 \"x\") }}{{ end }}",
    )?;
    let host = charts.http_url.split('/').nth(2).and_then(|host| host.split(':').next());
    let secret = json!({"host": host, "secretRef": {"name": "gitops"}});
    stage.change_environment("staging", json!({"render": {"chartSecrets": [secret]}})).await?;
    let chart = json!({"name": format!("{}?path=/greedy&branch=main", charts.http_url)});
    let manifest = json!({"namespace": stage.namespace.name(), "chart": chart});
    let greedy = stage.release("greedy", manifest).await?;
    let good = stage.release("web", stage.web("1")).await?;
    let failed = stage.phase(&greedy.name_any(), Phase::Failed).await?;
    let (reason, message) = ready(&failed);
    assert_eq!(reason, "RenderBudgetExceeded", "{message}");
    assert!(message.contains("64 MiB of memory"), "{message}");
    once(&stage, &good).await?;
    assert!(stage.operator.is_running()?, "only the worker ended");
    stage.end().await
}

fn refused<T>(result: kube::Result<T>, what: &str) -> String {
    match result {
        Ok(_) => format!("{what} was taken"),
        Err(kube::Error::Api(status)) if status.is_invalid() => String::new(),
        Err(error) => format!("{what} was refused in another way: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_paths_that_could_leave_a_folder_are_refused_at_the_door() -> Result<()> {
    let stage = Stage::bare("hostile").await?;
    let (releases, environments) = (stage.releases(), stage.environments());
    let params = PostParams::default();
    let long = "x".repeat(54);
    let mut taken = Vec::new();
    for name in ["..", "../x", "a/b", ".git", "A", "-a", "a-", "a b", "a\nb", "", "ä", &long] {
        for (app, environment) in [(name, "staging"), ("web", name)] {
            let release: Release = serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
                "metadata": {"generateName": "hostile-"},
                "spec": {"app": app, "environment": environment, "manifest": stage.web("1")},
            }))?;
            let what = format!("app {app:?} in {environment:?}");
            taken.push(refused(releases.create(&params, &release).await, &what));
        }
    }
    let flux: Release = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"generateName": "hostile-"},
        "spec": {"app": "flux", "environment": "staging", "manifest": stage.web("1")},
    }))?;
    taken.push(refused(releases.create(&params, &flux).await, "app flux"));
    let url = &stage.repository.http_url;
    for (key, value) in [
        ("path", "../other"),
        ("path", "/etc"),
        ("path", "a/../../b"),
        ("path", ".git/hooks"),
        ("path", "a//b"),
        ("path", "a/"),
        ("branch", "../main"),
        ("branch", "--upload-pack=x"),
        ("branch", "a b"),
        ("url", "file:///etc"),
        ("url", "/etc/passwd"),
        ("url", "ext::sh -c x"),
        ("url", "--upload-pack=x"),
        ("url", "https://user:token@git.example.com/a/b.git"),
    ] {
        let mut gitops = json!({"url": url});
        gitops[key] = value.into();
        let environment: Environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "hostile"}, "spec": {"gitops": gitops},
        }))?;
        let what = format!("{key} {value:?}");
        taken.push(refused(environments.create(&params, &environment).await, &what));
    }
    taken.retain(|problem| !problem.is_empty());
    assert!(taken.is_empty(), "{}", taken.join("\n"));
    Ok(())
}
