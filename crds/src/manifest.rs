//! The deploy manifest: one app in one environment.

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What to deploy: a chart with values, patches on top of it, raw manifests, or any mix of them.
///
/// Strings may hold template expressions such as `{{ .SHA }}`; they are resolved with the
/// release's variables before anything else happens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("has(self.chart) || has(self.manifests)")
        .message("a manifest needs a chart or raw manifests: set chart or manifests"),
    validation = Rule::new("!has(self.values) || has(self.chart)")
        .message("values go to a chart: set chart too, or remove values")
)]
pub struct DeployManifest {
    /// Name of the app. Where it is left out, the Release's own app is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub app: Option<String>,
    /// Name of the environment. Where it is left out, the Release's own environment is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub env: Option<String>,
    /// Namespace of the workload cluster that namespaced objects go to, unless they name another.
    #[schemars(length(min = 1, max = 253))]
    pub namespace: String,
    /// The Helm chart to render.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// Values for the chart, merged over its defaults as Helm does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
    /// Strategic merge patches, as YAML documents, applied to the rendered objects in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub strategic_merge_patches: Option<String>,
    /// JSON patches (RFC 6902), applied after the strategic merge patches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub json6902_patches: Vec<Json6902Patch>,
    /// Raw Kubernetes objects, as YAML documents, added to what the chart renders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 524_288))]
    pub manifests: Option<String>,
}

/// A Helm chart: the built-in one, or one from a chart repository, an OCI registry or git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chart {
    /// Chart repository (`https://…`) or OCI registry (`oci://…`). Left out for the built-in
    /// chart `app` and for a chart in git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub repository: Option<String>,
    /// Name of the chart in its repository; `app` alone is the built-in chart; a git URL such as
    /// `https://host/repo.git?path=/charts/x&tag=v1` names a chart in git.
    #[schemars(length(min = 1, max = 2048))]
    pub name: String,
    /// Version or version range, such as `1.2.3` or `~1.2`. Left out means the newest stable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub version: Option<String>,
    /// What becomes of the chart's hooks. Left out means `Drop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_policy: Option<HookPolicy>,
}

/// What becomes of a chart's install and upgrade hooks, which Flux cannot run: `Drop`, the default,
/// leaves them out; `Keep` makes ordinary objects of them, which are applied with all others. Test,
/// delete and rollback hooks are always left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HookPolicy {
    /// They are left out, and the plan names them.
    #[default]
    Drop,
    /// They are ordinary objects, and the plan names them.
    Keep,
}

/// A JSON patch with the objects that it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Json6902Patch {
    /// The operations, as a YAML or JSON list.
    #[schemars(length(min = 1, max = 65_536))]
    pub patch: String,
    /// The objects to patch.
    pub target: PatchTarget,
}

/// Selects rendered objects; every field that is set has to match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchTarget {
    /// API group, such as `apps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub group: Option<String>,
    /// API version, such as `v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub version: Option<String>,
    /// Kind, such as `Deployment`.
    #[schemars(length(min = 1, max = 253))]
    pub kind: String,
    /// Name of the object. Left out, every object of the kind is patched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub name: Option<String>,
    /// Namespace of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub namespace: Option<String>,
}

/// Free-form values for a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(pub Map<String, Value>);

impl JsonSchema for Values {
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Values for the chart, merged over its defaults as Helm does.",
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        })
    }
}
