//! Releases without a clone: against git's own push of the same commit, and the ways of others.
//!
//! All requests pass a proxy of our own, which counts them. Goals and their numbers are those of the
//! design of the writer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{Passed, Proxy, git};
use gimlet_gitops::{EngineChoice, HistoryFilter, Options, Outcome, Writer};
use serde_json::{Value, json};

use crate::history::{self, Shape};
use crate::memory;
use crate::report::{Samples, Section, Taken, Verdict, mebibytes, row, time};
use crate::server::Server;
use crate::ways::{self, Copying};
use crate::work;

const SHAPES: [Shape; 4] = [
    Shape { apps: 10, commits: 1_000 },
    Shape { apps: 1_000, commits: 1_000 },
    Shape { apps: 1_000, commits: 50_000 },
    Shape { apps: 10_000, commits: 1_000 },
];
const QUICK: [Shape; 4] = [
    Shape { apps: 10, commits: 50 },
    Shape { apps: 50, commits: 50 },
    Shape { apps: 50, commits: 200 },
    Shape { apps: 100, commits: 50 },
];
/// With more apps than so many the ways of others take half a minute, so only some rounds have them.
const MANY: usize = 1_000;
const ROUND_TRIP: Duration = Duration::from_millis(30);
/// Releases in one push.
const BATCH: usize = 100;

/// Measures all sizes in turn, so that a busy moment hits all alike.
pub async fn measure(quick: bool) -> Result<Section> {
    let (shapes, rounds) = if quick { (QUICK, 3) } else { (SHAPES, 9) };
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path().to_owned()).await?;
    let proxy = Proxy::start(&server.url("")).await?;
    let peer = Copying::build(dir.path())?;
    let mut places = Vec::new();
    for shape in shapes {
        places.push(Place::prepare(dir.path(), &server, &proxy, &peer, shape).await?);
    }
    for round in 0..rounds {
        for place in &mut places {
            place.release(round, &server, &proxy).await?;
            place.push_again(&server)?;
            if place.shape.apps < MANY || round % 4 == 0 {
                place.peers(round, dir.path(), &server)?;
            }
            eprintln!("{}: round {} of {rounds}", place.name, round + 1);
        }
    }
    let largest = places.last().context("nothing was measured")?;
    let once = Once {
        cold: cold_start(largest, dir.path(), &proxy).await?,
        batch: batches(&places[1], rounds, &proxy).await?,
        peak: peak(largest)?,
        peer_peak: largest.peer.peak()?,
    };
    Ok(section(rounds, &places, &once))
}

/// What is measured on one repository only.
struct Once {
    /// What came by until the first release of a process had landed.
    cold: Passed,
    batch: Batches,
    /// The most memory of a process that does nothing but write, in bytes.
    peak: u64,
    peer_peak: u64,
}

#[derive(Default)]
struct Batches {
    one: Samples,
    many: Samples,
}

/// A repository of one size, and copies of it for the ways of others.
struct Place {
    shape: Shape,
    name: String,
    dir: PathBuf,
    /// Through the proxy.
    url: String,
    writer: Writer,
    /// A clone from which the same commits are pushed.
    warm: PathBuf,
    peer: Copying,
    own: Taken,
    /// The first release of an app by this process, whose old files are not at hand.
    first: Taken,
    push: Taken,
    fresh: Taken,
    copying: Taken,
    passed: Vec<Passed>,
}

impl Place {
    async fn prepare(
        dir: &Path,
        server: &Server,
        proxy: &Proxy,
        peer: &Path,
        shape: Shape,
    ) -> Result<Self> {
        let name = format!("{}-{}", shape.apps, shape.commits);
        let own = format!("{name}.git");
        history::generate(&dir.join(&own), shape)?;
        for copy in ["fresh", "copying", "warm"] {
            let copy = format!("{name}-{copy}.git");
            git(dir, ["clone", "--quiet", "--bare", "--local", &own, &copy])?;
            for (key, value) in
                [("gc.auto", "0"), ("receive.autogc", "false"), ("core.fsync", "none")]
            {
                git(&dir.join(&copy), ["config", key, value])?;
            }
        }
        let url = proxy.through(&server.url(&own));
        let folder = dir.join(format!("{name}-peer"));
        std::fs::create_dir(&folder)?;
        let peer = Copying::start(peer, &server.url(&format!("{name}-copying.git")), &folder)?;
        let writer = open(&url, &dir.join(format!("{name}-cache")))?;
        // The first release asks for what later ones remember.
        land(&writer, 997 % shape.apps).await?;
        Ok(Self {
            shape,
            dir: dir.join(&own),
            warm: dir.join(format!("{name}-warm.git")),
            name,
            url,
            writer,
            peer,
            own: Taken::default(),
            first: Taken::default(),
            push: Taken::default(),
            fresh: Taken::default(),
            copying: Taken::default(),
            passed: Vec::new(),
        })
    }

    async fn release(&mut self, round: usize, server: &Server, proxy: &Proxy) -> Result<()> {
        let of = work::pick(round, self.shape.apps);
        server.take_busy();
        let took = land(&self.writer, of).await?;
        self.first.push(took, server.take_busy());
        let before = proxy.passed();
        let took = land(&self.writer, of).await?;
        self.own.push(took, server.take_busy());
        self.passed.push(proxy.passed().since(before));
        Ok(())
    }

    /// Takes the last commit back at the server, and lets git push it.
    fn push_again(&mut self, server: &Server) -> Result<()> {
        git(&self.warm, ["fetch", "--quiet", &self.url, "+main:main"])?;
        git(&self.dir, ["update-ref", "refs/heads/main", "main^"])?;
        server.take_busy();
        let began = Instant::now();
        git(&self.warm, ["push", "--quiet", &self.url, "main:main"])?;
        self.push.push(began.elapsed(), server.take_busy());
        Ok(())
    }

    fn peers(&mut self, round: usize, dir: &Path, server: &Server) -> Result<()> {
        let of = work::pick(round, self.shape.apps);
        let url = server.url(&format!("{}-fresh.git", self.name));
        server.take_busy();
        let took = ways::fresh_clone(dir, &url, of, &work::new_files(of))?;
        self.fresh.push(took, server.take_busy());
        let took = self.peer.release(of, &work::new_files(of))?;
        self.copying.push(took, server.take_busy());
        Ok(())
    }

    fn size(&self) -> String {
        format!("{} / {}", self.shape.apps, self.shape.commits)
    }

    /// Gives how many times as long as ours another way takes.
    fn times(&self, other: &Taken) -> f64 {
        other.total.median() / self.own.total.median()
    }
}

fn open(url: &str, cache: &Path) -> Result<Writer> {
    let options = Options { engine: EngineChoice::Wire, ..Options::new(cache) };
    Ok(Writer::open(work::remote(url)?, options))
}

/// Does all that the operator asks of git for a release, and gives the time until it is pushed.
async fn land(writer: &Writer, of: usize) -> Result<Duration> {
    let change = work::change(of)?;
    let path = change.edits.first().map(|edit| edit.path().clone()).context("no edit")?;
    let began = Instant::now();
    writer.find_release(&change.id).await?;
    let ticket = writer.announce();
    writer.read(&path, None).await?;
    let outcome = ticket.commit(change).await?;
    ensure!(matches!(outcome, Outcome::Committed { .. }), "no commit was made: {outcome:?}");
    Ok(began.elapsed())
}

/// A process that knows nothing yet: its first release, and the newest of the log.
async fn cold_start(place: &Place, dir: &Path, proxy: &Proxy) -> Result<Passed> {
    let writer = open(&place.url, &dir.join("cold-cache"))?;
    let before = proxy.passed();
    land(&writer, 0).await?;
    writer.history(HistoryFilter { limit: 20, ..HistoryFilter::default() }).await?;
    Ok(proxy.passed().since(before))
}

/// One release, and many in one push, over a long way.
async fn batches(place: &Place, rounds: usize, proxy: &Proxy) -> Result<Batches> {
    let mut batches = Batches::default();
    proxy.slow_down(ROUND_TRIP);
    // The head was moved by others meanwhile.
    land(&place.writer, 0).await?;
    for _ in 0..rounds {
        batches.one.push(land(&place.writer, 0).await?);
        let before = proxy.passed();
        let tickets: Vec<_> = (0..BATCH).map(|_| place.writer.announce()).collect();
        let changes: Vec<_> =
            (0..BATCH).map(|of| work::change(of % place.shape.apps)).collect::<Result<_>>()?;
        let began = Instant::now();
        let landing =
            tickets.into_iter().zip(changes).map(|(ticket, change)| ticket.commit(change));
        for outcome in futures::future::join_all(landing).await {
            outcome?;
        }
        batches.many.push(began.elapsed());
        let requests = proxy.passed().since(before).requests;
        ensure!(requests == 1, "{BATCH} releases took {requests} requests");
    }
    proxy.slow_down(Duration::ZERO);
    Ok(batches)
}

/// Lets a process of its own write, and gives the most memory that it had.
fn peak(place: &Place) -> Result<u64> {
    let output = Command::new(std::env::current_exe()?).args(["writer", &place.url]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the writer failed: {}", said.trim());
    String::from_utf8_lossy(&output.stdout).trim().parse().context("the writer gave no number")
}

/// Is the process that only writes: some releases, then the most memory that it had, in bytes.
pub async fn write(url: &str) -> Result<()> {
    let cache = tempfile::tempdir()?;
    let writer = open(url, cache.path())?;
    for of in 0..5 {
        land(&writer, of).await?;
    }
    println!("{}", memory::own_peak()?);
    Ok(())
}

fn section(rounds: usize, places: &[Place], once: &Once) -> Section {
    let head = row([
        "apps / commits",
        "way",
        "median",
        "p10–p90",
        "without server",
        "ours is faster by",
        "requests",
        "up",
        "down",
    ]);
    let mut table = vec![head];
    let mut verdicts = Vec::new();
    let mut samples = Vec::new();
    for place in places {
        let most = |of: fn(&Passed) -> u64| place.passed.iter().map(of).max().unwrap_or_default();
        let (requests, up, down) = (most(|p| p.requests), most(|p| p.up), most(|p| p.down));
        for (what, taken) in [
            ("ours", &place.own),
            ("ours, an app not released before", &place.first),
            ("git push of the same commit", &place.push),
            ("fresh clone, git", &place.fresh),
            ("copy of a clone, go-git", &place.copying),
        ] {
            let ours = what == "ours";
            let counted = |number: u64| if ours { number.to_string() } else { String::new() };
            table.push(row([
                &if ours { place.size() } else { String::new() },
                what,
                &time(taken.total.median()),
                &taken.total.spread(),
                &time(taken.own.median()),
                &format!("{:.1}", place.times(taken)),
                &counted(requests),
                &counted(up),
                &counted(down),
            ]));
        }
        verdicts.extend(judge(place, requests, up, down));
        samples.push(json!({
            "apps": place.shape.apps, "commits": place.shape.commits, "own": place.own.to_json(), "first": place.first.to_json(),
            "push": place.push.to_json(), "fresh": place.fresh.to_json(),
            "copying": place.copying.to_json(), "up": up, "down": down,
        }));
    }
    let times = |number: f64| format!("{number:.2} ×");
    let own = places.iter().map(|place| place.own.own.median());
    let (least, most) =
        own.fold((f64::MAX, 0.0_f64), |(least, most), own| (least.min(own), most.max(own)));
    verdicts.push(Verdict::at_most(
        "goal 1: client time, largest / smallest",
        4.0,
        most / least,
        times,
    ));
    verdicts.extend(judge_once(once));
    Section {
        title: format!("(e) releases without a clone, {rounds} rounds in turn"),
        table,
        verdicts,
        notes: vec![format!(
            "over {} ms: one release {}, {BATCH} in one push {}",
            ROUND_TRIP.as_millis(),
            time(once.batch.one.median()),
            time(once.batch.many.median())
        )],
        data: json!({"sizes": samples, "cold": once.cold.down, "peak": once.peak, "one": once.batch.one.to_json(), "many": once.batch.many.to_json(), "peer": Value::from(once.peer_peak)}),
    }
}

/// Judges what is promised at every size.
fn judge(place: &Place, requests: u64, up: u64, down: u64) -> Vec<Verdict> {
    let size = place.size();
    let times = |number: f64| format!("{number:.2} ×");
    let bytes = |number: f64| format!("{number:.0} bytes");
    let number = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let connections =
        place.passed.iter().map(|passed| passed.connections).max().unwrap_or_default();
    // As the design has it: by the number of apps.
    let (fresh, copying) = match place.shape.apps {
        ..100 => (15.0, 15.0),
        100..5_000 => (100.0, 200.0),
        _ => (200.0, 500.0),
    };
    vec![
        Verdict::at_most(
            &format!("{size}: goal 1: client time"),
            5e-3,
            place.own.own.median(),
            time,
        ),
        Verdict::at_most(
            &format!("{size}: goal 2: ours / git push"),
            0.9,
            1.0 / place.times(&place.push),
            times,
        ),
        Verdict::at_least(
            &format!("{size}: goal 3: fresh clone / ours"),
            fresh,
            place.times(&place.fresh),
            times,
        ),
        Verdict::at_least(
            &format!("{size}: goal 4: copy of a clone / ours"),
            copying,
            place.times(&place.copying),
            times,
        ),
        Verdict::at_most(&format!("{size}: goal 5: requests"), 1.0, number(requests), |n| {
            format!("{n}")
        }),
        Verdict::at_most(
            &format!("{size}: goal 5: new connections"),
            0.0,
            number(connections),
            |n| format!("{n}"),
        ),
        Verdict::at_most(&format!("{size}: goal 6: up"), 6_000.0, number(up), bytes),
        Verdict::at_most(&format!("{size}: goal 6: down"), 4_000.0, number(down), bytes),
    ]
}

fn judge_once(once: &Once) -> Vec<Verdict> {
    let times = |number: f64| format!("{number:.2} ×");
    let size = |number: f64| format!("{number:.2} MB");
    #[expect(clippy::cast_precision_loss, reason = "no memory is that large")]
    let mega = |bytes: u64| bytes as f64 / 1e6;
    let ratio = once.batch.many.median() / once.batch.one.median();
    let mut verdicts = vec![
        Verdict::at_most(
            "goal 7: down until a cold start has released",
            0.5,
            mega(once.cold.down),
            size,
        ),
        Verdict::at_most("goal 8: 100 in one push / one", 3.0, ratio, times),
        Verdict::at_most("goal 9: peak memory of a writer", 32.0, mega(once.peak), size),
    ];
    let share = mega(once.peak) / mega(once.peer_peak);
    let mut of_peer = Verdict::at_most("goal 9: of the peer's memory", 0.2, share, times);
    of_peer.measured = format!("{} ({})", of_peer.measured, mebibytes(once.peer_peak));
    verdicts.push(of_peer);
    verdicts
}
