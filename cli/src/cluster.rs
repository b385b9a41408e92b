//! The cluster that the flags and the kubeconfig mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gimlet_crds::condition::cut;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, UserInfo};
use kube::api::{Api, PostParams};
use kube::config::{
    self, AuthInfo, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedAuthInfo,
    NamedCluster, NamedContext,
};
use kube::{Client, Config, Resource};
use url::{Host, Url};

use crate::args::Global;
use crate::error::{CommandError, Kind, Request, chain};
use crate::settings::{Home, Settings};

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
    /// Whether it is a server that passes requests on, and not an API server itself.
    passed_on: bool,
}

impl Cluster {
    /// Makes a client; no request is sent yet.
    pub(crate) async fn connect(global: &Global) -> Result<Self, CommandError> {
        let (config, settings, passed_on) = config(global).await?;
        let namespace = global.namespace.clone().or(settings.namespace);
        let cluster = Self::of(config, namespace, global.impersonate.as_ref())?;
        Ok(Self { passed_on, ..cluster })
    }

    /// Makes a client of a configuration; without a namespace it is that of the configuration.
    pub(crate) fn of(
        mut config: Config,
        namespace: Option<String>,
        impersonate: Option<&String>,
    ) -> Result<Self, CommandError> {
        config.connect_timeout = Some(Duration::from_secs(10));
        if let Some(user) = impersonate {
            config.auth_info.impersonate = Some(user.clone());
        }
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(|error| {
            CommandError::general(format!("the kubeconfig cannot be used: {}", chain(&error)))
        })?;
        Ok(Self { client, namespace, server, passed_on: false })
    }

    /// Returns the same cluster with another namespace.
    pub(crate) fn in_namespace(&self, namespace: String) -> Self {
        Self { namespace, ..self.clone() }
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
        let name = self.who().await.ok()??.username?;
        Some(cut(&name, MAX_PERSON)).filter(|name| !name.is_empty())
    }

    /// Asks the cluster who the person is, with groups.
    pub(crate) async fn who(&self) -> Result<Option<UserInfo>, kube::Error> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        let review = api.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
        Ok(review.status.and_then(|status| status.user_info))
    }

    /// Tells whether a server passes requests on, so that agents can be asked through it.
    pub(crate) fn is_server(&self) -> bool {
        self.passed_on
    }

    /// Returns the address of the API server, for messages.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }
}

/// How the cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By a kubeconfig, or the service account of a pod.
    Kubeconfig {
        /// The file; the usual ones otherwise.
        file: Option<PathBuf>,
        /// The context; the current one otherwise.
        context: Option<String>,
    },
    /// Through a server that passes the API on.
    Server {
        /// Its address.
        url: Url,
        /// File with its certificate authorities.
        certificate_authority: Option<PathBuf>,
    },
}

impl Way {
    /// Decides which way is meant: what was typed or set comes before the config file.
    pub(crate) fn choose(global: &Global, settings: &Settings) -> Result<Self, CommandError> {
        let named = global.kubeconfig.is_some() || global.context.is_some();
        let kept = settings.server.as_ref().filter(|_| !named);
        if let Some(server) = global.server.as_ref().or(kept) {
            let of_file = settings.certificate_authority.clone();
            let certificate_authority = global.certificate_authority.clone().or(of_file);
            return Ok(Self::Server { url: parse_server(server)?, certificate_authority });
        }
        Ok(Self::Kubeconfig {
            file: global.kubeconfig.clone().or_else(|| settings.kubeconfig.clone()),
            context: global.context.clone().or_else(|| settings.context.clone()),
        })
    }
}

/// Checks the address of a server. A token is never sent in the clear, except to this machine.
pub(crate) fn parse_server(text: &str) -> Result<Url, CommandError> {
    let broken = |why: &str| {
        CommandError::usage(format!("{text:?} is not the address of a server: {why}"))
            .hint("use an address such as https://gimlet.example.com")
    };
    let url = Url::parse(text).map_err(|error| broken(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(CommandError::usage("an address holds no credentials: take them out")
            .hint("gimlet login URL keeps a token for it"));
    }
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(broken("it has no host")),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err(broken("the token would be sent in the clear, so it has to be https")),
        _ => Err(broken("it has to be https")),
    }
}

async fn config(global: &Global) -> Result<(Config, Settings, bool), CommandError> {
    let settings = Home::find().map_or_else(|| Ok(Settings::default()), |home| home.load())?;
    let (config, passed_on) = match Way::choose(global, &settings)? {
        Way::Kubeconfig { file, context } => (of_kubeconfig(file, context).await?, false),
        Way::Server { url, certificate_authority } => {
            let token = token(&url)?;
            (of_server(&url, token, certificate_authority.as_deref()).await?, true)
        }
    };
    Ok((config, settings, passed_on))
}

/// Finds the token for a server: in the environment, else where `login` kept it.
fn token(url: &Url) -> Result<String, CommandError> {
    let given = std::env::var("GIMLET_TOKEN").ok().filter(|token| !token.is_empty());
    if let Some(token) = given {
        return Ok(token);
    }
    let kept = Home::find().map_or(Ok(None), |home| home.token(url.as_str()))?;
    kept.ok_or_else(|| {
        CommandError::new(Kind::Forbidden, format!("you are not signed in to {url}"))
            .hint(format!("gimlet login {url}"))
    })
}

/// Makes the configuration of a client that speaks to a server with a token.
pub(crate) async fn of_server(
    url: &Url,
    token: String,
    certificate_authority: Option<&Path>,
) -> Result<Config, CommandError> {
    let name = || "server".to_owned();
    let authority = certificate_authority.map(|path| path.to_string_lossy().into_owned());
    let kubeconfig = Kubeconfig {
        clusters: vec![NamedCluster {
            name: name(),
            cluster: Some(config::Cluster {
                server: Some(url.as_str().trim_end_matches('/').to_owned()),
                certificate_authority: authority,
                ..config::Cluster::default()
            }),
            other: BTreeMap::new(),
        }],
        auth_infos: vec![NamedAuthInfo {
            name: name(),
            auth_info: Some(AuthInfo { token: Some(token.into()), ..AuthInfo::default() }),
            other: BTreeMap::new(),
        }],
        contexts: vec![NamedContext {
            name: name(),
            context: Some(Context { cluster: name(), user: Some(name()), ..Context::default() }),
            other: BTreeMap::new(),
        }],
        current_context: Some(name()),
        ..Kubeconfig::default()
    };
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| unusable(&error))
}

async fn of_kubeconfig(
    file: Option<PathBuf>,
    context: Option<String>,
) -> Result<Config, CommandError> {
    let options = KubeConfigOptions { context, ..Default::default() };
    if let Some(path) = &file {
        let kubeconfig = Kubeconfig::read_from(path).map_err(|error| unreadable(path, &error))?;
        return Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| unusable(&error));
    }
    match Config::from_kubeconfig(&options).await {
        Ok(config) => Ok(config),
        // Inside a cluster there is no kubeconfig, but a service account.
        Err(error) if options.context.is_none() => {
            Config::incluster().map_err(|_| unusable(&error))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn global(server: Option<&str>, context: Option<&str>) -> Global {
        Global {
            kubeconfig: None,
            context: context.map(Into::into),
            namespace: None,
            server: server.map(Into::into),
            certificate_authority: None,
            impersonate: None,
            color: crate::args::Color::Auto,
        }
    }

    fn url_of(way: &Way) -> Option<&str> {
        match way {
            Way::Server { url, .. } => Some(url.as_str()),
            Way::Kubeconfig { .. } => None,
        }
    }

    #[test]
    fn what_is_typed_comes_before_the_file() {
        let kept = Settings {
            server: Some("https://kept.example.com".into()),
            context: Some("kept".into()),
            ..Settings::default()
        };
        let choose = |server, context| Way::choose(&global(server, context), &kept).unwrap();
        assert_eq!(url_of(&choose(None, None)), Some("https://kept.example.com/"));
        let typed = choose(Some("https://typed.example.com"), Some("eu"));
        assert_eq!(url_of(&typed), Some("https://typed.example.com/"));
        let context = Way::Kubeconfig { file: None, context: Some("eu".into()) };
        assert_eq!(choose(None, Some("eu")), context);
        let nothing = Way::choose(&global(None, None), &Settings::default()).unwrap();
        assert_eq!(nothing, Way::Kubeconfig { file: None, context: None });
    }

    #[test]
    fn a_token_is_never_sent_in_the_clear() {
        for good in ["https://gimlet.example.com", "http://127.0.0.1:8080", "http://[::1]:1/x"] {
            assert!(parse_server(good).is_ok(), "{good}");
        }
        for bad in [
            "http://gimlet.example.com",
            "http://127.0.0.1.example.com",
            "ftp://x",
            "gimlet.example.com",
            "https://user:secret@gimlet.example.com",
        ] {
            let error = parse_server(bad).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{bad}");
            assert!(bad.starts_with("https") || !error.styled().contains("secret"), "{bad}");
        }
    }
}
