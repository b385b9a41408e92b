//! Charts in container registries, by the distribution protocol.

use gimlet_outbound::{host_of, is_loopback};
use semver::Version;
use serde::Deserialize;
use url::Url;

use crate::ChartFetchError;
use crate::archive::ARCHIVE_LIMIT;
use crate::http::{Client, Get, Response};
use crate::range::{VersionRange, is_whole, parse_version, precedence};
use crate::repository::{basic, version_not_found};
use crate::source::OciReference;
use crate::tree::{digest, too_large};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const HELM_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const HELM_CONTENT: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// What Helm wrote while registries were an experiment.
const OLD_CONTENT: &str = "application/tar+gzip";

const MANIFEST_LIMIT: u64 = 4 * 1024 * 1024;
const TOKEN_LIMIT: u64 = 1024 * 1024;
const TAG_PAGES: usize = 200;
/// Tags of all pages that are versions, after which a list is taken for one without an end.
const TAGS: usize = 50_000;
const MANIFESTS_TRIED: usize = 10;

/// A chart's archive in a registry, not yet downloaded.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) digest: String,
    size: u64,
}

/// One repository of a registry, while one chart is fetched.
pub(crate) struct Registry<'a> {
    client: &'a Client<'a>,
    base: Url,
    repository: &'a str,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

impl Manifest {
    pub(crate) fn read(what: &str, body: &[u8]) -> Result<Self, ChartFetchError> {
        serde_json::from_slice(body)
            .map_err(|error| ChartFetchError::invalid_chart(what, format!("its manifest: {error}")))
    }
}

impl<'a> Registry<'a> {
    pub(crate) fn new(
        client: &'a Client<'a>,
        registry: &str,
        repository: &'a str,
    ) -> Result<Self, ChartFetchError> {
        let parse = |scheme: &str| Url::parse(&format!("{scheme}://{registry}/v2/"));
        let base =
            parse("https").and_then(|url| if is_loopback(&url) { parse("http") } else { Ok(url) });
        let base = base.map_err(|error| ChartFetchError::InvalidRepository {
            what: registry.to_owned(),
            detail: error.to_string(),
        })?;
        client.check(&base)?;
        Ok(Self { client, base, repository, token: None })
    }

    /// Finds the chart's archive.
    pub(crate) fn find(&mut self, reference: &OciReference) -> Result<Layer, ChartFetchError> {
        let tag = match reference {
            OciReference::Tag(tag) => tag.clone(),
            OciReference::Digest(digest) => digest.clone(),
            OciReference::Range(range) => self.choose(range)?,
        };
        let manifest = self.manifest(&tag)?;
        if manifest.manifests.is_empty() {
            return self.layer(&manifest);
        }
        // An index may hold a chart beside other artifacts.
        let mut first_error = None;
        for descriptor in manifest.manifests.iter().take(MANIFESTS_TRIED) {
            check_digest_form(&self.what(), &descriptor.digest)?;
            let inner = self.manifest(&descriptor.digest)?;
            match self.layer(&inner) {
                Ok(layer) => return Ok(layer),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error
            .unwrap_or_else(|| ChartFetchError::invalid_chart(&self.what(), "its index is empty")))
    }

    /// Downloads the archive and checks that it is the announced one.
    pub(crate) fn download(&mut self, layer: &Layer) -> Result<Vec<u8>, ChartFetchError> {
        if layer.size > ARCHIVE_LIMIT {
            return Err(too_large(self.what(), ARCHIVE_LIMIT));
        }
        let path = format!("blobs/{}", layer.digest);
        let body = self.get(&path, &[], ARCHIVE_LIMIT)?.success(&self.what())?.body;
        self.verify(&layer.digest, &body)?;
        Ok(body)
    }

    fn what(&self) -> String {
        format!("oci://{}/{}", host_of(&self.base), self.repository)
    }

    fn manifest(&mut self, reference: &str) -> Result<Manifest, ChartFetchError> {
        let accept = [MANIFEST, DOCKER_MANIFEST, INDEX].join(", ");
        let path = format!("manifests/{reference}");
        let what = format!("{} ({reference})", self.what());
        let response = self.get(&path, &[("accept", accept)], MANIFEST_LIMIT)?.success(&what)?;
        if reference.starts_with("sha256:") {
            self.verify(reference, &response.body)?;
        }
        Manifest::read(&what, &response.body)
    }

    /// Returns what a manifest says is the chart.
    pub(crate) fn layer(&self, manifest: &Manifest) -> Result<Layer, ChartFetchError> {
        let what = self.what();
        let kind = manifest.config.as_ref().map_or("", |config| config.media_type.as_str());
        if kind != HELM_CONFIG {
            let detail = format!("it is an artifact of type {kind:?}, not a Helm chart");
            return Err(ChartFetchError::invalid_chart(&what, detail));
        }
        let layer = manifest
            .layers
            .iter()
            .find(|layer| [HELM_CONTENT, OLD_CONTENT].contains(&layer.media_type.as_str()))
            .ok_or_else(|| ChartFetchError::invalid_chart(&what, "its manifest has no content"))?;
        check_digest_form(&what, &layer.digest)?;
        Ok(Layer { digest: layer.digest.clone(), size: layer.size })
    }

    /// Lists the tags that are versions.
    pub(crate) fn versions(&mut self) -> Result<Vec<(Version, String)>, ChartFetchError> {
        let tags = self.tags()?.into_iter();
        Ok(tags.filter_map(|tag| Some((version_of(&tag)?, tag.replace('_', "+")))).collect())
    }

    fn choose(&mut self, range: &VersionRange) -> Result<String, ChartFetchError> {
        let tags = self.tags()?;
        let versions: Vec<(Version, &str)> =
            tags.iter().filter_map(|tag| Some((version_of(tag)?, tag.as_str()))).collect();
        versions
            .iter()
            .filter(|(version, _)| range.matches(version))
            .max_by(|(a, _), (b, _)| precedence(a, b))
            .map(|(_, tag)| (*tag).to_owned())
            .ok_or_else(|| version_not_found(self.repository, range, versions.clone()))
    }

    fn tags(&mut self) -> Result<Vec<String>, ChartFetchError> {
        let mut url = self.url("tags/list?n=1000")?;
        let mut tags = Vec::new();
        for _ in 0..TAG_PAGES {
            let response = self.get_url(&url, &[], MANIFEST_LIMIT)?.success(&self.what())?;
            let page: Tags = serde_json::from_slice(&response.body)
                .map_err(|error| self.invalid(format!("its list of tags: {error}")))?;
            tags.extend(page.tags.into_iter().flatten().filter(|tag| version_of(tag).is_some()));
            if tags.len() > TAGS {
                break;
            }
            let Some(next) = response.header("link").and_then(next_page) else { return Ok(tags) };
            let next = url.join(next).map_err(|error| self.invalid(error.to_string()))?;
            if next.origin() != self.base.origin() {
                return Err(self.invalid("its list of tags goes on at another host".to_owned()));
            }
            url = next;
        }
        Err(self.invalid("its list of tags does not end".to_owned()))
    }

    fn url(&self, path: &str) -> Result<Url, ChartFetchError> {
        self.base
            .join(&format!("{}/{path}", self.repository))
            .map_err(|error| self.invalid(error.to_string()))
    }

    fn get(
        &mut self,
        path: &str,
        headers: &[(&str, String)],
        limit: u64,
    ) -> Result<Response, ChartFetchError> {
        let url = self.url(path)?;
        self.get_url(&url, headers, limit)
    }

    /// Asks once without credentials (or with the token at hand), then as the registry wants it.
    fn get_url(
        &mut self,
        url: &Url,
        headers: &[(&str, String)],
        limit: u64,
    ) -> Result<Response, ChartFetchError> {
        let get = |authorization: Option<String>| {
            let headers = headers.to_vec();
            self.client.get(Get { url: url.clone(), headers, authorization, limit })
        };
        let response = get(self.token.clone())?;
        if response.status != 401 || response.url.origin() != self.base.origin() {
            return Ok(response);
        }
        let Some(challenge) = response.header("www-authenticate").map(str::to_owned) else {
            return Ok(response);
        };
        let Some(authorization) = self.answer(&challenge)? else { return Ok(response) };
        self.token = Some(authorization.clone());
        let headers = headers.to_vec();
        let authorization = Some(authorization);
        self.client.get(Get { url: url.clone(), headers, authorization, limit })
    }

    fn answer(&self, challenge: &str) -> Result<Option<String>, ChartFetchError> {
        let credentials = self.client.access().credentials_for(&self.base).map(basic);
        let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(credentials);
        }
        let Some(realm) =
            scheme.eq_ignore_ascii_case("bearer").then(|| parameter(parameters, "realm")).flatten()
        else {
            return Ok(None);
        };
        let mut url = Url::parse(&realm)
            .map_err(|error| self.invalid(format!("its token service: {error}")))?;
        // The token that comes back is sent in the clear otherwise, and so are the credentials.
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err(ChartFetchError::Insecure { host: host_of(&url) });
        }
        let scope = parameter(parameters, "scope")
            .unwrap_or_else(|| format!("repository:{}:pull", self.repository));
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = parameter(parameters, "service") {
            url.query_pairs_mut().append_pair("service", &service);
        }
        let get = Get { url, headers: Vec::new(), authorization: credentials, limit: TOKEN_LIMIT };
        let response = self.client.get(get)?.success(&self.what())?;
        let token: Token = serde_json::from_slice(&response.body).map_err(|_| {
            self.invalid("its token service answers with something else".to_owned())
        })?;
        let token = token.token.or(token.access_token).filter(|token| !token.is_empty());
        Ok(token.map(|token| format!("Bearer {token}")))
    }

    fn verify(&self, expected: &str, body: &[u8]) -> Result<(), ChartFetchError> {
        let actual = digest(body);
        if actual == expected {
            return Ok(());
        }
        let expected = expected.to_owned();
        Err(ChartFetchError::DigestMismatch { what: self.what(), expected, actual })
    }

    fn invalid(&self, detail: String) -> ChartFetchError {
        ChartFetchError::InvalidRepository { what: self.what(), detail }
    }
}

/// Reads a tag as a version: it cannot hold '+', for which Helm writes '_'.
///
/// As for Helm, one with parts left out is none: `1.2` moves, `20240115` is a date.
fn version_of(tag: &str) -> Option<Version> {
    let text = tag.replace('_', "+");
    parse_version(&text).filter(|_| is_whole(&text))
}

/// A digest becomes part of a URL and of a file name, so only the exact form is taken.
fn check_digest_form(what: &str, digest: &str) -> Result<(), ChartFetchError> {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    let good = hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if good {
        return Ok(());
    }
    Err(ChartFetchError::invalid_chart(what, "its manifest names a digest that is not sha256"))
}

pub(crate) fn next_page(link: &str) -> Option<&str> {
    let entry = link
        .split(',')
        .find(|entry| entry.contains("rel=\"next\"") || entry.contains("rel=next"))?;
    let start = entry.find('<')?;
    let end = entry.find('>')?;
    entry.get(start + 1..end)
}

/// Reads one parameter of a challenge: `key="value"` or `key=value`, separated by commas.
pub(crate) fn parameter(parameters: &str, key: &str) -> Option<String> {
    let mut rest = parameters.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        if name.trim().eq_ignore_ascii_case(key) {
            return Some(value.trim().to_owned());
        }
        rest = tail.trim_start_matches([',', ' ']);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_whatever_the_order_and_quotes() {
        let text = r#"service=registry, scope="repository:a/b:pull,push",realm="https://auth/t""#;
        assert_eq!(parameter(text, "realm").as_deref(), Some("https://auth/t"));
        assert_eq!(parameter(text, "scope").as_deref(), Some("repository:a/b:pull,push"));
        assert_eq!(parameter(text, "service").as_deref(), Some("registry"));
        assert_eq!(parameter(text, "error"), None);
        assert_eq!(parameter("realm=\"open", "realm"), None);
    }

    #[test]
    fn the_next_page_is_taken_from_the_link() {
        assert_eq!(
            next_page("</v2/a/tags/list?last=b>; rel=\"next\""),
            Some("/v2/a/tags/list?last=b")
        );
        assert_eq!(next_page("<x>; rel=\"prev\""), None);
        assert_eq!(next_page("rel=\"next\" ><"), None);
    }
}
