//! Answers that need not be sent again while they are the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Larger answers are not kept.
const MAX_ENTRY: usize = 1024 * 1024;

/// An answer and what the host calls this version of it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) etag: String,
    pub(super) body: Arc<[u8]>,
    /// Whether the list goes on.
    pub(super) more: bool,
    /// How long the list is.
    pub(super) total: Option<u64>,
}

/// Keeps answers by address, up to a size; those unused for longest go first.
#[derive(Debug)]
pub(super) struct Cache {
    limit: usize,
    size: usize,
    clock: u64,
    entries: HashMap<String, (u64, Kept)>,
    /// Addresses by when they were used last.
    order: BTreeMap<u64, String>,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, size: 0, clock: 0, entries: HashMap::new(), order: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, url: &str) -> Option<Kept> {
        self.clock += 1;
        let (used, kept) = self.entries.get_mut(url)?;
        let key = self.order.remove(used)?;
        *used = self.clock;
        self.order.insert(self.clock, key);
        Some(kept.clone())
    }

    pub(super) fn put(&mut self, url: &str, kept: Kept) {
        self.remove(url);
        let size = cost(url, &kept);
        if kept.body.len() > MAX_ENTRY || size > self.limit {
            return;
        }
        while self.size + size > self.limit {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.remove(&oldest);
        }
        self.clock += 1;
        self.size += size;
        self.order.insert(self.clock, url.to_owned());
        self.entries.insert(url.to_owned(), (self.clock, kept));
    }

    fn remove(&mut self, url: &str) {
        if let Some((used, kept)) = self.entries.remove(url) {
            self.order.remove(&used);
            self.size -= cost(url, &kept);
        }
    }
}

fn cost(url: &str, kept: &Kept) -> usize {
    // The address is kept twice.
    kept.body.len() + kept.etag.len() + 2 * url.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes: usize) -> Kept {
        Kept { etag: "e".into(), body: vec![0; bytes].into(), more: false, total: None }
    }

    #[test]
    fn what_is_unused_for_longest_goes_first() {
        let mut cache = Cache::new(3 * 103);
        for url in ["a", "b", "c"] {
            cache.put(url, kept(100));
        }
        assert!(cache.get("a").is_some());
        cache.put("d", kept(100));
        assert!(cache.get("b").is_none());
        for url in ["a", "c", "d"] {
            assert!(cache.get(url).is_some(), "{url}");
        }
        assert_eq!((cache.entries.len(), cache.order.len(), cache.size), (3, 3, 309));
    }

    #[test]
    fn an_answer_takes_the_place_of_the_older_one_even_if_it_is_too_large_to_keep() {
        let mut cache = Cache::new(1000);
        cache.put("a", kept(100));
        cache.put("a", kept(200));
        assert_eq!((cache.entries.len(), cache.order.len(), cache.size), (1, 1, 203));
        cache.put("a", kept(2000));
        assert!(cache.get("a").is_none());
        assert_eq!((cache.entries.len(), cache.order.len(), cache.size), (0, 0, 0));
    }
}
