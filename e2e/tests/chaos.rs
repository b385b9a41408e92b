//! Chaos: pairs of operators, a real API server and a real git server, and everything goes wrong at any
//! moment. Nothing is lost, nothing is there twice, nothing is stuck.
//!
//! `CHAOS_ROUNDS` says how many rounds are played and `CHAOS_SEED` which is the first; a seed is a
//! round, always the same one but for the chance of the machine. Without them some fixed rounds are
//! played. What is known of a round that went wrong is kept in `CHAOS_EVIDENCE`.

#[path = "chaos/evidence.rs"]
mod evidence;
#[path = "chaos/host.rs"]
mod host;
#[path = "chaos/model.rs"]
mod model;
#[cfg(test)]
#[path = "chaos/model_tests.rs"]
mod model_tests;
#[path = "chaos/round.rs"]
mod round;
#[path = "chaos/scene.rs"]
mod scene;
#[path = "chaos/script.rs"]
mod script;
#[path = "chaos/site.rs"]
mod site;
#[path = "chaos/strike.rs"]
mod strike;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use script::Script;
use site::Site;

/// The rounds of every `make test`.
const FIXED: [u64; 3] = [2, 3, 7];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_twice_or_stuck_whatever_goes_wrong() -> Result<()> {
    let (name, seeds) = match number("CHAOS_ROUNDS")? {
        None => ("chaos-fixed", FIXED.to_vec()),
        Some(rounds) => {
            let first = number("CHAOS_SEED")?.unwrap_or(1);
            ("chaos", (first..first.saturating_add(rounds)).collect())
        }
    };
    let site = Arc::new(Site::start(name)?);
    let begun = Instant::now();
    let (mut wrong, mut asked, mut commits) = (Vec::new(), 0, 0);
    let mut settled: Vec<Duration> = Vec::new();
    for seed in &seeds {
        let since = Instant::now();
        println!("seed {seed}: {}", Script::draw(*seed));
        match round::play(&site, *seed).await {
            Ok(outcome) => {
                println!(
                    "  {} commits, right after {:.1} s, {:.1} s in all",
                    outcome.commits,
                    outcome.settled.as_secs_f64(),
                    since.elapsed().as_secs_f64()
                );
                (asked, commits) = (asked + outcome.asked, commits + outcome.commits);
                settled.push(outcome.settled);
                outcome.violations.iter().for_each(|violation| println!("  WRONG {violation}"));
                if !outcome.violations.is_empty() {
                    wrong.push(*seed);
                }
            }
            Err(error) => {
                println!("  BROKEN {error:#}");
                wrong.push(*seed);
                // The next round finds everything up again.
                site.recover().await?;
            }
        }
    }
    settled.sort();
    let at =
        |part: usize| settled.get(settled.len() * part / 100).map_or(0.0, Duration::as_secs_f64);
    println!(
        "{} rounds, {asked} releases, {commits} commits, {:.0} s; right after: median {:.1} s, 95 of 100 within {:.1} s, \
         all within {:.1} s",
        seeds.len(),
        begun.elapsed().as_secs_f64(),
        at(50),
        at(95),
        settled.last().map_or(0.0, Duration::as_secs_f64),
    );
    let again: Vec<_> =
        wrong.iter().map(|seed| format!("CHAOS_SEED={seed} CHAOS_ROUNDS=1 make chaos")).collect();
    ensure!(wrong.is_empty(), "{} rounds went wrong; again:\n{}", wrong.len(), again.join("\n"));
    Ok(())
}

fn number(name: &str) -> Result<Option<u64>> {
    let Some(text) = std::env::var(name).ok().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    text.parse().map(Some).with_context(|| format!("{name} is {text:?}, which is no number"))
}
