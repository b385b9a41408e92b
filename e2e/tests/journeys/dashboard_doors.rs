//! The dashboard's own doors to what an environment needs: nobody does more through them than they may.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{ControlPlane, Dashboard, control_plane, unique, wait_until};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::Api;
use serde_json::{Value, json};

use crate::dashboard::{SOON, account, bearer, sign_in};

const CREDENTIALS: &str = "/api/v1/credentials";
const NAMESPACES: &str = "/api/v1/namespaces";
const TOKEN: &str = "hunter2-of-the-host";

/// Orders the Secret `qa-gitops` of an environment.
fn order(ns: &str, token: &str) -> Value {
    json!({
        "namespace": ns, "name": "qa-gitops", "environment": "qa",
        "credentials": {"kind": "Token", "username": "git", "token": token},
    })
}

async fn data_of(
    secrets: &Api<Secret>,
    name: &str,
) -> Result<Option<BTreeMap<String, ByteString>>> {
    Ok(secrets.get_opt(name).await?.map(|secret| secret.data.unwrap_or_default()))
}

/// Makes an account with a role of its own for the whole cluster, and gives the header of its token.
fn with_cluster_role(
    cluster: &ControlPlane,
    ns: &str,
    name: &str,
    role: &str,
    rules: &[&str],
) -> Result<String> {
    let token = account(cluster, ns, name, None)?;
    cluster.kubectl([&["create", "clusterrole", role], rules].concat())?;
    let (of, subject) = (format!("--clusterrole={role}"), format!("--serviceaccount={ns}:{name}"));
    cluster.kubectl(["create", "clusterrolebinding", role, &of, &subject])?;
    Ok(bearer(&token))
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_kept_as_the_caller_and_never_read_or_changed() -> Result<()> {
    let cluster = control_plane()?;
    let (namespace, other) =
        (cluster.namespace("credentials").await?, cluster.namespace("credentials").await?);
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let secrets: Api<Secret> = Api::namespaced(cluster.client().await?, ns);
    let viewer = bearer(&account(&cluster, ns, "viewer", Some("gimlet-viewer"))?);
    let boss = account(&cluster, ns, "boss", Some("admin"))?;
    let as_boss = bearer(&boss);
    let as_viewer = [("Authorization", viewer.as_str())];
    let as_boss = [("Authorization", as_boss.as_str())];

    let refused = dashboard.ask("POST", CREDENTIALS, &as_viewer, Some(&order(ns, TOKEN)))?;
    assert_eq!((refused.status, &refused.body["reason"]), (403, &json!("Forbidden")));
    let detail = refused.body["detail"].as_str().context("no detail")?;
    assert!(detail.contains("secrets"), "{refused:?}");
    assert_eq!(data_of(&secrets, "qa-gitops").await?, None);
    let denials = format!("/api/v1/denials?namespace={ns}");
    let denial = wait_until("the denial", SOON, async || {
        let told = dashboard.ask("GET", &denials, &as_boss, None)?;
        told.body["items"].get(0).cloned().with_context(|| format!("{told:?}"))
    })
    .await?;
    assert_eq!(denial["user"], json!(format!("system:serviceaccount:{ns}:viewer")), "{denial}");
    assert_eq!((&denial["what"], &denial["environment"]), (&json!("create secrets"), &json!("qa")));

    // The session of whoever may do it is no door for another site.
    let cookie = sign_in(&dashboard, &boss)?;
    for from in [None, Some("https://evil.example.com")] {
        let mut headers = vec![("Cookie", cookie.as_str())];
        headers.extend(from.map(|from| ("Origin", from)));
        let answer = dashboard.ask("POST", CREDENTIALS, &headers, Some(&order(ns, TOKEN)))?;
        assert_eq!(answer.status, 403, "from {from:?}: {answer:?}");
    }
    assert_eq!(data_of(&secrets, "qa-gitops").await?, None);

    let made = dashboard.ask("POST", CREDENTIALS, &as_boss, Some(&order(ns, TOKEN)))?;
    assert_eq!((made.status, &made.body), (201, &json!({"made": true})), "{made:?}");
    let kept = data_of(&secrets, "qa-gitops").await?.context("there is no Secret")?;
    let expected = [("password", TOKEN), ("username", "git")];
    let expected = expected.map(|(key, value)| (key.to_owned(), ByteString(value.into())));
    assert_eq!(kept, BTreeMap::from(expected));

    // One that is there stays as it is, and is not shown.
    let again = dashboard.ask("POST", CREDENTIALS, &as_boss, Some(&order(ns, "another")))?;
    assert_eq!((again.status, &again.body["reason"]), (409, &json!("AlreadyExists")), "{again:?}");
    assert_eq!(data_of(&secrets, "qa-gitops").await?, Some(kept));
    for (method, headers) in [("GET", &as_boss), ("PUT", &as_boss), ("DELETE", &as_boss)] {
        let answer = dashboard.ask(method, CREDENTIALS, headers, None)?;
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
    }
    let elsewhere = order(other.name(), TOKEN);
    let answer = dashboard.ask("POST", CREDENTIALS, &as_boss, Some(&elsewhere))?;
    assert_eq!(answer.status, 403, "{answer:?}");
    let told = dashboard.ask("GET", &denials, &as_boss, None)?.body.to_string();
    for text in [dashboard.log(), told, again.body.to_string(), refused.body.to_string()] {
        assert!(!text.contains(TOKEN), "the token of the host is told: {text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_made_by_those_who_may_make_namespaces() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("making").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let boss = bearer(&account(&cluster, ns, "boss", Some("admin"))?);
    let role = format!("{ns}-makes");
    let rules = ["--verb=create", "--resource=namespaces"];
    let maker = with_cluster_role(&cluster, ns, "maker", &role, &rules)?;
    let namespaces: Api<Namespace> = Api::all(cluster.client().await?);
    let wanted = unique("made");
    let ask = |who: &str, name: &str| {
        dashboard.ask("POST", NAMESPACES, &[("Authorization", who)], Some(&json!({"name": name})))
    };

    let refused = ask(&boss, &wanted)?;
    assert_eq!((refused.status, &refused.body["reason"]), (403, &json!("Forbidden")));
    assert!(namespaces.get_opt(&wanted).await?.is_none());
    let bad = ask(&maker, "../secrets")?;
    assert_eq!(bad.status, 400, "{bad:?}");
    let made = ask(&maker, &wanted)?;
    assert_eq!((made.status, &made.body), (201, &json!({"made": true})), "{made:?}");
    let there = namespaces.get(&wanted).await?.metadata;
    let again = ask(&maker, &wanted)?;
    assert_eq!((again.status, &again.body), (200, &json!({"made": false})), "{again:?}");
    assert_eq!(namespaces.get(&wanted).await?.metadata.resource_version, there.resource_version);
    // The right to make namespaces is none to look into them.
    let sees = format!("/api/v1/overview?namespace={wanted}");
    assert_eq!(dashboard.ask("GET", &sees, &[("Authorization", &maker)], None)?.status, 403);
    cluster.kubectl(["delete", "namespace", &wanted, "--wait=false"])?;
    cluster.kubectl(["delete", "clusterrole,clusterrolebinding", &role])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_is_told_as_far_as_the_caller_may_read_roles() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("access").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &["--read-only"]).await?;
    let viewer = bearer(&account(&cluster, ns, "viewer", Some("gimlet-viewer"))?);
    let boss = bearer(&account(&cluster, ns, "boss", Some("admin"))?);
    let stranger = bearer(&account(&cluster, ns, "stranger", None)?);
    let role = format!("{ns}-reads");
    let kinds = "--resource=roles,rolebindings,clusterroles,clusterrolebindings";
    let rules = ["--verb=list", kinds];
    let auditor = with_cluster_role(&cluster, ns, "auditor", &role, &rules)?;
    let path = format!("/api/v1/access?namespace={ns}&environment=qa");
    let ask = |who: &str| dashboard.ask("GET", &path, &[("Authorization", who)], None);
    let missing = |body: &Value| body["missing"].as_array().map_or(0, Vec::len);
    let holders = |body: &Value, right: &str| -> Vec<Value> {
        let actions = body["actions"].as_array().into_iter().flatten();
        let found = actions.filter(|action| action["right"] == right);
        found
            .flat_map(|action| action["subjects"].as_array().cloned().unwrap_or_default())
            .collect()
    };

    // Who may read no roles learns what they lack, and nothing else.
    for who in [&viewer, &stranger] {
        let told = ask(who)?;
        assert_eq!((told.status, missing(&told.body)), (200, 4), "{told:?}");
        assert!(holders(&told.body, "create releases").is_empty(), "{told:?}");
        assert_eq!(told.body["unread"], json!([]), "{told:?}");
    }
    // An admin of the namespace sees its bindings, and not what is in roles of the cluster.
    let told = ask(&boss)?;
    assert_eq!((told.status, missing(&told.body)), (200, 2), "{told:?}");
    let unread = told.body["unread"].as_array().context("no list")?;
    assert!(unread.contains(&json!("RoleBinding boss, ClusterRole admin")), "{told:?}");

    // Kubernetes' own role takes up Gimlet's a moment after those are installed.
    let told = wait_until("the roles of the cluster", SOON, async || {
        let told = ask(&auditor)?;
        let found = holders(&told.body, "create releases");
        ensure!(found.iter().any(|holder| holder["name"] == format!("{ns}/boss")), "{told:?}");
        Ok(told)
    })
    .await?;
    assert_eq!((missing(&told.body), &told.body["unread"]), (0, &json!([])), "{told:?}");
    let releasers = holders(&told.body, "create releases");
    let boss = json!({
        "kind": "ServiceAccount", "name": format!("{ns}/boss"),
        "through": ["RoleBinding boss, ClusterRole admin"],
    });
    assert!(releasers.contains(&boss), "{releasers:?}");
    let viewer = format!("{ns}/viewer");
    assert!(releasers.iter().all(|holder| holder["name"] != viewer), "{releasers:?}");
    let answer = dashboard.ask("GET", &path, &[], None)?;
    assert_eq!(answer.status, 401, "{answer:?}");
    cluster.kubectl(["delete", "clusterrole,clusterrolebinding", &role])?;
    Ok(())
}
