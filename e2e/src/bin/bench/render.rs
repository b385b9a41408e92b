//! Charts rendered by our engine, by a `helm template` process, and by a resident renderer that
//! uses helm's library; without Kubernetes or git.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use gimlet_e2e::tool;
use gimlet_helm::RenderOptions;
use serde_json::{Value, json};

use crate::renderer::{Renderer, Work};
use crate::report::{Samples, Section, Verdict, mebibytes, row, time};
use crate::watch::{Cost, watch};

/// The least that we want to be faster than a resident renderer with helm's library.
const RESIDENT: f64 = 3.0;
/// The most memory that we want to take, as a part of what helm takes.
const MEMORY: f64 = 0.5;
/// The longest that one chart is rendered to see how memory grows.
const PATIENCE: Duration = Duration::from_secs(30);

/// Public charts and how many times as fast as a process of helm we want to be.
const PUBLIC: [(&str, f64); 4] = [
    ("onechart", 40.0),
    ("podinfo", 40.0),
    ("ingress-nginx", 20.0),
    ("kube-prometheus-stack", 10.0),
];

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Amount {
    /// Rounds, in each of which all contenders have their turn.
    rounds: usize,
    /// Renders of a resident renderer in a round.
    turns: usize,
    /// Renders after which memory is looked at.
    renders: usize,
}

impl Amount {
    fn new(quick: bool) -> Self {
        if quick {
            Self { rounds: 3, turns: 2, renders: 20 }
        } else {
            Self { rounds: 15, turns: 5, renders: 1000 }
        }
    }
}

/// A chart with values.
#[derive(Debug)]
struct Subject {
    name: String,
    chart: PathBuf,
    values: Option<PathBuf>,
    target: f64,
}

/// What all turns of one contender took.
#[derive(Debug, Default)]
struct Taken {
    wall: Samples,
    cpu: Samples,
    peak: u64,
}

impl Taken {
    fn push(&mut self, cost: Cost) {
        self.wall.push(cost.wall);
        self.cpu.push(cost.cpu);
        self.peak = self.peak.max(cost.peak);
    }

    fn to_json(&self) -> Value {
        json!({"wall": self.wall.to_json(), "cpu": self.cpu.to_json(), "peak": self.peak})
    }
}

#[derive(Debug, Default)]
struct Measured {
    helm: Taken,
    resident: Taken,
    resident_cold: Taken,
    ours: Taken,
    ours_cold: Taken,
    /// Our memory after one render, and after so many.
    once: u64,
    often: (usize, u64),
    same: Same,
}

/// What all print alike.
#[derive(Clone, Copy, Debug, Default)]
struct Same {
    length: usize,
    /// Lines that are another each time.
    random: usize,
}

/// Measures all charts that are at hand.
pub fn measure(quick: bool) -> Result<Section> {
    let amount = Amount::new(quick);
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/app");
    let mut subjects = Vec::new();
    for what in ["web", "everything"] {
        subjects.push(Subject {
            name: format!("app ({what})"),
            chart: app.clone(),
            values: Some(app.join(format!("ci/{what}-values.yaml"))),
            target: 40.0,
        });
    }
    let mut notes = Vec::new();
    for (name, target) in PUBLIC {
        match find(name)? {
            Some(chart) => {
                subjects.push(Subject { name: name.into(), chart, values: None, target });
            }
            None => notes.push(format!("skipped: {name} is not in a folder of GIMLET_CHARTS")),
        }
    }
    let mut measured = Vec::new();
    for subject in &subjects {
        eprintln!("rendering {}", subject.name);
        measured.push(one(subject, amount).with_context(|| subject.name.clone())?);
    }
    Ok(section(amount, &subjects, &measured, notes))
}

/// Looks for an archive of this name, with or without its origin and `__` before it.
fn find(name: &str) -> Result<Option<PathBuf>> {
    let given = std::env::var_os("GIMLET_CHARTS").unwrap_or_default();
    for folder in std::env::split_paths(&given).filter(|path| path.is_dir()) {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            let Some(stem) = file.strip_suffix(".tgz") else { continue };
            if stem.rsplit("__").next() == Some(name) {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

fn one(subject: &Subject, amount: Amount) -> Result<Measured> {
    let values = match &subject.values {
        Some(file) => gimlet_helm::yaml::from_str(&std::fs::read_to_string(file)?)?,
        None => json!({}),
    };
    let work = Work {
        chart: subject.chart.to_str().context("the path is no UTF-8")?.to_owned(),
        values,
        namespace: "default".to_owned(),
        kube_version: RenderOptions::default().kube_version,
    };
    let helm = tool("helm")?;
    let args = arguments(subject, &work);
    let (mut ours, mut resident) = (Renderer::ours()?, Renderer::other(&tool("renderer")?)?);
    let same = same_bytes(&helm, &args, &work, &mut ours, &mut resident)?;
    let mut measured = Measured { same, ..Measured::default() };
    for _ in 0..amount.turns {
        ours.render(&work)?;
        resident.render(&work)?;
    }
    for _ in 0..amount.rounds {
        measured.helm.push(watch(helm.as_os_str(), &args)?);
        for _ in 0..amount.turns {
            measured.resident.push(resident.render(&work)?);
            measured.ours.push(ours.render(&work)?);
        }
        measured.resident_cold.push(resident.render_cold(&work)?);
        measured.ours_cold.push(ours.render_cold(&work)?);
    }
    drop((ours, resident));
    // Processes of their own, for the memory of the others holds several copies of the chart.
    let (mut fresh, begun) = (Renderer::ours()?, Instant::now());
    measured.once = fresh.render(&work)?.peak;
    measured.often = (1, measured.once);
    while measured.often.0 < amount.renders && begun.elapsed() < PATIENCE {
        measured.often = (measured.often.0 + 1, fresh.render(&work)?.peak);
    }
    Ok(measured)
}

fn arguments(subject: &Subject, work: &Work) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["template".into(), "release-name".into()];
    args.push(subject.chart.clone().into());
    args.extend(["--namespace".into(), work.namespace.clone().into()]);
    args.extend(["--kube-version".into(), work.kube_version.clone().into()]);
    if let Some(file) = &subject.values {
        args.extend(["--values".into(), file.clone().into()]);
    }
    args
}

/// Makes sure that all print the same, for otherwise there is nothing to compare.
///
/// Lines that two runs of helm print differently are random, and may differ here too.
fn same_bytes(
    helm: &Path,
    args: &[OsString],
    work: &Work,
    ours: &mut Renderer,
    resident: &mut Renderer,
) -> Result<Same> {
    let template = || {
        let output = Command::new(helm).args(args).output()?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "helm: {}", message.trim());
        Ok(String::from_utf8(output.stdout)?)
    };
    let (expected, again) = (template()?, template()?);
    let mut random = 0;
    for (who, found) in [("we", ours.output(work)?), ("the resident", resident.output(work)?)] {
        random = equal_but_random(&expected, &again, &found)
            .map_err(|difference| anyhow!("{who} and helm differ: {difference}"))?;
    }
    Ok(Same { length: expected.len(), random })
}

/// Gives the number of lines that are random, or the first of the others that differs.
fn equal_but_random(expected: &str, again: &str, found: &str) -> Result<usize, String> {
    if expected == again {
        return if expected == found { Ok(0) } else { Err(difference(expected, found)) };
    }
    let split = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
    let (mut expected, again, mut found) = (split(expected), split(again), split(found));
    let mut random = 0;
    for (index, again) in again.iter().enumerate() {
        if let (Some(expected), Some(found)) = (expected.get_mut(index), found.get_mut(index))
            && expected != again
        {
            (*expected, *found) = (String::new(), String::new());
            random += 1;
        }
    }
    if expected == found {
        Ok(random)
    } else {
        Err(difference(&expected.concat(), &found.concat()))
    }
}

/// Gives the first line that differs.
fn difference(expected: &str, found: &str) -> String {
    let pairs = expected.lines().zip(found.lines()).enumerate();
    let first = pairs.into_iter().find(|(_, (expected, found))| expected != found);
    first.map_or_else(
        || format!("{} bytes and not {}", found.len(), expected.len()),
        |(index, (expected, found))| format!("line {}: {found:?} and not {expected:?}", index + 1),
    )
}

fn section(
    amount: Amount,
    subjects: &[Subject],
    measured: &[Measured],
    mut notes: Vec<String>,
) -> Section {
    let mut table =
        vec![row(["chart", "what", "median", "p95", "× ours", "CPU", "× ours", "peak memory"])];
    let (mut verdicts, mut samples) = (Vec::new(), Vec::new());
    let times = |number: f64| format!("{number:.1}");
    for (subject, measured) in subjects.iter().zip(measured) {
        let Measured { helm, resident, resident_cold, ours, ours_cold, once, often, same } =
            measured;
        let name = &subject.name;
        let (wall, cpu) = (ours.wall.median(), ours.cpu.median());
        let mut line = |name: &str, what: &str, taken: &Taken, peak: &str| {
            table.push(row([
                name,
                what,
                &time(taken.wall.median()),
                &time(taken.wall.percentile(95)),
                &times(taken.wall.median() / wall),
                &time(taken.cpu.median()),
                &times(taken.cpu.median() / cpu),
                peak,
            ]));
        };
        line(name, "helm template", helm, &mebibytes(helm.peak));
        line("", "resident, helm's library", resident, &mebibytes(resident.peak));
        line("", "ours", ours, &mebibytes(often.1));
        line("", "resident, load and render", resident_cold, "");
        line("", "ours, load and render", ours_cold, &mebibytes(*once));
        notes.push(format!(
            "{name}: {} bytes, the same of all three{}; our memory after 1 render {}, after {} {}",
            same.length,
            match same.random {
                0 => String::new(),
                random => format!(" but for {random} random lines"),
            },
            mebibytes(*once),
            often.0,
            mebibytes(often.1),
        ));
        verdicts.push(Verdict::at_least(
            &format!("{name}: helm template / ours"),
            subject.target,
            helm.wall.median() / wall,
            times,
        ));
        verdicts.push(Verdict::at_least(
            &format!("{name}: resident / ours"),
            RESIDENT,
            resident.wall.median() / wall,
            times,
        ));
        verdicts.push(Verdict::at_most(
            &format!("{name}: our memory / helm's"),
            MEMORY,
            part(often.1, helm.peak),
            |number| format!("{number:.2}"),
        ));
        samples.push(json!({
            "chart": name, "length": same.length, "randomLines": same.random, "helm": helm.to_json(),
            "resident": resident.to_json(), "residentCold": resident_cold.to_json(),
            "ours": ours.to_json(), "oursCold": ours_cold.to_json(),
            "memory": {"once": once, "renders": often.0, "often": often.1},
        }));
    }
    let Amount { rounds, turns, .. } = amount;
    Section {
        title: format!("(d) rendering, {rounds} rounds in turn with {turns} renders of a resident"),
        table,
        verdicts,
        notes,
        data: json!(samples),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no memory is that large")]
fn part(of: u64, whole: u64) -> f64 {
    of as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_random_lines_may_differ() {
        assert_eq!(equal_but_random("a\nb\n", "a\nb\n", "a\nb\n"), Ok(0));
        assert!(equal_but_random("a\nb\n", "a\nb\n", "a\nc\n").is_err());
        assert_eq!(equal_but_random("a\nx1\n", "a\nx2\n", "a\nx3\n"), Ok(1));
        assert!(equal_but_random("a\nx1\n", "a\nx2\n", "b\nx1\n").is_err());
        assert!(equal_but_random("a\nx1\n", "a\nx2\n", "a\nx1\nc\n").is_err());
    }

    #[test]
    fn a_difference_is_shown_by_its_first_line() {
        assert_eq!(difference("a\nb\nc", "a\nx\ny"), "line 2: \"x\" and not \"b\"");
        assert_eq!(difference("a\n", "a\nb\n"), "4 bytes and not 2");
    }
}
