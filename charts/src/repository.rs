//! Chart repositories: an `index.yaml` and archives next to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use semver::Version;
use serde::Deserialize;
use url::Url;

use crate::ChartFetchError;
use crate::access::HostCredentials;
use crate::archive::ARCHIVE_LIMIT;
use crate::http::{Client, Get};
use crate::range::{VersionRange, is_whole, parse_version, precedence};

const INDEX_LIMIT: u64 = 64 * 1024 * 1024;
const KEPT_INDEXES: usize = 16;

/// An `index.yaml`, reduced to what choosing a version needs.
#[derive(Debug, Deserialize)]
pub(crate) struct Index {
    #[serde(default)]
    entries: BTreeMap<String, Option<Vec<Option<Entry>>>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    urls: Option<Vec<String>>,
    #[serde(default)]
    digest: Option<String>,
}

/// One archive of a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) version: String,
    pub(crate) url: Url,
    /// `sha256:…` as announced by the index.
    pub(crate) digest: Option<String>,
}

impl Index {
    pub(crate) fn parse(what: &str, text: &[u8]) -> Result<Self, ChartFetchError> {
        let invalid =
            |detail: String| ChartFetchError::InvalidRepository { what: what.to_owned(), detail };
        let text = std::str::from_utf8(text).map_err(|error| invalid(error.to_string()))?;
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::FirstWins,
            // Large public indexes have millions of nodes; the byte limit bounds them all.
            budget: serde_saphyr::budget! {
                max_events: 50_000_000,
                max_nodes: 25_000_000,
            },
        };
        serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| invalid(format!("its index.yaml: {}", first_line(&error.to_string()))))
    }

    fn entries_of(
        &self,
        repository: &Url,
        name: &str,
    ) -> Result<&Vec<Option<Entry>>, ChartFetchError> {
        self.entries.get(name).and_then(Option::as_ref).ok_or_else(|| ChartFetchError::NotFound {
            what: format!("chart {name} in {}", shown(repository)),
        })
    }

    /// Lists the versions of a chart that can be read as such.
    pub(crate) fn versions(
        &self,
        repository: &Url,
        name: &str,
    ) -> Result<Vec<(Version, String)>, ChartFetchError> {
        let entries = self.entries_of(repository, name)?;
        let texts = entries.iter().flatten().filter_map(|entry| entry.version.as_deref());
        let whole = texts.filter(|text| is_whole(text));
        Ok(whole.filter_map(|text| Some((parse_version(text)?, text.to_owned()))).collect())
    }

    /// Chooses the highest version that is wanted; an exact text wins over the range it also is.
    pub(crate) fn choose(
        &self,
        repository: &Url,
        name: &str,
        wanted: Option<&VersionRange>,
    ) -> Result<Chosen, ChartFetchError> {
        let entries = self.entries_of(repository, name)?;
        let versions: Vec<(Version, &Entry, &str)> = entries
            .iter()
            .flatten()
            .filter_map(|entry| {
                let text = entry.version.as_deref()?;
                Some((parse_version(text)?, entry, text))
            })
            .collect();
        let exact =
            wanted.and_then(|wanted| versions.iter().find(|(_, _, text)| *text == wanted.as_str()));
        let any = VersionRange::parse("").map_err(|error| ChartFetchError::InvalidRepository {
            what: name.to_owned(),
            detail: error.to_string(),
        })?;
        let range = wanted.unwrap_or(&any);
        // Of equal versions the first in the index wins, hence the reversal before `max_by`.
        let best = exact.or_else(|| {
            versions
                .iter()
                .rev()
                .filter(|(version, _, _)| range.matches(version))
                .max_by(|(a, _, _), (b, _, _)| precedence(a, b))
        });
        let Some((_, entry, text)) = best else {
            let all = versions.iter().map(|(version, _, text)| (version.clone(), *text));
            return Err(version_not_found(name, range, all.collect()));
        };
        let broken = |detail: &str| ChartFetchError::InvalidRepository {
            what: format!("{} (chart {name} {text})", shown(repository)),
            detail: detail.to_owned(),
        };
        let first = entry
            .urls
            .iter()
            .flatten()
            .find(|url| !url.is_empty())
            .ok_or_else(|| broken("the index names no url"))?;
        let url = folder(repository).join(first).map_err(|error| broken(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https" | "oci") {
            return Err(broken("the chart's url is not an http address"));
        }
        let digest = entry.digest.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let digest = digest.map(|text| {
            let hex = text.strip_prefix("sha256:").unwrap_or(text);
            format!("sha256:{}", hex.to_ascii_lowercase())
        });
        Ok(Chosen { version: (*text).to_owned(), url, digest })
    }
}

/// Recently read indexes, so that a burst of releases reads each once.
#[derive(Default)]
pub(crate) struct Indexes {
    kept: Mutex<HashMap<(String, String), Kept>>,
}

#[derive(Clone)]
struct Kept {
    index: Arc<Index>,
    etag: Option<String>,
    modified: Option<String>,
    checked: Instant,
}

impl Indexes {
    /// Returns a repository's index, asking again once `fresh` has passed.
    pub(crate) fn get(
        &self,
        client: &Client<'_>,
        repository: &Url,
        fresh: Duration,
    ) -> Result<Arc<Index>, ChartFetchError> {
        client.check(repository)?;
        let mut url = folder(repository);
        url.set_path(&format!("{}index.yaml", url.path()));
        // What one caller may read is not for another with different credentials.
        let key = (url.to_string(), client.access().fingerprint(&url));
        let kept = self.lock().get(&key).cloned();
        if let Some(kept) = &kept
            && kept.checked.elapsed() < fresh
        {
            return Ok(Arc::clone(&kept.index));
        }
        let mut headers = Vec::new();
        if let Some(kept) = &kept {
            headers.extend(kept.etag.clone().map(|etag| ("if-none-match", etag)));
            headers.extend(kept.modified.clone().map(|date| ("if-modified-since", date)));
        }
        let authorization = client.access().credentials_for(&url).map(basic);
        let response =
            client.get(Get { url: url.clone(), headers, authorization, limit: INDEX_LIMIT })?;
        if response.status == 304
            && let Some(mut kept) = kept
        {
            kept.checked = Instant::now();
            self.lock().insert(key, kept.clone());
            return Ok(kept.index);
        }
        let what = shown(&url);
        let response = response.success(&what)?;
        let kept = Kept {
            index: Arc::new(Index::parse(&what, &response.body)?),
            etag: response.header("etag").map(str::to_owned),
            modified: response.header("last-modified").map(str::to_owned),
            checked: Instant::now(),
        };
        let index = Arc::clone(&kept.index);
        let mut all = self.lock();
        if all.len() >= KEPT_INDEXES {
            let oldest =
                all.iter().min_by_key(|(_, kept)| kept.checked).map(|(key, _)| key.clone());
            oldest.and_then(|key| all.remove(&key));
        }
        all.insert(key, kept);
        Ok(index)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Downloads an archive; credentials go along only on the repository's own host.
pub(crate) fn download(
    client: &Client<'_>,
    repository: &Url,
    url: &Url,
) -> Result<Vec<u8>, ChartFetchError> {
    let same_host = url.host() == repository.host()
        && url.port_or_known_default() == repository.port_or_known_default();
    let authorization =
        if same_host { client.access().credentials_for(url).map(basic) } else { None };
    let headers = vec![("accept-encoding", "identity".to_owned())];
    let get = Get { url: url.clone(), headers, authorization, limit: ARCHIVE_LIMIT };
    Ok(client.get(get)?.success(&shown(url))?.body)
}

/// Returns the `Authorization` header of basic authentication.
pub(crate) fn basic(credentials: &HostCredentials) -> String {
    let pair = format!("{}:{}", credentials.username, credentials.password.reveal());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// Builds the error that names the nearest versions.
pub(crate) fn version_not_found(
    chart: &str,
    wanted: &VersionRange,
    mut versions: Vec<(Version, &str)>,
) -> ChartFetchError {
    let number = wanted.as_str().trim_start_matches(|c: char| "=!<>~^ v".contains(c));
    let number = number.split([' ', ',']).next().unwrap_or_default();
    let distance = |version: &Version| {
        parse_version(number).map(|near| {
            (
                near.major.abs_diff(version.major),
                near.minor.abs_diff(version.minor),
                near.patch.abs_diff(version.patch),
            )
        })
    };
    versions.sort_by(|(a, _), (b, _)| distance(a).cmp(&distance(b)).then_with(|| precedence(b, a)));
    let mut nearest: Vec<String> =
        versions.into_iter().map(|(_, text)| text.to_owned()).take(5).collect();
    nearest.dedup();
    ChartFetchError::VersionNotFound {
        chart: chart.to_owned(),
        wanted: wanted.to_string(),
        nearest,
    }
}

/// Returns a URL without its query, which may hold a token.
pub(crate) fn shown(url: &Url) -> String {
    url.as_str().split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn folder(repository: &Url) -> Url {
    let mut url = repository.clone();
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "
apiVersion: v1
entries:
  shop:
    - {version: 2.0.0-rc.1, urls: [shop-2.0.0-rc.1.tgz]}
    - {version: v1.4.0, urls: ['https://cdn.example.org/shop-1.4.0.tgz'], digest: ABC}
    - null
    - {version: not-a-version, urls: [x.tgz]}
    - {version: 1.3.0+b2, urls: ['', shop-1.3.0.tgz], created: 2024-01-01}
    - {version: 1.10.0}
  empty:
";

    fn index() -> Index {
        Index::parse("test", INDEX.as_bytes()).unwrap()
    }

    fn address() -> Url {
        "https://example.com/charts?t=1".parse().unwrap()
    }

    fn wanted(range: &str) -> Option<VersionRange> {
        (!range.is_empty()).then(|| VersionRange::parse(range).unwrap())
    }

    fn choose(name: &str, range: &str) -> Result<Chosen, ChartFetchError> {
        index().choose(&address(), name, wanted(range).as_ref())
    }

    #[test]
    fn urls_are_relative_to_the_repository_or_absolute() {
        let chosen = choose("shop", "~1.3").unwrap();
        assert_eq!(chosen.url.as_str(), "https://example.com/charts/shop-1.3.0.tgz");
        let chosen = choose("shop", "1.4").unwrap();
        assert_eq!(chosen.url.as_str(), "https://cdn.example.org/shop-1.4.0.tgz");
        assert_eq!(chosen.digest.as_deref(), Some("sha256:abc"));
    }

    #[test]
    fn a_pre_release_is_chosen_only_when_asked_for() {
        assert_eq!(
            choose("shop", ">=1.0.0-0 <1.10.0-0 || >1.10.0-0").unwrap().version,
            "2.0.0-rc.1"
        );
        assert_eq!(choose("shop", "2.0.0-rc.1").unwrap().version, "2.0.0-rc.1");
        let error = choose("shop", "^2").unwrap_err();
        assert_eq!(error.reason(), "VersionNotFound");
        assert!(error.to_string().contains("nearest are 2.0.0-rc.1, "), "{error}");
    }

    #[test]
    fn a_version_without_a_url_is_the_repositorys_fault() {
        assert_eq!(choose("shop", "").unwrap_err().reason(), "InvalidRepository");
    }

    #[test]
    fn a_chart_that_is_not_in_the_index_is_not_found() {
        assert_eq!(choose("other", "").unwrap_err().reason(), "NotFound");
        assert_eq!(choose("empty", "").unwrap_err().reason(), "NotFound");
    }
}
