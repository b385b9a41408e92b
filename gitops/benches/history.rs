//! How long it takes to open a long history, and to find something in it.
//!
//! `cargo bench -p gimlet-gitops --bench history` prints milliseconds; with a number behind `--` the
//! history has so many commits instead of 50,000.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gimlet_gitops::{
    BranchName, Credentials, HistoryFilter, Options, Remote, RemoteUrl, RepoPath, Writer,
};

type Failure = Box<dyn std::error::Error>;

const ENVIRONMENTS: usize = 10;
const APPS: usize = 100;
/// One commit of so many is a person's.
const BY_HAND: usize = 20;

fn main() -> Result<(), Failure> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    // Under `cargo test` there is nothing to measure.
    if !args.iter().any(|arg| arg == "--bench") {
        return Ok(());
    }
    let commits = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(50_000);
    let dir = tempfile::tempdir()?;
    let bare = dir.path().join("repo.git");
    generate(&bare, commits)?;
    println!("{commits} commits, {} apps", ENVIRONMENTS * APPS);
    tokio::runtime::Runtime::new()?.block_on(measure(dir.path(), &bare))
}

fn generate(bare: &Path, commits: usize) -> Result<(), Failure> {
    let init = Command::new("git").args(["init", "--quiet", "--bare"]).arg(bare).status()?;
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(bare)
        .stdin(Stdio::piped())
        .spawn()?;
    let mut stream = std::io::BufWriter::new(import.stdin.take().ok_or("no pipe")?);
    for n in 0..commits {
        let place = (n * 7919) % (ENVIRONMENTS * APPS);
        let (env, app) =
            (format!("env{}", place % ENVIRONMENTS), format!("app{}", place / ENVIRONMENTS));
        let message = if n % BY_HAND == 1 {
            format!("change {n} by hand\n")
        } else {
            format!(
                "{env}/{app}: release v{n}\n\nGimlet-Release: {n:036}\nGimlet-Action: release\n\
                 Gimlet-Name: {app}.{env}-{n}\nGimlet-App: {app}\nGimlet-Env: {env}\nGimlet-Version: v{n}\n\
                 Gimlet-Plan: sha256:{n:064}\nGimlet-Requested-By: person{}@example.com\n\
                 Gimlet-Repository: team/{app}\nGimlet-Order: ns/{env}/{app} {n} {n:020}\n",
                n % 50
            )
        };
        let time = 1_600_000_000 + 60 * n;
        write!(
            stream,
            "commit refs/heads/main\ncommitter Gimlet <gimlet@example.com> {time} +0000\ndata {}\n{message}\n",
            message.len()
        )?;
        for file in 0..3 {
            let text = format!("value: {n}\n");
            write!(
                stream,
                "M 100644 inline {env}/{app}/file{file}.yaml\ndata {}\n{text}\n",
                text.len()
            )?;
        }
    }
    stream.flush()?;
    drop(stream);
    if init.success() && import.wait()?.success() { Ok(()) } else { Err("git failed".into()) }
}

async fn measure(dir: &Path, bare: &Path) -> Result<(), Failure> {
    let open = || -> Result<Writer, Failure> {
        let remote = Remote {
            url: RemoteUrl::parse(&bare.display().to_string(), true)?,
            branch: BranchName::parse("main")?,
            credentials: Credentials::None,
            ca: None,
            create_branch: false,
            allow_loopback: true,
        };
        Ok(Writer::open(remote, Options::new(dir.join("cache"))))
    };
    for what in ["open without any cache", "open with the repository", "open with the log"] {
        if what == "open with the repository" {
            for entry in std::fs::read_dir(dir.join("cache"))? {
                let _ = std::fs::remove_file(entry?.path().join("gimlet-log"));
            }
        }
        let since = Instant::now();
        let writer = open()?;
        writer.head().await?;
        show(what, since.elapsed());
        // What has to be written is written before the second answer.
        writer.refresh().await?;
        writer.refresh().await?;
    }
    for entry in std::fs::read_dir(dir.join("cache"))? {
        if let Ok(log) = std::fs::metadata(entry?.path().join("gimlet-log")) {
            println!("{:<40}{:>10} kB", "size of the log", log.len() / 1000);
        }
    }
    let writer = open()?;
    writer.head().await?;
    let none = || HistoryFilter { limit: 20, others: true, ..HistoryFilter::default() };
    let text = |text: &str| Some(text.to_owned());
    let time = |n: i64| jiff::Timestamp::from_second(1_600_000_000 + 60 * n).ok();
    let folder = RepoPath::parse("env3/app7")?;
    let app = Some(("env3".to_owned(), "app7".to_owned()));
    let page = writer.history(HistoryFilter { limit: 25_000, ..none() }).await?;
    let before = page.last().map(|entry| entry.commit);
    let asked = [
        ("the last 20", none()),
        ("20 before the middle", HistoryFilter { before, ..none() }),
        (
            "an app, its folder and others",
            HistoryFilter { app, folder: Some(folder.clone()), ..none() },
        ),
        ("an environment", HistoryFilter { environment: text("env9"), ..none() }),
        ("a person", HistoryFilter { person: text("person49@example.com"), ..none() }),
        ("nobody", HistoryFilter { person: text("nobody"), ..none() }),
        ("a repository", HistoryFilter { repository: text("team/app99"), ..none() }),
        ("a time long ago", HistoryFilter { since: time(0), until: time(30), ..none() }),
    ];
    for (what, filter) in asked {
        let mut times = Vec::new();
        for _ in 0..20 {
            let since = Instant::now();
            writer.history(filter.clone()).await?;
            times.push(since.elapsed());
        }
        times.sort();
        show(what, times[times.len() / 2]);
    }
    for (what, path) in [
        ("last change of an app", folder),
        ("last change of an environment", RepoPath::parse("env3")?),
    ] {
        let since = Instant::now();
        writer.last_touch(&path).await?;
        show(what, since.elapsed());
    }
    Ok(())
}

fn show(what: &str, took: Duration) {
    println!("{what:<40}{:>10.2} ms", took.as_secs_f64() * 1000.0);
}
