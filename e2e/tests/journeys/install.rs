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

    async fn check<T: AsRef<str>>(&self, allowed: &[T], refused: &[T]) -> Result<()> {
        for (wanted, list) in [(true, allowed), (false, refused)] {
            for line in list.iter().map(AsRef::as_ref) {
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

const KINDS: [&str; 8] = [
    "apps",
    "approvals",
    "artifacts",
    "configchanges",
    "environments",
    "releases",
    "releasesets",
    "repositories",
];
const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "patch", "update", "delete"];
const ALL: &[&str] =
    &["get", "list", "watch", "create", "patch", "update", "delete", "deletecollection"];

/// What a role may do; it reads all kinds, unless it says otherwise, and does nothing else.
struct Role {
    name: &'static str,
    reads: &'static [&'static str],
    more: &'static [(&'static str, &'static [&'static str])],
}

const ROLES: [Role; 6] = [
    Role { name: "viewer", reads: &KINDS, more: &[] },
    Role {
        name: "releaser",
        reads: &KINDS,
        more: &[
            ("releases", WRITE),
            ("releasesets", WRITE),
            ("apps", WRITE),
            ("artifacts", &["create", "delete"]),
        ],
    },
    Role { name: "approver", reads: &KINDS, more: &[("approvals", &["create"])] },
    Role { name: "configurer", reads: &KINDS, more: &[("configchanges", &["create", "delete"])] },
    Role {
        name: "ci",
        reads: &["artifacts", "releases", "releasesets", "apps", "environments"],
        more: &[("artifacts", &["create"])],
    },
    Role {
        name: "admin",
        reads: &[],
        more: &[
            ("environments", ALL),
            ("apps", ALL),
            ("releases", ALL),
            ("releasesets", ALL),
            ("artifacts", ALL),
            ("repositories", ALL),
            ("configchanges", ALL),
        ],
    },
];

impl Role {
    fn allows(&self, verb: &str, kind: &str) -> bool {
        let more = self.more.iter().any(|(of, verbs)| *of == kind && verbs.contains(&verb));
        more || READ.contains(&verb) && self.reads.contains(&kind)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_may_do_what_their_role_says_and_no_more() -> Result<()> {
    let cluster = control_plane()?;
    install(&cluster)?;
    let client = cluster.client().await?;
    let namespace = cluster.namespace("people").await?;
    let ns = namespace.name();
    for role in &ROLES {
        let name = role.name;
        let user = format!("{name}-{ns}");
        let binding = [format!("--user={user}"), format!("--clusterrole=gimlet-{name}")];
        cluster.kubectl(["create", "rolebinding", name, &binding[0], &binding[1], "-n", ns])?;
        let (mut allowed, mut refused) = (Vec::new(), vec!["get secrets".to_owned()]);
        for kind in KINDS {
            for verb in ALL {
                let list = if role.allows(verb, kind) { &mut allowed } else { &mut refused };
                list.push(format!("{verb} {kind}.gimlet.io"));
            }
            // Only the operator, the dashboard and agents say what is.
            refused
                .extend(["patch", "update"].map(|verb| format!("{verb} {kind}/status.gimlet.io")));
        }
        let person = Subject { client: &client, user, namespace: ns };
        person.check(&allowed, &refused).await?;
        let elsewhere = Subject { namespace: "default", ..person };
        elsewhere.check(&[], &[allowed, refused].concat()).await?;
    }
    Ok(())
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
                "patch releases.gimlet.io",
                "patch artifacts.gimlet.io",
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
