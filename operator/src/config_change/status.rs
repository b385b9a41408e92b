//! The only place that writes the status of a change.

use gimlet_crds::condition::{self, READY, RECONCILING, STALLED, Truth, Verdict};
use gimlet_crds::{ConfigChange, ConfigChangePhase, ConfigChangeStatus, FileCommit};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::runtime::events::EventType;

use super::Made;
use crate::context::Context;
use crate::error::ApiError;
use crate::release::commit_url;
use crate::status::apply;

/// What a look at a change came to.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    Made(Made),
    Failed { reason: &'static str, message: String, final_: bool },
}

/// Writes the status that follows from a look, if it differs from the one that is there.
pub(super) async fn write(change: &ConfigChange, seen: Seen, ctx: &Context) -> Result<(), ApiError> {
    let old = change.status.clone().unwrap_or_default();
    let address = ctx
        .repository(&change.namespace().unwrap_or_default(), &change.spec.repository)
        .map_or_else(String::new, |repository| repository.spec.url.clone());
    let status = compute(&old, change, &address, seen, Context::now());
    if status == old || apply(change, &status, ctx).await?.is_none() {
        return Ok(());
    }
    if let Some(ready) = condition::find(&status.conditions, READY) {
        let kind = if ready.status == "True" { EventType::Normal } else { EventType::Warning };
        tracing::info!(
            change = change.name_any(),
            namespace = change.namespace(),
            repository = change.spec.repository,
            reason = ready.reason,
            message = ready.message,
            "a change of a file moved"
        );
        ctx.event(change, kind, &ready.reason, &ready.message);
    }
    Ok(())
}

fn compute(
    old: &ConfigChangeStatus,
    change: &ConfigChange,
    address: &str,
    seen: Seen,
    now: Timestamp,
) -> ConfigChangeStatus {
    let generation = change.metadata.generation;
    let mut status = ConfigChangeStatus { observed_generation: generation, ..old.clone() };
    let mut ended = true;
    let good = |reason: &str, message: String| vec![Verdict::new(READY, Truth::True, reason, message)];
    let verdicts = match seen {
        Seen::Made(Made::Committed { commit, adopted }) => {
            let sha = commit.to_string();
            let short: String = sha.chars().take(7).collect();
            let earlier = if adopted { "; an earlier attempt had reached git" } else { "" };
            let message = format!("{short} on {}{earlier}", change.spec.branch);
            status.phase = ConfigChangePhase::Committed;
            status.commit = Some(FileCommit { url: commit_url(address, &sha), sha, short });
            good("Committed", message)
        }
        Seen::Made(Made::Proposed(pull)) => {
            let message = format!("{} waits to be merged", pull.url);
            status.phase = ConfigChangePhase::Proposed;
            status.pull_request = Some(pull);
            good("Proposed", message)
        }
        Seen::Made(Made::Unchanged { head }) => {
            let head: String = head.to_string().chars().take(7).collect();
            status.phase = ConfigChangePhase::Unchanged;
            good("Unchanged", format!("the file is like that already, at {head}"))
        }
        Seen::Failed { reason, message, final_ } => {
            ended = final_;
            let (kind, message) = if final_ {
                status.phase = ConfigChangePhase::Failed;
                (STALLED, message)
            } else {
                (RECONCILING, format!("{message}; it is tried again"))
            };
            vec![
                Verdict::new(READY, Truth::False, reason, message.clone()),
                Verdict::new(kind, Truth::True, reason, message),
            ]
        }
    };
    if ended {
        status.ended.get_or_insert_with(|| Time(condition::whole_second(now)));
    }
    status.conditions = condition::merge(&old.conditions, verdicts, generation, now);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_crds::PullRequestStatus;
    use gimlet_gitops::CommitId;
    use serde_json::json;

    fn change() -> ConfigChange {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange",
            "metadata": {"name": "c", "generation": 1},
            "spec": {"repository": "shop", "branch": "main", "path": ".gimlet/a.yaml", "message": "m"}
        }))
        .unwrap()
    }

    fn sights() -> Vec<Seen> {
        let commit = CommitId::parse(&"4e1f09c0a1".repeat(4)).unwrap();
        let failed = |final_| Seen::Failed { reason: "BaseChanged", message: "why".into(), final_ };
        vec![
            failed(false),
            Seen::Made(Made::Committed { commit, adopted: false }),
            Seen::Made(Made::Committed { commit, adopted: true }),
            Seen::Made(Made::Proposed(PullRequestStatus::default())),
            Seen::Made(Made::Unchanged { head: commit }),
            failed(true),
        ]
    }

    #[test]
    fn every_status_keeps_the_rules_of_kstatus_and_rests() {
        let at = |old: &ConfigChangeStatus, seen: Seen, second| {
            let now = Timestamp::from_second(second).unwrap();
            compute(old, &change(), "https://git.example.com/acme/shop.git", seen, now)
        };
        for seen in sights() {
            let first = at(&ConfigChangeStatus::default(), seen.clone(), 0);
            let broken = condition::violations(&first.conditions, Some(1), Some(1));
            assert!(broken.is_empty(), "{broken:?} for {seen:?}");
            assert_eq!(at(&first, seen, 1000), first);
        }
    }

    #[test]
    fn only_what_is_tried_again_has_not_ended() {
        let ended: Vec<bool> = sights()
            .into_iter()
            .map(|seen| {
                let old = ConfigChangeStatus::default();
                compute(&old, &change(), "", seen, Timestamp::UNIX_EPOCH).ended.is_some()
            })
            .collect();
        assert_eq!(ended, [false, true, true, true, true, true]);
    }
}
