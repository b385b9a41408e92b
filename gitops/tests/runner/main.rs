//! Everything that needs a real git, a server and time.

/// How the writers of these tests work with their repositories.
const ENGINE: gimlet_gitops::EngineChoice = gimlet_gitops::EngineChoice::Git;

#[cfg(test)]
mod audit;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixture;
#[cfg(test)]
#[expect(dead_code, reason = "the tests without a clone need more of it")]
mod http;
#[cfg(test)]
mod https;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod local;
#[cfg(test)]
mod log;
mod mirror;
#[cfg(test)]
mod proposals;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod races;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod ssh;
