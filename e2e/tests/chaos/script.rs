//! What happens in a round, and when: drawn from its seed, and from nothing else. Pure.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// For how long things go wrong.
pub const SPAN: Duration = Duration::from_secs(4);
/// The environments; each has a repository of its own, worked with by another engine.
pub const ENVIRONMENTS: [&str; 2] = ["staging", "production"];
/// The operators that compete for the Lease.
pub const OPERATORS: usize = 2;

/// A release that is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// When, since the begin of the round.
    pub at: Duration,
    /// The place of its environment.
    pub environment: usize,
    /// The number of its app.
    pub app: usize,
    /// What becomes of the app: the same number is the same manifest; none cannot be rendered.
    pub content: Option<u32>,
    /// When it is cancelled after it was made.
    pub cancelled: Option<Duration>,
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blow {
    /// When, since the begin of the round.
    pub at: Duration,
    /// What.
    pub trouble: Trouble,
    /// For how long; whatever is killed is started again then.
    pub lasts: Duration,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Kill an operator.
    KillOperator(usize),
    /// Kill whichever operator leads.
    KillLeader,
    /// Stop the leader where it is, so that it wakes up after another one took over.
    PauseLeader,
    /// Give the Lease to somebody who is not there.
    StealLease,
    /// Delete the Lease.
    DeleteLease,
    /// Kill the API server.
    KillApi,
    /// Kill etcd.
    KillEtcd,
    /// Kill the git server.
    KillGit,
    /// Break the connections to the git server.
    CutGit,
    /// Let connections to the git server stand, and pass nothing on.
    HoldGit,
    /// Make each request to the git server slow.
    SlowGit,
    /// Break an operator's connections to the API server.
    CutApi(usize),
    /// Let an operator's connections to the API server stand, and pass nothing on.
    HoldApi(usize),
    /// Make what an operator asks the API server slow.
    SlowApi(usize),
    /// The server takes a push, and the connection breaks.
    DropAnswer,
    /// The server takes a push, and says that it failed.
    FailAnswer,
    /// The server takes a push, and its answer never comes.
    HoldAnswer,
    /// A push is on its way for long.
    HoldPush,
    /// The disk of an operator's cache is full.
    FillDisk(usize),
    /// Write nonsense into the files of an operator's cache.
    DamageCache(usize),
    /// Delete an operator's cache.
    DeleteCache(usize),
    /// A hook of the repository refuses every push.
    Refuse(usize),
    /// Take the last commits off a branch.
    Rewind(usize),
    /// Delete a branch, and put it back.
    DeleteBranch(usize),
    /// Somebody else pushes ten commits a second.
    Outsider(usize),
}

impl Trouble {
    /// Tells whether a process is killed.
    pub fn kills(self) -> bool {
        matches!(
            self,
            Self::KillOperator(_)
                | Self::KillLeader
                | Self::KillApi
                | Self::KillEtcd
                | Self::KillGit
        )
    }
}

/// All that happens in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The releases, by time.
    pub orders: Vec<Order>,
    /// What goes wrong.
    pub blows: Vec<Blow>,
}

impl Script {
    /// Draws a round.
    pub fn draw(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let apps = random.random_range(1..=4);
        let mut orders: Vec<_> =
            (0..random.random_range(6..=24)).map(|_| order(&mut random, apps)).collect();
        orders.sort_by_key(|order| order.at);
        let mut blows: Vec<_> =
            (0..random.random_range(1..=4)).map(|_| blow(&mut random)).collect();
        blows.sort_by_key(|blow| blow.at);
        Self { orders, blows }
    }
}

fn millis(random: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.random_range(from..=to))
}

fn order(random: &mut StdRng, apps: usize) -> Order {
    let span = u64::try_from(SPAN.as_millis()).unwrap_or(u64::MAX);
    Order {
        at: millis(random, 0, span),
        environment: random.random_range(0..ENVIRONMENTS.len()),
        app: random.random_range(0..apps),
        content: (!random.random_bool(0.05)).then(|| random.random_range(0..6)),
        cancelled: random.random_bool(0.05).then(|| millis(random, 0, 800)),
    }
}

fn blow(random: &mut StdRng) -> Blow {
    let operator = random.random_range(0..OPERATORS);
    let repository = random.random_range(0..ENVIRONMENTS.len());
    let all = [
        Trouble::KillOperator(operator),
        Trouble::KillLeader,
        Trouble::PauseLeader,
        Trouble::StealLease,
        Trouble::DeleteLease,
        Trouble::KillApi,
        Trouble::KillEtcd,
        Trouble::KillGit,
        Trouble::CutGit,
        Trouble::HoldGit,
        Trouble::SlowGit,
        Trouble::CutApi(operator),
        Trouble::HoldApi(operator),
        Trouble::SlowApi(operator),
        Trouble::DropAnswer,
        Trouble::FailAnswer,
        Trouble::HoldAnswer,
        Trouble::HoldPush,
        Trouble::FillDisk(operator),
        Trouble::DamageCache(operator),
        Trouble::DeleteCache(operator),
        Trouble::Refuse(repository),
        Trouble::Rewind(repository),
        Trouble::DeleteBranch(repository),
        Trouble::Outsider(repository),
    ];
    let trouble = *all.choose(random).unwrap_or(&Trouble::KillLeader);
    let lasts = match trouble {
        // Longer than a leader may be silent.
        Trouble::PauseLeader => millis(random, 4500, 6500),
        Trouble::KillApi | Trouble::KillEtcd | Trouble::KillGit => millis(random, 0, 1500),
        _ => millis(random, 100, 3500),
    };
    Blow { at: millis(random, 0, 3500), trouble, lasts }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} releases", self.orders.len())?;
        for Blow { at, trouble, lasts } in &self.blows {
            write!(f, ", {trouble:?} at {:.1}+{:.1} s", at.as_secs_f64(), lasts.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_is_always_the_same_round() {
        assert_eq!(Script::draw(7), Script::draw(7));
        assert_ne!(Script::draw(7), Script::draw(8));
    }

    #[test]
    fn every_trouble_comes_by() {
        let of = |seed| Script::draw(seed).blows.into_iter().map(|blow| blow.trouble);
        let kinds: BTreeSet<_> = (0..500)
            .flat_map(of)
            .map(|t| std::mem::discriminant(&t))
            .map(|d| format!("{d:?}"))
            .collect();
        assert_eq!(kinds.len(), 25);
    }
}
