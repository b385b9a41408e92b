//! The files of `<path>/flux/`: what makes Flux apply an environment.
//!
//! They hold no secret ever: a private repository's key stays a Secret of the cluster, which is
//! only named here.

use gimlet_crds::name::{AppName, EnvName, InvalidName};
use gimlet_crds::{Environment, EnvironmentSpec, labels};
use serde_json::{Map, Value, json};

use crate::yaml;

/// How often Flux applies again what is in git, against changes by hand.
pub(crate) const APPLY_INTERVAL: &str = "10m";

/// What Flux needs to know of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FluxEnv {
    /// Name of the environment.
    pub environment: EnvName,
    /// Namespace of Flux' own objects.
    pub namespace: String,
    /// Address of the gitops repository.
    pub url: String,
    /// Branch of the gitops repository.
    pub branch: String,
    /// Folder of the environment; empty for the whole repository.
    pub path: String,
    /// How often Flux looks for commits, and tries again after a failure.
    pub interval: String,
    /// How long Flux waits for objects to become ready.
    pub timeout: String,
    /// Whether Flux waits for objects to become ready.
    pub wait: bool,
    /// Service account with whose rights apps are applied.
    pub service_account: Option<String>,
    /// Secret with which Flux reads the repository.
    pub secret_name: Option<String>,
    /// Secret with the age keys by which Flux decrypts Secrets.
    pub decryption_secret: Option<String>,
    /// Whether each app has a Kustomization of its own, so that one cannot block another.
    pub kustomization_per_app: bool,
}

impl FluxEnv {
    /// Reads it from an environment.
    pub fn of(environment: &Environment) -> Result<Self, InvalidName> {
        let EnvironmentSpec { gitops, flux, encryption, .. } = &environment.spec;
        let name = environment.metadata.name.as_deref().unwrap_or_default();
        Ok(Self {
            environment: EnvName::parse(name)?,
            namespace: flux.namespace.clone(),
            url: gitops.url.clone(),
            branch: gitops.branch.clone(),
            path: gitops.path.clone(),
            interval: flux.interval.clone(),
            timeout: flux.timeout.clone(),
            wait: flux.wait,
            service_account: flux.service_account_name.clone(),
            secret_name: flux.secret_ref.as_ref().map(|secret| secret.name.clone()),
            decryption_secret: encryption
                .as_ref()
                .map(|encryption| encryption.flux_secret_ref.name.clone()),
            kustomization_per_app: flux.kustomization_per_app,
        })
    }

    /// Returns the name of the `GitRepository`, and of the Kustomization that everything hangs on.
    pub fn name(&self) -> String {
        format!("gimlet-{}", self.environment)
    }

    pub(crate) fn folder(&self, inner: &str) -> String {
        let parts = self.path.split('/').chain([inner]).filter(|part| !matches!(*part, "" | "."));
        let path: Vec<&str> = parts.collect();
        format!("./{}", path.join("/"))
    }

    pub(crate) fn metadata(&self, name: &str, app: Option<&AppName>) -> Value {
        let mut labels = Map::new();
        if let Some(app) = app {
            labels.insert(labels::APP.to_owned(), app.as_str().into());
        }
        labels.insert(labels::ENVIRONMENT.to_owned(), self.environment.as_str().into());
        json!({"name": name, "namespace": self.namespace, "labels": labels})
    }

    pub(crate) fn kustomization(&self, metadata: &Value, path: &str, workloads: bool) -> Value {
        let mut spec = json!({
            "interval": APPLY_INTERVAL,
            "retryInterval": self.interval,
            "path": path,
            "prune": true,
            "sourceRef": {"kind": "GitRepository", "name": self.name()},
        });
        if workloads {
            spec["wait"] = self.wait.into();
            spec["timeout"] = self.timeout.as_str().into();
            if let Some(account) = &self.service_account {
                spec["serviceAccountName"] = account.as_str().into();
            }
            if let Some(secret) = &self.decryption_secret {
                spec["decryption"] = json!({"provider": "sops", "secretRef": {"name": secret}});
            }
        }
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": spec,
        })
    }
}

/// Makes the file of the `GitRepository`.
pub fn source_file(env: &FluxEnv) -> (String, Vec<u8>) {
    let mut spec = json!({
        "interval": env.interval,
        "url": flux_url(&env.url),
        "ref": {"branch": env.branch},
    });
    if let Some(secret) = &env.secret_name {
        spec["secretRef"] = json!({"name": secret});
    }
    let object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": env.metadata(&env.name(), None),
        "spec": spec,
    });
    ("gitrepository.yaml".to_owned(), bytes(&object))
}

/// Makes the file of the Kustomization that everything else hangs on.
///
/// With a Kustomization per app it applies only those, and does not wait: one app that is not
/// healthy must not hold up the others.
pub fn root_file(env: &FluxEnv) -> (String, Vec<u8>) {
    let folder = if env.kustomization_per_app { "flux" } else { "" };
    let metadata = env.metadata(&env.name(), None);
    let object = env.kustomization(&metadata, &env.folder(folder), !env.kustomization_per_app);
    ("root.yaml".to_owned(), bytes(&object))
}

/// Makes the file of an app's Kustomization.
pub fn app_file(env: &FluxEnv, app: &AppName) -> (String, Vec<u8>) {
    let metadata = env.metadata(&format!("{}-{app}", env.environment), Some(app));
    let object = env.kustomization(&metadata, &env.folder(app.as_str()), true);
    (format!("app-{app}.yaml"), bytes(&object))
}

/// Writes an address as Flux takes it: `ssh://` instead of scp's form, without credentials.
pub fn flux_url(url: &str) -> String {
    if let Some((scheme, rest)) = url.split_once("://") {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        return match authority.rsplit_once('@') {
            Some((_, host)) if matches!(scheme, "http" | "https") => {
                format!("{scheme}://{host}{path}")
            }
            Some((user, host)) => {
                let user = user.split(':').next().unwrap_or_default();
                format!("{scheme}://{user}@{host}{path}")
            }
            None => url.to_owned(),
        };
    }
    match url.split_once(':') {
        Some((host, path)) if !host.contains('/') && !host.is_empty() => {
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
        _ => url.to_owned(),
    }
}

pub(crate) fn bytes(object: &Value) -> Vec<u8> {
    yaml::object_to_string(object)
        .expect("an object of texts and switches can be written as YAML")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> FluxEnv {
        FluxEnv {
            environment: EnvName::parse("staging").unwrap(),
            namespace: "flux-system".into(),
            url: "git@github.com:acme/gitops.git".into(),
            branch: "main".into(),
            path: "staging".into(),
            interval: "1m".into(),
            timeout: "5m".into(),
            wait: true,
            service_account: Some("deployer".into()),
            secret_name: Some("gitops".into()),
            decryption_secret: None,
            kustomization_per_app: true,
        }
    }

    fn shown(files: &[(String, Vec<u8>)]) -> String {
        let texts = files
            .iter()
            .map(|(name, bytes)| format!("# {name}\n{}", std::str::from_utf8(bytes).unwrap()));
        texts.collect()
    }

    #[test]
    fn an_environment_in_a_folder_with_a_kustomization_per_app() {
        let app = AppName::parse("web").unwrap();
        let files = [source_file(&env()), root_file(&env()), app_file(&env(), &app)];
        insta::assert_snapshot!(shown(&files));
    }

    #[test]
    fn a_repository_of_its_own_with_one_kustomization() {
        let env = FluxEnv {
            path: String::new(),
            url: "https://user:token@example.com/gitops.git".into(),
            service_account: None,
            secret_name: None,
            kustomization_per_app: false,
            ..env()
        };
        insta::assert_snapshot!(shown(&[source_file(&env), root_file(&env)]));
    }

    #[test]
    fn addresses_are_written_as_flux_takes_them() {
        for (url, expected) in [
            ("git@github.com:acme/x.git", "ssh://git@github.com/acme/x.git"),
            ("git@host:/abs/x.git", "ssh://git@host/abs/x.git"),
            ("host:x.git", "ssh://host/x.git"),
            ("ssh://git@host:2222/x.git", "ssh://git@host:2222/x.git"),
            ("ssh://git:secret@host/x.git", "ssh://git@host/x.git"),
            ("https://u:p@ss@host/x.git", "https://host/x.git"),
            ("https://host:8443/a@b.git", "https://host:8443/a@b.git"),
            ("http://127.0.0.1:3000/a/b", "http://127.0.0.1:3000/a/b"),
        ] {
            assert_eq!(flux_url(url), expected, "{url}");
        }
    }
}
