//! The view of a chart: what its values may be, for those who may have it rendered.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Json;
use gimlet_charts::{Fetched, parse_version};
use gimlet_crds::{Chart, ConfigChange, Environment, Release};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Views;
use super::caller::{Caller, Question};
use super::problem::{Problem, bad_query};
use crate::context::Context;
use crate::release::ReleaseError;

/// Largest schema, and largest default values, in bytes of JSON.
const LARGEST: usize = 1024 * 1024;

/// Which chart is meant, as in a deploy manifest.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct ChartQuery {
    /// Name of the chart, or its address in git.
    name: String,
    /// Chart repository or OCI registry; left out for the built-in chart.
    repository: Option<String>,
    /// Version or range of versions.
    version: Option<String>,
}

/// What a chart says of its values.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChartView {
    /// Name of the chart.
    name: String,
    /// Its version.
    version: String,
    /// Digest of what was fetched.
    digest: String,
    /// Where it comes from; never holds credentials.
    origin: String,
    /// Its `values.schema.json`; left out where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    schema: Option<Value>,
    /// Its default values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    values: Option<Value>,
    /// Whether something was left out because it is too large.
    cut: bool,
}

/// Which versions are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionsQuery {
    /// Name of the chart, or its address in a registry.
    name: String,
    /// Chart repository or OCI registry; left out for the built-in chart.
    repository: Option<String>,
    /// The version that is there now.
    than: Option<String>,
}

/// Which versions of a chart there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChartVersions {
    /// The stable ones, the newest first, at most 200; none where the chart is in no repository or
    /// registry.
    versions: Vec<String>,
    /// How many of them, from the first on, are newer than `than`.
    newer: usize,
}

/// Shows the schema and the default values of a chart, fetched as for a release of an environment.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/environments/{environment}/chart", tag = "chart",
    params(("namespace" = String, Path), ("environment" = String, Path), ChartQuery),
    responses((status = 200, body = ChartView), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn chart(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, environment)): Path<(String, String)>,
    query: Result<Query<ChartQuery>, QueryRejection>,
) -> Result<Json<ChartView>, Problem> {
    let Query(ChartQuery { name, repository, version }) = query.map_err(bad_query)?;
    let (ctx, environment) = permitted(&views, &caller, &namespace, &environment).await?;
    let wanted = Chart { name, repository, version, ..Chart::default() };
    let fetched = ctx.charts.fetch(&ctx.client, &environment, &wanted).await;
    Ok(Json(ChartView::of(&fetched.map_err(ReleaseError::from)?)))
}

/// Lists the versions of a chart, as its repository or registry has them, at most five minutes old.
#[utoipa::path(
    get, path = "/v1/namespaces/{namespace}/environments/{environment}/chart/versions", tag = "chart",
    params(("namespace" = String, Path), ("environment" = String, Path), VersionsQuery),
    responses((status = 200, body = ChartVersions), (status = "4XX", body = Problem), (status = "5XX", body = Problem))
)]
pub(super) async fn versions(
    State(views): State<Views>,
    caller: Caller,
    Path((namespace, environment)): Path<(String, String)>,
    query: Result<Query<VersionsQuery>, QueryRejection>,
) -> Result<Json<ChartVersions>, Problem> {
    let Query(VersionsQuery { name, repository, than }) = query.map_err(bad_query)?;
    let (ctx, environment) = permitted(&views, &caller, &namespace, &environment).await?;
    let wanted = Chart { name, repository, ..Chart::default() };
    let found = ctx.charts.versions(&ctx.client, &environment, &wanted).await;
    Ok(Json(ChartVersions::of(&found.map_err(ReleaseError::from)?, than.as_deref())))
}

/// Finds an environment for whoever may have a chart rendered for it: its credentials fetch it.
async fn permitted(
    views: &Views,
    caller: &Caller,
    namespace: &str,
    name: &str,
) -> Result<(Arc<Context>, Arc<Environment>), Problem> {
    let configure = Question::to_create::<ConfigChange>(namespace);
    if !views.callers.allows(caller, &configure).await? {
        views.callers.require(caller, Question::to_create::<Release>(namespace)).await?;
    }
    let ctx = views.ctx();
    let Some(environment) = ctx.environment(namespace, name) else {
        let detail = format!("there is no Environment {name} in {namespace}");
        return Err(Problem::not_found(detail));
    };
    Ok((ctx, environment))
}

impl ChartVersions {
    /// Counts what is newer; nothing is where the present version is not known or is none.
    fn of(versions: &[String], than: Option<&str>) -> Self {
        let than = than.and_then(parse_version);
        let is_newer = |text: &&String| {
            let pair = than.as_ref().zip(parse_version(text));
            pair.is_some_and(|(than, version)| version.cmp_precedence(than).is_gt())
        };
        let newer = versions.iter().take_while(is_newer).count();
        Self { versions: versions.to_vec(), newer }
    }
}

impl ChartView {
    fn of(fetched: &Fetched) -> Self {
        let Fetched { chart, digest, version, origin, key: _ } = fetched;
        let text = chart.values_schema();
        let fitting = text.filter(|text| text.len() <= LARGEST);
        let values = chart.default_values();
        let values = Some(values).filter(|values| values.to_string().len() <= LARGEST);
        Self {
            name: chart.name().to_owned(),
            version: version.clone(),
            digest: digest.clone(),
            origin: origin.clone(),
            cut: text.is_some() != fitting.is_some() || values.is_none(),
            schema: fitting.and_then(|text| serde_json::from_slice(text).ok()),
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_charts::{Access, ChartRef, Fetcher, LocalPolicy, Options, Source};

    #[test]
    fn the_built_in_chart_shows_its_schema_and_its_defaults() {
        let chart = ChartRef { repository: None, name: "app".into(), version: None };
        let source = Source::parse(&chart, &LocalPolicy::Refuse).unwrap();
        let fetched = Fetcher::new(Options::default()).fetch(&source, &Access::default()).unwrap();
        let view = serde_json::to_value(ChartView::of(&fetched)).unwrap();
        assert_eq!((&view["name"], &view["cut"]), (&"app".into(), &false.into()));
        assert_eq!(view["schema"]["properties"]["replicas"]["type"], "integer");
        assert_eq!(view["values"]["replicas"], 1);
    }

    #[test]
    fn versions_that_are_newer_come_first_and_are_counted() {
        let versions = ["2.0.0", "v1.10.0", "1.9.1", "1.2.0"].map(str::to_owned);
        for (than, newer) in [
            (Some("1.9.1"), 2),
            (Some("1.10.0"), 1),
            (Some("2.0.0-rc.1"), 1),
            (Some("3.0.0"), 0),
            (Some("0.1.0"), 4),
            (Some("main"), 0),
            (None, 0),
        ] {
            assert_eq!(ChartVersions::of(&versions, than).newer, newer, "{than:?}");
        }
    }
}
