//! `promote`: what one environment runs, to the next.

use clap::Args;
use gimlet_crds::client::generate_name;
use gimlet_crds::name::{AppName, EnvName, app_object};
use gimlet_crds::{App, Environment, PromoteFrom, Release, ReleaseSpec};
use kube::core::ObjectMeta;

use super::send::{self, Sending};
use super::write::{DryRun, WriteArgs, fetch};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish, Kind};
use crate::follow::WaitArgs;

/// Release to an environment what another one runs
///
/// The same artifact is released, with the manifest that it has for the environment. It passes the gates
/// of the environment as any release does. Without --from it is the environment that the rule of promotion
/// names (spec.promotion.from).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet promote shop --from staging --to production --wait
  # from the environment that the rule of production names
  gimlet promote shop --to production")]
pub(crate) struct PromoteArgs {
    /// Name of the app
    #[arg(value_name = "APP", add = complete::apps())]
    app: String,
    /// Environment that runs it
    #[arg(long, value_name = "ENV", add = complete::environments())]
    from: Option<String>,
    /// Environment to release it to
    #[arg(long, value_name = "ENV", add = complete::environments())]
    to: String,
    /// Why; needed while the app is on hold
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only plan: say what would change, commit nothing
    #[arg(long)]
    plan_only: bool,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

pub(super) async fn run(args: &PromoteArgs, global: &Global) -> Result<Finish, CommandError> {
    let PromoteArgs { app, from, to, reason, plan_only, write, wait } = args;
    AppName::parse(app)?;
    EnvName::parse(to)?;
    let mut release = Release {
        metadata: ObjectMeta {
            generate_name: Some(generate_name(app, to)),
            ..ObjectMeta::default()
        },
        spec: ReleaseSpec {
            app: app.clone(),
            environment: to.clone(),
            reason: reason.clone(),
            plan_only: *plan_only,
            ..ReleaseSpec::default()
        },
        status: None,
    };
    if let Some(from) = from {
        EnvName::parse(from)?;
        if from == to {
            return Err(CommandError::usage(format!("{from} cannot be promoted to itself"))
                .hint(format!("gimlet promote {app} --from ENV --to {to}")));
        }
    }
    if write.dry_run == DryRun::Client {
        let Some(from) = from else {
            return Err(CommandError::usage("without a cluster nobody knows where it comes from")
                .hint(format!("gimlet promote {app} --from ENV --to {to} --dry-run=client")));
        };
        release.spec.promote_from = Some(PromoteFrom { environment: from.clone() });
        release.metadata.namespace.clone_from(&global.namespace);
        write.show(&release)?;
        return Ok(Finish::Done);
    }
    let cluster = Cluster::connect(global).await?;
    let from = match from {
        Some(from) => from.clone(),
        None => rule_of(&fetch::<Environment>(&cluster, to).await?, app, to)?,
    };
    let source = cluster
        .api::<App>()
        .get_opt(&app_object(app, &from))
        .await
        .map_err(|error| cluster.request("get", "apps", None).failed(&error))?;
    promotable(source.as_ref(), app, &from)?;
    release.spec.promote_from = Some(PromoteFrom { environment: from });
    release.spec.requested_by = cluster.person().await;
    let dry_run = write.dry_run == DryRun::Server;
    send::send(&cluster, &release, &Sending { dry_run, output: write.output, wait }).await?;
    Ok(Finish::Done)
}

/// Returns the environment that the rule of promotion names.
fn rule_of(environment: &Environment, app: &str, to: &str) -> Result<String, CommandError> {
    let rule = environment.spec.promotion.as_ref();
    rule.map(|rule| rule.from.clone()).ok_or_else(|| {
        CommandError::usage(format!("{to} has no rule of promotion, so --from has to be given"))
            .hint(format!("gimlet promote {app} --from ENV --to {to}"))
    })
}

/// Refuses what the operator would refuse a moment later.
pub(super) fn promotable(app: Option<&App>, name: &str, from: &str) -> Result<(), CommandError> {
    let current = app.and_then(|app| app.status.as_ref()).and_then(|s| s.current.as_ref());
    let Some(current) = current else {
        return Err(CommandError::new(Kind::NotFound, format!("{name} does not run in {from}"))
            .hint(format!("gimlet status {name} shows where it is")));
    };
    if current.artifact.is_none() {
        return Err(CommandError::general(format!(
            "{name} in {from} was not released from an artifact, so there is nothing to promote"
        ))
        .hint("release the manifest itself: gimlet release -f FILE"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::{Value, json};

    fn app(current: &Value) -> App {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": "shop.staging"},
            "spec": {"app": "shop", "environment": "staging"}, "status": {"current": current},
        }))
        .unwrap()
    }

    fn told(app: Option<&App>) -> String {
        let error = promotable(app, "shop", "staging").unwrap_err();
        anstream::adapter::strip_str(&error.styled()).to_string()
    }

    #[test]
    fn only_what_came_from_an_artifact_is_promoted() {
        let mut current = json!({"name": "r", "uid": "u", "commit": "c", "tree": "t",
            "time": "2026-01-03T00:00:00Z"});
        assert_snapshot!(told(None), @r"
        error: shop does not run in staging
        hint: gimlet status shop shows where it is
        ");
        assert_snapshot!(told(Some(&app(&current))), @r"
        error: shop in staging was not released from an artifact, so there is nothing to promote
        hint: release the manifest itself: gimlet release -f FILE
        ");
        current["artifact"] = json!({"name": "a"});
        assert!(promotable(Some(&app(&current)), "shop", "staging").is_ok());
    }

    #[test]
    fn the_rule_of_the_environment_says_where_it_comes_from() {
        let environment = |spec: Value| -> Environment {
            let mut all = json!({"gitops": {"url": "https://git.example.com/a/b.git"}});
            for (key, value) in spec.as_object().unwrap() {
                all[key] = value.clone();
            }
            serde_json::from_value(
                json!({"apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
                "metadata": {"name": "production"}, "spec": all}),
            )
            .unwrap()
        };
        let ruled = environment(json!({"promotion": {"from": "staging"}}));
        assert_eq!(rule_of(&ruled, "shop", "production").unwrap(), "staging");
        let error = rule_of(&environment(json!({})), "shop", "production").unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
