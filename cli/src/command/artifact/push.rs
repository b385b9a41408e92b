//! `artifact push`: ships the version that CI builds.

mod build;
mod tell;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use gimlet_crds::{Artifact, ArtifactEvent, ArtifactSpec};
use kube::ResourceExt as _;
use serde_json::Value;

use self::build::{build, same};
use super::following::{Following, follow};
use crate::args::Global;
use crate::ci::{self, Checkout, Environment, Facts, Outputs, Provider};
use crate::cluster::Cluster;
use crate::command::write::{DryRun, WriteArgs};
use crate::error::{CommandError, Finish};
use crate::follow::parse_duration;
use crate::manifest_source::parse_vars;
use crate::output::{self, Format};

/// Largest payload of an event that is read, in bytes.
const MAX_PAYLOAD: u64 = 8 * 1024 * 1024;
/// Largest file of variables that is read, in bytes.
const MAX_VARS: u64 = 1024 * 1024;

/// Ship the version that CI has built, with the deploy manifests of its commit
///
/// Commit, branch, tag, pull request and author come from the CI that runs this (GitHub Actions, Gitea and
/// Forgejo Actions, GitLab CI, CircleCI, Woodpecker, Jenkins, Azure Pipelines, Bitbucket Pipelines, Buildkite),
/// else from git; flags come before. Of a pull request it is the commit that people wrote, not the merge that CI
/// tries. The policies of the manifests decide what is released.
///
/// The same version with the same manifests and variables has the same name: a pipeline that runs again
/// ships nothing twice. With --wait it ends well only when everything that was set off runs; a manifest whose
/// policy did not match is no failure, and it says why. Variables are those that you name: the environment of
/// the process is never shipped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet artifact push --var IMAGE=ghcr.io/acme/shop --wait
  gimlet artifact push --var-file build.env --wait --timeout 15m
  # what would be shipped
  gimlet artifact push --dry-run=client
  # from a script that no CI runs
  gimlet artifact push --repository acme/shop --branch main")]
pub(crate) struct PushArgs {
    /// Variable for the templates of the manifests; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    var: Vec<String>,
    /// File of variables, one NAME=VALUE a line; repeatable
    #[arg(long, value_name = "FILE")]
    var_file: Vec<PathBuf>,
    /// Folder of the deploy manifests, from the top of the checkout
    #[arg(long, value_name = "DIR", default_value = ".gimlet")]
    folder: PathBuf,
    /// Write what became of it as variables (GIMLET_ARTIFACT, …) to a file, such as a dotenv report of GitLab
    #[arg(long, value_name = "FILE")]
    dotenv: Option<PathBuf>,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    facts: FactArgs,
    /// Wait until everything that it sets off runs
    #[arg(long, help_heading = "Waiting")]
    wait: bool,
    /// How long to wait, such as 90s or 10m; the releases go on afterwards
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true, help_heading = "Waiting")]
    timeout: Duration,
    /// Stop at once where a person has to act first (exit code 8)
    #[arg(long, help_heading = "Waiting")]
    fail_on_waiting: bool,
}

/// Flags that come before what CI says.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Version, where CI does not say it")]
struct FactArgs {
    /// Repository of the application, such as acme/shop
    #[arg(long, visible_alias = "repo", value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// Commit
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// What made the version
    #[arg(long, value_name = "EVENT")]
    event: Option<Event>,
    /// Branch; of a pull request the one that it comes from
    #[arg(long)]
    branch: Option<String>,
    /// Tag
    #[arg(long)]
    tag: Option<String>,
    /// Number of the pull request
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    pull_request: Option<i64>,
    /// Branch that the pull request goes to
    #[arg(long, value_name = "BRANCH")]
    target_branch: Option<String>,
    /// What people call the version; the tag or the short commit otherwise
    #[arg(long = "version", value_name = "NAME")]
    name: Option<String>,
    /// Author of the commit
    #[arg(long)]
    author: Option<String>,
    /// Message of the commit
    #[arg(long)]
    message: Option<String>,
    /// Page of the commit
    #[arg(long = "commit-url", value_name = "URL")]
    url: Option<String>,
}

/// What makes a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Event {
    /// Commits were pushed to a branch
    Push,
    /// A tag was made
    Tag,
    /// A pull request was opened or changed
    Pr,
}

pub(super) async fn run(args: &PushArgs, global: &Global) -> Result<Finish, CommandError> {
    let env = Environment::of_process();
    let provider = Provider::detect(&env);
    let artifact = collect(args, provider, &env)?;
    let write = &args.write;
    if write.dry_run == DryRun::Client {
        let mut shown = artifact;
        shown.metadata.namespace.clone_from(&global.namespace);
        write.show(&shown)?;
        return Ok(Finish::Done);
    }
    let cluster = Cluster::connect(global).await?;
    let (shipped, created) = ship(&cluster, &artifact, write).await?;
    let name = shipped.name_any();
    let label = shipped.spec.version.label().unwrap_or_default();
    output::note(&format!("{label} of {}, by {}", repository(&shipped), provider.name()));
    let follows = args.wait && write.dry_run == DryRun::None;
    if !(follows && matches!(write.output, Format::Json | Format::Yaml)) {
        write.tell(&shipped, if created { "created" } else { "unchanged" })?;
    }
    let outputs = Outputs::find(provider, &env, args.dotenv.as_deref());
    if !follows {
        if write.dry_run == DryRun::None {
            outputs.tell(&tell::shipped(&shipped))?;
            write.hint(&format!("gimlet wait artifact {name}"));
        }
        return Ok(Finish::Done);
    }
    let following = Following { timeout: args.timeout, fail_on_waiting: args.fail_on_waiting };
    let followed = match follow(&cluster, &name, &following).await {
        Ok(followed) => followed,
        Err(error) => {
            outputs.tell(&tell::failed(&shipped, &error))?;
            return Err(error);
        }
    };
    match write.output {
        Format::Json | Format::Yaml => write.tell(&followed.artifact, "")?,
        Format::Name => {}
        Format::Table | Format::Wide => output::print(&followed.text())?,
    }
    outputs.tell(&tell::followed(&followed))?;
    followed.verdict()?;
    Ok(Finish::Done)
}

fn repository(artifact: &Artifact) -> &str {
    artifact.spec.version.repository.as_deref().unwrap_or_default()
}

/// Makes the artifact of what CI, git and the flags say.
fn collect(
    args: &PushArgs,
    provider: Provider,
    env: &Environment,
) -> Result<Artifact, CommandError> {
    let here = Path::new(".");
    let checkout = Checkout::read(here);
    let payload = payload(env);
    let facts = ci::facts(provider, env, payload.as_ref(), &checkout);
    let facts = args.facts.over(facts);
    if facts.fork {
        return Err(CommandError::general(
            "the pull request comes from another repository: no artifact is made of it",
        )
        .hint(
            "whoever can copy a repository could have anything deployed; skip this step for forks",
        ));
    }
    let commit = facts.sha.as_deref().and_then(|sha| ci::commit(here, sha));
    let top = checkout.top.clone().unwrap_or_else(|| here.to_owned());
    let manifests = ci::manifests(&top, &args.folder)?;
    let vars = ci::variables(given(args)?, &facts)?;
    build(&facts, args.facts.name.as_ref(), commit.as_ref(), vars, manifests, provider)
}

/// Reads the variables that were asked for; flags come before files.
fn given(args: &PushArgs) -> Result<gimlet_manifest::Vars, CommandError> {
    let mut vars = gimlet_manifest::Vars::new();
    for path in &args.var_file {
        let shown = path.display().to_string();
        let failed = |why: &str| CommandError::usage(format!("{shown} cannot be read: {why}"));
        let size = std::fs::metadata(path).map_err(|error| failed(&error.to_string()))?.len();
        if size > MAX_VARS {
            return Err(failed("it is too large"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error.to_string()))?;
        vars.extend(ci::parse_file(&shown, &text)?);
    }
    vars.extend(parse_vars(&args.var)?);
    Ok(vars)
}

/// Reads what GitHub and Gitea tell of the event; without it the variables have to do.
fn payload(env: &Environment) -> Option<Value> {
    let path = env.get("GITHUB_EVENT_PATH")?;
    let size = std::fs::metadata(path).ok()?.len();
    if size > MAX_PAYLOAD {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

impl FactArgs {
    /// Puts what was typed over what CI says.
    fn over(&self, facts: Facts) -> Facts {
        let Self {
            repository,
            commit,
            event,
            branch,
            tag,
            pull_request,
            target_branch,
            name: _,
            author,
            message,
            url,
        } = self;
        let or = |typed: &Option<String>, found: Option<String>| typed.clone().or(found);
        let event = event.map(|event| match event {
            Event::Push => ArtifactEvent::Push,
            Event::Tag => ArtifactEvent::Tag,
            Event::Pr => ArtifactEvent::PullRequest,
        });
        // Another commit has another author, message and page.
        let other = commit.is_some() && *commit != facts.sha;
        let kept = |found: Option<String>| found.filter(|_| !other);
        Facts {
            repository: or(repository, facts.repository),
            sha: or(commit, facts.sha),
            event: event.unwrap_or(facts.event),
            branch: or(branch, facts.branch),
            target_branch: or(target_branch, facts.target_branch),
            pull_request: pull_request.or(facts.pull_request),
            tag: or(tag, facts.tag),
            author: or(author, kept(facts.author)),
            message: or(message, kept(facts.message)),
            url: or(url, kept(facts.url)),
            run: facts.run,
            actor: facts.actor,
            fork: facts.fork,
        }
    }
}

/// Creates the artifact; one that is there already with the same content is what was asked for.
async fn ship(
    cluster: &Cluster,
    artifact: &Artifact,
    write: &WriteArgs,
) -> Result<(Artifact, bool), CommandError> {
    let name = artifact.name_any();
    let api = cluster.api::<Artifact>();
    // Looked for first, as a pipeline that runs again is the usual case where it is there.
    let failed =
        |error: kube::Error| cluster.request("get", "artifacts", Some(&name)).failed(&error);
    let found = match api.get_opt(&name).await.map_err(failed)? {
        Some(found) => found,
        None => match write.create(cluster, artifact).await {
            Ok(created) => return Ok((created, true)),
            // Two jobs of a pipeline may ship at the same moment.
            Err(error) => match api.get_opt(&name).await.map_err(failed)? {
                Some(found) => found,
                None => return Err(error),
            },
        },
    };
    if same(&artifact.spec, &found.spec) {
        return Ok((found, false));
    }
    Err(differs(&name, &artifact.spec, &found.spec))
}

fn differs(name: &str, ours: &ArtifactSpec, theirs: &ArtifactSpec) -> CommandError {
    let what =
        if ours.version.sha == theirs.version.sha { "other content" } else { "another commit" };
    CommandError::general(format!("there is an artifact {name} with {what}"))
        .hint(format!("look at it: gimlet artifact get {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_before_what_ci_says() {
        let facts = Facts {
            sha: Some("aaaaaaa".into()),
            branch: Some("main".into()),
            message: Some("of a".into()),
            ..Facts::default()
        };
        let same = FactArgs { branch: Some("other".into()), ..FactArgs::default() };
        let over = same.over(facts.clone());
        assert_eq!(
            (over.branch.as_deref(), over.message.as_deref()),
            (Some("other"), Some("of a"))
        );
        let another = FactArgs { commit: Some("bbbbbbb".into()), ..FactArgs::default() };
        let over = another.over(facts);
        assert_eq!((over.sha.as_deref(), over.message), (Some("bbbbbbb"), None));
    }
}
