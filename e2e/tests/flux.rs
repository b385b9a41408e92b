//! What the other tests take for granted of Flux.

use std::time::Duration;

use anyhow::{Result, ensure};
use gimlet_e2e::{control_plane, gitea, wait_until};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::Api;

const SYNCED: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_commit_is_applied_and_the_namespace_of_its_kustomization_can_be_deleted() -> Result<()> {
    let (cluster, gitea) = (control_plane()?, gitea()?);
    let client = cluster.client().await?;
    let repository = gitea.repository("fleet")?;
    let namespace = cluster.namespace("flux").await?;
    let ns = namespace.name().to_owned();
    let manifest = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: {ns}}}\n\
             data: {{version: {value}}}\n"
        )
    };
    repository.write("main", "apps/settings.yaml", &manifest("one"))?;
    cluster.kubectl([
        "create",
        "secret",
        "generic",
        "git",
        "-n",
        &ns,
        &format!("--from-literal=username={}", gitea.user),
        &format!("--from-literal=password={}", gitea.token),
    ])?;
    cluster.apply(&format!(
        "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: fleet, namespace: {ns}}}
spec: {{interval: 1h, url: '{url}', ref: {{branch: main}}, secretRef: {{name: git}}}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: apps, namespace: {ns}}}
spec: {{interval: 1h, path: ./apps, prune: true, sourceRef: {{kind: GitRepository, name: fleet}}}}
",
        url = repository.http_url,
    ))?;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &ns);
    let version_is = async |wanted: &str| {
        let found = maps.get_opt("settings").await?.and_then(|map| map.data);
        let version = found.as_ref().and_then(|data| data.get("version"));
        ensure!(version.is_some_and(|version| version == wanted), "{found:?}");
        Ok(())
    };
    wait_until("the first commit's object", SYNCED, async || version_is("one").await).await?;

    repository.write("main", "apps/settings.yaml", &manifest("two"))?;
    let now = gimlet_e2e::unique("now");
    let request = format!("reconcile.fluxcd.io/requestedAt={now}");
    cluster.kubectl(["annotate", "gitrepository/fleet", "-n", &ns, &request])?;
    wait_until("the second commit's object", SYNCED, async || version_is("two").await).await?;

    drop(namespace);
    let namespaces: Api<Namespace> = Api::all(client);
    wait_until("the namespace's end", Duration::from_secs(90), async || {
        let found = namespaces.get_opt(&ns).await?;
        ensure!(found.is_none(), "{:?}", found.and_then(|namespace| namespace.status));
        Ok(())
    })
    .await
}
