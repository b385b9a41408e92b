//! `set create`: a set made, and followed where that was asked for.

use clap::Args;
use gimlet_crds::name::{AppName, EnvName};
use gimlet_crds::{App, ArtifactRef, Release, ReleaseSet, ReleaseSetSpec, SetRollback};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::api::ListParams;
use kube::core::ObjectMeta;

use super::super::promote::promotable;
use super::super::write::{DryRun, WriteArgs, fetch};
use super::super::{plan, wait};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::manifest_source::parse_vars;
use crate::output::{self, Format};

/// Release several apps in one commit, all of them or none
///
/// Creates a ReleaseSet: the operator makes a Release of each app, lets each pass its gates, and commits them
/// together once all are ready. If one ends before that, all end. The apps come from one artifact, or become
/// what git had of them before; without names they are all that are there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  # what staging runs of two apps, which are of one artifact
  gimlet set create cart web -e production --from staging --reason \"spring sale\" --wait
  # all apps of an artifact
  gimlet set create -e staging --artifact shop-1f0c2a9b3d
  # the whole environment, as it was at noon
  gimlet set create -e production --to 2026-01-31T12:00:00Z --reason \"all is slow since noon\"
  # what would change
  gimlet set create cart web -e production --from staging --plan-only --wait")]
pub(super) struct CreateArgs {
    /// Names of the apps
    #[arg(value_name = "APP", add = complete::apps())]
    apps: Vec<String>,
    /// Environment
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        env = "GIMLET_ENVIRONMENT",
        hide_env_values = true,
        add = complete::environments()
    )]
    environment: String,
    #[command(flatten)]
    source: SourceArgs,
    /// Variable for the templates of the manifests; repeatable
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "to")]
    var: Vec<String>,
    /// Why; needed for --to, and while an app is on hold
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only plan: say what would change, commit nothing
    #[arg(long)]
    plan_only: bool,
    #[command(flatten)]
    write: WriteArgs,
    /// Wait for the set, and tell each step
    #[arg(long, help_heading = "Waiting")]
    wait: bool,
    #[command(flatten, next_help_heading = "Waiting")]
    goal: wait::GoalArgs,
}

/// What the apps become.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SourceArgs {
    /// Release the manifests that an artifact has for the apps and the environment
    #[arg(long, value_name = "NAME", add = complete::artifacts())]
    artifact: Option<String>,
    /// Release what another environment runs of them; it has to be of one artifact
    #[arg(long, value_name = "ENV", add = complete::environments())]
    from: Option<String>,
    /// Put back what git had of them: at a commit, or at a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "COMMIT|TIME", value_parser = parse_past)]
    to: Option<SetRollback>,
}

pub(super) async fn run(args: &CreateArgs, global: &Global) -> Result<Finish, CommandError> {
    let CreateArgs { apps, environment, source, var: _, reason, plan_only: _, write, .. } = args;
    EnvName::parse(environment)?;
    for app in apps {
        AppName::parse(app)?;
    }
    let said = reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
    if source.to.is_some() && !said {
        return Err(CommandError::usage("a reason is required for a rollback")
            .hint("say why with --reason \"…\"; people and the audit log will read it"));
    }
    if source.from.as_ref() == Some(environment) {
        return Err(CommandError::usage(format!("{environment} cannot be promoted to itself"))
            .hint("name another environment with --from"));
    }
    let mut set = build(args)?;
    if write.dry_run == DryRun::Client {
        if source.from.is_some() {
            return Err(CommandError::usage("without a cluster nobody knows what it runs")
                .hint("name the artifact with --artifact, or use --dry-run=server"));
        }
        set.metadata.namespace.clone_from(&global.namespace);
        write.show(&set)?;
        return Ok(Finish::Done);
    }
    let cluster = Cluster::connect(global).await?;
    if let Some(from) = &source.from {
        let (artifact, apps) = running(&cluster, from, apps, environment).await?;
        set.spec.artifact = Some(artifact);
        set.spec.apps = apps;
    }
    set.spec.requested_by = cluster.person().await;
    send(&cluster, &set, args).await?;
    Ok(Finish::Done)
}

/// Makes the object; what another environment runs is not known yet.
fn build(args: &CreateArgs) -> Result<ReleaseSet, CommandError> {
    let CreateArgs { apps, environment, source, var, reason, plan_only, .. } = args;
    let artifact = source.artifact.clone().map(|name| ArtifactRef { name, namespace: None });
    Ok(ReleaseSet {
        metadata: ObjectMeta {
            generate_name: Some(format!("{environment}-")),
            ..ObjectMeta::default()
        },
        spec: ReleaseSetSpec {
            environment: environment.clone(),
            apps: apps.clone(),
            artifact,
            rollback_to: source.to.clone(),
            vars: parse_vars(var)?,
            reason: reason.clone(),
            plan_only: *plan_only,
            ..ReleaseSetSpec::default()
        },
        status: None,
    })
}

async fn send(cluster: &Cluster, set: &ReleaseSet, args: &CreateArgs) -> Result<(), CommandError> {
    let CreateArgs { write, wait, goal, .. } = args;
    let made: ReleaseSet = write.create(cluster, set).await?;
    let name = made.name_any();
    if !wait || write.dry_run == DryRun::Server {
        write.tell(&made, "created")?;
        write.hint(&format!("gimlet wait set {name} -n {}", cluster.namespace));
        return Ok(());
    }
    // Whoever asked for the object is given the one at the end, and nothing else.
    let object = matches!(write.output, Format::Json | Format::Yaml);
    if !object {
        write.tell(&made, "created")?;
    }
    let ended = wait::follow_set(cluster, &name, goal).await?;
    if object {
        return write.tell(&ended, "created");
    }
    if !ended.spec.plan_only || write.output == Format::Name {
        return Ok(());
    }
    for member in ended.status.unwrap_or_default().releases {
        let release = fetch::<Release>(cluster, &member.release).await?;
        output::print(&plan::text(&release))?;
    }
    Ok(())
}

/// Finds out what an environment runs of apps: of those that are named, else of all.
async fn running(
    cluster: &Cluster,
    from: &str,
    names: &[String],
    to: &str,
) -> Result<(ArtifactRef, Vec<String>), CommandError> {
    EnvName::parse(from)?;
    let found = cluster
        .api::<App>()
        .list(&ListParams::default().fields(&format!("spec.environment={from}")))
        .await
        .map_err(|error| cluster.request("list", "apps", None).failed(&error))?;
    let names = wanted(&found.items, names);
    let artifact = shared(&found.items, &names, from, to)?;
    Ok((artifact, names))
}

/// Returns the apps that are named, else all that run: of one that was never released nothing could be
/// taken over.
fn wanted(apps: &[App], names: &[String]) -> Vec<String> {
    if !names.is_empty() {
        return names.to_vec();
    }
    let runs = |app: &&App| app.status.as_ref().is_some_and(|status| status.current.is_some());
    apps.iter().filter(runs).map(|app| app.spec.app.clone()).collect()
}

/// Returns the one artifact that all of the apps are of.
fn shared(
    apps: &[App],
    names: &[String],
    from: &str,
    to: &str,
) -> Result<ArtifactRef, CommandError> {
    let mut first: Option<(&str, ArtifactRef)> = None;
    for name in names {
        let app = apps.iter().find(|app| app.spec.app == *name);
        promotable(app, name, from)?;
        let current =
            app.and_then(|app| app.status.as_ref()).and_then(|status| status.current.as_ref());
        let Some(artifact) = current.and_then(|current| current.artifact.clone()) else { continue };
        match &first {
            None => first = Some((name, artifact)),
            Some((_, same)) if *same == artifact => {}
            Some((other, another)) => {
                return Err(CommandError::general(format!(
                    "a set is of one artifact, and {from} runs {other} of {} and {name} of {}",
                    another.name, artifact.name
                ))
                .hint(format!(
                    "release each by itself: gimlet promote {other} --from {from} --to {to}"
                )));
            }
        }
    }
    first.map(|(_, artifact)| artifact).ok_or_else(|| {
        CommandError::general(format!("{from} runs no app"))
            .hint(format!("gimlet app list -e {from} shows what is there"))
    })
}

/// Tells a commit from a time.
fn parse_past(text: &str) -> Result<SetRollback, String> {
    let is_commit = (7..=64).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_commit {
        return Ok(SetRollback { commit: Some(text.to_owned()), time: None });
    }
    let time: Timestamp = text.parse().map_err(|_| {
        "name a commit of the gitops repository, or a time such as 2026-01-31T12:00:00Z".to_owned()
    })?;
    Ok(SetRollback { commit: None, time: Some(Time(time)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use insta::assert_snapshot;
    use serde_json::json;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        create: CreateArgs,
    }

    fn line(words: &str) -> Result<CreateArgs, clap::Error> {
        let words = ["create"].into_iter().chain(words.split_whitespace());
        Line::try_parse_from(words).map(|line| line.create)
    }

    #[test]
    fn what_is_written_becomes_the_object() {
        let args = line("cart web -e prod --artifact shop-1 --var A=b --reason now --plan-only");
        let set = build(&args.unwrap()).unwrap();
        assert_eq!(set.metadata.generate_name.as_deref(), Some("prod-"));
        assert_eq!(
            serde_json::to_value(&set.spec).unwrap(),
            json!({"environment": "prod", "apps": ["cart", "web"], "artifact": {"name": "shop-1"},
                "vars": {"A": "b"}, "reason": "now", "trigger": "Manual", "planOnly": true,
                "cancel": false, "confirm": false})
        );
        let back = build(&line("-e prod --to 4e1f09c --reason slow").unwrap()).unwrap();
        assert_eq!(back.spec.rollback_to.unwrap().commit.as_deref(), Some("4e1f09c"));
        assert!(back.spec.apps.is_empty(), "all that were there");
    }

    #[test]
    fn there_is_exactly_one_source() {
        assert!(line("cart -e prod").is_err());
        assert!(line("cart -e prod --artifact a --from staging").is_err());
        assert!(line("cart -e prod --to 4e1f09c --var A=b").is_err(), "nothing is rendered");
        assert!(line("cart -e prod --to yesterday").is_err());
    }

    #[test]
    fn a_time_is_told_from_a_commit() {
        let past = parse_past("2026-01-31T12:00:00Z").unwrap();
        assert_eq!(
            past.time.map(|time| time.0.to_string()).as_deref(),
            Some("2026-01-31T12:00:00Z")
        );
        assert!(parse_past("4e1f09").is_err(), "too short for a commit");
    }

    fn app(name: &str, artifact: Option<&str>) -> App {
        let mut current = json!({"name": "r", "uid": "u", "commit": "c", "tree": "t",
            "time": "2026-01-03T00:00:00Z"});
        if let Some(artifact) = artifact {
            current["artifact"] = json!({"name": artifact});
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": name},
            "spec": {"app": name, "environment": "staging"}, "status": {"current": current},
        }))
        .unwrap()
    }

    #[test]
    fn without_names_all_apps_go_that_run() {
        let mut never = app("new", None);
        never.status = None;
        let apps = [app("cart", Some("v2")), never];
        assert_eq!(wanted(&apps, &[]), ["cart"]);
        assert_eq!(wanted(&apps, &["new".into()]), ["new"], "whoever names it is told why not");
    }

    #[test]
    fn apps_of_one_artifact_go_together_and_others_say_why_not() {
        let apps = [
            app("cart", Some("v2")),
            app("web", Some("v2")),
            app("old", Some("v1")),
            app("raw", None),
        ];
        let of = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            shared(&apps, &names, "staging", "prod")
                .map(|artifact| artifact.name)
                .map_err(|error| anstream::adapter::strip_str(&error.styled()).to_string())
        };
        assert_eq!(of(&["cart", "web"]).as_deref(), Ok("v2"));
        assert_snapshot!(of(&["cart", "old"]).unwrap_err(), @r"
        error: a set is of one artifact, and staging runs cart of v2 and old of v1
        hint: release each by itself: gimlet promote cart --from staging --to prod
        ");
        assert_snapshot!(of(&["raw"]).unwrap_err(), @r"
        error: raw in staging was not released from an artifact, so there is nothing to promote
        hint: release the manifest itself: gimlet release -f FILE
        ");
        assert_snapshot!(of(&["gone"]).unwrap_err(), @r"
        error: gone does not run in staging
        hint: gimlet status gone shows where it is
        ");
        assert_snapshot!(of(&[]).unwrap_err(), @r"
        error: staging runs no app
        hint: gimlet app list -e staging shows what is there
        ");
    }
}
