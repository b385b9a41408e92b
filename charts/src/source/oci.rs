//! OCI addresses of charts: `oci://ghcr.io/acme/charts/shop`.

use url::Url;

use super::{Source, SourceError};
use crate::range::{VersionRange, is_whole};

/// Which version of a chart in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OciReference {
    /// The tag with this name.
    Tag(String),
    /// The highest tag in a range; an empty range is the latest stable one.
    Range(VersionRange),
    /// The manifest with this digest.
    Digest(String),
}

const FIELD: &str = "chart.name";

/// Reads an address that starts with `oci://`.
pub(super) fn parse(address: &str, version: Option<&str>) -> Result<Source, SourceError> {
    let rest = address.strip_prefix("oci://").unwrap_or(address);
    let Some((registry, path)) = rest.split_once('/') else {
        return Err(invalid("it names a registry but no chart"));
    };
    if registry.contains('@') {
        return Err(SourceError::CredentialsInUrl { field: FIELD });
    }
    check_registry(registry)?;
    let (path, digest) = match path.split_once('@') {
        Some((path, digest)) => (path, Some(check_digest(digest)?)),
        None => (path, None),
    };
    let (path, tag) = match path.rsplit_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (path, None),
    };
    check_repository(path)?;
    let reference = match (digest, tag.or(version)) {
        (Some(digest), _) => OciReference::Digest(digest),
        (None, Some(text)) if text.starts_with("sha256:") => {
            OciReference::Digest(check_digest(text)?)
        }
        (None, Some(text)) => parse_reference(text)?,
        (None, None) => OciReference::Range(VersionRange::parse("")?),
    };
    Ok(Source::Oci { registry: registry.to_owned(), repository: path.to_owned(), reference })
}

/// A whole version is a tag; what else reads as a range is one; the rest is a tag such as `main`.
fn parse_reference(text: &str) -> Result<OciReference, SourceError> {
    if !is_whole(text)
        && let Ok(range) = VersionRange::parse(text)
    {
        return Ok(OciReference::Range(range));
    }
    // A tag cannot hold '+', so Helm writes '_' for it.
    let tag = text.replace('+', "_");
    let plain = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !plain || tag.is_empty() || tag.len() > 128 || tag.starts_with(['.', '-']) {
        return Err(SourceError::Hostile { field: "chart.version", detail: "it is not a tag" });
    }
    Ok(OciReference::Tag(tag))
}

fn check_registry(registry: &str) -> Result<(), SourceError> {
    let url =
        Url::parse(&format!("https://{registry}/")).map_err(|error| invalid(&error.to_string()))?;
    let same_path = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if registry.starts_with(['-', '.']) || !same_path || url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("its registry is not a host name"));
    }
    Ok(())
}

/// The distribution specification's form of a repository name.
fn check_repository(path: &str) -> Result<(), SourceError> {
    let good_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && !part.contains("..")
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    };
    if path.len() > 255 || !path.split('/').all(good_part) {
        let detail = "a path in a registry has lower case letters, digits, '.', '_' and '-' only";
        return Err(SourceError::Hostile { field: FIELD, detail });
    }
    Ok(())
}

fn check_digest(digest: &str) -> Result<String, SourceError> {
    let hex = digest.strip_prefix("sha256:").unwrap_or("");
    if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(digest.to_ascii_lowercase());
    }
    Err(invalid("a digest is sha256: and 64 hexadecimal digits"))
}

fn invalid(detail: &str) -> SourceError {
    SourceError::InvalidUrl { field: FIELD, detail: detail.to_owned() }
}
