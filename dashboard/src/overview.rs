//! The overview and the namespaces, as the caller may see them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams};
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::http::Dashboard;
use crate::problem::Problem;
use crate::rights::Question;
use crate::sight::{Kind, Sight};
use crate::watched::{Board, EnvironmentCard, RECENT, ReleaseRow, Row};

/// Namespaces that are looked for.
const MOST_NAMESPACES: u32 = 500;
/// Questions that are put to the API server at once.
const AT_ONCE: usize = 16;

/// Kinds that the overview is made of.
pub(crate) const KINDS: [Kind; 4] =
    [Kind::Apps, Kind::Environments, Kind::Releases, Kind::Artifacts];

/// Where is looked.
#[derive(Deserialize)]
pub(crate) struct Place {
    namespace: Option<String>,
}

/// Everything that is shown at first.
#[derive(Serialize)]
struct Overview<'a> {
    rows: Vec<Cow<'a, Row>>,
    environments: Vec<Cow<'a, EnvironmentCard>>,
    releases: Vec<&'a ReleaseRow>,
    revision: String,
}

/// Namespaces that the caller may look at.
#[derive(Serialize)]
pub(crate) struct Namespaces {
    namespaces: BTreeSet<String>,
}

pub(crate) async fn overview(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Response, Problem> {
    let namespace = namespace(place)?;
    let board = dashboard.watched.board().ok_or_else(Problem::starting)?;
    let sight = Sight::of(&dashboard, &caller, "list", namespace.as_deref(), &KINDS).await?;
    if sight.is_blind() && (namespace.is_some() || !board.namespaces.is_empty()) {
        return Err(sight.refusal("list", Kind::Apps));
    }
    let rows = rows(&board, &sight)
        .map(|(row, whole)| if whole { Cow::Borrowed(&**row) } else { Cow::Owned(row.bare()) });
    let cards = environments(&board, &sight).map(|(card, whole)| {
        if whole { Cow::Borrowed(&**card) } else { Cow::Owned(card.without_apps()) }
    });
    let overview = Overview {
        rows: rows.collect(),
        environments: cards.collect(),
        releases: releases(&board, &sight).map(|row| &**row).collect(),
        revision: board.revision.to_string(),
    };
    Ok(Json(overview).into_response())
}

/// Returns the rows that may be seen, each with whether all of it may be.
pub(crate) fn rows<'a>(
    board: &'a Board,
    sight: &'a Sight,
) -> impl Iterator<Item = (&'a Arc<Row>, bool)> {
    let seen = board.rows.iter().filter(|row| sight.sees(Kind::Apps, &row.namespace));
    seen.filter_map(|row| {
        let whole = sight.sees(Kind::Releases, &row.namespace)
            && sight.sees(Kind::Artifacts, &row.namespace);
        (whole || !row.is_of_releases()).then_some((row, whole))
    })
}

/// Returns the environments that may be seen, each with whether its apps may be. One whose name may not be
/// read is not among them.
pub(crate) fn environments<'a>(
    board: &'a Board,
    sight: &'a Sight,
) -> impl Iterator<Item = (&'a Arc<EnvironmentCard>, bool)> {
    let seen = board.environments.iter();
    let seen = seen.filter(|card| sight.sees(Kind::Environments, &card.namespace));
    seen.map(|card| (card, sight.sees(Kind::Apps, &card.namespace)))
}

/// Returns the newest releases that may be seen.
pub(crate) fn releases<'a>(
    board: &'a Board,
    sight: &'a Sight,
) -> impl Iterator<Item = &'a Arc<ReleaseRow>> {
    let seen = board.releases.iter().filter(|row| sight.sees(Kind::Releases, &row.namespace));
    seen.take(RECENT)
}

/// Lists the namespaces in which the caller may list apps, of those that are known or asked for.
pub(crate) async fn namespaces(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Json<Namespaces>, Problem> {
    let mut candidates: BTreeSet<String> = namespace(place)?.into_iter().collect();
    let board = dashboard.watched.board().ok_or_else(Problem::starting)?;
    candidates.extend(board.namespaces.iter().cloned());
    let own: Api<Namespace> = Api::all(caller.client(&dashboard));
    // Most people may not list namespaces, and need not.
    match own.list_metadata(&ListParams::default().limit(MOST_NAMESPACES)).await {
        Ok(list) => candidates.extend(list.items.iter().map(kube::ResourceExt::name_any)),
        Err(kube::Error::Api(status)) if status.code == 403 => {}
        Err(error) => return Err(Problem::of_api("list namespaces", &error)),
    }
    let may = async |namespace: String| {
        let question = Question {
            group: crate::rights::gimlet(),
            verb: "list".to_owned(),
            resource: "apps".to_owned(),
            subresource: None,
            namespace,
            name: None,
        };
        dashboard.rights.allows(&dashboard, &caller, question).await
    };
    if may(String::new()).await? {
        return Ok(Json(Namespaces { namespaces: candidates }));
    }
    let mut answers = futures::stream::iter(candidates)
        .map(async |namespace| (namespace.clone(), may(namespace).await))
        .buffer_unordered(AT_ONCE);
    let mut namespaces = BTreeSet::new();
    while let Some((namespace, allowed)) = answers.next().await {
        if allowed? {
            namespaces.insert(namespace);
        }
    }
    Ok(Json(Namespaces { namespaces }))
}

/// Reads which namespace is meant; none: all.
pub(crate) fn namespace(
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Option<String>, Problem> {
    let Query(place) = place.map_err(|error| Problem::bad_request(error.body_text()))?;
    Ok(place.namespace.filter(|namespace| !namespace.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::json;

    #[test]
    fn an_environment_is_told_to_who_may_list_it_and_says_where_its_apps_are_not() {
        let environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "prod", "namespace": "ns"}, "spec": {"gitops": {"url": "https://git/x"}},
        }));
        let card = EnvironmentCard::of(&environment.unwrap(), Timestamp::UNIX_EPOCH);
        let row = Row::new("ns".into(), "shop".into());
        let board = Board {
            environments: vec![Arc::new(card)],
            rows: vec![Arc::new(row)],
            ..Board::default()
        };
        let seen = |namespace, kinds: &[Kind]| {
            let sight = Sight::in_namespace(namespace, kinds);
            let cards: Vec<_> = environments(&board, &sight).map(|(_, whole)| whole).collect();
            (cards, rows(&board, &sight).count())
        };
        assert_eq!(seen("ns", &KINDS), (vec![true], 1));
        assert_eq!(seen("ns", &[Kind::Environments]), (vec![false], 0));
        assert_eq!(seen("ns", &[Kind::Releases]), (vec![], 0), "not even its name");
        assert_eq!(seen("other", &KINDS), (vec![], 0));
        let hidden = serde_json::to_value(board.environments[0].without_apps()).unwrap();
        assert_eq!(hidden["appsHidden"], true);
    }
}
