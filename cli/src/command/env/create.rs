//! `env create`: an environment from nothing.

use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use gimlet_crds::condition::{self, READY};
use gimlet_crds::name::EnvName;
use gimlet_crds::{Environment, GROUP, VERSION};
use serde_json::{Value, json};

use super::credentials::{self, CredentialArgs, Credentials};
use super::deploy_key::{self, DeployKey};
use super::host::{self, HostArgs, Hosted};
use super::plan::{Plan, PlanArgs, Wanted, show};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::command::until::{Judged, until};
use crate::command::write::DryRun;
use crate::error::{CommandError, Finish};
use crate::follow::parse_duration;
use crate::output;

/// Create an environment: its namespace, its credentials and itself, and its gitops repository if you like
///
/// Nothing is written before it was shown and agreed to, and what is there already as it should be stays:
/// the command can be run again. The token for the git host is never an argument: it comes from
/// GIMLET_GIT_TOKEN, from stdin, or is asked for, and ends in a Secret of the namespace. An environment is
/// a folder of the repository (its name, or --path), or has the repository to itself
/// (--repository-per-environment). Files of people in the repository stay as they are.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = "Examples:
  gimlet env create staging --repository https://github.com/acme/gitops.git --create-repository
  gimlet env create production --repository https://github.com/acme/gitops-production.git \\
      --repository-per-environment --pull-requests
  gimlet env create staging --repository git@github.com:acme/gitops.git \\
      --ssh-key ~/.ssh/gitops --known-hosts known_hosts
  # a key of its own for an SSH address, made here and added at the host
  gimlet env create staging --repository git@github.com:acme/gitops.git \\
      --deploy-key --known-hosts known_hosts
  gimlet env create staging --repository https://github.com/acme/gitops.git --dry-run=client")]
pub(super) struct CreateArgs {
    /// Name of the environment
    #[arg(value_name = "NAME")]
    name: String,
    /// Address of the gitops repository, without credentials
    #[arg(long, value_name = "URL")]
    repository: String,
    /// Branch that releases are written to, and that Flux follows
    #[arg(long, value_name = "BRANCH", default_value = "main")]
    branch: String,
    /// Folder of the environment in the repository [default: its name]
    #[arg(long, value_name = "FOLDER", conflicts_with = "repository_per_environment")]
    path: Option<String>,
    /// The repository is the environment's own: no folder
    #[arg(long)]
    repository_per_environment: bool,
    /// Make the repository at its host, if it is not there
    #[arg(long)]
    create_repository: bool,
    /// Make it one that everybody may read
    #[arg(long, requires = "create_repository")]
    public: bool,
    /// Write by pull requests, as a protected branch wants it
    #[arg(long)]
    pull_requests: bool,
    #[command(flatten)]
    host: HostArgs,
    /// Name of the Secret with the credentials [default: NAME-gitops]
    #[arg(long, value_name = "NAME", help_heading = "Credentials")]
    secret: Option<String>,
    #[command(flatten)]
    credentials: CredentialArgs,
    /// Make a key that may write, and add it to the repository with the token in GIMLET_GIT_TOKEN; without one
    /// it is printed, to be added by hand
    #[arg(
        long,
        requires = "known_hosts",
        conflicts_with = "ssh_key",
        help_heading = "Credentials"
    )]
    deploy_key: bool,
    /// Namespace of Flux' objects in the workload cluster
    #[arg(long, value_name = "NAME", default_value = "flux-system")]
    flux_namespace: String,
    /// Wait until the operator has written the environment's files
    #[arg(long)]
    wait: bool,
    /// How long to wait, such as 90s
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true)]
    timeout: Duration,
    #[command(flatten)]
    plan: PlanArgs,
}

/// What becomes of the Secret by which the operator writes.
enum Writing {
    /// The Secret is there, and stays.
    Kept,
    Given(Credentials),
    /// A new key.
    Key(DeployKey),
}

pub(super) async fn run(args: &CreateArgs, global: &Global) -> Result<Finish, CommandError> {
    let name = EnvName::parse(&args.name)?;
    let address = host::parse(&args.repository)?;
    let provider = if args.pull_requests || args.create_repository {
        Some(args.host.provider_of(&address)?)
    } else {
        None
    };
    if args.plan.dry_run == DryRun::Client {
        let namespace = global.namespace.as_deref().unwrap_or("default");
        let placeholder = Writing::Given(Credentials::placeholder(&args.repository));
        show(&args.wanted(name.as_str(), namespace, &placeholder))?;
        return Ok(Finish::Done);
    }
    let cluster = Cluster::connect(global).await?;
    let writing = args.writing(&cluster).await?;
    let hosted = match provider {
        Some(_) if args.create_repository => Some(args.open(&writing)?),
        _ => None,
    };
    let made = match &hosted {
        Some(hosted) => hosted.to_be_made(args.public).await?,
        None => None,
    };
    let wanted = args.wanted(name.as_str(), &cluster.namespace, &writing);
    let (key, kept) = match &writing {
        Writing::Key(key) => (Some(key.words()), None),
        Writing::Kept => {
            (None, Some(format!("the Secret {} is there, and stays as it is", args.secret_name())))
        }
        Writing::Given(_) => (None, None),
    };
    let title = format!("environment {name} in namespace {}:", cluster.namespace);
    let makes = made.is_some();
    let plan = Plan::look(&cluster, title, wanted).await?.before(made).before(key).note(kept);
    if plan.agree(&args.plan)? {
        let dry_run = args.plan.dry_run == DryRun::Server;
        if let Some(hosted) = hosted.filter(|_| makes) {
            args.make(&hosted, &address.to_string(), dry_run).await?;
        }
        if let (Writing::Key(key), false) = (&writing, dry_run) {
            let token = args.credentials.for_api()?;
            key.publish(&args.host, &args.repository, token.as_ref()).await?;
        }
        plan.apply(&cluster, dry_run).await?;
        if dry_run {
            return Ok(Finish::Done);
        }
    }
    if args.wait && args.plan.dry_run == DryRun::None {
        until::<Environment>(&cluster, name.as_str(), args.timeout, judge, said).await?;
        output::print(&format!("environment.gimlet.io/{name} ready\n"))?;
    }
    output::note(&format!(
        "hint: let Flux follow it: gimlet env connect {name} -n {} --cluster-context CONTEXT",
        cluster.namespace
    ));
    Ok(Finish::Done)
}

impl CreateArgs {
    fn secret_name(&self) -> String {
        self.secret.clone().unwrap_or_else(|| format!("{}-gitops", self.name))
    }

    /// Reads the credentials, unless the Secret is there and nobody named others.
    async fn writing(&self, cluster: &Cluster) -> Result<Writing, CommandError> {
        let secret = self.secret_name();
        let there = credentials::is_there(cluster, &cluster.namespace, &secret).await?;
        if self.deploy_key {
            deploy_key::for_ssh(&self.repository, "set GIMLET_GIT_TOKEN, and leave the flag out")?;
            if there == Some(true) {
                return Ok(Writing::Kept);
            }
            let known_hosts = self.credentials.known_hosts()?.unwrap_or_default();
            let title = format!("gimlet {}", self.name);
            return DeployKey::new(title, true, known_hosts).map(Writing::Key);
        }
        if there == Some(true) && !self.credentials.given() && !self.create_repository {
            return Ok(Writing::Kept);
        }
        match self.credentials.read(&self.repository)? {
            Some(found) => Ok(Writing::Given(found)),
            None if there == Some(true) => Ok(Writing::Kept),
            None => Err(credentials::missing(&secret, &cluster.namespace, &self.repository)),
        }
    }

    /// Opens the repository at its host: with the token that it is written by, or for SSH with that of
    /// the environment of this process.
    fn open(&self, writing: &Writing) -> Result<Hosted, CommandError> {
        let found = match writing {
            Writing::Given(found) if found.token().is_some() => Some(found.clone()),
            _ => self.credentials.for_api()?,
        };
        self.host.open(&self.repository, found.as_ref())
    }

    /// Lists the objects; a Secret that stays is left out.
    fn wanted(&self, name: &str, namespace: &str, writing: &Writing) -> Vec<Wanted> {
        let secret = self.secret_name();
        let mut wanted = vec![Wanted::of(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        )];
        match writing {
            Writing::Kept => {}
            Writing::Given(found) => wanted.push(Wanted::of(found.secret(namespace, &secret))),
            Writing::Key(key) => wanted.push(Wanted::of(key.secret(namespace, &secret))),
        }
        wanted.push(Wanted::of(json!({
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "Environment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "gitops": self.gitops(name, &secret),
                "flux": {"namespace": self.flux_namespace, "secretRef": {"name": secret}},
            },
        })));
        wanted
    }

    fn gitops(&self, name: &str, secret: &str) -> Value {
        let folder = if self.repository_per_environment { "" } else { name };
        let mut gitops = json!({
            "url": self.repository,
            "branch": self.branch,
            "path": self.path.as_deref().unwrap_or(folder),
            "secretRef": {"name": secret},
        });
        if self.pull_requests {
            gitops["push"] = "PullRequest".into();
            let provider = host::parse(&self.repository)
                .and_then(|address| self.host.provider_of(&address))
                .map(host::ProviderName::as_str);
            if let Ok(provider) = provider {
                gitops["provider"] = provider.into();
            }
            if let Some(api) = &self.host.api_url {
                gitops["apiUrl"] = api.as_str().into();
            }
        }
        gitops
    }

    async fn make(&self, hosted: &Hosted, what: &str, dry_run: bool) -> Result<(), CommandError> {
        if dry_run {
            return output::print(&format!(
                "repository {what} would be created (server dry run)\n"
            ));
        }
        hosted.create(self.public, &self.branch).await?;
        output::print(&format!("repository {what} created\n"))
    }
}

/// Tells whether the operator has looked at the environment as it is now.
fn judge(environment: &Environment) -> Judged {
    let status = environment.status.clone().unwrap_or_default();
    let current = status.observed_generation == environment.metadata.generation;
    if current && condition::is_true(&status.conditions, READY) {
        return ControlFlow::Break(Ok(()));
    }
    ControlFlow::Continue(())
}

fn said(environment: &Environment) -> String {
    let status = environment.status.clone().unwrap_or_default();
    condition::find(&status.conditions, READY)
        .map_or_else(|| "no operator has looked at it".to_owned(), |ready| ready.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use insta::assert_snapshot;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CreateArgs,
    }

    fn args(line: &str) -> CreateArgs {
        Line::parse_from(["gimlet"].into_iter().chain(line.split(' '))).args
    }

    fn shown(line: &str) -> String {
        let args = args(line);
        let placeholder = Writing::Given(Credentials::placeholder(&args.repository));
        let wanted = args.wanted(&args.name, "team", &placeholder);
        let objects = wanted.iter().map(|one| output::object(one.object(), output::Format::Yaml));
        objects.map(Result::unwrap).collect::<Vec<_>>().join("---\n")
    }

    #[test]
    fn a_folder_of_a_shared_repository_is_the_usual_way() {
        assert_snapshot!(shown("staging --repository https://github.com/acme/gitops.git"));
    }

    #[test]
    fn a_repository_of_its_own_by_pull_requests() {
        assert_snapshot!(shown(
            "production --repository git@git.example.com:acme/production.git \
             --repository-per-environment --pull-requests --provider gitea \
             --secret git --flux-namespace flux --ssh-key k --known-hosts h"
        ));
    }
}
