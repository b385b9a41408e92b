//! What an object was first: the same in a copy of it that came back from a backup.
//!
//! The API server gives a restored object another UID, a creation of today, and no status. Without
//! this mark such a Release could not be told from a new one, and what was released long ago would be
//! released again. The operator writes the mark before it does anything for an object; every way to
//! restore keeps annotations. An object whose mark names another UID is a copy: it is held against
//! git by that UID, and does nothing anew.

use std::fmt::Debug;

use gimlet_crds::labels;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::context::Context;
use crate::error::ApiError;

/// Reason of what ends because it came back from a backup.
pub(crate) const RESTORED: &str = "Restored";

/// What an object was when the operator saw it first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    uid: String,
    created: Timestamp,
    /// The version that it had, by which the API server counts within a second.
    sequence: String,
}

impl Origin {
    /// Reads the mark of an object; nothing where there is none, or one that says nothing.
    pub(crate) fn of(meta: &ObjectMeta) -> Option<Self> {
        let text = meta.annotations.as_ref()?.get(labels::ORIGIN)?;
        let mut parts = text.split(' ');
        let (uid, created, sequence) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            uid: Some(uid).filter(|uid| !uid.is_empty())?.to_owned(),
            created: created.parse().ok()?,
            sequence: sequence.to_owned(),
        })
    }

    /// Makes the mark of an object that is seen for the first time.
    fn first(meta: &ObjectMeta) -> Option<Self> {
        Some(Self {
            uid: meta.uid.clone()?,
            created: meta.creation_timestamp.as_ref()?.0,
            sequence: meta.resource_version.clone().unwrap_or_default(),
        })
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.uid, self.created, self.sequence)
    }
}

/// Tells whether an object is a copy of one that was there before.
pub(crate) fn is_restored(meta: &ObjectMeta) -> bool {
    Origin::of(meta).is_some_and(|origin| Some(origin.uid) != meta.uid)
}

/// Returns the UID by which git and git hosts know an object.
pub(crate) fn uid(meta: &ObjectMeta) -> String {
    Origin::of(meta).map(|origin| origin.uid).or_else(|| meta.uid.clone()).unwrap_or_default()
}

/// Returns when an object was made; of a copy, when that was made which it is a copy of.
pub(crate) fn created(meta: &ObjectMeta) -> Option<Timestamp> {
    let own = meta.creation_timestamp.as_ref().map(|time| time.0);
    match Origin::of(meta) {
        // A copy is younger than what it is a copy of, so nobody makes an object of tomorrow by a mark.
        Some(origin) if Some(&origin.uid) != meta.uid.as_ref() => own.min(Some(origin.created)),
        _ => own,
    }
}

/// Returns the version that an object had when it was seen first.
pub(crate) fn sequence(meta: &ObjectMeta) -> Option<String> {
    let first = Origin::of(meta).map(|origin| origin.sequence);
    first.or_else(|| meta.resource_version.clone())
}

/// Says why a copy does nothing, and what to do instead.
pub(crate) fn refusal(what: &str) -> String {
    format!(
        "it came back from a backup and git does not have it, so it may have been overtaken, cancelled or \
         rejected since: {what}"
    )
}

/// Marks an object that has no mark, and tells whether it did.
///
/// One that is gone or was changed meanwhile is not marked: it is looked at again by its event.
pub(crate) async fn mark<K>(object: &mut K, ctx: &Context) -> Result<bool, ApiError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize,
{
    if Origin::of(object.meta()).is_some() {
        return Ok(false);
    }
    let Some(origin) = Origin::first(object.meta()) else { return Ok(false) };
    let name = object.name_any();
    let api: Api<K> = Api::namespaced(ctx.client.clone(), &object.namespace().unwrap_or_default());
    let patch = json!({"metadata": {
        "uid": object.uid(), "annotations": {labels::ORIGIN: origin.text()},
    }});
    let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
    match ctx.written.in_turn(api.patch_metadata(&name, &params, &patch)).await {
        Ok(written) => {
            let version = written.resource_version().unwrap_or_default();
            ctx.written.record(object.meta().uid.as_deref(), &version);
            object.annotations_mut().insert(labels::ORIGIN.to_owned(), origin.text());
            object.meta_mut().resource_version = Some(version);
            Ok(true)
        }
        Err(kube::Error::Api(error)) if error.is_not_found() || error.is_conflict() => Ok(true),
        Err(error) => {
            let kind = K::kind(&());
            Err(ApiError::new(format!("mark the {kind} {name} as seen"), error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    fn meta(uid: &str, second: i64, version: &str) -> ObjectMeta {
        ObjectMeta {
            uid: Some(uid.into()),
            creation_timestamp: Some(Time(Timestamp::from_second(second).unwrap())),
            resource_version: Some(version.into()),
            ..ObjectMeta::default()
        }
    }

    fn marked(mut meta: ObjectMeta, text: &str) -> ObjectMeta {
        meta.annotations = Some([(labels::ORIGIN.to_owned(), text.to_owned())].into());
        meta
    }

    #[test]
    fn a_copy_is_what_it_was_first() {
        let first = meta("u1", 5, "41");
        let text = Origin::first(&first).unwrap().text();
        assert_eq!(text, "u1 1970-01-01T00:00:05Z 41");
        let seen = marked(meta("u1", 5, "42"), &text);
        assert!(!is_restored(&seen) && !is_restored(&first));
        assert_eq!(sequence(&seen).as_deref(), Some("41"));
        let copy = marked(meta("u2", 900, "7"), &text);
        assert!(is_restored(&copy));
        assert_eq!(uid(&copy), "u1");
        assert_eq!(created(&copy), created(&first));
        assert_eq!(sequence(&copy).as_deref(), Some("41"));
    }

    #[test]
    fn a_mark_that_says_nothing_is_none() {
        for text in ["", "u1", "u1 yesterday 41", " 1970-01-01T00:00:05Z 41"] {
            let object = marked(meta("u2", 5, "41"), text);
            assert!(!is_restored(&object), "{text:?}");
            assert_eq!(uid(&object), "u2");
        }
    }

    #[test]
    fn nobody_moves_a_release_in_time_by_its_mark() {
        let moved = marked(meta("u1", 5, "41"), "u1 2099-01-01T00:00:00Z 41");
        assert_eq!(created(&moved), Some(Timestamp::from_second(5).unwrap()));
        let copy = marked(meta("u2", 5, "41"), "u1 2099-01-01T00:00:00Z 41");
        assert_eq!(created(&copy), Some(Timestamp::from_second(5).unwrap()));
    }
}
