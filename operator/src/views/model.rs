//! What the views show.

use gimlet_crds::PlanStatus;
use gimlet_crds::labels::trailer;
use gimlet_gitops::LogEntry;
use gimlet_manifest::plan::{FileDiff, Plan};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A page of the release log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryPage {
    /// The entries, newest first.
    pub(super) items: Vec<HistoryEntry>,
    /// The commit to ask for as `before`, to see what came before; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// One commit of the release log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryEntry {
    /// Commit id.
    pub(super) commit: String,
    /// When it was asked for (RFC 3339).
    pub(super) time: String,
    /// First line of the message.
    pub(super) subject: String,
    /// What kind of commit it is: release, rollback, adopt, uninstall or environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<String>,
    /// Name of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<String>,
    /// Name of the Release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) release: Option<String>,
    /// Version that the app became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// Repository of the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repository: Option<String>,
    /// Commit of the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requested_by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// Commit that was put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rollback_to: Option<String>,
    /// Whether the commit is signed: `Own`, by the key that the environment signs with now; `Other`, in
    /// the name of another key, by which nothing is checked; `Invalid`, it is not what was signed;
    /// `Unsigned`. Left out where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<String>,
}

impl From<LogEntry> for HistoryEntry {
    fn from(entry: LogEntry) -> Self {
        let text = |key: &str| entry.trailers.get(key).cloned();
        Self {
            commit: entry.commit.to_string(),
            time: entry.time.to_string(),
            action: text(trailer::ACTION),
            app: text(trailer::APP),
            release: text(trailer::NAME),
            version: text(trailer::VERSION),
            repository: text(trailer::REPOSITORY),
            source: text(trailer::SOURCE),
            requested_by: text(trailer::REQUESTED_BY),
            reason: text(trailer::REASON),
            rollback_to: text(trailer::ROLLBACK_TO),
            signature: None,
            subject: entry.subject,
        }
    }
}

/// Which part of the release log is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryQuery {
    /// Name of the app; left out, all apps of the environment.
    pub(super) app: Option<String>,
    /// Only what this person asked for.
    pub(super) person: Option<String>,
    /// Only releases of this application repository, such as `acme/shop`.
    pub(super) repository: Option<String>,
    /// Only what is not older (RFC 3339).
    pub(super) since: Option<String>,
    /// Only what is older (RFC 3339).
    pub(super) until: Option<String>,
    /// Entries of a page, at most 200; 50 where it is left out. The other entries of the last one's
    /// commit come with it.
    pub(super) limit: Option<usize>,
    /// Only what came before this commit.
    pub(super) before: Option<String>,
}

/// The files of an app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Files {
    /// The files by name; the values of Secrets are masked.
    pub(super) files: Vec<File>,
}

/// A file of an app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct File {
    /// Its name in the app's folder.
    pub(super) name: String,
    /// Its text.
    pub(super) content: String,
}

/// At which commit something is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct AtQuery {
    /// Commit of the gitops repository; left out, the newest.
    pub(super) commit: Option<String>,
}

/// Between which commits something is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct BetweenQuery {
    /// The older commit.
    pub(super) from: String,
    /// The newer commit; left out, the newest of the branch.
    pub(super) to: Option<String>,
}

/// What differs, by object and by file; the values of Secrets are masked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Difference {
    /// Objects that are added.
    pub(super) added: u32,
    /// Objects that are changed.
    pub(super) changed: u32,
    /// Objects that are removed.
    pub(super) removed: u32,
    /// The objects.
    pub(super) objects: Vec<ObjectChange>,
    /// The files, each with its unified diff.
    pub(super) files: Vec<FileChange>,
    /// What a person should know.
    pub(super) warnings: Vec<String>,
    /// Whether files were left out because the answer would be too large.
    pub(super) cut: bool,
}

/// An object that differs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ObjectChange {
    /// Added, Changed or Removed.
    pub(super) change: String,
    /// Kind of the object.
    pub(super) kind: String,
    /// Namespace of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    /// Name of the object.
    pub(super) name: String,
}

/// A file that differs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FileChange {
    /// Added, Changed or Removed.
    pub(super) change: String,
    /// Name of the file in the app's folder.
    pub(super) name: String,
    /// Unified diff.
    pub(super) diff: String,
}

/// Most text of diffs in an answer, in bytes.
const MAX_DIFF: usize = 1 << 20;

impl Difference {
    /// Puts a plan and its diffs together, up to a size.
    pub(super) fn new(plan: Plan, diffs: Vec<FileDiff>) -> Self {
        let Plan { added, changed, removed, objects, warnings, digest: _, guard: _ } = plan;
        let objects = objects.into_iter().map(|object| ObjectChange {
            change: object.change.to_string(),
            kind: object.kind,
            namespace: object.namespace,
            name: object.name,
        });
        let all = diffs.len();
        let mut left = MAX_DIFF;
        let files: Vec<FileChange> = diffs
            .into_iter()
            .map_while(|diff| {
                left = left.checked_sub(diff.text.len())?;
                let change = diff.change.to_string();
                Some(FileChange { change, name: diff.name, diff: diff.text })
            })
            .collect();
        let cut = files.len() < all;
        Self { added, changed, removed, objects: objects.collect(), files, warnings, cut }
    }
}

/// The plan of a release with what it changes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanView {
    /// Digest of the plan; an Approval names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    /// What it changes, or has changed.
    pub(super) difference: Difference,
}

impl PlanView {
    pub(super) fn new(plan: Option<&PlanStatus>, difference: Difference) -> Self {
        Self { digest: plan.map(|plan| plan.digest.clone()), difference }
    }
}
