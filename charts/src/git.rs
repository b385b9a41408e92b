//! Charts in git repositories, read with the `git` program.
//!
//! One commit is fetched without history, and of its files only those that are asked for. The
//! program runs without the machine's configuration, hooks or prompts; names from outside come
//! after `--` or inside a full ref name; credentials travel in its environment only.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use gimlet_outbound::{Pinned, host_of, is_loopback};
use tempfile::TempDir;
use url::Url;

use crate::ChartFetchError;
use crate::http::Client;
use crate::process::{Failure, Limits, Output, run};
use crate::source::GitReference;
use crate::tree::{FILE_LIMIT, TOTAL_LIMIT, Tree, too_large};

/// The most bytes that one commit of a repository may take on disk.
const DISK_LIMIT: u64 = 1024 * 1024 * 1024;
const LIST_LIMIT: u64 = 64 * 1024 * 1024;
/// How long one of several addresses may take to answer.
const CONNECT: Duration = Duration::from_secs(3);

const ASKPASS: &str = "#!/bin/sh
case \"$1\" in
Username*) printf '%s\\n' \"$GIMLET_GIT_USERNAME\" ;;
*) printf '%s\\n' \"$GIMLET_GIT_PASSWORD\" ;;
esac
";

/// Instead of the machine's configuration.
const SETTINGS: [(&str, &str); 7] = [
    ("core.hooksPath", "/dev/null"),
    ("http.followRedirects", "false"),
    ("credential.helper", ""),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("init.defaultBranch", "main"),
    ("safe.directory", "*"),
];

/// What the machine's environment may tell git: where programs, keys and proxies are.
const PASSED_ON: [&str; 13] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// How a repository is reached.
pub(crate) struct Way {
    protocol: &'static str,
    place: Place,
}

/// Where git is told to connect to: it would look for the name again, and might be told otherwise.
enum Place {
    /// Where git finds it by itself.
    Free,
    /// At these addresses.
    At(Pinned),
    /// The name leads nowhere now.
    Unknown,
}

/// One commit of a repository, in a temporary folder.
pub(crate) struct Checkout {
    dir: TempDir,
    environment: Vec<(String, OsString)>,
    deadline: Instant,
    what: String,
    commit: String,
}

/// The address of a repository as a URL, also for the form `git@host:path`.
pub(crate) fn address(url: &str) -> Result<Url, ChartFetchError> {
    let parsed = if url.contains("://") {
        Url::parse(url)
    } else {
        Url::parse(&format!("ssh://{}", url.replacen(':', "/", 1)))
    };
    parsed.map_err(|error| ChartFetchError::InvalidRepository {
        what: url.to_owned(),
        detail: error.to_string(),
    })
}

/// Refuses what a fetch must not contact or speak.
pub(crate) fn check(client: &Client<'_>, url: &str, local: bool) -> Result<Way, ChartFetchError> {
    let parsed = address(url)?;
    let host = host_of(&parsed);
    let protocol = match parsed.scheme() {
        "https" => "https",
        "ssh" => "ssh",
        "http" if is_loopback(&parsed) => "http",
        "http" => return Err(ChartFetchError::Insecure { host }),
        "file" if local => return Ok(Way { protocol: "file", place: Place::Free }),
        "file" => return Err(ChartFetchError::LocalRefused { what: url.to_owned() }),
        other => {
            let detail = format!("git over {other} is not supported; use https or ssh");
            return Err(ChartFetchError::InvalidRepository { what: url.to_owned(), detail });
        }
    };
    client.check(&parsed)?;
    let port = parsed.port_or_known_default().unwrap_or(22);
    let name = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let found = (name, port).to_socket_addrs().map(Iterator::collect);
    let found: Vec<SocketAddr> = found.unwrap_or_default();
    let addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
    if let Some(what) = addresses.iter().find_map(|address| client.reach().refuses(*address)) {
        return Err(ChartFetchError::AddressRefused { host, what });
    }
    // On a person's own machine there is nothing to protect, and its settings of ssh may know the
    // name. A name that is not known here may be known to a proxy.
    let free = local || name.parse::<IpAddr>().is_ok();
    let place = if free || (addresses.is_empty() && by_proxy(protocol)) {
        Place::Free
    } else if addresses.is_empty() {
        Place::Unknown
    } else {
        Place::At(Pinned { name: name.to_owned(), port, addresses })
    };
    Ok(Way { protocol, place })
}

/// Tells whether a proxy is asked for the server.
fn by_proxy(protocol: &str) -> bool {
    let named = PASSED_ON.iter().filter(|name| {
        let name = name.to_ascii_lowercase();
        name.ends_with("_proxy") && name != "no_proxy"
    });
    protocol != "ssh" && named.into_iter().any(|name| std::env::var_os(name).is_some())
}

/// Returns the first address that takes connections, where there is a choice: ssh is given one.
fn answering(pinned: &Pinned) -> Option<IpAddr> {
    let Pinned { name: _, port, addresses } = pinned;
    let answers = |address: &&IpAddr| {
        TcpStream::connect_timeout(&SocketAddr::new(**address, *port), CONNECT).is_ok()
    };
    let first = addresses.first();
    if addresses.len() < 2 {
        return first.copied();
    }
    addresses.iter().find(answers).or(first).copied()
}

impl Checkout {
    /// Fetches one commit.
    pub(crate) fn fetch(
        client: &Client<'_>,
        url: &str,
        reference: &GitReference,
        local: bool,
    ) -> Result<Self, ChartFetchError> {
        let way = check(client, url, local)?;
        if matches!(way.place, Place::Unknown) {
            let detail = "its name leads nowhere; check the address and the DNS".to_owned();
            return Err(ChartFetchError::Unreachable { host: host_of(&address(url)?), detail });
        }
        let dir = tempfile::Builder::new()
            .prefix("gimlet-git-")
            .tempdir()
            .map_err(ChartFetchError::local("create a temporary folder"))?;
        let environment = environment(client, url, &way, dir.path())?;
        let deadline = client.deadline();
        let mut checkout =
            Self { dir, environment, deadline, what: url.to_owned(), commit: String::new() };
        checkout.git(&["init", "--quiet", "--bare", "repository"])?;
        checkout.git(&["-C", "repository", "remote", "add", "--", "origin", url])?;
        let wanted = match reference {
            GitReference::Branch(name) => format!("refs/heads/{name}"),
            GitReference::Tag(name) => format!("refs/tags/{name}"),
            GitReference::Commit(id) => id.clone(),
            GitReference::Default => "HEAD".to_owned(),
        };
        let fetch = ["-C", "repository", "fetch", "--quiet", "--depth=1", "--no-tags"];
        let fetch = [&fetch[..], &["--filter=blob:none", "--", "origin", &wanted]].concat();
        checkout.git(&fetch).map_err(|error| checkout.explain(error, reference))?;
        let commit = checkout.git(&["-C", "repository", "rev-parse", "FETCH_HEAD^{commit}"])?;
        String::from_utf8_lossy(&commit).trim().clone_into(&mut checkout.commit);
        if let GitReference::Commit(id) = reference
            && *id != checkout.commit
        {
            let (expected, actual) = (id.clone(), checkout.commit);
            return Err(ChartFetchError::DigestMismatch { what: checkout.what, expected, actual });
        }
        Ok(checkout)
    }

    /// The id of the commit.
    pub(crate) fn commit(&self) -> &str {
        &self.commit
    }

    /// Reads a folder of the commit.
    pub(crate) fn read(&self, path: &str) -> Result<Tree, ChartFetchError> {
        let what =
            if path.is_empty() { self.what.clone() } else { format!("{} {path}", self.what) };
        let treeish = format!("{}:{path}", self.commit);
        let list = self.run(
            &["-C", "repository", "ls-tree", "-r", "-z", "--end-of-options", &treeish],
            Vec::new(),
        )?;
        if !list.success {
            return Err(ChartFetchError::NotFound {
                what: format!("folder {path:?} in {}", self.what),
            });
        }
        let mut blobs: Vec<(String, String)> = Vec::new();
        for line in list.stdout.split(|&b| b == 0).filter(|line| !line.is_empty()) {
            let line = std::str::from_utf8(line)
                .map_err(|_| ChartFetchError::invalid_chart(&what, "a file name is not UTF-8"))?;
            let (facts, name) = line.split_once('\t').unwrap_or((line, ""));
            let mut facts = facts.split(' ');
            let (mode, _, id) = (facts.next(), facts.next(), facts.next().unwrap_or_default());
            if !matches!(mode, Some("100644" | "100755")) {
                let detail = format!("{name} is a link or a submodule");
                return Err(ChartFetchError::invalid_chart(&what, detail));
            }
            blobs.push((name.to_owned(), id.to_owned()));
        }
        self.read_blobs(&what, &blobs)
    }

    fn read_blobs(&self, what: &str, blobs: &[(String, String)]) -> Result<Tree, ChartFetchError> {
        let ids: String = blobs.iter().flat_map(|(_, id)| [id.as_str(), "\n"]).collect();
        let fetch =
            ["-C", "repository", "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet"];
        let rest =
            ["--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin", "--", "origin"];
        // All at once is only faster: a server that refuses this is asked for each one by cat-file.
        let _ = self.run(&[&fetch[..], &rest].concat(), ids.clone().into_bytes())?;
        let cat = self.run(&["-C", "repository", "cat-file", "--batch"], ids.into_bytes())?;
        if !cat.success {
            return Err(self.failed(&cat.stderr));
        }
        let mut contents = HashMap::new();
        let mut rest = cat.stdout.as_slice();
        while let Some(end) = rest.iter().position(|&b| b == b'\n') {
            let header = String::from_utf8_lossy(&rest[..end]).into_owned();
            let mut parts = header.split(' ');
            let (id, size) = (parts.next().unwrap_or_default(), parts.nth(1));
            let size: Option<usize> = size.and_then(|size| size.parse().ok());
            let body = size.and_then(|size| rest.get(end + 1..end + 1 + size));
            let Some(body) = body else { return Err(self.failed("it did not send all files")) };
            if body.len() as u64 > FILE_LIMIT {
                return Err(too_large(format!("a file of {what}"), FILE_LIMIT));
            }
            contents.insert(id.to_owned(), body.to_vec());
            rest = rest.get(end + 2 + body.len()..).unwrap_or_default();
        }
        let mut tree = Tree::default();
        for (name, id) in blobs {
            let data = contents
                .get(id)
                .cloned()
                .ok_or_else(|| self.failed("it did not send all files"))?;
            tree.insert(what, name.clone(), data)?;
        }
        Ok(tree)
    }

    fn git(&self, arguments: &[&str]) -> Result<Vec<u8>, ChartFetchError> {
        let output = self.run(arguments, Vec::new())?;
        if output.success { Ok(output.stdout) } else { Err(self.failed(&output.stderr)) }
    }

    fn run(&self, arguments: &[&str], input: Vec<u8>) -> Result<Output, ChartFetchError> {
        let mut command = Command::new("git");
        command.current_dir(self.dir.path()).env_clear().args(arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let stdout = if arguments.contains(&"--batch") { 2 * TOTAL_LIMIT } else { LIST_LIMIT };
        let disk = (self.dir.path(), DISK_LIMIT);
        run(&mut command, input, &Limits { deadline: self.deadline, stdout, disk }).map_err(
            |failure| match failure {
                Failure::Time => ChartFetchError::Unreachable {
                    host: self.what.clone(),
                    detail: "git takes too long".to_owned(),
                },
                Failure::Output => too_large(self.what.clone(), stdout),
                Failure::Disk => too_large(self.what.clone(), DISK_LIMIT),
                Failure::Io(source) => {
                    ChartFetchError::Local { doing: "run the git program".to_owned(), source }
                }
            },
        )
    }

    fn failed(&self, stderr: &str) -> ChartFetchError {
        let detail = stderr
            .lines()
            .filter(|line| !line.starts_with("warning:") && !line.trim().is_empty())
            .take(3)
            .collect::<Vec<_>>()
            .join("; ");
        let detail = if detail.is_empty() { "it gave no reason".to_owned() } else { detail };
        ChartFetchError::Git { what: self.what.clone(), detail }
    }

    /// git has no error codes, so its (untranslated) words decide.
    fn explain(&self, error: ChartFetchError, reference: &GitReference) -> ChartFetchError {
        let ChartFetchError::Git { detail, .. } = &error else { return error };
        let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
        if says(&[
            "couldn't find remote ref",
            "not our ref",
            "unadvertised object",
            "no such remote ref",
        ]) {
            return ChartFetchError::NotFound { what: format!("{reference} of {}", self.what) };
        }
        if says(&[
            "Authentication failed",
            "could not read Username",
            "error: 403",
            "error: 401",
            "Permission denied",
        ]) {
            let host = address(&self.what).map(|url| host_of(&url));
            return ChartFetchError::Unauthorized {
                host: host.unwrap_or_else(|_| self.what.clone()),
                what: self.what.clone(),
            };
        }
        if says(&["not found", "does not exist", "does not appear to be a git repository"]) {
            return ChartFetchError::NotFound { what: self.what.clone() };
        }
        error
    }
}

fn environment(
    client: &Client<'_>,
    url: &str,
    way: &Way,
    dir: &Path,
) -> Result<Vec<(String, OsString)>, ChartFetchError> {
    let writing = || ChartFetchError::local("write the settings of git");
    let mut environment: Vec<(String, OsString)> = PASSED_ON
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?)))
        .collect();
    let Way { protocol, place } = way;
    let mut settings: Vec<(&str, String)> =
        SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    let mut ssh = "ssh -o BatchMode=yes".to_owned();
    if let Place::At(pinned) = place {
        settings.push(("http.curloptResolve", pinned.for_http()));
        if *protocol == "ssh" {
            let place = answering(pinned).map(|address| pinned.for_ssh(address));
            for option in place.into_iter().flatten() {
                ssh.extend([" -o '", &option, "'"]);
            }
        }
    }
    environment.push(("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string().into()));
    for (index, (key, value)) in settings.into_iter().enumerate() {
        environment.push((format!("GIT_CONFIG_KEY_{index}"), key.into()));
        environment.push((format!("GIT_CONFIG_VALUE_{index}"), value.into()));
    }
    environment.extend([
        ("GIT_CONFIG_NOSYSTEM".to_owned(), "1".into()),
        ("GIT_CONFIG_GLOBAL".to_owned(), "/dev/null".into()),
        ("GIT_TERMINAL_PROMPT".to_owned(), "0".into()),
        ("GIT_ALLOW_PROTOCOL".to_owned(), (*protocol).into()),
        ("GIT_SSH_COMMAND".to_owned(), ssh.into()),
        ("GIT_ASKPASS".to_owned(), "true".into()),
        ("LC_ALL".to_owned(), "C".into()),
    ]);
    if let Some(pem) = &client.access().ca {
        // Alone in a folder of its own: some TLS libraries read every file beside it.
        let folder = dir.join("authorities");
        let path = folder.join("ca.pem");
        fs::create_dir(&folder).and_then(|()| fs::write(&path, pem)).map_err(writing())?;
        environment.push(("GIT_SSL_CAINFO".to_owned(), path.into()));
        environment.push(("GIT_SSL_CAPATH".to_owned(), folder.into()));
    }
    let parsed = address(url)?;
    if matches!(parsed.scheme(), "https" | "http")
        && let Some(credentials) = client.access().credentials_for(&parsed)
    {
        let path = dir.join("askpass");
        fs::write(&path, ASKPASS).map_err(writing())?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).map_err(writing())?;
        environment.retain(|(name, _)| name != "GIT_ASKPASS");
        environment.push(("GIT_ASKPASS".to_owned(), path.into()));
        environment.push(("GIMLET_GIT_USERNAME".to_owned(), credentials.username.clone().into()));
        environment.push(("GIMLET_GIT_PASSWORD".to_owned(), credentials.password.reveal().into()));
    }
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;
    use gimlet_outbound::Reach;

    #[test]
    fn git_is_told_to_connect_to_the_address_that_was_looked_at() {
        let access = Access::default();
        let later = Duration::from_mins(1);
        let client = Client::new(&access, None, Reach::WITH_LOOPBACK, later).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let told = |url: &str, local: bool| {
            let way = check(&client, url, local).unwrap();
            let all = environment(&client, url, &way, dir.path()).unwrap();
            let all: Vec<String> =
                all.iter().map(|(key, value)| format!("{key}={}", value.display())).collect();
            all.join("\n")
        };
        let http = told("http://localhost:8080/a.git", false);
        assert!(http.contains("=http.curloptResolve\n"), "{http}");
        assert!(http.contains("=localhost:8080:") && http.contains("GIT_CONFIG_COUNT=8"), "{http}");
        let ssh = told("ssh://git@localhost:2222/a.git", false);
        assert!(ssh.contains(" -o 'HostKeyAlias=[localhost]:2222'"), "{ssh}");
        assert!(ssh.contains(" -o 'HostName="), "{ssh}");
        // The settings of a person's own machine count.
        assert!(!told("ssh://git@localhost:2222/a.git", true).contains("HostName="));
        let unknown = check(&client, "ssh://git@no-such-name.invalid/a.git", false).unwrap();
        assert!(matches!(unknown.place, Place::Unknown));
    }
}
