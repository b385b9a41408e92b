//! Doors to the API server and to the operator's views, as the caller.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, header};
use kube::Client;
use serde::Deserialize;

use crate::caller::Caller;
use crate::denials::{self, Attempt};
use crate::http::Dashboard;
use crate::problem::Problem;

/// Largest body that is taken, in bytes; the API server takes no larger object.
const LARGEST: usize = 3 * 1024 * 1024;
/// Longest refusal that is passed on, in bytes.
const REFUSAL: usize = 256 * 1024;
/// How long the head of an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longest path and query, in bytes.
const LONGEST: usize = 8 * 1024;

/// What is passed of a request. Everything else stays here: cookies, who the caller would like to be,
/// and what is meant for one connection only.
const ASKED: [HeaderName; 4] =
    [header::ACCEPT, header::ACCEPT_ENCODING, header::CONTENT_TYPE, header::USER_AGENT];

/// What is passed of an answer.
const TOLD: [&str; 8] = [
    "content-type",
    "content-encoding",
    "cache-control",
    "etag",
    "retry-after",
    "vary",
    "warning",
    "audit-id",
];

/// Questions about the caller alone, which change nothing.
const OF_ONESELF: [&str; 2] = [
    "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
];
/// Where events are, of a namespace.
const EVENTS: (&str, &str) = ("/apis/events.k8s.io/v1/namespaces/", "/events");

/// Passes a request for the kinds of `gimlet.io` to the API server, with the caller's token; and for what the
/// command line needs beside them: who the caller is and what they may do, and events.
pub(crate) async fn kinds(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let beside = beside(request.method(), request.uri().path());
    let path = if beside {
        rebuilt(request.uri().path(), request.uri().query())?
    } else {
        kinds_path(request.uri())?
    };
    if dashboard.read_only && !beside && !request.method().is_safe() {
        return Err(Problem::read_only());
    }
    let method = request.method().clone();
    if ![Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
        .contains(&method)
    {
        let detail = format!("{method} is no method of the Kubernetes API");
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", detail));
    }
    let client = caller.client(&dashboard);
    let place = (method.clone(), path.clone());
    let (answer, sent) = pass(&dashboard, client, method, path, request).await?;
    if answer.status() != StatusCode::FORBIDDEN {
        return Ok(answer);
    }
    let Some(attempt) = Attempt::of(&place.0, &place.1, &sent) else { return Ok(answer) };
    let (head, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, REFUSAL).await.map_err(|_| {
        Problem::forbidden(format!("the API server refuses to {}, at length", attempt.what))
    })?;
    let said: Status = serde_json::from_slice(&body).unwrap_or_default();
    denials::record(&dashboard, &caller, attempt, said.message);
    Ok(Response::from_parts(head, Body::from(body)))
}

/// What the API server says of a refusal.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
}

/// Passes a request to the operator's views, with the caller's token.
pub(crate) async fn views(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response<Body>, Problem> {
    let Some(operator) = &dashboard.operator else {
        return Err(Problem::new(
            StatusCode::NOT_IMPLEMENTED,
            "NoViews",
            "the dashboard was not told where the operator is: start it with --operator-url",
        ));
    };
    let path = views_path(request.uri())?;
    let client = operator.of(&caller.token);
    pass(&dashboard, client, Method::GET, path, request).await.map(|(answer, _)| answer)
}

/// Gives the answer, and what was sent.
async fn pass(
    dashboard: &Dashboard,
    client: Client,
    method: Method,
    path: Uri,
    request: Request<Body>,
) -> Result<(Response<Body>, Bytes), Problem> {
    let Ok(_slot) = dashboard.slots.try_acquire() else {
        return Err(Problem::busy());
    };
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST).await.map_err(|_| {
        let detail = format!("the body has more than {} MiB, or did not come whole", LARGEST >> 20);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", detail)
    })?;
    let mut asked = Request::new(kube::client::Body::from(body.clone()));
    *asked.method_mut() = method;
    *asked.uri_mut() = path;
    *asked.headers_mut() = only(&head.headers, &ASKED);
    let Ok(answer) = tokio::time::timeout(PATIENCE, client.send(asked)).await else {
        return Err(Problem::timeout());
    };
    let answer = answer.map_err(|error| {
        // Nothing but the way to the server fails here: refusals are answers.
        let detail = format!("the server behind the dashboard does not answer: {error}");
        Problem::new(StatusCode::BAD_GATEWAY, "Unreachable", detail)
    })?;
    let (head, said) = answer.into_parts();
    let mut told = Response::new(Body::new(said));
    *told.status_mut() = head.status;
    *told.headers_mut() = only(&head.headers, &TOLD.map(HeaderName::from_static));
    Ok((told, body))
}

/// Tells whether a request is one of the few that are passed on beside those for the kinds.
fn beside(method: &Method, path: &str) -> bool {
    let of_events = || {
        let namespace = path.strip_prefix(EVENTS.0)?.strip_suffix(EVENTS.1)?;
        let plain = !namespace.is_empty() && !namespace.contains('/');
        Some(plain && is_plain(&format!("/{namespace}")))
    };
    match *method {
        Method::POST => OF_ONESELF.contains(&path),
        Method::GET => of_events().unwrap_or_default(),
        _ => false,
    }
}

fn only(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let kept = headers.iter().filter(|(name, _)| names.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Returns the path of a request where it is one of the group.
fn kinds_path(uri: &Uri) -> Result<Uri, Problem> {
    let path = uri.path();
    let group = format!("/apis/{}", gimlet_crds::GROUP);
    let inside = path.strip_prefix(&group).is_some_and(|rest| {
        rest.is_empty()
            || (rest.starts_with('/') && is_plain(rest.strip_suffix('/').unwrap_or(rest)))
    });
    if !inside {
        return Err(Problem::not_found(format!("only {group} is passed through, written plainly")));
    }
    rebuilt(path, uri.query())
}

/// Returns the path of a view at the operator.
fn views_path(uri: &Uri) -> Result<Uri, Problem> {
    let rest = uri.path().strip_prefix("/api/v1/views").unwrap_or_default();
    if !is_plain(rest) {
        return Err(Problem::not_found("there is no such view"));
    }
    rebuilt(&format!("/v1{rest}"), uri.query())
}

/// Tells whether a path means the same to everybody: no dots that climb, nothing encoded, no empty
/// segment.
fn is_plain(rest: &str) -> bool {
    let mut segments = rest.split('/');
    if segments.next() != Some("") {
        return false;
    }
    segments.all(|segment| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain)
    }) || rest.is_empty()
}

fn rebuilt(path: &str, query: Option<&str>) -> Result<Uri, Problem> {
    let text = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if text.len() > LONGEST {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "TooLong", "the address is too long"));
    }
    text.parse().map_err(|_| Problem::bad_request("the address cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_group_is_passed_through() {
        for (path, passed) in [
            ("/apis/gimlet.io", true),
            ("/apis/gimlet.io/v1alpha1", true),
            ("/apis/gimlet.io/v1alpha1/namespaces/a/apps/shop.staging", true),
            ("/apis/gimlet.io/v1alpha1/releases?watch=true&limit=5", true),
            ("/apis/gimlet.io.evil.com/v1", false),
            ("/apis/apps/v1/deployments", false),
            ("/apis/gimlet.io/../../api/v1/secrets", false),
            ("/apis/gimlet.io/..%2f..%2fapi/v1/secrets", false),
            ("/apis/gimlet.io/%2e%2e/apps/v1", false),
            ("/apis/gimlet.io//v1alpha1/apps", false),
            ("/apis/gimlet.io//", false),
            ("/apis/gimlet.io/./v1alpha1", false),
            ("/apis/gimlet.io/v1alpha1;a=b/apps", false),
            ("/api/v1/secrets", false),
            ("/apis", false),
        ] {
            let uri: Uri = path.parse().unwrap();
            let told = kinds_path(&uri);
            assert_eq!(told.is_ok(), passed, "{path}");
            if let Ok(told) = told {
                assert_eq!(told.to_string(), path);
            }
        }
    }

    #[test]
    fn beside_the_group_only_questions_about_oneself_and_events_are_passed_through() {
        let (get, post) = (Method::GET, Method::POST);
        for (method, path, passed) in [
            (&post, "/apis/authentication.k8s.io/v1/selfsubjectreviews", true),
            (&post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", true),
            (&post, "/apis/authorization.k8s.io/v1/subjectaccessreviews", false),
            (&get, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", false),
            (&post, "/apis/authentication.k8s.io/v1/tokenreviews", false),
            (&get, "/apis/events.k8s.io/v1/namespaces/team/events", true),
            (&post, "/apis/events.k8s.io/v1/namespaces/team/events", false),
            (&Method::DELETE, "/apis/events.k8s.io/v1/namespaces/team/events", false),
            (&get, "/apis/events.k8s.io/v1/events", false),
            (&get, "/apis/events.k8s.io/v1/namespaces/../events", false),
            (&get, "/apis/events.k8s.io/v1/namespaces/a/b/events", false),
            (&get, "/apis/events.k8s.io/v1/namespaces//events", false),
            (&get, "/apis/events.k8s.io/v1/namespaces/a%2fb/events", false),
        ] {
            assert_eq!(beside(method, path), passed, "{method} {path}");
        }
    }

    #[test]
    fn a_view_is_asked_for_under_the_operators_version() {
        let path = |text: &str| views_path(&text.parse().unwrap()).map(|uri| uri.to_string());
        let asked = "/api/v1/views/namespaces/a/environments/b/history?limit=1";
        assert_eq!(path(asked).unwrap(), "/v1/namespaces/a/environments/b/history?limit=1");
        assert!(path("/api/v1/views/../metrics").is_err());
        assert!(path("/api/v1/views/a/%2e%2e/b").is_err());
    }

    #[test]
    fn who_somebody_would_like_to_be_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for name in ["impersonate-user", "cookie", "authorization", "x-remote-user", "connection"] {
            headers.insert(HeaderName::from_static(name), "x".parse().unwrap());
        }
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        assert_eq!(only(&headers, &ASKED).len(), 1);
    }
}
