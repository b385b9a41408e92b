//! A namespace of one test.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1;
use kube::api::{Api, ObjectMeta, PostParams};

use crate::toolbox::tool;
use crate::{ControlPlane, keep, unique};

/// A namespace with a unique name, deleted in the background when it is dropped.
///
/// Derefs to its name. A test that panics drops it too; nobody waits for the deletion, which
/// takes seconds.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
}

impl Namespace {
    /// Makes a namespace whose name begins with `prefix`.
    pub async fn create(cluster: &ControlPlane, prefix: &str) -> Result<Self> {
        let namespace = Self {
            name: unique(prefix),
            kubeconfig: cluster.kubeconfig().to_owned(),
            kubectl: tool("kubectl")?,
        };
        let object = v1::Namespace {
            metadata: ObjectMeta {
                name: Some(namespace.name.clone()),
                labels: Some([("gimlet.io/e2e".to_owned(), prefix.to_owned())].into()),
                ..ObjectMeta::default()
            },
            ..v1::Namespace::default()
        };
        Api::<v1::Namespace>::all(cluster.client().await?)
            .create(&PostParams::default(), &object)
            .await
            .with_context(|| format!("namespace {} can not be created", namespace.name))?;
        Ok(namespace)
    }

    /// Gives its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes a kubeconfig into `dir` whose default namespace is this one.
    pub fn kubeconfig(&self, dir: &Path) -> Result<PathBuf> {
        let path = dir.join(format!("{}.kubeconfig", self.name));
        std::fs::copy(&self.kubeconfig, &path)?;
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&path);
        command.args(["config", "set-context", "--current", "--namespace", &self.name]);
        crate::toolbox::run(&mut command)?;
        Ok(path)
    }
}

impl Deref for Namespace {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

/// Flux's finalizer needs the Secrets and service accounts beside a Kustomization, so those go
/// first: a namespace deleted with them can hang for ever. So would an App, whose operator is gone
/// by now.
const DELETE: &str = r#"
"$1" --kubeconfig "$2" delete kustomizations.kustomize.toolkit.fluxcd.io --all -n "$3" --timeout=60s
for app in $("$1" --kubeconfig "$2" get apps.gimlet.io -n "$3" -o name); do
  "$1" --kubeconfig "$2" patch "$app" -n "$3" --type=merge -p '{"metadata":{"finalizers":null}}'
done
"$1" --kubeconfig "$2" delete namespace "$3" --wait=false
"#;

impl Drop for Namespace {
    fn drop(&mut self) {
        if keep() {
            eprintln!("kept: namespace {}", self.name);
            return;
        }
        // A session of its own, so that the end of the test's process group does not end it.
        let spawned = Command::new("setsid")
            .args(["sh", "-c", DELETE, "delete-namespace"])
            .args([&self.kubectl, &self.kubeconfig])
            .arg(&self.name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let Err(error) = spawned {
            eprintln!("namespace {} is left over: {error}", self.name);
        }
    }
}
