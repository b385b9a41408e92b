//! A stage: everything that a journey of a release needs, for one test.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use gimlet_crds::{
    App, Environment, Phase, Release, ReleaseSet, ReleaseSetStatus, condition, name,
};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::guard::{Guard, Secrets, guard};
use crate::{
    Checkout, ControlPlane, Namespace, Operator, Repository, control_plane, gitea, wait_until,
};

/// How long a step may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// Name of the environment that a stage has unless it is bare.
const ENVIRONMENT: &str = "staging";
/// Name of the Secret with the credentials of the git host.
const SECRET: &str = "gitops";

/// A namespace with an empty gitops repository, its credentials and an operator of its own.
///
/// The fields are in the order in which they go: the operator first, so that nothing works against
/// the end of the namespace.
pub struct Stage {
    /// The operator that watches the namespace.
    pub operator: Operator,
    /// What looks at everything that the operator writes.
    pub guard: Guard,
    /// The namespace of everything, Flux' objects and workloads included.
    pub namespace: Namespace,
    /// The gitops repository.
    pub repository: Repository,
    /// The cluster.
    pub cluster: ControlPlane,
    /// The administrator's way to the cluster.
    pub client: Client,
    created: AtomicU32,
}

/// A commit of the gitops repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// The trailers of its message in their order; those of a set's commit repeat.
    pub trailers: Vec<(String, String)>,
}

impl Stage {
    /// Makes a stage with the environment `staging` in the folder `staging`, and waits until it is ready.
    pub async fn open(prefix: &str) -> Result<Self> {
        Self::open_with(prefix, json!({})).await
    }

    /// Makes a stage whose environment has these fields of its spec, over the usual ones.
    pub async fn open_with(prefix: &str, spec: Value) -> Result<Self> {
        let stage = Self::bare(prefix).await?;
        stage.environment(ENVIRONMENT, ENVIRONMENT, spec).await?;
        stage.environment_ready(ENVIRONMENT).await?;
        Ok(stage)
    }

    /// Makes a stage without an environment.
    pub async fn bare(prefix: &str) -> Result<Self> {
        Self::bare_in(control_plane()?, prefix).await
    }

    /// Makes a stage without an environment in a cluster.
    pub async fn bare_in(cluster: ControlPlane, prefix: &str) -> Result<Self> {
        let gitea = gitea()?;
        let client = cluster.client().await?;
        let repository = gitea.empty_repository(prefix)?;
        let namespace = cluster.namespace(prefix).await?;
        cluster.apply(&secret(&namespace, SECRET, &gitea.user, &gitea.token))?;
        let operator = Operator::start(&cluster, &namespace).await?;
        let guard = guard(&client, &namespace, Secrets::of(&gitea));
        let created = AtomicU32::new(0);
        Ok(Self { operator, guard, namespace, repository, cluster, client, created })
    }

    /// Makes an environment in a folder of the repository; `spec` is merged over the usual fields.
    pub async fn environment(&self, name: &str, path: &str, spec: Value) -> Result<Environment> {
        let mut object = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": name},
            "spec": {
                "gitops": {
                    "url": self.repository.http_url, "path": path, "secretRef": {"name": SECRET},
                },
                "flux": {
                    "namespace": self.namespace.name(), "secretRef": {"name": SECRET},
                    "timeout": "20s",
                },
            },
        });
        merge(&mut object["spec"], spec);
        let environment = serde_json::from_value(object)?;
        Ok(self.environments().create(&PostParams::default(), &environment).await?)
    }

    /// Waits until an environment is ready.
    pub async fn environment_ready(&self, name: &str) -> Result<Environment> {
        self.environment_until(name, "is ready", |environment| {
            let status = environment.status.as_ref();
            status.is_some_and(|status| {
                status.observed_generation == environment.metadata.generation
                    && condition::is_true(&status.conditions, condition::READY)
            })
        })
        .await
    }

    /// Waits until an environment is as a test wants it.
    pub async fn environment_until(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&Environment) -> bool,
    ) -> Result<Environment> {
        let api = self.environments();
        wait_until(&format!("environment {name} {what}"), PATIENCE, async || {
            let found = api.get(name).await?;
            ensure!(is(&found), "{}", serde_json::to_string(&found.status)?);
            Ok(found)
        })
        .await
    }

    /// Changes an environment by a merge patch of its spec.
    pub async fn change_environment(&self, name: &str, spec: Value) -> Result<Environment> {
        let patch = Patch::Merge(json!({"spec": spec}));
        Ok(self.environments().patch(name, &PatchParams::default(), &patch).await?)
    }

    /// Connects Flux to the environment `staging` as a person does: by the two files in git.
    pub async fn connect_flux(&self) -> Result<()> {
        let files = self.files()?;
        for name in ["gitrepository.yaml", "root.yaml"] {
            let path = format!("{ENVIRONMENT}/flux/{name}");
            self.cluster.apply(files.get(&path).with_context(|| format!("git has no {path}"))?)?;
        }
        self.environment_until(ENVIRONMENT, "is followed by Flux", |environment| {
            let status = environment.status.as_ref();
            status.is_some_and(|s| condition::is_true(&s.conditions, condition::FLUX_READY))
        })
        .await
        .map(drop)
    }

    /// Gives a manifest of the built-in chart that runs this tag of an image.
    pub fn web(&self, tag: &str) -> Value {
        json!({
            "namespace": self.namespace.name(),
            "chart": {"name": "app"},
            "values": {"image": {"repository": "example/web", "tag": tag}, "port": 8080},
        })
    }

    /// Releases a manifest to the environment `staging`.
    pub async fn release(&self, app: &str, manifest: Value) -> Result<Release> {
        self.create(app, json!({"manifest": manifest})).await
    }

    /// Rolls an app of `staging` back to a `release` or a `commit`.
    pub async fn roll_back(&self, app: &str, to: Value, reason: &str) -> Result<Release> {
        self.create(app, json!({"rollbackTo": to, "reason": reason})).await
    }

    /// Makes a Release in the environment `staging`, with these fields of its spec.
    pub async fn create(&self, app: &str, spec: Value) -> Result<Release> {
        self.create_in(ENVIRONMENT, app, spec).await
    }

    /// Makes a Release in an environment, with these fields of its spec.
    ///
    /// The names of a stage's releases count up: within one second their order is that of their names.
    pub async fn create_in(&self, environment: &str, app: &str, spec: Value) -> Result<Release> {
        let count = self.created.fetch_add(1, Ordering::Relaxed);
        let mut object = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": format!("{}-{count:03}", name::app_object(app, environment))},
            "spec": {"environment": environment, "app": app},
        });
        merge(&mut object["spec"], spec);
        let release = serde_json::from_value(object)?;
        Ok(self.releases().create(&PostParams::default(), &release).await?)
    }

    /// Gives a Release as it is now.
    pub async fn get(&self, name: &str) -> Result<Release> {
        Ok(self.releases().get(name).await?)
    }

    /// Waits until a release has ended, whichever way.
    pub async fn ended(&self, name: &str) -> Result<Release> {
        self.until(name, "has ended", |release| {
            release.status.as_ref().is_some_and(|status| status.timestamps.ended.is_some())
        })
        .await
    }

    /// Waits until a release is in a phase.
    pub async fn phase(&self, name: &str, phase: Phase) -> Result<Release> {
        self.until(name, &format!("is {}", phase.as_str()), |release| {
            release.status.as_ref().is_some_and(|status| status.phase == phase)
        })
        .await
    }

    /// Waits until a release is as a test wants it.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&Release) -> bool,
    ) -> Result<Release> {
        let api = self.releases();
        wait_until(&format!("release {name} {what}"), PATIENCE, async || {
            let found = api.get(name).await?;
            ensure!(is(&found), "{}", serde_json::to_string(&found.status)?);
            Ok(found)
        })
        .await
    }

    /// Waits until the clock shows a later second than the one in which an object was created:
    /// of releases within one second nobody can tell which one is newer.
    pub async fn next_second(&self, release: &Release) -> Result<()> {
        let created = release.creation_timestamp().context("the release was not created")?.0;
        wait_until("the next second", PATIENCE, async || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            ensure!(now > u64::try_from(created.as_second())?, "it is {now}");
            Ok(())
        })
        .await
    }

    /// Waits until the App of an app in `staging` is as a test wants it.
    pub async fn app_until(&self, app: &str, what: &str, is: impl Fn(&App) -> bool) -> Result<App> {
        let (api, name) = (self.apps(), name::app_object(app, ENVIRONMENT));
        wait_until(&format!("app {name} {what}"), PATIENCE, async || {
            let found = api.get(&name).await?;
            ensure!(is(&found), "{}", serde_json::to_string(&found)?);
            Ok(found)
        })
        .await
    }

    /// Waits until the App of an app in `staging` is gone.
    pub async fn app_gone(&self, app: &str) -> Result<()> {
        let (api, name) = (self.apps(), name::app_object(app, ENVIRONMENT));
        wait_until(&format!("the end of app {name}"), PATIENCE, async || {
            let found = api.get_opt(&name).await?;
            ensure!(found.is_none(), "{}", serde_json::to_string(&found)?);
            Ok(())
        })
        .await
    }

    /// Gives the way to the Environments of the namespace.
    pub fn environments(&self) -> Api<Environment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Gives the way to the Apps of the namespace.
    pub fn apps(&self) -> Api<App> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Gives the way to the Releases of the namespace.
    pub fn releases(&self) -> Api<Release> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Gives the way to the sets of the namespace.
    pub fn sets(&self) -> Api<ReleaseSet> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Makes a set in the environment `staging`, with these fields of its spec.
    pub async fn create_set(&self, name: &str, spec: Value) -> Result<ReleaseSet> {
        let mut object = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ReleaseSet",
            "metadata": {"name": name}, "spec": {"environment": ENVIRONMENT},
        });
        merge(&mut object["spec"], spec);
        let set = serde_json::from_value(object)?;
        Ok(self.sets().create(&PostParams::default(), &set).await?)
    }

    /// Waits until a set is as a test wants it.
    pub async fn set_until(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&ReleaseSetStatus) -> bool,
    ) -> Result<ReleaseSetStatus> {
        let api = self.sets();
        wait_until(&format!("set {name} {what}"), PATIENCE, async || {
            let status = api.get(name).await?.status.unwrap_or_default();
            ensure!(is(&status), "{}", serde_json::to_string(&status)?);
            Ok(status)
        })
        .await
    }

    /// Waits until a set has ended, whichever way.
    pub async fn set_ended(&self, name: &str) -> Result<ReleaseSetStatus> {
        self.set_until(name, "has ended", |status| status.timestamps.ended.is_some()).await
    }

    /// Lists the commits of the repository, newest first.
    pub fn log(&self) -> Result<Vec<Commit>> {
        let format = "--format=%H%x00%s%x00%(trailers:only,unfold)%x01";
        let text = self.repository.checkout()?.git(["log", format])?;
        let commits = text.split('\x01').map(str::trim).filter(|commit| !commit.is_empty());
        commits.map(Commit::parse).collect()
    }

    /// Lists the commits that a Release made, by its UID; newest first.
    pub fn commits_of(&self, release: &Release) -> Result<Vec<Commit>> {
        let uid = release.uid().unwrap_or_default();
        let mut commits = self.log()?;
        commits.retain(|commit| commit.all("Gimlet-Release").contains(&&*uid));
        Ok(commits)
    }

    /// Reads all files of the repository's newest commit by their paths.
    pub fn files(&self) -> Result<BTreeMap<String, String>> {
        let checkout = self.repository.checkout()?;
        let mut files = BTreeMap::new();
        read(&checkout, Path::new(""), &mut files)?;
        Ok(files)
    }

    /// Ends a journey: no status has ever broken a rule, and no secret of the git host has come out.
    pub async fn end(self) -> Result<()> {
        self.guard.look_for_secrets("the operator's log", &self.operator.log());
        // One that was stopped has none.
        if let Ok(metrics) = self.operator.metrics() {
            self.guard.look_for_secrets("the operator's metrics", &metrics);
        }
        // A repository that was deleted or never made has none.
        if let Ok(checkout) = self.repository.checkout() {
            let history =
                checkout.git(["log", "--all", "--format=raw", "--patch", "-m", "--text"])?;
            self.guard.look_for_secrets("a commit", &history);
        }
        self.guard.verify().await
    }
}

impl Commit {
    fn parse(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, '\0');
        let mut next = || parts.next().context("git log has another form than asked for");
        let (id, subject, trailers) = (next()?.to_owned(), next()?.to_owned(), next()?);
        let trailers = trailers.lines().filter_map(|line| line.split_once(": "));
        let trailers = trailers.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Ok(Self { id, subject, trailers })
    }

    /// Gives a trailer, or nothing; of several the first.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    /// Gives all trailers of a name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let trailers = self.trailers.iter().filter(|(key, _)| key == name);
        trailers.map(|(_, value)| value.as_str()).collect()
    }
}

/// Makes a Secret with a user's password or token, for the operator and for Flux.
pub fn secret(namespace: &str, name: &str, user: &str, password: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {"username": user, "password": password},
    })
    .to_string()
}

fn read(checkout: &Checkout, at: &Path, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in std::fs::read_dir(checkout.path().join(at))? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != ".git" {
                read(checkout, &path, files)?;
            }
            continue;
        }
        let name = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
        files.insert(name.to_owned(), checkout.read(name)?);
    }
    Ok(())
}

/// Merges objects deeply; everything else is replaced.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
