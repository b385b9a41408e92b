//! Running git as a child process that can neither hang nor read anybody's settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::error::{GitError, GitErrorKind};

/// The most bytes of one command's output; a log of a million releases is less.
const STDOUT_CAP: usize = 512 * 1024 * 1024;
const STDERR_CAP: usize = 64 * 1024;
/// How long output may stay open after a child's end; a kept ssh connection can hold it.
const LINGER: Duration = Duration::from_secs(1);

/// Settings that every command gets instead of those of the system and the user.
const CONFIG: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsync", "none"),
    ("credential.helper", ""),
    ("fetch.fsckObjects", "true"),
    ("fetch.fsck.zeroPaddedFilemode", "warn"),
    ("fetch.fsck.missingSpaceBeforeDate", "warn"),
    ("fetch.fsck.badTimezone", "warn"),
    ("fetch.unpackLimit", "100"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    // A push is small: what git would keep in memory to be quick with large ones only costs memory.
    ("pack.threads", "1"),
    ("pack.windowMemory", "16m"),
    ("core.deltaBaseCacheLimit", "16m"),
    ("core.packedGitWindowSize", "4m"),
    ("core.packedGitLimit", "64m"),
    ("http.lowSpeedLimit", "1"),
    ("http.postBuffer", "16777216"),
    ("protocol.version", "2"),
    ("push.gpgSign", "false"),
    ("push.followTags", "false"),
    ("submodule.recurse", "false"),
];

/// Variables of this process that a child may see.
const PASSED: &[&str] = &[
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// One call of git.
pub(crate) struct Invocation {
    args: Vec<OsString>,
    config: Vec<(String, String)>,
    env: Vec<(&'static str, OsString)>,
    input: Vec<u8>,
    deadline: Duration,
}

impl Invocation {
    pub(crate) fn new(args: &[&str], deadline: Duration) -> Self {
        let args = args.iter().map(OsString::from).collect();
        Self { args, config: Vec::new(), env: Vec::new(), input: Vec::new(), deadline }
    }

    pub(crate) fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }

    pub(crate) fn env(mut self, key: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((key, value.into()));
        self
    }

    /// Gives the command this to read.
    pub(crate) fn input(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    fn command(&self, dir: &Path) -> Command {
        let mut command = Command::new("git");
        command.args(&self.args).env_clear().current_dir(dir);
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // Not every build of git's TLS library reads the variable that all others do.
        if let (None, Some(file)) =
            (std::env::var_os("GIT_SSL_CAINFO"), std::env::var_os("SSL_CERT_FILE"))
        {
            command.env("GIT_SSL_CAINFO", file);
        }
        command
            .env("GIT_DIR", dir)
            .env("HOME", dir)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_GRAFT_FILE", dir.join("no-grafts"))
            // Only a command that is lent access may talk to anybody.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_OPTIONAL_LOCKS", "0");
        // Settings travel in the environment, for arguments can be read by every user of a machine.
        let given = CONFIG.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let all: Vec<_> = given.chain(self.config.iter().cloned()).collect();
        command.env("GIT_CONFIG_COUNT", all.len().to_string());
        for (index, (key, value)) in all.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command.envs(self.env.iter().map(|(k, v)| (*k, v)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

/// What a finished command left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// Kills a child with all its own children, unless it has ended.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It may have ended just now.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

fn start(command: &mut Command) -> Result<(Child, Group), GitError> {
    let child = command.spawn().map_err(|error| {
        // The system says the same of a program and of a folder that are not there.
        match command.as_std().get_current_dir().filter(|dir| !dir.is_dir()) {
            Some(dir) => GitError::cache(format!("the folder {} is gone", dir.display())),
            None => GitError::other(format!("git could not be started: {error}: is it installed?")),
        }
    })?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok((child, Group(pid)))
}

/// Runs a command to its end, or to its deadline.
pub(crate) async fn run(dir: &Path, invocation: &Invocation) -> Result<Finished, GitError> {
    let mut command = invocation.command(dir);
    if !invocation.input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let (mut child, mut group) = start(&mut command)?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = invocation.input.clone();
        // A child that stops reading says why in its own words.
        tokio::spawn(async move { stdin.write_all(&input).await });
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let out = tokio::spawn(collect(stdout, STDOUT_CAP));
    let err = tokio::spawn(collect(stderr, STDERR_CAP));
    let word =
        invocation.args.first().map(|a| a.to_string_lossy().into_owned()).unwrap_or_default();
    let Ok(status) = tokio::time::timeout(invocation.deadline, child.wait()).await else {
        return Err(GitError::new(
            GitErrorKind::Timeout,
            format!("git {word} did not end within {} s: try again", invocation.deadline.as_secs()),
        ));
    };
    let status = status.map_err(|e| GitError::other(format!("git {word} was lost: {e}")))?;
    group.0 = None;
    let join = |task| async {
        match tokio::time::timeout(LINGER, task).await {
            Ok(Ok(read)) => read,
            _ => Ok(Vec::new()),
        }
    };
    let (stdout, stderr) = (join(out).await, join(err).await);
    Ok(Finished {
        code: status.code(),
        stdout: stdout.map_err(|e| GitError::other(format!("git {word}: {e}")))?,
        stderr: String::from_utf8_lossy(&stderr.unwrap_or_default()).into_owned(),
    })
}

/// Reads to the end; what is beyond the cap of an error text is dropped, other output must fit.
async fn collect(stream: Option<impl AsyncRead + Unpin>, cap: usize) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else { return Ok(kept) };
    let mut chunk = vec![0; 32 * 1024];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Ok(kept);
        }
        if kept.len() + count <= cap {
            kept.extend_from_slice(&chunk[..count]);
        } else if cap == STDOUT_CAP {
            return Err(std::io::Error::other("output is too large"));
        }
    }
}

/// A child that answers questions one after the other.
pub(crate) struct Conversation {
    child: Child,
    group: Group,
    input: tokio::process::ChildStdin,
    output: tokio::io::BufReader<tokio::process::ChildStdout>,
}

impl Conversation {
    pub(crate) fn start(dir: &Path, args: &[&str]) -> Result<Self, GitError> {
        let mut command = Invocation::new(args, Duration::MAX).command(dir);
        command.stdin(Stdio::piped()).stderr(Stdio::null());
        let (mut child, group) = start(&mut command)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                Ok(Self { child, group, input, output: tokio::io::BufReader::new(output) })
            }
            _ => Err(GitError::other("git was started without its pipes: try again")),
        }
    }

    pub(crate) async fn ask(&mut self, line: &str) -> std::io::Result<()> {
        self.input.write_all(line.as_bytes()).await?;
        self.input.flush().await
    }

    pub(crate) fn output(&mut self) -> &mut tokio::io::BufReader<tokio::process::ChildStdout> {
        &mut self.output
    }

    /// Says whether the child has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        let over = !matches!(self.child.try_wait(), Ok(None));
        if over {
            self.group.0 = None;
        }
        over
    }
}

/// Returns a private directory that is in memory where the system offers one.
pub(crate) fn private_dir() -> std::io::Result<tempfile::TempDir> {
    let memory = PathBuf::from("/dev/shm");
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("gim");
        builder
    };
    // Directories of tempfile are readable by their owner only.
    builder().tempdir_in(memory).or_else(|_| builder().tempdir())
}
