//! One-line templates, each with what the real `helm` makes of it.
//!
//! `expressions/*.txt` hold the templates and `*.golden` what helm printed or said. With
//! `GIMLET_HELM` naming a helm program the stored answers are compared with the program's own,
//! and `GIMLET_BLESS=1` writes them anew. `differences.txt` lists where we differ on purpose.

#![expect(
    clippy::panic,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "a helper that fails must fail its test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gimlet_helm::{Chart, ChartFile, RandomKind, RenderOptions, Rendered, render};
use regex::Regex;
use serde_json::json;

const KUBE_VERSION: &str = "1.36.0";
/// Templates one helm process renders together.
const BATCH: usize = 25;

static NUMBERED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"templates/e[0-9]{4}\b").unwrap());

/// The caller every error passes through, which the stored answers leave out.
const CALLER: &str = "template: demo/templates/e0000/v.yaml:1:7: executing \
    \"demo/templates/e0000/v.yaml\" at <include \"demo/templates/e0000/_e.tpl\" .>: \
    error calling include: ";

/// An error without what all have in common; `E` is the file of the expression.
fn brief(message: &str) -> String {
    let message = NUMBERED.replace_all(message, "templates/e0000");
    let message = message.strip_prefix(CALLER).unwrap_or(&message);
    message.replace("demo/templates/e0000/_e.tpl", "E")
}

/// What becomes of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Text(Vec<u8>),
    Error(String),
}

impl Answer {
    fn shown(&self) -> String {
        match self {
            Self::Error(message) => format!("! {}", json!(message)),
            Self::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => format!("= {}", json!(text)),
                Err(_) => format!("= base64:{}", STANDARD.encode(bytes)),
            },
        }
    }

    fn parse(line: &str) -> Self {
        match line.split_at(2) {
            ("! ", message) => Self::Error(serde_json::from_str(message).unwrap()),
            ("= ", text) => Self::Text(match text.strip_prefix("base64:") {
                Some(encoded) => STANDARD.decode(encoded).unwrap(),
                None => serde_json::from_str::<String>(text).unwrap().into_bytes(),
            }),
            _ => panic!("no answer: {line}"),
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expressions")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_default()
}

fn groups() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .filter(|name| !matches!(name.as_str(), "names" | "differences"))
        .collect();
    names.sort();
    names
}

fn expressions(group: &str) -> Vec<String> {
    let text = read(&format!("{group}.txt"));
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

fn golden(group: &str) -> BTreeMap<String, Answer> {
    let text = read(&format!("{group}.golden"));
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(2).map(|pair| (pair[0].to_owned(), Answer::parse(pair[1].trim_start()))).collect()
}

/// Where we differ on purpose: by expression, our answer.
fn differences() -> BTreeMap<String, Answer> {
    let text = read("differences.txt");
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    lines
        .chunks(3)
        .map(|part| {
            assert!(part[1].starts_with("  because "), "{} needs a reason", part[0]);
            (part[0].to_owned(), Answer::parse(part[2].trim_start()))
        })
        .collect()
}

/// The two templates that render one expression.
///
/// The expression is a file of its own, included by the other, so that its output is seen
/// byte for byte and its errors show how they nest.
fn templates(number: usize, expression: &str) -> [(String, String); 2] {
    let name = format!("templates/e{number:04}");
    let caller = format!("v: \"{{{{ include \"demo/{name}/_e.tpl\" . | b64enc }}}}\"\n");
    [(format!("{name}/_e.tpl"), expression.to_owned()), (format!("{name}/v.yaml"), caller)]
}

fn chart_files() -> Vec<(String, Vec<u8>)> {
    let paths = ["Chart.yaml", "values.yaml", "conf/a.yaml", "conf/b.json", "conf/lines.txt"];
    paths
        .map(|path| (path.to_owned(), std::fs::read(folder().join("chart").join(path)).unwrap()))
        .to_vec()
}

fn printed(output: &str) -> BTreeMap<usize, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut number = None;
    for line in output.lines() {
        if let Some(source) = line.strip_prefix("# Source: demo/templates/e") {
            number = source[..4].parse().ok();
        } else if let (Some(number), Some(value)) = (number, line.strip_prefix("v: ")) {
            found.insert(number, STANDARD.decode(value.trim_matches('"')).unwrap());
        }
    }
    found
}

fn rendered(expression: &str) -> Result<Rendered, String> {
    let mut files: Vec<ChartFile> =
        chart_files().into_iter().map(|(path, data)| ChartFile { path, data }).collect();
    for (path, text) in templates(0, expression) {
        files.push(ChartFile { path, data: text.into_bytes() });
    }
    let chart = Chart::from_files(files).unwrap();
    let options = RenderOptions {
        release_name: "my-release".to_owned(),
        namespace: "my-namespace".to_owned(),
        kube_version: KUBE_VERSION.to_owned(),
        now: "2026-11-25T10:20:30Z".parse().unwrap(),
        ..RenderOptions::default()
    };
    render(&chart, &json!({}), &options).map_err(|error| error.to_string())
}

fn ours(expression: &str) -> Answer {
    match rendered(expression) {
        Ok(rendered) => {
            let mut found = printed(&rendered.to_template_output());
            Answer::Text(found.remove(&0).unwrap_or_else(|| b"nothing was rendered".to_vec()))
        }
        // What helm says is read without the white space at its end.
        Err(message) => Answer::Error(brief(message.trim_end())),
    }
}

/// What the real helm makes of some expressions, asked on as many processors as there are.
fn helms(helm: &Path, all: &[String]) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut answers = BTreeMap::new();
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= all.len() {
                return answers;
            }
            answers.extend(helms_of(helm, all, first..all.len().min(first + BATCH)));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let answers: BTreeMap<_, _> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    answers.into_values().collect()
}

/// What the real helm makes of a few expressions: all at once, and anew without each that fails.
fn helms_of(helm: &Path, all: &[String], numbers: Range<usize>) -> BTreeMap<usize, Answer> {
    let mut answers = BTreeMap::new();
    let mut pending: BTreeSet<usize> = numbers.collect();
    while !pending.is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let numbered = pending
            .iter()
            .flat_map(|number| templates(*number, &all[*number]))
            .map(|(path, text)| (path, text.into_bytes()));
        for (path, data) in chart_files().into_iter().chain(numbered) {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, data).unwrap();
        }
        let mut command = Command::new(helm);
        command.args(["template", "my-release"]).arg(dir.path());
        command.args(["--namespace", "my-namespace", "--kube-version", KUBE_VERSION]);
        let output = command.output().unwrap();
        if output.status.success() {
            let found = printed(&String::from_utf8_lossy(&output.stdout));
            for number in std::mem::take(&mut pending) {
                let text = found[&number].clone();
                // A text may name the file it stands in.
                let text = match String::from_utf8(text) {
                    Ok(text) => NUMBERED.replace_all(&text, "templates/e0000").into_owned().into(),
                    Err(raw) => raw.into_bytes(),
                };
                answers.insert(number, Answer::Text(text));
            }
            break;
        }
        let message = String::from_utf8_lossy(&output.stderr);
        let message = message.split("\n\nUse --debug flag").next().unwrap().trim_end();
        let message = message.strip_prefix("Error: ").unwrap_or(message);
        let number = NUMBERED
            .find(message)
            .map(|found| found.as_str()["templates/e".len()..].parse().unwrap());
        let number = number.filter(|number| pending.remove(number));
        let number = number.unwrap_or_else(|| panic!("helm names no expression: {message}"));
        answers.insert(number, Answer::Error(brief(message)));
    }
    answers
}

#[test]
fn expressions_give_what_helm_gives() {
    let helm = std::env::var_os("GIMLET_HELM").map(PathBuf::from);
    let bless = std::env::var_os("GIMLET_BLESS").is_some();
    let differences = differences();
    let mut problems = String::new();
    let mut seen = BTreeSet::new();
    for group in groups() {
        let all = expressions(&group);
        let mut stored = golden(&group);
        if let Some(helm) = &helm {
            let answers = helms(helm, &all);
            if bless {
                stored = all.iter().cloned().zip(answers).collect();
                let text = all.iter().fold(String::new(), |mut text, expression| {
                    let _ = writeln!(text, "{expression}\n  {}", stored[expression].shown());
                    text
                });
                std::fs::write(folder().join(format!("{group}.golden")), text).unwrap();
            } else {
                for (expression, live) in all.iter().zip(answers) {
                    if stored.get(expression) != Some(&live) {
                        let live = live.shown();
                        let _ = writeln!(problems, "{group}: {expression}\n  now   {live}");
                    }
                }
            }
        }
        for expression in all {
            let Some(expected) = stored.get(&expression) else {
                let _ = writeln!(problems, "{group}: {expression}\n  has no stored answer");
                continue;
            };
            let found = ours(&expression);
            let wanted = differences.get(&expression).unwrap_or(expected);
            if found != *wanted {
                let (wanted, found) = (wanted.shown(), found.shown());
                let _ =
                    writeln!(problems, "{group}: {expression}\n  helm  {wanted}\n  ours  {found}");
            } else if differences.contains_key(&expression) && found == *expected {
                let _ = writeln!(problems, "{group}: {expression}\n  does not differ any more");
            }
            seen.insert(expression);
        }
    }
    for expression in differences.keys().filter(|expression| !seen.contains(*expression)) {
        let _ = writeln!(problems, "differences.txt: {expression}\n  is no longer tested");
    }
    assert!(seen.len() >= 900, "only {} expressions were tested", seen.len());
    let count = problems.lines().filter(|line| !line.starts_with("  ")).count();
    assert!(problems.is_empty(), "{count} problems\n{problems}");
}

#[test]
fn every_function_of_helm_is_known() {
    let unknown: Vec<String> = read("names.txt")
        .lines()
        .filter(|name| {
            let answer = ours(&format!("{{{{ if false }}}}{{{{ {name} }}}}{{{{ end }}}}"));
            answer != Answer::Text(Vec::new())
        })
        .map(str::to_owned)
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn calls_that_depend_on_seed_or_clock_are_listed() {
    let text = "{{ $ca := genCA \"a\" 1 }}{{ now }}{{ tpl \"{{ randAlpha 3 }}\" . }}{{ upper \"x\" }}{{ now }}";
    let found: Vec<_> = rendered(text)
        .unwrap()
        .random
        .into_iter()
        .map(|found| (found.source, found.function, found.kind))
        .collect();
    let file = || "demo/templates/e0000/v.yaml".to_owned();
    assert_eq!(
        found,
        [
            (file(), "genCA", RandomKind::Certificate),
            (file(), "now", RandomKind::Clock),
            (file(), "randAlpha", RandomKind::Value),
        ]
    );
}
