//! Which lists of Kubernetes' own kinds are merged by key.
//!
//! A kind that is not here is a custom resource: its lists are replaced whole. The facts are those
//! of the OpenAPI document that kustomize carries, so that a patch does here what it does there.

/// The type of a map inside of an object, as far as patches need to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing inside is merged by key.
    Opaque,
    /// An object of which only the metadata matters.
    Plain,
    Metadata,
    /// An object whose `spec` is a `WorkloadSpec`.
    Workload,
    WorkloadSpec,
    CronJob,
    CronJobSpec,
    JobTemplate,
    /// An object with metadata and a pod spec: a Pod, or the template of one.
    Pod,
    PodTemplate,
    PodSpec,
    Container,
    Volume,
    EphemeralVolume,
    Service,
    ServiceSpec,
    ServiceAccount,
    Webhooks,
    CsiNode,
    CsiNodeSpec,
    Node,
    NodeSpec,
    NodeStatus,
    PodStatus,
    /// A status with conditions.
    Status,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A map, or something in which nothing is merged by key.
    Map(Shape),
    /// A list of maps that are the same when these keys are.
    Keyed(&'static [&'static str], Shape),
    /// A list of single values without repetition.
    Set,
}

/// Finds the type of an object.
pub(super) fn object(api_version: &str, kind: &str) -> Shape {
    match (api_version, kind) {
        ("apps/v1", "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet")
        | ("batch/v1", "Job")
        | ("v1", "ReplicationController") => Shape::Workload,
        ("batch/v1" | "batch/v1beta1", "CronJob") => Shape::CronJob,
        ("v1", "Pod") => Shape::Pod,
        ("v1", "PodTemplate") => Shape::PodTemplate,
        ("v1", "Service") => Shape::Service,
        ("v1", "ServiceAccount") => Shape::ServiceAccount,
        ("v1", "Node") => Shape::Node,
        (
            "admissionregistration.k8s.io/v1" | "admissionregistration.k8s.io/v1beta1",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => Shape::Webhooks,
        ("storage.k8s.io/v1" | "storage.k8s.io/v1beta1", "CSINode") => Shape::CsiNode,
        _ if is_plain(api_version, kind) => Shape::Plain,
        _ => Shape::Opaque,
    }
}

fn is_plain(api_version: &str, kind: &str) -> bool {
    match api_version {
        "v1" => matches!(
            kind,
            "Binding"
                | "ComponentStatus"
                | "ConfigMap"
                | "Endpoints"
                | "Event"
                | "LimitRange"
                | "Namespace"
                | "PersistentVolume"
                | "PersistentVolumeClaim"
                | "ResourceQuota"
                | "Secret"
        ),
        "apps/v1" => kind == "ControllerRevision",
        "autoscaling/v1" | "autoscaling/v2beta1" | "autoscaling/v2beta2" => {
            kind == "HorizontalPodAutoscaler"
        }
        "apiextensions.k8s.io/v1" | "apiextensions.k8s.io/v1beta1" => {
            kind == "CustomResourceDefinition"
        }
        "apiregistration.k8s.io/v1" | "apiregistration.k8s.io/v1beta1" => kind == "APIService",
        "certificates.k8s.io/v1" | "certificates.k8s.io/v1beta1" => {
            kind == "CertificateSigningRequest"
        }
        "coordination.k8s.io/v1" | "coordination.k8s.io/v1beta1" => kind == "Lease",
        "discovery.k8s.io/v1" | "discovery.k8s.io/v1beta1" => kind == "EndpointSlice",
        "extensions/v1beta1" => kind == "Ingress",
        "flowcontrol.apiserver.k8s.io/v1beta1" => {
            matches!(kind, "FlowSchema" | "PriorityLevelConfiguration")
        }
        "networking.k8s.io/v1" => matches!(kind, "Ingress" | "IngressClass" | "NetworkPolicy"),
        "networking.k8s.io/v1beta1" => matches!(kind, "Ingress" | "IngressClass"),
        "node.k8s.io/v1" | "node.k8s.io/v1beta1" => kind == "RuntimeClass",
        "policy/v1" => kind == "PodDisruptionBudget",
        "policy/v1beta1" => matches!(kind, "PodDisruptionBudget" | "PodSecurityPolicy"),
        "rbac.authorization.k8s.io/v1" | "rbac.authorization.k8s.io/v1beta1" => {
            matches!(kind, "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding")
        }
        "scheduling.k8s.io/v1" | "scheduling.k8s.io/v1beta1" => kind == "PriorityClass",
        "storage.k8s.io/v1" => matches!(kind, "CSIDriver" | "StorageClass" | "VolumeAttachment"),
        "storage.k8s.io/v1beta1" => {
            matches!(kind, "CSIDriver" | "CSIStorageCapacity" | "StorageClass" | "VolumeAttachment")
        }
        _ => false,
    }
}

/// Finds what a field of a map holds.
pub(super) fn field(shape: Shape, name: &str) -> Field {
    const NAME: &[&str] = &["name"];
    let opaque = Field::Map(Shape::Opaque);
    let keyed = |keys| Field::Keyed(keys, Shape::Opaque);
    match (shape, name) {
        (Shape::Metadata, "finalizers") | (Shape::NodeSpec, "podCIDRs") => Field::Set,
        (Shape::Metadata, "ownerReferences") => keyed(&["uid"]),
        (
            Shape::Plain
            | Shape::Workload
            | Shape::CronJob
            | Shape::JobTemplate
            | Shape::Pod
            | Shape::PodTemplate
            | Shape::Service
            | Shape::ServiceAccount
            | Shape::Webhooks
            | Shape::CsiNode
            | Shape::Node,
            "metadata",
        ) => Field::Map(Shape::Metadata),
        (Shape::Workload | Shape::JobTemplate, "spec") => Field::Map(Shape::WorkloadSpec),
        (Shape::WorkloadSpec | Shape::PodTemplate, "template") => Field::Map(Shape::Pod),
        (Shape::CronJob, "spec") => Field::Map(Shape::CronJobSpec),
        (Shape::CronJobSpec, "jobTemplate") => Field::Map(Shape::JobTemplate),
        (Shape::Pod, "spec") => Field::Map(Shape::PodSpec),
        (Shape::Pod, "status") => Field::Map(Shape::PodStatus),
        (Shape::PodSpec, "containers" | "initContainers" | "ephemeralContainers") => {
            Field::Keyed(NAME, Shape::Container)
        }
        (Shape::PodSpec, "volumes") => Field::Keyed(NAME, Shape::Volume),
        (Shape::PodSpec, "imagePullSecrets")
        | (Shape::Container, "env")
        | (Shape::ServiceAccount, "secrets")
        | (Shape::Webhooks, "webhooks")
        | (Shape::CsiNodeSpec, "drivers") => keyed(NAME),
        (Shape::PodSpec, "hostAliases") | (Shape::PodStatus, "podIPs") => keyed(&["ip"]),
        (Shape::PodSpec, "topologySpreadConstraints") => {
            keyed(&["topologyKey", "whenUnsatisfiable"])
        }
        (Shape::Container, "ports") => keyed(&["containerPort", "protocol"]),
        (Shape::Container, "volumeMounts") => keyed(&["mountPath"]),
        (Shape::Container, "volumeDevices") => keyed(&["devicePath"]),
        (Shape::Volume, "ephemeral") => Field::Map(Shape::EphemeralVolume),
        (Shape::EphemeralVolume, "volumeClaimTemplate") => Field::Map(Shape::Plain),
        (Shape::Service, "spec") => Field::Map(Shape::ServiceSpec),
        (Shape::ServiceSpec, "ports") => keyed(&["port", "protocol"]),
        (Shape::CsiNode, "spec") => Field::Map(Shape::CsiNodeSpec),
        (Shape::Node, "spec") => Field::Map(Shape::NodeSpec),
        (Shape::Node, "status") => Field::Map(Shape::NodeStatus),
        (Shape::Workload | Shape::Service | Shape::Plain, "status") => Field::Map(Shape::Status),
        (Shape::Status | Shape::PodStatus | Shape::NodeStatus, "conditions")
        | (Shape::NodeStatus, "addresses") => keyed(&["type"]),
        _ => opaque,
    }
}
