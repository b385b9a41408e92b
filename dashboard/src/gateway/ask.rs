//! `/api/agents/…`: what people ask agents for. The agent does it in its cluster as the person.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query as Asks, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gimlet_agent::protocol::{
    Answer, AppState, EventLine, Logs, ObjectName, Person, Query, Refusal,
};
use gimlet_crds::{Environment, Observer, name};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Place;
use super::asked::{Asked, Reply, Unasked};
use super::log::Log;
use crate::caller::Caller;
use crate::denials::{self, Attempt};
use crate::http::Dashboard;
use crate::people;
use crate::problem::Problem;
use crate::rights::Question;

/// How long an answer may take that is no log.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the first lines of a log are waited for, so that a refusal has a status of its own.
const FIRST: Duration = Duration::from_secs(3);

/// Which logs somebody asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct LogsAsked {
    follow: bool,
    previous: bool,
    since_seconds: Option<u32>,
    tail: Option<u32>,
    /// Names, with commas between them.
    pods: String,
    containers: String,
}

/// An object that is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ObjectAsked {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl From<ObjectAsked> for ObjectName {
    fn from(asked: ObjectAsked) -> Self {
        let ObjectAsked { api_version, kind, namespace, name } = asked;
        Self { api_version, object_kind: kind, namespace, name }
    }
}

/// Whether the agent of an environment is there, and what it does on demand; null where none has come.
pub(crate) async fn agent(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path((namespace, environment)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let place = Place::new(&namespace, &environment);
    may_see(&dashboard, &caller, &place, None).await?;
    Ok(Json(json!({"agent": dashboard.gateway.agent(&place)})))
}

/// What an agent last said of an app; null where none said anything.
pub(crate) async fn state(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path((namespace, environment, app)): Path<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let place = Place::new(&namespace, &environment);
    may_see(&dashboard, &caller, &place, Some(&app)).await?;
    Ok(Json(json!({"running": dashboard.gateway.app(&place, &app)})))
}

/// The logs of an app, as they come: a JSON object on each line.
pub(crate) async fn logs(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path((namespace, environment, app)): Path<(String, String, String)>,
    asks: Result<Asks<LogsAsked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Asks(asks) = asks.map_err(|error| Problem::bad_request(error.body_text()))?;
    let place = Place::new(&namespace, &environment);
    may_see(&dashboard, &caller, &place, Some(&app)).await?;
    let state = found(&dashboard, &place, &app)?;
    let since = asks
        .since_seconds
        .map(|seconds| Timestamp::now().saturating_sub(SignedDuration::from_secs(seconds.into())));
    let query = Query::Logs(Logs {
        namespace: state.key.namespace.clone(),
        app,
        pods: names(&asks.pods),
        containers: names(&asks.containers),
        follow: asks.follow,
        previous: asks.previous,
        since: since.and_then(Result::ok),
        tail: asks.tail,
    });
    let mut asked = ask(&dashboard, &caller, &place, query).await?;
    let first = match timeout(FIRST, asked.next()).await {
        Ok(Some(Reply::Failed(reason, message))) => return Err(refused(reason, message)),
        Ok(None) => return Err(away(&place)),
        Ok(reply) => reply,
        Err(_) => None,
    };
    let log = Log::new(dashboard, caller, asked, first);
    let lines = Body::from_stream(log.lines());
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
}

/// Asks about an app that the caller may see, by the namespace that it runs in and its name.
async fn of_app(
    dashboard: &Dashboard,
    caller: &Caller,
    (namespace, environment, app): (String, String, String),
    query: impl FnOnce(String, String) -> Query,
) -> Result<Vec<Answer>, Problem> {
    let place = Place::new(&namespace, &environment);
    may_see(dashboard, caller, &place, Some(&app)).await?;
    let state = found(dashboard, &place, &app)?;
    whole(dashboard, caller, &place, query(state.key.namespace.clone(), app)).await
}

/// The events of an app, and of what runs it.
pub(crate) async fn events(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path(path): Path<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let query = |namespace, app| Query::Events { namespace, app };
    let answers = of_app(&dashboard, &caller, path, query).await?;
    let events = answers.into_iter().flat_map(|answer| match answer {
        Answer::Events { events } => events,
        _ => Vec::new(),
    });
    let events: Vec<EventLine> = events.collect();
    Ok(Json(json!({"items": events})))
}

/// What the pods of an app use; null where nobody measures it.
pub(crate) async fn usage(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path(path): Path<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    let query = |namespace, app| Query::Usage { namespace, app };
    let answers = of_app(&dashboard, &caller, path, query).await?;
    let pods = answers.into_iter().find_map(|answer| match answer {
        Answer::Usage { pods } => Some(pods),
        _ => None,
    });
    Ok(Json(json!({"items": pods})))
}

/// An object of the workload cluster, and its events.
pub(crate) async fn describe(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path((namespace, environment)): Path<(String, String)>,
    asks: Result<Asks<ObjectAsked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Asks(object) = asks.map_err(|error| Problem::bad_request(error.body_text()))?;
    let place = Place::new(&namespace, &environment);
    may_see(&dashboard, &caller, &place, None).await?;
    let answers = whole(&dashboard, &caller, &place, Query::Describe(object.into())).await?;
    let (mut yaml, mut cut, mut events) = (None, false, Vec::new());
    for answer in answers {
        match answer {
            Answer::Object { yaml: text, cut: is_cut } => (yaml, cut) = (Some(text), is_cut),
            Answer::Events { events: more } => events.extend(more),
            _ => {}
        }
    }
    Ok(Json(json!({"yaml": yaml, "cut": cut, "events": events})))
}

/// Has Flux look at one of its objects now.
pub(crate) async fn reconcile(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path(place): Path<(String, String)>,
    object: Result<Json<ObjectAsked>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    act(&dashboard, &caller, place, object, Query::ReconcileFlux).await
}

/// Has Flux go on with one of its objects that was suspended.
pub(crate) async fn resume(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path(place): Path<(String, String)>,
    object: Result<Json<ObjectAsked>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    act(&dashboard, &caller, place, object, Query::ResumeFlux).await
}

/// Starts the pods of a workload again.
pub(crate) async fn restart(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    Path(place): Path<(String, String)>,
    object: Result<Json<ObjectAsked>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    act(&dashboard, &caller, place, object, Query::Restart).await
}

async fn act(
    dashboard: &Dashboard,
    caller: &Caller,
    (namespace, environment): (String, String),
    object: Result<Json<ObjectAsked>, JsonRejection>,
    query: fn(ObjectName) -> Query,
) -> Result<Json<Value>, Problem> {
    let Json(object) = object.map_err(|error| Problem::bad_request(error.body_text()))?;
    if dashboard.read_only {
        return Err(Problem::read_only());
    }
    let place = Place::new(&namespace, &environment);
    may_see(dashboard, caller, &place, None).await?;
    let query = query(object.into());
    let (verb, name) = match &query {
        Query::Restart(name) => ("restart", name.clone()),
        Query::ReconcileFlux(name) => ("reconcile", name.clone()),
        Query::ResumeFlux(name) => ("resume", name.clone()),
        _ => return Err(Problem::bad_request("this is nothing that an agent does")),
    };
    let answers = whole(dashboard, caller, &place, query).await;
    if let Err(problem) = &answers
        && problem.status == StatusCode::FORBIDDEN.as_u16()
    {
        let attempt = Attempt {
            what: format!("{verb} {}", name.object_kind),
            namespace: place.namespace,
            app: None,
            environment: Some(place.environment),
            name: Some(format!("{}/{}", name.namespace, name.name)),
        };
        denials::record(dashboard, caller, attempt, problem.detail.clone());
    }
    let answers = answers?;
    let done = answers.into_iter().find_map(|answer| match answer {
        Answer::Done { message } => Some(message),
        _ => None,
    });
    Ok(Json(json!({"message": done.unwrap_or_else(|| "done".to_owned())})))
}

/// Refuses whoever may not see the app or the environment here; the rest is for the other cluster to say.
async fn may_see(
    dashboard: &Dashboard,
    caller: &Caller,
    place: &Place,
    app: Option<&str>,
) -> Result<(), Problem> {
    let (resource, object) = match app {
        Some(app) => ("apps", name::app_object(app, &place.environment)),
        None => ("environments", place.environment.clone()),
    };
    let question = Question {
        group: crate::rights::gimlet(),
        verb: "get".to_owned(),
        resource: resource.to_owned(),
        subresource: None,
        namespace: place.namespace.clone(),
        name: Some(object),
    };
    if dashboard.rights.allows(dashboard, caller, question).await? {
        return Ok(());
    }
    let namespace = &place.namespace;
    Err(Problem::forbidden(format!("needs `get {resource}` in namespace `{namespace}`")))
}

fn found(dashboard: &Dashboard, place: &Place, app: &str) -> Result<Arc<AppState>, Problem> {
    let environment = dashboard.watched.environment(&place.namespace, &place.environment);
    observed_by_agent(place, environment.as_deref())?;
    let running = dashboard.gateway.app(place, app).ok_or_else(|| {
        Problem::not_found(format!("the agent of environment {place} knows of no app {app}"))
    })?;
    Ok(running.state)
}

fn observed_by_agent(place: &Place, environment: Option<&Environment>) -> Result<(), Problem> {
    match environment.map(|environment| environment.spec.observed_by) {
        Some(Observer::Agent) => Ok(()),
        Some(Observer::Operator) => Err(Problem::new(
            StatusCode::CONFLICT,
            "NotByAgent",
            format!("environment {place} has no agent: ask the cluster that it is applied to"),
        )),
        None => Err(Problem::not_found(format!("there is no environment {place}"))),
    }
}

/// Asks an agent as the caller.
async fn ask(
    dashboard: &Dashboard,
    caller: &Caller,
    place: &Place,
    query: Query,
) -> Result<Asked, Problem> {
    let environment = dashboard.watched.environment(&place.namespace, &place.environment);
    observed_by_agent(place, environment.as_deref())?;
    let user = people::who(dashboard, caller).await?;
    let kind = kind(&query);
    let person = Person {
        user: user.username.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        extra: user.extra.unwrap_or_default().into_iter().collect(),
    };
    if person.user.is_empty() {
        return Err(Problem::unauthorized("the API server does not say who you are"));
    }
    if matches!(query, Query::Restart(_) | Query::ReconcileFlux(_) | Query::ResumeFlux(_)) {
        tracing::info!(agent = %place, user = person.user, kind, query = ?query, "an agent is asked to act");
    }
    let asked = dashboard.gateway.ask(place, person, query);
    dashboard.metrics.agent_request(kind, if asked.is_ok() { "Asked" } else { "NotAsked" });
    asked.map_err(|why| match why {
        Unasked::Away => away(place),
        Unasked::Unable => Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "Unable",
            format!("the agent of environment {place} does not do this: it is switched off there, or too old"),
        ),
        Unasked::Busy => Problem::busy(),
    })
}

fn kind(query: &Query) -> &'static str {
    match query {
        Query::Logs(_) => "logs",
        Query::Events { .. } => "events",
        Query::Describe(_) => "describe",
        Query::ReconcileFlux(_) => "reconcile",
        Query::ResumeFlux(_) => "resume",
        Query::Restart(_) => "restart",
        Query::Usage { .. } => "usage",
        Query::Unknown => "unknown",
    }
}

/// Asks, and waits for the whole answer.
async fn whole(
    dashboard: &Dashboard,
    caller: &Caller,
    place: &Place,
    query: Query,
) -> Result<Vec<Answer>, Problem> {
    let mut asked = ask(dashboard, caller, place, query).await?;
    let all = async {
        let mut answers = Vec::new();
        loop {
            match asked.next().await {
                Some(Reply::Part(answer)) => answers.push(answer),
                Some(Reply::End) => return Ok(answers),
                Some(Reply::Failed(reason, message)) => return Err(refused(reason, message)),
                None => return Err(away(place)),
            }
        }
    };
    timeout(PATIENCE, all).await.unwrap_or_else(|_| Err(Problem::timeout()))
}

fn away(place: &Place) -> Problem {
    let detail = format!(
        "the agent of environment {place} is not connected to this dashboard: look at its pod, or try \
         again in a moment"
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NoAgent", detail)
}

pub(super) fn refused(reason: Refusal, message: String) -> Problem {
    let (status, word) = match reason {
        Refusal::Off => (StatusCode::NOT_IMPLEMENTED, "Off"),
        Refusal::Unsupported => (StatusCode::NOT_IMPLEMENTED, "Unsupported"),
        Refusal::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
        Refusal::NotFound => (StatusCode::NOT_FOUND, "NotFound"),
        Refusal::Invalid => (StatusCode::BAD_REQUEST, "BadRequest"),
        Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Busy"),
        Refusal::Failed => (StatusCode::BAD_GATEWAY, "AgentFailed"),
    };
    Problem::new(status, word, message)
}

fn names(text: &str) -> Vec<String> {
    text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_commas() {
        assert_eq!(names("a,b"), ["a", "b"]);
        assert_eq!(names(""), Vec::<String>::new());
    }

    #[test]
    fn a_refusal_of_the_agent_has_a_status_of_its_own() {
        for (reason, status) in [
            (Refusal::Forbidden, 403),
            (Refusal::NotFound, 404),
            (Refusal::Off, 501),
            (Refusal::Busy, 503),
            (Refusal::Failed, 502),
        ] {
            let problem = refused(reason, "ask an admin".into());
            assert_eq!((problem.status, problem.detail.as_str()), (status, "ask an admin"));
        }
    }
}
