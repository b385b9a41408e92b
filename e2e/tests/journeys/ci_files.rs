//! The files for CI that are shipped: their own lines are run, with the variables of their provider.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use gimlet_crds::Artifact;
use gimlet_e2e::{Cli, Said, Stage, git, root};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tempfile::TempDir;

fn documents(path: &str) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(root()?.join(path))?;
    serde_saphyr::from_multiple(&text).with_context(|| path.to_owned())
}

/// Makes a checkout with one manifest that is released on a push to main.
fn checkout(stage: &Stage) -> Result<(TempDir, String)> {
    let folder = tempfile::tempdir()?;
    let path = folder.path();
    git(path, ["init", "--quiet", "--initial-branch=main"])?;
    std::fs::create_dir(path.join(".gimlet"))?;
    let manifest = format!(
        "app: web\nenv: staging\nnamespace: {}\nchart: {{name: app}}\nvalues: {{port: 8080, image: {{repository: \
         '{{{{ .IMAGE }}}}', tag: v1}}}}\ndeploy: {{event: push, branch: main}}\n",
        stage.namespace.name()
    );
    std::fs::write(path.join(".gimlet/web.yaml"), manifest)?;
    git(path, ["add", "."])?;
    git(path, ["commit", "--quiet", "-m", "Take the cart along"])?;
    let sha = git(path, ["rev-parse", "HEAD"])?;
    Ok((folder, sha))
}

/// Makes a command line with the token of a service account that may do what CI may.
fn ci(stage: &Stage, role: &str) -> Result<Cli> {
    let namespace = stage.namespace.name();
    let rbac = "rbac.authorization.k8s.io";
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": role, "namespace": namespace}},
        {"apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding",
         "metadata": {"name": role, "namespace": namespace},
         "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
         "subjects": [{"kind": "ServiceAccount", "name": role, "namespace": namespace}]}]});
    stage.cluster.apply(&objects.to_string())?;
    Cli::with_token(&stage.cluster, namespace, role)
}

async fn artifacts(stage: &Stage) -> Result<Vec<Artifact>> {
    let api: Api<Artifact> = Api::namespaced(stage.client.clone(), &stage.namespace);
    Ok(api.list(&ListParams::default()).await?.items)
}

fn set_github(cli: &mut Cli, sha: &str, more: &[(&str, &str)]) {
    let base = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REPOSITORY", "acme/web"),
        ("GITHUB_SHA", sha),
        ("GITHUB_REF", "refs/heads/main"),
    ];
    for (name, value) in base.iter().chain(more) {
        cli.set(name, value);
    }
}

/// Runs a step of the action with these inputs, and the defaults of the others.
fn step(cli: &mut Cli, action: &Value, name: &str, inputs: &BTreeMap<&str, &str>) -> Result<Said> {
    let steps = action["runs"]["steps"].as_array().context("the action has no steps")?;
    let step = steps.iter().find(|step| step["name"] == name).with_context(|| name.to_owned())?;
    assert_eq!(step["shell"], "bash");
    for (variable, value) in step["env"].as_object().context("the step has no env")? {
        let input = value
            .as_str()
            .and_then(|value| value.strip_prefix("${{ inputs.")?.strip_suffix(" }}"))
            .with_context(|| format!("{variable} is no input: {value}"))?;
        let default =
            action["inputs"][input]["default"].as_str().with_context(|| input.to_owned())?;
        cli.set(variable, inputs.get(input).copied().unwrap_or(default));
    }
    let script = step["run"].as_str().context("the step runs nothing")?;
    ensure!(!script.contains("${{"), "a value is a part of the script of {name}");
    cli.script(script)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_action_of_github_ships_and_waits() -> Result<()> {
    let stage = Stage::open("ci-github").await?;
    let action = documents("ci/github/action.yml")?.remove(0);
    let (folder, sha) = checkout(&stage)?;
    let mut cli = ci(&stage, "gimlet-ci")?;
    let (server, authority) = cli.server(&stage.cluster)?;
    let authority = std::fs::read_to_string(authority)?;
    let token = stage.cluster.token(stage.namespace.name(), "gimlet-ci")?;
    cli.enter(folder.path());
    // The action sets its own from its inputs.
    cli.set("GIMLET_CERTIFICATE_AUTHORITY", "");
    let home = cli.home().to_owned();
    let file = |name: &str| home.join(name).to_string_lossy().into_owned();
    let (output, summary, path) = (file("output"), file("summary"), file("path"));
    let files =
        [("GITHUB_OUTPUT", &*output), ("GITHUB_STEP_SUMMARY", &summary), ("GITHUB_PATH", &path)];
    set_github(&mut cli, &sha, &files);
    let mut inputs = BTreeMap::from([
        ("server", server.as_str()),
        ("token", token.trim()),
        ("certificate-authority", authority.as_str()),
        ("namespace", stage.namespace.name()),
        ("vars", "IMAGE=example/web\n# nothing else\n"),
    ]);
    let found = step(&mut cli, &action, "Find gimlet", &inputs)?;
    assert_eq!(found.code, 0, "{found:?}");
    let said = step(&mut cli, &action, "Ship the version", &inputs)?;
    assert_eq!(said.code, 0, "{said:?}");
    for text in [&said.out, &said.err] {
        assert!(!text.contains(token.trim()), "the token is told");
    }
    let outputs = std::fs::read_to_string(&output)?;
    for name in action["outputs"].as_object().context("no outputs")?.keys() {
        assert!(outputs.contains(&format!("{name}=")), "{name} is not in {outputs}");
    }
    assert!(std::fs::read_to_string(&summary)?.contains("| web | staging |"));
    let all = artifacts(&stage).await?;
    assert_eq!(all[0].spec.vars.get("IMAGE").map(String::as_str), Some("example/web"));

    // By hand it takes the right to release.
    let mut releaser = ci(&stage, "gimlet-releaser")?;
    releaser.enter(folder.path()).set("GIMLET_CERTIFICATE_AUTHORITY", "");
    set_github(&mut releaser, &sha, &files);
    let token = stage.cluster.token(stage.namespace.name(), "gimlet-releaser")?;
    inputs.extend([("token", token.trim()), ("app", "web"), ("environment", "staging")]);
    let said = step(&mut releaser, &action, "Ship the version", &inputs)?;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("release.gimlet.io/web.staging-"), "{}", said.out);
    assert_eq!(artifacts(&stage).await?.len(), 1, "the same version is shipped once");
    stage.end().await
}

#[test]
fn the_action_of_github_takes_only_the_program_that_was_pinned() -> Result<()> {
    let action = documents("ci/github/action.yml")?.remove(0);
    let mut cli = Cli::bare()?;
    let releases = tempfile::tempdir()?;
    let folder = releases.path().join("v1.2.3");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("gimlet-linux-amd64"), "#!/bin/sh\necho the pinned one\n")?;
    std::fs::copy(folder.join("gimlet-linux-amd64"), folder.join("gimlet-linux-arm64"))?;
    let sums = Cli::bare()?.script(&format!("cd {} && sha256sum gimlet-*", folder.display()))?;
    std::fs::write(folder.join("SHA256SUMS"), &sums.out)?;
    let path = cli.home().join("path").to_string_lossy().into_owned();
    cli.set("GITHUB_PATH", &path);
    let address = format!("file://{}", releases.path().display());
    let mut inputs = BTreeMap::from([("version", "1.2.3"), ("download", address.as_str())]);
    let said = step(&mut cli, &action, "Find gimlet", &inputs)?;
    assert_eq!(said.code, 0, "{said:?}");
    let found = std::fs::read_to_string(&path)?;
    let said = cli.script(&format!("{}/gimlet", found.trim()))?;
    assert_eq!(said.out, "the pinned one\n");
    let wrong = "0".repeat(64);
    inputs.insert("sha256", &wrong);
    assert_ne!(
        step(&mut cli, &action, "Find gimlet", &inputs)?.code,
        0,
        "another program is taken"
    );
    inputs.insert("version", "9.9.9");
    assert_ne!(step(&mut cli, &action, "Find gimlet", &inputs)?.code, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_component_of_gitlab_ships_and_leaves_variables() -> Result<()> {
    let stage = Stage::open("ci-gitlab").await?;
    let all = documents("ci/gitlab/templates/release.yml")?;
    let [header, body] = all.as_slice() else { anyhow::bail!("{} documents", all.len()) };
    let inputs = header["spec"]["inputs"].as_object().context("the component has no inputs")?;
    let mut text = body.to_string();
    let given = [("image", "x"), ("namespace", stage.namespace.name())];
    for (name, input) in inputs {
        let given = given.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        let value = given.or_else(|| input["default"].as_str()).with_context(|| name.clone())?;
        text = text.replace(&format!("$[[ inputs.{name} ]]"), value);
    }
    ensure!(!text.contains("$[["), "an input is not declared: {text}");
    let body: Value = serde_json::from_str(&text)?;
    let job = &body["gimlet"];
    let (folder, sha) = checkout(&stage)?;
    std::fs::write(folder.path().join("build.env"), "IMAGE=example/web\n")?;
    let mut cli = ci(&stage, "gimlet-ci")?;
    cli.enter(folder.path());
    for (name, value) in job["variables"].as_object().context("no variables")? {
        cli.set(name, value.as_str().context("a variable is no text")?);
    }
    for (name, value) in [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_PATH", "acme/web"),
        ("CI_COMMIT_SHA", &sha),
        ("CI_COMMIT_BRANCH", "main"),
    ] {
        cli.set(name, value);
    }
    let line = job["script"][0].as_str().context("the job has no script")?;
    let said = cli.script(&line.replace("/dev/null", "build.env"))?;
    assert_eq!(said.code, 0, "{said:?}");
    let report = job["artifacts"]["reports"]["dotenv"].as_str().context("no report")?;
    let variables = std::fs::read_to_string(folder.path().join(report))?;
    assert!(variables.contains("GIMLET_ARTIFACT=web-"), "{variables}");
    assert!(variables.contains("GIMLET_PHASE=Committed\n"), "{variables}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_gitea_and_woodpecker_ship() -> Result<()> {
    let stage = Stage::open("ci-examples").await?;
    let (folder, sha) = checkout(&stage)?;
    let gitea = documents("ci/gitea/release.yaml")?.remove(0);
    let steps = gitea["jobs"]["release"]["steps"].as_array().context("no steps")?;
    let ship = steps.iter().find(|step| step["name"] == "Ship the version").context("no step")?;
    let mut cli = ci(&stage, "gimlet-ci")?;
    cli.enter(folder.path()).set("GITEA_ACTIONS", "true").set("IMAGE", "example/web");
    set_github(&mut cli, &sha, &[]);
    known(ship["env"].as_object().context("no env")?.keys());
    let said = cli.script(ship["run"].as_str().context("no script")?)?;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("by Gitea Actions"), "{}", said.err);

    let woodpecker = documents("ci/woodpecker/release.yaml")?.remove(0);
    let ship = &woodpecker["steps"][0];
    known(ship["environment"].as_object().context("no environment")?.keys());
    let mut cli = ci(&stage, "gimlet-ci")?;
    cli.enter(folder.path());
    for (name, value) in [
        ("CI", "woodpecker"),
        ("CI_PIPELINE_EVENT", "push"),
        ("CI_REPO", "acme/web"),
        ("CI_COMMIT_SHA", &sha),
        ("CI_COMMIT_BRANCH", "main"),
        ("IMAGE", "example/web"),
    ] {
        cli.set(name, value);
    }
    let commands = ship["commands"].as_array().context("no commands")?;
    let lines: Vec<&str> = commands.iter().filter_map(Value::as_str).collect();
    let said = cli.script(&lines.join("\n"))?;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("by Woodpecker"), "{}", said.err);
    // It is the same version, whoever builds it.
    assert!(said.out.contains(" unchanged"), "{}", said.out);
    assert_eq!(artifacts(&stage).await?.len(), 1);
    stage.end().await
}

/// Checks that an example sets what the command line reads, and nothing that is misspelt.
fn known<'a>(names: impl Iterator<Item = &'a String>) {
    for name in names {
        let read = ["GIMLET_SERVER", "GIMLET_NAMESPACE", "GIMLET_TOKEN", "IMAGE"];
        assert!(read.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn every_file_for_ci_has_its_page() -> Result<()> {
    for (file, page) in [
        ("ci/github/action.yml", "docs/ci/github.md"),
        ("ci/gitlab/templates/release.yml", "docs/ci/gitlab.md"),
        ("ci/gitea/release.yaml", "docs/ci/gitea.md"),
        ("ci/woodpecker/release.yaml", "docs/ci/woodpecker.md"),
    ] {
        let text = std::fs::read_to_string(root()?.join(page))?;
        ensure!(
            Path::new(file).extension().is_some() && text.contains(file),
            "{page} has no {file}"
        );
    }
    // An input that the page does not name is one that nobody finds.
    for (file, page, path) in [
        ("ci/github/action.yml", "docs/ci/github.md", "/inputs"),
        ("ci/github/action.yml", "docs/ci/github.md", "/outputs"),
        ("ci/gitlab/templates/release.yml", "docs/ci/gitlab.md", "/spec/inputs"),
    ] {
        let text = std::fs::read_to_string(root()?.join(page))?;
        let all = documents(file)?.remove(0);
        let inputs = all.pointer(path).and_then(Value::as_object).context("no inputs")?;
        for name in inputs.keys() {
            ensure!(text.contains(&format!("`{name}`")), "{page} has no {name}");
        }
    }
    Ok(())
}
