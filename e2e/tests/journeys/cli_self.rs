//! The command line and its person: login, whoami, config, doctor, open, completion, old spellings.

use anyhow::{Context, Result, ensure};
use gimlet_crds::Phase;
use gimlet_e2e::{Cli, Dashboard, Stage, control_plane, install};
use serde_json::{Value, json};

/// Makes a service account with one of the roles that the project ships.
fn account(stage: &Stage, name: &str, role: &str) -> Result<String> {
    let namespace = stage.namespace.name();
    let rbac = "rbac.authorization.k8s.io";
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}},
        {"apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding",
         "metadata": {"name": name, "namespace": namespace},
         "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
         "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]}]});
    stage.cluster.apply(&objects.to_string())?;
    stage.cluster.token(namespace, name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_to_a_server_with_a_token() -> Result<()> {
    let stage = Stage::open("cli-login").await?;
    let token = account(&stage, "viewer", "gimlet-viewer")?;
    let cli = Cli::bare()?;
    let (server, authority) = cli.server(&stage.cluster)?;
    let authority = authority.to_string_lossy().into_owned();
    let namespace = stage.namespace.name();

    let login = ["login", &server, "--certificate-authority", &authority, "-n", namespace];
    let said = cli.run_with(login, "not-a-token")?;
    assert_eq!(said.code, 5, "{said:?}");
    let said = cli.run_with(login, &format!("{token}\n"))?;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains(&format!("as system:serviceaccount:{namespace}:viewer")),
        "{}",
        said.out
    );
    for text in [&said.out, &said.err] {
        assert!(!text.contains(token.trim()), "the token is told");
    }
    let config = std::fs::read_to_string(cli.home().join(".config/gimlet/config.yaml"))?;
    assert!(!config.contains(token.trim()), "the token is in the config file");

    // From now on nothing has to be said.
    assert!(cli.ok(["env", "list"])?.contains("staging"));
    let who: Value = serde_json::from_str(&cli.ok(["whoami", "-o", "json"])?)?;
    assert_eq!(
        who["rights"]["releases"],
        json!({"list": true, "create": false, "patch": false, "delete": false})
    );
    let view = cli.ok(["config", "view"])?;
    assert!(view.contains("by server") && view.contains("config file"), "{view}");
    let said = cli.run(["lock", "staging", "--reason", "x"])?;
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.err.contains("you may not patch environments"), "{}", said.err);

    assert!(cli.ok(["logout"])?.starts_with("signed out of"));
    let said = cli.run(["env", "list", "--server", &server])?;
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.err.contains("hint: gimlet login"), "{}", said.err);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_are_kept_and_flags_come_before_them() -> Result<()> {
    let cluster = control_plane()?;
    install(&cluster)?;
    let namespace = cluster.namespace("cli-config").await?;
    let mut cli = Cli::bare()?;
    let kubeconfig = namespace.kubeconfig(cli.home())?;
    cli.ok(["config", "set", "kubeconfig", &kubeconfig.to_string_lossy()])?;
    cli.ok(["config", "set", "namespace", "elsewhere"])?;
    let seen = |cli: &Cli, more: &[&str]| -> Result<Value> {
        let mut line = vec!["config", "view", "-o", "json"];
        line.extend(more);
        Ok(serde_json::from_str(&cli.ok(line)?)?)
    };
    assert_eq!(seen(&cli, &[])?["namespace"], "elsewhere");
    assert_eq!(seen(&cli, &["-n", "here"])?["namespace"], "here");
    cli.set("GIMLET_NAMESPACE", "variable");
    assert_eq!(seen(&cli, &[])?["settings"]["namespace"]["from"], "GIMLET_NAMESPACE");
    cli.set("GIMLET_NAMESPACE", "");
    let said = cli.run(["config", "set", "server", "http://far.example.com"])?;
    assert_eq!(said.code, 2, "{said:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_wrong_and_says_what_to_do() -> Result<()> {
    let mut stage = Stage::open("cli-doctor").await?;
    let cli = Cli::new(&stage.namespace)?;
    let namespace = stage.namespace.name().to_owned();
    let doctor = ["doctor", "--operator-namespace", &namespace];
    let said = cli.run(doctor)?;
    assert_eq!(said.code, 0, "{said:?}");
    for line in ["✓ cluster", "✓ clock", "✓ definitions", "✓ rights", "✓ operator", "✓ staging git"]
    {
        assert!(said.out.contains(line), "no {line} in\n{}", said.out);
    }
    // A repository that is not there, and an operator that is not there either.
    stage
        .environment("lost", "lost", json!({"gitops": {"url": "http://127.0.0.1:1/a/b.git"}}))
        .await?;
    stage
        .environment_until("lost", "is judged", |environment| {
            environment.status.as_ref().is_some_and(|status| !status.conditions.is_empty())
        })
        .await?;
    let said = cli.run(doctor)?;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("✕ lost git") && said.out.contains("→ gimlet env get lost"),
        "{}",
        said.out
    );
    stage.operator.stop().await?;
    let report = cli.run(["doctor", "--operator-namespace", &namespace, "-o", "json"])?;
    assert_eq!(report.code, 1, "{report:?}");
    let report: Value = serde_json::from_str(&report.out)?;
    let checks = report["checks"].as_array().context("no checks")?;
    let operator =
        checks.iter().find(|check| check["what"] == "operator").context("no operator")?;
    assert_eq!(operator["state"], "Wrong", "{operator}");

    let mut nowhere = Cli::bare()?;
    let said = nowhere.run(["doctor"])?;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("→ set KUBECONFIG"), "{}", said.out);
    nowhere.set("GIMLET_SERVER", "https://127.0.0.1:1").set("GIMLET_TOKEN", "x");
    let said = nowhere.run(["doctor"])?;
    assert!(
        said.out.contains("✕ cluster") && said.out.contains("cannot be reached"),
        "{}",
        said.out
    );
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_completed_and_old_spellings_understood() -> Result<()> {
    let stage = Stage::open("cli-complete").await?;
    let mut cli = Cli::new(&stage.namespace)?;
    let complete = |cli: &Cli, words: &[&str]| -> Result<String> {
        let mut line = vec!["--", "gimlet"];
        line.extend(words);
        cli.ok(line)
    };
    cli.set("GIMLET_COMPLETE", "bash").set("_CLAP_COMPLETE_INDEX", "2").set("_CLAP_IFS", "\n");
    assert_eq!(complete(&cli, &["lock", ""])?.lines().next(), Some("staging"));
    // Where nothing can be asked, nothing is completed, and nothing is said.
    let unreachable = cli.home().join("no-kubeconfig").to_string_lossy().into_owned();
    cli.set("KUBECONFIG", &unreachable);
    let mut line = vec!["--", "gimlet"];
    line.extend(["lock", ""]);
    let said = cli.run(line)?;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(!said.out.contains("staging"), "{}", said.out);

    let cli = Cli::new(&stage.namespace)?;
    let said = cli.run(["environment", "list"])?;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("is called `gimlet env list` now"), "{}", said.err);
    let said = cli.run(["artifact", "create", "--sha", "1"])?;
    assert_eq!(said.code, 2, "{said:?}");
    let said = cli.run(["open", "web", "-e", "staging"])?;
    assert_eq!(said.code, 6, "{said:?}");
    let page = cli.ok(["open", "web", "-e", "staging", "--what", "repository"])?;
    assert_eq!(page.trim_end(), stage.repository.http_url.trim_end_matches(".git"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_a_server_for_everything_that_is_no_business_of_the_cluster() -> Result<()>
{
    let stage = Stage::open("cli-dashboard").await?;
    let namespace = stage.namespace.name();
    let release = stage.release("web", stage.web("1")).await?;
    stage.phase(&release.metadata.name.unwrap_or_default(), Phase::Committed).await?;
    let dashboard = Dashboard::start(&stage.cluster, namespace, &[]).await?;
    let token = account(&stage, "releaser", "gimlet-releaser")?;
    // Events are of the cluster, and not of Gimlet's kinds: that right comes with view.
    let subject = format!("--serviceaccount={namespace}:releaser");
    let view = ["create", "rolebinding", "views", "-n", namespace, "--clusterrole=view", &subject];
    stage.cluster.kubectl(view)?;
    let cli = Cli::bare()?;
    let said = cli.run_with(["login", &dashboard.origin(), "-n", namespace], &token)?;
    ensure!(said.code == 0, "{said:?}");
    let person = format!("system:serviceaccount:{namespace}:releaser");
    for line in [
        &["status"][..],
        &["get", "releases", "-o", "wide"],
        &["history", "web", "-e", "staging"],
        &["env", "list"],
        &["app", "get", "web"],
        &["open", "web", "-e", "staging", "--print"],
    ] {
        let said = cli.run(line)?;
        ensure!(said.code == 0, "{line:?}: {said:?}");
    }
    let who: Value = serde_json::from_str(&cli.ok(["whoami", "-o", "json"])?)?;
    ensure!(
        who["username"] == person.as_str() && who["rights"]["releases"]["create"] == true,
        "{who}"
    );
    ensure!(cli.ok(["events", "web"])?.contains("release/web.staging-"), "no events");
    let said = cli.run(["doctor"])?;
    let you = said.out.lines().find(|line| line.starts_with("✓ you")).unwrap_or_default();
    ensure!(you.contains(&person) && said.out.contains("✓ rights"), "{}", said.out);
    let chart = ["release", "web", "-e", "staging", "--chart", "app", "--image", "example/web:2"];
    let dry = ["--target-namespace", namespace, "--dry-run=server", "-o", "json"];
    let made: Value = serde_json::from_str(&cli.ok(chart.iter().chain(&dry))?)?;
    ensure!(made["spec"]["requestedBy"] == person.as_str(), "{made}");

    // What needs the cluster itself says so, and is not mistaken for an installation that lacks something.
    for line in [&["env", "check", "staging"][..], &["env", "connect", "staging", "--yes"]] {
        let said = cli.run(line)?;
        ensure!(said.code == 2, "{line:?}: {said:?}");
        ensure!(said.err.contains("passes only Gimlet's own kinds on"), "{line:?}: {}", said.err);
        ensure!(said.err.contains("use a kubeconfig"), "{line:?}: {}", said.err);
    }
    stage.end().await
}
