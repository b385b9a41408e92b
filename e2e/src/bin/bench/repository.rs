//! One release on repositories of several sizes, without Kubernetes.
//!
//! Compared with a release by the git program from a shallow clone, and with the push of one tiny
//! commit, below which nothing that pushes can be.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gimlet_e2e::git;
use gimlet_gitops::{Observer, Options, Outcome, Writer};
use serde_json::json;

use crate::history::{self, ENVIRONMENT, Shape, app};
use crate::report::{Samples, Section, Taken, Verdict, row, time};
use crate::server::Server;
use crate::work;

const SHAPES: [Shape; 4] = [
    Shape { apps: 100, commits: 1_000 },
    Shape { apps: 1_000, commits: 1_000 },
    Shape { apps: 10_000, commits: 1_000 },
    Shape { apps: 1_000, commits: 50_000 },
];
const QUICK: [Shape; 4] = [
    Shape { apps: 10, commits: 50 },
    Shape { apps: 50, commits: 50 },
    Shape { apps: 100, commits: 50 },
    Shape { apps: 50, commits: 500 },
];

/// In so many rounds each app is still one that was not read before, also where there are 100.
const ROUNDS: usize = 40;
/// With many apps a shallow clone takes half a minute, and its time varies less than what is compared with it.
const PEER_EVERY: usize = 8;

/// What was measured on one repository.
#[derive(Debug, Default)]
struct Measured {
    release: Taken,
    guarded: Taken,
    peer: Taken,
}

/// Measures all sizes in turn, so that a busy moment hits all alike.
pub async fn measure(quick: bool) -> Result<Section> {
    let (shapes, rounds) = if quick { (QUICK, 3) } else { (SHAPES, ROUNDS) };
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path().to_owned()).await?;
    let floor = Floor::prepare(dir.path(), &server)?;
    let mut subjects = Vec::new();
    for shape in shapes {
        subjects.push(Subject::prepare(dir.path(), &server, shape).await?);
    }
    let mut pushed = Taken::default();
    for round in 0..rounds {
        for subject in &mut subjects {
            subject.release(round, &server).await?;
            subject.guarded(round, &server).await?;
            floor.push(&server, &mut pushed)?;
            if round % PEER_EVERY == 0 {
                subject.peer(round, dir.path(), &server)?;
            }
            eprintln!("{}: round {} of {rounds}", subject.name, round + 1);
        }
    }
    Ok(section(rounds, &pushed, &subjects))
}

/// The push of one tiny commit from a clone that is there.
struct Floor {
    clone: std::path::PathBuf,
}

impl Floor {
    fn prepare(dir: &Path, server: &Server) -> Result<Self> {
        history::generate(&dir.join("floor.git"), Shape { apps: 1, commits: 1 })?;
        git(dir, ["clone", "--quiet", &server.url("floor.git"), "floor"])?;
        Ok(Self { clone: dir.join("floor") })
    }

    fn push(&self, server: &Server, taken: &mut Taken) -> Result<()> {
        std::fs::write(self.clone.join("file"), gimlet_e2e::unique("content"))?;
        git(&self.clone, ["add", "file"])?;
        git(&self.clone, ["commit", "--quiet", "--message", "tiny"])?;
        server.take_busy();
        let began = Instant::now();
        git(&self.clone, ["push", "--quiet", "origin", "main"])?;
        taken.push(began.elapsed(), server.take_busy());
        Ok(())
    }
}

/// A repository of one size, and another one like it for the way of others.
struct Subject {
    shape: Shape,
    name: String,
    writer: Writer,
    operations: Arc<Operations>,
    measured: Measured,
}

impl Subject {
    async fn prepare(dir: &Path, server: &Server, shape: Shape) -> Result<Self> {
        let name = format!("{}-{}", shape.apps, shape.commits);
        let (own, peer) = (format!("{name}.git"), format!("{name}-peer.git"));
        history::generate(&dir.join(&own), shape)?;
        git(dir, ["clone", "--quiet", "--bare", "--local", &own, &peer])?;
        for (key, value) in [("gc.auto", "0"), ("receive.autogc", "false"), ("core.fsync", "none")]
        {
            git(&dir.join(&peer), ["config", key, value])?;
        }
        let remote = work::remote(&server.url(&own))?;
        let operations = Arc::new(Operations::default());
        let observer: Arc<dyn Observer> = Arc::<Operations>::clone(&operations);
        let options =
            Options { observer: Some(observer), ..Options::new(dir.join(format!("{name}-cache"))) };
        let began = Instant::now();
        let writer = Writer::open(remote, options);
        writer.refresh().await?;
        eprintln!("{name}: the cache is filled after {}", time(began.elapsed().as_secs_f64()));
        let mut subject = Self { shape, name, writer, operations, measured: Measured::default() };
        // The first push reads what later ones remember.
        subject.release(997, server).await?;
        subject.measured = Measured::default();
        subject.operations.clear();
        Ok(subject)
    }

    /// Does all that the operator asks of git until a release is pushed.
    async fn release(&mut self, round: usize, server: &Server) -> Result<()> {
        let taken = self.run(round, false, server).await?;
        self.measured.release.push(taken.0, taken.1);
        Ok(())
    }

    /// Does the same for a release with `expectedBase`, which needs the last commit of its folder.
    async fn guarded(&mut self, round: usize, server: &Server) -> Result<()> {
        // Of apps that the others have not read, also where there are few.
        let taken = self.run(round + 44, true, server).await?;
        self.measured.guarded.push(taken.0, taken.1);
        Ok(())
    }

    /// Gives the time that a release took, and the server's part of it.
    async fn run(
        &self,
        round: usize,
        guarded: bool,
        server: &Server,
    ) -> Result<(Duration, Duration)> {
        let change = work::change(work::pick(round, self.shape.apps))?;
        let path = change.edits.first().map(|edit| edit.path().clone()).context("no edit")?;
        server.take_busy();
        let began = Instant::now();
        self.writer.find_release(&change.id).await?;
        let ticket = self.writer.announce();
        self.writer.read(&path, None).await?;
        if guarded {
            self.writer.last_touch(&path).await?;
        }
        let outcome = ticket.commit(change).await?;
        ensure!(matches!(outcome, Outcome::Committed { .. }), "no commit was made: {outcome:?}");
        Ok((began.elapsed(), server.take_busy()))
    }

    /// Does a release as programs without a cache do: shallow clone, write, commit, push.
    fn peer(&mut self, round: usize, dir: &Path, server: &Server) -> Result<()> {
        let url = server.url(&format!("{}-peer.git", self.name));
        let of = work::pick(round, self.shape.apps);
        let work = tempfile::tempdir_in(dir)?;
        let files = work::new_files(of);
        server.take_busy();
        let began = Instant::now();
        git(work.path(), ["clone", "--quiet", "--depth", "1", &url, "."])?;
        for (name, text) in files {
            std::fs::write(work.path().join(ENVIRONMENT).join(app(of)).join(name), text)?;
        }
        git(work.path(), ["add", "--all"])?;
        git(work.path(), ["commit", "--quiet", "--message", "release"])?;
        git(work.path(), ["push", "--quiet", "origin", "main"])?;
        self.measured.peer.push(began.elapsed(), server.take_busy());
        Ok(())
    }
}

/// Keeps how long each kind of operation took.
#[derive(Debug, Default)]
struct Operations(Mutex<std::collections::BTreeMap<&'static str, Samples>>);

impl Operations {
    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn text(&self) -> String {
        let operations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let parts =
            operations.iter().map(|(op, samples)| format!("{op} {}", time(samples.median())));
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl Observer for Operations {
    fn operation(&self, op: &'static str, _result: &'static str, took: Duration) {
        let mut operations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        operations.entry(op).or_default().push(took);
    }

    fn pushed(&self, _key: &str, _commits: usize, _attempts: u32, _took: Duration) {}
}

fn section(rounds: usize, floor: &Taken, subjects: &[Subject]) -> Section {
    let base = floor.total.median();
    let mut table =
        vec![row(["apps / commits", "what", "median", "p10–p90", "without server", "× floor"])];
    let line = |size: &str, what: &str, taken: &Taken| {
        row([
            size,
            what,
            &time(taken.total.median()),
            &taken.total.spread(),
            &time(taken.own.median()),
            &format!("{:.2}", taken.total.median() / base),
        ])
    };
    table.push(line("1 / –", "floor: git push of one tiny commit", floor));
    let (mut notes, mut samples) = (Vec::new(), Vec::new());
    for Subject { shape, measured, operations, .. } in subjects {
        let size = format!("{} / {}", shape.apps, shape.commits);
        let Measured { release, guarded, peer } = measured;
        table.push(line(&size, "release: read, write, push", release));
        table.push(line("", "the same with expectedBase", guarded));
        table.push(line("", "peer: git clone --depth 1, write, push", peer));
        let faster = peer.total.median() / release.total.median();
        notes.push(format!(
            "{size}: {faster:.1} times as fast as the peer; operations: {}",
            operations.text()
        ));
        samples.push(json!({
            "apps": shape.apps, "commits": shape.commits,
            "release": release.to_json(), "guarded": guarded.to_json(), "peer": peer.to_json(),
        }));
    }
    let medians = |of: fn(&Taken) -> f64| {
        let all = subjects.iter().map(|subject| of(&subject.measured.release));
        all.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (_, slowest) = medians(|taken| taken.total.median());
    let times = |number: f64| format!("{number:.2}");
    let mut verdicts =
        vec![Verdict::at_most("slowest release / floor", 3.0, slowest / base, times)];
    if let [small, _, large, _] = subjects {
        verdicts.push(flat("from the fewest apps to the most", small, large));
    }
    if let [_, short, _, long] = subjects {
        verdicts.push(flat("from the fewest commits to the most", short, long));
    }
    Section {
        title: format!("(c) one release on repositories of several sizes, {rounds} rounds in turn"),
        table,
        verdicts,
        notes,
        data: json!({"floor": floor.to_json(), "sizes": samples}),
    }
}

fn flat(what: &str, small: &Subject, large: &Subject) -> Verdict {
    let own = |subject: &Subject| subject.measured.release.own.median();
    let times = |number: f64| format!("{number:.2}");
    Verdict::at_most(what, 1.5, own(large) / own(small), times)
}
