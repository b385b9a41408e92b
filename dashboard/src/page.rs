//! The web app, embedded in the binary.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use include_dir::{Dir, include_dir};
use rand::RngCore as _;

use crate::problem::Problem;

static APP: Dir<'_> = include_dir!("$OUT_DIR/app");

/// Where the page takes its nonce.
const PLACE: &str = r#"name="csp-nonce" content=""#;

/// Serves a file of the web app; whatever is no file is the page, which knows its own addresses.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        let detail = "pages can only be read";
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", detail)
            .into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if path.is_empty() || path == "index.html" {
        return index();
    }
    match file(&APP, path, &headers) {
        Some(response) => response,
        // A browser that runs an older version must not take a page for a script.
        None if path.starts_with("assets/") => {
            Problem::not_found("there is no such file in this version").into_response()
        }
        None => index(),
    }
}

fn index() -> Response<Body> {
    let html = APP.get_file("index.html").and_then(|file| file.contents_utf8()).unwrap_or_default();
    let mut nonce = [0; 18];
    rand::rng().fill_bytes(&mut nonce);
    let nonce = STANDARD_NO_PAD.encode(nonce);
    let html = html.replacen(PLACE, &format!(r#"name="csp-nonce" content="{nonce}""#), 1);
    let policy = policy(&nonce);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
    ];
    (headers, html).into_response()
}

/// Returns what the page may load: its own files, and styles that know the nonce.
fn policy(nonce: &str) -> String {
    let mut policy = String::from("default-src 'self'; script-src 'self'; ");
    // Writing to a string cannot fail.
    let _ = write!(policy, "style-src 'self' 'nonce-{nonce}'; ");
    policy.push_str("img-src 'self' data:; connect-src 'self'; object-src 'none'; ");
    policy.push_str("base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    policy
}

fn file(app: &'static Dir<'static>, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let whole = app.get_file(path)?;
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let small = [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(encoding, ending)| {
        let accepted = accepts(accepted.unwrap_or_default(), encoding);
        let file = app.get_file(format!("{path}.{ending}")).filter(|_| accepted)?;
        Some((encoding, file))
    });
    let content = small.map_or(whole, |(_, file)| file).contents();
    let mut response = Response::new(Body::from(content));
    let told = response.headers_mut();
    told.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(path)));
    told.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some((encoding, _)) = small {
        told.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    // The names of assets hold their digest.
    let keep = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    Some(response)
}

fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        named && !pieces.any(|piece| matches!(piece, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("html") => "text/html; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_a_nonce_of_its_own() {
        let policy = |response: Response<Body>| {
            response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        let (one, other) = (policy(index()), policy(index()));
        assert!(one.contains("style-src 'self' 'nonce-") && !one.contains("unsafe"), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn a_small_form_is_sent_to_those_who_take_it() {
        for (accepted, encoding, expected) in [
            ("gzip, deflate, br", "br", true),
            ("gzip;q=0.5, br;q=1.0", "gzip", true),
            ("br;q=0, gzip", "br", false),
            ("brotli", "br", false),
            ("", "gzip", false),
        ] {
            assert_eq!(accepts(accepted, encoding), expected, "{accepted} for {encoding}");
        }
    }
}
