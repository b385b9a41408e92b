//! What releases need: a namespace with an environment, a repository and an operator.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use gimlet_crds::{App, Environment, Release, condition, name};
use gimlet_e2e::{ControlPlane, Namespace, Operator, Repository, gitea, secret, wait_until};
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::json;

use crate::history::ENVIRONMENT;
use crate::metrics::Counters;

const PATIENCE: Duration = Duration::from_mins(5);
const SECRET: &str = "gitops";

/// A namespace with an environment that is ready. The fields are in the order in which they go.
pub struct Site {
    /// The operator: a release build if this is one.
    pub operator: Operator,
    namespace: Namespace,
    client: Client,
    cluster: ControlPlane,
    _repository: Repository,
}

impl Site {
    /// Makes a site whose repository is filled first.
    pub async fn open(
        cluster: &ControlPlane,
        prefix: &str,
        fill: impl FnOnce(&Repository) -> Result<()>,
    ) -> Result<Self> {
        let gitea = gitea()?;
        let repository = gitea.empty_repository(prefix)?;
        fill(&repository)?;
        let namespace = cluster.namespace(prefix).await?;
        cluster.apply(&secret(&namespace, SECRET, &gitea.user, &gitea.token))?;
        let operator = Operator::start(cluster, &namespace).await?;
        let client = cluster.client().await?;
        let environments = Api::<Environment>::namespaced(client.clone(), &namespace);
        let environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": ENVIRONMENT},
            "spec": {
                "gitops": {
                    "url": repository.http_url, "path": ENVIRONMENT, "secretRef": {"name": SECRET},
                },
                // The first releases replace what the history has in their folders.
                "deletionGuard": "Off",
            },
        }))?;
        environments.create(&PostParams::default(), &environment).await?;
        wait_until("the environment", PATIENCE, async || {
            let found = environments.get(ENVIRONMENT).await?;
            let conditions = found.status.unwrap_or_default().conditions;
            ensure!(condition::is_true(&conditions, condition::READY), "{conditions:?}");
            Ok(())
        })
        .await?;
        let cluster = cluster.clone();
        Ok(Self { operator, namespace, client, cluster, _repository: repository })
    }

    /// Gives the way to its Releases.
    pub fn releases(&self) -> Api<Release> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Gives the way to its Apps.
    pub fn apps(&self) -> Api<App> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Describes a release of an app with the built-in chart; `count` makes each differ.
    ///
    /// Within one second the order of releases is that of their names, so these count up.
    pub fn release(&self, app: &str, count: usize) -> Result<Release> {
        Ok(serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": format!("{}-{count:05}", name::app_object(app, ENVIRONMENT))},
            "spec": {"environment": ENVIRONMENT, "app": app, "vars": {"TAG": format!("v{count}")}, "manifest": {
                "namespace": &*self.namespace,
                "chart": {"name": "app"},
                "values": {"image": {"repository": "example/web", "tag": "{{ .TAG }}"}, "port": 8080},
            }},
        }))?)
    }

    /// Reads the operator's metrics.
    pub fn counters(&self) -> Result<Counters> {
        Ok(Counters::parse(&self.operator.metrics()?))
    }

    /// Reads the API server's metrics.
    pub fn api_counters(&self) -> Result<Counters> {
        Ok(Counters::parse(&self.cluster.kubectl(["get", "--raw", "/metrics"])?))
    }
}

/// Says which requests the API server was sent meanwhile, per release, watches left out.
pub fn requests(before: &Counters, after: &Counters, releases: usize) -> String {
    let mut grown =
        after.grown(before, "apiserver_request_total", &["verb", "resource", "subresource"]);
    let ours = ["releases", "apps", "environments", "events", "secrets"];
    grown.retain(|key, _| {
        let mut words = key.split(' ');
        let verb = words.next().unwrap_or_default();
        verb != "WATCH" && words.next().is_some_and(|resource| ours.contains(&resource))
    });
    per_release(&grown, releases, |count| format!("{count:.1}"))
}

/// Says which git operations there were meanwhile, per release, with the time of all of a kind.
pub fn git_operations(before: &Counters, after: &Counters, releases: usize) -> String {
    let counts = after.grown(before, "gimlet_git_operations_total", &["op"]);
    let name = "gimlet_git_operation_duration_seconds_sum";
    let times = after.grown(before, name, &["op"]);
    let releases = count(releases);
    let parts = counts.iter().map(|(op, number)| {
        let each = times.get(op).copied().unwrap_or_default() / number;
        format!("{op} {:.2} × {}", number / releases, crate::report::time(each))
    });
    parts.collect::<Vec<_>>().join(", ")
}

fn per_release(
    grown: &BTreeMap<String, f64>,
    releases: usize,
    unit: impl Fn(f64) -> String,
) -> String {
    let releases = count(releases);
    // What is rare belongs to the environment and the Lease, not to a release.
    let often = grown.iter().filter(|(_, number)| **number >= releases / 5.0);
    let parts = often.map(|(key, number)| format!("{key} {}", unit(number / releases)));
    parts.collect::<Vec<_>>().join(", ")
}

/// Turns a count into a number to calculate with.
pub fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
