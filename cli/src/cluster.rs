//! The cluster that the flags and the kubeconfig mean.

use std::path::Path;
use std::time::Duration;

use gimlet_crds::condition::cut;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config, Resource};

use crate::args::Global;
use crate::error::{CommandError, Request, chain};

/// Longest name of a person that a release records.
const MAX_PERSON: usize = 256;

/// The cluster that a command talks to, and the namespace in it.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// The client, with the person's rights.
    pub(crate) client: Client,
    /// The namespace of the environment.
    pub(crate) namespace: String,
    /// Address of the API server, for messages.
    server: String,
}

impl Cluster {
    /// Makes a client; no request is sent yet.
    pub(crate) async fn connect(global: &Global) -> Result<Self, CommandError> {
        let mut config = config(global).await?;
        config.connect_timeout = Some(Duration::from_secs(10));
        if let Some(user) = &global.impersonate {
            config.auth_info.impersonate = Some(user.clone());
        }
        let namespace =
            global.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|error| {
            CommandError::general(format!("the kubeconfig cannot be used: {}", chain(&error)))
        })?;
        Ok(Self { client, namespace, server })
    }

    /// Returns the objects of a kind in the namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Names a request in the namespace, for messages.
    pub(crate) fn request<'a>(
        &'a self,
        verb: &'static str,
        resource: &'a str,
        name: Option<&'a str>,
    ) -> Request<'a> {
        Request { verb, resource, name, namespace: &self.namespace, server: &self.server }
    }

    /// Asks the cluster who the person is. A cluster that does not tell is no reason to stop.
    pub(crate) async fn person(&self) -> Option<String> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let review =
            api.create(&PostParams::default(), &SelfSubjectReview::default()).await.ok()?;
        let name = review.status?.user_info?.username?;
        Some(cut(&name, MAX_PERSON)).filter(|name| !name.is_empty())
    }
}

async fn config(global: &Global) -> Result<Config, CommandError> {
    let options = KubeConfigOptions { context: global.context.clone(), ..Default::default() };
    if let Some(path) = &global.kubeconfig {
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))?;
        return Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| unusable(&error));
    }
    match Config::from_kubeconfig(&options).await {
        Ok(config) => Ok(config),
        // Inside a cluster there is no kubeconfig, but a service account.
        Err(error) if global.context.is_none() => Config::incluster().map_err(|_| unusable(&error)),
        Err(error) => Err(unusable(&error)),
    }
}

fn unreadable(path: &Path, error: &KubeconfigError) -> CommandError {
    CommandError::general(format!("kubeconfig {} cannot be read: {}", path.display(), chain(error)))
}

fn unusable(error: &KubeconfigError) -> CommandError {
    match error {
        KubeconfigError::LoadContext(name) => {
            CommandError::usage(format!("the kubeconfig has no context {name}"))
                .hint("kubectl config get-contexts lists those that it has")
        }
        KubeconfigError::ReadConfig(..)
        | KubeconfigError::FindPath
        | KubeconfigError::CurrentContextNotSet => CommandError::general(format!(
            "there is no kubeconfig that says which cluster is meant: {}",
            chain(error)
        ))
        .hint("set KUBECONFIG, or pass --kubeconfig and --context"),
        _ => CommandError::general(format!("the kubeconfig cannot be used: {}", chain(error))),
    }
}
