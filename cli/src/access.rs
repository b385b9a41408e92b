//! What a person may do, as the API server says it.

use futures::{StreamExt as _, TryStreamExt as _};
use gimlet_crds::GROUP;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};

use crate::cluster::Cluster;

/// The kinds, by the plurals that rights are given for.
pub(crate) const KINDS: [&str; 8] = [
    "environments",
    "apps",
    "releases",
    "releasesets",
    "artifacts",
    "approvals",
    "repositories",
    "configchanges",
];
/// What can be done with an object of a kind.
pub(crate) const VERBS: [&str; 4] = ["list", "create", "patch", "delete"];
/// How many questions are asked at once.
const AT_ONCE: usize = 8;

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Right {
    /// Plural of the kind.
    pub(crate) kind: &'static str,
    /// What would be done.
    pub(crate) verb: &'static str,
    /// Whether the person may.
    pub(crate) allowed: bool,
}

/// Asks for all rights in the cluster's namespace, in the order of `KINDS` and `VERBS`.
pub(crate) async fn rights(cluster: &Cluster) -> Result<Vec<Right>, kube::Error> {
    let questions =
        KINDS.into_iter().flat_map(|kind| VERBS.into_iter().map(move |verb| (kind, verb)));
    let asked = questions.map(|(kind, verb)| async move {
        may(cluster, kind, verb).await.map(|allowed| Right { kind, verb, allowed })
    });
    futures::stream::iter(asked).buffered(AT_ONCE).try_collect().await
}

/// Asks whether the person may do something with the objects of a kind in the namespace.
pub(crate) async fn may(cluster: &Cluster, kind: &str, verb: &str) -> Result<bool, kube::Error> {
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: Some(kind.to_owned()),
                verb: Some(verb.to_owned()),
                namespace: Some(cluster.namespace.clone()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
