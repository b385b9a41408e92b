//! Errors of the views, as RFC 9457 has them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, Retry};
use crate::release::ReleaseError;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Status of the answer.
    pub(super) status: u16,
    /// One word for what went wrong, such as `Forbidden` or `GitUnreachable`.
    pub(super) reason: String,
    /// What a person is told.
    pub(super) detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, reason: &str, detail: impl Into<String>) -> Self {
        Self { status: status.as_u16(), reason: reason.into(), detail: detail.into() }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", detail)
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", detail)
    }

    pub(super) fn busy() -> Self {
        let detail = "too many views are asked for at once: try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail)
    }

    pub(super) fn timeout() -> Self {
        let detail = "git did not answer in time: try again in a moment";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", detail)
    }

    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail)
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = header::HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<ReleaseError> for Problem {
    fn from(error: ReleaseError) -> Self {
        let status = match error.retry() {
            Retry::Stalled => StatusCode::UNPROCESSABLE_ENTITY,
            Retry::After(_) | Retry::Backoff => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.reason(), error.to_string())
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "ApiError", error.to_string())
    }
}
