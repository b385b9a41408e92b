//! What the agent of a workload cluster is known to say.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds after which an agent that says nothing counts as silent.
pub const SILENT_AFTER_SECONDS: i64 = 60;

/// What the names of the service accounts of agents begin with.
const ACCOUNT: &str = "gimlet-agent-";

/// Names the service account with which the agent of an environment speaks, in the environment's
/// namespace.
pub fn agent_account(environment: &str) -> String {
    format!("{ACCOUNT}{environment}")
}

/// Finds out which environment an agent speaks for, as namespace and name, by what the API server
/// calls the owner of its token. None where that is not an agent's service account.
pub fn agent_of(user: &str) -> Option<(&str, &str)> {
    let (namespace, account) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let environment = account.strip_prefix(ACCOUNT)?;
    (!namespace.is_empty() && !environment.is_empty()).then_some((namespace, environment))
}

/// Who tells what runs in the cluster of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Observer {
    /// The operator: Flux applies the environment to the operator's own cluster.
    #[default]
    Operator,
    /// An agent in the environment's cluster.
    Agent,
}

impl Observer {
    /// Tells whether the operator looks by itself.
    pub fn is_operator(&self) -> bool {
        *self == Self::Operator
    }
}

/// What the agent of an environment said of itself and of Flux.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct AgentStatus {
    /// Version of the agent.
    #[schemars(length(max = 128))]
    pub version: String,
    /// UID of the namespace `kube-system` of its cluster: what a cluster is known by.
    #[schemars(length(max = 128))]
    pub cluster: String,
    /// Version of Flux in its cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub flux_version: Option<String>,
    /// When it was heard last, to about half a minute.
    pub last_contact: Time,
    /// That it does not see its cluster, where that is so: what else it tells is of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind: Option<AgentBlind>,
    /// The objects by which Flux follows the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub flux: Vec<FluxObject>,
}

/// That an agent does not see its own cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentBlind {
    /// Since when.
    pub since: Time,
    /// What the API server of its cluster says, or what keeps it from saying anything.
    #[schemars(length(max = 1024))]
    pub message: String,
}

impl AgentStatus {
    /// Tells whether it has not been heard for too long.
    pub fn is_silent(&self, now: jiff::Timestamp) -> bool {
        now.as_second() - self.last_contact.0.as_second() > SILENT_AFTER_SECONDS
    }
}

/// An object of Flux, as it is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxObject {
    /// Kind of the object, such as `Kustomization`.
    #[schemars(length(max = 64))]
    pub kind: String,
    /// Name of the object.
    #[schemars(length(max = 253))]
    pub name: String,
    /// What Flux says of it.
    #[serde(flatten)]
    pub state: FluxState,
    /// Commit that was applied or fetched last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub commit: Option<String>,
}

/// What Flux says of an object of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FluxState {
    /// Whether it is ready; neither while Flux has not looked at its present version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// Why, as Flux calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 128))]
    pub reason: String,
    /// What Flux says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Whether Flux leaves it alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_says_which_environment_it_speaks_for() {
        let user = format!("system:serviceaccount:team:{}", agent_account("prod-eu"));
        assert_eq!(agent_of(&user), Some(("team", "prod-eu")));
        for other in [
            "system:serviceaccount:team:gimlet-agent",
            "system:serviceaccount:team:gimlet-agent-",
            "system:serviceaccount:team:default",
            "system:serviceaccount::gimlet-agent-prod",
            "gimlet-agent-prod",
            "oidc:system:serviceaccount:team:gimlet-agent-prod",
        ] {
            assert_eq!(agent_of(other), None, "{other}");
        }
    }

    #[test]
    fn an_agent_is_silent_after_a_minute() {
        let heard = jiff::Timestamp::from_second(1000).unwrap();
        let agent = AgentStatus {
            version: "0.1.0".into(),
            cluster: "c".into(),
            flux_version: None,
            last_contact: Time(heard),
            blind: None,
            flux: Vec::new(),
        };
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        assert!(!agent.is_silent(at(1060)));
        assert!(agent.is_silent(at(1061)));
        assert!(!agent.is_silent(at(900)), "a clock that is behind makes nobody silent");
    }
}
