//! What a release depends on, from the caches.

use std::sync::Arc;

use gimlet_crds::{App, Approval, Environment, Release, name};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::context::Context;

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
    pub(super) now: Timestamp,
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
        environment,
        now: Context::now(),
    }
}
