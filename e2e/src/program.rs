//! The project's own programs, built from the same sources as the test.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};

use crate::operator::root;
use crate::toolbox::run;

/// Finds a package's program of the same name beside the test's own, and builds it first.
pub(crate) fn binary(package: &'static str) -> Result<PathBuf> {
    program(package, package)
}

/// Finds a program of a package beside the test's own, and builds it first; once in a process is enough.
pub(crate) fn program(package: &'static str, name: &'static str) -> Result<PathBuf> {
    static BUILT: Mutex<Option<HashMap<&str, Result<PathBuf, String>>>> = Mutex::new(None);
    // Tests wait for each other here: cargo would make them wait anyway.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = built.get_or_insert_default().entry(name).or_insert_with(|| {
        build(package).map(|folder| folder.join(name)).map_err(|error| format!("{error:#}"))
    });
    found.clone().map_err(|error| anyhow!("{error}"))
}

fn build(package: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    // <target>/<profile>/deps/<test>
    let folder = own.ancestors().nth(2).context("the test is not in a target folder")?;
    let target = folder.parent().context("the test is not in a target folder")?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()?);
    // What cargo tells this program of its own package would make build scripts run again, and
    // with them half of the dependencies be built twice.
    let own = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(own) {
            command.env_remove(name);
        }
    }
    command.args(["build", "--quiet", "--package", package, "--target-dir"]);
    command.arg(target);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    run(&mut command).with_context(|| format!("{package} is not built"))?;
    Ok(folder.to_owned())
}
