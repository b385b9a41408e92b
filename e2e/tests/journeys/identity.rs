//! CI without stored keys: its identity token is taken by the API server itself.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::Artifact;
use gimlet_e2e::{Cli, ControlPlane, Issuer, git, install_in, root, wait_until};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);

/// Reads a block of YAML of the page about it, so that what people copy is what is tested.
fn block(word: &str) -> Result<Value> {
    let page = std::fs::read_to_string(root()?.join("docs/ci/identity.md"))?;
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let (text, _) = blocks
        .into_iter()
        .find(|(text, _)| text.contains(word))
        .with_context(|| format!("no block has {word}"))?;
    Ok(serde_saphyr::from_str(text)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_ci_is_exchanged_for_rights_by_the_api_server() -> Result<()> {
    let issuer = Issuer::start()?;
    let folder = tempfile::tempdir()?;
    let mut config = block("kind: AuthenticationConfiguration")?;
    config["jwt"][0]["issuer"]["url"] = issuer.url.as_str().into();
    config["jwt"][0]["issuer"]["certificateAuthority"] = issuer.certificate.as_str().into();
    let file = folder.path().join("authentication.yaml");
    std::fs::write(&file, config.to_string())?;
    let file = file.to_string_lossy();
    let cluster = ControlPlane::own_with("identity", &[("AUTHENTICATION_CONFIG", &file)])?;
    install_in(&cluster)?;
    cluster.kubectl(["create", "namespace", "team"])?;
    cluster.apply(&block("kind: RoleBinding")?.to_string())?;

    let path = folder.path().join("web");
    std::fs::create_dir_all(path.join(".gimlet"))?;
    git(&path, ["init", "--quiet", "--initial-branch=main"])?;
    let manifest = "app: web\nenv: staging\nnamespace: web\nchart: {name: app}\n";
    std::fs::write(path.join(".gimlet/web.yaml"), manifest)?;
    git(&path, ["add", "."])?;
    git(&path, ["commit", "--quiet", "-m", "x"])?;
    let sha = git(&path, ["rev-parse", "HEAD"])?;

    let claims = |repository: &str, reference: &str| {
        json!({"sub": format!("repo:{repository}:ref:{reference}"), "repository": repository,
               "repository_owner": repository.split('/').next(), "ref": reference})
    };
    let push = |token: &str| -> Result<gimlet_e2e::Said> {
        let mut cli = Cli::bare()?;
        let (server, authority) = cli.server(&cluster)?;
        cli.enter(&path);
        for (name, value) in [
            ("GIMLET_SERVER", server.as_str()),
            ("GIMLET_CERTIFICATE_AUTHORITY", &authority.to_string_lossy()),
            ("GIMLET_TOKEN", token),
            ("GIMLET_NAMESPACE", "team"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REPOSITORY", "acme/web"),
            ("GITHUB_SHA", &sha),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main"),
        ] {
            cli.set(name, value);
        }
        cli.run(["artifact", "push"])
    };
    let main = issuer.token("gimlet", claims("acme/web", "refs/heads/main"), 300)?;
    // The API server fetches the keys of the issuer after it has started.
    let said = wait_until("the API server knows the issuer", SOON, async || {
        let said = push(&main)?;
        ensure!(said.code == 0, "{said:?}");
        Ok(said)
    })
    .await?;
    ensure!(said.out.starts_with("artifact.gimlet.io/"), "{said:?}");
    let api: Api<Artifact> = Api::namespaced(cluster.client().await?, "team");
    ensure!(api.list(&ListParams::default()).await?.items.len() == 1, "there is no artifact");

    let refused = |token: String, code: i32, what: &str| -> Result<()> {
        let said = push(&token)?;
        ensure!(said.code == code, "{what}: {said:?}");
        ensure!(!said.err.contains(&token), "the token of {what} is told");
        Ok(())
    };
    let token = |audience: &str, repository: &str, reference: &str, seconds: i64| {
        issuer.token(audience, claims(repository, reference), seconds)
    };
    let main = "refs/heads/main";
    refused(token("gimlet", "acme/web", "refs/heads/feature", 300)?, 5, "another branch")?;
    refused(token("gimlet", "acme/other", main, 300)?, 5, "another repository")?;
    refused(token("gimlet", "evil/web", main, 300)?, 5, "another owner")?;
    refused(token("another", "acme/web", main, 300)?, 5, "another audience")?;
    refused(token("gimlet", "acme/web", main, -30)?, 5, "a token that is over")?;
    let stranger = Issuer::start()?.token("gimlet", claims("acme/web", main), 300)?;
    refused(stranger, 5, "another issuer")
}
