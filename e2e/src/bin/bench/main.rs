//! Measures how fast releases reach git, against the way of others and against what git itself costs,
//! how fast charts are rendered, against helm, and what agents cost.
//!
//! All figures that are compared are taken in one run on one machine. See docs/benchmarks.md.

mod agent;
mod cost;
mod gateway;
mod history;
mod load;
mod memory;
mod metrics;
mod processor;
mod queue;
mod release;
mod render;
mod renderer;
mod report;
mod repository;
mod server;
mod site;
mod watch;
mod ways;
mod wire;
mod work;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use gimlet_e2e::ControlPlane;
use serde_json::json;

use report::Section;

/// The one of the operator, whose renderer this program is too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure releases: their latency, a queue of them, large repositories, rendering, and agents
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Args {
    /// Measure only this; give it more than once for more
    #[arg(long, value_enum)]
    only: Vec<Part>,

    /// Measure less of everything, to see whether it works
    #[arg(long)]
    quick: bool,

    /// Write all samples to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program is when it starts itself, so that memory is that of one thing only.
#[derive(Debug, Subcommand)]
enum Role {
    /// Renders what it is asked to on its standard input.
    #[command(hide = true)]
    Renderer,
    /// Writes to a repository and tells the memory that it took.
    #[command(hide = true)]
    Writer { url: String },
    /// Runs another program and tells what it took.
    #[command(hide = true)]
    Watch {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Releases one after the other.
    A,
    /// A queue of releases.
    B,
    /// Repositories of several sizes.
    C,
    /// Charts rendered, without a cluster.
    D,
    /// Releases without a clone, against git and the ways of others.
    E,
    /// An agent that watches many pods, and many agents on one dashboard.
    F,
    /// Many apps: at rest, at a start, and released at once.
    G,
}

fn main() -> Result<()> {
    let args = Args::parse();
    match &args.role {
        Some(Role::Renderer) => return renderer::serve(),
        Some(Role::Writer { url }) => {
            return tokio::runtime::Runtime::new()?.block_on(wire::write(url));
        }
        Some(Role::Watch { command }) => return watch::report(command),
        None => enter_deps()?,
    }
    tokio::runtime::Runtime::new()?.block_on(run(args))
}

/// Goes on in the folder where cargo keeps tests: from there the harness finds the operator.
fn enter_deps() -> Result<()> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("the benchmark is not in a target folder")?;
    if folder.ends_with("deps") {
        return Ok(());
    }
    let link = folder.join("deps").join("gimlet-bench");
    // That of an earlier build, if any.
    let _ = std::fs::remove_file(&link);
    std::fs::hard_link(&own, &link)
        .with_context(|| format!("failed to make {}", link.display()))?;
    let error = Command::new(&link).args(std::env::args_os().skip(1)).exec();
    Err(error).with_context(|| format!("failed to start {}", link.display()))
}

async fn run(args: Args) -> Result<()> {
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    let mut sections = Vec::new();
    let before = machine();
    println!("{before}");
    if wanted(Part::C) {
        sections.push(told(repository::measure(args.quick).await?));
    }
    if wanted(Part::E) {
        sections.push(told(wire::measure(args.quick).await?));
    }
    if wanted(Part::D) {
        sections.push(told(render::measure(args.quick)?));
    }
    if wanted(Part::A) || wanted(Part::B) {
        // A cluster of our own: nobody else's objects are in it, and it goes as a whole.
        let cluster = ControlPlane::own("bench", false)?;
        if wanted(Part::A) {
            sections.push(told(release::measure(&cluster, args.quick).await?));
        }
        if wanted(Part::B) {
            sections.extend(queue::measure(&cluster, args.quick).await?.into_iter().map(told));
        }
    }
    if wanted(Part::F) {
        let cluster = ControlPlane::own("bench-agent", false)?;
        let (section, apps) = agent::measure(&cluster, args.quick).await?;
        sections.push(told(section));
        sections.push(told(gateway::measure(&cluster, &apps, args.quick).await?));
    }
    if wanted(Part::G) {
        let cluster = ControlPlane::own("bench-load", false)?;
        sections.push(told(load::measure(&cluster, args.quick).await?));
    }
    let after = machine();
    println!("{after}");
    if let Some(path) = &args.json {
        let data = json!({
            "machine": [before, after],
            "sections": sections.iter().map(Section::to_json).collect::<Vec<_>>(),
        });
        std::fs::write(path, format!("{data:#}\n"))
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

fn told(section: Section) -> Section {
    println!("\n{section}");
    section
}

/// Says on what it runs and how busy that is, for no figure means anything without.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let git = Command::new("git").arg("version").output();
    let git = git.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!(
        "{cores} processors, load {load}, {}, {} build",
        git.unwrap_or_default(),
        if cfg!(debug_assertions) { "debug" } else { "release" },
    )
}
