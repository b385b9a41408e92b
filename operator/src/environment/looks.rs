//! The last look at the repository of an environment that an agent tells of.
//!
//! The agent's word comes every half a minute and oftener, and each brings the environment to its
//! reconcile. The git host is not to be asked more often because of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gimlet_crds::Environment;
use kube::ResourceExt;

use super::status::{FluxState, Seen};

/// The last looks, by the UID of the environment.
#[derive(Default)]
pub(crate) struct Looks(Mutex<HashMap<String, Look>>);

/// What a look found, and how long it holds.
#[derive(Clone)]
pub(super) struct Look {
    seen: Seen,
    generation: Option<i64>,
    /// People ask for a look by an annotation.
    annotations: BTreeMap<String, String>,
    until: Instant,
}

impl Look {
    /// Returns what was found, with what is known of Flux now.
    pub(super) fn seen(&self, now: FluxState) -> Seen {
        match self.seen.clone() {
            Seen::Reachable { head, engine, flux: _, kept } => {
                Seen::Reachable { head, engine, flux: now, kept }
            }
            other => other,
        }
    }

    /// Tells how long until the repository is looked at again.
    pub(super) fn due(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }
}

impl Looks {
    /// Remembers a look, for environments of which an agent tells.
    pub(super) fn record(
        &self,
        environment: &Environment,
        seen: &Seen,
        lasts: Duration,
        now: Instant,
    ) {
        if environment.spec.observed_by.is_operator() {
            return self.forget(environment);
        }
        let Some(uid) = environment.uid() else { return };
        let look = Look {
            seen: seen.clone(),
            generation: environment.metadata.generation,
            annotations: environment.annotations().clone(),
            until: now + lasts,
        };
        self.lock().insert(uid, look);
    }

    /// Returns the last look, if it was at this version of the environment and not long ago.
    pub(super) fn recent(&self, environment: &Environment, now: Instant) -> Option<Look> {
        let look = self.lock().get(environment.metadata.uid.as_deref()?)?.clone();
        let same = look.generation == environment.metadata.generation
            && look.annotations == *environment.annotations();
        (same && look.until > now).then_some(look)
    }

    /// Forgets an environment.
    pub(super) fn forget(&self, environment: &Environment) {
        if let Some(uid) = &environment.metadata.uid {
            self.lock().remove(uid);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment(observer: &str, generation: i64) -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "ns", "uid": "u", "generation": generation},
            "spec": {"observedBy": observer, "gitops": {"url": "https://git.example.com/a/b.git"}}
        }))
        .unwrap()
    }

    #[test]
    fn the_repository_is_looked_at_when_it_is_time_or_somebody_asks() {
        let (looks, now) = (Looks::default(), Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        let told = environment("Agent", 1);
        assert!(looks.recent(&told, now).is_none());
        looks.record(&told, &Seen::First, Duration::from_mins(1), now);
        let look = looks.recent(&told, after(59)).unwrap();
        assert_eq!(look.due(after(59)), Duration::from_secs(1));
        assert!(looks.recent(&environment("Agent", 2), now).is_none(), "the spec changed");
        let mut asked = told.clone();
        asked.annotations_mut().insert("gimlet.io/look".into(), "now".into());
        assert!(looks.recent(&asked, now).is_none());
        assert!(looks.recent(&told, after(60)).is_none());
    }

    #[test]
    fn without_an_agent_every_look_is_a_new_one() {
        let (looks, now) = (Looks::default(), Instant::now());
        let own = environment("Operator", 1);
        looks.record(&own, &Seen::First, Duration::from_mins(1), now);
        assert!(looks.recent(&own, now).is_none());
    }
}
