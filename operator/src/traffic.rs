//! Releases on their way: how busy an environment is, and how busy all of them are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Releases of one environment at once from which on its summaries wait.
const HEAVY: usize = 32;
/// Releases of all environments at once from which on what costs them time waits where it can.
const CROWD: usize = 64;

type Key = (String, String);

/// Counts the releases that are worked on, by environment.
///
/// The status of an App is a summary of what its releases came to. While many of them are on their
/// way it would be written again and again, at the cost of the releases.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    releases: Arc<Mutex<HashMap<Key, usize>>>,
}

impl Traffic {
    /// Counts a release until the guard is dropped.
    pub(crate) fn enter(&self, namespace: String, environment: String) -> Passage {
        let key = (namespace, environment);
        *self.lock().entry(key.clone()).or_default() += 1;
        Passage { traffic: self.clone(), key }
    }

    /// Tells whether many releases of the environment are on their way.
    pub(crate) fn is_heavy(&self, namespace: &str, environment: &str) -> bool {
        let key = (namespace.to_owned(), environment.to_owned());
        self.lock().get(&key).is_some_and(|count| *count >= HEAVY)
    }

    /// Tells whether many releases are on their way, wherever they go.
    ///
    /// Those that hang at a host which is dead count as well, so nothing that others wait for may wait
    /// for a crowd to go.
    pub(crate) fn is_crowded(&self) -> bool {
        self.lock().values().sum::<usize>() >= CROWD
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, usize>> {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A release that is counted.
#[derive(Debug)]
pub(crate) struct Passage {
    traffic: Traffic,
    key: Key,
}

impl Drop for Passage {
    fn drop(&mut self) {
        let mut releases = self.traffic.lock();
        if let Some(count) = releases.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                releases.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_heavy_only_by_its_own_releases() {
        let traffic = Traffic::default();
        let enter = |name: &str| traffic.enter("team".into(), name.into());
        let mut passages: Vec<_> = (0..HEAVY).map(|_| enter("staging")).collect();
        let _other = enter("production");
        assert!(traffic.is_heavy("team", "staging"));
        assert!(!traffic.is_heavy("team", "production"));
        assert!(!traffic.is_heavy("other", "staging"));
        passages.pop();
        assert!(!traffic.is_heavy("team", "staging"));
        assert!(!traffic.is_crowded());
        passages.extend((HEAVY..=CROWD).map(|n| enter(&format!("preview-{n}"))));
        assert!(traffic.is_crowded());
        passages.clear();
        assert_eq!(traffic.lock().len(), 1, "what has ended is forgotten");
    }
}
