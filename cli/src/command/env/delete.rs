//! `env delete`: lets go of an environment, and says what stays.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use gimlet_crds::{App, Environment, labels};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions,
};
use serde_json::json;

use super::agent;
use super::check::apps;
use super::credentials::{Credentials, token_of_variable};
use super::deploy_key::{self, Made};
use super::flux::{self, Found};
use super::host::{self, HostArgs};
use super::plan::{PlanArgs, Wanted};
use super::workload::WorkloadArgs;
use crate::args::Global;
use crate::cluster::Cluster;
use crate::command::write::{DryRun, fetch};
use crate::error::{CommandError, Finish, Kind};
use crate::live::refused;
use crate::{complete, output, prompt};

/// Most apps that are named.
const MAX_NAMES: usize = 5;

/// Delete an environment; what runs, and the gitops repository, stay as they are
///
/// Refused while there are apps, unless --keep-apps says that they go on without Gimlet: uninstall them with
/// gimlet delete app otherwise. With --disconnect Flux' objects of the environment go from the workload cluster
/// too, without removing anything that Flux has applied, and so do its agent and the deploy keys that --deploy-key
/// made: their Secrets, and with the token in GIMLET_GIT_TOKEN what the host has of them. Other Secrets stay.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet env delete staging
  gimlet env delete staging --disconnect --cluster-context eu-1
  gimlet env delete staging --keep-apps --yes")]
pub(super) struct DeleteArgs {
    /// Name of the environment
    #[arg(value_name = "ENV", add = complete::environments())]
    name: String,
    /// Delete it although there are apps, which stay in git and in the cluster
    #[arg(long)]
    keep_apps: bool,
    /// Remove Flux' objects of the environment and its agent from the workload cluster; what Flux applied stays
    #[arg(long)]
    disconnect: bool,
    #[command(flatten)]
    workload: WorkloadArgs,
    #[command(flatten)]
    host: HostArgs,
    /// File with the certificate authorities of the host's API, trusted instead of the public ones
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Flux' objects of an environment, in the order in which they go.
type Objects = Vec<(ApiResource, String)>;

/// The deploy keys that go.
#[derive(Default)]
struct Keys<'a> {
    /// Each with the cluster that has its Secret.
    made: Vec<(&'a Cluster, Made)>,
    /// What they can be removed by at the host.
    token: Option<Credentials>,
}

pub(super) async fn run(args: &DeleteArgs, global: &Global) -> Result<Finish, CommandError> {
    if !args.disconnect && !args.workload.is_same() {
        return Err(CommandError::usage("a workload cluster is named, and nothing is done there")
            .hint("add --disconnect to remove Flux' objects from it"));
    }
    let management = Cluster::connect(global).await?;
    let environment = fetch::<Environment>(&management, &args.name).await?;
    let apps = apps(&management, &args.name).await?;
    if !apps.is_empty() && !args.keep_apps {
        return Err(refuse(&args.name, &apps));
    }
    let workload = if args.disconnect {
        let cluster = args.workload.connect(global, &management, &environment).await?;
        let objects = objects(&cluster, &environment).await?;
        let own = agent::find(&cluster, &args.name, &management.namespace).await?;
        let own = there(&cluster, own).await?;
        Some((cluster, objects, own))
    } else {
        None
    };
    let keys = match &workload {
        Some((cluster, ..)) => args.keys(&management, cluster, &environment).await?,
        None => Keys::default(),
    };
    let identity = there(&management, agent::identity(&args.name, &management.namespace)).await?;
    let found = workload.as_ref().map(|(_, objects, _)| objects.as_slice());
    let own = workload.as_ref().map_or(&[][..], |(_, _, own)| own.as_slice());
    let going = [identity.as_slice(), own].concat();
    output::note(text(&environment, &apps, found, &going, &keys).trim_end());
    if args.plan.dry_run == DryRun::Client {
        return output::print("nothing was done (client dry run)\n").map(|()| Finish::Done);
    }
    let dry_run = args.plan.dry_run == DryRun::Server;
    prompt::confirm("do this", args.plan.yes || dry_run)?;
    // The environment goes first, so that no operator writes for it any more.
    remove_environment(&management, &environment, dry_run).await?;
    for object in &identity {
        delete(&management, object, dry_run).await?;
    }
    if let Some((cluster, objects, own)) = &workload {
        for (resource, name) in objects {
            remove(cluster, resource, name, dry_run).await?;
        }
        for object in own {
            delete(cluster, object, dry_run).await?;
        }
    }
    // At the host first: without the Secret nobody knows which key it was.
    for (cluster, key) in &keys.made {
        if let (Some(token), false) = (&keys.token, dry_run) {
            key.withdraw(&args.host, &environment.spec.gitops.url, token).await?;
        }
        delete(cluster, &key.secret, dry_run).await?;
    }
    Ok(Finish::Done)
}

impl DeleteArgs {
    /// Finds the keys that were made for the environment, where the operator writes and where Flux reads.
    /// Flux may read by a copy of the operator's, so they go together.
    async fn keys<'a>(
        &self,
        management: &'a Cluster,
        workload: &'a Cluster,
        environment: &Environment,
    ) -> Result<Keys<'a>, CommandError> {
        let spec = &environment.spec;
        let others = deploy_key::others(management, &self.name).await;
        let mut made: Vec<(&Cluster, Made)> = Vec::new();
        for (cluster, secret) in
            [(management, &spec.gitops.secret_ref), (workload, &spec.flux.secret_ref)]
        {
            let Some(secret) = secret else { continue };
            let found = Made::find(cluster, &secret.name, &others).await?;
            // Both may be the same Secret.
            made.extend(
                found
                    .filter(|key| !made.iter().any(|(_, known)| known.is(key)))
                    .map(|key| (cluster, key)),
            );
        }
        let token = token_of_variable(self.ca_file.as_deref())?;
        let known = host::parse(&spec.gitops.url).and_then(|url| self.host.provider_of(&url));
        Ok(Keys { made, token: token.filter(|_| known.is_ok()) })
    }
}

fn refuse(environment: &str, apps: &[App]) -> CommandError {
    let mut names: Vec<&str> =
        apps.iter().take(MAX_NAMES).map(|app| app.spec.app.as_str()).collect();
    if apps.len() > MAX_NAMES {
        names.push("…");
    }
    let count = apps.len();
    let noun = if count == 1 { "app" } else { "apps" };
    let message = format!("environment {environment} has {count} {noun}: {}", names.join(", "));
    let first = names.first().copied().unwrap_or_default();
    CommandError::new(Kind::Waiting, message).hint(format!(
        "uninstall them (gimlet delete app {first} -e {environment} --wait), or pass --keep-apps to leave them \
         in git and in the cluster"
    ))
}

/// Leaves out what is not there, or may not be seen.
async fn there(cluster: &Cluster, objects: Vec<Wanted>) -> Result<Vec<Wanted>, CommandError> {
    let mut found = Vec::new();
    for object in objects {
        if object.is_there(cluster).await? {
            found.push(object);
        }
    }
    Ok(found)
}

async fn delete(cluster: &Cluster, object: &Wanted, dry_run: bool) -> Result<(), CommandError> {
    object.delete(cluster, dry_run).await?;
    told(&object.path(), dry_run)
}

/// Says what goes and what stays; `agent` are the objects of its agent.
fn text(
    environment: &Environment,
    apps: &[App],
    flux: Option<&[(ApiResource, String)]>,
    agent: &[Wanted],
    keys: &Keys<'_>,
) -> String {
    let spec = &environment.spec;
    let mut text = format!("environment {}:\n", environment.name_any());
    let mut line = |sign: &str, what: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {sign} {what}");
    };
    line("-", &format!("environment.gimlet.io/{}", environment.name_any()));
    for (resource, name) in flux.unwrap_or_default() {
        let kind = resource.kind.to_lowercase();
        line("-", &format!("{kind}.{}/{name} (what it applied stays)", resource.group));
    }
    for object in agent {
        line("-", &object.path());
    }
    for (_, key) in &keys.made {
        line("-", &format!("{}, and its deploy key {}", key.secret.path(), key.fingerprint()));
    }
    if !keys.made.is_empty() && keys.token.is_none() {
        let how = "set GIMLET_GIT_TOKEN, and --provider if it is not known, to remove them too";
        line("=", &format!("deploy keys at the host, which nobody has any more: {how}"));
    }
    let place = if spec.gitops.path.is_empty() { "" } else { ", folder " };
    line("=", &format!("repository {}{place}{}", spec.gitops.url, spec.gitops.path));
    if !apps.is_empty() {
        let what = "in git and in the cluster; they say EnvironmentNotFound";
        line("=", &format!("the Apps ({}), {what}", apps.len()));
    }
    match flux {
        None => line(
            "=",
            "Flux' objects in the workload cluster: it goes on applying the repository; --disconnect ends that",
        ),
        Some(_) => line("=", "everything that Flux has applied"),
    }
    let mut secrets: Vec<&str> = [&spec.gitops.secret_ref, &spec.flux.secret_ref]
        .into_iter()
        .flatten()
        .map(|secret| secret.name.as_str())
        .collect();
    secrets.dedup();
    secrets.retain(|name| !keys.made.iter().any(|(_, key)| key.is_in(name)));
    for secret in secrets {
        line("=", &format!("Secret {secret}"));
    }
    text
}

/// Finds Flux' objects of the environment: those that apply first, those that they read last.
async fn objects(cluster: &Cluster, environment: &Environment) -> Result<Objects, CommandError> {
    if let Found::Lacking { .. } = flux::detect(cluster, &cluster.namespace).await? {
        return Ok(Objects::new());
    }
    let root = flux::env_of(environment)?.name();
    let label = format!("{}={}", labels::ENVIRONMENT, environment.name_any());
    let params = ListParams::default().labels(&label);
    let mut objects = Objects::new();
    for resource in [flux::kustomizations(), flux::git_repositories()] {
        let api = api(cluster, &resource);
        let found = api.list_metadata(&params).await.map_err(|error| {
            refused(cluster, "list", &resource.plural, &cluster.namespace, &error)
        })?;
        let mut names: Vec<String> = found.items.iter().map(ResourceExt::name_any).collect();
        // The root makes the others anew as long as it is there.
        names.sort_by_key(|name| (*name != root, name.clone()));
        objects.extend(names.into_iter().map(|name| (resource.clone(), name)));
    }
    Ok(objects)
}

fn api(cluster: &Cluster, resource: &ApiResource) -> Api<DynamicObject> {
    Api::namespaced_with(cluster.client.clone(), &cluster.namespace, resource)
}

async fn remove_environment(
    cluster: &Cluster,
    environment: &Environment,
    dry_run: bool,
) -> Result<(), CommandError> {
    let name = environment.name_any();
    let ObjectMeta { uid, .. } = environment.metadata.clone();
    let same = Preconditions { uid, resource_version: None };
    let params = DeleteParams { dry_run, ..DeleteParams::default().preconditions(same) };
    cluster
        .api::<Environment>()
        .delete(&name, &params)
        .await
        .map_err(|error| cluster.request("delete", "environments", Some(&name)).failed(&error))?;
    told(&format!("environment.gimlet.io/{name}"), dry_run)
}

/// Removes an object of Flux. A Kustomization that is suspended leaves what it applied alone when it goes.
async fn remove(
    cluster: &Cluster,
    resource: &ApiResource,
    name: &str,
    dry_run: bool,
) -> Result<(), CommandError> {
    let api = api(cluster, resource);
    let failed = |verb: &'static str| {
        move |error: kube::Error| {
            refused(cluster, verb, &resource.plural, &cluster.namespace, &error)
        }
    };
    let params = PatchParams {
        dry_run,
        field_manager: Some(labels::CLI.to_owned()),
        ..PatchParams::default()
    };
    let suspend = Patch::Merge(json!({"spec": {"suspend": true}}));
    match api.patch(name, &params, &suspend).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => return Err(failed("patch")(error)),
    }
    let params = DeleteParams { dry_run, ..DeleteParams::default() };
    match api.delete(name, &params).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
        Err(error) => return Err(failed("delete")(error)),
    }
    told(&format!("{}.{}/{name}", resource.kind.to_lowercase(), resource.group), dry_run)
}

fn told(path: &str, dry_run: bool) -> Result<(), CommandError> {
    let note = if dry_run { " (server dry run)" } else { "" };
    output::print(&format!("{path} deleted{note}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn environment() -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": "staging"},
            "spec": {"gitops": {"url": "https://git.example.com/acme/gitops.git", "path": "staging",
                                "secretRef": {"name": "staging-gitops"}}},
        }))
        .unwrap()
    }

    fn app(name: &str) -> App {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": format!("{name}.staging")},
            "spec": {"app": name, "environment": "staging"},
        }))
        .unwrap()
    }

    #[test]
    fn an_environment_with_apps_is_kept_and_they_are_named() {
        let apps: Vec<App> = ["a", "b", "c", "d", "e", "f"].map(app).into();
        let error = refuse("staging", &apps);
        assert_eq!(error.exit_code(), 8);
        assert_snapshot!(anstream::adapter::strip_str(&error.styled()).to_string());
        assert!(refuse("staging", &apps[..1]).message().contains("has 1 app: a"));
    }

    #[test]
    fn it_is_said_what_goes_and_what_stays() {
        let none = Keys::default();
        assert_snapshot!(text(&environment(), &[app("shop")], None, &[], &none));
        let objects = [
            (flux::kustomizations(), "gimlet-staging".to_owned()),
            (flux::git_repositories(), "gimlet-staging".to_owned()),
        ];
        assert_snapshot!(text(&environment(), &[], Some(&objects), &agent::own("staging"), &none));
    }
}
