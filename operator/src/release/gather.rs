//! What a release depends on, from the caches.

use std::sync::Arc;

use gimlet_crds::{
    App, Approval, Blocker, BlockerKind, Environment, Phase, Release, ReleaseSet, name,
};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::context::Context;
use crate::release_set;
use crate::witness::Word;

/// What a release depends on.
pub(super) struct Around {
    pub(super) environment: Option<Arc<Environment>>,
    pub(super) app: Option<Arc<App>>,
    /// All releases of the app, this one included.
    pub(super) releases: Vec<Arc<Release>>,
    /// Releases of the app in the environment that comes before.
    pub(super) before: Vec<Arc<Release>>,
    /// What people said of the release.
    pub(super) approvals: Vec<Arc<Approval>>,
    /// The set that made the release.
    pub(super) set: Option<OfSet>,
    /// Whether names can be believed.
    pub(super) word: Word,
    pub(super) now: Timestamp,
}

/// The set that made a release.
pub(super) struct OfSet {
    pub(super) set: Arc<ReleaseSet>,
    /// Apps whose releases are not ready yet.
    missing: Vec<String>,
    total: usize,
}

impl OfSet {
    /// Says on which of the others a release waits that is ready itself.
    pub(super) fn blocker(&self, release: &Release) -> Blocker {
        let others = self.missing.iter().filter(|app| **app != release.spec.app);
        let others: Vec<&str> = others.map(String::as_str).collect();
        let reason = if others.is_empty() {
            "all releases of the set are ready: they are committed together".into()
        } else {
            let names = gimlet_crds::condition::cut(&others.join(", "), 256);
            format!("{} of {} releases of the set are not ready: {names}", others.len(), self.total)
        };
        Blocker { kind: BlockerKind::Set, name: self.set.name_any(), reason, until: None }
    }
}

/// Tells whether a release waits for nothing but the others of its set.
pub(crate) fn waits_for_set(release: &Release) -> bool {
    release.status.as_ref().is_some_and(|status| {
        status.phase == Phase::Waiting
            && !status.blocked_by.is_empty()
            && status.blocked_by.iter().all(|blocker| blocker.kind == BlockerKind::Set)
    })
}

/// Looks around: no request is made.
pub(super) fn gather(release: &Release, ctx: &Context) -> Around {
    let namespace = release.namespace().unwrap_or_default();
    let spec = &release.spec;
    let environment = ctx.environment(&namespace, &spec.environment);
    let promotion = environment.as_ref().and_then(|found| found.spec.promotion.as_ref());
    Around {
        app: ctx.app(&namespace, &name::app_object(&spec.app, &spec.environment)),
        releases: ctx.releases_of(&namespace, &spec.environment, &spec.app),
        before: promotion
            .map(|promotion| ctx.releases_of(&namespace, &promotion.from, &spec.app))
            .unwrap_or_default(),
        approvals: ctx.approvals_of(&namespace, &release.name_any()),
        set: of_set(release, &namespace, ctx),
        environment,
        word: ctx.witness.word(),
        now: Context::now(),
    }
}

fn of_set(release: &Release, namespace: &str, ctx: &Context) -> Option<OfSet> {
    let set = ctx.set(namespace, release.spec.set.as_ref()?)?;
    if !release_set::has_made(&set, release) {
        return None;
    }
    let members = set.status.as_ref().map(|status| status.releases.clone()).unwrap_or_default();
    let total = members.len();
    let ready = |name: &str| {
        ctx.release(namespace, name).is_some_and(|member| {
            let phase = member.status.as_ref().map(|status| status.phase).unwrap_or_default();
            waits_for_set(&member) || matches!(phase, Phase::Queued | Phase::Unchanged)
        })
    };
    let missing = members.into_iter().filter(|member| !ready(&member.release));
    let missing = missing.map(|member| member.app).collect();
    Some(OfSet { set, missing, total })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) fn of_set(set: &Value, missing: &[&str]) -> OfSet {
        let set = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ReleaseSet",
            "metadata": {"name": "all", "creationTimestamp": "1970-01-01T01:00:00Z",
                "annotations": {"gimlet.io/created-by": "ada"}},
            "spec": set
        }));
        let missing = missing.iter().map(|app| (*app).to_owned()).collect();
        OfSet { set: Arc::new(set.unwrap()), missing, total: 3 }
    }

    #[test]
    fn a_release_that_waits_names_the_others() {
        let release =
            Release::new("r", gimlet_crds::ReleaseSpec { app: "web".into(), ..Default::default() });
        let spec = json!({"environment": "staging"});
        let reason = |missing: &[&str]| of_set(&spec, missing).blocker(&release).reason;
        assert_eq!(
            reason(&["web", "api", "cart"]),
            "2 of 3 releases of the set are not ready: api, cart"
        );
        assert!(reason(&["web"]).starts_with("all releases of the set are ready"));
    }
}
