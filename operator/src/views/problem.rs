//! Errors of the views, as RFC 9457 has them.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gimlet_gitops::GitErrorKind;
use gimlet_hosts::HostError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::Context;
use crate::error::{ApiError, Retry};
use crate::hosting::HostingError;
use crate::release::ReleaseError;
use crate::repository::RepositoryError;
use crate::sources::SourceOpenError;

/// When to come back where so much is asked for at once.
const BUSY: Duration = Duration::from_secs(1);
/// When to come back to a replica that has just started.
const STARTING: Duration = Duration::from_secs(2);

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    /// Status of the answer.
    pub(super) status: u16,
    /// One word for what went wrong, such as `Forbidden` or `GitUnreachable`.
    pub(super) reason: String,
    /// What a person is told.
    pub(super) detail: String,
    /// After how many seconds it is worth asking again, where that is known; the header `Retry-After`
    /// says it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, reason: &str, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            reason: reason.into(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    fn after(self, pause: Duration) -> Self {
        Self { retry_after: Some(pause.as_secs().max(1)), ..self }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", detail)
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", detail)
    }

    pub(super) fn busy() -> Self {
        let detail = "too many views are asked for at once: try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail).after(BUSY)
    }

    pub(super) fn starting() -> Self {
        let detail = "the operator has just started and reads its caches: try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Starting", detail).after(STARTING)
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
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<ReleaseError> for Problem {
    fn from(error: ReleaseError) -> Self {
        let status = match error.retry() {
            Retry::Stalled => StatusCode::UNPROCESSABLE_ENTITY,
            Retry::After(_) | Retry::Backoff | Retry::Outage => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.reason(), error.to_string())
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "ApiError", error.to_string())
    }
}

impl From<RepositoryError> for Problem {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Host(error)
            | RepositoryError::Open(SourceOpenError::Hosting(HostingError::Host(error))) => {
                error.into()
            }
            error => {
                let status = match (&error, error.retry()) {
                    (RepositoryError::Git(git), _) if git.kind() == GitErrorKind::NotFound => {
                        StatusCode::NOT_FOUND
                    }
                    (_, Retry::Stalled) => StatusCode::UNPROCESSABLE_ENTITY,
                    (_, Retry::After(_) | Retry::Backoff | Retry::Outage) => {
                        StatusCode::BAD_GATEWAY
                    }
                };
                Self::new(status, error.reason(), error.to_string())
            }
        }
    }
}

impl From<HostError> for Problem {
    /// The host's words on the operator's token are no words on the caller: they have other reasons.
    fn from(error: HostError) -> Self {
        let detail = error.to_string();
        match &error {
            HostError::RateLimited { .. } => {
                let told = Self::new(StatusCode::TOO_MANY_REQUESTS, error.reason(), detail);
                match error.retry(Context::now()) {
                    gimlet_hosts::Retry::After(pause) => told.after(pause),
                    gimlet_hosts::Retry::Stalled | gimlet_hosts::Retry::Backoff => told,
                }
            }
            HostError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, error.reason(), detail),
            HostError::Unauthorized { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "HostUnauthorized", detail)
            }
            HostError::Forbidden { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, "HostForbidden", detail)
            }
            _ => Self::new(StatusCode::BAD_GATEWAY, error.reason(), detail),
        }
    }
}

/// Tells that a query cannot be read.
#[expect(clippy::needless_pass_by_value, reason = "it is a step of map_err")]
pub(super) fn bad_query(rejection: QueryRejection) -> Problem {
    Problem::bad_request(rejection.body_text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn a_rate_limit_of_the_host_is_told_with_when_to_come_back() {
        let until = Context::now() + SignedDuration::from_secs(90);
        let problem = Problem::from(HostError::RateLimited { host: "github.com".into(), until });
        assert!((85..=90).contains(&problem.retry_after.unwrap()), "{problem:?}");
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let told: u64 = response.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((85..=90).contains(&told), "{told}");
    }

    #[test]
    fn what_the_operators_token_lacks_is_not_what_the_caller_lacks() {
        let host = || "github.com".to_owned();
        let (doing, right) = ("read the repository", "contents: read");
        let problem = Problem::from(HostError::Unauthorized { host: host(), doing, right });
        assert_eq!((problem.status, problem.reason.as_str()), (502, "HostUnauthorized"));
        let detail = String::new();
        let problem = Problem::from(HostError::Forbidden { host: host(), doing, right, detail });
        assert_eq!((problem.status, problem.reason.as_str()), (502, "HostForbidden"));
    }
}
