//! The operator's views of git, read by people with and without rights.

use anyhow::{Context, Result};
use gimlet_crds::Phase;
use gimlet_e2e::Stage;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::release::commit;

/// Asks for a view, and gives the status and the answer.
fn ask(stage: &Stage, token: Option<&str>, path: &str) -> Result<(u16, Value)> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let mut request = agent.get(format!("{}{path}", stage.operator.views_url()));
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut response = request.call()?;
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string()?;
    let body = serde_json::from_str(&text).with_context(|| format!("{status}: {text}"))?;
    Ok((status, body))
}

/// Makes an account with a role of the shipped ones, or with none, and gives a token of it.
fn account(stage: &Stage, name: &str, role: Option<&str>) -> Result<String> {
    let namespace = stage.namespace.name();
    stage.cluster.kubectl(["create", "serviceaccount", name, "-n", namespace])?;
    if let Some(role) = role {
        let role = format!("--clusterrole={role}");
        let subject = format!("--serviceaccount={namespace}:{name}");
        stage.cluster.kubectl(["create", "rolebinding", name, "-n", namespace, &role, &subject])?;
    }
    stage.cluster.token(namespace, name)
}

#[tokio::test(flavor = "multi_thread")]
async fn views_show_git_to_those_who_may_read_the_objects() -> Result<()> {
    let stage = Stage::open_with("views", json!({"render": {"allowSecrets": true}})).await?;
    let viewer = account(&stage, "viewer", Some("gimlet-viewer"))?;
    let stranger = account(&stage, "stranger", None)?;
    let secret = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData: {{key: {value}}}\n"
        )
    };
    let mut commits = Vec::new();
    for (tag, value) in [("1", "hidden-one"), ("2", "hidden-two")] {
        let mut manifest = stage.web(tag);
        manifest["manifests"] = json!(secret(value));
        let spec = json!({"manifest": manifest, "requestedBy": "ada", "version": {"name": tag}});
        let release = stage.create("web", spec).await?;
        commits.push(commit(&stage.ended(&release.name_any()).await?)?.to_owned());
    }
    let ns = stage.namespace.name();
    let env = format!("/namespaces/{ns}/environments/staging");

    let (status, page) = ask(&stage, Some(&viewer), &format!("{env}/history?app=web&limit=1"))?;
    assert_eq!(status, 200, "{page}");
    assert_eq!(page["items"][0]["commit"], json!(commits[1]));
    assert_eq!(page["items"][0]["requestedBy"], "ada");
    assert_eq!(page["next"], json!(commits[1]));
    let rest = format!("{env}/history?app=web&limit=1&before={}", commits[1]);
    let (_, page) = ask(&stage, Some(&viewer), &rest)?;
    assert_eq!((&page["items"][0]["commit"], &page["next"]), (&json!(commits[0]), &Value::Null));
    let (_, all) = ask(&stage, Some(&viewer), &format!("{env}/history"))?;
    assert!(all["items"].as_array().is_some_and(|items| items.len() >= 2), "{all}");

    let (_, files) = ask(&stage, Some(&viewer), &format!("{env}/apps/web/files"))?;
    assert!(files.to_string().contains("example/web:2"), "{files}");
    let (_, old) =
        ask(&stage, Some(&viewer), &format!("{env}/apps/web/files?commit={}", commits[0]))?;
    assert!(old.to_string().contains("example/web:1"), "{old}");
    let diff = format!("{env}/apps/web/diff?from={}&to={}", commits[0], commits[1]);
    let (_, diff) = ask(&stage, Some(&viewer), &diff)?;
    assert_eq!((&diff["added"], &diff["changed"]), (&json!(0), &json!(3)), "{diff}");
    for told in [&files, &diff] {
        assert!(!told.to_string().contains("hidden-"), "{told}");
    }

    stage.change_environment("staging", json!({"lock": {"reason": "freeze"}})).await?;
    stage.environment_until("staging", "is locked", |env| env.spec.lock.is_some()).await?;
    let waits = stage.release("web", stage.web("3")).await?;
    stage.phase(&waits.name_any(), Phase::Waiting).await?;
    let plan = format!("/namespaces/{ns}/releases/{}/plan", waits.name_any());
    let (status, plan) = ask(&stage, Some(&viewer), &plan)?;
    assert_eq!(status, 200, "{plan}");
    assert_eq!(plan["difference"]["removed"], 1, "{plan}");
    let files = plan["difference"]["files"].as_array().context("no files")?;
    let of_deployment = files.iter().find(|file| file["name"] == "deployment-web.yaml");
    let text = of_deployment.and_then(|file| file["diff"].as_str()).context("no deployment")?;
    assert!(
        text.contains("-        image: example/web:2\n") || text.contains("example/web:3"),
        "{text}"
    );

    for (token, path, expected, reason) in [
        (None, format!("{env}/history"), 401, "Unauthorized"),
        (Some("not a token"), format!("{env}/history"), 401, "Unauthorized"),
        (Some(stranger.as_str()), format!("{env}/history"), 403, "Forbidden"),
        (Some(&stranger), format!("{env}/apps/web/files"), 403, "Forbidden"),
        (
            Some(&viewer),
            "/namespaces/default/environments/staging/history".into(),
            403,
            "Forbidden",
        ),
        (Some(&viewer), format!("/namespaces/{ns}/environments/nowhere/history"), 404, "NotFound"),
        (Some(&viewer), format!("{env}/history?before=xyz"), 400, "BadRequest"),
        (Some(&viewer), format!("{env}/history?wrong=1"), 400, "BadRequest"),
        (Some(&viewer), format!("{env}/apps/..%2F..%2Fflux/files"), 422, "InvalidName"),
    ] {
        let (status, problem) = ask(&stage, token, &path)?;
        assert_eq!(
            (status, problem["reason"].as_str()),
            (expected, Some(reason)),
            "{path}: {problem}"
        );
    }
    let (status, api) = ask(&stage, None, "/openapi.json")?;
    assert_eq!((status, &api["info"]["title"]), (200, &json!("Gimlet views")));
    stage.end().await
}
