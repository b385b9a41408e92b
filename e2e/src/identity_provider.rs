//! An OIDC provider of the npm registry on loopback, at which people of any name are signed in.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::operator::root;

/// A provider that is reserved, and runs once it is told where browsers are sent back to.
#[derive(Debug)]
pub struct IdentityProvider {
    dir: TempDir,
    port: u16,
    /// Its certificate, PEM, to trust it by.
    pub certificate: String,
    child: Option<Child>,
}

impl IdentityProvider {
    /// Reserves an address, and makes a certificate for it.
    pub fn new() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        let dir = tempfile::tempdir()?;
        let certificate = own.cert.pem();
        std::fs::write(dir.path().join("cert.pem"), &certificate)?;
        std::fs::write(dir.path().join("key.pem"), own.signing_key.serialize_pem())?;
        Ok(Self { dir, port, certificate, child: None })
    }

    /// Gives the address of the issuer.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Gives the file of its certificate.
    pub fn authority(&self) -> String {
        self.dir.path().join("cert.pem").to_string_lossy().into_owned()
    }

    /// Starts it: its ID tokens are good for some seconds, and browsers may be sent back to these.
    pub fn start(&mut self, seconds: u32, back: &[String]) -> Result<()> {
        let web = root()?.join("dashboard/web");
        ensure!(
            web.join("node_modules/oidc-provider").is_dir(),
            "the provider is not there: `make web` installs it"
        );
        let mut command = Command::new("node");
        command.arg("dev/provider.mjs").current_dir(web);
        command.args(["--port", &self.port.to_string(), "--seconds", &seconds.to_string()]);
        for (flag, file) in [("--cert", "cert.pem"), ("--key", "key.pem")] {
            command.arg(flag).arg(self.dir.path().join(file));
        }
        for address in back {
            command.args(["--back", address]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("node does not start: Node 20.19 or newer is needed")?;
        let said = child.stdout.take().context("the provider says nothing")?;
        self.child = Some(child);
        let mut said = BufReader::new(said).lines();
        let ready = said.find(|line| line.as_ref().map_or(true, |line| line == "ready"));
        ready.context("the provider ended")??;
        // What else it says is of no interest, and may not block it.
        std::thread::spawn(move || said.for_each(drop));
        Ok(())
    }

    /// Ends it, as if it were not there.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("a provider is left over: {error:#}");
        }
    }
}
