//! Environments whose branch nobody pushes to: releases come by pull requests.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{BlockerKind, Phase, PullRequestStatus, Release, condition};
use gimlet_e2e::{Stage, wait_until};
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::faults::ready;

const SOON: Duration = Duration::from_mins(2);

/// Makes a stage with a protected branch, whose environment is set up by a merged pull request.
async fn protected(prefix: &str, gitops: Value) -> Result<Stage> {
    let stage = Stage::bare(prefix).await?;
    let checkout = stage.repository.checkout()?;
    checkout.git(["symbolic-ref", "HEAD", "refs/heads/main"])?;
    checkout.write("README.md", "A gitops repository.\n")?;
    checkout.commit_and_push("first")?;
    stage.repository.protect_branch("main")?;
    let mut spec = json!({"gitops": {"push": "PullRequest", "provider": "Gitea"}});
    for (key, value) in gitops.as_object().into_iter().flatten() {
        spec["gitops"][key] = value.clone();
    }
    let by_itself = spec["gitops"]["autoMerge"].is_string();
    stage.environment("staging", "staging", spec).await?;
    if !by_itself {
        let asked = stage
            .environment_until("staging", "asks for a merge", |environment| {
                environment.status.as_ref().is_some_and(|status| status.pull_request.is_some())
            })
            .await?;
        let status = asked.status.context("it has a status")?;
        let flux = condition::find(&status.conditions, condition::FLUX_READY);
        let flux = flux.context("it tells of Flux")?;
        ensure!(flux.reason == "PullRequest", "{flux:?}");
        let pull = status.pull_request.context("it has a pull request")?;
        merge(&stage, pull.number, "merge").await?;
    }
    stage
        .environment_until("staging", "is set up", |environment| {
            let status = environment.status.clone().unwrap_or_default();
            let flux = condition::find(&status.conditions, condition::FLUX_READY);
            status.pull_request.is_none() && flux.is_some_and(|flux| flux.reason == "NotConnected")
        })
        .await?;
    Ok(stage)
}

fn pull(stage: &Stage, number: i64) -> Result<Value> {
    stage.repository.api("GET", &format!("/pulls/{number}"), None)
}

fn branches(stage: &Stage) -> Result<Vec<String>> {
    let all = stage.repository.api("GET", "/branches", None)?;
    let names = all.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Merges a pull request as a person does.
async fn merge(stage: &Stage, number: i64, how: &str) -> Result<()> {
    let body = json!({"Do": how});
    // Gitea looks for conflicts first, and refuses to merge while it does.
    wait_until(&format!("#{number} is merged"), SOON, async || {
        let merged = stage.repository.api("POST", &format!("/pulls/{number}/merge"), Some(&body));
        // A merge whose answer was lost is refused the second time.
        let Err(error) = merged else { return Ok(()) };
        let seen = pull(stage, number)?;
        ensure!(seen["merged"] == true, "{error}; it is {}", seen["state"]);
        Ok(())
    })
    .await
}

/// Waits until a release has its pull request, and gives both.
async fn proposed(stage: &Stage, release: &Release) -> Result<(Release, PullRequestStatus)> {
    let found = stage
        .until(&release.name_any(), "has a pull request", |release| {
            release.status.as_ref().is_some_and(|status| {
                status.phase == Phase::Waiting && status.pull_request.is_some()
            })
        })
        .await?;
    let status = found.status.clone().context("it has a status")?;
    let blockers: Vec<_> = status.blocked_by.iter().map(|blocker| blocker.kind).collect();
    ensure!(blockers == [BlockerKind::PullRequest], "{blockers:?}");
    let pull = status.pull_request.context("it has a pull request")?;
    Ok((found, pull))
}

async fn gone(stage: &Stage, branch: &str) -> Result<()> {
    wait_until(&format!("the end of branch {branch}"), SOON, async || {
        let left = branches(stage)?;
        ensure!(!left.iter().any(|name| name == branch), "{left:?}");
        Ok(())
    })
    .await
}

const BRANCH: &str = "gimlet/main/staging/web";

#[tokio::test(flavor = "multi_thread")]
async fn a_release_waits_to_be_merged_and_a_newer_one_takes_its_pull_request_over() -> Result<()> {
    let stage = protected("pulls", json!({})).await?;
    stage.connect_flux().await?;
    let reason = "@everyone `x`\n/merge\n```";
    let spec = json!({"manifest": stage.web("1"), "reason": reason, "requestedBy": "ada"});
    let first = stage.create("web", spec).await?;
    let (_, at_first) = proposed(&stage, &first).await?;
    let shown = pull(&stage, at_first.number)?;
    assert_eq!(shown["title"], "staging/web: release 1");
    assert_eq!(shown["head"]["ref"], BRANCH);
    let body = shown["body"].as_str().unwrap_or_default();
    assert!(body.contains("- Reason: `@everyone 'x' /merge '''`"), "{body}");
    assert!(body.contains("+ Deployment/web"), "{body}");
    assert!(stage.commits_of(&first)?.is_empty(), "the branch itself is not touched");

    stage.next_second(&first).await?;
    let second = stage.release("web", stage.web("2")).await?;
    let (_, at_second) = proposed(&stage, &second).await?;
    assert_eq!(at_first.number, at_second.number, "one pull request for each app");
    assert_ne!(at_first.commit, at_second.commit);
    let ended = stage.ended(&first.name_any()).await?;
    assert_eq!(ended.status.map(|status| status.phase), Some(Phase::Superseded));
    let shown = pull(&stage, at_second.number)?;
    assert_eq!(shown["title"], "staging/web: release 2");
    assert_eq!(shown["head"]["sha"], *at_second.commit);
    let commits = format!("/pulls/{}/commits", at_second.number);
    let commits = stage.repository.api("GET", &commits, None)?;
    assert_eq!(commits.as_array().map(Vec::len), Some(1), "exactly the release's commit");

    merge(&stage, at_second.number, "merge").await?;
    let healthy = stage.phase(&second.name_any(), Phase::Healthy).await?;
    let status = healthy.status.context("it has a status")?;
    let commit = status.commit.context("it is in git")?;
    assert_eq!(commit.sha, at_second.commit, "the commit stays as it was made");
    assert_eq!(stage.commits_of(&second)?.len(), 1);
    gone(&stage, BRANCH).await?;
    stage
        .app_until("web", "is what was merged", |app| {
            app.status.as_ref().is_some_and(|status| {
                let current = status.current.as_ref();
                current.is_some_and(|current| current.name == second.name_any())
                    && status.drift.is_none()
            })
        })
        .await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_squash_merge_is_recognised_by_what_it_left() -> Result<()> {
    let mut stage = protected("squash", json!({})).await?;
    stage.connect_flux().await?;
    let release = stage.release("web", stage.web("1")).await?;
    let (_, at) = proposed(&stage, &release).await?;
    // The operator misses the merge.
    stage.operator.kill()?;
    merge(&stage, at.number, "squash").await?;
    stage.operator.restart().await?;
    let healthy = stage.phase(&release.name_any(), Phase::Healthy).await?;
    let commit = healthy.status.and_then(|status| status.commit).context("it is in git")?;
    assert_eq!(commit.sha, stage.repository.head("main")?);
    assert_ne!(commit.sha, at.commit);
    stage
        .app_until("web", "is what was merged", |app| {
            app.status.as_ref().is_some_and(|status| {
                let current = status.current.as_ref();
                current.is_some_and(|current| current.commit == commit.sha)
                    && status.drift.is_none()
            })
        })
        .await?;
    // And by a rebase, which keeps the message.
    let next = stage.release("web", stage.web("2")).await?;
    let (_, at) = proposed(&stage, &next).await?;
    merge(&stage, at.number, "rebase").await?;
    stage.phase(&next.name_any(), Phase::Healthy).await?;
    assert_eq!(stage.commits_of(&next)?.len(), 1);
    // A rollback that was squashed has the record of what it went back to, and is no drift.
    let back = stage.roll_back("web", json!({"release": release.name_any()}), "bad").await?;
    let (_, at) = proposed(&stage, &back).await?;
    merge(&stage, at.number, "squash").await?;
    stage.phase(&back.name_any(), Phase::Healthy).await?;
    is_current(&stage, &back, &next).await?;
    stage.releases().delete(&back.name_any(), &DeleteParams::default()).await?;
    stage.operator.kill()?;
    stage.operator.restart().await?;
    is_current(&stage, &back, &next).await?;
    // What is done by hand afterwards still is.
    let hand = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hand\n";
    let body = json!({"enable_push": true});
    stage.repository.api("PATCH", "/branch_protections/main", Some(&body))?;
    stage.repository.write("main", "staging/web/hand.yaml", hand)?;
    stage
        .app_until("web", "was changed by hand", |app| {
            app.status.as_ref().is_some_and(|status| {
                status.drift.is_some()
                    && status.current.as_ref().is_some_and(|it| it.name == back.name_any())
            })
        })
        .await?;
    stage.end().await
}

/// Waits until a release is what the app is, after another one, and nothing differs from it.
async fn is_current(stage: &Stage, release: &Release, previous: &Release) -> Result<()> {
    let is = |seen: Option<&gimlet_crds::AppRelease>, wanted: &Release| {
        seen.is_some_and(|seen| seen.name == wanted.name_any())
    };
    let app = stage
        .app_until("web", "is what was merged", |app| {
            app.status.as_ref().is_some_and(|status| {
                is(status.current.as_ref(), release)
                    && is(status.previous.as_ref(), previous)
                    && status.drift.is_none()
            })
        })
        .await?;
    let ready =
        condition::find(&app.status.context("it has a status")?.conditions, "Ready").cloned();
    ensure!(ready.as_ref().is_some_and(|ready| ready.reason != "Drifted"), "{ready:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_is_closed_rejects_the_release_and_a_cancel_closes_it() -> Result<()> {
    let stage = protected("closed", json!({})).await?;
    let release = stage.release("web", stage.web("1")).await?;
    let (_, at) = proposed(&stage, &release).await?;
    let close = json!({"state": "closed"});
    stage.repository.api("PATCH", &format!("/pulls/{}", at.number), Some(&close))?;
    let ended = stage.ended(&release.name_any()).await?;
    assert_eq!(ended.status.as_ref().map(|status| status.phase), Some(Phase::Rejected));
    let (reason, message) = ready(&ended);
    assert_eq!(reason, "PullRequestClosed");
    assert!(message.contains(&format!("#{}", at.number)), "{message}");
    gone(&stage, BRANCH).await?;

    let release = stage.release("web", stage.web("2")).await?;
    let (_, at) = proposed(&stage, &release).await?;
    let cancel = Patch::Merge(json!({"spec": {"cancel": true}}));
    stage.releases().patch(&release.name_any(), &PatchParams::default(), &cancel).await?;
    let ended = stage.ended(&release.name_any()).await?;
    assert_eq!(ended.status.map(|status| status.phase), Some(Phase::Cancelled));
    assert_eq!(pull(&stage, at.number)?["state"], "closed");
    gone(&stage, BRANCH).await?;

    let set = json!({"rollbackTo": {"time": "2030-01-01T00:00:00Z"}, "reason": "x"});
    stage.create_set("all", set).await?;
    let ended = stage.set_ended("all").await?;
    assert_eq!(ended.phase, Phase::Rejected);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_others_on_the_branch_is_kept_and_a_moved_base_is_planned_for() -> Result<()> {
    let stage = protected("theirs", json!({})).await?;
    let first = stage.release("web", stage.web("1")).await?;
    let (_, at) = proposed(&stage, &first).await?;
    let theirs = stage.repository.write(BRANCH, "staging/web/note.txt", "mine\n")?;
    stage.next_second(&first).await?;
    let second = stage.release("web", stage.web("2")).await?;
    let blocked = stage
        .until(&second.name_any(), "does not give up the work of others", |release| {
            ready(release).0 == "GitBranchTaken"
        })
        .await?;
    let kind = blocked.status.and_then(|status| status.blocked_by.first().map(|b| b.kind));
    assert_eq!(kind, Some(BlockerKind::PullRequest));
    assert_eq!(stage.repository.head(BRANCH)?, theirs);
    let close = json!({"state": "closed"});
    stage.repository.api("PATCH", &format!("/pulls/{}", at.number), Some(&close))?;
    // Not by deleting the branch: what is opened on it right after that is closed by Gitea a while later.
    let given_up = format!("+{}:refs/heads/{BRANCH}", at.commit);
    stage.repository.checkout()?.git(["push", "--quiet", "origin", &given_up])?;
    let (_, at) = proposed(&stage, &second).await?;

    // Somebody else comes first, in the app's own folder.
    let body = json!({"enable_push": true});
    stage.repository.api("PATCH", "/branch_protections/main", Some(&body))?;
    stage.change_environment("staging", json!({"deletionGuard": "Off"})).await?;
    let hand = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hand\n";
    let base = stage.repository.write("main", "staging/web/hand.yaml", hand)?;
    let again = stage
        .until(&second.name_any(), "is planned again", |release| {
            let status = release.status.clone().unwrap_or_default();
            status.phase == Phase::Waiting
                && status.plan.is_some_and(|plan| plan.base.as_deref() == Some(&base))
                && status.pull_request.is_some_and(|pull| pull.commit != at.commit)
        })
        .await?;
    let plan = again.status.and_then(|status| status.plan).context("it has a plan")?;
    assert_eq!(plan.removed, 1, "what was changed by hand goes, and the plan says so");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_merged_by_itself_is_and_an_app_goes_the_same_way() -> Result<()> {
    let mut stage = protected("auto", json!({"autoMerge": "Merge"})).await?;
    stage.connect_flux().await?;
    let lock = json!({"lock": {"reason": "freeze"}});
    stage.change_environment("staging", lock).await?;
    let release = stage.release("web", stage.web("1")).await?;
    stage.phase(&release.name_any(), Phase::Waiting).await?;
    stage.operator.kill()?;
    stage.operator.restart().await?;
    stage.change_environment("staging", json!({"lock": null})).await?;
    let healthy = stage.phase(&release.name_any(), Phase::Healthy).await?;
    let status = healthy.status.context("it has a status")?;
    assert_eq!(status.commit.map(|c| c.sha), status.pull_request.map(|pull| pull.commit));
    assert_eq!(stage.commits_of(&release)?.len(), 1);
    gone(&stage, BRANCH).await?;
    // Back and forth, and away.
    let next = stage.release("web", stage.web("2")).await?;
    stage.phase(&next.name_any(), Phase::Healthy).await?;
    let back = stage.roll_back("web", json!({"release": release.name_any()}), "bad").await?;
    stage.phase(&back.name_any(), Phase::Healthy).await?;
    let name = gimlet_crds::name::app_object("web", "staging");
    stage.apps().delete(&name, &DeleteParams::default()).await?;
    stage.app_gone("web").await?;
    let files = stage.files()?;
    assert!(files.keys().all(|path| !path.starts_with("staging/web/")), "{files:?}");
    gone(&stage, BRANCH).await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_uninstalled_when_people_merge_that() -> Result<()> {
    let stage = protected("remove", json!({})).await?;
    let release = stage.release("web", stage.web("1")).await?;
    let (_, at) = proposed(&stage, &release).await?;
    merge(&stage, at.number, "merge").await?;
    stage.phase(&release.name_any(), Phase::Committed).await?;
    let waiting = stage.release("web", stage.web("2")).await?;
    let (_, at) = proposed(&stage, &waiting).await?;
    stage.next_second(&waiting).await?;
    let name = gimlet_crds::name::app_object("web", "staging");
    stage.apps().delete(&name, &DeleteParams::default()).await?;
    let ended = stage.ended(&waiting.name_any()).await?;
    assert_eq!(ended.status.map(|status| status.phase), Some(Phase::Superseded));
    assert_eq!(pull(&stage, at.number)?["state"], "closed");
    let going = stage
        .app_until("web", "asks for a merge", |app| {
            app.status.as_ref().is_some_and(|status| status.pull_request.is_some())
        })
        .await?;
    let at = going.status.and_then(|status| status.pull_request).context("it has one")?;
    assert_eq!(pull(&stage, at.number)?["title"], "staging/web: uninstall");
    assert!(stage.files()?.contains_key("staging/web/release.json"), "it is still there");
    merge(&stage, at.number, "squash").await?;
    stage.app_gone("web").await?;
    assert!(!stage.files()?.contains_key("staging/web/release.json"), "it is still there");
    stage.end().await
}
