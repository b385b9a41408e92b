//! The program `gimlet`, run as a person or CI runs it.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use tempfile::TempDir;

use crate::program::program;
use crate::toolbox::tool;
use crate::{ControlPlane, Namespace};

/// The program `gimlet` with a home of its own; it sees nothing of the test's environment but `PATH`.
#[derive(Debug)]
pub struct Cli {
    binary: PathBuf,
    home: TempDir,
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

/// What the program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// What went to stdout.
    pub out: String,
    /// What went to stderr.
    pub err: String,
}

impl Cli {
    /// Makes one that knows no cluster.
    pub fn bare() -> Result<Self> {
        let home = tempfile::tempdir()?;
        let folder = home.path().to_owned();
        let variables = vec![("HOME".to_owned(), home.path().to_string_lossy().into_owned())];
        Ok(Self { binary: program("gimlet-cli", "gimlet")?, home, folder, variables })
    }

    /// Makes one of the administrator, in a namespace.
    pub fn new(namespace: &Namespace) -> Result<Self> {
        let mut cli = Self::bare()?;
        let kubeconfig = namespace.kubeconfig(cli.home.path())?;
        cli.set("KUBECONFIG", &kubeconfig.to_string_lossy());
        Ok(cli)
    }

    /// Makes one that speaks to the API server by its address alone, with a service account's token.
    ///
    /// It is told by variables, as CI does; `gimlet login` does the same for people.
    pub fn with_token(cluster: &ControlPlane, namespace: &str, account: &str) -> Result<Self> {
        let mut cli = Self::bare()?;
        let (server, authority) = cli.server(cluster)?;
        cli.set("GIMLET_SERVER", &server);
        cli.set("GIMLET_CERTIFICATE_AUTHORITY", &authority.to_string_lossy());
        cli.set("GIMLET_TOKEN", &cluster.token(namespace, account)?);
        cli.set("GIMLET_NAMESPACE", namespace);
        Ok(cli)
    }

    /// Gives the address of the API server, and a file with its certificate authority.
    pub fn server(&self, cluster: &ControlPlane) -> Result<(String, PathBuf)> {
        let text =
            cluster.kubectl(["config", "view", "--raw", "--minify", "--flatten", "-o", "json"])?;
        let config: serde_json::Value = serde_json::from_str(&text)?;
        let found = &config["clusters"][0]["cluster"];
        let server = found["server"].as_str().context("the kubeconfig has no server")?;
        let data = found["certificate-authority-data"].as_str().context("it has no authority")?;
        let path = self.home.path().join("ca.crt");
        std::fs::write(&path, base64::engine::general_purpose::STANDARD.decode(data)?)?;
        Ok((server.to_owned(), path))
    }

    /// Sets a variable of its environment.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has it run in another folder than its home.
    pub fn enter(&mut self, folder: &Path) -> &mut Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Gives its home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Gives the folder of the program, for scripts that look for it.
    pub fn bin(&self) -> Result<&Path> {
        self.binary.parent().context("the program is in no folder")
    }

    /// Runs it; whatever it says is given back.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Said> {
        let mut command = self.command(&self.binary)?;
        command.args(args);
        said(command, "")
    }

    /// Runs it with a text on stdin.
    pub fn run_with<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        stdin: &str,
    ) -> Result<Said> {
        let mut command = self.command(&self.binary)?;
        command.args(args);
        said(command, stdin)
    }

    /// Runs it at a terminal, where a person answers its questions; all it says comes as `out`.
    pub fn on_terminal<S: AsRef<str>>(
        &self,
        args: impl IntoIterator<Item = S>,
        answers: &str,
    ) -> Result<Said> {
        let quoted = |word: &str| format!("'{}'", word.replace('\'', r"'\''"));
        let mut words = vec![quoted(&self.binary.to_string_lossy())];
        words.extend(args.into_iter().map(|word| quoted(word.as_ref())));
        let mut command = self.command(Path::new("script"))?;
        command.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
        said(command, answers)
    }

    /// Runs it, and expects that it ends well.
    pub fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<String> {
        let said = self.run(args)?;
        ensure!(said.code == 0, "exit code {}\n{}\n{}", said.code, said.out, said.err);
        Ok(said.out)
    }

    /// Runs the lines of a script with bash, which finds the program by its name.
    pub fn script(&self, lines: &str) -> Result<Said> {
        let mut command = self.command(Path::new("bash"))?;
        command.args(["-euo", "pipefail", "-c", lines]);
        said(command, "")
    }

    fn command(&self, program: &Path) -> Result<Command> {
        let path = std::env::var("PATH").unwrap_or_default();
        let tools = tool("kubectl")?;
        let tools = tools.parent().context("kubectl is in no folder")?.display().to_string();
        let own = self.bin()?.display().to_string();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{own}:{path}:{tools}"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder);
        Ok(command)
    }
}

fn said(mut command: Command, stdin: &str) -> Result<Said> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read its input closes it.
        let _ = pipe.write_all(stdin.as_bytes());
    }
    let output = child.wait_with_output()?;
    Ok(Said {
        code: output.status.code().context("the program was killed")?,
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}
