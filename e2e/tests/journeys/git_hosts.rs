//! What the git host refuses, what somebody does in git by hand, and what nobody may read.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{App, BlockerKind, Environment, Phase, condition};
use gimlet_e2e::{SshKey, Stage, gitea, secret, wait_until};
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::json;

use super::faults::{once, ready};

/// Tells whether the environment's Ready has a reason, and a message with a text.
fn says(environment: &Environment, reason: &str, text: &str) -> bool {
    let conditions = environment.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|condition| condition.type_ == condition::READY)
        .any(|ready| ready.reason == reason && ready.message.contains(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_and_mending_the_secret_is_enough() -> Result<()> {
    let gitea = gitea()?;
    let stage = Stage::bare("wrong").await?;
    let wrong = "wrong-password-of-this-test";
    stage.cluster.apply(&secret(&stage.namespace, "mine", &gitea.user, wrong))?;
    let spec = json!({"gitops": {"secretRef": {"name": "mine"}}});
    stage.environment("staging", "staging", spec).await?;
    let release = stage.release("web", stage.web("1")).await?;
    stage
        .environment_until("staging", "says what to do", |environment| {
            says(environment, "GitUnauthorized", "check the credentials")
        })
        .await?;
    let waiting = stage
        .until(&release.name_any(), "says what to do", |release| {
            let (reason, message) = ready(release);
            reason == "GitUnauthorized" && message.contains("check the credentials")
        })
        .await?;
    let status = waiting.status.clone().context("it has a status")?;
    assert_eq!(status.blocked_by.first().map(|b| b.kind), Some(BlockerKind::Git));
    assert!(status.timestamps.ended.is_none(), "it goes on when the Secret is mended");
    stage.cluster.apply(&secret(&stage.namespace, "mine", &gitea.user, &gitea.token))?;
    stage.environment_ready("staging").await?;
    once(&stage, &release).await?;
    assert!(!stage.operator.log().contains(wrong), "the log holds the password");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_named_and_making_it_is_enough() -> Result<()> {
    let gitea = gitea()?;
    let stage = Stage::bare("missing").await?;
    let spec = json!({"gitops": {"secretRef": {"name": "not-there"}}});
    stage.environment("staging", "staging", spec).await?;
    let release = stage.release("web", stage.web("1")).await?;
    stage
        .environment_until("staging", "names the Secret", |environment| {
            says(environment, "SecretNotFound", "the Secret not-there")
        })
        .await?;
    stage.cluster.apply(&secret(&stage.namespace, "not-there", &gitea.user, &gitea.token))?;
    stage.environment_ready("staging").await?;
    once(&stage, &release).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_branch_fails_the_release_with_the_servers_words() -> Result<()> {
    let stage = Stage::open("protected").await?;
    stage.repository.protect_branch("main")?;
    let release = stage.release("web", stage.web("1")).await?;
    let ended = stage.ended(&release.name_any()).await?;
    assert_eq!(ended.status.as_ref().map(|status| status.phase), Some(Phase::Failed));
    let (reason, message) = ready(&ended);
    assert_eq!(reason, "GitRejected", "{message}");
    assert!(message.contains("protected branch"), "{message}");
    assert!(message.contains("check the branch's protection"), "{message}");
    assert!(stage.commits_of(&release)?.is_empty(), "nothing is in git");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_branch_is_not_made_again_by_a_release() -> Result<()> {
    let stage = Stage::bare("deleted").await?;
    // The branch of the environment is not the repository's default, which cannot be deleted.
    let checkout = stage.repository.checkout()?;
    checkout.git(["symbolic-ref", "HEAD", "refs/heads/main"])?;
    checkout.write("README.md", "A gitops repository.\n")?;
    checkout.commit_and_push("first")?;
    checkout.git(["push", "--quiet", "origin", "HEAD:refs/heads/live"])?;
    stage.environment("staging", "staging", json!({"gitops": {"branch": "live"}})).await?;
    stage.environment_ready("staging").await?;
    let last = stage.repository.head("live")?;
    checkout.git(["fetch", "--quiet", "origin", &last])?;
    checkout.git(["push", "--quiet", "origin", ":refs/heads/live"])?;
    let release = stage.release("web", stage.web("1")).await?;
    let waiting = stage
        .until(&release.name_any(), "says that the branch is gone", |release| {
            ready(release).0 == "GitBranchMissing"
        })
        .await?;
    assert!(ready(&waiting).1.contains("it was deleted"), "{}", ready(&waiting).1);
    assert!(stage.repository.head("live").is_err(), "the branch was made again");
    checkout.git(["push", "--quiet", "origin", &format!("{last}:refs/heads/live")])?;
    let ended = stage.ended(&release.name_any()).await?;
    assert!(ended.status.is_some_and(|status| status.commit.is_some()), "it is not in git");
    checkout.git(["fetch", "--quiet", "origin", "live"])?;
    let trailers = "--format=%(trailers:key=Gimlet-Release,valueonly)";
    let log = checkout.git(["log", trailers, "FETCH_HEAD"])?;
    let uid = release.uid().context("a created release has a UID")?;
    assert_eq!(log.matches(&uid).count(), 1, "{log}");
    stage.end().await
}

fn drift(app: &App) -> Option<&str> {
    app.status.as_ref()?.drift.as_ref()?.git.as_deref()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_hand_is_shown_as_drift_until_the_next_release_takes_it_back() -> Result<()> {
    let stage = Stage::open("drift").await?;
    stage.connect_flux().await?;
    let release = stage.release("web", stage.web("1")).await?;
    stage.phase(&release.name_any(), Phase::Healthy).await?;
    stage
        .app_until("web", "has no drift", |app| app.status.is_some() && drift(app).is_none())
        .await?;
    let files = stage.files()?;
    let is_deployment = |path: &str, text: &str| {
        path.starts_with("staging/web/") && text.contains("kind: Deployment")
    };
    let (path, text) =
        files.iter().find(|(path, text)| is_deployment(path, text)).context("no deployment")?;
    let hand =
        stage.repository.write("main", path, &text.replace("example/web:1", "example/web:hand"))?;
    let app = stage
        .app_until("web", "has drifted", |app| {
            let conditions = app.status.iter().flat_map(|status| &status.conditions);
            drift(app).is_some()
                && conditions.clone().any(|c| c.type_ == "Ready" && c.reason == "Drifted")
        })
        .await?;
    let told = drift(&app).context("it has drifted")?;
    assert!(told.contains(&hand[..7]), "{told} does not name {hand}");

    let next = stage.release("web", stage.web("1")).await?;
    let ended = once(&stage, &next).await?;
    let plan = ended.status.and_then(|status| status.plan).context("it has a plan")?;
    assert_eq!((plan.added, plan.changed, plan.removed), (0, 1, 0));
    assert!(plan.objects[0].starts_with("~ Deployment/"), "{:?}", plan.objects);
    stage.app_until("web", "has no drift any more", |app| drift(app).is_none()).await?;
    assert_eq!(stage.files()?.get(path), Some(text), "the file is as it was released");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_hand_is_adopted_if_it_is_the_one_that_was_seen() -> Result<()> {
    let stage = Stage::open("adopt").await?;
    let release = stage.release("web", stage.web("1")).await?;
    once(&stage, &release).await?;
    let path = "staging/web/deployment-web.yaml";
    let files = stage.files()?;
    let text =
        files.get(path).context("no deployment")?.replace("example/web:1", "example/web:hand");
    let hand = stage.repository.write("main", path, &text)?;
    stage.app_until("web", "has drifted", |app| drift(app).is_some()).await?;
    let adopt = |commit: &str| json!({"adopt": {"commit": commit}, "reason": "mended at night"});
    let other = stage.create("web", adopt(&"0".repeat(40))).await?;
    let other = stage.ended(&other.name_any()).await?;
    assert_eq!(other.status.map(|status| status.phase), Some(Phase::Rejected));
    let adopted = stage.create("web", adopt(&hand[..10])).await?;
    let adopted = once(&stage, &adopted).await?;
    assert_eq!(adopted.status.as_ref().map(|status| status.phase), Some(Phase::Committed));
    stage.app_until("web", "has no drift any more", |app| drift(app).is_none()).await?;
    assert_eq!(stage.files()?.get(path), Some(&text), "the change stays");
    let commit = &stage.commits_of(&adopted)?[0];
    assert_eq!(commit.trailer("Gimlet-Action"), Some("adopt"));
    assert_eq!(commit.trailer("Gimlet-Reason"), Some("mended at night"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_hand_is_counted_and_taken_back_without_holding_the_app() -> Result<()> {
    let stage = Stage::open("restore").await?;
    let release = stage.release("web", stage.web("1")).await?;
    let released = once(&stage, &release).await?;
    let path = "staging/web/deployment-web.yaml";
    let before = stage.files()?.get(path).cloned().context("no deployment")?;
    let hand = before.replace("example/web:1", "example/web:hand");
    stage.repository.write("main", path, &hand)?;
    stage
        .app_until("web", "has drifted", |app| {
            let conditions = app.status.iter().flat_map(|status| &status.conditions);
            drift(app).is_some() && conditions.clone().any(|c| c.reason == "Drifted")
        })
        .await?;
    let metric = |count: u32| {
        let namespace = stage.namespace.name();
        format!(r#"gimlet_apps_drifted{{environment="staging",namespace="{namespace}"}} {count}"#)
    };
    let metrics = stage.operator.metrics()?;
    assert!(metrics.contains(&metric(1)), "{metrics}");
    let events: Api<Event> = Api::namespaced(stage.client.clone(), &stage.namespace);
    wait_until("the event of the drift", Duration::from_mins(1), async || {
        let all = events.list(&ListParams::default()).await?;
        ensure!(all.iter().any(|event| event.reason.as_deref() == Some("Drifted")), "no event");
        Ok(())
    })
    .await?;

    let current = released.status.and_then(|status| status.commit).context("it is in git")?.sha;
    let back = stage.roll_back("web", json!({"commit": current}), "nobody knows why").await?;
    once(&stage, &back).await?;
    assert_eq!(stage.files()?.get(path), Some(&before), "the folder is as it was released");
    let app = stage.app_until("web", "has no drift", |app| drift(app).is_none()).await?;
    assert_eq!(app.spec.hold, None, "policies go on: the newest release is what is there");
    assert!(stage.operator.metrics()?.contains(&metric(0)));
    stage.end().await
}

fn ssh_secret(namespace: &str, name: &str, key: &SshKey, known_hosts: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {"identity": key.private(), "known_hosts": known_hosts},
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_written_over_ssh_if_the_host_is_known() -> Result<()> {
    let gitea = gitea()?;
    let stage = Stage::bare("ssh").await?;
    let key = SshKey::generate()?;
    stage.repository.add_deploy_key(&key, true)?;
    let known = gitea.known_hosts()?;
    let host = known.split_whitespace().next().context("known_hosts names a host")?;
    let stranger = format!("{host} {}\n", SshKey::generate()?.public());
    stage.cluster.apply(&ssh_secret(&stage.namespace, "known", &key, &known))?;
    stage.cluster.apply(&ssh_secret(&stage.namespace, "unknown", &key, &stranger))?;
    let spec = |name: &str| json!({"gitops": {"url": stage.repository.ssh_url, "secretRef": {"name": name}}});
    stage.environment("other", "other", spec("unknown")).await?;
    stage.environment("staging", "staging", spec("known")).await?;
    stage.environment_ready("staging").await?;
    let release = stage.release("web", stage.web("1")).await?;
    once(&stage, &release).await?;
    stage
        .environment_until("other", "does not trust the host", |environment| {
            says(environment, "GitUnauthorized", "known hosts")
        })
        .await?;
    let secret = key.private().lines().nth(1).context("a private key has lines")?;
    assert!(!stage.operator.log().contains(secret), "the log holds the key");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_never_was_there_is_made_and_one_that_was_deleted_is_not() -> Result<()> {
    let gitea = gitea()?;
    let stage = Stage::bare("future").await?;
    let future = gitea.future_repository("future-gitops");
    let spec = json!({"gitops": {
        "url": future.http_url, "provider": "Gitea", "createRepository": "Private",
    }});
    stage.environment("staging", "staging", spec).await?;
    stage.environment_ready("staging").await?;
    let made = future.api("GET", "", None)?;
    assert_eq!((&made["private"], &made["default_branch"]), (&json!(true), &json!("main")));
    let release = stage.release("web", stage.web("1")).await?;
    // By a push: that the API of the host is known asks for no pull requests.
    let ended = stage.ended(&release.name_any()).await?;
    assert_eq!(ended.status.map(|status| status.phase), Some(Phase::Committed));
    let events: Api<Event> = Api::namespaced(stage.client.clone(), &stage.namespace);
    wait_until("an event tells of it", Duration::from_secs(20), async || {
        let all = events.list(&ListParams::default()).await?;
        let told = all.iter().filter(|e| e.reason.as_deref() == Some("RepositoryCreated"));
        ensure!(told.count() == 1, "{all:?}");
        Ok(())
    })
    .await?;
    future.api("DELETE", "", None)?;
    stage
        .environment_until("staging", "says that it is gone", |environment| {
            says(environment, "GitNotFound", "")
        })
        .await?;
    let path = format!("/repos/{}/{}", future.owner, future.name);
    assert_eq!(gitea.try_api("GET", &path, None)?.0, 404, "it came back, empty");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_name_no_commit_and_no_release() -> Result<()> {
    let stage = Stage::open("metrics").await?;
    let good = stage.release("web", stage.web("1")).await?;
    let ended = once(&stage, &good).await?;
    let bad = stage.release("bad", stage.web("{{ .NOT_THERE }}")).await?;
    stage.phase(&bad.name_any(), Phase::Failed).await?;
    let metrics = stage.operator.metrics()?;
    let sha = ended.status.and_then(|status| status.commit).context("it is in git")?.sha;
    let uid = good.uid().context("a created release has a UID")?;
    for unwanted in [&sha, &uid] {
        assert!(!metrics.contains(unwanted.as_str()), "a metric has a commit or a UID");
    }
    assert!(!metrics.contains(&good.name_any()), "a metric has the name of a release");
    assert!(stage.operator.log().contains("a release moved"), "the log tells of releases");
    let wanted = [
        "gimlet_git_operations_total{op=\"push\",result=\"ok\"}",
        "gimlet_git_operation_duration_seconds_count{op=\"push\"}",
        "gimlet_git_pushed_commits_total{repo=",
        "gimlet_queue_depth{repo=",
        "gimlet_queue_oldest_seconds{repo=",
        "gimlet_release_phase_duration_seconds_count{environment=\"staging\",phase=\"Committed\"} 1",
        "gimlet_releases_total{environment=\"staging\",result=\"Committed\",trigger=\"Manual\"} 1",
        "gimlet_releases_total{environment=\"staging\",result=\"Failed\",trigger=\"Manual\"} 1",
        "gimlet_render_duration_seconds_count{result=\"ok\"}",
        "gimlet_reconciles_total{kind=\"Release\",result=\"ok\"}",
    ];
    // A status is seen a moment before it is counted.
    wait_until("the metrics", Duration::from_secs(20), async || {
        let metrics = stage.operator.metrics()?;
        let missing: Vec<_> = wanted.iter().filter(|name| !metrics.contains(**name)).collect();
        ensure!(missing.is_empty(), "there is no {missing:#?} in\n{metrics}");
        Ok(())
    })
    .await?;
    stage.end().await
}
