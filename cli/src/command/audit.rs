//! `audit`: what happened in a gitops repository besides Gimlet, from a clone alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::styling::AnsiColor;
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use gimlet_gitops::{
    Audit, AuditScope, FileMapLossy, Finding, FindingKind, FolderFacts, FolderRecord, GitErrorKind,
    RepoPath, TrustedKeys,
};
use gimlet_manifest::plan::files_digest;
use gimlet_manifest::record::{self, ReleaseRecord};
use serde_json::json;

use crate::error::{CommandError, Finish, Kind};
use crate::output::{self, Cell};

/// The most files that are named in one line.
const LISTED_FILES: usize = 3;

/// Check what was changed without Gimlet
#[derive(Debug, Args)]
pub(crate) struct AuditCommand {
    #[command(subcommand)]
    command: AuditSubcommand,
}

#[derive(Debug, Subcommand)]
enum AuditSubcommand {
    Verify(VerifyArgs),
}

/// Verify the commits of a gitops repository, offline
///
/// Reads a clone and nothing else, no cluster and no server. Every commit that touches an app's
/// folder must be made by Gimlet, be signed by a key you trust, and hold what it says: the files of
/// the plan, the folder that a rollback names, nothing of other apps. What people changed by hand is
/// listed with its author.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("keys").required(true).multiple(true),
    after_help = "Examples:
  gimlet audit verify ../gitops --path staging --allowed-signers allowed_signers
  gimlet audit verify ../gitops origin/main --path production --gpg-key gimlet.asc -o json
  gimlet audit verify gitops.git v1.0..main --path staging --allowed-signers allowed_signers

Exit codes: 0 nothing was found · 1 findings · 2 usage, or the clone cannot be read · 6 not found"
)]
struct VerifyArgs {
    /// Path of a clone, with files or bare
    #[arg(value_name = "CLONE")]
    clone: PathBuf,
    /// Branch, tag or commit, or a range FROM..TO
    #[arg(value_name = "REVISION", default_value = "HEAD")]
    revision: String,
    /// Folder of the environment in the repository; the whole repository otherwise
    #[arg(long, value_name = "FOLDER")]
    path: Option<RepoPath>,
    /// Trusted SSH keys, as `ssh-keygen -Y verify` and git read them
    #[arg(long, value_name = "FILE", group = "keys")]
    allowed_signers: Option<PathBuf>,
    /// Trusted OpenPGP key, armoured; repeatable
    #[arg(long, value_name = "FILE", group = "keys")]
    gpg_key: Vec<PathBuf>,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: AuditFormat,
}

/// Forms of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AuditFormat {
    /// One line each
    Table,
    /// As JSON
    Json,
}

pub(super) async fn run(command: &AuditCommand) -> Result<Finish, CommandError> {
    let AuditSubcommand::Verify(args) = &command.command;
    verify(args).await.map_err(CommandError::of_comparison)
}

async fn verify(args: &VerifyArgs) -> Result<Finish, CommandError> {
    let VerifyArgs { clone, revision, path, allowed_signers, gpg_key, output } = args;
    let keys = keys(allowed_signers.as_deref(), gpg_key)?;
    let scope =
        AuditScope { repository: clone.clone(), revision: revision.clone(), path: path.clone() };
    let audit = gimlet_gitops::audit(&scope, &keys, &facts).await.map_err(|error| {
        let kind = match error.kind() {
            GitErrorKind::NotFound => Kind::NotFound,
            _ => Kind::General,
        };
        CommandError::new(kind, error.to_string())
    })?;
    if audit.apps == 0 {
        let place = path.as_ref().map_or("the repository", |path| path.as_str());
        return Err(CommandError::new(Kind::NotFound, format!("{place} has no app in it"))
            .hint("give the folder of the environment with --path"));
    }
    match output {
        AuditFormat::Json => output::print(&in_json(&audit)?)?,
        AuditFormat::Table => {
            output::print(&in_table(&audit))?;
            output::note(&summary(&audit));
        }
    }
    Ok(if audit.findings.is_empty() { Finish::Done } else { Finish::Findings })
}

fn keys(allowed_signers: Option<&Path>, gpg_keys: &[PathBuf]) -> Result<TrustedKeys, CommandError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| {
            CommandError::usage(format!("{} cannot be read: {error}", path.display()))
        })
    };
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        CommandError::usage(format!("{}: {error}", path.display()))
    };
    let mut keys = TrustedKeys::default();
    if let Some(path) = allowed_signers {
        keys.add_allowed_signers(&read(path)?).map_err(|error| wrong(path, &error))?;
    }
    for path in gpg_keys {
        keys.add_openpgp(&read(path)?).map_err(|error| wrong(path, &error))?;
    }
    if keys.is_empty() {
        return Err(CommandError::usage("no key is trusted: the files have none for git"));
    }
    Ok(keys)
}

/// Reads what a folder says of the release that wrote it.
fn facts(files: &FileMapLossy) -> FolderFacts {
    let found = files.get(record::FILE).and_then(|data| ReleaseRecord::from_json(data).ok());
    let record = found.map(|record| FolderRecord {
        app: record.app,
        environment: record.environment,
        release: record.uid,
        plan: record.plan,
    });
    FolderFacts { record, digest: files_digest(files) }
}

fn summary(audit: &Audit) -> String {
    let s = |count: usize| if count == 1 { "" } else { "s" };
    format!(
        "{} commit{} of {} app{} checked, {} by Gimlet, {} by hand, {} finding{}",
        audit.commits,
        s(audit.commits),
        audit.apps,
        s(audit.apps),
        audit.by_gimlet,
        audit.by_hand,
        audit.findings.len(),
        s(audit.findings.len())
    )
}

fn in_table(audit: &Audit) -> String {
    if audit.findings.is_empty() {
        return String::new();
    }
    let headers = ["COMMIT", "TIME", "AUTHOR", "APP", "FINDING", "WHAT TO DO"];
    let rows: Vec<Vec<Cell>> = audit.findings.iter().map(row).collect();
    output::table(Some(&headers), &rows)
}

fn row(finding: &Finding) -> Vec<Cell> {
    let Finding { kind, commit, author, time, app, files, message } = finding;
    let color = match kind {
        FindingKind::ByHand | FindingKind::Legacy | FindingKind::Merged => AnsiColor::Yellow,
        FindingKind::Signature
        | FindingKind::Misplaced
        | FindingKind::Record
        | FindingKind::Files
        | FindingKind::Restored => AnsiColor::Red,
    };
    let mut text = message.clone();
    if !files.is_empty() {
        let listed = files.iter().take(LISTED_FILES).cloned().collect::<Vec<_>>().join(", ");
        // Writing to a String cannot fail.
        let _ = match files.len().checked_sub(LISTED_FILES).filter(|more| *more > 0) {
            Some(more) => write!(text, " ({listed} and {more} more)"),
            None => write!(text, " ({listed})"),
        };
    }
    vec![
        Cell::from(commit.to_string().chars().take(7).collect::<String>()),
        Cell::from(time.strftime("%Y-%m-%d %H:%M").to_string()),
        Cell::from(format!("{} <{}>", author.name, author.email)),
        Cell::from(app.as_str()),
        Cell::colored(kind.reason(), color),
        Cell::from(text),
    ]
}

fn in_json(audit: &Audit) -> Result<String, CommandError> {
    let Audit { head, apps, commits, by_gimlet, by_hand, findings } = audit;
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "kind": finding.kind.reason(),
                "commit": finding.commit.to_string(),
                "author": {"name": finding.author.name, "email": finding.author.email},
                "time": finding.time.to_string(),
                "app": finding.app,
                "files": finding.files,
                "message": finding.message,
            })
        })
        .collect();
    let value = json!({
        "head": head.to_string(),
        "apps": apps,
        "commits": commits,
        "byGimlet": by_gimlet,
        "byHand": by_hand,
        "findings": findings,
    });
    let mut text = serde_json::to_string_pretty(&value).map_err(|error| {
        CommandError::general(format!("the findings cannot be written: {error}"))
    })?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::process::Command as Program;
    use std::sync::Arc;

    use gimlet_gitops::{
        BranchName, Change, Credentials, Edit, FileMap, Identity, Options, Remote, RemoteUrl,
        Secret, Signer, Writer,
    };
    use insta::assert_snapshot;
    use jiff::Timestamp;

    use super::*;
    use crate::args::parse;
    use crate::command::Command;

    async fn run_line(line: &[&str]) -> Result<Finish, CommandError> {
        let line = ["gimlet", "audit", "verify"].iter().chain(line);
        let cli = parse(line.map(Into::into).collect()).unwrap();
        let Command::Audit(command) = cli.command else { panic!("another command") };
        run(&command).await
    }

    fn git(dir: &Path, args: &[&str]) {
        let done = Program::new("git")
            .args(["-c", "user.name=Jane", "-c", "user.email=jane@example.com"])
            .args(args)
            .current_dir(dir)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_DATE", "1700000100 +0000")
            .env("GIT_COMMITTER_DATE", "1700000100 +0000")
            .output()
            .unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A release with files and record as the operator writes them.
    fn release(id: &str, value: &str) -> Change {
        let mut files: gimlet_manifest::plan::Files =
            [("web.yaml".to_owned(), format!("value: {value}\n").into_bytes())].into();
        let plan = files_digest(&files);
        let record = ReleaseRecord {
            app: "web".into(),
            environment: "staging".into(),
            release: format!("web.staging-{id}"),
            uid: Some(id.into()),
            plan: Some(plan.clone()),
            ..ReleaseRecord::default()
        };
        files.insert(record::FILE.to_owned(), record.to_json());
        let parse = |text: &str| RepoPath::parse(text).unwrap();
        let files: FileMap = files.into_iter().map(|(name, data)| (parse(&name), data)).collect();
        let identity = Identity { name: "Gimlet".into(), email: "gimlet@example.com".into() };
        let trailers = [
            ("Gimlet-Action", "release"),
            ("Gimlet-App", "web"),
            ("Gimlet-Env", "staging"),
            ("Gimlet-Plan", &plan),
        ];
        Change {
            id: id.into(),
            edits: vec![Edit::Folder { path: parse("staging/web"), files }],
            subject: format!("staging/web: release {id}"),
            body: String::new(),
            trailers: trailers.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
            author: identity.clone(),
            committer: identity,
            time: Timestamp::from_second(1_700_000_000).unwrap(),
            order: None,
            expected: None,
            also: Vec::new(),
        }
    }

    /// A repository with two signed releases, the file of whoever may sign, and a clone.
    async fn released(dir: &Path) {
        git(dir, &["init", "--quiet", "--bare", "--initial-branch=main", "repo.git"]);
        let made = Program::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", "key"])
            .current_dir(dir)
            .status()
            .unwrap();
        assert!(made.success());
        let key = Secret::new(std::fs::read_to_string(dir.join("key")).unwrap());
        let signer = Signer::parse(&key, None).unwrap();
        let line = format!("gimlet@example.com {}\n", signer.public_key());
        std::fs::write(dir.join("allowed"), line).unwrap();
        let remote = Remote {
            url: RemoteUrl::parse(&dir.join("repo.git").display().to_string(), true).unwrap(),
            branch: BranchName::parse("main").unwrap(),
            credentials: Credentials::None,
            ca: None,
            create_branch: true,
            allow_loopback: true,
        };
        let signer = Some(Arc::new(signer));
        let options = Options { signer, ..Options::new(dir.join("cache")) };
        let writer = Writer::open(remote, options);
        for (id, value) in [("r1", "1"), ("r2", "2")] {
            writer.commit(release(id, value)).await.unwrap();
        }
        git(dir, &["clone", "--quiet", "repo.git", "clone"]);
    }

    /// Takes out what differs from run to run.
    fn steady(text: &str, audit: &Audit) -> String {
        let mut text = anstream::adapter::strip_str(text).to_string();
        for (n, finding) in audit.findings.iter().enumerate() {
            let id = finding.commit.to_string();
            text = text.replace(&id, &format!("{n}").repeat(40));
            text = text.replace(&id[..7], &format!("{n}").repeat(7));
        }
        text.replace(&audit.head.to_string(), &"f".repeat(40))
    }

    #[tokio::test]
    async fn a_clone_is_verified_and_changes_by_hand_are_findings() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        released(dir).await;
        let (clone, allowed) = (dir.join("clone"), dir.join("allowed"));
        let (clone, allowed) = (clone.to_str().unwrap(), allowed.to_str().unwrap());
        let line = [clone, "--path", "staging", "--allowed-signers", allowed];
        assert_eq!(run_line(&line).await, Ok(Finish::Done));
        std::fs::write(dir.join("clone/staging/web/web.yaml"), "value: 3\n").unwrap();
        git(&dir.join("clone"), &["commit", "--quiet", "-a", "-m", "by hand"]);
        assert_eq!(run_line(&line).await, Ok(Finish::Findings));
        assert_eq!(run_line(&[&line[..], &["-o", "json"]].concat()).await, Ok(Finish::Findings));
        let scope = AuditScope {
            repository: clone.into(),
            revision: "HEAD".into(),
            path: Some(RepoPath::parse("staging").unwrap()),
        };
        let keys = keys(Some(Path::new(allowed)), &[]).unwrap();
        let audit = gimlet_gitops::audit(&scope, &keys, &facts).await.unwrap();
        assert_snapshot!(summary(&audit), @"3 commits of 1 app checked, 2 by Gimlet, 1 by hand, 1 finding");
        let audit = Audit { head: audit.findings[0].commit, ..audit };
        assert_snapshot!(steady(&in_table(&audit), &audit));
        assert_snapshot!(steady(&in_json(&audit).unwrap(), &audit));
    }

    #[tokio::test]
    async fn what_cannot_be_checked_is_no_finding() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        released(dir).await;
        let (clone, allowed) = (dir.join("clone"), dir.join("allowed"));
        let (clone, allowed) = (clone.to_str().unwrap(), allowed.to_str().unwrap());
        let code = async |line: &[&str]| run_line(line).await.unwrap_err().exit_code();
        let none = [clone, "--path", "elsewhere", "--allowed-signers", allowed];
        assert_eq!(code(&none).await, 6);
        assert_eq!(code(&["/nowhere", "--allowed-signers", allowed]).await, 6);
        assert_eq!(code(&[clone, "no-such", "--allowed-signers", allowed]).await, 6);
        assert_eq!(code(&[clone, "--gpg-key", allowed]).await, 2);
        assert_eq!(code(&[clone, "--allowed-signers", "/nowhere"]).await, 2);
        let line = ["gimlet", "audit", "verify", clone];
        assert!(parse(line.iter().map(Into::into).collect()).is_err());
    }
}
