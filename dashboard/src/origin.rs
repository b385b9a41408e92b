//! Where a request of a browser comes from.

use axum::http::{HeaderMap, Uri, header};

use crate::problem::Problem;

/// Refuses a request that a page of another site has a browser make.
///
/// Browsers send `Origin` with every write and every WebSocket, and pages cannot change it. Where it
/// is missing, it was no browser, and a cookie has no business there.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let Some(origin) = origin else {
        return Err(Problem::forbidden(
            "a request with a cookie that writes has to say its Origin; scripts send a token as \
             Authorization: Bearer … instead",
        ));
    };
    let from = origin.parse::<Uri>().ok();
    let from = from.as_ref().filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let from = from.and_then(Uri::authority).map(axum::http::uri::Authority::as_str);
    if from.is_some_and(|from| host.is_some_and(|host| host.eq_ignore_ascii_case(from))) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "the request comes from another site. Is a proxy in front? It has to keep the header Host",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_the_same_host_may_write() {
        for (origin, host, allowed) in [
            (Some("http://127.0.0.1:8090"), "127.0.0.1:8090", true),
            (Some("https://gimlet.example.com"), "gimlet.example.com", true),
            (Some("https://GIMLET.example.com"), "gimlet.example.com", true),
            (Some("https://evil.example.com"), "gimlet.example.com", false),
            (Some("https://gimlet.example.com.evil.com"), "gimlet.example.com", false),
            (Some("https://x@gimlet.example.com"), "gimlet.example.com", false),
            (Some("http://127.0.0.1:8091"), "127.0.0.1:8090", false),
            (Some("null"), "gimlet.example.com", false),
            (Some(""), "gimlet.example.com", false),
            (None, "gimlet.example.com", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            assert_eq!(check(&headers).is_ok(), allowed, "{origin:?} at {host}");
        }
    }
}
