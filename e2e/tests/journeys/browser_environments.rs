//! An environment from nothing to its first app, on the dashboard's wizard.

use anyhow::{Result, ensure};
use gimlet_e2e::{Cli, Person, Stage, gitea};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use serde_json::json;

use crate::browser::{account, as_told, dashboard, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_made_by_the_wizard_and_its_first_app_is_released() -> Result<()> {
    let stage = Stage::bare("wizard").await?;
    let dashboard = dashboard(&stage).await?;
    let ns = stage.namespace.name();
    // Kubernetes' own role, which takes up the one of Gimlet; it makes Secrets, and no namespaces.
    let ada = account(&stage, "ada", &["admin"])?;
    let page = format!("/environments?ns={ns}");
    let Some(ada) = Person::sign_in("ada", &dashboard, &page, &ada).await? else {
        return Ok(());
    };
    let gitea = gitea()?;
    let described = ada
        .act(
            "describe an environment",
            json!({
                "name": "qa", "namespace": ns, "repository": stage.repository.http_url,
                "user": gitea.user, "token": gitea.token, "flux": ns,
            }),
        )
        .await?;
    let objects = [
        format!("Namespace {ns}"),
        format!("Secret {ns}/qa-gitops"),
        format!("Environment {ns}/qa"),
    ];
    ensure!(described["written"] == json!(objects), "{described}");
    ada.act("look", json!({"name": "wizard-layout"})).await?;
    ensure!(stage.repository.head("main").is_err(), "something is written already");

    let made = ada.act("create the environment", json!({"token": gitea.token})).await?;
    let secrets: Api<Secret> = Api::namespaced(stage.client.clone(), ns);
    let data = secrets.get("qa-gitops").await?.data.unwrap_or_default();
    ensure!(data["password"].0 == gitea.token.as_bytes(), "the Secret holds another token");
    stage.environment_ready("qa").await?;
    ensure!(
        stage.repository.read("main", "qa/flux/root.yaml")?.is_some(),
        "git has no flux folder"
    );

    // A person runs what the page says, and the page sees by itself what comes of it.
    let command = text(&made, "command")?;
    let said = Cli::new(&stage.namespace)?.script(&format!("{command} --yes"))?;
    ensure!(said.code == 0, "{command}: {said:?}");
    let healthy = "ul[aria-label=Flux] li:has([data-word=Healthy])";
    ada.see(healthy, "The operator writes the repository").await?;
    ada.see(healthy, "Flux follows the environment").await?;
    ada.act("look", json!({"name": "wizard-flux"})).await?;

    let first = json!({"app": "shop", "image": "example/shop:1.0.0", "target": ns});
    let told = ada.act("release the first app", first).await?;
    ensure!(text(&told, "plan")?.contains("example/shop:1.0.0"), "{told}");
    as_told(&stage, &told, "qa/shop: release 1.0.0").await?;
    let deployment = stage.repository.read("main", "qa/shop/deployment-shop.yaml")?;
    ensure!(deployment.is_some_and(|file| file.contains("example/shop:1.0.0")), "git has no app");
    ada.go(&format!("/environments/new?step=app&name=qa&in={ns}")).await?;
    ada.see("#main", "There is an app here: shop").await?;
    ada.act("look", json!({"name": "wizard-app"})).await?;
    ensure!(!dashboard.log().contains(&gitea.token), "the token is in the log");
    stage.end().await
}
