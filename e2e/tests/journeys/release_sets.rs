//! Several apps in one commit: all of them, or none.

use anyhow::{Context, Result, ensure};
use gimlet_crds::{Artifact, BlockerKind, LiveState, Phase, ReleaseSetStatus, condition};
use gimlet_e2e::{Proxy, Stage, Trap};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;

use super::faults::{once, ready};
use super::release::{commit, status};

const APPS: [&str; 3] = ["api", "cart", "web"];

fn manifest(stage: &Stage, app: &str) -> String {
    format!(
        "app: {app}\nenv: staging\nnamespace: {}\nchart:\n  name: app\nvalues:\n  port: 8080\n  \
         image:\n    repository: example/{app}\n    tag: '{{{{ .SHA }}}}'\n",
        stage.namespace.name()
    )
}

/// Ships a version of some apps, and of one elsewhere.
async fn ship(stage: &Stage, name: &str, sha: &str, apps: &[&str]) -> Result<Artifact> {
    let mut manifests: Vec<_> = apps
        .iter()
        .map(|app| json!({"path": format!(".gimlet/{app}.yaml"), "content": manifest(stage, app)}))
        .collect();
    let elsewhere = manifest(stage, "other").replace("staging", "production");
    manifests.push(json!({"path": ".gimlet/other.yaml", "content": elsewhere}));
    let object = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact", "metadata": {"name": name},
        "spec": {
            "version": {"repository": "acme/shop", "sha": sha, "branch": "main"},
            "manifests": manifests,
        },
    }))?;
    let api: Api<Artifact> = Api::namespaced(stage.client.clone(), &stage.namespace);
    Ok(api.create(&PostParams::default(), &object).await?)
}

fn message(status: &ReleaseSetStatus) -> &str {
    let ready = condition::find(&status.conditions, condition::READY);
    ready.map_or("", |ready| ready.message.as_str())
}

fn apps(status: &ReleaseSetStatus) -> Vec<&str> {
    status.releases.iter().map(|member| member.app.as_str()).collect()
}

/// Checks that a set is in git in exactly one commit with all of its releases; gives the commit.
async fn one_commit(stage: &Stage, status: &ReleaseSetStatus) -> Result<String> {
    let sha = status.commit.clone().with_context(|| message(status).to_owned())?.sha;
    for member in &status.releases {
        let release = stage.get(&member.release).await?;
        let release = once(stage, &release).await?;
        assert_eq!(commit(&release)?, sha);
    }
    Ok(sha)
}

/// Gives the content of the apps' folders at a commit.
fn trees(stage: &Stage, commit: &str) -> Result<Vec<String>> {
    let checkout = stage.repository.checkout()?;
    let tree = |app| checkout.git(["rev-parse", &format!("{commit}:staging/{app}")]);
    APPS.iter().map(tree).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_apps_of_an_artifact_are_one_commit_with_an_entry_for_each() -> Result<()> {
    let stage = Stage::open("set").await?;
    ship(&stage, "shop-1", "aaaaaaa0", &APPS).await?;
    let before = stage.log()?.len();
    let spec = json!({"artifact": {"name": "shop-1"}, "requestedBy": "ada"});
    stage.create_set("first", spec).await?;
    let done = stage.set_ended("first").await?;
    assert_eq!(done.phase, Phase::Committed, "{}", message(&done));
    assert_eq!((apps(&done), done.total, done.ready), (APPS.to_vec(), 3, 3));
    let sha = one_commit(&stage, &done).await?;
    let log = stage.log()?;
    assert_eq!((log.len(), &log[0].id), (before + 1, &sha), "one commit");
    assert_eq!(log[0].subject, "staging: release aaaaaaa of api, cart, web");
    assert_eq!(log[0].all("Gimlet-App"), APPS);
    assert_eq!(log[0].all("Gimlet-Set"), ["first"; 3]);
    assert_eq!(log[0].all("Gimlet-Requested-By"), ["ada"; 3]);
    let checkout = stage.repository.checkout()?;
    for app in APPS {
        let found =
            checkout.git(["log", "--format=%H", "--grep", &format!("^Gimlet-App: {app}$")])?;
        assert_eq!(found, sha, "plain git finds it by {app}");
        stage
            .app_until(app, "knows its release", |app| {
                let current = app.status.as_ref().and_then(|status| status.current.as_ref());
                current.is_some_and(|current| current.commit == sha)
            })
            .await?;
    }

    // A member can be rolled back to, and a set of which one app changes is one entry.
    let cart = &done.releases[1].release;
    let next = stage.release("cart", stage.web("2")).await?;
    stage.ended(&next.name_any()).await?;
    let back = stage.roll_back("cart", json!({"release": cart}), "it was fine").await?;
    let back = stage.ended(&back.name_any()).await?;
    assert_eq!(trees(&stage, commit(&back)?)?, trees(&stage, &sha)?);
    let resume = Patch::Merge(json!({"spec": {"hold": null}}));
    stage.apps().patch("cart.staging", &PatchParams::default(), &resume).await?;
    stage.next_second(&back).await?;
    let next = stage.release("api", stage.web("3")).await?;
    stage.ended(&next.name_any()).await?;
    stage.next_second(&next).await?;
    stage.create_set("again", json!({"artifact": {"name": "shop-1"}})).await?;
    let again = stage.set_ended("again").await?;
    let log = stage.log()?;
    assert_eq!(Some(&log[0].id), again.commit.as_ref().map(|commit| &commit.sha));
    assert_eq!(log[0].all("Gimlet-App"), ["api"], "{}", message(&again));
    let phases: Vec<_> = again.releases.iter().map(|member| member.phase).collect();
    assert_eq!(phases, [Phase::Committed, Phase::Unchanged, Phase::Unchanged]);
    stage.create_set("same", json!({"artifact": {"name": "shop-1"}})).await?;
    let same = stage.set_ended("same").await?;
    assert_eq!((same.phase, same.commit.clone()), (Phase::Unchanged, None), "{}", message(&same));
    assert_eq!(stage.log()?[0], log[0]);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_app_keeps_all_out_of_git_and_is_named() -> Result<()> {
    let stage = Stage::open("bad-set").await?;
    ship(&stage, "shop-1", "aaaaaaa0", &APPS).await?;
    let head = stage.repository.head("main")?;
    let spec = json!({"artifact": {"name": "shop-1"}, "apps": ["web", "missing", "api"]});
    stage.create_set("bad", spec).await?;
    let bad = stage.set_ended("bad").await?;
    assert_eq!((bad.phase, bad.commit.clone()), (Phase::Failed, None));
    assert!(message(&bad).starts_with("missing: the artifact shop-1 has no manifest for missing"));
    assert!(message(&bad).ends_with("nothing of the set was committed"), "{}", message(&bad));
    for member in &bad.releases {
        let release = stage.ended(&member.release).await?;
        let expected = if member.app == "missing" { Phase::Failed } else { Phase::Cancelled };
        assert_eq!(status(&release)?.phase, expected);
        if member.app == "web" {
            assert_eq!(ready(&release).0, "SetEnded");
            assert!(ready(&release).1.contains("missing: the artifact"), "{:?}", ready(&release));
        }
    }
    assert_eq!(stage.repository.head("main")?, head);

    // Nor does one for an artifact that is not there yet; it waits, and can be cancelled.
    stage.create_set("early", json!({"artifact": {"name": "later"}})).await?;
    let waits = |status: &ReleaseSetStatus| message(status).contains("no Artifact later");
    stage.set_until("early", "waits for its artifact", waits).await?;
    let cancel = Patch::Merge(json!({"spec": {"cancel": true}}));
    stage.sets().patch("early", &PatchParams::default(), &cancel).await?;
    assert_eq!(stage.set_ended("early").await?.phase, Phase::Cancelled);

    // A person's release that names a set is none of it.
    let spec = json!({"manifest": stage.web("1"), "set": "bad"});
    let forged = stage.create("web", spec).await?;
    let forged = stage.ended(&forged.name_any()).await?;
    assert_eq!((status(&forged)?.phase, ready(&forged).0), (Phase::Rejected, "NotOfSet"));
    assert_eq!(stage.repository.head("main")?, head);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_waits_for_the_last_of_its_apps_and_ends_with_one_that_is_overtaken() -> Result<()> {
    let stage = Stage::open("wait-set").await?;
    ship(&stage, "shop-1", "aaaaaaa0", &APPS).await?;
    for app in APPS {
        let release = stage.release(app, stage.web("0")).await?;
        stage.ended(&release.name_any()).await?;
    }
    let lock = |lock: serde_json::Value| Patch::Merge(json!({"spec": {"lock": lock}}));
    let params = PatchParams::default();
    stage.apps().patch("cart.staging", &params, &lock(json!({"reason": "a sale"}))).await?;
    let head = stage.repository.head("main")?;
    stage.create_set("one", json!({"artifact": {"name": "shop-1"}})).await?;
    let waits = |status: &ReleaseSetStatus| status.ready == 2 && message(status).contains("a sale");
    let waiting = stage.set_until("one", "waits for cart", waits).await?;
    assert!(message(&waiting).starts_with("2 of 3 releases are ready; cart: "));
    let web = &waiting.releases[2].release;
    let web = stage
        .until(web, "names cart", |release| {
            let blockers = release.status.iter().flat_map(|status| &status.blocked_by);
            blockers
                .clone()
                .any(|b| b.kind == BlockerKind::Set && b.reason.ends_with("ready: cart"))
        })
        .await?;
    assert!(status(&web)?.plan.is_some());
    assert_eq!(stage.repository.head("main")?, head);
    stage.apps().patch("cart.staging", &params, &lock(json!(null))).await?;
    let done = stage.set_ended("one").await?;
    one_commit(&stage, &done).await?;

    // And one that a newer release overtakes takes the others with it.
    ship(&stage, "shop-2", "bbbbbbb0", &APPS).await?;
    stage.apps().patch("cart.staging", &params, &lock(json!({"reason": "a sale"}))).await?;
    stage.create_set("two", json!({"artifact": {"name": "shop-2"}})).await?;
    let waiting = stage.set_until("two", "waits for cart", waits).await?;
    let made = stage.get(&waiting.releases[0].release).await?;
    stage.next_second(&made).await?;
    let newer = stage.release("api", stage.web("9")).await?;
    let newer = once(&stage, &newer).await?;
    let overtaken = stage.set_ended("two").await?;
    assert_eq!(overtaken.phase, Phase::Superseded);
    let expected = format!("api: {} came after it", newer.name_any());
    assert!(message(&overtaken).starts_with(&expected), "{}", message(&overtaken));
    assert_eq!(stage.repository.head("main")?, commit(&newer)?);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_environment_goes_back_to_a_point_in_time_in_one_commit() -> Result<()> {
    let stage = Stage::open("back-set").await?;
    ship(&stage, "shop-1", "aaaaaaa0", &APPS).await?;
    stage.create_set("one", json!({"artifact": {"name": "shop-1"}})).await?;
    let first = stage.set_ended("one").await?;
    let then = one_commit(&stage, &first).await?;
    let member = stage.get(&first.releases[0].release).await?;
    let time = member.creation_timestamp().context("it was created")?;
    stage.next_second(&member).await?;
    for app in ["api", "web", "late"] {
        let release = stage.release(app, stage.web("9")).await?;
        stage.ended(&release.name_any()).await?;
    }
    let late = stage.files()?.into_iter().filter(|(path, _)| path.starts_with("staging/late/"));
    let late: Vec<_> = late.collect();
    let before = stage.log()?.len();
    assert_ne!(trees(&stage, "HEAD")?, trees(&stage, &then)?);

    let spec = json!({"rollbackTo": {"time": time}, "reason": "all is slow"});
    stage.create_set("back", spec).await?;
    let back = stage.set_ended("back").await?;
    assert_eq!(back.phase, Phase::Committed, "{}", message(&back));
    assert_eq!((apps(&back), &back.left_out[..]), (APPS.to_vec(), &["late".to_owned()][..]));
    assert!(message(&back).contains("left as they are: late"), "{}", message(&back));
    let log = stage.log()?;
    assert_eq!(log.len(), before + 1, "one commit");
    assert_eq!(log[0].all("Gimlet-App"), ["api", "web"], "cart is what it was");
    assert_eq!(log[0].all("Gimlet-Action"), ["rollback"; 2]);
    assert_eq!(log[0].all("Gimlet-Reason"), ["all is slow"; 2]);
    assert!(log[0].subject.starts_with("staging: roll back api, web to 2"), "{}", log[0].subject);
    assert_eq!(trees(&stage, "HEAD")?, trees(&stage, &then)?, "byte for byte");
    let files = stage.files()?;
    ensure!(late.iter().all(|(path, text)| files.get(path) == Some(text)), "late stays");
    for app in APPS {
        let hold = stage.apps().get(&format!("{app}.staging")).await?.spec.hold;
        assert_eq!(hold.context("it is held")?.reason, "rolled back: all is slow");
    }

    // To a commit as well, by its first letters, whichever app it was for.
    let to = json!({"rollbackTo": {"commit": &log[1].id[..9]}, "reason": "it was not that"});
    stage.create_set("forth", to).await?;
    let forth = stage.set_ended("forth").await?;
    assert_eq!(forth.phase, Phase::Committed, "{}", message(&forth));
    assert_eq!(trees(&stage, "HEAD")?, trees(&stage, &log[1].id)?);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn flux_applies_all_apps_of_a_set_and_one_bad_app_leaves_them_as_they_are() -> Result<()> {
    let stage = Stage::open("flux-set").await?;
    stage.connect_flux().await?;
    ship(&stage, "shop-1", "aaaaaaa0", &APPS).await?;
    stage.create_set("one", json!({"artifact": {"name": "shop-1"}})).await?;
    let healthy = |status: &ReleaseSetStatus| status.phase == Phase::Healthy;
    let done = stage.set_until("one", "is healthy", healthy).await?;
    assert!(condition::is_true(&done.conditions, condition::READY), "{}", message(&done));
    assert_eq!((apps(&done), done.ready), (APPS.to_vec(), 3));
    let sha = one_commit(&stage, &done).await?;
    for member in &done.releases {
        assert_eq!(member.phase, Phase::Healthy, "{}", member.app);
        let release = stage.get(&member.release).await?;
        assert_eq!(status(&release)?.phase, Phase::Healthy);
    }
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), &stage.namespace);
    let image = async |app: &str| -> Result<String> {
        let deployment = deployments.get(app).await?;
        let ready = deployment.status.and_then(|status| status.ready_replicas);
        ensure!(ready == Some(1), "{app} does not run: {ready:?}");
        let template = deployment.spec.and_then(|spec| spec.template.spec);
        let container = template.and_then(|spec| spec.containers.into_iter().next());
        container.and_then(|container| container.image).context("no image")
    };
    for app in APPS {
        assert_eq!(image(app).await?, format!("example/{app}:aaaaaaa0"));
        stage
            .app_until(app, "runs", |app| {
                let live = app.status.as_ref().and_then(|status| status.live.as_ref());
                live.is_some_and(|live| {
                    live.state == LiveState::Healthy && live.commit.as_deref() == Some(&sha)
                })
            })
            .await?;
    }

    // One whose values no chart takes: the others are not in git either, and run as before.
    let bad = manifest(&stage, "cart").replace("port: 8080", "port: many");
    let manifests = [
        json!({"path": ".gimlet/api.yaml", "content": manifest(&stage, "api")}),
        json!({"path": ".gimlet/cart.yaml", "content": bad}),
        json!({"path": ".gimlet/web.yaml", "content": manifest(&stage, "web")}),
    ];
    let object = serde_json::from_value(json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact", "metadata": {"name": "shop-2"},
        "spec": {
            "version": {"repository": "acme/shop", "sha": "bbbbbbb0", "branch": "main"},
            "manifests": manifests,
        },
    }))?;
    let artifacts: Api<Artifact> = Api::namespaced(stage.client.clone(), &stage.namespace);
    artifacts.create(&PostParams::default(), &object).await?;
    stage.create_set("two", json!({"artifact": {"name": "shop-2"}})).await?;
    let failed = stage.set_ended("two").await?;
    assert_eq!((failed.phase, failed.commit.clone()), (Phase::Failed, None));
    assert!(message(&failed).starts_with("cart: "), "{}", message(&failed));
    assert_eq!(stage.repository.head("main")?, sha, "nothing was committed");
    for app in APPS {
        assert_eq!(image(app).await?, format!("example/{app}:aaaaaaa0"));
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_killed_at_the_push_of_a_set_makes_one_commit() -> Result<()> {
    for trap in [Trap::HoldRequest, Trap::HoldAnswer] {
        let (mut stage, proxy) = Proxy::stage("kill-set").await?;
        ship(&stage, "shop-1", "aaaaaaa0", &APPS).await?;
        let before = stage.log()?.len();
        proxy.trap_next_push(trap);
        stage.create_set("one", json!({"artifact": {"name": "shop-1"}})).await?;
        proxy.sprung(1).await?;
        let status = stage.sets().get("one").await?.status.context("it has a status")?;
        assert_eq!(status.commit, None, "nothing is known of the push");
        stage.operator.kill()?;
        stage.operator.restart().await?;
        proxy.resume();
        let done = stage.set_ended("one").await?;
        assert_eq!(done.phase, Phase::Committed, "{}", message(&done));
        one_commit(&stage, &done).await?;
        assert_eq!(stage.log()?.len(), before + 1);
        stage.end().await?;
    }
    Ok(())
}
