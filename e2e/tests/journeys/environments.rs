//! An environment from nothing to its end, by the command line alone.

use anyhow::{Result, ensure};
use gimlet_crds::Phase;
use gimlet_e2e::{Cli, Said, Stage, gitea};

fn has(said: &Said, texts: &[&str]) -> Result<()> {
    for text in texts {
        let found = said.out.contains(text) || said.err.contains(text);
        ensure!(found, "no {text:?} in\n{}\n{}", said.out, said.err);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_made_connected_checked_and_let_go_of() -> Result<()> {
    let stage = Stage::bare("env-cli").await?;
    let gitea = gitea()?;
    let repository = gitea.future_repository("env-cli-gitops");
    let mut cli = Cli::new(&stage.namespace)?;
    let create = [
        "env",
        "create",
        "staging",
        "--repository",
        &repository.http_url,
        "--create-repository",
        "--provider",
        "gitea",
        "--flux-namespace",
        stage.namespace.name(),
        "--yes",
        "--wait",
    ];
    let said = cli.run(create)?;
    ensure!(said.code == 2 && said.err.contains("GIMLET_GIT_TOKEN"), "{said:?}");
    cli.set("GIMLET_GIT_TOKEN", &gitea.token);
    let said = cli.run(create)?;
    ensure!(said.code == 0, "{said:?}");
    has(
        &said,
        &[
            " created\nnamespace/",
            "secret/staging-gitops created",
            "environment.gimlet.io/staging created",
            "environment.gimlet.io/staging ready",
            "hint: let Flux follow it: gimlet env connect staging",
        ],
    )?;
    for text in [&said.out, &said.err] {
        ensure!(!text.contains(&gitea.token), "the token is told");
    }
    has(&cli.run(create)?, &["= environment.gimlet.io/staging", "nothing to do"])?;

    let said = cli.run(["env", "check", "staging"])?;
    ensure!(said.code == 1, "{said:?}");
    has(&said, &["✓ flux folder", "✕ GitRepository", "→ gimlet env connect staging"])?;
    let said = cli.run(["env", "connect", "staging", "--yes", "--wait"])?;
    ensure!(said.code == 0, "{said:?}");
    has(&said, &["gitrepository.source.toolkit.fluxcd.io/gimlet-staging created", " ready"])?;

    // Files of people stay, in the folder of Flux' objects too.
    let mine = "staging/flux/README.md";
    repository.write("main", mine, "Ask Mia before you change anything here.\n")?;
    let release = stage.release("web", stage.web("1")).await?;
    stage.phase(&release.metadata.name.unwrap_or_default(), Phase::Healthy).await?;
    let said = cli.run(["env", "check", "staging"])?;
    ensure!(said.code == 0, "{said:?}");
    has(&said, &["✓ apps in flux", "✓ apps          1 of 1 are ready"])?;
    has(&cli.run(["env", "upgrade", "--yes"])?, &["environment staging (Flux", "nothing to do"])?;
    ensure!(repository.read("main", mine)?.is_some(), "{mine} is gone");

    let said = cli.run(["env", "delete", "staging", "--yes"])?;
    ensure!(said.code == 8, "{said:?}");
    has(&said, &["environment staging has 1 app: web", "gimlet delete app web"])?;
    let said = cli.run(["env", "delete", "staging", "--keep-apps", "--disconnect", "--yes"])?;
    ensure!(said.code == 0, "{said:?}");
    has(&said, &["kustomization.kustomize.toolkit.fluxcd.io/staging-web deleted"])?;
    for path in [mine, "staging/web/deployment-web.yaml", "staging/flux/root.yaml"] {
        ensure!(repository.read("main", path)?.is_some(), "{path} is gone");
    }
    stage.cluster.kubectl(["get", "deployment", "web", "-n", stage.namespace.name()])?;
    stage.end().await
}
