//! What the documentation shows is what the API server takes.

#[path = "docs/commands.rs"]
pub(crate) mod commands;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{control_plane, install, root};

/// Gives the blocks of YAML in a page, each with the line at which it starts.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        match &mut open {
            Some(_) if line.trim_end() == "```" => blocks.extend(open.take()),
            Some((_, block)) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line.trim_end() == "```yaml" => open = Some((index + 1, String::new())),
            None => {}
        }
    }
    blocks
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_in_the_documentation_is_accepted() -> Result<()> {
    let cluster = control_plane()?;
    install(&cluster)?;
    let namespace = cluster.namespace("docs").await?;
    let mut pages: Vec<PathBuf> = vec![root()?.join("README.md")];
    for entry in std::fs::read_dir(root()?.join("docs"))? {
        pages.push(entry?.path());
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let file = tempfile::NamedTempFile::with_suffix(".yaml")?;
    let path = file.path().to_str().context("the path is not UTF-8")?;
    let mut objects = 0;
    for page in pages {
        for (line, block) in blocks(&std::fs::read_to_string(&page)?) {
            if !block.contains("apiVersion: gimlet.io/") {
                continue;
            }
            std::fs::write(file.path(), &block)?;
            let dry = ["create", "--dry-run=server", "-n", namespace.name(), "-f", path];
            cluster
                .kubectl(dry)
                .with_context(|| format!("{} line {line}\n{block}", page.display()))?;
            objects += 1;
        }
    }
    ensure!(objects >= 8, "only {objects} objects were found");
    Ok(())
}
