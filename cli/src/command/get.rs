//! `get`: lists the objects of a kind.

use clap::{Args, ValueEnum};
use futures::StreamExt as _;
use gimlet_crds::{
    App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository,
};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::api::ListParams;
use kube::runtime::watcher::{Config, Event};

use super::row::Row;
use super::watch::{give_up, watch_kind};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish};
use crate::output::{self, Format, print};

/// List the objects of a kind
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
    #[arg(long, value_name = "APP", add = complete::apps())]
    app: Option<String>,
    /// Only those of an environment
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
    #[command(flatten)]
    list: ListArgs,
}

/// Flags of whatever lists objects.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ListArgs {
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

impl ListArgs {
    /// Makes flags for one object in a form.
    pub(super) fn of(output: Format) -> Self {
        Self { output, ..Self::default() }
    }
}

/// What is listed of a kind.
pub(super) struct Query<'a> {
    /// Names; all where there is none.
    pub(super) names: &'a [String],
    /// Selector of fields that the API server knows.
    pub(super) fields: Option<String>,
    /// How it is shown.
    pub(super) list: &'a ListArgs,
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
    /// Several apps in one commit
    #[value(aliases = ["set", "releaseset", "releasesets"])]
    Sets,
    /// Environments
    #[value(aliases = ["env", "environment", "environments"])]
    Envs,
    /// Versions that can be released
    #[value(aliases = ["artifact", "art"])]
    Artifacts,
    /// What people said of plans
    #[value(alias = "approval")]
    Approvals,
    /// Repositories of applications
    #[value(aliases = ["repo", "repos", "repository"])]
    Repositories,
    /// Changes of deploy manifests
    #[value(aliases = ["change", "configchange", "configchanges"])]
    Changes,
}

/// Columns to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SortBy {
    /// Names
    #[default]
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
    let query = Query { names: &args.names, fields: args.fields()?, list: &args.list };
    let cluster = Cluster::connect(global).await?;
    match args.kind {
        KindName::Apps => get::<App>(&query, &cluster).await?,
        KindName::Releases => get::<Release>(&query, &cluster).await?,
        KindName::Sets => get::<ReleaseSet>(&query, &cluster).await?,
        KindName::Envs => get::<Environment>(&query, &cluster).await?,
        KindName::Artifacts => get::<Artifact>(&query, &cluster).await?,
        KindName::Approvals => get::<Approval>(&query, &cluster).await?,
        KindName::Repositories => get::<Repository>(&query, &cluster).await?,
        KindName::Changes => get::<ConfigChange>(&query, &cluster).await?,
    }
    Ok(Finish::Done)
}

/// Lists objects, and goes on with their changes where that was asked for.
pub(super) async fn get<K: Row>(query: &Query<'_>, cluster: &Cluster) -> Result<(), CommandError> {
    let list = query.list;
    if list.watch {
        return follow::<K>(query, cluster).await;
    }
    let api = cluster.api::<K>();
    let mut objects = Vec::new();
    for name in query.names {
        let object = api
            .get(name)
            .await
            .map_err(|error| cluster.request("get", K::PLURAL, Some(name)).failed(&error))?;
        objects.push(object);
    }
    if query.names.is_empty() {
        let params = ListParams {
            field_selector: query.fields.clone(),
            label_selector: list.selector.clone(),
            ..ListParams::default()
        };
        let found = api
            .list(&params)
            .await
            .map_err(|error| cluster.request("list", K::PLURAL, None).failed(&error))?;
        objects = found.items;
    }
    sort(&mut objects, list.sort_by);
    if objects.is_empty() && matches!(list.output, Format::Table | Format::Wide) {
        output::note(&format!("there are no {} in namespace {}", K::PLURAL, cluster.namespace));
        return Ok(());
    }
    print(&query.show(&objects, !list.no_headers)?)
}

async fn follow<K: Row>(query: &Query<'_>, cluster: &Cluster) -> Result<(), CommandError> {
    let list = query.list;
    let config = Config {
        field_selector: query.fields.clone(),
        label_selector: list.selector.clone(),
        ..Config::default()
    };
    let mut stream = std::pin::pin!(watch_kind(cluster.api::<K>(), config));
    let mut first: Option<Vec<K>> = Some(Vec::new());
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::InitApply(object)) if query.is_named(&object) => match &mut first {
                Some(objects) => objects.push(object),
                // The watch began anew: what changed meanwhile is told, and more.
                None => query.tell(&object)?,
            },
            Ok(Event::InitDone) => {
                if let Some(mut objects) = first.take() {
                    sort(&mut objects, list.sort_by);
                    print(&query.show_stream(&objects, !list.no_headers)?)?;
                }
            }
            Ok(Event::Apply(object) | Event::Delete(object)) if query.is_named(&object) => {
                query.tell(&object)?;
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
    /// Returns the selector of fields, where the kind has them.
    fn fields(&self) -> Result<Option<String>, CommandError> {
        let (app, environment) = match self.kind {
            KindName::Envs => (None, Some("metadata.name")),
            KindName::Sets => (None, Some("spec.environment")),
            KindName::Apps | KindName::Releases => (Some("spec.app"), Some("spec.environment")),
            KindName::Artifacts
            | KindName::Approvals
            | KindName::Repositories
            | KindName::Changes => (None, None),
        };
        let mut fields = Vec::new();
        for (what, flag, field, wanted) in [
            ("app", "--app", app, &self.app),
            ("environment", "-e (GIMLET_ENVIRONMENT)", environment, &self.environment),
        ] {
            match (field, wanted) {
                (_, None) => {}
                (Some(field), Some(wanted)) => fields.push(format!("{field}={wanted}")),
                (None, Some(_)) => {
                    return Err(CommandError::usage(format!(
                        "these belong to no {what}: take {flag} away"
                    )));
                }
            }
        }
        Ok((!fields.is_empty()).then(|| fields.join(",")))
    }
}

impl Query<'_> {
    fn is_named<K: Row>(&self, object: &K) -> bool {
        self.names.is_empty() || self.names.contains(&object.name_any())
    }

    fn tell<K: Row>(&self, object: &K) -> Result<(), CommandError> {
        print(&self.show_stream(std::slice::from_ref(object), false)?)
    }

    /// Returns objects of a stream: JSON and YAML are told one by one.
    fn show_stream<K: Row>(&self, objects: &[K], headers: bool) -> Result<String, CommandError> {
        match self.list.output {
            Format::Json => objects.iter().map(output::object_line).collect(),
            Format::Yaml => objects
                .iter()
                .map(|object| Ok(format!("---\n{}", output::object(object, Format::Yaml)?)))
                .collect(),
            Format::Table | Format::Wide | Format::Name => self.show(objects, headers),
        }
    }

    fn show<K: Row>(&self, objects: &[K], headers: bool) -> Result<String, CommandError> {
        let format = self.list.output;
        match (format, objects) {
            (Format::Json | Format::Yaml, [object]) if self.names.len() == 1 => {
                output::object(object, format)
            }
            (Format::Json | Format::Yaml, _) => output::list(objects, format),
            (Format::Name, _) => Ok(output::lines(objects.iter().map(Row::path))),
            (Format::Table | Format::Wide, _) => {
                let wide = format == Format::Wide;
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

    fn query<'a>(names: &'a [String], list: &'a ListArgs) -> Query<'a> {
        Query { names, fields: None, list }
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
        let json = ListArgs::of(Format::Json);
        let many = query(&[], &json).show(&all, true).unwrap();
        assert!(many.contains("\"kind\": \"List\""), "{many}");
        let names = ["b".to_owned()];
        let one = query(&names, &json).show(&all, true).unwrap();
        assert!(one.contains("\"kind\": \"Release\""), "{one}");
        let name = ListArgs::of(Format::Name);
        assert_eq!(query(&[], &name).show(&all, true).unwrap(), "release.gimlet.io/b\n");
        assert_eq!(query(&[], &json).show_stream(&all, true).unwrap().lines().count(), 1);
    }

    #[test]
    fn the_server_selects_by_app_and_environment() {
        let args = |kind, app: Option<&str>| GetArgs {
            kind,
            names: Vec::new(),
            app: app.map(Into::into),
            environment: Some("staging".into()),
            list: ListArgs::default(),
        };
        let both = args(KindName::Releases, Some("shop")).fields().unwrap();
        assert_eq!(both.as_deref(), Some("spec.app=shop,spec.environment=staging"));
        let envs = args(KindName::Envs, None).fields().unwrap();
        assert_eq!(envs.as_deref(), Some("metadata.name=staging"));
        let error = args(KindName::Envs, Some("shop")).fields().unwrap_err();
        assert_eq!(error.message(), "these belong to no app: take --app away");
        assert!(args(KindName::Artifacts, None).fields().is_err());
    }
}
