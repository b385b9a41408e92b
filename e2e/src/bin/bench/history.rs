//! Repositories of a given size, as years of releases leave them.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use gimlet_e2e::git;

/// Files that an app's folder has.
pub const FILES: usize = 10;
/// The folder of the environment.
pub const ENVIRONMENT: &str = "staging";

/// How large a repository is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many apps it has.
    pub apps: usize,
    /// How many commits it has.
    pub commits: usize,
}

/// Names an app.
pub fn app(number: usize) -> String {
    format!("app-{number:05}")
}

/// Gives the name and the content of a file of an app, as a release writes it.
pub fn file(app: usize, number: usize, release: &str) -> (String, String) {
    use std::fmt::Write as _;
    let name = format!("configmap-part-{number}.yaml");
    let mut text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}-part-{number}\ndata:\n  release: {release:?}\n",
        crate::history::app(app)
    );
    for line in 0..12 {
        // Numbers that look random make content that does not compress into nothing.
        let word = (app * 31 + number * 17 + line).wrapping_mul(2_654_435_761) & 0xffff_ffff;
        let _ = writeln!(text, "  setting-{line:02}: \"{word:08x}-{}\"", line * number);
    }
    (name, text)
}

/// Makes a bare repository: somebody's first commit with all apps, then a release of one app per
/// commit.
///
/// It is packed and has bitmaps, as hosts keep their repositories.
pub fn generate(path: &Path, shape: Shape) -> Result<()> {
    generate_by(path, |stream| import(stream, shape))?;
    git(path, ["repack", "-a", "-d", "-b", "--quiet"])?;
    Ok(())
}

/// Makes a bare repository of what is written for `git fast-import`.
pub fn generate_by(path: &Path, import: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let parent = path.parent().context("a repository is not the root")?;
    let text = path.to_str().context("the path of the repository is not UTF-8")?;
    git(parent, ["init", "--quiet", "--bare", "--initial-branch=main", text])?;
    for (key, value) in [
        ("gc.auto", "0"),
        ("receive.autogc", "false"),
        ("core.fsync", "none"),
        ("uploadpack.allowFilter", "true"),
    ] {
        git(path, ["config", key, value])?;
    }
    let mut child = Command::new("git")
        .args(["fast-import", "--quiet", "--done"])
        .current_dir(path)
        .stdin(Stdio::piped())
        .spawn()
        .context("git does not start: is it installed?")?;
    let mut stream = BufWriter::new(child.stdin.take().context("git takes no input")?);
    import(&mut stream)?;
    drop(stream);
    ensure!(child.wait()?.success(), "git fast-import failed");
    Ok(())
}

fn import(stream: &mut dyn Write, shape: Shape) -> Result<()> {
    writeln!(stream, "feature done")?;
    for number in 0..shape.commits {
        // A prime stride: every app gets its turn, and neighbours are not released together.
        let of = number * 7919 % shape.apps;
        let message = match number {
            0 => "import all apps\n".to_owned(),
            _ => format!(
                "staging/{0}: release r{number}\n\nGimlet-Release: seed-{number}\nGimlet-App: {0}\nGimlet-Env: staging\n",
                app(of)
            ),
        };
        writeln!(stream, "commit refs/heads/main")?;
        writeln!(
            stream,
            "committer Bench <bench@example.com> {} +0000",
            1_700_000_000 + number * 60
        )?;
        data(stream, &message)?;
        if number == 0 {
            for (of, part) in (0..shape.apps).flat_map(|of| (0..FILES).map(move |part| (of, part)))
            {
                modify(stream, of, part, "r0")?;
            }
        } else {
            modify(stream, of, 0, &format!("r{number}"))?;
            modify(stream, of, 1, &format!("r{number}"))?;
        }
    }
    writeln!(stream, "done")?;
    stream.flush()?;
    Ok(())
}

fn modify(stream: &mut dyn Write, of: usize, part: usize, release: &str) -> Result<()> {
    let (name, text) = file(of, part, release);
    writeln!(stream, "M 100644 inline {ENVIRONMENT}/{}/{name}", app(of))?;
    data(stream, &text)
}

/// Writes a block of data for `git fast-import`.
pub fn data(stream: &mut dyn Write, text: &str) -> Result<()> {
    writeln!(stream, "data {}\n{text}", text.len())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_the_size_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("small.git");
        generate(&path, Shape { apps: 3, commits: 5 }).unwrap();
        assert_eq!(git(&path, ["rev-list", "--count", "main"]).unwrap(), "5");
        let files = git(&path, ["ls-tree", "-r", "--name-only", "main"]).unwrap();
        assert_eq!(files.lines().count(), 3 * FILES);
    }
}
