//! The operator's views of git, read by people with and without rights.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{ArtifactEvent, Phase, Repository as GimletRepository, condition};
use gimlet_e2e::{Operator, Stage, gitea, wait_until};
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::release::commit;
use crate::repositories::{artifact_of, manifest, watch_repository};

const SOON: Duration = Duration::from_mins(1);

/// Asks for a view, and gives the status and the answer.
fn ask(stage: &Stage, token: Option<&str>, path: &str) -> Result<(u16, Value)> {
    ask_of(&stage.operator, token, path)
}

/// Asks one replica for a view.
fn ask_of(operator: &Operator, token: Option<&str>, path: &str) -> Result<(u16, Value)> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let mut request = agent.get(format!("{}{path}", operator.views_url()));
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

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_shows_the_same_and_the_next_leader_goes_on() -> Result<()> {
    let mut stage = Stage::open("follow").await?;
    let viewer = account(&stage, "viewer", Some("gimlet-viewer"))?;
    let stranger = account(&stage, "stranger", None)?;
    let first = stage.release("web", stage.web("1")).await?;
    let first = commit(&stage.ended(&first.name_any()).await?)?.to_owned();
    let other = stage.operator.replica().await?;
    assert!(!other.log().contains("leading"), "two lead at once");
    let env = format!("/namespaces/{}/environments/staging", stage.namespace.name());
    let history = format!("{env}/history?app=web");
    let newest = |operator: &Operator| -> Result<Value> {
        let (status, page) = ask_of(operator, Some(&viewer), &history)?;
        ensure!(status == 200, "{status}: {page}");
        Ok(page["items"][0]["commit"].clone())
    };
    assert_eq!(newest(&other)?, json!(first));
    assert_eq!(ask_of(&other, Some(&stranger), &history)?.0, 403);

    // What the leader pushes is soon seen by who only reads, caches and git alike.
    let second = stage.release("web", stage.web("2")).await?;
    let second = stage.ended(&second.name_any()).await?;
    let commit = commit(&second)?.to_owned();
    wait_until("the other replica's history", SOON, async || {
        let found = newest(&other)?;
        ensure!(found == json!(commit), "{found}");
        Ok(())
    })
    .await?;
    stage.change_environment("staging", json!({"lock": {"reason": "freeze"}})).await?;
    stage.environment_until("staging", "is locked", |env| env.spec.lock.is_some()).await?;
    let waits = stage.release("web", stage.web("3")).await?;
    stage.phase(&waits.name_any(), Phase::Waiting).await?;
    let plan = format!("/namespaces/{}/releases/{}/plan", &*stage.namespace, waits.name_any());
    wait_until("the other replica's plan", SOON, async || {
        let (status, plan) = ask_of(&other, Some(&viewer), &plan)?;
        ensure!(status == 200 && plan.to_string().contains("example/web:3"), "{status}: {plan}");
        Ok(())
    })
    .await?;
    assert!(!other.log().contains("leading"), "it only read");

    // It takes over without a moment in which nobody answers.
    stage.operator.kill()?;
    wait_until("the other replica leads", SOON, async || {
        assert_eq!(newest(&other)?, json!(commit));
        ensure!(other.log().contains("leading"), "it waits");
        Ok(())
    })
    .await?;
    stage.change_environment("staging", json!({"lock": null})).await?;
    stage.ended(&waits.name_any()).await?;
    assert_ne!(newest(&other)?, json!(commit));
    stage.end().await
}

#[expect(clippy::too_many_lines, reason = "one story: each part needs what came before")]
#[tokio::test(flavor = "multi_thread")]
async fn views_of_a_repository_show_what_is_built_and_where_it_runs() -> Result<()> {
    let stage = Stage::open("source").await?;
    let viewer = account(&stage, "viewer", Some("gimlet-viewer"))?;
    let stranger = account(&stage, "stranger", None)?;
    let ns = stage.namespace.name();
    // Who may read repositories and nothing else.
    let only =
        ["create", "role", "only", "-n", ns, "--verb=get", "--resource=repositories.gimlet.io"];
    stage.cluster.kubectl(only)?;
    let reader = account(&stage, "reader", None)?;
    let subject = format!("--serviceaccount={ns}:reader");
    stage.cluster.kubectl([
        "create",
        "rolebinding",
        "reader",
        "-n",
        ns,
        "--role=only",
        &subject,
    ])?;

    let source = gitea()?.repository("views-app")?;
    let text = manifest(&stage, "web", "  event: push\n  branch: main\n");
    let released = source.write("main", ".gimlet/web.yaml", &text)?;
    watch_repository(&stage, &source, "5s").await?;
    artifact_of(&stage, &released, ArtifactEvent::Push).await?;
    stage
        .app_until("web", "knows the commit", |app| {
            let current = app.status.as_ref().and_then(|status| status.current.as_ref());
            current.is_some_and(|current| current.source.as_deref() == Some(&released))
        })
        .await?;
    let branch = json!({"new_branch_name": "feature/x", "old_branch_name": "main"});
    source.api("POST", "/branches", Some(&branch))?;
    source.api("POST", "/tags", Some(&json!({"tag_name": "v1.0.0", "target": released})))?;
    let change = source.write("feature/x", "README.md", "a change\n")?;
    let request = json!({"title": "a change", "head": "feature/x", "base": "main"});
    source.api("POST", "/pulls", Some(&request))?;
    let check = json!({"context": "ci", "state": "failure", "description": "1 test failed"});
    source.api("POST", &format!("/statuses/{released}"), Some(&check))?;
    // The same repository, of which only git is spoken.
    let object: GimletRepository = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "plain"},
        "spec": {"url": source.http_url, "secretRef": {"name": "gitops"}, "interval": "1h"},
    }))?;
    let api: Api<GimletRepository> = Api::namespaced(stage.client.clone(), &stage.namespace);
    api.create(&PostParams::default(), &object).await?;
    wait_until("the plain repository is read", SOON, async || {
        let status = api.get("plain").await?.status.unwrap_or_default();
        ensure!(condition::is_true(&status.conditions, condition::READY), "{status:?}");
        Ok(())
    })
    .await?;

    let other = stage.operator.replica().await?;
    let mut late = 0;
    for (operator, name) in
        [(&stage.operator, "shop"), (&stage.operator, "plain"), (&other, "shop"), (&other, "plain")]
    {
        let base = format!("/namespaces/{ns}/repositories/{name}");
        let get = |path: &str| -> Result<Value> {
            let (status, body) = ask_of(operator, Some(&viewer), &format!("{base}{path}"))?;
            ensure!(status == 200, "{name}{path}: {status}: {body}");
            Ok(body)
        };
        let branches = get("/branches")?;
        let all = branches["items"].as_array().context("no branches")?;
        let of = |name: &str| all.iter().find(|branch| branch["name"] == name).cloned();
        assert_eq!(of("main").context("no main")?["commit"], json!(released), "{branches}");
        assert_eq!(of("feature/x").context("no feature")?["commit"], json!(change));
        let pushed = |list: &Value| {
            list.as_array().is_some_and(|list| list.iter().any(|made| made["event"] == "Push"))
        };
        let tags = get("/tags")?;
        let tag = &tags["items"][0];
        assert_eq!((&tag["name"], &tag["commit"]), (&json!("v1.0.0"), &json!(released)), "{tags}");
        assert!(
            pushed(&tag["artifacts"]) && tag["time"].is_string() == (name == "plain"),
            "{tags}"
        );

        let page = get("/commits?branch=feature/x&limit=1&statuses=true")?;
        assert_eq!(page["items"][0]["commit"], json!(change), "{page}");
        assert_eq!(page["items"][0]["deployments"], json!([]));
        let next = page["next"].as_str().context("there are more")?;
        let page = get(&format!("/commits?limit=1&statuses=true&cursor={next}"))?;
        let shown = &page["items"][0];
        assert_eq!(shown["commit"], json!(released), "{page}");
        let place = &shown["deployments"][0];
        assert_eq!((&place["environment"], &place["app"]), (&json!("staging"), &json!("web")));
        assert!(pushed(&shown["artifacts"]), "{page}");
        let statuses = get(&format!("/commits/{released}/statuses"))?;
        let requests = get("/pull-requests")?;
        if name == "shop" {
            let failed = |list: &Value| {
                let list = list.as_array().cloned().unwrap_or_default();
                list.iter().any(|check| check["context"] == "ci" && check["state"] == "Failure")
            };
            assert!(failed(&shown["statuses"]), "{page}");
            assert!(failed(&statuses["items"]), "{statuses}");
            assert_eq!(of("main").context("no main")?["default"], true);
            let request = &requests["items"][0];
            assert_eq!(
                (&request["branch"], &request["commit"]),
                (&json!("feature/x"), &json!(change))
            );
            assert_eq!(
                (&request["targetBranch"], &request["fromFork"]),
                (&json!("main"), &json!(false))
            );
        } else {
            for told in [&page, &statuses, &requests] {
                assert!(told["incomplete"].is_string(), "{told}");
            }
        }

        let files = get("/files?branch=main")?;
        assert_eq!(files["commit"], json!(released));
        let file = &files["files"][0];
        assert_eq!((&file["path"], &file["content"]), (&json!(".gimlet/web.yaml"), &json!(text)));
        let blob =
            source.checkout()?.git(["rev-parse", &format!("{released}:.gimlet/web.yaml")])?;
        assert_eq!(file["blob"], json!(blob));
        let of_commit = get(&format!("/files?commit={change}"))?;
        assert_eq!(of_commit["files"], files["files"]);
        // What was pushed a moment ago is found, although the copy was asked for a moment ago too.
        late += 1;
        let branch = format!("late/{late}");
        let new = json!({"new_branch_name": branch, "old_branch_name": "main"});
        source.api("POST", "/branches", Some(&new))?;
        assert_eq!(get(&format!("/files?branch={branch}"))?["commit"], json!(released));
        let commit = source.write(&branch, "LATE.md", "late\n")?;
        assert_eq!(get(&format!("/files?commit={commit}"))?["commit"], json!(commit));

        let few = ask_of(operator, Some(&reader), &format!("{base}/commits"))?;
        assert_eq!(few.0, 200, "{}", few.1);
        let few = &few.1["items"][0];
        assert!(few["deployments"].is_null() && few["artifacts"].is_null(), "{few}");
        let (_, few) = ask_of(operator, Some(&reader), &format!("{base}/tags"))?;
        assert!(few["items"][0]["name"].is_string() && few["items"][0]["artifacts"].is_null());
        for (token, path, expected, reason) in [
            (None, "/branches".to_owned(), 401, "Unauthorized"),
            (Some(&stranger), "/commits".to_owned(), 403, "Forbidden"),
            (Some(&viewer), "/commits?cursor=main.1.0".to_owned(), 400, "BadRequest"),
            (Some(&viewer), "/commits?branch=nowhere".to_owned(), 404, "NotFound"),
            (Some(&viewer), format!("/files?commit={}", "1".repeat(40)), 404, "NotFound"),
            (Some(&viewer), "/files?commit=HEAD".to_owned(), 400, "BadRequest"),
            (Some(&viewer), "/branches?wrong=1".to_owned(), 400, "BadRequest"),
            (Some(&stranger), "/tags".to_owned(), 403, "Forbidden"),
            (Some(&viewer), "/tags?cursor=last".to_owned(), 400, "BadRequest"),
        ] {
            let (status, problem) =
                ask_of(operator, token.map(String::as_str), &format!("{base}{path}"))?;
            let told = (status, problem["reason"].as_str());
            assert_eq!(told, (expected, Some(reason)), "{name}{path}: {problem}");
        }
    }
    let nowhere = format!("/namespaces/{ns}/repositories/nowhere/branches");
    assert_eq!(ask(&stage, Some(&viewer), &nowhere)?.0, 404);
    stage.end().await
}
