//! People at the dashboard's own pages, in a real browser on a real control plane.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gimlet_crds::{Artifact, Phase, Release, condition};
use gimlet_e2e::{Dashboard, Person, Repository, Stage, gitea, wait_until};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use crate::repositories::watch_repository;

const SOON: Duration = Duration::from_mins(1);
/// How long a page may take to show what happened elsewhere.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(2);

/// Makes an account with roles of the shipped ones, and gives a token of it.
pub(crate) fn account(stage: &Stage, name: &str, roles: &[&str]) -> Result<String> {
    let ns = stage.namespace.name();
    stage.cluster.kubectl(["create", "serviceaccount", name, "-n", ns])?;
    for role in roles {
        let (binding, role) = (format!("{name}-{role}"), format!("--clusterrole={role}"));
        let subject = format!("--serviceaccount={ns}:{name}");
        stage.cluster.kubectl(["create", "rolebinding", &binding, "-n", ns, &role, &subject])?;
    }
    stage.cluster.token(ns, name)
}

/// Starts a dashboard that reads git through the operator of a stage.
pub(crate) async fn dashboard(stage: &Stage) -> Result<Dashboard> {
    let views = stage.operator.views_url();
    let views = views.trim_end_matches("/v1");
    Dashboard::start(&stage.cluster, &stage.namespace, &["--operator-url", views]).await
}

/// Ships a version of the app `web` that nothing releases by itself.
async fn ship(stage: &Stage, name: &str, sha: &str) -> Result<()> {
    let manifest = format!(
        "app: web\nenv: staging\nnamespace: {}\nchart:\n  name: app\nvalues:\n  port: 8080\n  \
         image:\n    repository: example/web\n    tag: '{{{{ .SHA }}}}'\n",
        stage.namespace.name()
    );
    stage.cluster.apply(
        &json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
            "metadata": {"name": name, "namespace": stage.namespace.name()},
            "spec": {
                "version": {"repository": "acme/web", "sha": sha, "branch": "main"},
                "manifests": [{"path": ".gimlet/web.yaml", "content": manifest}],
            },
        })
        .to_string(),
    )?;
    let api: Api<Artifact> = Api::namespaced(stage.client.clone(), &stage.namespace);
    wait_until(&format!("artifact {name} is judged"), SOON, async || {
        let status = api.get(name).await?.status.unwrap_or_default();
        let ready = condition::is_true(&status.conditions, condition::READY);
        ensure!(ready, "{}", serde_json::to_string(&status)?);
        Ok(())
    })
    .await
}

pub(crate) fn text<'a>(told: &'a Value, field: &str) -> Result<&'a str> {
    told[field].as_str().with_context(|| format!("no {field}: {told}"))
}

/// Checks that a release is what a page told of it, and that git has its commit; gives the release.
pub(crate) async fn as_told(stage: &Stage, told: &Value, subject: &str) -> Result<Release> {
    let release = stage.phase(text(told, "name")?, Phase::Healthy).await?;
    let commits = stage.commits_of(&release)?;
    let [commit] = commits.as_slice() else { anyhow::bail!("not one commit: {commits:?}") };
    ensure!(commit.id == text(told, "commit")?, "the page tells another commit: {told}");
    ensure!(commit.subject == subject, "{commit:?}");
    let web = stage.repository.http_url.trim_end_matches(".git");
    ensure!(text(told, "link")?.starts_with(&format!("{web}/commit/{}", commit.id)), "{told}");
    ensure!(text(told, "timeline")?.contains("Healthy"), "{told}");
    let ada = format!("system:serviceaccount:{}:ada", stage.namespace.name());
    let creator = release.annotations().get("gimlet.io/created-by");
    ensure!(creator == Some(&ada), "{creator:?}");
    ensure!(release.spec.requested_by.as_ref() == Some(&ada), "{:?}", release.spec);
    Ok(release)
}

/// Waits until no plan that a page has made is left.
async fn no_plan_is_left(stage: &Stage) -> Result<()> {
    wait_until("the end of all plans", SOON, async || {
        let all = stage.releases().list(&ListParams::default()).await?;
        let plans: Vec<_> = all.iter().filter(|release| release.spec.plan_only).collect();
        ensure!(plans.is_empty(), "{plans:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_releases_and_rolls_back_on_the_pages_and_others_see_it_live() -> Result<()> {
    let stage = Stage::open("pages").await?;
    let dashboard = dashboard(&stage).await?;
    let ns = stage.namespace.name();
    let overview = format!("/?ns={ns}");
    let ada = account(&stage, "ada", &["gimlet-releaser"])?;
    let Some(ada) = Person::sign_in("ada", &dashboard, &overview, &ada).await? else {
        return Ok(());
    };
    stage.connect_flux().await?;
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    ship(&stage, "web-1", &one).await?;
    let first = stage.create("web", json!({"artifact": {"name": "web-1"}})).await?;
    ship(&stage, "web-2", &two).await?;
    let first = stage.phase(&first.name_any(), Phase::Healthy).await?;

    let ben = account(&stage, "ben", &["gimlet-viewer"])?;
    let ben = Person::sign_in("ben", &dashboard, &overview, &ben).await?.context("no browser")?;
    ada.see(".matrix-cell", "1111111").await?;
    ben.see(".matrix-cell", "1111111").await?;

    let wanted = json!({"app": "web", "environment": "staging", "version": "2222222"});
    let told = ada.act("release", wanted).await?;
    for line in [format!("example/web:{one}"), format!("example/web:{two}")] {
        ensure!(text(&told, "plan")?.contains(&line), "no {line}: {told}");
    }
    as_told(&stage, &told, "staging/web: release 2222222").await?;
    ben.see(".matrix-cell", "2222222").await?;

    ada.go(&format!("/apps/{ns}/web/staging")).await?;
    let told = ada.act("roll back", json!({"reason": "errors 500"})).await?;
    ensure!(text(&told, "plan")?.contains(&format!("example/web:{one}")), "{told}");
    let back = as_told(&stage, &told, "staging/web: roll back to 1111111").await?;
    ensure!(back.spec.reason.as_deref() == Some("errors 500"), "{:?}", back.spec);
    let checkout = stage.repository.checkout()?;
    let (then, now) = (stage.commits_of(&first)?, stage.commits_of(&back)?);
    let tree = |commit: &str| checkout.git(["rev-parse", &format!("{commit}:staging/web")]);
    ensure!(tree(&then[0].id)? == tree(&now[0].id)?, "it is not what was there");
    ben.see(".matrix-cell", "1111111").await?;
    no_plan_is_left(&stage).await?;
    happens_elsewhere(&stage, &ben).await?;
    is_refused(&stage, &ben).await?;
    is_in_the_audit_log(ns, &ben).await?;
    stage.end().await
}

/// What others do with kubectl is on an open page at once, and does not break it.
async fn happens_elsewhere(stage: &Stage, watcher: &Person) -> Result<()> {
    stage.change_environment("staging", json!({"lock": {"reason": "database moves"}})).await?;
    let begun = Instant::now();
    watcher.see("#main", "staging locked: database moves").await?;
    ensure!(begun.elapsed() < AT_ONCE, "a lock is shown after {:?}", begun.elapsed());
    stage.release("made-elsewhere", stage.web("1")).await?;
    let begun = Instant::now();
    watcher.see("[role=row]", "made-elsewhere").await?;
    ensure!(begun.elapsed() < AT_ONCE, "a release is shown after {:?}", begun.elapsed());
    Ok(())
}

/// Who may only look is told so by the page, and is refused by the API server where the page is passed by.
async fn is_refused(stage: &Stage, viewer: &Person) -> Result<()> {
    let ns = stage.namespace.name();
    viewer.go(&format!("/apps/{ns}/web/staging")).await?;
    let before = stage.releases().list(&ListParams::default()).await?.items.len();
    let body = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
        "metadata": {"generateName": "web.staging-", "namespace": ns},
        "spec": {"app": "web", "environment": "staging", "artifact": {"name": "web-2"}},
    });
    let told = viewer.act("be refused", json!({"namespace": ns, "body": body})).await?;
    let needed = format!("needs `create releases` in namespace `{ns}`");
    ensure!(text(&told, "why")?.starts_with(&needed), "{told}");
    ensure!(told["status"] == 403 && told["said"]["kind"] == "Status", "{told}");
    ensure!(text(&told["said"], "message")?.contains("cannot create resource"), "{told}");
    let after = stage.releases().list(&ListParams::default()).await?.items.len();
    ensure!(before == after, "a release was made");
    Ok(())
}

/// What was done, by whom and why, and what was refused, stands in the audit log.
async fn is_in_the_audit_log(ns: &str, viewer: &Person) -> Result<()> {
    viewer.go(&format!("/audit?ns={ns}")).await?;
    let entries = "[aria-label=Entries] tbody tr";
    let denied = viewer.see(entries, "denied").await?;
    for part in [&format!("{ns}:ben"), "create releases", "cannot create resource", "staging"] {
        ensure!(denied.contains(part), "no {part}: {denied}");
    }
    let back = viewer.see(entries, "errors 500").await?;
    for part in [&format!("{ns}:ada"), "rollback", "web", "1111111"] {
        ensure!(back.contains(part), "no {part}: {back}");
    }
    viewer.act("look", json!({"name": "audit"})).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_configured_on_the_pages_and_nobodys_edit_is_lost() -> Result<()> {
    let stage = Stage::open("forms").await?;
    let dashboard = dashboard(&stage).await?;
    let ns = stage.namespace.name();
    let source = gitea()?.repository("forms-app")?;
    let file = ".gimlet/web.yaml";
    let first = format!(
        "app: web\nenv: staging\nnamespace: {ns}\nchart:\n  name: app\nvalues:\n  \
         # keep it small\n  replicas: 1\n  image:\n    repository: example/web\n    tag: v1\n  \
         port: 8080\n"
    );
    source.write("main", file, &first)?;
    let events = ["push", "pull_request"];
    source.add_webhook(&stage.operator.webhook_url("shop"), "signed-with-this", &events)?;
    watch_repository(&stage, &source, "1h").await?;
    let ada = account(&stage, "ada", &["gimlet-releaser", "gimlet-configurer"])?;
    let Some(ada) = Person::sign_in("ada", &dashboard, &format!("/?ns={ns}"), &ada).await? else {
        return Ok(());
    };
    let path = format!("/apps/{ns}/web/staging/configure?repository=shop");
    ada.act("open the form", json!({"path": path})).await?;

    // Somebody else changes the file between the first letter and the commit.
    ada.act("change a setting", json!({"setting": "replicas", "value": "3"})).await?;
    source.write("main", file, &first.replace("8080", "9090"))?;
    ada.act("merge both", json!({})).await?;
    let told = ada.act("send", json!({"how": "Commit to main", "says": "Committed"})).await?;
    let both = first.replace("8080", "9090").replace("replicas: 1", "replicas: 3");
    ensure!(source.read("main", file)?.as_deref() == Some(both.as_str()), "{told}");
    ensure!(text(&told, "link")?.contains(&source.head("main")?), "{told}");
    is_merged_elsewhere(&source, &ada, &both).await?;
    stage.end().await
}

/// A change by pull request is on the branch when somebody merges it at the host, and the page says so.
async fn is_merged_elsewhere(source: &Repository, person: &Person, before: &str) -> Result<()> {
    let file = ".gimlet/web.yaml";
    person.act("change a setting", json!({"setting": "replicas", "value": "4"})).await?;
    let how = json!({"how": "Open pull request", "says": "A pull request waits to be merged"});
    let told = person.act("send", how).await?;
    let number = text(&told, "link")?.rsplit('/').next().context("no number")?.to_owned();
    let pull = source.api("GET", &format!("/pulls/{number}"), None)?;
    let branch = pull["head"]["ref"].as_str().context("it has no branch")?;
    let wanted = before.replace("replicas: 3", "replicas: 4");
    ensure!(source.read(branch, file)?.as_deref() == Some(wanted.as_str()), "{pull}");
    ensure!(source.read("main", file)?.as_deref() == Some(before), "it is on the branch already");
    person.act("look", json!({"name": "configure-pull-request"})).await?;
    wait_until("the merge", SOON, async || {
        source.api("POST", &format!("/pulls/{number}/merge"), Some(&json!({"Do": "merge"})))
    })
    .await?;
    person.see("[role=status]", "Committed").await?;
    ensure!(source.read("main", file)?.as_deref() == Some(wanted.as_str()), "it is not merged");
    Ok(())
}
