//! `events`: what the operator told of the objects.

use clap::Args;
use clap::builder::styling::AnsiColor;
use futures::StreamExt as _;
use gimlet_agent::protocol::EventLine;
use gimlet_crds::GROUP;
use gimlet_crds::name::app_object;
use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use kube::runtime::watcher::{self, Config};
use kube::runtime::{WatchStreamExt as _, watcher as watch};

use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::live::Agent;
use crate::output::{self, Cell, Format, since};

/// List what happened, the newest last
///
/// These are the Kubernetes events of the objects of Gimlet, which the cluster keeps for an hour or so.
/// What happened before is in gimlet history and in the gitops repository. With a server, an app and an
/// environment they are those of its pods, workloads and Flux' objects instead, from the agent of the
/// cluster that the app runs in.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet events
  gimlet events shop -e production
  gimlet events --warnings --watch")]
pub(crate) struct EventsArgs {
    /// Only those of an app and its releases
    #[arg(value_name = "APP", add = complete::apps())]
    app: Option<String>,
    /// Only those of an environment and what is in it
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        env = "GIMLET_ENVIRONMENT",
        hide_env_values = true,
        add = complete::environments()
    )]
    environment: Option<String>,
    /// Only warnings
    #[arg(long)]
    warnings: bool,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    /// Leave the titles of the columns out
    #[arg(long)]
    no_headers: bool,
    /// Go on, and tell each new one
    #[arg(short, long)]
    watch: bool,
}

const HEADERS: &[&str] = &["AGE", "TYPE", "REASON", "OBJECT", "NOTE"];

pub(super) async fn run(args: &EventsArgs, global: &Global) -> Result<Finish, CommandError> {
    let cluster = Cluster::connect(global).await?;
    if let (Some(app), Some(environment)) = (&args.app, &args.environment) {
        let place = Place { app: app.clone(), environment: environment.clone() };
        if let Some((agent, _)) = Agent::find(&cluster, &place).await? {
            return args.ask(&agent).await;
        }
    }
    let api: Api<Event> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let failed = |error| cluster.request("list", "events", None).failed(&error);
    let list = api.list(&ListParams::default()).await.map_err(failed)?;
    let mut events: Vec<Event> = list.items.into_iter().filter(|event| args.takes(event)).collect();
    events.sort_by_key(|event| (happened(event).map(|time| time.0), event.name_any()));
    if !args.watch {
        if events.is_empty() && matches!(args.output, Format::Table | Format::Wide) {
            output::note(&format!("there are no events in namespace {}", cluster.namespace));
            return Ok(Finish::Done);
        }
        output::print(&args.show(&events, !args.no_headers)?)?;
        return Ok(Finish::Done);
    }
    output::print(&args.show_stream(&events, !args.no_headers)?)?;
    follow(args, &cluster, api, &events).await?;
    Ok(Finish::Done)
}

/// Tells new events until the person has seen enough.
async fn follow(
    args: &EventsArgs,
    cluster: &Cluster,
    api: Api<Event>,
    told: &[Event],
) -> Result<(), CommandError> {
    let mut told: std::collections::HashSet<(String, Option<String>)> =
        told.iter().map(|event| (event.name_any(), event.resource_version())).collect();
    let mut stream = std::pin::pin!(watch(api, Config::default()).default_backoff());
    while let Some(next) = stream.next().await {
        let event = match next {
            Ok(watcher::Event::InitApply(event) | watcher::Event::Apply(event)) => event,
            Err(watcher::Error::InitialListFailed(error)) if matches!(&error, kube::Error::Api(status) if matches!(status.code, 401 | 403)) =>
            {
                return Err(cluster.request("watch", "events", None).failed(&error));
            }
            Ok(_) | Err(_) => continue,
        };
        if args.takes(&event) && told.insert((event.name_any(), event.resource_version())) {
            output::print(&args.show_stream(&[event], false)?)?;
        }
    }
    Ok(())
}

impl EventsArgs {
    /// Asks the agent of the app's cluster.
    async fn ask(&self, agent: &Agent<'_>) -> Result<Finish, CommandError> {
        if self.watch {
            return Err(CommandError::usage("an agent is asked once: leave --watch out"));
        }
        let mut events = agent.events().await?;
        events.retain(|event| !self.warnings || event.warning);
        let text = match self.output {
            Format::Json | Format::Yaml => output::list(&events, self.output)?,
            Format::Name => output::lines(events.iter().map(|event| event.object.clone())),
            Format::Table | Format::Wide => {
                let now = Timestamp::now();
                let rows: Vec<_> = events.iter().map(|event| told(event, now)).collect();
                output::table((!self.no_headers).then_some(HEADERS), &rows)
            }
        };
        output::print(&text)?;
        Ok(Finish::Done)
    }

    fn takes(&self, event: &Event) -> bool {
        let Some(about) = &event.regarding else {
            return false;
        };
        let of_gimlet = about.api_version.as_deref().unwrap_or_default();
        let of_gimlet = of_gimlet.split_once('/').is_some_and(|(group, _)| group == GROUP);
        if !of_gimlet || (self.warnings && event.type_.as_deref() != Some("Warning")) {
            return false;
        }
        let kind = about.kind.as_deref().unwrap_or_default();
        let name = about.name.as_deref().unwrap_or_default();
        match (&self.app, &self.environment) {
            (None, None) => true,
            (None, Some(environment)) if kind == "Environment" => name == environment,
            (app, environment) => {
                matches!(kind, "App" | "Release")
                    && place(name).is_some_and(|(of, at)| {
                        app.as_ref().is_none_or(|app| app == of)
                            && environment.as_ref().is_none_or(|wanted| at.is(kind, of, wanted))
                    })
            }
        }
    }

    fn show(&self, events: &[Event], headers: bool) -> Result<String, CommandError> {
        let now = Timestamp::now();
        match self.output {
            Format::Json | Format::Yaml => output::list(events, self.output),
            Format::Name => {
                Ok(output::lines(events.iter().map(|event| format!("event/{}", event.name_any()))))
            }
            Format::Table | Format::Wide => {
                let rows: Vec<_> = events.iter().map(|event| row(event, now)).collect();
                Ok(output::table(headers.then_some(HEADERS), &rows))
            }
        }
    }

    fn show_stream(&self, events: &[Event], headers: bool) -> Result<String, CommandError> {
        match self.output {
            Format::Json => events.iter().map(output::object_line).collect(),
            Format::Yaml => events
                .iter()
                .map(|event| Ok(format!("---\n{}", output::object(event, Format::Yaml)?)))
                .collect(),
            Format::Table | Format::Wide | Format::Name => self.show(events, headers),
        }
    }
}

/// What follows the app in the name of an App or a Release.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Tells whether it is an environment: that of an App, or with the suffix of a Release.
    fn is(&self, kind: &str, app: &str, environment: &str) -> bool {
        if kind == "App" {
            return app_object(app, self.0) == app_object(app, environment);
        }
        // The suffix has no dash, so that `staging` is not taken for a part of `staging-eu`.
        let suffix = self.0.strip_prefix(environment).and_then(|rest| rest.strip_prefix('-'));
        self.0 == environment || suffix.is_some_and(|suffix| !suffix.contains('-'))
    }
}

/// Splits the name of an App or a Release at the end of the app.
fn place(name: &str) -> Option<(&str, Rest<'_>)> {
    name.split_once('.').map(|(app, rest)| (app, Rest(rest)))
}

/// Returns when an event happened last.
fn happened(event: &Event) -> Option<Time> {
    let series = event.series.as_ref().map(|series| Time(series.last_observed_time.0));
    let first = event.event_time.as_ref().map(|time| Time(time.0));
    series
        .or(first)
        .or_else(|| event.deprecated_last_timestamp.clone())
        .or_else(|| event.metadata.creation_timestamp.clone())
}

/// Gives the row of an event that an agent told.
fn told(event: &EventLine, now: Timestamp) -> Vec<Cell> {
    let EventLine { time, warning, reason, object, message, count } = event;
    let note = if *count > 1 { format!("{message} (×{count})") } else { message.clone() };
    vec![
        time.map(|time| since(&Time(time), now)).unwrap_or_default().into(),
        if *warning { Cell::colored("Warning", AnsiColor::Yellow) } else { "Normal".into() },
        reason.clone().into(),
        object.to_lowercase().into(),
        note.into(),
    ]
}

fn row(event: &Event, now: Timestamp) -> Vec<Cell> {
    let kind = event.type_.clone().unwrap_or_default();
    let about = event.regarding.clone().unwrap_or_default();
    let object = format!(
        "{}/{}",
        about.kind.unwrap_or_default().to_lowercase(),
        about.name.unwrap_or_default()
    );
    let times = event.series.as_ref().map_or(1, |series| series.count);
    let note = event.note.clone().unwrap_or_default();
    let note = if times > 1 { format!("{note} (×{times})") } else { note };
    vec![
        happened(event).map(|time| since(&time, now)).unwrap_or_default().into(),
        if kind == "Warning" { Cell::colored(kind, AnsiColor::Yellow) } else { kind.into() },
        event.reason.clone().unwrap_or_default().into(),
        object.into(),
        note.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    fn event(kind: &str, name: &str, level: &str) -> Event {
        serde_json::from_value(json!({
            "metadata": {"name": "e"}, "type": level, "reason": "Committed", "note": "in git",
            "eventTime": "2026-01-01T11:55:00.000000Z",
            "series": {"count": 3, "lastObservedTime": "2026-01-01T11:59:00.000000Z"},
            "regarding": {"apiVersion": "gimlet.io/v1alpha1", "kind": kind, "name": name},
        }))
        .unwrap()
    }

    fn args(app: Option<&str>, environment: Option<&str>, warnings: bool) -> EventsArgs {
        EventsArgs {
            app: app.map(Into::into),
            environment: environment.map(Into::into),
            warnings,
            output: Format::Table,
            no_headers: false,
            watch: false,
        }
    }

    #[test]
    fn events_are_chosen_by_what_they_are_about() {
        let release = event("Release", "shop.staging-x7k2p", "Normal");
        let other = event("Release", "shop.staging-eu-x7k2p", "Normal");
        let environment = event("Environment", "staging", "Warning");
        let of_shop = args(Some("shop"), None, false);
        assert!(of_shop.takes(&release) && of_shop.takes(&other) && !of_shop.takes(&environment));
        let of_staging = args(None, Some("staging"), false);
        assert!(of_staging.takes(&release) && of_staging.takes(&environment));
        assert!(!of_staging.takes(&other));
        assert!(!of_staging.takes(&event("App", "shop.staging-eu", "Normal")));
        assert!(of_staging.takes(&event("App", "shop.staging", "Normal")));
        assert!(!args(Some("web"), None, false).takes(&release));
        assert!(!args(None, None, true).takes(&release));
        let mut foreign = release;
        foreign.regarding.as_mut().unwrap().api_version = Some("v1".into());
        assert!(!args(None, None, false).takes(&foreign));
    }

    #[test]
    fn what_happened_again_is_told_once_with_its_count() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let text =
            output::table(Some(HEADERS), &[row(&event("App", "shop.staging", "Warning"), now)]);
        assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r"
        AGE   TYPE      REASON      OBJECT             NOTE
        60s   Warning   Committed   app/shop.staging   in git (×3)
        ");
    }
}
