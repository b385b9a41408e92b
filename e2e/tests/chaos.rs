//! Chaos: pairs of operators, a real API server and a real git server, and everything goes wrong at any
//! moment. Nothing is lost, nothing is there twice, nothing is stuck.
//!
//! `CHAOS_ROUNDS` says how many rounds are played and `CHAOS_SEED` which is the first; a seed is a
//! round, always the same one but for the chance of the machine. Without them some fixed rounds are
//! played. `CHAOS_JOBS` says how many are played side by side, each where no other is. What is known
//! of a round that went wrong is kept in `CHAOS_EVIDENCE`.

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
#[path = "chaos/tally.rs"]
mod tally;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use script::Script;
use site::Site;
use tally::Tally;

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
    let jobs = number("CHAOS_JOBS")?.unwrap_or(1).clamp(1, seeds.len().max(1) as u64);
    let begun = Instant::now();
    let seeds = Arc::new(Mutex::new(seeds.into_iter()));
    let tally = Arc::new(Mutex::new(Tally::default()));
    let players = (1..=jobs).map(|job| {
        let name = if job == 1 { name.to_owned() } else { format!("{name}-{job}") };
        let (seeds, tally) = (Arc::clone(&seeds), Arc::clone(&tally));
        let runtime = Handle::current();
        // On a thread of its own: programs of git are waited for, while proxies of others have work to do.
        spawn_blocking(move || runtime.block_on(play_all(&name, &seeds, &tally)))
    });
    for played in join_all(players).await {
        played??;
    }
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{tally}, {:.0} s", begun.elapsed().as_secs_f64());
    let again: Vec<_> = tally
        .wrong
        .iter()
        .map(|seed| format!("CHAOS_SEED={seed} CHAOS_ROUNDS=1 make chaos"))
        .collect();
    ensure!(again.is_empty(), "{} rounds went wrong; again:\n{}", again.len(), again.join("\n"));
    Ok(())
}

/// Plays rounds in one place until none is left.
async fn play_all(
    name: &str,
    seeds: &Mutex<std::vec::IntoIter<u64>>,
    tally: &Mutex<Tally>,
) -> Result<()> {
    let site = Arc::new(Site::start(name)?);
    loop {
        let next = seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(seed) = next else { return Ok(()) };
        let since = Instant::now();
        let script = Script::draw(seed);
        let played = round::play(&site, seed).await;
        // One text: others are playing as well.
        let report = tally.lock().unwrap_or_else(PoisonError::into_inner).add(
            seed,
            &script,
            &played,
            since.elapsed(),
        );
        println!("{report}");
        if played.is_err() {
            // The next round finds everything up again.
            site.recover().await?;
        }
    }
}

fn number(name: &str) -> Result<Option<u64>> {
    let Some(text) = std::env::var(name).ok().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    text.parse().map(Some).with_context(|| format!("{name} is {text:?}, which is no number"))
}
