//! The commands that the documentation shows are run, or it says why not.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use gimlet_crds::Phase;
use gimlet_e2e::{Cli, Stage, gitea, root};
use serde_json::json;

/// A block of commands of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    page: String,
    line: usize,
    text: String,
    /// Why it is not run.
    reason: Option<String>,
}

/// The mark of a block that is not run, with the reason after it.
const NOT_RUN: &str = "not-run:";
/// The page whose blocks are run one after the other, from nothing.
const GUIDE: &str = "docs/first-hour.md";
/// Pages whose blocks need a scene of their own, and are run by a journey of their own.
const WALKED: [&str; 2] = [GUIDE, "docs/backup.md"];

/// Finds the blocks of commands of a page.
fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match &mut open {
            Some(_) if line.trim_end() == "```" => blocks.extend(open.take()),
            Some(block) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {
                let Some(info) = line.strip_prefix("```") else { continue };
                let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
                if matches!(language, "sh" | "bash" | "console" | "shell") {
                    let reason = rest.trim().strip_prefix(NOT_RUN);
                    open = Some(Block {
                        page: page.to_owned(),
                        line: index + 1,
                        text: String::new(),
                        reason: reason.map(|reason| reason.trim().to_owned()),
                    });
                }
            }
        }
    }
    blocks
}

/// Reads the blocks of all pages.
fn all() -> Result<Vec<Block>> {
    let root = root()?;
    let mut pages: Vec<PathBuf> = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for folder in ["docs", "docs/ci", "docs/adr"] {
        for entry in std::fs::read_dir(root.join(folder))? {
            pages.push(entry?.path());
        }
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    let mut found = Vec::new();
    for page in pages {
        let name = page.strip_prefix(root)?.to_string_lossy().into_owned();
        found.extend(blocks(&name, &std::fs::read_to_string(&page)?));
    }
    Ok(found)
}

#[test]
fn a_block_is_run_or_has_a_reason() -> Result<()> {
    let text = "```sh\na\n```\n```yaml\nb\n```\n```sh not-run: it is big\nc\n```\n";
    let found = blocks("p", text);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].text.as_str(), found[0].reason.as_deref()), ("a\n", None));
    assert_eq!((found[1].line, found[1].reason.as_deref()), (7, Some("it is big")));
    let all = all()?;
    let empty = all.iter().find(|block| block.reason.as_ref().is_some_and(String::is_empty));
    ensure!(empty.is_none(), "a block without a reason: {empty:?}");
    let run = all.iter().filter(|block| block.reason.is_none()).count();
    ensure!(run >= 27, "only {run} of {} blocks are run", all.len());
    Ok(())
}

/// Gives the blocks of a page under a heading that are run, with those under the headings below it.
pub(crate) fn blocks_under(page: &str, heading: &str) -> Result<Vec<Block>> {
    let text = std::fs::read_to_string(root()?.join(page))?;
    let begin = text.lines().position(|line| line == format!("## {heading}"));
    let begin = begin.with_context(|| format!("{page} has no heading {heading}"))?;
    let next = text.lines().skip(begin + 1).position(|line| line.starts_with("## "));
    let end = next.map_or(usize::MAX, |next| begin + 1 + next);
    let mut found = blocks(page, &text);
    found.retain(|block| block.reason.is_none() && (begin..end).contains(&block.line));
    Ok(found)
}

/// Runs a block as it is written, but for the namespace.
pub(crate) fn run(cli: &Cli, block: &Block, namespace: &str) -> Result<()> {
    // Examples name a namespace that is another test's, or nobody's.
    let text = block.text.replace("-n team", &format!("-n {namespace}"));
    let text = text.replace("=team:", &format!("={namespace}:"));
    let text = text.replace("=default:", &format!("={namespace}:"));
    let said = cli.script(&text)?;
    let Block { page, line, .. } = block;
    ensure!(said.code == 0, "{page} line {line}\n{text}\n{}\n{}", said.out, said.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_hour_can_be_lived_as_it_is_written() -> Result<()> {
    let stage = Stage::bare("first-hour").await?;
    let gitea = gitea()?;
    let repository = gitea.future_repository("first-hour-gitops");
    let mut cli = Cli::new(&stage.namespace)?;
    let folder = cli.home().join("shop");
    std::fs::create_dir(&folder)?;
    gimlet_e2e::git(&folder, ["init", "--quiet", "--initial-branch=main"])?;
    cli.enter(&folder);
    for (name, value) in [
        ("GIMLET_NAMESPACE", stage.namespace.name()),
        ("FLUX_NAMESPACE", stage.namespace.name()),
        ("GITOPS_URL", &repository.http_url),
        ("GIMLET_GIT_TOKEN", &gitea.token),
    ] {
        cli.set(name, value);
    }
    for block in all()?.iter().filter(|block| block.page == GUIDE && block.reason.is_none()) {
        run(&cli, block, stage.namespace.name())?;
    }
    stage.end().await
}

/// Makes what the examples of the pages speak of: three environments, with an app in two of them.
async fn scene(stage: &Stage) -> Result<()> {
    let spec = json!({"gitops": {"path": "production"}});
    stage.environment("production", "production", spec).await?;
    stage.environment_ready("production").await?;
    stage.environment("prod", "prod", json!({})).await?;
    stage.connect_flux().await?;
    let manifest = stage.web("v1.4.1");
    for (environment, phase) in [("staging", Phase::Healthy), ("production", Phase::Committed)] {
        let name = format!("shop.{environment}-x7k2p");
        let object = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": name},
            "spec": {"app": "shop", "environment": environment, "manifest": manifest},
        });
        let namespace = stage.namespace.name();
        let file = tempfile::NamedTempFile::with_suffix(".json")?;
        std::fs::write(file.path(), object.to_string())?;
        let path = file.path().to_str().context("the path is not UTF-8")?;
        stage.cluster.kubectl(["create", "-n", namespace, "-f", path])?;
        stage.phase(&name, phase).await?;
    }
    let artifact = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
        "metadata": {"name": "shop-x7k2p", "namespace": stage.namespace.name()},
        "spec": {
            "version": {"repository": "acme/shop", "sha": "abcdef0", "branch": "main"},
            "manifests": [{"path": ".gimlet/shop.yaml",
                "content": "app: shop\nenv: staging\nnamespace: shop\nchart: {name: app}\n"}],
        },
    });
    stage.cluster.apply(&artifact.to_string())?;
    let repository = json!({
        "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository",
        "metadata": {"name": "shop", "namespace": stage.namespace.name()},
        "spec": {"url": stage.repository.http_url, "secretRef": {"name": "gitops"}},
    });
    stage.cluster.apply(&repository.to_string()).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_pages_can_be_typed() -> Result<()> {
    let stage = Stage::open("docs-commands").await?;
    scene(&stage).await?;
    let mut cli = Cli::new(&stage.namespace)?;
    // A checkout of the gitops repository, with the files that examples name.
    let checkout = stage.repository.checkout()?;
    std::fs::write(checkout.path().join("app.private-key.pem"), "a key\n")?;
    // What CI ships of it; the app is one that no other example holds back.
    std::fs::create_dir(checkout.path().join(".gimlet"))?;
    let shipped = format!(
        "app: cart\nenv: staging\nnamespace: {}\ndeploy: {{event: push, branch: main}}\nchart: {{name: app}}\n\
         values: {{port: 8080, image: {{repository: '{{{{ .IMAGE }}}}', tag: '{{{{ .SHA }}}}'}}}}\n",
        stage.namespace.name()
    );
    std::fs::write(checkout.path().join(".gimlet/cart.yaml"), shipped)?;
    cli.enter(checkout.path());
    for block in
        all()?.iter().filter(|block| !WALKED.contains(&&*block.page) && block.reason.is_none())
    {
        run(&cli, block, stage.namespace.name())?;
        for environment in ["staging", "production"] {
            let patch = json!({"spec": {"suspend": false, "lock": null}});
            let object = format!("environment/{environment}");
            let namespace = stage.namespace.name();
            let patch = patch.to_string();
            let line = ["patch", &object, "-n", namespace, "--type=merge", "-p", &patch];
            stage.cluster.kubectl(line)?;
        }
    }
    stage.end().await
}
