//! The only place that writes the status of an artifact.

use gimlet_crds::condition::{self, READY, RECONCILING, Truth, Verdict};
use gimlet_crds::{Artifact, ArtifactStatus, ManifestResult, ManifestVerdict};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::events::EventType;

use crate::context::Context;
use crate::error::ApiError;
use crate::origin;
use crate::status::apply;

/// What a look at an artifact came to.
pub(super) enum Seen {
    Judged(Vec<ManifestVerdict>),
    /// It is a copy from a backup.
    Restored,
    Failed {
        reason: &'static str,
        message: String,
    },
}

/// Writes the status that follows from a look, if it differs from the one that is there.
pub(super) async fn write(artifact: &Artifact, seen: Seen, ctx: &Context) -> Result<(), ApiError> {
    let old = artifact.status.clone().unwrap_or_default();
    let status = compute(&old, artifact, seen, Context::now());
    if status == old || apply(artifact, &status, ctx).await?.is_none() {
        return Ok(());
    }
    if let Some(ready) = condition::find(&status.conditions, READY) {
        let bad = status.invalid > 0 || ready.status != "True";
        let kind = if bad { EventType::Warning } else { EventType::Normal };
        tracing::info!(
            artifact = artifact.name_any(),
            namespace = artifact.namespace(),
            reason = ready.reason,
            message = ready.message,
            "an artifact was judged"
        );
        ctx.event(artifact, kind, &ready.reason, &ready.message);
    }
    Ok(())
}

fn compute(
    old: &ArtifactStatus,
    artifact: &Artifact,
    seen: Seen,
    now: Timestamp,
) -> ArtifactStatus {
    let generation = artifact.metadata.generation;
    let mut status = ArtifactStatus {
        observed_generation: generation,
        version: artifact.spec.version.label(),
        ..old.clone()
    };
    let verdicts = match seen {
        Seen::Judged(verdicts) => {
            let message = summary(&verdicts);
            status.released = count(&verdicts, ManifestResult::Released);
            status.invalid = count(&verdicts, ManifestResult::Invalid);
            status.releases = verdicts;
            vec![Verdict::new(READY, Truth::True, "Judged", message)]
        }
        Seen::Restored => {
            let message = "it came back from a backup: its policies set nothing off again, and it can be \
                           released by hand";
            vec![Verdict::new(READY, Truth::True, origin::RESTORED, message)]
        }
        Seen::Failed { reason, message } => {
            let message = format!("{message}; it is tried again");
            vec![
                Verdict::new(READY, Truth::False, reason, message.clone()),
                Verdict::new(RECONCILING, Truth::True, reason, message),
            ]
        }
    };
    status.conditions = condition::merge(&old.conditions, verdicts, generation, now);
    status
}

fn count(verdicts: &[ManifestVerdict], result: ManifestResult) -> i32 {
    let count = verdicts.iter().filter(|verdict| verdict.result == result).count();
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn summary(verdicts: &[ManifestVerdict]) -> String {
    let of = |result| verdicts.iter().filter(move |verdict| verdict.result == result);
    let names = |result| {
        let names = of(result).map(|verdict| match (&verdict.app, &verdict.environment) {
            (Some(app), Some(environment)) => format!("{app} to {environment}"),
            _ => verdict.manifest.clone(),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    let mut parts = Vec::new();
    match of(ManifestResult::Released).count() {
        0 => parts.push("no policy matched".to_owned()),
        _ => parts.push(format!("releases {}", names(ManifestResult::Released))),
    }
    for (result, what) in
        [(ManifestResult::Refused, "refused"), (ManifestResult::Invalid, "not valid")]
    {
        if of(result).next().is_some() {
            parts.push(format!("{what}: {}", names(result)));
        }
    }
    condition::cut(&parts.join("; "), 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(app: &str, result: ManifestResult) -> ManifestVerdict {
        ManifestVerdict {
            manifest: format!(".gimlet/{app}.yaml"),
            app: (result != ManifestResult::Invalid).then(|| app.to_owned()),
            environment: Some("staging".into()),
            result,
            ..ManifestVerdict::default()
        }
    }

    fn judged(verdicts: Vec<ManifestVerdict>) -> ArtifactStatus {
        let artifact = Artifact::new("a", gimlet_crds::ArtifactSpec::default());
        let seen = Seen::Judged(verdicts);
        compute(&ArtifactStatus::default(), &artifact, seen, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_summary_says_what_was_set_off_and_what_is_wrong() {
        let status = judged(vec![
            verdict("shop", ManifestResult::Released),
            verdict("cart", ManifestResult::NotMatched),
            verdict("bad", ManifestResult::Invalid),
        ]);
        let ready = condition::find(&status.conditions, READY).unwrap();
        assert_eq!(ready.message, "releases shop to staging; not valid: .gimlet/bad.yaml");
        assert_eq!((status.released, status.invalid), (1, 1));
        let nothing = judged(vec![verdict("cart", ManifestResult::Manual)]);
        assert_eq!(
            condition::find(&nothing.conditions, READY).unwrap().message,
            "no policy matched"
        );
    }

    #[test]
    fn every_status_keeps_the_rules_of_kstatus() {
        let failed = Seen::Failed { reason: "ApiError", message: "because".into() };
        let artifact = Artifact::new("a", gimlet_crds::ArtifactSpec::default());
        let failed = compute(&ArtifactStatus::default(), &artifact, failed, Timestamp::UNIX_EPOCH);
        let seen = Seen::Restored;
        let copy = compute(&ArtifactStatus::default(), &artifact, seen, Timestamp::UNIX_EPOCH);
        for status in [judged(Vec::new()), failed, copy] {
            let broken = condition::violations(&status.conditions, None, None);
            assert!(broken.is_empty(), "{broken:?}");
        }
    }
}
