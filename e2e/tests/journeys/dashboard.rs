//! The dashboard's server in front of a real API server, for people with and without rights.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{SinkExt, StreamExt};
use gimlet_crds::Release;
use gimlet_e2e::{ControlPlane, Dashboard, control_plane};
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Makes an account with a role of the shipped ones, or with none, and gives a token of it.
pub(crate) fn account(
    cluster: &ControlPlane,
    ns: &str,
    name: &str,
    role: Option<&str>,
) -> Result<String> {
    cluster.kubectl(["create", "serviceaccount", name, "-n", ns])?;
    if let Some(role) = role {
        let role = format!("--clusterrole={role}");
        let subject = format!("--serviceaccount={ns}:{name}");
        cluster.kubectl(["create", "rolebinding", name, "-n", ns, &role, &subject])?;
    }
    cluster.token(ns, name)
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn release(ns: &str, name: &str) -> Value {
    json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"name": name, "namespace": ns},
        "spec": {"app": "shop", "environment": "prod", "reason": "try",
                 "rollbackTo": {"commit": "abcdef1"}}
    })
}

/// Signs somebody in as a page does, and gives the cookie.
pub(crate) fn sign_in(dashboard: &Dashboard, token: &str) -> Result<String> {
    let origin = dashboard.origin();
    let body = json!({"token": token});
    let answer = dashboard.ask("POST", "/api/v1/session", &[("Origin", &origin)], Some(&body))?;
    ensure!(answer.status == 204, "{answer:?}");
    answer.cookie()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_to_the_dashboard_and_only_its_own_pages_write() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("door").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let token = account(&cluster, ns, "ada", Some("gimlet-releaser"))?;
    let origin = dashboard.origin();

    let page = dashboard.ask("GET", "/apps/of/a/page", &[], None)?;
    assert_eq!(page.status, 200, "{page:?}");
    let policy = page.header("content-security-policy").context("no policy")?;
    assert!(policy.contains("'nonce-") && policy.contains("frame-ancestors 'none'"), "{policy}");

    let wrong = json!({"token": "not.a.token"});
    let answer = dashboard.ask("POST", "/api/v1/session", &[("Origin", &origin)], Some(&wrong))?;
    assert_eq!((answer.status, &answer.body["reason"]), (401, &json!("Unauthorized")));
    let right = json!({"token": token});
    let elsewhere = [("Origin", "https://evil.example.com")];
    let answer = dashboard.ask("POST", "/api/v1/session", &elsewhere, Some(&right))?;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(dashboard.ask("GET", "/api/v1/me", &[], None)?.status, 401);

    let cookie = sign_in(&dashboard, &token)?;
    let mine = [("Cookie", cookie.as_str())];
    let me = dashboard.ask("GET", "/api/v1/me", &mine, None)?;
    assert_eq!(me.body["user"], json!(format!("system:serviceaccount:{ns}:ada")), "{me:?}");
    assert!(me.body["expires"].is_string(), "{me:?}");

    let collection = format!("/apis/gimlet.io/v1alpha1/namespaces/{ns}/releases");
    let body = release(ns, "one");
    for (from, expected) in [(None, 403), (Some("https://evil.example.com"), 403)] {
        let mut headers = mine.to_vec();
        headers.extend(from.map(|from| ("Origin", from)));
        let answer = dashboard.ask("POST", &collection, &headers, Some(&body))?;
        assert_eq!(answer.status, expected, "from {from:?}: {answer:?}");
    }
    let headers = [mine[0], ("Origin", origin.as_str())];
    let made = dashboard.ask("POST", &collection, &headers, Some(&body))?;
    assert_eq!(made.status, 201, "{made:?}");
    let creator = &made.body["metadata"]["annotations"]["gimlet.io/created-by"];
    assert_eq!(creator, &json!(format!("system:serviceaccount:{ns}:ada")), "{made:?}");

    let out = dashboard.ask("DELETE", "/api/v1/session", &headers, None)?;
    assert_eq!(out.status, 204, "{out:?}");
    assert_eq!(dashboard.ask("GET", "/api/v1/me", &mine, None)?.status, 401);
    assert!(!dashboard.log().contains(&token), "the token is in the log");
    let metrics = dashboard.probe("/metrics")?.body.to_string();
    assert!(metrics.contains("gimlet_http_requests_total"), "{metrics}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_lets_nobody_do_more_than_they_may() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("denied").await?;
    let ns = namespace.name();
    let viewer = account(&cluster, ns, "viewer", Some("gimlet-viewer"))?;
    let stranger = account(&cluster, ns, "stranger", None)?;
    let admin = account(&cluster, ns, "boss", Some("admin"))?;
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let as_viewer = bearer(&viewer);
    let as_stranger = bearer(&stranger);
    let as_admin = bearer(&admin);
    let collection = format!("/apis/gimlet.io/v1alpha1/namespaces/{ns}/releases");
    let overview = format!("/api/v1/overview?namespace={ns}");

    let seen = dashboard.ask("GET", &overview, &[("Authorization", &as_viewer)], None)?;
    assert_eq!((seen.status, &seen.body["rows"]), (200, &json!([])), "{seen:?}");
    let denied = dashboard.ask("GET", &overview, &[("Authorization", &as_stranger)], None)?;
    assert_eq!((denied.status, &denied.body["reason"]), (403, &json!("Forbidden")), "{denied:?}");
    let body = release(ns, "two");
    let written =
        dashboard.ask("POST", &collection, &[("Authorization", &as_viewer)], Some(&body))?;
    assert_eq!(written.status, 403, "{written:?}");
    let pretends =
        [("Authorization", as_stranger.as_str()), ("Impersonate-User", "kubernetes-admin")];
    assert_eq!(dashboard.ask("GET", &collection, &pretends, None)?.status, 403);

    let questions = json!([
        {"verb": "list", "resource": "apps", "namespace": ns},
        {"verb": "create", "resource": "releases", "namespace": ns},
    ]);
    let as_viewer = [("Authorization", as_viewer.as_str())];
    let rights = dashboard.ask("POST", "/api/v1/rights", &as_viewer, Some(&questions))?;
    assert_eq!(rights.body[0]["allowed"], json!(true), "{rights:?}");
    assert_eq!(rights.body[1]["allowed"], json!(false), "{rights:?}");
    let text = rights.body[1]["text"].as_str().context("no text")?;
    assert!(text.starts_with(&format!("needs `create releases` in namespace `{ns}`")), "{text}");

    for path in [
        format!("/api/v1/namespaces/{ns}/secrets"),
        format!("/apis/apps/v1/namespaces/{ns}/deployments"),
        format!("/apis/gimlet.io/..%2f..%2fapi/v1/namespaces/{ns}/secrets"),
    ] {
        let answer = dashboard.ask("GET", &path, &[("Authorization", &as_admin)], None)?;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    let namespaces =
        dashboard.ask("GET", &format!("/api/v1/namespaces?namespace={ns}"), &as_viewer, None)?;
    assert_eq!(namespaces.body, json!({"namespaces": [ns]}), "{namespaces:?}");
    let views = dashboard.ask("GET", "/api/v1/views/namespaces", &as_viewer, None)?;
    assert_eq!((views.status, &views.body["reason"]), (501, &json!("NoViews")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_that_only_shows_refuses_every_write() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("shows").await?;
    let ns = namespace.name();
    let token = bearer(&account(&cluster, ns, "ada", Some("gimlet-releaser"))?);
    let dashboard = Dashboard::start(&cluster, ns, &["--read-only"]).await?;
    let headers = [("Authorization", token.as_str())];
    let collection = format!("/apis/gimlet.io/v1alpha1/namespaces/{ns}/releases");
    let one = format!("{collection}/one");
    for (method, path) in [("POST", &collection), ("PATCH", &one), ("PUT", &one), ("DELETE", &one)]
    {
        let answer = dashboard.ask(method, path, &headers, Some(&release(ns, "one")))?;
        assert_eq!((answer.status, &answer.body["reason"]), (403, &json!("ReadOnly")), "{method}");
    }
    assert_eq!(dashboard.ask("GET", &collection, &headers, None)?.status, 200);

    // Neither does it make what an environment needs, for somebody who may.
    let boss = bearer(&account(&cluster, ns, "boss", Some("admin"))?);
    let credentials = json!({
        "namespace": ns, "name": "qa-gitops", "environment": "qa",
        "credentials": {"kind": "Token", "username": "git", "token": "hunter2"},
    });
    let namespace = json!({"name": format!("{ns}-more")});
    for (path, body) in [("/api/v1/credentials", credentials), ("/api/v1/namespaces", namespace)] {
        let answer = dashboard.ask("POST", path, &[("Authorization", &boss)], Some(&body))?;
        assert_eq!((answer.status, &answer.body["reason"]), (403, &json!("ReadOnly")), "{path}");
    }
    let secrets = cluster.kubectl(["get", "secrets", "-n", ns, "-o", "name"])?;
    assert!(!secrets.contains("qa-gitops"), "{secrets}");
    let config = dashboard.ask("GET", "/api/v1/config", &[], None)?;
    assert_eq!((&config.body["readOnly"], &config.body["oidc"]), (&json!(true), &Value::Null));
    Ok(())
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn connect(
    dashboard: &Dashboard,
    headers: &[(&'static str, &str)],
) -> Result<Socket, Error> {
    let mut request = dashboard.live().into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse()?);
    }
    Ok(connect_async(request).await?.0)
}

pub(crate) async fn say(socket: &mut Socket, said: &Value) -> Result<()> {
    Ok(socket.send(Message::text(said.to_string())).await?)
}

/// Gives the next frame that is about something.
pub(crate) async fn hear(socket: &mut Socket) -> Result<Value> {
    loop {
        let message =
            tokio::time::timeout(SOON, socket.next()).await?.context("it is closed")??;
        if let Message::Text(text) = message {
            let frame: Value = serde_json::from_str(&text)?;
            if frame["op"] != "ping" {
                return Ok(frame);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_elsewhere_is_live_on_the_dashboard_for_those_who_may_see_it() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("live").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let cookie = sign_in(&dashboard, &account(&cluster, ns, "viewer", Some("gimlet-viewer"))?)?;
    let origin = dashboard.origin();

    for from in [None, Some("https://evil.example.com")] {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(from.map(|from| ("origin", from)));
        match connect(&dashboard, &headers).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 403, "from {from:?}"),
            other => panic!("from {from:?}: {other:?}"),
        }
    }
    let mut page = connect(&dashboard, &[("cookie", &cookie), ("origin", &origin)]).await?;
    let overview = json!({"kind": "overview", "namespace": ns});
    say(&mut page, &json!({"op": "sub", "id": "all", "scope": overview})).await?;
    let first = hear(&mut page).await?;
    assert_eq!((&first["sub"], &first["snapshot"]), (&json!("all"), &json!([])), "{first}");
    let scope = json!({"kind": "release", "namespace": ns, "name": "elsewhere"});
    say(&mut page, &json!({"op": "sub", "id": "one", "scope": scope})).await?;
    assert_eq!(hear(&mut page).await?["snapshot"], json!([]));

    let releases: Api<Release> = Api::namespaced(cluster.client().await?, ns);
    let made: Release = serde_json::from_value(release(ns, "elsewhere"))?;
    releases.create(&PostParams::default(), &made).await?;
    let mut told = Vec::new();
    while told.len() < 2 {
        let frame = hear(&mut page).await?;
        let told_of = |key: String| {
            let mut all = frame["upserts"].as_array().into_iter().flatten();
            all.find(|upsert| upsert["key"] == json!(key)).cloned()
        };
        if frame["sub"] == "one" {
            let upsert = told_of(format!("release:{ns}/elsewhere")).context("no release")?;
            assert_eq!(upsert["value"]["kind"], "Release", "{frame}");
            assert_eq!(upsert["value"]["spec"]["reason"], "try", "{frame}");
        } else {
            let upsert = told_of(format!("rel:{ns}/elsewhere")).context("no release")?;
            assert_eq!(upsert["value"]["word"], "Progressing", "{frame}");
            assert_eq!(upsert["value"]["kind"], "rollback", "{frame}");
            let row = told_of(format!("row:{ns}/shop")).context("no row")?;
            assert_eq!(row["value"]["cells"]["prod"]["pending"], "elsewhere", "{frame}");
        }
        told.push(frame);
    }
    cluster.kubectl(["delete", "releases.gimlet.io", "elsewhere", "-n", ns])?;
    let mut gone = Vec::new();
    while gone.len() < 2 {
        gone.extend(hear(&mut page).await?["deletes"].as_array().cloned().unwrap_or_default());
        gone.retain(|key| key != &json!(format!("row:{ns}/shop")));
    }
    assert!(gone.contains(&json!(format!("rel:{ns}/elsewhere"))), "{gone:?}");

    let stranger = bearer(&account(&cluster, ns, "stranger", None)?);
    let mut page = connect(&dashboard, &[("authorization", &stranger)]).await?;
    say(&mut page, &json!({"op": "sub", "id": "all", "scope": overview})).await?;
    let refused = hear(&mut page).await?;
    assert_eq!(refused["error"]["status"], 403, "{refused}");
    Ok(())
}
