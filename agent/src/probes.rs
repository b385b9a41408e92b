//! `/healthz`, `/readyz` and `/metrics`.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::cluster::Cluster;
use crate::metrics::Metrics;
use crate::protocol::Blind;

/// What the probes tell of.
#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) cluster: Cluster,
    pub(crate) metrics: Metrics,
}

/// Makes the routes.
pub(crate) fn router(probes: Probes) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(encode))
        .with_state(probes)
}

async fn readyz(State(probes): State<Probes>) -> (StatusCode, String) {
    let not_ready = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n"));
    if let Some(Blind { since, message }) = probes.cluster.blind() {
        not_ready(&format!("the cluster is not seen since {since}: {message}"))
    } else if !probes.cluster.progress().borrow().settled {
        not_ready("the cluster is still being read")
    } else if !probes.metrics.is_connected() {
        not_ready("there is no connection to the dashboard")
    } else {
        (StatusCode::OK, "ok\n".to_owned())
    }
}

async fn encode(State(probes): State<Probes>) -> Response {
    match probes.metrics.encode(&probes.cluster) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use http::Request;
    use tower::ServiceExt as _;

    use crate::cluster::testing;

    async fn ask(probes: &Probes, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let answer = router(probes.clone()).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn it_is_ready_once_everything_was_read_and_the_dashboard_is_there() {
        let metrics = Metrics::new().unwrap();
        let probes = Probes { cluster: Cluster::new("prod", None), metrics: metrics.clone() };
        assert!(ask(&probes, "/readyz").await.1.contains("still being read"));
        let probes = Probes { cluster: testing::settled(&["web"]), metrics: metrics.clone() };
        assert!(ask(&probes, "/readyz").await.1.contains("no connection"));
        metrics.connected();
        assert_eq!(ask(&probes, "/readyz").await.0, StatusCode::OK);
        assert_eq!(ask(&probes, "/healthz").await.0, StatusCode::OK);
        let page = ask(&probes, "/metrics").await.1;
        assert!(page.contains("gimlet_agent_apps{state=\"Healthy\"} 1"), "{page}");
        assert!(page.contains("gimlet_agent_objects{kind=\"Deployment\"} 1"), "{page}");
    }
}
