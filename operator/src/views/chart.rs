//! The view of a chart: what its values may be, for those who may have it rendered.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Json;
use gimlet_charts::Fetched;
use gimlet_crds::{Chart, ConfigChange, Release};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Views;
use super::caller::{Caller, Question};
use super::problem::{Problem, bad_query};
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
    // The environment's credentials fetch it, so only those see it who could have it rendered.
    let configure = Question::to_create::<ConfigChange>(&namespace);
    if !views.callers.allows(&caller, &configure).await? {
        views.callers.require(&caller, Question::to_create::<Release>(&namespace)).await?;
    }
    let ctx = views.ctx();
    let Some(environment) = ctx.environment(&namespace, &environment) else {
        let detail = format!("there is no Environment {environment} in {namespace}");
        return Err(Problem::not_found(detail));
    };
    let wanted = Chart { name, repository, version, ..Chart::default() };
    let fetched = ctx.charts.fetch(&ctx.client, &environment, &wanted).await;
    Ok(Json(ChartView::of(&fetched.map_err(ReleaseError::from)?)))
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
}
