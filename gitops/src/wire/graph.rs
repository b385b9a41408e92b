//! Which commit comes after which.

use std::collections::{HashMap, HashSet};

use crate::id::CommitId;

/// The commits that are known, each with those it comes after.
#[derive(Default)]
pub(super) struct Graph {
    parents: HashMap<CommitId, Box<[CommitId]>>,
}

/// What a walk came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// The commit that was looked for.
    Found,
    /// Its end, without the commit.
    Nowhere,
    /// Commits that are not known: they may lead to it.
    Unknown,
}

impl Graph {
    pub(super) fn add(&mut self, commit: CommitId, parents: Vec<CommitId>) {
        self.parents.entry(commit).or_insert_with(|| parents.into());
    }

    /// Walks from one commit to those before it.
    pub(super) fn reach(&self, from: CommitId, wanted: CommitId) -> Reached {
        let mut open = vec![from];
        let mut seen = HashSet::new();
        let mut unknown = false;
        while let Some(commit) = open.pop() {
            if commit == wanted {
                return Reached::Found;
            }
            if !seen.insert(commit) {
                continue;
            }
            match self.parents.get(&commit) {
                Some(parents) => open.extend(parents.iter()),
                None => unknown = true,
            }
        }
        if unknown { Reached::Unknown } else { Reached::Nowhere }
    }

    /// Returns the commits from one to another, oldest first, if there is only one way and all of it
    /// is known; without the other one itself.
    pub(super) fn line(
        &self,
        from: CommitId,
        to: Option<CommitId>,
        most: usize,
    ) -> Option<Vec<CommitId>> {
        let mut line = Vec::new();
        let mut next = Some(from);
        while next != to {
            let commit = next?;
            line.push(commit);
            if line.len() > most {
                return None;
            }
            next = match **self.parents.get(&commit)? {
                [] => None,
                [parent] => Some(parent),
                _ => return None,
            };
        }
        line.reverse();
        Some(line)
    }

    /// Puts commits in an order in which each comes after those that it comes after.
    pub(super) fn sort(&self, head: CommitId, commits: &HashSet<CommitId>) -> Vec<CommitId> {
        let mut sorted = Vec::with_capacity(commits.len());
        let mut done = HashSet::with_capacity(commits.len());
        let mut open = vec![(head, false)];
        while let Some((commit, ready)) = open.pop() {
            if ready {
                sorted.push(commit);
            } else if commits.contains(&commit) && done.insert(commit) {
                open.push((commit, true));
                let parents = self.parents.get(&commit).into_iter().flatten();
                open.extend(parents.map(|parent| (*parent, false)));
            }
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> CommitId {
        CommitId::parse(&format!("{n:040x}")).unwrap()
    }

    /// 1 ← 2 ← 4 ← 5, and 2 ← 3 ← 5.
    fn graph() -> Graph {
        let mut graph = Graph::default();
        graph.add(id(1), vec![]);
        for (commit, before) in [(2, vec![1]), (3, vec![2]), (4, vec![2]), (5, vec![4, 3])] {
            graph.add(id(commit), before.into_iter().map(id).collect());
        }
        graph
    }

    #[test]
    fn a_walk_finds_what_came_before() {
        let mut graph = graph();
        assert_eq!(graph.reach(id(5), id(1)), Reached::Found);
        assert_eq!(graph.reach(id(5), id(5)), Reached::Found);
        assert_eq!(graph.reach(id(3), id(4)), Reached::Nowhere);
        graph.add(id(6), vec![id(9)]);
        assert_eq!(graph.reach(id(6), id(9)), Reached::Found);
        assert_eq!(graph.reach(id(6), id(1)), Reached::Unknown);
    }

    #[test]
    fn only_a_single_way_is_a_line() {
        let graph = graph();
        assert_eq!(graph.line(id(4), Some(id(1)), 9), Some(vec![id(2), id(4)]));
        assert_eq!(graph.line(id(4), None, 9), Some(vec![id(1), id(2), id(4)]));
        assert_eq!(graph.line(id(5), Some(id(1)), 9), None);
        assert_eq!(graph.line(id(4), Some(id(3)), 9), None);
        assert_eq!(graph.line(id(4), Some(id(1)), 1), None);
    }

    #[test]
    fn the_older_ones_come_first() {
        let graph = graph();
        let all = (2..=5).map(id).collect();
        let sorted = graph.sort(id(5), &all);
        let at = |n| sorted.iter().position(|commit| *commit == id(n)).unwrap();
        assert_eq!(sorted.len(), 4);
        assert!(at(2) < at(3) && at(2) < at(4) && at(3) < at(5) && at(4) < at(5));
    }
}
