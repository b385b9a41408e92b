//! The command line in CI: versions shipped, and waited for.

use anyhow::{Context, Result, ensure};
use gimlet_crds::{Artifact, ArtifactEvent};
use gimlet_e2e::{Cli, Stage, git};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A repository of an application, with its manifests.
struct Application {
    folder: TempDir,
    sha: String,
}

impl Application {
    fn new(files: &[(&str, String)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        git(path, ["init", "--quiet", "--initial-branch=main"])?;
        git(path, ["remote", "add", "origin", "https://git.example.com/acme/web.git"])?;
        std::fs::create_dir(path.join(".gimlet"))?;
        for (name, content) in files {
            std::fs::write(path.join(".gimlet").join(name), content)?;
        }
        git(path, ["add", "."])?;
        git(path, ["commit", "--quiet", "-m", "Take the cart along"])?;
        let sha = git(path, ["rev-parse", "HEAD"])?;
        Ok(Self { folder, sha })
    }
}

fn manifest(stage: &Stage, tag: &str, policy: &str) -> String {
    format!(
        "app: web\nenv: staging\nnamespace: {}\nchart: {{name: app}}\nvalues: {{port: 8080, image: {{repository: \
         '{{{{ .IMAGE }}}}', tag: {tag}}}}}\n{policy}",
        stage.namespace.name()
    )
}

const ON_MAIN: &str = "deploy: {event: push, branch: main}\n";
const ON_TAG: &str = "deploy: {tag: 'v*'}\n";

async fn artifacts(stage: &Stage) -> Result<Vec<Artifact>> {
    let api: Api<Artifact> = Api::namespaced(stage.client.clone(), &stage.namespace);
    Ok(api.list(&ListParams::default()).await?.items)
}

/// Makes a service account that may do what CI may, and nothing else.
fn account(stage: &Stage) -> Result<()> {
    let namespace = stage.namespace.name();
    let rbac = "rbac.authorization.k8s.io";
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ci", "namespace": namespace}},
        {"apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding",
         "metadata": {"name": "ci", "namespace": namespace},
         "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "gimlet-ci"},
         "subjects": [{"kind": "ServiceAccount", "name": "ci", "namespace": namespace}]}]});
    stage.cluster.apply(&objects.to_string()).map(drop)
}

/// Makes the command line of CI in a checkout, with the variables of GitHub Actions for a push.
fn github(stage: &Stage, application: &Application) -> Result<Cli> {
    account(stage)?;
    let mut cli = Cli::with_token(&stage.cluster, &stage.namespace, "ci")?;
    cli.enter(application.folder.path());
    let (output, summary) = (cli.home().join("output"), cli.home().join("summary"));
    for (name, value) in [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REPOSITORY", "acme/web"),
        ("GITHUB_SHA", &application.sha),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_OUTPUT", &output.to_string_lossy()),
        ("GITHUB_STEP_SUMMARY", &summary.to_string_lossy()),
    ] {
        cli.set(name, value);
    }
    Ok(cli)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_green_when_what_it_shipped_runs_and_ships_it_once() -> Result<()> {
    let stage = Stage::open("cli-ci").await?;
    stage.connect_flux().await?;
    let application = Application::new(&[
        ("web.yaml", manifest(&stage, "v1", ON_MAIN)),
        ("tagged.yaml", manifest(&stage, "v1", ON_TAG).replace("app: web", "app: tagged")),
    ])?;
    let cli = github(&stage, &application)?;
    let push = ["artifact", "push", "--var", "IMAGE=example/web", "--wait"];
    let said = cli.run(push)?;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("Healthy") && said.out.contains("NotMatched"), "{}", said.out);
    let all = artifacts(&stage).await?;
    let [artifact] = all.as_slice() else { anyhow::bail!("{} artifacts", all.len()) };
    let version = &artifact.spec.version;
    assert_eq!(version.sha.as_deref(), Some(application.sha.as_str()));
    assert_eq!(version.message.as_deref(), Some("Take the cart along"));
    assert_eq!(
        (version.branch.as_deref(), artifact.spec.event),
        (Some("main"), ArtifactEvent::Push)
    );
    let vars: Vec<&str> = artifact.spec.vars.keys().map(String::as_str).collect();
    assert_eq!(vars, ["EVENT", "IMAGE"], "nothing else of the environment is shipped");
    let output = std::fs::read_to_string(cli.home().join("output"))?;
    let name = artifact.metadata.name.clone().context("it has no name")?;
    assert!(
        output.contains(&format!("artifact={name}\n")) && output.contains("phase=Healthy\n"),
        "{output}"
    );
    let summary = std::fs::read_to_string(cli.home().join("summary"))?;
    assert!(
        summary.contains("| web | staging | Healthy |") && summary.contains("+ Deployment/web"),
        "{summary}"
    );

    let again = cli.run(push)?;
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.out.contains(" unchanged"), "{}", again.out);
    assert_eq!(artifacts(&stage).await?.len(), 1);
    assert!(cli.ok(["artifact", "get", &name])?.contains("releases web to staging"));
    assert_eq!(
        cli.ok(["artifact", "list", "--branch", "main", "-o", "name"])?,
        format!("artifact.gimlet.io/{name}\n")
    );
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_red_when_what_it_shipped_does_not_run_or_is_not_valid() -> Result<()> {
    let stage = Stage::open("cli-red").await?;
    stage.connect_flux().await?;
    let application = Application::new(&[
        ("web.yaml", manifest(&stage, "broken-1", ON_MAIN)),
        ("wrong.yaml", "app: wrong\nenv: staging\nnamespace: x\nchrat: {name: app}\n".to_owned()),
    ])?;
    let mut cli = github(&stage, &application)?;
    let said = cli.run(["artifact", "push", "--var", "IMAGE=example/web", "--wait"])?;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("::error file=.gimlet/wrong.yaml"), "{}", said.err);
    assert!(said.err.contains("::error file=.gimlet/web.yaml"), "{}", said.err);
    let output = std::fs::read_to_string(cli.home().join("output"))?;
    assert!(output.contains("phase=Failed\n"), "{output}");
    // It may ship, and look at what becomes of it; nothing more.
    let said = cli.run(["lock", "staging", "--reason", "x"])?;
    assert_eq!(said.code, 5, "{said:?}");
    cli.set("GIMLET_TOKEN", "not-a-token");
    let said = cli.run(["artifact", "push", "--var", "IMAGE=other"])?;
    assert_eq!(said.code, 5, "{said:?}");
    assert!(!said.err.contains("not-a-token"), "{}", said.err);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_is_shipped_by_its_head_and_that_of_a_fork_not_at_all() -> Result<()> {
    let stage = Stage::open("cli-pull").await?;
    let policy = "deploy: {event: pr, branch: 'cart'}\n";
    let application = Application::new(&[("web.yaml", manifest(&stage, "v1", policy))])?;
    let path = application.folder.path();
    git(path, ["checkout", "--quiet", "-b", "cart"])?;
    git(path, ["commit", "--quiet", "--allow-empty", "-m", "The head"])?;
    let head = git(path, ["rev-parse", "HEAD"])?;
    git(path, ["checkout", "--quiet", "--detach", "main"])?;
    git(
        path,
        [
            "merge",
            "--quiet",
            "--no-ff",
            "-m",
            &format!("Merge {head} into {}", application.sha),
            "cart",
        ],
    )?;
    let mut cli = github(&stage, &application)?;
    let payload = |from: &str| {
        json!({"pull_request": {"number": 7, "head": {"sha": head, "ref": "cart", "repo": {"full_name": from}},
            "base": {"ref": "main", "repo": {"full_name": "acme/web"}}}})
    };
    let event = cli.home().join("event.json");
    std::fs::write(&event, payload("acme/web").to_string())?;
    cli.set("GITHUB_EVENT_NAME", "pull_request");
    cli.set("GITHUB_SHA", &git(path, ["rev-parse", "HEAD"])?);
    cli.set("GITHUB_REF", "refs/pull/7/merge");
    cli.set("GITHUB_EVENT_PATH", &event.to_string_lossy());
    let shown = cli.ok(["artifact", "push", "--dry-run=client", "-o", "json"])?;
    let shown: Value = serde_json::from_str(&shown)?;
    assert_eq!(shown["spec"]["version"]["sha"], head.as_str());
    assert_eq!(shown["spec"]["version"]["message"], "The head");
    assert_eq!(
        (&shown["spec"]["pullRequest"], &shown["spec"]["targetBranch"]),
        (&json!(7), &json!("main"))
    );
    cli.ok(["artifact", "push", "--var", "IMAGE=example/web"])?;
    let all = artifacts(&stage).await?;
    ensure!(all.len() == 1 && all[0].spec.event == ArtifactEvent::PullRequest, "{all:?}");

    std::fs::write(&event, payload("eve/web").to_string())?;
    let said = cli.run(["artifact", "push"])?;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("comes from another repository"), "{}", said.err);
    stage.end().await
}
