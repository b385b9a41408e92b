//! Deploy manifests changed through the API: commits, pull requests, and what nobody may lose.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{
    ConfigChange, ConfigChangePhase as Phase, ConfigChangeStatus, Repository as GimletRepository,
    condition,
};
use gimlet_e2e::{Cli, Repository, Stage, gitea, secret, wait_until};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use super::repositories::{artifact_of, manifest};

const SOON: Duration = Duration::from_mins(1);
const FILE: &str = ".gimlet/web.yaml";

/// Makes a Repository object of an application's repository, with a Secret of its own.
pub(crate) async fn connect(
    stage: &Stage,
    source: &Repository,
    token: &str,
    spec: Value,
) -> Result<()> {
    stage.cluster.apply(&secret(&stage.namespace, "source", &gitea()?.user, token))?;
    let mut object = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "shop"},
        "spec": {
            "url": source.http_url, "provider": "Gitea", "secretRef": {"name": "source"},
            "interval": "1h",
        },
    });
    for (name, value) in spec.as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    let api: Api<GimletRepository> = Api::namespaced(stage.client.clone(), &stage.namespace);
    api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    Ok(())
}

fn changes(stage: &Stage) -> Api<ConfigChange> {
    Api::namespaced(stage.client.clone(), &stage.namespace)
}

async fn change(stage: &Stage, name: &str, fields: Value) -> Result<ConfigChange> {
    let mut object = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange", "metadata": {"name": name},
        "spec": {"repository": "shop", "path": FILE, "message": format!("Change {name}")},
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    Ok(changes(stage).create(&PostParams::default(), &serde_json::from_value(object)?).await?)
}

async fn until(
    stage: &Stage,
    name: &str,
    what: &str,
    is: impl Fn(&ConfigChangeStatus) -> bool,
) -> Result<ConfigChangeStatus> {
    wait_until(&format!("change {name} {what}"), SOON, async || {
        let found = changes(stage).get(name).await?;
        let status = found.status.clone().unwrap_or_default();
        ensure!(is(&status), "{}", serde_json::to_string(&status)?);
        let broken = condition::violations(&status.conditions, Some(1), status.observed_generation);
        ensure!(broken.is_empty(), "{broken:?}");
        Ok(status)
    })
    .await
}

async fn phase(stage: &Stage, name: &str, phase: Phase) -> Result<ConfigChangeStatus> {
    until(stage, name, phase.as_str(), |status| status.phase == phase).await
}

fn says(status: &ConfigChangeStatus) -> (String, String) {
    condition::find(&status.conditions, condition::READY)
        .map(|ready| (ready.reason.clone(), ready.message.clone()))
        .unwrap_or_default()
}

/// Gives the id of the file's content on a branch.
fn blob(source: &Repository, branch: &str) -> Result<String> {
    let file = source.api("GET", &format!("/contents/{FILE}?ref={branch}"), None)?;
    file["sha"].as_str().map(str::to_owned).context("the file has no id")
}

/// Lists the messages of a branch's commits, the newest first.
fn messages(source: &Repository, branch: &str) -> Result<Vec<String>> {
    let commits = source.api("GET", &format!("/commits?sha={branch}"), None)?;
    let commits = commits.as_array().context("no commits")?;
    Ok(commits.iter().map(|c| c["commit"]["message"].as_str().unwrap_or("").to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_one_commit_however_often_it_is_looked_at() -> Result<()> {
    let mut stage = Stage::bare("change").await?;
    let source = gitea()?.repository("change-app")?;
    connect(&stage, &source, &gitea()?.token, json!({})).await?;
    let first = manifest(&stage, "web", "  event: push\n");
    let made = change(&stage, "create", json!({"content": first, "requestedBy": "mia"})).await?;
    let done = phase(&stage, "create", Phase::Committed).await?;
    assert_eq!(done.branch.as_deref(), Some("main"));
    let commit = done.commit.context("no commit")?;
    assert_eq!(commit.sha, source.head("main")?);
    assert!(commit.url.is_some_and(|url| url.contains(&commit.sha)));
    assert_eq!(source.read("main", FILE)?.as_deref(), Some(first.as_str()));
    let uid = made.metadata.uid.context("no uid")?;
    let message = messages(&source, "main")?.remove(0);
    assert!(message.starts_with("Change create\n\nGimlet-Change: "), "{message}");
    assert!(message.contains(&uid), "{message}");

    let second = first.replace("8080", "9090");
    change(&stage, "update", json!({"content": second, "baseBlob": blob(&source, "main")?}))
        .await?;
    phase(&stage, "update", Phase::Committed).await?;
    assert_eq!(source.read("main", FILE)?.as_deref(), Some(second.as_str()));
    // An operator that knows nothing of it finds it again, by the commit alone.
    let head = source.head("main")?;
    stage.operator.kill()?;
    stage.cluster.kubectl([
        "patch",
        "configchange",
        "update",
        "-n",
        stage.namespace.name(),
        "--subresource=status",
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/status"}]"#,
    ])?;
    stage.operator.restart().await?;
    let again = phase(&stage, "update", Phase::Committed).await?;
    assert_eq!(again.commit.context("no commit")?.sha, head);
    assert_eq!(source.head("main")?, head, "nothing was written again");

    // The same once more changes nothing, and neither does what is there already.
    change(&stage, "same", json!({"content": second})).await?;
    phase(&stage, "same", Phase::Unchanged).await?;
    change(&stage, "gone", json!({"delete": true, "baseBlob": blob(&source, "main")?})).await?;
    phase(&stage, "gone", Phase::Committed).await?;
    assert_eq!(source.read("main", FILE)?, None);
    let metrics = stage.operator.metrics()?;
    assert!(metrics.contains(r#"gimlet_config_changes_total{phase="Unchanged"} 1"#), "{metrics}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_else_changed_is_not_overwritten() -> Result<()> {
    let stage = Stage::bare("conflict").await?;
    let source = gitea()?.repository("conflict-app")?;
    let first = manifest(&stage, "web", "  event: push\n");
    source.write("main", FILE, &first)?;
    let old = blob(&source, "main")?;
    let theirs = first.replace("8080", "1234");
    let their_commit = source.write("main", FILE, &theirs)?;
    connect(&stage, &source, &gitea()?.token, json!({})).await?;
    let ours = first.replace("8080", "9090");
    for (name, mode) in [("commit", "Commit"), ("request", "PullRequest")] {
        change(&stage, name, json!({"content": ours, "baseBlob": old, "mode": mode})).await?;
        let (reason, message) = says(&phase(&stage, name, Phase::Conflict).await?);
        assert_eq!(reason, "Conflict");
        assert!(message.contains(&their_commit[..7]), "it names the commit: {message}");
        assert!(message.contains("set .gimlet/web.yaml"), "and what it says: {message}");
    }
    change(&stage, "new", json!({"content": ours})).await?;
    let (_, message) = says(&phase(&stage, "new", Phase::Conflict).await?);
    assert!(message.contains("is there already"), "{message}");
    assert_eq!(source.head("main")?, their_commit);
    let branches = source.api("GET", "/branches", None)?;
    assert_eq!(branches.as_array().map(Vec::len), Some(1), "{branches}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_is_opened_once_and_followed_to_its_end() -> Result<()> {
    let mut stage = Stage::bare("proposal").await?;
    let source = gitea()?.repository("proposal-app")?;
    let first = manifest(&stage, "web", "  event: push\n");
    source.write("main", FILE, &first)?;
    let base = blob(&source, "main")?;
    let head = source.head("main")?;
    connect(&stage, &source, &gitea()?.token, json!({})).await?;
    let wanted = first.replace("8080", "9090");
    let fields = json!({"content": wanted, "baseBlob": base, "mode": "PullRequest"});
    change(&stage, "ask", fields.clone()).await?;
    let open = phase(&stage, "ask", Phase::Proposed).await?;
    let pull = open.pull_request.context("no pull request")?;
    assert_eq!(source.head("main")?, head, "nothing is on the branch");
    let shown = source.api("GET", &format!("/pulls/{}", pull.number), None)?;
    assert_eq!(shown["title"], "Change ask");
    assert_eq!(shown["head"]["ref"], pull.branch.as_str());
    assert_eq!(source.read(&pull.branch, FILE)?.as_deref(), Some(wanted.as_str()));

    stage.operator.kill()?;
    stage.cluster.kubectl([
        "patch",
        "configchange",
        "ask",
        "-n",
        stage.namespace.name(),
        "--subresource=status",
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/status"}]"#,
    ])?;
    stage.operator.restart().await?;
    let again = phase(&stage, "ask", Phase::Proposed).await?;
    assert_eq!(again.pull_request.context("no pull request")?.number, pull.number);
    assert_eq!(source.api("GET", "/pulls?state=all", None)?.as_array().map(Vec::len), Some(1));

    // Merged while nobody looks; the operator finds out when it starts.
    stage.operator.kill()?;
    wait_until("the pull request is merged", SOON, async || {
        let body = json!({"Do": "merge"});
        source.api("POST", &format!("/pulls/{}/merge", pull.number), Some(&body)).map(drop)
    })
    .await?;
    stage.operator.restart().await?;
    let done = phase(&stage, "ask", Phase::Committed).await?;
    assert_eq!(done.commit.context("no commit")?.sha, source.head("main")?);
    assert_eq!(source.read("main", FILE)?.as_deref(), Some(wanted.as_str()));
    let branches = source.api("GET", "/branches", None)?;
    assert_eq!(branches.as_array().map(Vec::len), Some(1), "its branch is deleted: {branches}");

    let back = json!({"content": first, "baseBlob": blob(&source, "main")?, "mode": "PullRequest"});
    change(&stage, "back", back).await?;
    let open = phase(&stage, "back", Phase::Proposed).await?;
    let number = open.pull_request.context("no pull request")?.number;
    stage.operator.kill()?;
    source.api("PATCH", &format!("/pulls/{number}"), Some(&json!({"state": "closed"})))?;
    stage.operator.restart().await?;
    let (_, message) = says(&phase(&stage, "back", Phase::Closed).await?);
    assert!(message.contains("closed without being merged"), "{message}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_manifest_or_may_not_be_written_says_so() -> Result<()> {
    let stage = Stage::bare("refused").await?;
    let source = gitea()?.repository("refused-app")?;
    let content = manifest(&stage, "web", "  event: push\n");
    change(&stage, "early", json!({"content": content})).await?;
    let waits = until(&stage, "early", "waits for the Repository", |s| says(s).0 == "NoRepository");
    assert!(says(&waits.await?).1.contains("create it"));
    changes(&stage).delete("early", &DeleteParams::default()).await?;
    let head = source.head("main")?;

    let reads = gitea()?.scoped_token(&["read:repository"])?;
    connect(&stage, &source, &reads, json!({})).await?;
    change(&stage, "broken", json!({"content": "app: web\nenv: staging\nreplica: [\n"})).await?;
    let (reason, message) = says(&phase(&stage, "broken", Phase::Failed).await?);
    assert_eq!(reason, "InvalidManifest");
    assert!(message.contains("line "), "it says where: {message}");

    change(&stage, "rights", json!({"content": content})).await?;
    let told = until(&stage, "rights", "names the right", |s| says(s).0 == "Forbidden").await?;
    assert_eq!(told.phase, Phase::Pending);
    assert!(says(&told).1.contains("write:repository"), "{}", says(&told).1);
    assert_eq!(source.head("main")?, head, "nothing was written");
    // Mending the Secret is enough.
    stage.cluster.apply(&secret(&stage.namespace, "source", &gitea()?.user, &gitea()?.token))?;
    phase(&stage, "rights", Phase::Committed).await?;
    assert!(!stage.operator.log().contains(&reads), "the log holds the token");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_git_says_that_it_needs_a_provider() -> Result<()> {
    let stage = Stage::bare("plain").await?;
    let source = gitea()?.repository("plain-app")?;
    connect(&stage, &source, &gitea()?.token, json!({"provider": "Git"})).await?;
    let content = manifest(&stage, "web", "  event: push\n");
    change(&stage, "c", json!({"content": content})).await?;
    let told = until(&stage, "c", "needs a provider", |s| says(s).0 == "NeedsProvider").await?;
    assert!(says(&told).1.contains("spec.provider"), "{}", says(&told).1);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_configured_from_the_command_line() -> Result<()> {
    let stage = Stage::bare("cli-set").await?;
    let source = gitea()?.repository("cli-set-app")?;
    let first = format!("# the shop\n{}", manifest(&stage, "web", "  event: push\n"));
    let sha = source.write("main", FILE, &first)?;
    connect(&stage, &source, &gitea()?.token, json!({"artifactsFromCommits": true})).await?;
    artifact_of(&stage, &sha, gimlet_crds::ArtifactEvent::Push).await?;
    let cli = Cli::new(&stage.namespace)?;
    let set = ["app", "set", "web", "-e", "staging"];

    let dry = cli.ok(set.iter().chain(&["port=9090", "--dry-run=client", "-o", "json"]))?;
    let dry: Value = serde_json::from_str(&dry)?;
    assert_eq!(dry["spec"]["baseBlob"], blob(&source, "main")?);
    let said = cli.run(set.iter().chain(&["port=9090"]))?;
    assert_eq!(said.code, 2, "nobody is asked: {said:?}");
    assert!(said.err.contains("+  port: 9090") && said.err.contains("pass --yes"), "{}", said.err);
    assert!(said.err.contains("rendered:"), "{}", said.err);
    assert_eq!(source.head("main")?, sha);

    let said = cli.run(set.iter().chain(&["port=9090", "--yes", "-m", "another port"]))?;
    assert_eq!(said.code, 0, "{said:?}");
    let wanted = first.replace("port: 8080", "port: 9090");
    assert_eq!(source.read("main", FILE)?.as_deref(), Some(wanted.as_str()), "comments stay");
    assert!(messages(&source, "main")?[0].starts_with("another port\n"));
    assert!(said.err.contains(&format!("committed {}", &source.head("main")?[..7])), "{said:?}");

    // The newest artifact is that of the first commit still; what a change made of the file is known too.
    let second = ["port=9091", "--yes", "--no-render"];
    let said = cli.run(set.iter().chain(&second))?;
    assert_eq!(said.code, 0, "{said:?}");
    let wanted = wanted.replace("port: 9090", "port: 9091");
    assert_eq!(source.read("main", FILE)?.as_deref(), Some(wanted.as_str()));

    // Somebody else's change is not lost, and both can be had without a checkout.
    let theirs = wanted.replacen("# the shop", "# the shop of Ben", 1);
    source.write("main", FILE, &theirs)?;
    let said = cli.run(set.iter().chain(&["port=1", "--yes", "--no-render"]))?;
    assert_eq!(said.code, 7, "{said:?}");
    for text in ["was changed meanwhile", "+# the shop of Ben", "-port: 9091", "with --merge"] {
        assert!(said.err.replace("  port", "port").contains(text), "no {text}: {}", said.err);
    }
    assert_eq!(source.read("main", FILE)?.as_deref(), Some(theirs.as_str()));
    edits_on_a_terminal(&stage, &source, &theirs)?;

    // A checkout can fetch what they changed, so both changes can be had.
    let mut cli = Cli::new(&stage.namespace)?;
    let checkout = source.checkout()?;
    cli.enter(checkout.path());
    let now = source.read("main", FILE)?.context("the file is gone")?;
    let theirs = now.replacen("# the shop of Ben", "# the shop of Mia", 1);
    source.write("main", FILE, &theirs)?;
    let said = cli.run(set.iter().chain(&["port=7070", "--yes", "--merge", "--no-render"]))?;
    assert_eq!(said.code, 0, "{said:?}");
    let both = theirs.replace("port: 5050", "port: 7070");
    assert_eq!(source.read("main", FILE)?.as_deref(), Some(both.as_str()));
    source.write("main", FILE, &both.replace("port: 7070", "port: 1234"))?;
    let said = cli.run(set.iter().chain(&["port=4321", "--yes", "--merge", "--no-render"]))?;
    assert_eq!(said.code, 7, "{said:?}");
    assert!(said.err.contains("both changed the same lines"), "{}", said.err);

    let list = cli.ok(["get", "changes", "-o", "wide"])?;
    assert!(list.contains("Committed") && list.contains("Conflict"), "{list}");
    stage.end().await
}

/// Edits the file with a real editor at a real terminal, while somebody else does the same.
fn edits_on_a_terminal(stage: &Stage, source: &Repository, now: &str) -> Result<()> {
    let mut cli = Cli::new(&stage.namespace)?;
    // An editor that is slow: meanwhile the branch moves, by the hand of somebody else.
    let editor = cli.home().join("editor");
    let write_editor = |script: &str| -> Result<()> {
        std::fs::write(&editor, format!("#!/bin/sh\nset -e\n{script}\n"))?;
        std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755))?;
        Ok(())
    };
    cli.set("EDITOR", &format!("{} --wait", editor.display()));
    let edit = ["app", "edit", "web", "-e", "staging", "--no-render"];

    // What is no manifest is kept, and nothing is sent.
    write_editor("echo 'app: [' > \"$2\"")?;
    let said = cli.on_terminal(edit, "")?;
    ensure!(said.code == 2 && said.out.contains("your text is kept"), "{said:?}");
    // An answer that is no is no.
    write_editor("sed -i 's/port: 9091/port: 6060/' \"$2\"")?;
    let said = cli.on_terminal(edit, "n\n")?;
    ensure!(said.code == 130 && said.out.contains("your text is kept"), "{said:?}");
    ensure!(source.read("main", FILE)?.as_deref() == Some(now), "it was written");
    let said = cli.on_terminal(edit, "y\n")?;
    ensure!(said.code == 0 && said.out.contains("+  port: 6060"), "{said:?}");
    let mine = now.replace("port: 9091", "port: 6060");
    ensure!(source.read("main", FILE)?.as_deref() == Some(mine.as_str()), "{said:?}");

    // Both change the same line: the marks are resolved in the editor, and the result is sent.
    let theirs = mine.replace("port: 6060", "port: 4040");
    source.write("main", FILE, &theirs)?;
    write_editor(
        "if grep -q '^<<<<<<< yours' \"$2\"; then\n\
         grep -q 'port: 4040' \"$2\"\n\
         sed -i '/^<<<<<<</,/^>>>>>>>/c\\  port: 5050' \"$2\"\n\
         else sed -i 's/port: 6060/port: 3030/' \"$2\"; fi",
    )?;
    let said = cli.on_terminal(edit, "y\ny\ny\n")?;
    ensure!(said.code == 0, "{said:?}");
    for text in ["both changed the same lines", "+  port: 4040", "+  port: 5050", "committed "] {
        ensure!(said.out.contains(text), "no {text}: {}", said.out);
    }
    let both = theirs.replace("port: 4040", "port: 5050");
    ensure!(source.read("main", FILE)?.as_deref() == Some(both.as_str()), "{said:?}");
    Ok(())
}
