//! The tests of the git program once more, without a clone.

/// How the writers of these tests work with their repositories.
const ENGINE: gimlet_gitops::EngineChoice = gimlet_gitops::EngineChoice::Wire;

#[cfg(test)]
mod apps;
#[cfg(test)]
#[path = "../runner/audit.rs"]
mod audit;
#[cfg(test)]
#[path = "../runner/cuts.rs"]
mod cuts;
#[cfg(test)]
#[path = "../runner/faults.rs"]
mod faults;
#[cfg(test)]
#[path = "../runner/fixture.rs"]
mod fixture;
#[cfg(test)]
mod goals;
#[cfg(test)]
#[path = "../runner/http.rs"]
mod http;
#[cfg(test)]
#[path = "../runner/https.rs"]
mod https;
#[cfg(test)]
#[path = "../runner/kills.rs"]
mod kills;
#[cfg(test)]
#[path = "../runner/local.rs"]
mod local;
#[cfg(test)]
#[path = "../runner/log.rs"]
mod log;
#[cfg(test)]
#[path = "../runner/proposals.rs"]
mod proposals;
#[cfg(test)]
mod protocol;
#[cfg(test)]
#[path = "../runner/proxies.rs"]
mod proxies;
#[cfg(test)]
#[path = "../runner/races.rs"]
mod races;
#[cfg(test)]
#[path = "../runner/signing.rs"]
mod signing;
