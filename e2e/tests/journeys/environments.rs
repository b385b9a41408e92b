//! An environment from nothing to its end, by the command line alone.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{Phase, condition};
use gimlet_e2e::{Cli, Said, Stage, gitea, wait_until};
use k8s_openapi::api::authentication::v1::TokenReview;
use kube::api::{Api, PostParams};
use serde_json::json;

/// How long Flux may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) fn has(said: &Said, texts: &[&str]) -> Result<()> {
    for text in texts {
        let found = said.out.contains(text) || said.err.contains(text);
        ensure!(found, "no {text:?} in\n{}\n{}", said.out, said.err);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_made_connected_checked_and_let_go_of() -> Result<()> {
    let stage = Stage::bare("env-cli").await?;
    let gitea = gitea()?;
    let repository = gitea.future_repository("env-cli-gitops");
    let mut cli = Cli::new(&stage.namespace)?;
    let create = [
        "env",
        "create",
        "staging",
        "--repository",
        &repository.http_url,
        "--create-repository",
        "--provider",
        "gitea",
        "--flux-namespace",
        stage.namespace.name(),
        "--yes",
        "--wait",
    ];
    let said = cli.run(create)?;
    ensure!(said.code == 2 && said.err.contains("GIMLET_GIT_TOKEN"), "{said:?}");
    cli.set("GIMLET_GIT_TOKEN", &gitea.token);
    let said = cli.run(create)?;
    ensure!(said.code == 0, "{said:?}");
    has(
        &said,
        &[
            " created\nnamespace/",
            "secret/staging-gitops created",
            "environment.gimlet.io/staging created",
            "environment.gimlet.io/staging ready",
            "hint: let Flux follow it: gimlet env connect staging",
        ],
    )?;
    for text in [&said.out, &said.err] {
        ensure!(!text.contains(&gitea.token), "the token is told");
    }
    has(&cli.run(create)?, &["= environment.gimlet.io/staging", "nothing to do"])?;

    let said = cli.run(["env", "check", "staging"])?;
    ensure!(said.code == 1, "{said:?}");
    has(&said, &["✓ flux folder", "✕ GitRepository", "→ gimlet env connect staging"])?;
    let said = cli.run(["env", "connect", "staging", "--yes", "--wait"])?;
    ensure!(said.code == 0, "{said:?}");
    has(&said, &["gitrepository.source.toolkit.fluxcd.io/gimlet-staging created", " ready"])?;

    // Files of people stay, in the folder of Flux' objects too.
    let mine = "staging/flux/README.md";
    repository.write("main", mine, "Ask Mia before you change anything here.\n")?;
    let release = stage.release("web", stage.web("1")).await?;
    stage.phase(&release.metadata.name.unwrap_or_default(), Phase::Healthy).await?;
    // The App says so a moment after its Release.
    stage
        .app_until("web", "is ready", |app| {
            let conditions = app.status.as_ref().map(|status| status.conditions.as_slice());
            let found = condition::find(conditions.unwrap_or_default(), condition::READY);
            found.is_some_and(|found| found.status == "True")
        })
        .await?;
    let said = cli.run(["env", "check", "staging"])?;
    ensure!(said.code == 0, "{said:?}");
    has(&said, &["✓ apps in flux", "1 of 1 are ready"])?;
    has(&cli.run(["env", "upgrade", "--yes"])?, &["environment staging (Flux", "nothing to do"])?;
    ensure!(repository.read("main", mine)?.is_some(), "{mine} is gone");

    an_agent_comes(&stage, &cli).await?;

    let said = cli.run(["env", "delete", "staging", "--yes"])?;
    ensure!(said.code == 8, "{said:?}");
    has(&said, &["environment staging has 1 app: web", "gimlet delete app web"])?;
    let said = cli.run(["env", "delete", "staging", "--keep-apps", "--disconnect", "--yes"])?;
    ensure!(said.code == 0, "{said:?}");
    has(
        &said,
        &[
            "kustomization.kustomize.toolkit.fluxcd.io/staging-web deleted",
            "rolebinding.rbac.authorization.k8s.io/gimlet-agent-staging deleted",
            "deployment.apps/gimlet-agent-staging deleted",
            "secret/gimlet-agent-staging deleted",
        ],
    )?;
    for path in [mine, "staging/web/deployment-web.yaml", "staging/flux/root.yaml"] {
        ensure!(repository.read("main", path)?.is_some(), "{path} is gone");
    }
    stage.cluster.kubectl(["get", "deployment", "web", "-n", stage.namespace.name()])?;
    stage.end().await
}

/// Puts the agent beside Flux, with a token that the API server takes for the environment's agent.
async fn an_agent_comes(stage: &Stage, cli: &Cli) -> Result<()> {
    let connect = ["env", "connect", "staging", "--agent", "https://gimlet.example.com", "--yes"];
    let said = cli.run(connect)?;
    ensure!(said.code == 0, "{said:?}");
    has(
        &said,
        &[
            "+ the Environment is observed by its agent",
            "serviceaccount/gimlet-agent-staging created",
            "environment.gimlet.io/staging observed by its agent",
            "secret/gimlet-agent-staging created",
            "deployment.apps/gimlet-agent-staging created",
            "the agent's token ends at ",
        ],
    )?;
    let kubectl = |args: &[&str]| stage.cluster.kubectl(args);
    let name = "gimlet-agent-staging";
    let read = [
        "get",
        "secret",
        name,
        "-n",
        "gimlet-agent",
        "-o",
        "go-template={{.data.token | base64decode}}",
    ];
    let token = kubectl(&read)?;
    ensure!(!said.out.contains(&token) && !said.err.contains(&token), "the token is told");
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {},
        "spec": {"token": token}});
    let reviewed: TokenReview = Api::all(stage.client.clone())
        .create(&PostParams::default(), &serde_json::from_value(review)?)
        .await?;
    let user = reviewed.status.and_then(|status| status.user?.username);
    let account = format!("system:serviceaccount:{}:{name}", stage.namespace.name());
    ensure!(user.as_deref() == Some(&account), "{user:?}");

    // What is there stays, the token too.
    has(&cli.run(connect)?, &["= deployment.apps/gimlet-agent-staging", "nothing to do"])?;
    ensure!(kubectl(&read)? == token, "the token was exchanged");
    stage
        .environment_until("staging", "misses its agent", |environment| {
            let conditions = environment.status.as_ref().map(|status| status.conditions.as_slice());
            let found = condition::find(conditions.unwrap_or_default(), condition::AGENT_CONNECTED);
            found.is_some_and(|found| found.reason == condition::NO_AGENT)
        })
        .await?;
    has(&cli.run(["env", "check", "staging"])?, &["✕ agent", "deploy/gimlet-agent-staging"])?;
    has(&cli.run(["doctor"])?, &["✕ staging agent", "gimlet env check staging"])?;

    // The agent of an environment of the same name elsewhere is left alone.
    let speaks_for = |environment: &str| {
        let patch = json!({"data": {"GIMLET_AGENT_ENVIRONMENT": environment}}).to_string();
        kubectl(&["patch", "configmap", name, "-n", "gimlet-agent", "--type=merge", "-p", &patch])
    };
    speaks_for("elsewhere/staging")?;
    let said = cli.run(connect)?;
    ensure!(said.code == 1, "{said:?}");
    has(&said, &["speaks for elsewhere/staging"])?;
    let delete = ["env", "delete", "staging", "--keep-apps", "--disconnect", "--dry-run=client"];
    let said = cli.run(delete)?;
    ensure!(!said.err.contains("deployment.apps/gimlet-agent-staging"), "{said:?}");
    speaks_for(&format!("{}/staging", stage.namespace.name()))?;
    has(&cli.run(delete)?, &["- deployment.apps/gimlet-agent-staging"])
}

/// The kind of Flux' helm-controller, which does not run here.
const HELM_RELEASE: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: helmreleases.helm.toolkit.fluxcd.io}
spec:
  group: helm.toolkit.fluxcd.io
  names: {kind: HelmRelease, listKind: HelmReleaseList, plural: helmreleases, singular: helmrelease}
  scope: Namespaced
  versions:
  - name: v2
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

#[tokio::test(flavor = "multi_thread")]
async fn components_are_added_changed_and_removed_through_git() -> Result<()> {
    // Flux looks when it is asked to, and hardly ever by itself.
    let stage = Stage::open_with("components", json!({"flux": {"interval": "10m"}})).await?;
    stage.cluster.apply(HELM_RELEASE)?;
    stage.connect_flux().await?;
    let cli = Cli::new(&stage.namespace)?;
    let file = "staging/flux_components/component-ingress.yaml";
    let component = |words: &[&str]| {
        let mut line = vec!["env", "component"];
        line.extend(words);
        cli.run(line)
    };
    let secret = "https://me:hunter2@charts.example.com";
    let said = component(&["add", "staging", "ingress", "--repository", secret, "--yes"])?;
    ensure!(said.code == 2 && said.err.contains("holds credentials"), "{said:?}");
    let said = component(&["add", "staging", "ingress", "--yes"])?;
    ensure!(said.code == 0, "{said:?}");
    has(&said, &[file, "+kind: HelmRelease", "environment.gimlet.io/staging configured"])?;
    let written = |version: &'static str| {
        stage.environment_until("staging", "has its component in git", move |environment| {
            let components = environment.status.as_ref().map(|status| &status.components);
            components.is_some_and(|found| found.iter().any(|one| one.version == version))
        })
    };
    written("41.x").await?;
    let text = stage.repository.read("main", file)?.context("the file is not in git")?;
    ensure!(text.contains("kind: HelmRepository") && text.contains("version: 41.x"), "{text}");
    let namespace = stage.namespace.name();
    let applied = async |version: &str| {
        let get = ["get", "helmrelease", "staging-ingress", "-n", namespace, "-o", "yaml"];
        wait_until("Flux applies the component", PATIENCE, async || {
            let found = stage.cluster.kubectl(get)?;
            ensure!(found.contains(&format!("      version: {version}\n")), "{found}");
            Ok(())
        })
        .await
    };
    applied("41.x").await?;
    stage.repository.write("main", "staging/flux_components/README.md", "Ask Mia.\n")?;

    let set = ["set", "staging", "ingress", "--chart-version", "41.3.0", "--set", "a.b=1", "--yes"];
    has(&component(&set)?, &["-      version: 41.x", "+      version: \"41.3.0\""])?;
    written("41.3.0").await?;
    applied("41.3.0").await?;
    has(&component(&["list", "staging"])?, &["✓ in git"])?;

    let said = component(&["remove", "staging", "ingress", "--yes"])?;
    ensure!(said.code == 0, "{said:?}");
    wait_until("Flux removes the component", PATIENCE, async || {
        let found =
            stage.cluster.kubectl(["get", "helmreleases", "-n", namespace, "-o", "name"])?;
        ensure!(found.is_empty(), "{found}");
        Ok(())
    })
    .await?;
    ensure!(stage.repository.read("main", file)?.is_none(), "{file} is still there");
    let mine = stage.repository.read("main", "staging/flux_components/README.md")?;
    ensure!(mine.as_deref() == Some("Ask Mia.\n"), "the file of a person is gone");
    stage.end().await
}
