//! `env connect`: has Flux of a workload cluster follow an environment.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use gimlet_crds::Environment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DynamicObject};
use kube::runtime::wait::{Error as WaitError, await_condition};
use serde_json::json;

use super::agent::{Agent, AgentArgs};
use super::credentials::{self, CredentialArgs, Credentials};
use super::deploy_key::{self, DeployKey};
use super::flux::{self, Found};
use super::host::HostArgs;
use super::plan::{Plan, PlanArgs, Wanted, agree, show};
use super::workload::WorkloadArgs;
use crate::args::Global;
use crate::cluster::Cluster;
use crate::command::write::{DryRun, fetch};
use crate::error::{CommandError, Finish, Kind};
use crate::follow::parse_duration;
use crate::live::refused;
use crate::{complete, output};

/// Have Flux of a workload cluster follow an environment
///
/// Puts into the workload cluster, with your kubeconfig, what has to be there before Flux can read anything:
/// the namespace of Flux' objects, the Secret by which it reads the repository, and the two objects that the
/// repository's flux/ folder has too (a GitRepository and a Kustomization); from then on Flux applies all
/// else. With --agent the agent goes there too, and its identity into the cluster of the Environment. All is
/// shown first, can be run again, and nothing secret reaches git. Flux has to be installed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env connect staging --cluster-context eu-1
  # a token that may only read, on stdin; nothing is asked
  gimlet env connect staging --cluster-context eu-1 --token-stdin --yes
  # a key of its own for an SSH address, made here and added at the host
  gimlet env connect staging --cluster-context eu-1 --deploy-key --known-hosts known_hosts
  # another cluster than the operator's needs an agent to tell what runs
  gimlet env connect staging --cluster-context eu-1 --agent https://gimlet.example.com")]
pub(super) struct ConnectArgs {
    /// Name of the environment
    #[arg(value_name = "ENV", add = complete::environments())]
    name: String,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// Let Flux read by the credentials that the operator writes by
    #[arg(long, help_heading = "Credentials")]
    copy_credentials: bool,
    /// Make a key that may only read, and add it to the repository with the token in GIMLET_GIT_TOKEN; without
    /// one it is printed, to be added by hand
    #[arg(
        long,
        requires = "known_hosts",
        conflicts_with_all = ["copy_credentials", "ssh_key"],
        help_heading = "Credentials"
    )]
    deploy_key: bool,
    #[command(flatten)]
    host: HostArgs,
    #[command(flatten)]
    agent: AgentArgs,
    /// Wait until Flux has applied the environment
    #[arg(long)]
    wait: bool,
    /// How long to wait, such as 90s
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true)]
    timeout: Duration,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Stands for a token that is made once everything was agreed to.
const UNMADE: &str = "(made when it is agreed to)";

/// What becomes of the Secret by which Flux reads.
enum Reading {
    /// Everybody may read the repository.
    Open,
    /// The Secret is there, and stays.
    Kept,
    Given(Credentials),
    /// A new key.
    Key(DeployKey),
}

pub(super) async fn run(args: &ConnectArgs, global: &Global) -> Result<Finish, CommandError> {
    let management = Cluster::connect(global).await?;
    let environment = fetch::<Environment>(&management, &args.name).await?;
    let secret = environment.spec.flux.secret_ref.as_ref().map(|secret| secret.name.clone());
    if args.plan.dry_run == DryRun::Client {
        let url = &environment.spec.gitops.url;
        let reading = if secret.is_some() {
            Reading::Given(Credentials::placeholder(url))
        } else {
            Reading::Open
        };
        let mut objects = wanted(&environment, &reading)?;
        if let Some(agent) = args.agent.of(&environment, &management.namespace)? {
            objects.extend(agent.objects(Some(UNMADE))?);
            objects.extend(agent.identity());
        }
        show(&objects)?;
        return Ok(Finish::Done);
    }
    let cluster = args.workload.connect(global, &management, &environment).await?;
    let found = flux::detect(&cluster, &cluster.namespace).await?;
    if matches!(found, Found::Lacking { .. }) {
        let message = format!("{} in the cluster at {}", found.words(), cluster.server());
        return Err(CommandError::general(message).hint(format!("install Flux: {}", flux::INSTALL)));
    }
    let reading = args.reading(&management, &cluster, &environment, secret.as_deref()).await?;
    let dry_run = args.plan.dry_run == DryRun::Server;
    let title = format!(
        "environment {} in the cluster at {} ({}):",
        args.name,
        cluster.server(),
        found.words()
    );
    let agent = args.agent.of(&environment, &management.namespace)?;
    let mut objects = wanted(&environment, &reading)?;
    let mut identity = None;
    // The agent's own objects; with a token only once everything was agreed to.
    let mut token_wanted = false;
    if let Some(agent) = &agent {
        agent.check_place(&cluster).await?;
        token_wanted = !agent.has_token(&cluster).await?;
        objects.extend(agent.objects(token_wanted.then_some(UNMADE))?);
        identity = Some(look_at_identity(agent, &management).await?);
    }
    let key = match &reading {
        Reading::Key(key) => Some(key.words()),
        _ => None,
    };
    let mut plan = Plan::look(&cluster, title, objects).await?.before(key);
    for note in notes(&environment, &reading, secret.as_deref(), &cluster).await? {
        plan = plan.note(Some(note));
    }
    if agree(&[identity.as_ref(), Some(&plan)], &args.plan)? {
        if let (Reading::Key(key), false) = (&reading, dry_run) {
            let token = args.credentials.for_api()?;
            key.publish(&args.host, &environment.spec.gitops.url, token.as_ref()).await?;
        }
        if let (Some(agent), Some(identity)) = (&agent, identity) {
            identity.apply(&management, dry_run).await?;
            if agent.is_news() {
                agent.tell(&management, dry_run).await?;
            }
            if token_wanted && !dry_run {
                let token = agent.token(&management).await?;
                let mut objects = wanted(&environment, &reading)?;
                objects.extend(agent.objects(Some(&token))?);
                plan = plan.with(objects);
            }
        }
        plan.apply(&cluster, dry_run).await?;
    }
    if dry_run {
        return Ok(Finish::Done);
    }
    if args.wait {
        wait(&cluster, &flux::env_of(&environment)?.name(), args.timeout).await?;
    }
    output::note(&format!(
        "hint: see whether all of it works: gimlet env check {} -n {}{}",
        args.name,
        management.namespace,
        args.workload.words()
    ));
    Ok(Finish::Done)
}

impl ConnectArgs {
    /// Decides how Flux reads the repository.
    async fn reading(
        &self,
        management: &Cluster,
        cluster: &Cluster,
        environment: &Environment,
        secret: Option<&str>,
    ) -> Result<Reading, CommandError> {
        let Some(secret) = secret else { return Ok(Reading::Open) };
        let url = &environment.spec.gitops.url;
        if self.copy_credentials {
            return copied(management, environment).await.map(Reading::Given);
        }
        let there = credentials::is_there(cluster, &cluster.namespace, secret).await?;
        if there == Some(true) && (self.deploy_key || !self.credentials.given()) {
            return Ok(Reading::Kept);
        }
        if self.deploy_key {
            deploy_key::for_ssh(url, "give Flux a token: --token-stdin")?;
            let known_hosts = self.credentials.known_hosts()?.unwrap_or_default();
            let title = format!("flux {}", self.name);
            return DeployKey::new(title, false, known_hosts).map(Reading::Key);
        }
        match self.credentials.read(url)? {
            Some(found) => Ok(Reading::Given(found)),
            None => Err(credentials::missing(secret, &cluster.namespace, url)),
        }
    }
}

/// Looks at what the agent needs in the cluster of the Environment.
async fn look_at_identity(agent: &Agent<'_>, management: &Cluster) -> Result<Plan, CommandError> {
    let title = format!("in the cluster of the Environment, at {}:", management.server());
    let plan = Plan::look(management, title, agent.identity()).await?;
    let news = "the Environment is observed by its agent (spec.observedBy: Agent)";
    Ok(plan.before(agent.is_news().then(|| news.to_owned())))
}

/// Lists what has to be in the workload cluster for Flux, in the order in which it is put there.
fn wanted(environment: &Environment, reading: &Reading) -> Result<Vec<Wanted>, CommandError> {
    let namespace = &environment.spec.flux.namespace;
    let mut wanted = vec![Wanted::of(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
    )];
    let secret = environment.spec.flux.secret_ref.as_ref();
    match (secret, reading) {
        (Some(secret), Reading::Given(found)) => {
            wanted.push(Wanted::of(found.secret(namespace, &secret.name)));
        }
        (Some(secret), Reading::Key(key)) => {
            wanted.push(Wanted::of(key.secret(namespace, &secret.name)));
        }
        _ => {}
    }
    wanted.extend(flux::objects(environment)?);
    Ok(wanted)
}

/// Says what is not done here.
async fn notes(
    environment: &Environment,
    reading: &Reading,
    secret: Option<&str>,
    cluster: &Cluster,
) -> Result<Vec<String>, CommandError> {
    let mut notes = Vec::new();
    match (reading, secret) {
        (Reading::Open, _) => notes.push(
            "Flux reads the repository without credentials: spec.flux.secretRef is not set".into(),
        ),
        (Reading::Kept, Some(secret)) => {
            notes.push(format!("the Secret {secret} is there, and stays as it is"));
        }
        _ => {}
    }
    if let Some(encryption) = &environment.spec.encryption {
        let name = &encryption.flux_secret_ref.name;
        if credentials::is_there(cluster, &cluster.namespace, name).await? == Some(false) {
            notes.push(format!(
                "Secrets are decrypted by the age key in the Secret {name}, which is not there yet: docs/secrets.md"
            ));
        }
    }
    Ok(notes)
}

/// Reads the credentials that the operator writes by.
async fn copied(
    management: &Cluster,
    environment: &Environment,
) -> Result<Credentials, CommandError> {
    let Some(reference) = &environment.spec.gitops.secret_ref else {
        return Err(CommandError::usage("the environment has no spec.gitops.secretRef to copy"));
    };
    let name = &reference.name;
    let api: Api<Secret> = management.api();
    let found = api
        .get(name)
        .await
        .map_err(|error| refused(management, "get", "secrets", &management.namespace, &error))?;
    let data: BTreeMap<String, Vec<u8>> =
        found.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    Credentials::of_data(data).ok_or_else(|| {
        CommandError::usage(format!(
            "the Secret {name} has neither a token nor a key: those of a GitHub App are not copied"
        ))
        .hint("give Flux a token or a key of its own: --token-stdin, or --ssh-key")
    })
}

/// Waits until Flux has applied the environment's own objects.
async fn wait(cluster: &Cluster, name: &str, timeout: Duration) -> Result<(), CommandError> {
    let resource = flux::kustomizations();
    let api: Api<DynamicObject> =
        Api::namespaced_with(cluster.client.clone(), &cluster.namespace, &resource);
    let last = std::sync::Mutex::new(String::from("Flux has not looked at it"));
    let is_ready = |object: Option<&DynamicObject>| {
        let Some(object) = object else { return false };
        let state = flux::Readiness::of(&object.data, object.metadata.generation);
        if let Ok(mut last) = last.lock() {
            last.clone_from(&state.message);
        }
        state.ready
    };
    let waiting = await_condition(api, name, is_ready);
    match tokio::time::timeout(timeout, waiting).await {
        Ok(Ok(_)) => output::print(&format!("kustomization.{}/{name} ready\n", resource.group)),
        Ok(Err(WaitError::ProbeFailed(error))) => Err(CommandError::general(format!(
            "the Kustomization {name} cannot be watched: {}",
            crate::error::chain(&error)
        ))),
        Err(_) => {
            let why = last.lock().map(|last| last.clone()).unwrap_or_default();
            let message = format!("Flux has not applied {name} in time: {why}");
            Err(CommandError::new(Kind::TimedOut, message)
                .hint("it goes on; look at every link of it: gimlet env check"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::Value;

    fn environment(url: &str) -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "team"},
            "spec": {"gitops": {"url": url, "path": "staging"}, "flux": {"secretRef": {"name": "git"}}},
        }))
        .unwrap()
    }

    #[test]
    fn the_workload_cluster_gets_the_two_objects_and_a_secret_that_is_in_no_file() {
        let environment = environment("https://git.example.com/acme/gitops.git");
        let data = BTreeMap::from([("password".to_owned(), b"hunter2".to_vec())]);
        let reading = Reading::Given(Credentials::of_data(data).unwrap());
        let objects: Vec<Value> = wanted(&environment, &reading)
            .unwrap()
            .iter()
            .map(|one| one.object().clone())
            .collect();
        let text = output::list(&objects, output::Format::Yaml).unwrap();
        assert_snapshot!(text.replace("aHVudGVyMg==", "(the token)"));
        let kept = wanted(&environment, &Reading::Kept).unwrap();
        assert_eq!(kept.len(), objects.len() - 1);
    }
}
