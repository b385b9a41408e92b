//! Branches that were deleted a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gimlet_gitops::BranchName;

/// For how long a host may not have taken notice of a deletion.
const LATE: Duration = Duration::from_secs(30);

/// The branches of one repository that this process deleted.
///
/// A host closes the pull requests of a branch that is deleted, and some do so a while later, when the next
/// one is open on the branch already. Nothing tells that from a person who closes it but the time.
#[derive(Debug, Default)]
pub(crate) struct Withdrawn(Mutex<HashMap<BranchName, Instant>>);

impl Withdrawn {
    pub(super) fn note(&self, branch: &BranchName) {
        let mut branches = self.branches();
        branches.retain(|_, when| when.elapsed() < LATE);
        branches.insert(branch.clone(), Instant::now());
    }

    /// Tells whether a branch was deleted so lately that a pull request on it may have been closed for that.
    /// It is told once: whoever closes the next one means it.
    pub(super) fn take(&self, branch: &BranchName) -> bool {
        self.branches().remove(branch).is_some_and(|when| when.elapsed() < LATE)
    }

    fn branches(&self) -> MutexGuard<'_, HashMap<BranchName, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_explains_one_closing_of_its_branch() {
        let withdrawn = Withdrawn::default();
        let branch = |name: &str| BranchName::parse(name).unwrap();
        assert!(!withdrawn.take(&branch("a")));
        withdrawn.note(&branch("a"));
        assert!(!withdrawn.take(&branch("b")));
        assert!(withdrawn.take(&branch("a")));
        assert!(!withdrawn.take(&branch("a")), "a person closed the next one");
    }
}
