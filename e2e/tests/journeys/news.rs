//! What pages are told at once: commits of repositories, artifacts, what becomes of changes, and what people were refused.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gimlet_crds::{ConfigChange, Repository};
use gimlet_e2e::{ControlPlane, Dashboard, control_plane};
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::dashboard::{Socket, connect, hear, say};

/// How long a page may take to hear of something.
const AT_ONCE: Duration = Duration::from_secs(2);

fn person(cluster: &ControlPlane, ns: &str, name: &str, role: Option<&str>) -> Result<String> {
    cluster.kubectl(["create", "serviceaccount", name, "-n", ns])?;
    if let Some(role) = role {
        let role = format!("--clusterrole={role}");
        let subject = format!("--serviceaccount={ns}:{name}");
        cluster.kubectl(["create", "rolebinding", name, "-n", ns, &role, &subject])?;
    }
    Ok(format!("Bearer {}", cluster.token(ns, name)?))
}

/// Opens a page that follows something, and gives it once it was told what there is.
async fn page(dashboard: &Dashboard, token: &str, scope: &Value) -> Result<(Socket, Value)> {
    let mut page = connect(dashboard, &[("authorization", token)]).await?;
    say(&mut page, &json!({"op": "sub", "id": "it", "scope": scope})).await?;
    let first = hear(&mut page).await?;
    Ok((page, first))
}

/// Waits for the value of a key that fits, and tells how long that took.
async fn told(
    page: &mut Socket,
    prefix: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Result<(Value, Duration)> {
    let begun = Instant::now();
    loop {
        let frame = hear(page).await.with_context(|| format!("waiting for {prefix}"))?;
        let upserts = frame["upserts"].as_array().into_iter().flatten();
        let mut its = upserts
            .filter(|entry| entry["key"].as_str().is_some_and(|key| key.starts_with(prefix)));
        if let Some(found) = its.find(|entry| wanted(&entry["value"])) {
            return Ok((found["value"].clone(), begun.elapsed()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_commits_hears_at_once_of_commits_and_artifacts_made_elsewhere() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("news").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let viewer = person(&cluster, ns, "viewer", Some("gimlet-viewer"))?;
    let client = cluster.client().await?;
    let repositories: Api<Repository> = Api::namespaced(client, ns);
    let repository: Repository = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "web"},
        "spec": {"url": "https://git.example.com/acme/web"},
    }))?;
    repositories.create(&PostParams::default(), &repository).await?;
    let scope = json!({"kind": "repository", "namespace": ns, "name": "web"});
    let (mut page, first) = page(&dashboard, &viewer, &scope).await?;
    let told_first = first["snapshot"].as_array().context("no snapshot")?;
    let before = told_first.iter().find(|entry| entry["key"] == json!(format!("news:{ns}")));
    let before = before.context("nothing is told of artifacts")?["value"].clone();

    // What the operator writes once a webhook or a look told it of a commit.
    let head = json!({"status": {"head": {"branch": "main", "commit": "c".repeat(40), "short": "ccccccc"}}});
    repositories.patch_status("web", &PatchParams::default(), &Patch::Merge(head)).await?;
    let key = format!("repository:{ns}/web");
    let (value, took) =
        told(&mut page, &key, |value| value["status"]["head"]["short"] == json!("ccccccc")).await?;
    ensure!(took < AT_ONCE, "it took {took:?}: {value}");
    let all = json!({"kind": "repositories", "namespace": ns});
    say(&mut page, &json!({"op": "sub", "id": "all", "scope": all})).await?;
    let listed = hear(&mut page).await?;
    assert_eq!(listed["snapshot"][0]["key"], json!(key), "{listed}");

    cluster.apply(
        &json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
            "metadata": {"name": "web-1", "namespace": ns},
            "spec": {"version": {"repository": "acme/web", "sha": "c".repeat(40), "branch": "main"},
                     "manifests": [{"path": ".gimlet/web.yaml", "content": "app: web"}]},
        })
        .to_string(),
    )?;
    let (_, took) = told(&mut page, "news:", |value| *value != before).await?;
    ensure!(took < AT_ONCE, "it took {took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sent_a_change_of_a_file_hears_at_once_what_becomes_of_it() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("sent").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let viewer = person(&cluster, ns, "viewer", Some("gimlet-viewer"))?;
    let client = cluster.client().await?;
    let changes: Api<ConfigChange> = Api::namespaced(client, ns);
    let change: ConfigChange = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange", "metadata": {"name": "web-1"},
        "spec": {"repository": "web", "path": ".gimlet/web.yaml", "content": "app: web", "message": "m"},
    }))?;
    changes.create(&PostParams::default(), &change).await?;
    let scope = json!({"kind": "configchange", "namespace": ns, "name": "web-1"});
    let (mut page, first) = page(&dashboard, &viewer, &scope).await?;
    ensure!(!first.to_string().contains("app: web"), "the text of the file is pushed: {first}");

    let merged = json!({"status": {"phase": "Committed", "commit": {"sha": "c".repeat(40)}}});
    changes.patch_status("web-1", &PatchParams::default(), &Patch::Merge(merged)).await?;
    let key = format!("change:{ns}/web-1");
    let (value, took) =
        told(&mut page, &key, |value| value["status"]["phase"] == json!("Committed")).await?;
    ensure!(took < AT_ONCE, "it took {took:?}: {value}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_is_refused_is_told_to_those_who_see_the_releases_there() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("refused").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let viewer = person(&cluster, ns, "viewer", Some("gimlet-viewer"))?;
    let stranger = person(&cluster, ns, "stranger", None)?;
    let scope = json!({"kind": "denials", "namespace": ns});
    let (mut page, first) = page(&dashboard, &viewer, &scope).await?;
    assert_eq!(first["snapshot"], json!([]), "{first}");

    let release = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"generateName": "web.prod-"},
        "spec": {"app": "web", "environment": "prod", "reason": "try", "rollbackTo": {"commit": "abcdef1"}},
    });
    let all = format!("/apis/gimlet.io/v1alpha1/namespaces/{ns}/releases");
    let as_viewer = [("Authorization", viewer.as_str())];
    let as_stranger = [("Authorization", stranger.as_str())];
    let answer = dashboard.ask("POST", &all, &as_viewer, Some(&release))?;
    // The API server's own answer is passed on as it is.
    assert_eq!((answer.status, &answer.body["kind"]), (403, &json!("Status")), "{answer:?}");
    let user = format!("system:serviceaccount:{ns}:viewer");
    let (denial, took) = told(&mut page, "denied:", |value| value["user"] == json!(user)).await?;
    ensure!(took < AT_ONCE, "it took {took:?}");
    assert_eq!(denial["what"], "create releases", "{denial}");
    assert_eq!((&denial["app"], &denial["environment"]), (&json!("web"), &json!("prod")));
    assert_eq!(denial["why"], answer.body["message"], "{denial}");

    // Looking is no attempt, and another person's is one of its own.
    assert_eq!(dashboard.ask("GET", &all, &as_stranger, None)?.status, 403);
    assert_eq!(dashboard.ask("POST", &all, &as_stranger, Some(&release))?.status, 403);
    let other = format!("system:serviceaccount:{ns}:stranger");
    told(&mut page, "denied:", |value| value["user"] == json!(other)).await?;
    let path = format!("/api/v1/denials?namespace={ns}");
    let listed = dashboard.ask("GET", &path, &as_viewer, None)?;
    let users: Vec<_> = listed.body["items"].as_array().context("no list")?.iter().collect();
    assert_eq!(users.len(), 2, "{listed:?}");
    assert_eq!(users[0]["user"], json!(other), "the newest is not the first");
    let listed = dashboard.ask("GET", &path, &as_stranger, None)?;
    assert_eq!(listed.body["items"], json!([]), "who sees no releases sees nothing: {listed:?}");
    Ok(())
}
