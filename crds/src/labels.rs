//! Every label, annotation, finalizer and field manager that Gimlet writes or reads.

/// Label: name of the app.
pub const APP: &str = "gimlet.io/app";
/// Label: name of the environment.
pub const ENVIRONMENT: &str = "gimlet.io/environment";
/// Annotation: who created the object, as the API server knows them. An admission policy sets it.
pub const CREATED_BY: &str = "gimlet.io/created-by";
/// Annotation of a Repository: it is looked at now, once for each value. Webhooks write it; people may.
pub const LOOK_REQUESTED: &str = "gimlet.io/look-requested";
/// Annotation of a Repository: when its last webhook came.
pub const WEBHOOK_SEEN: &str = "gimlet.io/webhook-seen";
/// Annotation of a Release that a policy made: the policy's manifest, such as `.gimlet/all.yaml#2`. The
/// artifact may have several for an app and environment.
pub const MANIFEST: &str = "gimlet.io/manifest";
/// Annotation: UID, creation and version that the object had when the operator saw it first. A copy
/// from a backup is known by it, and is not carried out again.
pub const ORIGIN: &str = "gimlet.io/origin";
/// Annotation of a Secret with a deploy key that the command line made: its public half.
pub const DEPLOY_KEY: &str = "gimlet.io/deploy-key";
/// Annotation of an Environment that people write: template of the address at which a store has the logs of
/// its apps.
pub const LOGS_URL: &str = "gimlet.io/logs-url";
/// Finalizer of an App: the folder is removed from git before the object goes.
pub const UNINSTALL_FINALIZER: &str = "gimlet.io/uninstall";

/// Field manager of the operator's controllers.
pub const OPERATOR: &str = "gimlet-operator";
/// Field manager of the CLI.
pub const CLI: &str = "gimlet-cli";
/// Field manager of what is written with the identity of an agent.
pub const AGENT: &str = "gimlet-agent";

/// Flux: annotation that asks for a reconciliation now.
pub const FLUX_REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// Commit trailers: the release log is read back from these alone.
pub mod trailer {
    /// UID of the Release; the idempotency key of a commit.
    pub const RELEASE: &str = "Gimlet-Release";
    /// Name of the Release.
    pub const NAME: &str = "Gimlet-Name";
    /// Name of the app.
    pub const APP: &str = "Gimlet-App";
    /// Name of the environment.
    pub const ENV: &str = "Gimlet-Env";
    /// Version that the release made the app.
    pub const VERSION: &str = "Gimlet-Version";
    /// Artifact that was released, as `<namespace>/<name>`.
    pub const ARTIFACT: &str = "Gimlet-Artifact";
    /// Repository of the application, such as `acme/shop`.
    pub const REPOSITORY: &str = "Gimlet-Repository";
    /// Commit of the application's repository.
    pub const SOURCE: &str = "Gimlet-Source";
    /// Who asked for the release.
    pub const REQUESTED_BY: &str = "Gimlet-Requested-By";
    /// Digest of the plan.
    pub const PLAN: &str = "Gimlet-Plan";
    /// What made the release, where that was no person.
    pub const TRIGGER: &str = "Gimlet-Trigger";
    /// Name of the ReleaseSet whose releases the commit is.
    pub const SET: &str = "Gimlet-Set";
    /// Who approved the plan.
    pub const APPROVED_BY: &str = "Gimlet-Approved-By";
    /// Why the release was made.
    pub const REASON: &str = "Gimlet-Reason";
    /// Commit whose folder a rollback put back.
    pub const ROLLBACK_TO: &str = "Gimlet-Rollback-To";
    /// UID of the ConfigChange that made a commit of an application's repository.
    pub const CHANGE: &str = "Gimlet-Change";
    /// What kind of commit it is: release, rollback, adopt, uninstall or environment.
    pub const ACTION: &str = "Gimlet-Action";
}
