//! Our own charts, with the outputs of the real `helm template` stored beside them.
//!
//! With `GIMLET_HELM` naming a helm program they are also compared with it as it runs, and with
//! `GIMLET_BLESS=1` its outputs are stored anew. `GIMLET_CHART` picks charts by a part of the name.

#![expect(
    clippy::panic,
    clippy::unwrap_in_result,
    reason = "a fixture that is no good must fail its test"
)]

mod fixtures;
mod octets;

use fixtures::case::{Case, Prepared, ours};
use fixtures::oracle::Oracle;
use fixtures::stored::{self, Stored};

type Outcome = Result<String, String>;

/// Takes the places out of a message that differ from machine to machine.
fn steady(outcome: Outcome, case: &Prepared) -> Outcome {
    let folders = [Some(&case.chart), case.values.first()].into_iter().flatten();
    folders.filter_map(|path| path.parent()).fold(outcome, |outcome, folder| {
        outcome.map_err(|message| message.replace(&folder.display().to_string(), "FOLDER"))
    })
}

/// Violations of a schema come in the order of Go's maps, which is another one each time.
fn sorted(message: &str) -> Vec<String> {
    let mut lines: Vec<String> = message.trim_end().lines().map(str::to_owned).collect();
    if message.starts_with("values don't meet the specifications") {
        for line in lines.iter_mut().filter(|line| line.contains("additional properties")) {
            let mut words: Vec<&str> = line.split([' ', ',']).collect();
            words.sort_unstable();
            *line = words.join(" ");
        }
        lines.sort_unstable();
    }
    lines
}

fn difference(expected: &Outcome, found: &Outcome, own_words: bool) -> Option<String> {
    match (expected, found) {
        (Ok(expected), Ok(found)) if expected == found => None,
        (Err(_), Err(_)) if own_words => None,
        (Err(expected), Err(found)) if sorted(expected) == sorted(found) => None,
        (Ok(expected), Ok(found)) => {
            let (mut theirs, mut ours) = (expected.lines(), found.lines());
            let mut number = 1;
            loop {
                match (theirs.next(), ours.next()) {
                    (None, None) => return Some("the ends of lines differ".to_owned()),
                    (left, right) if left == right => number += 1,
                    (left, right) => {
                        return Some(format!("line {number}\n  helm: {left:?}\n  ours: {right:?}"));
                    }
                }
            }
        }
        (left, right) => Some(format!("\n  helm: {left:?}\n  ours: {right:?}")),
    }
}

fn compare(chart: &str, cases: &[Case], oracle: Option<&Oracle>, report: &mut Vec<String>) {
    let bless = std::env::var_os("GIMLET_BLESS").is_some();
    let stored = stored::read(chart);
    let mut fresh = Stored::new();
    for case in cases {
        let prepared = case.prepare(chart);
        let name = format!("{chart}, {}", case.name);
        let found = steady(ours(&prepared.chart, &prepared.values, &prepared.flags), &prepared);
        if let Some(oracle) = oracle {
            let live = oracle.template(&prepared.chart, &prepared.values, &prepared.flags);
            let live = steady(live, &prepared);
            if let Some(difference) = difference(&live, &found, case.own_words) {
                report.push(format!("{name}: {difference}"));
            }
            fresh.insert(case.name.clone(), live);
            if bless {
                continue;
            }
        }
        match stored.get(&case.name) {
            None => report.push(format!("{name}: no result of helm is stored")),
            Some(expected) => {
                if let Some(difference) = difference(expected, &found, case.own_words) {
                    report.push(format!("{name} (stored): {difference}"));
                }
            }
        }
    }
    if bless {
        stored::write(chart, &fresh);
    } else {
        for name in stored.keys().filter(|name| cases.iter().all(|case| case.name != **name)) {
            report.push(format!("{chart}: a result is stored for {name}, which is no case"));
        }
    }
}

#[test]
fn our_charts_render_as_with_helm() {
    let oracle = Oracle::from_environment();
    let wanted = std::env::var("GIMLET_CHART").unwrap_or_default();
    let mut report = Vec::new();
    let mut count = 0;
    for chart in fixtures::charts().iter().filter(|chart| chart.contains(&wanted)) {
        let cases = fixtures::case::cases(chart);
        count += cases.len();
        compare(chart, &cases, oracle.as_ref(), &mut report);
    }
    assert!(count > 0, "no chart is called {wanted:?}");
    assert!(report.is_empty(), "{} of {count} cases differ:\n{}", report.len(), report.join("\n"));
}
