//! The scripts of this folder and the binaries that they build.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};

/// Gives the path of one of the control plane's binaries: `kubectl`, `helm`, `etcd`, `gitea`, ….
///
/// Builds them if they are not built: some minutes the first time on a machine.
pub fn tool(name: &str) -> Result<PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        script("cluster.sh", &["tools"], &[]).map(PathBuf::from).map_err(|e| format!("{e:#}"))
    });
    let path = folder.as_ref().map_err(|e| anyhow!("{e}"))?.join(name);
    if !path.exists() {
        bail!("there is no tool \"{name}\" in {}", path.parent().unwrap_or(&path).display());
    }
    Ok(path)
}

/// Runs a script of this folder; its progress goes to our stderr, its output is given back.
pub(crate) fn script(name: &str, args: &[&str], env: &[(&str, &str)]) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let mut command = Command::new(&path);
    command.args(args).envs(env.iter().copied()).stdin(Stdio::null()).stderr(Stdio::inherit());
    run(&mut command).with_context(|| format!("e2e/{name} {}", args.join(" ")))
}

/// Runs a command and gives its trimmed output; an error carries what it printed to stderr.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let output = command
        .output()
        .with_context(|| format!("{} does not start: is it installed?", program.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}\n{stdout}\n{}", program.display(), output.status, stderr.trim());
    }
    Ok(stdout)
}

/// Gives the folder where clusters and Gitea keep their state unless told otherwise.
pub(crate) fn state_root() -> Result<PathBuf> {
    if let Some(root) = folder_in_env("E2E_STATE") {
        return Ok(root);
    }
    let cache = folder_in_env("XDG_CACHE_HOME")
        .or_else(|| folder_in_env("HOME").map(|home| home.join(".cache")))
        .context("neither HOME nor XDG_CACHE_HOME is set: set E2E_STATE to a folder")?;
    Ok(cache.join("gimlet-e2e"))
}

pub(crate) fn folder_in_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_carries_what_the_command_printed() {
        let error = run(Command::new("sh").args(["-c", "echo out; echo why >&2; exit 3"]));
        let message = format!("{:#}", error.unwrap_err());
        assert!(message.contains("out") && message.contains("why"), "{message}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let message = format!("{:#}", run(&mut Command::new("no-such-program")).unwrap_err());
        assert!(message.starts_with("no-such-program does not start"), "{message}");
    }
}
