//! Errors of the dashboard, as RFC 9457 has them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// Status of the answer.
    pub(crate) status: u16,
    /// One word for what went wrong, such as `Forbidden`.
    pub(crate) reason: &'static str,
    /// What a person is told.
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { status: status.as_u16(), reason, detail: detail.into() }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", detail)
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", detail)
    }

    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", detail)
    }

    pub(crate) fn read_only() -> Self {
        let detail = "this dashboard only shows: it was started with --read-only";
        Self::new(StatusCode::FORBIDDEN, "ReadOnly", detail)
    }

    pub(crate) fn busy() -> Self {
        let detail = "too much is asked for at once: try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail)
    }

    pub(crate) fn starting() -> Self {
        let detail = "the dashboard has just started and reads the cluster: try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Starting", detail)
    }

    pub(crate) fn timeout() -> Self {
        let detail = "no answer came in time: try again in a moment";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", detail)
    }

    /// Tells that the API server did not do something for the caller.
    pub(crate) fn of_api(action: &str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 401 => Self::unauthorized(
                "the API server does not know this token: it has expired, or is of another cluster",
            ),
            kube::Error::Api(status) if status.code == 403 => {
                Self::forbidden(status.message.clone())
            }
            error => {
                let detail = format!("failed to {action}: {error}");
                Self::new(StatusCode::BAD_GATEWAY, "ApiError", detail)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
