//! Which kinds live in a namespace.

use std::collections::BTreeMap;

use crate::object::Object;

/// Kinds without a namespace, by API group: those of Kubernetes, and the common ones whose name
/// does not give it away.
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    ("", &["ComponentStatus", "Namespace", "Node", "PersistentVolume"]),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.crossplane.io", &["Composition", "CompositeResourceDefinition"]),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    ("authentication.k8s.io", &["SelfSubjectReview", "TokenReview"]),
    (
        "authorization.k8s.io",
        &["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
    ),
    ("certificates.k8s.io", &["CertificateSigningRequest", "ClusterTrustBundle"]),
    ("flowcontrol.apiserver.k8s.io", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("gateway.networking.k8s.io", &["GatewayClass"]),
    ("karpenter.k8s.aws", &["EC2NodeClass"]),
    ("karpenter.sh", &["NodeClaim", "NodePool"]),
    ("networking.k8s.io", &["IPAddress", "IngressClass", "ServiceCIDR"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("pkg.crossplane.io", &["Configuration", "Function", "Provider"]),
    ("policy", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io", &["ClusterRole", "ClusterRoleBinding"]),
    ("resource.k8s.io", &["DeviceClass", "DeviceTaintRule", "ResourceSlice"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("snapshot.storage.k8s.io", &["VolumeSnapshotClass", "VolumeSnapshotContent"]),
    (
        "storage.k8s.io",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
    ),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
];

/// Kinds that live in a namespace although their name starts with `Cluster`.
const NAMESPACED: &[&str] =
    &["ClusterClass", "ClusterResourceSet", "ClusterResourceSetBinding", "ClusterServiceVersion"];

/// Tells which kinds are namespaced, from a table and from the definitions in the same render.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    defined: BTreeMap<(String, String), bool>,
}

impl Scopes {
    /// Learns the scopes of the kinds that these objects define.
    pub(crate) fn from_objects(objects: &[Object]) -> Self {
        let definitions = objects.iter().filter(|object| {
            object.group() == "apiextensions.k8s.io" && object.kind() == "CustomResourceDefinition"
        });
        let defined = definitions
            .filter_map(|object| {
                let spec = object.value().get("spec")?;
                let group = spec.get("group")?.as_str()?;
                let kind = spec.pointer("/names/kind")?.as_str()?;
                let scope = spec.get("scope")?.as_str()?;
                Some(((group.to_owned(), kind.to_owned()), scope != "Cluster"))
            })
            .collect();
        Self { defined }
    }

    /// Tells whether objects of this kind have a namespace.
    pub(crate) fn is_namespaced(&self, group: &str, kind: &str) -> bool {
        if let Some(namespaced) = self.defined.get(&(group.to_owned(), kind.to_owned())) {
            return *namespaced;
        }
        !is_cluster_kind(group, kind) && !starts_with_cluster(kind)
    }

    /// Tells whether the kind certainly has no namespace, not only by its name.
    pub(crate) fn is_known_cluster_scoped(&self, group: &str, kind: &str) -> bool {
        match self.defined.get(&(group.to_owned(), kind.to_owned())) {
            Some(namespaced) => !namespaced,
            None => is_cluster_kind(group, kind),
        }
    }
}

fn is_cluster_kind(group: &str, kind: &str) -> bool {
    CLUSTER_SCOPED.iter().any(|(name, kinds)| *name == group && kinds.contains(&kind))
}

fn starts_with_cluster(kind: &str) -> bool {
    // `Cluster` itself is the database or the machine pool of several operators, in a namespace.
    kind.strip_prefix("Cluster")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        && !NAMESPACED.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_of_kubernetes_are_known() {
        let scopes = Scopes::default();
        for (group, kind) in [("", "Namespace"), ("rbac.authorization.k8s.io", "ClusterRole")] {
            assert!(!scopes.is_namespaced(group, kind), "{kind}");
        }
        for (group, kind) in [("", "Service"), ("apps", "Deployment"), ("example.com", "Namespace")]
        {
            assert!(scopes.is_namespaced(group, kind), "{kind}");
        }
    }

    #[test]
    fn unknown_kinds_that_start_with_cluster_have_no_namespace() {
        let scopes = Scopes::default();
        assert!(!scopes.is_namespaced("cert-manager.io", "ClusterIssuer"));
        assert!(scopes.is_namespaced("postgresql.cnpg.io", "Cluster"));
        assert!(scopes.is_namespaced("example.com", "Clustering"));
        assert!(scopes.is_namespaced("operators.coreos.com", "ClusterServiceVersion"));
    }

    #[test]
    fn a_definition_in_the_same_render_decides() {
        let definition = |kind: &str, scope: &str| {
            Object::new(json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": kind},
                "spec": {"group": "a.io", "names": {"kind": kind}, "scope": scope},
            }))
            .unwrap()
        };
        let objects = [definition("ClusterThing", "Namespaced"), definition("Wide", "Cluster")];
        let scopes = Scopes::from_objects(&objects);
        assert!(scopes.is_namespaced("a.io", "ClusterThing"));
        assert!(!scopes.is_namespaced("a.io", "Wide"));
        assert!(scopes.is_known_cluster_scoped("a.io", "Wide"));
        assert!(scopes.is_namespaced("b.io", "Wide"));
    }
}
