//! What is installed, and who may do what.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{control_plane, install, root, wait_until};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};

const SOON: Duration = Duration::from_mins(1);

/// A person or a process in a namespace.
struct Subject<'a> {
    client: &'a Client,
    user: String,
    namespace: &'a str,
}

impl Subject<'_> {
    async fn may(&self, verb: &str, what: &str) -> Result<bool> {
        let (resource, group) = what.split_once('.').unwrap_or((what, ""));
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, sub)) => (resource, Some(sub.to_owned())),
            None => (resource, None),
        };
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(self.user.clone()),
                resource_attributes: Some(ResourceAttributes {
                    namespace: Some(self.namespace.to_owned()),
                    verb: Some(verb.to_owned()),
                    group: Some(group.to_owned()),
                    resource: Some(resource.to_owned()),
                    subresource,
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = api.create(&PostParams::default(), &review).await?;
        Ok(answer.status.context("the API server gave no answer")?.allowed)
    }

    async fn check(&self, allowed: &[&str], refused: &[&str]) -> Result<()> {
        for (wanted, list) in [(true, allowed), (false, refused)] {
            for line in list {
                let (verb, what) = line.split_once(' ').context("a verb and a resource")?;
                // Bindings that were made a moment ago take a while to count.
                wait_until(&format!("{} and {line}", self.user), SOON, async || {
                    ensure!(self.may(verb, what).await? == wanted, "allowed: {}", !wanted);
                    Ok(())
                })
                .await?;
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_shipped_is_accepted_by_the_api_server() -> Result<()> {
    let cluster = control_plane()?;
    install(&cluster)?;
    let folder = |name: &str| root().map(|root| root.join(name).display().to_string());
    let operator = folder("config/operator")?;
    let applied = cluster.kubectl(["apply", "--dry-run=server", "-k", &operator])?;
    assert!(applied.contains("deployment.apps/gimlet-operator"), "{applied}");
    let all = cluster.kubectl(["kustomize", &folder("config")?])?;
    for kind in ["CustomResourceDefinition", "ClusterRole", "Deployment", "PodDisruptionBudget"] {
        assert!(all.contains(&format!("kind: {kind}\n")), "{kind} is not in config");
    }
    let views = folder("config/views")?;
    let applied = cluster.kubectl(["apply", "--dry-run=server", "-k", &views])?;
    assert!(applied.contains("service/gimlet-views"), "{applied}");
    let dashboard = folder("config/dashboard")?;
    let applied = cluster.kubectl(["apply", "--dry-run=server", "-k", &dashboard])?;
    assert!(applied.contains("deployment.apps/gimlet-dashboard"), "{applied}");
    // Its namespace is not there yet, which the server has to know before it takes the rest.
    let agent = folder("config/agent")?;
    cluster.kubectl(["apply", "-f", &format!("{agent}/namespace.yaml")])?;
    let applied = cluster.kubectl(["apply", "--dry-run=server", "-k", &agent])?;
    assert!(applied.contains("deployment.apps/gimlet-agent"), "{applied}");
    assert!(!applied.contains("impersonation"), "{applied}");
    let on_demand = folder("config/agent-on-demand")?;
    let applied = cluster.kubectl(["apply", "--dry-run=server", "-k", &on_demand])?;
    assert!(applied.contains("clusterrole.rbac.authorization.k8s.io/gimlet-agent-impersonation"));
    let namespace = cluster.namespace("samples").await?;
    let samples = folder("config/samples")?;
    let applied =
        cluster.kubectl(["apply", "--dry-run=server", "-n", namespace.name(), "-k", &samples])?;
    for name in [
        "environment.gimlet.io/staging",
        "release.gimlet.io/hello.staging-first",
        "configchange.gimlet.io/hello-first",
    ] {
        assert!(applied.contains(name), "{applied}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_may_do_what_their_role_says_and_no_more() -> Result<()> {
    let cluster = control_plane()?;
    install(&cluster)?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("people").await?;
    let ns = namespace.name();
    for role in ["viewer", "releaser", "admin"] {
        let (user, role_name) =
            (format!("--user={role}-{ns}"), format!("--clusterrole=gimlet-{role}"));
        cluster.kubectl(["create", "rolebinding", role, &user, &role_name, "-n", ns])?;
    }
    let person =
        |role: &str| Subject { client: &client, user: format!("{role}-{ns}"), namespace: ns };
    person("viewer")
        .check(
            &["list releases.gimlet.io", "watch apps.gimlet.io", "get environments.gimlet.io"],
            &["create releases.gimlet.io", "delete apps.gimlet.io", "get secrets"],
        )
        .await?;
    person("releaser")
        .check(
            &[
                "create releases.gimlet.io",
                "patch releases.gimlet.io",
                "delete apps.gimlet.io",
                "list environments.gimlet.io",
            ],
            &[
                "patch environments.gimlet.io",
                "create environments.gimlet.io",
                "patch releases/status.gimlet.io",
                "get secrets",
            ],
        )
        .await?;
    person("admin")
        .check(
            &["create environments.gimlet.io", "patch environments.gimlet.io"],
            &["patch apps/status.gimlet.io", "get secrets"],
        )
        .await?;
    let elsewhere = Subject { namespace: "default", ..person("releaser") };
    elsewhere.check(&[], &["create releases.gimlet.io", "list releases.gimlet.io"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_reads_a_secret_by_name_and_never_lists_them() -> Result<()> {
    let cluster = control_plane()?;
    install(&cluster)?;
    let client = cluster.client().await?;
    let operator = Subject {
        client: &client,
        user: "system:serviceaccount:gimlet-system:gimlet-operator".to_owned(),
        namespace: "default",
    };
    operator
        .check(
            &[
                "get secrets",
                "watch releases.gimlet.io",
                "patch releases/status.gimlet.io",
                "create apps.gimlet.io",
                // Previews go with their branch.
                "delete apps.gimlet.io",
                "list kustomizations.kustomize.toolkit.fluxcd.io",
            ],
            &[
                "list secrets",
                "watch secrets",
                "create secrets",
                "patch releases.gimlet.io",
                "patch artifacts.gimlet.io",
                "create repositories.gimlet.io",
                "create approvals.gimlet.io",
                "patch environments.gimlet.io",
                "delete environments.gimlet.io",
                "create pods",
                "patch deployments.apps",
                "create leases.coordination.k8s.io",
                "create kustomizations.kustomize.toolkit.fluxcd.io",
            ],
        )
        .await
}
