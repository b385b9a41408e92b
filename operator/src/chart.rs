//! Charts of releases: fetched with the environment's credentials, pinned by digest, cached.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gimlet_charts::{
    Access, ChartFetchError, ChartRef, Fetched, Fetcher, HostCredentials, LocalPolicy, Options,
    Secret, Source, SourceError,
};
use gimlet_crds::{Chart, Environment};
use kube::{Client, ResourceExt};

use crate::error::Retry;
use crate::remotes::{RemoteError, read_secret};
use crate::render::LoadChart;

/// Fetches charts.
#[derive(Clone)]
pub(crate) struct Charts {
    fetcher: Arc<Fetcher>,
}

/// Why a chart cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChartError {
    #[error("manifest.chart: {0}")]
    Source(#[from] SourceError),
    #[error("manifest.chart: {0}")]
    Fetch(#[from] ChartFetchError),
    #[error("spec.render.chartSecrets of the environment: {0}")]
    Secret(#[from] RemoteError),
    #[error("the task that fetches the chart ended early")]
    Task,
}

impl ChartError {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Source(_) => "InvalidChart",
            Self::Fetch(error) => error.reason(),
            Self::Secret(error) => error.reason(),
            Self::Task => "Interrupted",
        }
    }

    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Fetch(error) if error.is_transient() => Retry::Backoff,
            Self::Source(_) | Self::Fetch(_) => Retry::Stalled,
            Self::Secret(error) => error.retry(),
            Self::Task => Retry::After(Duration::from_secs(1)),
        }
    }
}

fn source_of(chart: &Chart) -> Result<Source, SourceError> {
    let chart = ChartRef {
        repository: chart.repository.clone(),
        name: chart.name.clone(),
        version: chart.version.clone(),
    };
    Source::parse(&chart, &LocalPolicy::Refuse)
}

impl Charts {
    /// Makes a fetcher with a cache in a folder.
    pub(crate) fn new(cache: &Path, allow_loopback: bool) -> Self {
        let cache_dir = Some(cache.join("charts"));
        let options = Options { cache_dir, allow_loopback, ..Options::default() };
        Self { fetcher: Arc::new(Fetcher::new(options)) }
    }

    /// Fetches the chart of a manifest under the rules and with the credentials of an environment.
    pub(crate) async fn fetch(
        &self,
        client: &Client,
        environment: &Environment,
        chart: &Chart,
    ) -> Result<Fetched, ChartError> {
        let source = source_of(chart)?;
        let access = self.access(client, environment).await?;
        let fetcher = Arc::clone(&self.fetcher);
        tokio::task::spawn_blocking(move || fetcher.fetch(&source, &access))
            .await
            .map_err(|_| ChartError::Task)?
            .map_err(ChartError::Fetch)
    }

    /// Lists the stable versions of a chart, the newest first, under the same rules.
    pub(crate) async fn versions(
        &self,
        client: &Client,
        environment: &Environment,
        chart: &Chart,
    ) -> Result<Arc<[String]>, ChartError> {
        let source = source_of(chart)?;
        let access = self.access(client, environment).await?;
        let fetcher = Arc::clone(&self.fetcher);
        tokio::task::spawn_blocking(move || fetcher.versions(&source, &access))
            .await
            .map_err(|_| ChartError::Task)?
            .map_err(ChartError::Fetch)
    }

    /// Gives a way to the bytes of a fetched chart, for a process that renders it.
    pub(crate) fn loader(&self, fetched: &Fetched) -> LoadChart {
        let (charts, key) = (Arc::clone(&self.fetcher), fetched.key.clone());
        Arc::new(move || charts.bytes(&key))
    }

    async fn access(
        &self,
        client: &Client,
        environment: &Environment,
    ) -> Result<Access, ChartError> {
        let render = &environment.spec.render;
        let namespace = environment.namespace().unwrap_or_default();
        let mut access = Access::default();
        if !render.chart_hosts.is_empty() {
            access.allowed_hosts = Some(render.chart_hosts.clone());
        }
        for secret in &render.chart_secrets {
            let name = &secret.secret_ref.name;
            let data = read_secret(client, &namespace, name).await?;
            let text = |key: &'static str| {
                let bytes =
                    data.get(key).ok_or_else(|| RemoteError::SecretEmpty { name: name.clone() })?;
                String::from_utf8(bytes.0.clone())
                    .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
                    .map_err(|_| RemoteError::SecretNotText { name: name.clone(), key })
            };
            access.credentials.push(HostCredentials {
                host: secret.host.clone(),
                username: text("username")?,
                password: Secret::new(text("password")?),
            });
        }
        Ok(access)
    }
}
