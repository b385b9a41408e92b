//! The Release that a set makes for an app: always the same one.

use gimlet_crds::condition::whole_second;
use gimlet_crds::{Release, ReleaseSet, ReleaseSpec, RollbackTo, name};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, ResourceExt};

use crate::digest;
use crate::origin;

/// Makes the Release of an app, as the set wants it.
pub(super) fn make(set: &ReleaseSet, app: &str) -> Release {
    let spec = &set.spec;
    let rollback_to = spec.rollback_to.as_ref().map(|to| RollbackTo {
        release: None,
        commit: to.commit.clone(),
        // The API keeps no fractions.
        time: to.time.as_ref().map(|time| Time(whole_second(time.0))),
    });
    let mut release = Release::new(
        &name_of(set, app),
        ReleaseSpec {
            environment: spec.environment.clone(),
            app: app.to_owned(),
            artifact: spec.artifact.clone(),
            rollback_to,
            vars: spec.vars.clone(),
            reason: spec.reason.clone(),
            requested_by: spec.requested_by.clone(),
            trigger: spec.trigger,
            plan_only: spec.plan_only,
            set: set.metadata.name.clone(),
            ..ReleaseSpec::default()
        },
    );
    release.metadata.namespace = set.namespace();
    release.metadata.owner_references = set.controller_owner_ref(&()).map(|owner| vec![owner]);
    release
}

/// Names the Release of an app.
pub(super) fn name_of(set: &ReleaseSet, app: &str) -> String {
    let uid = origin::uid(&set.metadata);
    let digest = digest::of_parts([uid.as_bytes(), b"set".as_slice(), app.as_bytes()]);
    let short: String = digest.chars().take(10).collect();
    format!("{}-{short}", name::app_object(app, &set.spec.environment))
}

/// Tells whether a set has made a Release, and nobody else has in its name.
pub(crate) fn has_made(set: &ReleaseSet, release: &Release) -> bool {
    let wanted = make(set, &release.spec.app);
    let owner = |uid: &str| release.owner_references().iter().any(|owner| owner.uid == uid);
    // An owner of before the backup is none any more.
    let restored = origin::is_restored(&set.metadata) && origin::is_restored(&release.metadata);
    let mut spec = release.spec.clone();
    // These two a person may set.
    (spec.cancel, spec.confirm) = (wanted.spec.cancel, wanted.spec.confirm);
    wanted.name_any() == release.name_any()
        && (restored || set.uid().is_some_and(|uid| owner(&uid)))
        && wanted.spec == spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set() -> ReleaseSet {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ReleaseSet",
            "metadata": {"name": "all", "namespace": "ns", "uid": "u1"},
            "spec": {
                "environment": "staging", "reason": "because", "confirm": true,
                "rollbackTo": {"time": "2026-01-02T03:04:05.6Z"}
            }
        }))
        .unwrap()
    }

    #[test]
    fn a_set_knows_its_releases_after_the_api_has_had_them() {
        let made = make(&set(), "shop");
        assert!(made.name_any().starts_with("shop.staging-"));
        let text = serde_json::to_string(&made).unwrap();
        let mut read: Release = serde_json::from_str(&text).unwrap();
        assert!(has_made(&set(), &read));
        (read.spec.cancel, read.spec.confirm) = (true, true);
        assert!(has_made(&set(), &read), "a person may cancel and confirm one of them");
        assert_eq!(make(&set(), "shop").name_any(), made.name_any());
        assert_ne!(make(&set(), "cart").name_any(), made.name_any());
    }

    #[test]
    fn a_release_of_somebody_else_is_none_of_the_set() {
        let made = || make(&set(), "shop");
        let mut other = made();
        other.spec.reason = Some("another".into());
        assert!(!has_made(&set(), &other));
        let mut other = made();
        other.metadata.owner_references = None;
        assert!(!has_made(&set(), &other));
        let mut other = made();
        other.metadata.name = Some("shop.staging-mine".into());
        assert!(!has_made(&set(), &other));
        let mut again = set();
        again.metadata.uid = Some("u2".into());
        assert!(!has_made(&again, &made()), "a set of the same name that came later");
    }
}
