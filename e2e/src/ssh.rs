//! SSH keys of tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::toolbox::run;

/// A key pair without a passphrase, in a folder that goes away with it.
#[derive(Debug)]
pub struct SshKey {
    dir: TempDir,
    private: String,
    public: String,
}

impl SshKey {
    /// Generates an Ed25519 key pair.
    pub fn generate() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("id");
        run(Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "e2e", "-f"])
            .arg(&path))?;
        let private = std::fs::read_to_string(&path).context("generated private key")?;
        let public = std::fs::read_to_string(path.with_extension("pub"))
            .context("generated public key")?
            .trim()
            .to_owned();
        Ok(Self { dir, private, public })
    }

    /// Gives the private key as a Secret holds it.
    pub fn private(&self) -> &str {
        &self.private
    }

    /// Gives the public key as a git host takes it.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Gives the private key's file.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("id")
    }

    /// Gives the ssh command for git that uses this key and trusts only these hosts.
    pub fn command(&self, known_hosts: &str) -> Result<String> {
        let file = self.dir.path().join("known_hosts");
        std::fs::write(&file, known_hosts)?;
        let option = |name: &str, path: &Path| format!(" -o {name}={}", path.display());
        Ok(format!(
            "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes{}{}",
            option("UserKnownHostsFile", &file),
            option("IdentityFile", &self.path()),
        ))
    }
}
