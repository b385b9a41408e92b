//! Which Releases are of the same app, without a look at all there are.
//!
//! Every look at a release or an app asks for the releases of the app. To search the cache for them
//! costs as much as there are releases, for each of them: with 10,000 that is most of what an idle
//! operator would do. This knows their names; what they are by now is in the cache.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gimlet_crds::Release;
use kube::ResourceExt;

/// How long a name is kept that the cache does not have: it may only not be there yet.
const MISSING: Duration = Duration::from_mins(1);

/// Namespace, environment and app.
type Place = (String, String, String);

/// The names of the releases of each app.
#[derive(Debug, Default)]
pub(crate) struct Siblings {
    /// With the time at which each was last heard of.
    names: Mutex<HashMap<Place, HashMap<String, Instant>>>,
}

impl Siblings {
    /// Notes a release that was seen.
    pub(crate) fn note(&self, release: &Release) {
        let place = (
            release.namespace().unwrap_or_default(),
            release.spec.environment.clone(),
            release.spec.app.clone(),
        );
        self.lock().entry(place).or_default().insert(release.name_any(), Instant::now());
    }

    /// Finds the releases of an app; those that are not there for long are forgotten.
    pub(crate) fn of<T>(
        &self,
        namespace: &str,
        environment: &str,
        app: &str,
        find: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let place = (namespace.to_owned(), environment.to_owned(), app.to_owned());
        let mut all = self.lock();
        let Some(names) = all.get_mut(&place) else { return Vec::new() };
        let mut found = Vec::with_capacity(names.len());
        names.retain(|name, heard| match find(name) {
            Some(release) => {
                found.push(release);
                true
            }
            None => heard.elapsed() < MISSING,
        });
        if names.is_empty() {
            all.remove(&place);
        }
        found
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, HashMap<String, Instant>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_crds::ReleaseSpec;

    fn release(name: &str, app: &str) -> Release {
        let spec = ReleaseSpec {
            environment: "staging".into(),
            app: app.into(),
            ..ReleaseSpec::default()
        };
        let mut release = Release::new(name, spec);
        release.metadata.namespace = Some("ns".into());
        release
    }

    #[test]
    fn the_releases_of_an_app_are_found_as_they_are_in_the_cache() {
        let siblings = Siblings::default();
        for (name, app) in [("a-1", "a"), ("a-2", "a"), ("b-1", "b"), ("a-1", "a")] {
            siblings.note(&release(name, app));
        }
        let of = |app: &str, there: &[&str]| {
            let find = |name: &str| there.contains(&name).then(|| name.to_owned());
            let mut found = siblings.of("ns", "staging", app, find);
            found.sort();
            found
        };
        assert_eq!(of("a", &["a-1", "a-2", "b-1"]), ["a-1", "a-2"]);
        assert_eq!(of("a", &["a-2"]), ["a-2"]);
        assert_eq!(of("a", &["a-1", "a-2"]), ["a-1", "a-2"], "it was only not there yet");
        assert!(of("c", &["a-1"]).is_empty());
    }
}
