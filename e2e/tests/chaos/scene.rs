//! What a round has for itself: a namespace, two repositories, a pair of operators, proxies.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_crds::{App, Environment, Release, condition};
use gimlet_e2e::{Guard, Namespace, Operator, Proxy, Secrets, guard, secret, wait_until};
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::json;
use tokio::sync::Mutex;

use super::host::Host;
use super::script::{ENVIRONMENTS, OPERATORS};
use super::site::{BACK, Site};

/// How the two environments are worked with.
const ENGINES: [&str; 2] = ["Wire", "Git"];
/// How often it is looked whether a process has ended, and how soon it is started again.
const WATCH: Duration = Duration::from_millis(200);

/// What a round has for itself.
pub struct Scene {
    /// What all rounds have together.
    pub site: Arc<Site>,
    /// The namespace.
    pub namespace: Namespace,
    /// The repository of each environment.
    pub hosts: Vec<Host>,
    /// What is between the operators and the git server.
    pub git: Proxy,
    /// What is between each operator and the API server.
    pub apis: Vec<Proxy>,
    /// The operators.
    pub crew: Mutex<Vec<Member>>,
    /// The administrator's way to the cluster, on which nothing is between.
    pub client: Client,
    /// What looks at every status.
    pub guard: Guard,
}

/// An operator of the pair.
pub struct Member {
    /// The process.
    pub operator: Operator,
    /// It is not started while this is not zero.
    down: usize,
    /// How long its log was when it was started last.
    begun: usize,
}

impl Member {
    /// Kills it; it is not started before [`Member::release`].
    pub fn kill(&mut self) -> Result<()> {
        self.down += 1;
        self.operator.kill()
    }

    /// Lets it be started again.
    pub fn release(&mut self) {
        self.down = self.down.saturating_sub(1);
    }

    fn look_after(&mut self) -> Result<()> {
        if self.down == 0 && !self.operator.is_running()? {
            self.begun = self.operator.log().len();
            self.operator.launch()?;
        }
        Ok(())
    }

    fn leads(&self) -> bool {
        let log = self.operator.log();
        log.get(self.begun..).is_some_and(|log| log.contains(" leading "))
    }
}

impl Scene {
    /// Makes everything, and waits until both environments are ready.
    pub async fn open(site: &Arc<Site>) -> Result<Self> {
        let cluster = &site.cluster;
        let namespace = cluster.namespace("chaos").await?;
        let client = cluster.client().await?;
        let git = Proxy::start(&site.gitea.url).await?;
        let mut apis = Vec::new();
        for _ in 0..OPERATORS {
            apis.push(Proxy::start(&site.api).await?);
        }
        let servers: Vec<_> = apis.iter().map(|proxy| proxy.through(&site.api)).collect();
        cluster.apply(&secret(&namespace, "git", &site.gitea.user, &site.gitea.token))?;
        let signing = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "signing", "namespace": namespace.name()},
            "stringData": {"identity": site.key.private()},
        });
        cluster.apply(&signing.to_string())?;
        let mut hosts = Vec::new();
        for (name, engine) in ENVIRONMENTS.into_iter().zip(ENGINES) {
            let repository = site.gitea.repository(&format!("chaos-{name}"))?;
            let environment = json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
                "metadata": {"name": name},
                "spec": {
                    "gitops": {
                        "url": git.through(&repository.http_url), "engine": engine,
                        "secretRef": {"name": "git"},
                        "signing": {"secretRef": {"name": "signing"}},
                    },
                    "flux": {"namespace": namespace.name(), "secretRef": {"name": "git"}},
                    "retention": {"releasesPerApp": 100},
                },
            });
            Api::<Environment>::namespaced(client.clone(), &namespace)
                .create(&PostParams::default(), &serde_json::from_value(environment)?)
                .await?;
            let folder = site.gitea.folder(&repository.owner, &repository.name);
            hosts.push(Host::new(repository, folder));
        }
        let guard = guard(&client, &namespace, Secrets::of(&site.gitea));
        let operators = Operator::start_behind(cluster, &namespace, &servers).await?;
        let members = operators.into_iter().map(|operator| Member { operator, down: 0, begun: 0 });
        let crew = Mutex::new(members.collect());
        let scene =
            Self { site: Arc::clone(site), namespace, hosts, git, apis, crew, client, guard };
        for name in ENVIRONMENTS {
            scene.environment_ready(name).await?;
        }
        Ok(scene)
    }

    async fn environment_ready(&self, name: &str) -> Result<()> {
        wait_until(&format!("environment {name}"), BACK, async || {
            let found = self.environments().get(name).await?;
            let conditions = found.status.iter().flat_map(|status| &status.conditions);
            let ready =
                conditions.clone().any(|c| c.type_ == condition::READY && c.status == "True");
            ensure!(ready, "{}", serde_json::to_string(&found.status)?);
            Ok(())
        })
        .await
    }

    /// Starts operators that have ended, as Kubernetes does, for as long as it is polled.
    pub async fn look_after_crew(&self) -> Result<()> {
        loop {
            for member in &mut *self.crew.lock().await {
                member.look_after()?;
            }
            tokio::time::sleep(WATCH).await;
        }
    }

    /// Tells which operator leads; the first where none does.
    pub async fn leader(&self) -> usize {
        let crew = self.crew.lock().await;
        crew.iter().position(Member::leads).unwrap_or_default()
    }

    /// Waits until every operator runs and is ready.
    pub async fn crew_is_ready(&self) -> Result<()> {
        for number in 0..OPERATORS {
            wait_until(&format!("operator {number}"), BACK, async || {
                let mut crew = self.crew.lock().await;
                let member = crew.get_mut(number).context("there is no such operator")?;
                ensure!(member.operator.is_running()?, "it does not run");
                ensure!(member.operator.is_ready(), "it is not ready");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Gives the way to the Environments.
    pub fn environments(&self) -> Api<Environment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Gives the way to the Releases.
    pub fn releases(&self) -> Api<Release> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Gives the way to the Apps.
    pub fn apps(&self) -> Api<App> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}
