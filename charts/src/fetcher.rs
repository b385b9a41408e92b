//! Fetches charts: the order of source, pin, cache and dependencies.

mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gimlet_helm::Chart;
use gimlet_outbound::Reach;

use crate::ChartFetchError;
use crate::access::Access;
use crate::archive::{ARCHIVE_LIMIT, is_archive, unpack};
use crate::builtin;
use crate::cache::{Cache, CacheKey};
use crate::dependencies::{DEPTH_LIMIT, Dependency, Place, beside, declared};
use crate::git::{self, Checkout};
use crate::http::Client;
use crate::oci::Registry;
use crate::repository::{Indexes, download};
use crate::source::{ChartRef, GitReference, LocalPolicy, Source};
use crate::tree::{Tree, digest, too_large};
use versions::Lists;

/// How a [`Fetcher`] works, whoever asks.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of the cache; `None` keeps charts in memory only.
    pub cache_dir: Option<PathBuf>,
    /// The most bytes that the folder may hold; what was not used for longest goes first.
    pub cache_bytes: u64,
    /// The longest that one fetch may take, with all its dependencies.
    pub timeout: Duration,
    /// How long an `index.yaml` is used without asking again.
    pub index_fresh: Duration,
    /// Hosts that may be contacted, besides what each [`Access`] says; `None` allows all.
    pub allowed_hosts: Option<Vec<String>>,
    /// Lets local folders, archives and `file://` repositories be read.
    pub allow_local: bool,
    /// Lets charts be fetched from addresses of this machine, also over plain http.
    pub allow_loopback: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_dir: None,
            cache_bytes: 512 * 1024 * 1024,
            timeout: Duration::from_mins(1),
            index_fresh: Duration::from_secs(30),
            allowed_hosts: None,
            allow_local: false,
            allow_loopback: false,
        }
    }
}

/// A chart that is here.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The chart, with its dependencies.
    pub chart: Arc<Chart>,
    /// `sha256:…` of the archive; for charts from folders, git and the program, and for those
    /// whose dependencies had to be fetched, of all files in canonical form.
    pub digest: String,
    /// The chart's version.
    pub version: String,
    /// Where the chart comes from, for display; never holds credentials.
    pub origin: String,
    /// What [`Fetcher::bytes`] finds its bytes by.
    pub key: CacheKey,
}

/// Fetches charts; blocking, and shared by any number of threads.
pub struct Fetcher {
    options: Options,
    cache: Cache,
    indexes: Indexes,
    lists: Lists,
}

/// What is known about a chart's bytes before it is parsed.
enum Content {
    Archive { bytes: Vec<u8>, digest: String },
    Files(Tree),
}

impl Content {
    fn archive(bytes: Vec<u8>) -> Self {
        let digest = digest(&bytes);
        Self::Archive { bytes, digest }
    }
}

impl Fetcher {
    /// Makes a fetcher with an empty memory.
    pub fn new(options: Options) -> Self {
        let cache = Cache::new(options.cache_dir.clone(), options.cache_bytes);
        Self { options, cache, indexes: Indexes::default(), lists: Lists::default() }
    }

    /// Fetches a chart with its dependencies, or takes it from the cache.
    ///
    /// A pinned chart that is in the cache costs no request at all.
    pub fn fetch(&self, source: &Source, access: &Access) -> Result<Fetched, ChartFetchError> {
        let allowed = self.options.allowed_hosts.as_deref();
        let reach = Reach { loopback: self.options.allow_loopback, ..Reach::default() };
        let client = Client::new(access, allowed, reach, self.options.timeout)?;
        self.permit(&client, source)?;
        let (origin, scope) = (source.to_string(), access.scope(source));
        if let Some(pinned) = &access.pinned
            && let Some(chart) = self.cached(&origin, &scope, pinned)?
        {
            return Ok(fetched(chart, pinned.clone(), &scope, origin));
        }
        let (chart, digest) = self.obtain(&client, source, &scope, &origin)?;
        if let Some(pinned) = &access.pinned
            && *pinned != digest
        {
            let expected = pinned.clone();
            return Err(ChartFetchError::DigestMismatch { what: origin, expected, actual: digest });
        }
        Ok(fetched(chart, digest, &scope, origin))
    }

    /// Returns the bytes of a fetched chart, from the cache folder.
    ///
    /// Where they are gone, the next fetch brings them again.
    pub fn bytes(&self, key: &CacheKey) -> Option<Vec<u8>> {
        let bytes = self.cache.bytes(key);
        if bytes.is_none() {
            self.cache.forget_chart(key);
        }
        bytes
    }

    /// Refuses hosts and local sources before the cache is asked, so that a cached chart is no
    /// way around the rules.
    fn permit(&self, client: &Client<'_>, source: &Source) -> Result<(), ChartFetchError> {
        match source {
            Source::BuiltIn => Ok(()),
            Source::Local(_) | Source::Archive(_) if self.options.allow_local => Ok(()),
            Source::Local(path) | Source::Archive(path) => {
                Err(ChartFetchError::LocalRefused { what: path.display().to_string() })
            }
            Source::ArchiveUrl(url) | Source::Repository { url, .. } => client.check(url),
            Source::Oci { registry, repository, .. } => {
                Registry::new(client, registry, repository).map(|_| ())
            }
            Source::Git { url, .. } => {
                git::check(client, url, self.options.allow_local).map(|_| ())
            }
        }
    }

    fn obtain(
        &self,
        client: &Client<'_>,
        source: &Source,
        scope: &str,
        origin: &str,
    ) -> Result<(Arc<Chart>, String), ChartFetchError> {
        if let Source::Git { url, path, reference } = source {
            return self.obtain_from_git(client, scope, origin, url, path, reference);
        }
        let content = self.content(client, source, scope)?;
        let place = place(source)?;
        self.complete(client, scope, origin, content, &place)
    }

    fn obtain_from_git(
        &self,
        client: &Client<'_>,
        scope: &str,
        origin: &str,
        url: &str,
        path: &str,
        reference: &GitReference,
    ) -> Result<(Arc<Chart>, String), ChartFetchError> {
        // A commit never changes, but who may read it does.
        let name = |commit: &str| format!("{scope} {commit}");
        if let GitReference::Commit(commit) = reference
            && let Some(digest) = self.cache.recall(&name(commit))
            && let Some(chart) = self.cached(origin, scope, &digest)?
        {
            return Ok((chart, digest));
        }
        let checkout = Checkout::fetch(client, url, reference, self.options.allow_local)?;
        let tree = checkout.read(path)?;
        let place = Place::Commit { checkout: &checkout, path: path.to_owned() };
        let result = self.complete(client, scope, origin, Content::Files(tree), &place)?;
        self.cache.remember(name(checkout.commit()), &result.1);
        Ok(result)
    }

    /// Returns a chart's own bytes, without its dependencies.
    fn content(
        &self,
        client: &Client<'_>,
        source: &Source,
        scope: &str,
    ) -> Result<Content, ChartFetchError> {
        match source {
            Source::BuiltIn => Ok(Content::Files(builtin::tree()?)),
            Source::Local(path) => {
                let what = path.display().to_string();
                let (folder, root) = local_folder(path)?;
                Ok(Content::Files(Tree::read_folder(&what, &folder, &root)?))
            }
            Source::Archive(path) => Ok(Content::archive(read_archive(path)?)),
            Source::ArchiveUrl(url) => Ok(Content::archive(download(client, url, url)?)),
            Source::Repository { url, name, version } => {
                let index = self.indexes.get(client, url, self.options.index_fresh)?;
                let chosen = index.choose(url, name, version.as_ref())?;
                if chosen.url.scheme() == "oci" {
                    let chart = ChartRef { name: chosen.url.to_string(), ..ChartRef::default() };
                    let source = Source::parse(&chart, &LocalPolicy::Refuse)
                        .map_err(|error| ChartFetchError::invalid_chart(name, error.to_string()))?;
                    return self.content(client, &source, scope);
                }
                let announced = chosen.digest.as_deref();
                if let Some(digest) = announced
                    && let Some(bytes) = self.cache.bytes(&CacheKey::new(digest, scope))
                {
                    return Ok(Content::Archive { bytes, digest: digest.to_owned() });
                }
                let content = Content::archive(download(client, url, &chosen.url)?);
                if let (Some(expected), Content::Archive { digest, .. }) = (announced, &content)
                    && expected != digest
                {
                    let (expected, actual) = (expected.to_owned(), digest.clone());
                    let what = format!("chart {name} {}", chosen.version);
                    return Err(ChartFetchError::DigestMismatch { what, expected, actual });
                }
                Ok(content)
            }
            Source::Oci { registry, repository, reference } => {
                let mut registry = Registry::new(client, registry, repository)?;
                let layer = registry.find(reference)?;
                let bytes = match self.cache.bytes(&CacheKey::new(&layer.digest, scope)) {
                    Some(bytes) => bytes,
                    None => registry.download(&layer)?,
                };
                Ok(Content::Archive { bytes, digest: layer.digest })
            }
            Source::Git { url, path, reference } => {
                let local = self.options.allow_local;
                let checkout = Checkout::fetch(client, url, reference, local)?;
                Ok(Content::Files(checkout.read(path)?))
            }
        }
    }

    /// Parses a chart and adds the dependencies it lacks.
    fn complete(
        &self,
        client: &Client<'_>,
        scope: &str,
        what: &str,
        content: Content,
        place: &Place<'_>,
    ) -> Result<(Arc<Chart>, String), ChartFetchError> {
        let (tree, own) = match content {
            Content::Archive { bytes, digest } => {
                let key = CacheKey::new(&digest, scope);
                let chart = match self.cache.chart(&key) {
                    Some(chart) => chart,
                    None => Arc::new(parse(what, &bytes)?),
                };
                self.cache.keep_bytes(&key, &bytes);
                if chart.missing_dependencies().is_empty() {
                    self.cache.keep_chart(&key, &chart);
                    return Ok((chart, digest));
                }
                let mut tree = unpack(what, &bytes)?;
                // It has no meaning in an archive, but would get one in a folder.
                tree.remove(".helmignore");
                (tree, chart)
            }
            Content::Files(tree) => {
                let bytes = tree.to_bytes();
                let digest = digest(&bytes);
                // Only complete charts are kept, so one with these very files lacks nothing.
                if let Some(chart) = self.cache.chart(&CacheKey::new(&digest, scope)) {
                    return Ok((chart, digest));
                }
                let chart = Arc::new(parse(what, &bytes)?);
                (tree, chart)
            }
        };
        let tree = self.vendor(client, what, tree, &own, place, 0)?;
        let bytes = tree.to_bytes();
        let digest = digest(&bytes);
        let key = CacheKey::new(&digest, scope);
        let chart = match self.cache.chart(&key) {
            Some(chart) => chart,
            None => Arc::new(parse(what, &bytes)?),
        };
        self.cache.keep_bytes(&key, &bytes);
        self.cache.keep_chart(&key, &chart);
        Ok((chart, digest))
    }

    /// Puts the dependencies that a chart lacks into its `charts` folder.
    fn vendor(
        &self,
        client: &Client<'_>,
        what: &str,
        mut tree: Tree,
        chart: &Chart,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Tree, ChartFetchError> {
        if chart.missing_dependencies().is_empty() {
            return Ok(tree);
        }
        if depth >= DEPTH_LIMIT {
            let detail = format!("its dependencies go deeper than {DEPTH_LIMIT} levels");
            return Err(ChartFetchError::invalid_chart(what, detail));
        }
        for dependency in declared(what, &tree, chart)? {
            let folder = format!("charts/{}-{}", dependency.name, tree_suffix(&dependency));
            let fetched =
                self.dependency(client, what, &dependency, place, depth).map_err(|error| {
                    let source = Box::new(error);
                    ChartFetchError::Dependency { name: dependency.name.clone(), source }
                })?;
            tree.graft(what, &folder, fetched)?;
        }
        Ok(tree)
    }

    fn dependency(
        &self,
        client: &Client<'_>,
        what: &str,
        dependency: &Dependency,
        place: &Place<'_>,
        depth: usize,
    ) -> Result<Tree, ChartFetchError> {
        let (tree, place) = if let Some(relative) = dependency.repository.strip_prefix("file://") {
            let place = beside(what, place, relative)?;
            let tree = match &place {
                Place::Folder { folder, root } => Tree::read_folder(what, folder, root)?,
                Place::Commit { checkout, path } => checkout.read(path)?,
                Place::Alone => Tree::default(),
            };
            (tree, place)
        } else {
            (self.remote_dependency(client, what, dependency)?, Place::Alone)
        };
        let chart = parse(&dependency.name, &tree.to_bytes())?;
        self.vendor(client, &dependency.name, tree, &chart, &place, depth + 1)
    }

    fn remote_dependency(
        &self,
        client: &Client<'_>,
        what: &str,
        dependency: &Dependency,
    ) -> Result<Tree, ChartFetchError> {
        let name = &dependency.name;
        let repository = dependency.repository.as_str();
        if !["https://", "http://", "oci://"].iter().any(|scheme| repository.starts_with(scheme)) {
            let detail = format!(
                "dependency {name} is not in its charts folder and its repository {repository:?} is \
                 not an address"
            );
            return Err(ChartFetchError::invalid_chart(what, detail));
        }
        let chart = ChartRef {
            repository: Some(repository.to_owned()),
            name: name.clone(),
            version: Some(dependency.version.clone()),
        };
        let source = Source::parse(&chart, &LocalPolicy::Refuse)
            .map_err(|error| ChartFetchError::invalid_chart(what, error.to_string()))?;
        let scope = client.access().scope(&source);
        match self.content(client, &source, &scope)? {
            Content::Archive { bytes, digest } => {
                let tree = unpack(name, &bytes)?;
                self.cache.keep_bytes(&CacheKey::new(&digest, &scope), &bytes);
                Ok(tree)
            }
            Content::Files(tree) => Ok(tree),
        }
    }

    fn cached(
        &self,
        what: &str,
        scope: &str,
        digest: &str,
    ) -> Result<Option<Arc<Chart>>, ChartFetchError> {
        let key = CacheKey::new(digest, scope);
        if let Some(chart) = self.cache.chart(&key) {
            return Ok(Some(chart));
        }
        let Some(bytes) = self.cache.bytes(&key) else { return Ok(None) };
        let chart = Arc::new(parse(what, &bytes)?);
        // The archive alone is stored under this digest too, when dependencies were added to it.
        if !chart.missing_dependencies().is_empty() {
            return Ok(None);
        }
        self.cache.keep_chart(&key, &chart);
        Ok(Some(chart))
    }
}

fn fetched(chart: Arc<Chart>, digest: String, scope: &str, origin: String) -> Fetched {
    let (version, key) = (chart.version().to_owned(), CacheKey::new(&digest, scope));
    Fetched { chart, digest, version, origin, key }
}

/// Parses the bytes of a chart as [`Fetcher::bytes`] gives them.
pub fn load(what: &str, bytes: &[u8]) -> Result<Chart, ChartFetchError> {
    parse(what, bytes)
}

/// Parses an archive, or files in canonical form as a folder (where `.helmignore` counts).
fn parse(what: &str, bytes: &[u8]) -> Result<Chart, ChartFetchError> {
    let invalid =
        |error: gimlet_helm::ChartError| ChartFetchError::invalid_chart(what, error.to_string());
    if is_archive(bytes) {
        return Chart::from_archive(bytes).map_err(invalid);
    }
    let tree = Tree::from_bytes(what, bytes)?;
    if tree.get("Chart.yaml").is_none() {
        return Err(ChartFetchError::invalid_chart(what, "there is no Chart.yaml in it"));
    }
    let unpacking = || ChartFetchError::local("unpack a chart into a temporary folder");
    let dir = tempfile::Builder::new().prefix("gimlet-chart-").tempdir().map_err(unpacking())?;
    tree.write_to(dir.path()).map_err(unpacking())?;
    Chart::from_dir(dir.path()).map_err(invalid)
}

fn place(source: &Source) -> Result<Place<'static>, ChartFetchError> {
    Ok(match source {
        Source::Local(path) => {
            let (folder, root) = local_folder(path)?;
            Place::Folder { folder, root }
        }
        _ => Place::Alone,
    })
}

/// Returns a chart's folder, and the folder that its `file://` dependencies may not leave: the
/// git work tree around it, or else the folder it lies in.
fn local_folder(path: &Path) -> Result<(PathBuf, PathBuf), ChartFetchError> {
    let not_found = |_| {
        let path = path.display();
        let what =
            format!("chart folder {path} (for a chart in a repository set chart.repository)");
        ChartFetchError::NotFound { what }
    };
    let folder = path.canonicalize().map_err(not_found)?;
    let root = folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .or_else(|| folder.parent())
        .unwrap_or(&folder)
        .to_owned();
    Ok((folder, root))
}

fn read_archive(path: &Path) -> Result<Vec<u8>, ChartFetchError> {
    let what = path.display().to_string();
    let size = std::fs::metadata(path)
        .map_err(|_| ChartFetchError::NotFound { what: format!("chart archive {what}") })?
        .len();
    if size > ARCHIVE_LIMIT {
        return Err(too_large(what, ARCHIVE_LIMIT));
    }
    std::fs::read(path).map_err(ChartFetchError::local(format!("read {what}")))
}

/// Tells apart two versions of one chart; the folder's name has no other meaning.
fn tree_suffix(dependency: &Dependency) -> String {
    let key = format!("{} {}", dependency.repository, dependency.version);
    digest(key.as_bytes()).trim_start_matches("sha256:").chars().take(12).collect()
}
