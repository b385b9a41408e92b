//! An environment of another cluster, from nothing to its end, over SSH, by the command line alone.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::Phase;
use gimlet_e2e::{
    Agent, Cli, ControlPlane, Dashboard, OwnControlPlane, Repository, Stage, gitea, wait_until,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use serde_json::{Value, json};

use crate::environments::has;

const NAME: &str = "production";
/// What people keep in the repository; Flux applies the second one.
const THEIRS: [(&str, &str); 2] = [
    ("README.md", "Ask Mia before you change anything here.\n"),
    (
        "flux/mine.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine, namespace: NAMESPACE}\ndata: {a: b}\n",
    ),
];

/// The command line, the other cluster, and what both are told.
struct Place {
    stage: Stage,
    cli: Cli,
    workload: OwnControlPlane,
    repository: Repository,
    /// The other cluster's kubeconfig.
    kubeconfig: String,
    /// The flags that say where the host is, and which one.
    host: Vec<String>,
    known_hosts: String,
}

impl Place {
    async fn open(name: &str) -> Result<Self> {
        let stage = Stage::bare(name).await?;
        let gitea = gitea()?;
        let repository = gitea.future_repository(name);
        let mut cli = Cli::new(&stage.namespace)?;
        cli.set("GIMLET_GIT_TOKEN", &gitea.token);
        let file: PathBuf = cli.home().join("known_hosts");
        fs::write(&file, gitea.known_hosts()?)?;
        let known_hosts = file.to_string_lossy().into_owned();
        let workload = ControlPlane::own(name, true)?;
        let kubeconfig = workload.kubeconfig().to_string_lossy().into_owned();
        let api = format!("{}/api/v1", gitea.url);
        let host = ["--provider", "gitea", "--api-url", &api].map(str::to_owned).into();
        Ok(Self { stage, cli, workload, repository, kubeconfig, host, known_hosts })
    }

    /// Names the workload cluster.
    fn there<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        let mut line = vec!["env"];
        line.extend(words);
        line.extend(["--cluster-kubeconfig", self.kubeconfig.as_str()]);
        line
    }

    /// Names the host, for what is done there.
    fn hosted<'a>(&'a self, mut line: Vec<&'a str>) -> Vec<&'a str> {
        line.extend(self.host.iter().map(String::as_str));
        line.push("--yes");
        line
    }

    /// Lists the deploy keys of the repository: each title with whether it only reads.
    fn keys(&self) -> Result<Vec<(String, bool)>> {
        let keys = self.repository.api("GET", "/keys", None)?;
        let keys = keys.as_array().context("no list of keys")?;
        let mut keys: Vec<(String, bool)> = keys
            .iter()
            .map(|key| (key["title"].as_str().unwrap_or("").to_owned(), key["read_only"] == true))
            .collect();
        keys.sort();
        Ok(keys)
    }

    fn theirs_are_there(&self) -> Result<()> {
        for (path, text) in THEIRS {
            let text = text.replace("NAMESPACE", self.stage.namespace.name());
            let found = self.repository.read("main", path)?;
            ensure!(found.as_deref() == Some(text.as_str()), "{path} is {found:?}");
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_of_another_cluster_lives_and_ends_by_keys_of_its_own() -> Result<()> {
    let place = Place::open("elsewhere").await?;
    let ns = place.stage.namespace.name().to_owned();
    created(&place)?;
    let dashboard = Dashboard::start(&place.stage.cluster, &ns, &[]).await?;
    let _agent = connected(&place, &dashboard).await?;

    let release = place
        .stage
        .create_in(NAME, "web", json!({"manifest": place.stage.web("1")}))
        .await?
        .metadata
        .name
        .context("a release has a name")?;
    place.stage.phase(&release, Phase::Healthy).await?;
    has(&place.cli.run(place.there(&["upgrade", NAME, "--yes"]))?, &["nothing to do"])?;
    let said = place.cli.run(place.there(&["check", NAME]))?;
    ensure!(said.code == 0, "{said:?}");
    has(&said, &["✓ agent", "✓ apps in flux"])?;
    place.theirs_are_there()?;

    let delete = place.there(&["delete", NAME, "--disconnect"]);
    let said = place.cli.run(place.hosted(delete.clone()))?;
    ensure!(said.code == 8, "{said:?}");
    has(&said, &["environment production has 1 app: web", "gimlet delete app web"])?;
    ensure!(place.keys()?.len() == 2, "a key is gone though nothing was agreed to");
    place.cli.ok(["delete", "app", "web", "-e", NAME, "--wait", "--yes"])?;
    // Without the token it is said what stays; with it nothing does.
    let mut poor = Cli::new(&place.stage.namespace)?;
    poor.enter(place.cli.home());
    let said = poor.run(delete.iter().chain(&["--dry-run=client"]))?;
    has(
        &said,
        &["- secret/production-gitops, and its deploy key SHA256:", "set GIMLET_GIT_TOKEN"],
    )?;
    let said = place.cli.run(place.hosted(delete))?;
    ensure!(said.code == 0, "{said:?}");
    has(&said, &["removed from the repository", "kustomization.kustomize.toolkit.fluxcd.io/"])?;
    ensure!(place.keys()?.is_empty(), "{:?}", place.keys()?);
    for cluster in [&place.stage.cluster, &*place.workload] {
        let left = cluster.kubectl(["get", "secrets", "-n", &ns, "-o", "name"])?;
        ensure!(!left.contains("production-gitops"), "{left}");
    }
    place.theirs_are_there()?;
    // What Flux applied stays.
    let maps: Api<ConfigMap> = Api::namespaced(place.workload.client().await?, &ns);
    maps.get("mine").await?;
    place.stage.end().await
}

/// Makes the repository and the environment, with a key that may write.
fn created(place: &Place) -> Result<()> {
    let ns = place.stage.namespace.name();
    let Place { cli, repository, known_hosts, .. } = place;
    let create = vec![
        "env",
        "create",
        NAME,
        "--repository",
        &repository.ssh_url,
        "--repository-per-environment",
        "--create-repository",
        "--deploy-key",
        "--known-hosts",
        known_hosts,
        "--flux-namespace",
        ns,
        "--wait",
    ];
    let create = place.hosted(create);
    let said = cli.run(&create)?;
    ensure!(said.code == 0, "{said:?}");
    has(
        &said,
        &[
            "+ deploy key \"gimlet production\" of the repository, reading and writing",
            "deploy key added to the repository",
            "environment.gimlet.io/production ready",
        ],
    )?;
    ensure!(repository.api("GET", "", None)?["private"] == true, "everybody may read it");
    ensure!(place.keys()? == [("gimlet production".to_owned(), false)], "{:?}", place.keys()?);
    has(&cli.run(&create)?, &["nothing to do"])?;
    ensure!(place.keys()?.len() == 1, "another key was made");
    let get = ["get", "secret", "production-gitops", "-n", ns, "-o", "json"];
    let secret: Value = serde_json::from_str(&place.stage.cluster.kubectl(get)?)?;
    let names: Vec<&String> = secret["data"].as_object().context("no data")?.keys().collect();
    ensure!(names == ["identity", "known_hosts"], "the token for the host is kept: {names:?}");
    for (path, text) in THEIRS {
        repository.write("main", path, &text.replace("NAMESPACE", ns))?;
    }
    Ok(())
}

/// Has Flux of the other cluster follow, with a key that only reads, and its agent tell of it.
async fn connected(place: &Place, dashboard: &Dashboard) -> Result<Agent> {
    let ns = place.stage.namespace.name();
    let origin = dashboard.origin();
    let connect = place.there(&[
        "connect",
        NAME,
        "--deploy-key",
        "--known-hosts",
        &place.known_hosts,
        "--agent",
        &origin,
        "--wait",
    ]);
    let connect = place.hosted(connect);
    let said = place.cli.run(&connect)?;
    ensure!(said.code == 0, "{said:?}");
    has(
        &said,
        &[
            "+ deploy key \"flux production\" of the repository, reading only",
            "secret/production-gitops created",
            "deployment.apps/gimlet-agent-production created",
            "kustomization.kustomize.toolkit.fluxcd.io/gimlet-production ready",
        ],
    )?;
    let keys = [("flux production".to_owned(), true), ("gimlet production".to_owned(), false)];
    ensure!(place.keys()? == keys, "{:?}", place.keys()?);
    has(&place.cli.run(&connect)?, &["nothing to do"])?;
    ensure!(place.keys()? == keys, "another key was made");
    let maps: Api<ConfigMap> = Api::namespaced(place.workload.client().await?, ns);
    wait_until("Flux applies what people keep there", Duration::from_mins(2), async || {
        maps.get("mine").await.map(drop).map_err(Into::into)
    })
    .await?;
    // No image runs here: the agent's own process speaks by the token that was put there.
    let read = [
        "get",
        "secret",
        "gimlet-agent-production",
        "-n",
        "gimlet-agent",
        "-o",
        "go-template={{.data.token | base64decode}}",
    ];
    let token = place.workload.kubectl(read)?;
    let agent = Agent::start(&place.workload, ns, &origin, &format!("{ns}/{NAME}"), &token)?;
    agent.ready().await?;
    Ok(agent)
}
