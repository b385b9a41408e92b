//! `get`: lists the objects of a kind.

use clap::{Args, ValueEnum};
use futures::StreamExt as _;
use gimlet_crds::{App, Environment, Release};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ListParams;
use kube::runtime::watcher::{Config, Event};

use super::row::Row;
use super::watch::{give_up, watch_kind};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish};
use crate::output::{self, Format, print};

/// List apps, releases or environments
///
/// JSON and YAML are the objects themselves: one alone where one name was given, a List otherwise,
/// and with --watch one object a line.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet get releases --app shop -e production --sort-by age
  gimlet get releases shop.production-x7k2p --watch
  gimlet get apps -o json
  gimlet get envs -o wide")]
pub(crate) struct GetArgs {
    /// What to list
    kind: KindName,
    /// Only the objects of these names
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Only those of an app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Only those of an environment
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        env = "GIMLET_ENVIRONMENT",
        hide_env_values = true
    )]
    environment: Option<String>,
    /// Only those with labels, such as team=checkout
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    /// Order of the rows
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    sort_by: SortBy,
    /// Leave the titles of the columns out
    #[arg(long)]
    no_headers: bool,
    /// Go on, and tell each change
    #[arg(short, long)]
    watch: bool,
}

/// Kinds that can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KindName {
    /// Apps, one for each environment that an app is in
    #[value(alias = "app")]
    Apps,
    /// Releases
    #[value(alias = "release")]
    Releases,
    /// Environments
    #[value(aliases = ["env", "environment", "environments"])]
    Envs,
}

/// Columns to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SortBy {
    /// Names
    Name,
    /// The newest first
    Age,
    /// Apps
    App,
    /// Environments
    Environment,
    /// Phases of releases, states of apps
    State,
}

pub(super) async fn run(args: &GetArgs, global: &Global) -> Result<Finish, CommandError> {
    if args.kind == KindName::Envs && args.app.is_some() {
        return Err(CommandError::usage("environments belong to no app: take --app away"));
    }
    let cluster = Cluster::connect(global).await?;
    match args.kind {
        KindName::Apps => get::<App>(args, &cluster).await?,
        KindName::Releases => get::<Release>(args, &cluster).await?,
        KindName::Envs => get::<Environment>(args, &cluster).await?,
    }
    Ok(Finish::Done)
}

async fn get<K: Row>(args: &GetArgs, cluster: &Cluster) -> Result<(), CommandError> {
    if args.watch {
        return follow::<K>(args, cluster).await;
    }
    let api = cluster.api::<K>();
    let mut objects = Vec::new();
    for name in &args.names {
        let object = api
            .get(name)
            .await
            .map_err(|error| cluster.request("get", K::PLURAL, Some(name)).failed(&error))?;
        objects.push(object);
    }
    if args.names.is_empty() {
        let params = ListParams {
            field_selector: args.fields(),
            label_selector: args.selector.clone(),
            ..ListParams::default()
        };
        let list = api
            .list(&params)
            .await
            .map_err(|error| cluster.request("list", K::PLURAL, None).failed(&error))?;
        objects = list.items;
    }
    sort(&mut objects, args.sort_by);
    if objects.is_empty() && matches!(args.output, Format::Table | Format::Wide) {
        output::note(&format!("there are no {} in namespace {}", K::PLURAL, cluster.namespace));
        return Ok(());
    }
    print(&args.show(&objects, !args.no_headers)?)
}

async fn follow<K: Row>(args: &GetArgs, cluster: &Cluster) -> Result<(), CommandError> {
    let config = Config {
        field_selector: args.fields(),
        label_selector: args.selector.clone(),
        ..Config::default()
    };
    let mut stream = std::pin::pin!(watch_kind(cluster.api::<K>(), config));
    let mut first: Option<Vec<K>> = Some(Vec::new());
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::InitApply(object)) if args.is_named(&object) => match &mut first {
                Some(objects) => objects.push(object),
                // The watch began anew: what changed meanwhile is told, and more.
                None => args.tell(&object)?,
            },
            Ok(Event::InitDone) => {
                if let Some(mut objects) = first.take() {
                    sort(&mut objects, args.sort_by);
                    print(&args.show_stream(&objects, !args.no_headers)?)?;
                }
            }
            Ok(Event::Apply(object) | Event::Delete(object)) if args.is_named(&object) => {
                args.tell(&object)?;
            }
            Ok(_) => {}
            Err(error) => {
                if let Some(error) = give_up::<K>(cluster, error) {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

impl GetArgs {
    fn fields(&self) -> Option<String> {
        let (app, environment) = match self.kind {
            KindName::Envs => ("", "metadata.name"),
            KindName::Apps | KindName::Releases => ("spec.app", "spec.environment"),
        };
        let mut fields = Vec::new();
        if let Some(wanted) = &self.app {
            fields.push(format!("{app}={wanted}"));
        }
        if let Some(wanted) = &self.environment {
            fields.push(format!("{environment}={wanted}"));
        }
        (!fields.is_empty()).then(|| fields.join(","))
    }

    fn is_named<K: Row>(&self, object: &K) -> bool {
        self.names.is_empty() || self.names.contains(&object.name_any())
    }

    fn tell<K: Row>(&self, object: &K) -> Result<(), CommandError> {
        print(&self.show_stream(std::slice::from_ref(object), false)?)
    }

    /// Returns objects of a stream: JSON and YAML are told one by one.
    fn show_stream<K: Row>(&self, objects: &[K], headers: bool) -> Result<String, CommandError> {
        match self.output {
            Format::Json => objects.iter().map(output::object_line).collect(),
            Format::Yaml => objects
                .iter()
                .map(|object| Ok(format!("---\n{}", output::object(object, Format::Yaml)?)))
                .collect(),
            Format::Table | Format::Wide | Format::Name => self.show(objects, headers),
        }
    }

    fn show<K: Row>(&self, objects: &[K], headers: bool) -> Result<String, CommandError> {
        match (self.output, objects) {
            (Format::Json | Format::Yaml, [object]) if self.names.len() == 1 => {
                output::object(object, self.output)
            }
            (Format::Json | Format::Yaml, _) => output::list(objects, self.output),
            (Format::Name, _) => Ok(output::lines(objects.iter().map(Row::path))),
            (Format::Table | Format::Wide, _) => {
                let wide = self.output == Format::Wide;
                let now = Timestamp::now();
                let rows: Vec<_> = objects.iter().map(|object| object.cells(now, wide)).collect();
                Ok(output::table(headers.then(|| K::headers(wide)), &rows))
            }
        }
    }
}

fn sort<K: Row>(objects: &mut [K], by: SortBy) {
    let [app, environment, state] = [0, 1, 2];
    let index = match by {
        SortBy::Name => return objects.sort_by_key(K::name_any),
        SortBy::Age => {
            return objects.sort_by_key(|object| {
                (std::cmp::Reverse(object.creation_timestamp()), object.name_any())
            });
        }
        SortBy::App => app,
        SortBy::Environment => environment,
        SortBy::State => state,
    };
    objects.sort_by_key(|object| {
        let mut keys = object.keys();
        (std::mem::take(&mut keys[index]), object.name_any())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(name: &str, app: &str, second: u8) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": name, "creationTimestamp": format!("2026-01-01T00:00:{second:02}Z")},
            "spec": {"app": app, "environment": "staging"},
        }))
        .unwrap()
    }

    fn args(output: Format) -> GetArgs {
        GetArgs {
            kind: KindName::Releases,
            names: Vec::new(),
            app: None,
            environment: None,
            selector: None,
            output,
            sort_by: SortBy::Name,
            no_headers: false,
            watch: false,
        }
    }

    fn names(objects: &[Release]) -> String {
        objects.iter().map(ResourceExt::name_any).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rows_are_sorted_as_asked() {
        let mut all = [release("b", "x", 1), release("a", "y", 2), release("c", "x", 3)];
        for (by, expected) in
            [(SortBy::Name, "a b c"), (SortBy::Age, "c a b"), (SortBy::App, "b c a")]
        {
            sort(&mut all, by);
            assert_eq!(names(&all), expected, "{by:?}");
        }
    }

    #[test]
    fn one_name_is_one_object_and_everything_else_a_list() {
        let all = [release("b", "x", 1)];
        let list = args(Format::Json).show(&all, true).unwrap();
        assert!(list.contains("\"kind\": \"List\""), "{list}");
        let one = GetArgs { names: vec!["b".into()], ..args(Format::Json) };
        assert!(one.show(&all, true).unwrap().contains("\"kind\": \"Release\""));
        assert_eq!(args(Format::Name).show(&all, true).unwrap(), "release.gimlet.io/b\n");
        assert_eq!(args(Format::Json).show_stream(&all, true).unwrap().lines().count(), 1);
    }

    #[test]
    fn the_server_selects_by_app_and_environment() {
        let both = GetArgs {
            app: Some("shop".into()),
            environment: Some("staging".into()),
            ..args(Format::Table)
        };
        assert_eq!(both.fields().as_deref(), Some("spec.app=shop,spec.environment=staging"));
        let envs = GetArgs { kind: KindName::Envs, app: None, ..both };
        assert_eq!(envs.fields().as_deref(), Some("metadata.name=staging"));
        assert_eq!(args(Format::Table).fields(), None);
    }
}
