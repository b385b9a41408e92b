//! Writing a status: one way for all kinds.

use std::fmt::Debug;

use gimlet_crds::labels;
use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::context::Context;
use crate::error::ApiError;

/// Applies a whole status and returns the object's new version; none where the object changed
/// meanwhile or is gone, so that what was found out is out of date.
pub(crate) async fn apply<K>(
    object: &K,
    status: &impl Serialize,
    ctx: &Context,
) -> Result<Option<String>, ApiError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize,
{
    let name = object.name_any();
    let api: Api<K> = Api::namespaced(ctx.client.clone(), &object.namespace().unwrap_or_default());
    let patch = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()),
        // With the version, so that a reconcile that began with an old copy never undoes a newer one.
        "metadata": {
            "name": name, "uid": object.uid(), "resourceVersion": object.resource_version(),
        },
        "status": status,
    });
    let params = PatchParams::apply(labels::OPERATOR).force();
    let patch = Patch::Apply(patch);
    match ctx.written.in_turn(api.patch_status(&name, &params, &patch)).await {
        Ok(written) => {
            let version = written.resource_version().unwrap_or_default();
            ctx.written.record(object.meta().uid.as_deref(), &version);
            Ok(Some(version))
        }
        Err(kube::Error::Api(error)) if error.is_not_found() => {
            ctx.written.forget(object.meta().uid.as_deref().unwrap_or_default());
            Ok(None)
        }
        Err(kube::Error::Api(error)) if error.is_conflict() => Ok(None),
        Err(error) => {
            let kind = K::kind(&());
            Err(ApiError::new(format!("write the status of {kind} {name}"), error))
        }
    }
}
