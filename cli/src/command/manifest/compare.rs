//! `manifest diff`: what a manifest would change, rendered here and now.

use std::path::{Path, PathBuf};

use clap::Args;
use gimlet_manifest::plan::{DiffOptions, Files, diff};
use gimlet_manifest::record;

use super::{read_folder, render_for_diff};
use crate::error::{CommandError, Finish, Kind};
use crate::manifest_source::{Chosen, ManifestArgs};
use crate::{git, output};

/// Show what a deploy manifest would change, without a cluster
///
/// The manifest is rendered as it is in the file, and compared with what it was in another commit of the
/// repository (--ref), or with what is released: the app's folder in a checkout of the gitops repository
/// (--gitops). The same variables go into both. gimlet diff asks the operator instead. Exits with 0
/// where nothing differs, with 1 where something does, and with more where it could not be found out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  # what I have changed since the last commit, and since main
  gimlet manifest diff -f .gimlet/shop.yaml --var SHA=abc123
  gimlet manifest diff -f .gimlet/shop.yaml --ref origin/main --from-git
  # against what is released
  gimlet manifest diff -f .gimlet/shop.yaml --from-git --gitops ../gitops/staging")]
pub(super) struct CompareArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Commit, branch or tag to compare with
    #[arg(long = "ref", value_name = "COMMIT", default_value = "HEAD", conflicts_with = "gitops")]
    reference: String,
    /// Folder of the environment in a checkout of the gitops repository, to compare with what is released
    #[arg(long, value_name = "FOLDER")]
    gitops: Option<PathBuf>,
}

pub(super) async fn run(args: &CompareArgs) -> Result<Finish, CommandError> {
    let chosen = args.manifest.choose()?;
    let folder = args.manifest.folder();
    let old = if let Some(gitops) = &args.gitops {
        released(gitops, chosen.app.as_str())?
    } else if let Some(earlier) = earlier(&args.manifest, &args.reference)? {
        render(earlier, &folder).await?
    } else {
        // What was not there is rendered as nothing.
        Files::new()
    };
    let new = render(chosen, &folder).await?;
    let text = diff(&old, &new, DiffOptions::default());
    output::print(&text)?;
    Ok(if text.is_empty() { Finish::Done } else { Finish::Differences })
}

/// Renders with a seed of its own: what is drawn at random is the same on both sides.
async fn render(chosen: Chosen, folder: &Path) -> Result<Files, CommandError> {
    render_for_diff(chosen, Some(folder.to_owned()), [0; 32]).await
}

/// Reads an app's folder, without the record of its release.
fn released(gitops: &Path, app: &str) -> Result<Files, CommandError> {
    match read_folder(&gitops.join(app)) {
        Ok(mut files) => {
            files.remove(record::FILE);
            Ok(files)
        }
        // An app that was never released has no folder; the environment has to have one.
        Err(error) if error.kind() == Kind::NotFound && gitops.is_dir() => Ok(Files::new()),
        Err(error) => Err(error),
    }
}

/// Reads the manifest as it was in a commit; nothing where the file was not there.
fn earlier(args: &ManifestArgs, reference: &str) -> Result<Option<Chosen>, CommandError> {
    let Some(file) = args.path() else {
        return Err(CommandError::usage("there is no file that could have been another one")
            .hint("pass a deploy manifest with -f FILE, or --gitops FOLDER"));
    };
    let folder = args.folder();
    let commit = format!("{reference}^{{commit}}");
    let commit = git::run(&folder, &["rev-parse", "--verify", "--end-of-options", &commit])
        .map_err(|why| {
            CommandError::usage(format!("git knows no commit {reference} here: {why}"))
        })?;
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match git::content(&folder, &format!("{commit}:./{name}")) {
        Ok(text) => args.choose_in(&text).map(Some),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse;
    use crate::command::Command;
    use crate::git::tests::git;

    const RAW: &str = "app: shop\nenv: staging\nnamespace: shop\nmanifests: |\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: shop}\n  data: {a: '1'}\n";

    async fn compare(file: &Path, more: &[&str]) -> Result<Finish, CommandError> {
        let mut line = vec!["gimlet", "manifest", "diff", "-f", file.to_str().unwrap()];
        line.extend(more);
        let cli = parse(line.into_iter().map(Into::into).collect()).unwrap();
        let Command::Manifest(command) = cli.command else { panic!("another command") };
        super::super::run(&command).await
    }

    #[tokio::test]
    async fn a_file_is_compared_with_another_commit_and_with_what_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        git(path, &["init", "--quiet", "--initial-branch=main"]);
        std::fs::create_dir(path.join(".gimlet")).unwrap();
        let file = path.join(".gimlet/shop.yaml");
        std::fs::write(&file, RAW).unwrap();
        let error = compare(&file, &[]).await.unwrap_err();
        assert_eq!(error.exit_code(), 2, "there is no commit yet");
        git(path, &["add", "."]);
        git(path, &["commit", "--quiet", "-m", "x"]);
        assert_eq!(compare(&file, &[]).await, Ok(Finish::Done));
        std::fs::write(&file, RAW.replace("'1'", "'2'")).unwrap();
        assert_eq!(compare(&file, &[]).await, Ok(Finish::Differences));
        assert_eq!(compare(&file, &["--ref", "nowhere"]).await.unwrap_err().exit_code(), 2);

        let gitops = path.join("staging");
        std::fs::create_dir_all(gitops.join("shop")).unwrap();
        let gitops = gitops.to_str().unwrap();
        assert_eq!(compare(&file, &["--gitops", gitops]).await, Ok(Finish::Differences));
        let app = path.join("staging/shop");
        let line = ["gimlet", "manifest", "render", "-f", file.to_str().unwrap(), "-o"];
        let line = line.into_iter().chain([app.to_str().unwrap()]).map(Into::into);
        let Command::Manifest(render) = parse(line.collect()).unwrap().command else { panic!() };
        super::super::run(&render).await.unwrap();
        std::fs::write(path.join("staging/shop/release.json"), "{}").unwrap();
        assert_eq!(compare(&file, &["--gitops", gitops]).await, Ok(Finish::Done));
        let nowhere = path.join("nowhere");
        let error = compare(&file, &["--gitops", nowhere.to_str().unwrap()]).await.unwrap_err();
        assert_eq!(error.exit_code(), 6);
    }
}
