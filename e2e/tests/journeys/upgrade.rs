//! What an earlier version left in a cluster, under the definitions and the operator of today.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{App, Environment, Phase, Release, condition};
use gimlet_e2e::{
    ControlPlane, Namespace, Operator, Secrets, gitea, guard, install_in, root, secret, wait_until,
};
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(2);
/// The address in the objects that stands for a repository which is there.
const ADDRESS: &str = "https://git.example.com/acme/gitops.git";
/// The kinds, as kubectl names them.
const KINDS: &str = "environments,repositories,artifacts,approvals,configchanges,releasesets,apps,\
                     releases";

fn objects(address: &str) -> Result<Vec<Value>> {
    let folder = root()?.join("crds/tests/earlier/objects");
    let mut objects = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(entry?.path())?.replace(ADDRESS, address);
        objects.extend(serde_saphyr::from_multiple::<Value>(&text)?);
    }
    Ok(objects)
}

fn list(objects: &[Value]) -> Result<tempfile::NamedTempFile> {
    let file = tempfile::NamedTempFile::with_suffix(".json")?;
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    std::fs::write(file.path(), list.to_string())?;
    Ok(file)
}

/// Leaves in a cluster what an earlier version would have left there.
fn leave(cluster: &ControlPlane, namespace: &str, objects: &[Value]) -> Result<()> {
    let definitions = root()?.join("crds/tests/earlier/crd");
    let definitions = definitions.to_str().context("the path is not UTF-8")?;
    cluster.kubectl(["apply", "--server-side", "-f", definitions])?;
    cluster.kubectl(["wait", "--for=condition=Established", "--timeout=60s", "-f", definitions])?;
    let file = list(objects)?;
    let path = file.path().to_str().context("the path is not UTF-8")?;
    cluster.kubectl(["create", "--validate=strict", "-n", namespace, "-f", path])?;
    let judged: Vec<Value> =
        objects.iter().filter(|object| !object["status"].is_null()).cloned().collect();
    let file = list(&judged)?;
    let path = file.path().to_str().context("the path is not UTF-8")?;
    let apply = ["apply", "--server-side", "--field-manager=gimlet-operator"];
    let status = ["--subresource=status", "-n", namespace, "-f", path];
    cluster.kubectl(apply.into_iter().chain(status))?;
    Ok(())
}

/// Reads all objects of a namespace by kind and name.
fn read(cluster: &ControlPlane, namespace: &str) -> Result<BTreeMap<String, Value>> {
    let text = cluster.kubectl(["get", KINDS, "-n", namespace, "-o", "json"])?;
    let list: Value = serde_json::from_str(&text)?;
    let items = list["items"].as_array().context("it is no list")?;
    Ok(items
        .iter()
        .map(|item| (format!("{} {}", item["kind"], item["metadata"]["name"]), item.clone()))
        .collect())
}

/// Tells whether all of a value is in another one, which may have more.
fn holds(all: &Value, part: &Value) -> bool {
    match (all, part) {
        (Value::Object(all), Value::Object(part)) => {
            part.iter().all(|(name, value)| all.get(name).is_some_and(|other| holds(other, value)))
        }
        (Value::Array(all), Value::Array(part)) => {
            all.len() == part.len() && all.iter().zip(part).all(|(all, part)| holds(all, part))
        }
        _ => all == part,
    }
}

async fn phase(api: &Api<Release>, name: &str, phase: Phase) -> Result<()> {
    wait_until(&format!("release {name} is {}", phase.as_str()), SOON, async || {
        let status = api.get(name).await?.status.context("it has no status")?;
        ensure!(status.phase == phase, "{}", serde_json::to_string(&status)?);
        Ok(())
    })
    .await
}

/// Waits until the operator of today has judged an environment.
async fn judged(api: &Api<Environment>, name: &str, reason: &str) -> Result<()> {
    wait_until(&format!("environment {name} is judged"), SOON, async || {
        let environment = api.get(name).await?;
        let status = environment.status.context("it has no status")?;
        ensure!(status.observed_generation == environment.metadata.generation, "{status:?}");
        let ready = condition::find(&status.conditions, condition::READY);
        ensure!(ready.is_some_and(|ready| ready.reason == reason), "{status:?}");
        Ok(())
    })
    .await
}

/// Does to objects of each kind what people do.
fn act(cluster: &ControlPlane, namespace: &Namespace) -> Result<()> {
    let patch = |object: &str, patch: Value| {
        let patch = patch.to_string();
        cluster.kubectl(["patch", object, "-n", namespace, "--type=merge", "-p", &patch])
    };
    for name in read(cluster, namespace)?.keys() {
        let (kind, name) = name.split_once(' ').context("a kind and a name")?;
        let object = format!("{}/{}", kind.trim_matches('"'), name.trim_matches('"'));
        patch(&object, json!({"metadata": {"labels": {"example.com/seen": "yes"}}}))?;
    }
    patch("app/shop.staging", json!({"spec": {"hold": null, "lock": null}}))?;
    patch("repository/shop", json!({"spec": {"interval": "2m"}}))?;
    patch("environment/production", json!({"spec": {"lock": null}}))?;
    patch("releaseset/back-to-yesterday", json!({"spec": {"cancel": true}}))?;
    patch("release/shop.staging-time", json!({"spec": {"confirm": true}}))?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_left_is_read_patched_and_judged_by_this_one() -> Result<()> {
    let cluster = ControlPlane::own("upgrade", false)?;
    let gitea = gitea()?;
    let repository = gitea.empty_repository("upgrade")?;
    let namespace = cluster.namespace("upgrade").await?;
    cluster.apply(&secret(&namespace, "gitops", &gitea.user, &gitea.token))?;
    let objects = objects(&repository.http_url)?;
    leave(&cluster, &namespace, &objects)?;
    let before = read(&cluster, &namespace)?;
    assert_eq!(before.len(), objects.len());

    // The order of docs/upgrade.md: the kinds first, then the operator.
    install_in(&cluster)?;
    let after = read(&cluster, &namespace)?;
    for (name, object) in &before {
        let now = after.get(name).with_context(|| format!("{name} is gone"))?;
        ensure!(holds(now, object), "{name} was\n{object:#}\nand is\n{now:#}");
    }
    let client = cluster.client().await?;
    let guard = guard(&client, &namespace, Secrets::of(&gitea));
    let operator = Operator::start(&cluster, &namespace).await?;
    let environments: Api<Environment> = Api::namespaced(client.clone(), &namespace);
    let releases: Api<Release> = Api::namespaced(client.clone(), &namespace);
    let apps: Api<App> = Api::namespaced(client.clone(), &namespace);
    judged(&environments, "staging", "Ready").await?;
    judged(&environments, "production", "Suspended").await?;
    // What waited is released, what had ended stays what it was, and nothing is set off.
    phase(&releases, "cart.staging-waiting", Phase::Committed).await?;
    for object in objects.iter().filter(|object| object["kind"] == "Release") {
        let name = object["metadata"]["name"].as_str().context("it has a name")?;
        if name != "cart.staging-waiting" {
            let status = releases.get(name).await?.status.context("it has no status")?;
            assert_eq!(json!(status.phase), object["status"]["phase"], "{name}");
        }
    }
    let names = |all: &BTreeMap<String, Value>| all.keys().cloned().collect::<Vec<_>>();
    let mut expected = names(&before);
    expected.push("\"App\" \"cart.staging\"".to_owned());
    expected.sort();
    assert_eq!(names(&read(&cluster, &namespace)?), expected);

    act(&cluster, &namespace)?;
    judged(&environments, "production", "Suspended").await?;
    let next = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "shop.staging-next"},
        "spec": {"app": "shop", "environment": "staging", "manifest": {
            "namespace": "shop", "chart": {"name": "app"},
            "values": {"image": {"repository": "example/shop", "tag": "v3"}, "port": 8080},
        }},
    });
    releases.create(&PostParams::default(), &serde_json::from_value(next)?).await?;
    phase(&releases, "shop.staging-next", Phase::Committed).await?;
    wait_until("the app tells its release", SOON, async || {
        let app = apps.get("shop.staging").await?;
        let current = app.status.as_ref().and_then(|status| status.current.as_ref());
        ensure!(current.is_some_and(|current| current.name == "shop.staging-next"), "{app:?}");
        Ok(())
    })
    .await?;
    drop(operator);
    guard.verify().await
}
