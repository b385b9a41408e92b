//! Components of the platform: Helm charts that Flux installs beside the apps of an environment.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::Values;

/// A Helm chart that Flux installs in the cluster of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Component {
    /// Name of the component, and of the Helm release.
    #[schemars(length(min = 1, max = 53))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("the name of a component is that of a Helm release: use lower-case letters, digits and '-', at most 53 characters"))]
    pub name: String,
    /// Its chart.
    pub chart: ComponentChart,
    /// Namespace that it is installed to, which is made if it is not there.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("namespace is the name of a namespace: use lower-case letters, digits and '-'"))]
    pub namespace: String,
    /// Values for the chart. They end in git, readable by everyone who reads git: no secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
}

/// Where the chart of a component comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentChart {
    /// Address of its repository: `https://…`, or `oci://…` without the chart's name.
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(
        validation = Rule::new("self.matches('^(https?|oci)://[^ ]+$')")
            .message("repository is the address of a chart repository: use https://host/path or oci://host/path"),
        validation = Rule::new("!self.matches('^[a-z]+://[^/]*@')")
            .message("repository holds credentials, which would end in git: take them out")
    )]
    pub repository: String,
    /// Its name.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*$')").message("name is the name of a chart, such as traefik"))]
    pub name: String,
    /// Its version, or a range such as `~1.2`.
    #[schemars(length(min = 1, max = 64))]
    pub version: String,
}

/// A component as it is in the repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// Name of the component.
    pub name: String,
    /// Version of its chart.
    pub version: String,
}
