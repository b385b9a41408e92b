//! What is wrong with one commit, from what is known of it. Nothing is read here.

use std::collections::BTreeMap;

use super::{Finding, FindingKind, FolderFacts};
use crate::change::{APP_TRAILER, ENV_TRAILER, RELEASE_TRAILER};
use crate::id::TreeId;
use crate::index::{LogEntry, Origin};
use crate::signing::{SignatureError, SignedBy};

const ACTION_TRAILER: &str = "Gimlet-Action";
const PLAN_TRAILER: &str = "Gimlet-Plan";
const ROLLBACK_TRAILER: &str = "Gimlet-Rollback-To";

/// A commit that touches folders of applications.
pub(super) struct Evidence<'a> {
    /// Its entries in the release log: at least one.
    pub(super) members: &'a [LogEntry],
    /// What is known of the signature; only asked for where Gimlet made the commit.
    pub(super) signature: Option<Result<SignedBy, SignatureError>>,
    /// The folders, by application.
    pub(super) folders: BTreeMap<String, Touched>,
}

/// A folder after a commit that changed it.
#[derive(Default)]
pub(super) struct Touched {
    /// The changed files, relative to the environment.
    pub(super) files: Vec<String>,
    /// The content; none if the folder is gone.
    pub(super) tree: Option<TreeId>,
    /// What the folder says of itself; none if it is gone or cannot be read.
    pub(super) facts: Option<FolderFacts>,
    /// A link or submodule in it.
    pub(super) foreign: Option<String>,
    /// Whether the content is that at the commit that a rollback names; none if it names none.
    pub(super) restored: Option<bool>,
}

/// Returns the entry of a commit that is for an application; where none is, the first.
pub(super) fn member<'a>(members: &'a [LogEntry], app: &str) -> &'a LogEntry {
    let named = |entry: &&LogEntry| entry.get(APP_TRAILER) == Some(app);
    members.iter().find(named).unwrap_or(&members[0])
}

/// Lists what is wrong with a commit.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let entry = &evidence.members[0];
    let all = || evidence.folders.values().flat_map(|f| f.files.clone()).collect::<Vec<_>>();
    let apps = || evidence.folders.keys().cloned().collect::<Vec<_>>().join(", ");
    match entry.origin {
        Origin::Other(_) => {
            let message = format!(
                "{} was changed by hand: look at the commit, then release {} again or take it back",
                apps(),
                if evidence.folders.len() == 1 { "it" } else { "them" }
            );
            return vec![Finding::new(entry, FindingKind::ByHand, apps(), all(), message)];
        }
        Origin::Legacy(_) => {
            let message = format!(
                "{} was changed by the original Gimlet, which does not sign: check from the commit on with which you moved, as COMMIT..BRANCH",
                apps()
            );
            return vec![Finding::new(entry, FindingKind::Legacy, apps(), all(), message)];
        }
        Origin::Gimlet => {}
    }
    let mut findings = Vec::new();
    if let Some(Err(error)) = &evidence.signature {
        let advice = match error {
            SignatureError::Unsigned => {
                "set a signing key in the environment, or find out who wrote a commit in Gimlet's name"
            }
            SignatureError::Untrusted { .. } | SignatureError::Unusable { .. } => {
                "add the key if it is yours, or find out who wrote a commit in Gimlet's name"
            }
            SignatureError::Invalid { .. } | SignatureError::Malformed(_) => {
                "find out who wrote a commit in Gimlet's name"
            }
        };
        let message = format!("{error}: {advice}");
        findings.push(Finding::new(entry, FindingKind::Signature, apps(), Vec::new(), message));
    }
    for (app, folder) in &evidence.folders {
        if let Some((kind, message)) = fault(member(evidence.members, app), app, folder) {
            findings.push(Finding::new(entry, kind, app.clone(), folder.files.clone(), message));
        }
    }
    findings
}

/// Returns what is wrong with one folder of a commit in Gimlet's name.
fn fault(entry: &LogEntry, app: &str, folder: &Touched) -> Option<(FindingKind, String)> {
    let trailer = |name: &str| entry.trailers.get(name).map(String::as_str);
    let named = trailer(APP_TRAILER) == Some(app);
    let release = "release the app again, and find out how it came about";
    if let Some(name) = &folder.foreign {
        let message =
            format!("{name} is a link or a submodule, which Gimlet never writes: {release}");
        return Some((FindingKind::Files, message));
    }
    if let Some(restored) = folder.restored {
        if !restored {
            let to = trailer(ROLLBACK_TRAILER).unwrap_or_default();
            let message = format!("{app} is not what it was in commit {to}: roll back again");
            return Some((FindingKind::Restored, message));
        }
        return plan_fault(trailer(PLAN_TRAILER).filter(|_| named), app, folder.facts.as_ref());
    }
    if trailer(ACTION_TRAILER) == Some("uninstall") && named {
        let message = format!("{app} was to be removed and is still there: remove it again");
        return folder.tree.is_some().then_some((FindingKind::Restored, message));
    }
    let Some(facts) = &folder.facts else {
        let message = format!("{app} was removed by a commit that says something else: {release}");
        return Some((FindingKind::Misplaced, message));
    };
    let Some(record) = &facts.record else {
        let message = format!("{app} has no release.json that can be read: {release}");
        return Some((FindingKind::Record, message));
    };
    let ours = record.release.is_some() && record.release.as_deref() == trailer(RELEASE_TRAILER);
    if !named && !ours {
        let what = trailer(APP_TRAILER).map_or_else(|| "no app".to_owned(), |a| format!("app {a}"));
        let message = format!("{app} was changed by a commit for {what}: {release}");
        return Some((FindingKind::Misplaced, message));
    }
    if record.app != app || Some(record.environment.as_str()) != trailer(ENV_TRAILER) || !ours {
        let message = format!(
            "release.json is that of {} in {}, and not of this commit: {release}",
            record.app, record.environment
        );
        return Some((FindingKind::Record, message));
    }
    if record.plan.as_deref() != Some(&facts.digest) {
        let message = format!(
            "the files of {app} are not those that release.json was written for: {release}"
        );
        return Some((FindingKind::Files, message));
    }
    plan_fault(trailer(PLAN_TRAILER).filter(|_| named), app, Some(facts))
}

/// Compares the files with the plan that the commit names.
fn plan_fault(
    plan: Option<&str>,
    app: &str,
    facts: Option<&FolderFacts>,
) -> Option<(FindingKind, String)> {
    let (plan, facts) = (plan?, facts?);
    (plan != facts.digest).then(|| {
        let message = format!(
            "the files of {app} are not those of the plan that the commit names: release the app again, and find out how it came about"
        );
        (FindingKind::Files, message)
    })
}
