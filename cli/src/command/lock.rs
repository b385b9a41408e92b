//! `lock` and `unlock`: no releases for a while.

use clap::Args;
use gimlet_crds::name::{AppName, EnvName, app_object};
use gimlet_crds::{App, Environment, Lock};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::row::Row;
use super::write::{DryRun, WriteArgs, fetch, partial};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish, Kind};
use crate::follow::parse_duration;

/// Hold back every release of an environment, or of one app in it
///
/// Releases that are made meanwhile wait, and people are told the reason. Nothing is lost: they go on
/// when the lock is gone. With --until it ends by itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet lock production --reason \"code freeze\" --until 2027-01-02T08:00:00Z
  gimlet lock production/shop --reason \"database migration\" --until 2h
  gimlet unlock production")]
pub(crate) struct LockArgs {
    /// The environment, or one app in it
    #[arg(value_name = "ENV[/APP]", value_parser = Target::parse, add = complete::environments())]
    target: Target,
    /// Why; everybody whose release waits will read it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// When it ends by itself: a time such as 2027-01-02T08:00:00Z, or a duration such as 2h
    #[arg(long, value_name = "TIME|DURATION", value_parser = parse_until)]
    until: Option<Timestamp>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Let releases go on
///
/// Takes away the lock of an environment, or of one app in it. A hold, which a rollback sets, is
/// another thing: it stays unless --hold is given.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet unlock production
  gimlet unlock production/shop
  # after a rollback, let policies release the app again
  gimlet unlock production/shop --hold")]
pub(crate) struct UnlockArgs {
    /// The environment, or one app in it
    #[arg(value_name = "ENV[/APP]", value_parser = Target::parse, add = complete::environments())]
    target: Target,
    /// Take the hold of the app away too
    #[arg(long)]
    hold: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// What is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Environment(String),
    App { app: String, environment: String },
}

impl Target {
    fn parse(text: &str) -> Result<Self, String> {
        let (environment, app) = match text.split_once('/') {
            Some((environment, app)) => (environment, Some(app)),
            None => (text, None),
        };
        EnvName::parse(environment).map_err(|error| error.to_string())?;
        let Some(app) = app else {
            return Ok(Self::Environment(environment.to_owned()));
        };
        AppName::parse(app).map_err(|error| error.to_string())?;
        Ok(Self::App { app: app.to_owned(), environment: environment.to_owned() })
    }

    fn words(&self) -> String {
        match self {
            Self::Environment(name) => name.clone(),
            Self::App { app, environment } => format!("{environment}/{app}"),
        }
    }
}

/// Reads a time, or a duration from now on.
fn parse_until(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let broken = || "use a time such as 2027-01-02T08:00:00Z, or a duration such as 2h".to_owned();
    let duration = parse_duration(text).map_err(|_| broken())?;
    let span = jiff::SignedDuration::try_from(duration).map_err(|_| broken())?;
    Timestamp::now().checked_add(span).map_err(|_| broken())
}

pub(super) async fn lock(args: &LockArgs, global: &Global) -> Result<Finish, CommandError> {
    let LockArgs { target, reason, until, write } = args;
    let Some(reason) = reason.as_ref().filter(|reason| !reason.trim().is_empty()) else {
        return Err(CommandError::usage("a reason is required for a lock")
            .hint(format!("gimlet lock {} --reason \"…\"", target.words())));
    };
    let now = Timestamp::now();
    if until.is_some_and(|until| until <= now) {
        return Err(CommandError::usage("--until is over already")
            .hint("name a time that is to come, or a duration such as 2h"));
    }
    let until = until.map(|time| Time(gimlet_crds::condition::whole_second(time)));
    let lock = Lock { reason: reason.clone(), until };
    let spec = json!({"lock": lock});
    let became = match &lock.until {
        Some(until) => format!("locked until {}", until.0),
        None => "locked".to_owned(),
    };
    change(target, &spec, &became, write, global).await?;
    write.hint(&format!("gimlet unlock {} takes it away", target.words()));
    Ok(Finish::Done)
}

pub(super) async fn unlock(args: &UnlockArgs, global: &Global) -> Result<Finish, CommandError> {
    let UnlockArgs { target, hold, write } = args;
    let mut spec = json!({"lock": null});
    if *hold {
        if matches!(target, Target::Environment(_)) {
            return Err(CommandError::usage("only an app has a hold")
                .hint(format!("gimlet unlock {}/APP --hold", target.words())));
        }
        spec["hold"] = Value::Null;
    }
    if write.dry_run == DryRun::Client {
        change(target, &spec, "unlocked", write, global).await?;
        return Ok(Finish::Done);
    }
    let cluster = Cluster::connect(global).await?;
    let (was_locked, held) = match target {
        Target::Environment(name) => {
            (fetch::<Environment>(&cluster, name).await?.spec.lock.is_some(), None)
        }
        Target::App { app, environment } => {
            let spec = fetch::<App>(&cluster, &app_object(app, environment)).await?.spec;
            (spec.lock.is_some(), spec.hold)
        }
    };
    if !(was_locked || *hold && held.is_some()) {
        let error = CommandError::new(Kind::General, format!("{} is not locked", target.words()));
        return Err(match held {
            Some(held) => error.hint(format!(
                "it is on hold ({}); gimlet unlock {} --hold takes that away",
                held.reason,
                target.words()
            )),
            None => error.hint("gimlet status shows what is"),
        });
    }
    change(target, &spec, "unlocked", write, global).await?;
    Ok(Finish::Done)
}

async fn change(
    target: &Target,
    spec: &Value,
    became: &str,
    write: &WriteArgs,
    global: &Global,
) -> Result<(), CommandError> {
    match target {
        Target::Environment(name) => {
            change_one::<Environment>(name, spec, became, write, global).await
        }
        Target::App { app, environment } => {
            change_one::<App>(&app_object(app, environment), spec, became, write, global).await
        }
    }
}

async fn change_one<K: Row>(
    name: &str,
    spec: &Value,
    became: &str,
    write: &WriteArgs,
    global: &Global,
) -> Result<(), CommandError> {
    if write.dry_run == DryRun::Client {
        return write.show(&partial::<K>(global.namespace.as_deref(), name, spec));
    }
    let cluster = Cluster::connect(global).await?;
    let changed: K = write.patch(&cluster, name, spec).await?;
    write.tell(&changed, became)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_named_after_its_environment() {
        let app = Target::App { app: "shop".into(), environment: "production".into() };
        assert_eq!(Target::parse("production/shop"), Ok(app));
        assert_eq!(Target::parse("production"), Ok(Target::Environment("production".into())));
        for bad in ["", "/", "production/", "/shop", "a/b/c", "Production", "../x"] {
            assert!(Target::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_end_is_a_time_or_a_duration() {
        let time: Timestamp = "2027-01-02T08:00:00Z".parse().unwrap();
        assert_eq!(parse_until("2027-01-02T08:00:00Z"), Ok(time));
        let soon = parse_until("2h").unwrap().duration_since(Timestamp::now()).as_secs();
        assert!((7190..=7200).contains(&soon), "{soon}");
        assert!(parse_until("tomorrow").is_err());
    }
}
