//! Which versions of a chart there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gimlet_outbound::Reach;
use semver::Version;

use super::Fetcher;
use crate::ChartFetchError;
use crate::access::Access;
use crate::http::Client;
use crate::oci::Registry;
use crate::range::precedence;
use crate::source::Source;

/// How long a list is believed. A registry is asked for a page of a thousand tags at a time.
const FRESH: Duration = Duration::from_mins(5);
/// Lists that are kept.
const MOST_KEPT: usize = 64;
/// Versions of one list: what is older nobody moves to.
const MOST: usize = 200;

/// By who may do what with which source.
type Kept = HashMap<String, (Instant, Arc<[String]>)>;

/// Lists of versions, each for those who may do the same.
#[derive(Default)]
pub(super) struct Lists {
    kept: Mutex<Kept>,
}

impl Lists {
    fn get(&self, scope: &str) -> Option<Arc<[String]>> {
        let all = self.lock();
        let (at, list) = all.get(scope)?;
        (at.elapsed() < FRESH).then(|| Arc::clone(list))
    }

    fn put(&self, scope: String, list: Arc<[String]>) {
        let mut all = self.lock();
        if all.len() >= MOST_KEPT {
            all.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if all.len() >= MOST_KEPT {
            let oldest = all.iter().min_by_key(|(_, (at, _))| *at).map(|(scope, _)| scope.clone());
            oldest.and_then(|scope| all.remove(&scope));
        }
        all.insert(scope, (Instant::now(), list));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetcher {
    /// Lists the stable versions of a chart, the newest first; none where its source has no list.
    ///
    /// They are written as `chart.version` takes them.
    ///
    /// Repositories and registries have one. A chart in git has commits instead, an archive is one
    /// version. At most the newest 200 are listed, from a list that is at most five minutes old.
    pub fn versions(
        &self,
        source: &Source,
        access: &Access,
    ) -> Result<Arc<[String]>, ChartFetchError> {
        let allowed = self.options.allowed_hosts.as_deref();
        let reach = Reach { loopback: self.options.allow_loopback, ..Reach::default() };
        let client = Client::new(access, allowed, reach, self.options.timeout)?;
        self.permit(&client, source)?;
        let scope = access.scope(source);
        if let Some(list) = self.lists.get(&scope) {
            return Ok(list);
        }
        let found = match source {
            Source::Repository { url, name, version: _ } => {
                self.indexes.get(&client, url, self.options.index_fresh)?.versions(url, name)?
            }
            Source::Oci { registry, repository, reference: _ } => {
                Registry::new(&client, registry, repository)?.versions()?
            }
            Source::BuiltIn
            | Source::Local(_)
            | Source::Archive(_)
            | Source::ArchiveUrl(_)
            | Source::Git { .. } => Vec::new(),
        };
        let list: Arc<[String]> = newest_first(found).into();
        self.lists.put(scope, Arc::clone(&list));
        Ok(list)
    }
}

fn newest_first(mut versions: Vec<(Version, String)>) -> Vec<String> {
    versions.retain(|(version, _)| version.pre.is_empty());
    versions.sort_by(|(a, _), (b, _)| precedence(b, a));
    versions.dedup_by(|(a, _), (b, _)| precedence(a, b).is_eq());
    versions.truncate(MOST);
    versions.into_iter().map(|(_, text)| text).collect()
}
