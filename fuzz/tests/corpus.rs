//! The fuzz targets without a fuzzer: the corpus as it is, then changed at random.
//!
//! The changes are drawn from a fixed seed, so a failure comes back with the next run; its
//! message holds the input. `make fuzz` goes on from the same corpus for as long as wanted; where there is
//! no fuzzer, `GIMLET_TEST_ROUNDS` makes more changes, of `GIMLET_TEST_TARGETS` alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gimlet_fuzz::TARGETS;

/// Changed inputs tried per target, unless `GIMLET_TEST_ROUNDS` names another number.
const ROUNDS: usize = 400;
/// Largest input that is made.
const LONGEST: usize = 16 << 10;
/// What the parser of no such input may take, on a slow and busy machine without optimisation.
const SLOWEST: Duration = Duration::from_secs(20);

/// What the inputs are made of, besides themselves.
const WORDS: [&str; 48] = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    "{{ end }}",
    "{{ range 9 }}",
    "{{ if ",
    "{{ with ",
    "{{ define \"a\" }}",
    "{{ template \"a\" . }}",
    "include \"a\" . ",
    "tpl ",
    " | ",
    "(",
    ")",
    "$x := ",
    ".Values",
    "{{ .VALUE }}",
    "nil",
    "null",
    "\n=====\n",
    "\n---\n",
    "\n\n",
    "\n",
    "\t",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "$patch: delete",
    "/-",
    "~1",
    "|\n  ",
    "\"",
    "'",
    "%[0]*d",
    "**/",
    "[!",
    "../",
    "://",
    "@",
    "\\",
    "-1",
    "9223372036854775807",
    "\u{0}",
    "Gimlet-Release: ",
    "\u{feff}\u{85}\u{2028}\u{1f600}",
];

/// A small generator of numbers (xorshift); the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % below.max(1)
    }

    fn change(&mut self, input: &mut Vec<u8>, others: &[Vec<u8>]) {
        let (from, to) = (self.roll(input.len() + 1), self.roll(input.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        let short = to.min(from + 64);
        match self.roll(7) {
            0 if from < input.len() => input[from] = u8::try_from(self.roll(256)).unwrap_or(0),
            1 if from < input.len() => input[from] ^= 1 << self.roll(8),
            2 => drop(input.drain(from..short)),
            3 => {
                let copied = input[from..short].to_vec();
                drop(input.splice(to..to, copied));
            }
            4 => {
                let other = &others[self.roll(others.len())];
                let start = self.roll(other.len());
                let end = other.len().min(start + self.roll(512));
                drop(input.splice(from..short, other[start..end].iter().copied()));
            }
            _ => drop(input.splice(from..from, WORDS[self.roll(WORDS.len())].bytes())),
        }
        input.truncate(LONGEST);
    }
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut found: Vec<_> = std::fs::read_dir(&folder)
        .expect("the corpus is in the repository")
        .map(|entry| entry.expect("the corpus can be read").path())
        .map(|path| (path.clone(), std::fs::read(path).expect("the corpus can be read")))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

fn run(target: &str, body: fn(&[u8]), input: &[u8], origin: &str) {
    let begun = Instant::now();
    let passed = catch_unwind(AssertUnwindSafe(|| body(input))).is_ok();
    assert!(passed, "{target} fails with {origin}:\n{}", input.escape_ascii());
    let took = begun.elapsed();
    assert!(took < SLOWEST, "{target} takes {took:?} with {origin}:\n{}", input.escape_ascii());
}

#[test]
fn the_corpus_and_its_changes_do_no_harm() {
    let rounds = std::env::var("GIMLET_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let only = std::env::var("GIMLET_TEST_TARGETS").ok();
    for (target, body) in TARGETS {
        if only.as_ref().is_some_and(|only| only.split(' ').all(|name| name != target)) {
            continue;
        }
        let corpus = corpus(target);
        for (path, input) in &corpus {
            run(target, body, input, &path.display().to_string());
        }
        let inputs: Vec<_> = corpus.into_iter().map(|(_, input)| input).collect();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        for round in 0..rounds.unwrap_or(ROUNDS) {
            let mut input = inputs[dice.roll(inputs.len())].clone();
            for _ in 0..=dice.roll(6) {
                dice.change(&mut input, &inputs);
            }
            run(target, body, &input, &format!("the changed input of round {round}"));
        }
    }
}

#[test]
fn every_target_is_built_and_has_a_corpus() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| {
        let mut names: Vec<String> = std::fs::read_dir(root.join(folder))
            .expect("the folder is in the repository")
            .filter_map(|entry| {
                let path = entry.expect("the folder can be read").path();
                Some(path.file_stem()?.to_str()?.to_owned())
            })
            .collect();
        names.sort();
        names
    };
    let targets = names("targets");
    assert_eq!(targets, names("corpus"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("it is there");
    let built: Vec<_> =
        targets.iter().map(|name| format!("path = \"targets/{name}.rs\"")).collect();
    assert!(built.iter().all(|line| manifest.contains(line)), "{built:?}");
    assert_eq!(manifest.matches("[[bin]]").count(), targets.len());
    assert!(TARGETS.iter().all(|(name, _)| targets.iter().any(|target| target == name)));
}
