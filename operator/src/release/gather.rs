//! What a release depends on, from the caches.

use std::sync::Arc;

use gimlet_crds::{App, Environment, Release, name};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::context::Context;

/// What a release depends on.
pub(super) struct Around {
    pub(super) environment: Option<Arc<Environment>>,
    pub(super) app: Option<Arc<App>>,
    /// All releases of the app, this one included.
    pub(super) releases: Vec<Arc<Release>>,
    pub(super) now: Timestamp,
}

/// Looks around: no request is made.
pub(super) fn gather(release: &Release, ctx: &Context) -> Around {
    let namespace = release.namespace().unwrap_or_default();
    let spec = &release.spec;
    Around {
        environment: ctx.environment(&namespace, &spec.environment),
        app: ctx.app(&namespace, &name::app_object(&spec.app, &spec.environment)),
        releases: ctx.releases_of(&namespace, &spec.environment, &spec.app),
        now: Context::now(),
    }
}
