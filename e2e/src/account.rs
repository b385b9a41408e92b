//! Service accounts under which the project's programs run.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{ControlPlane, keep};

/// A service account with the rights of one of the project's programs, and the kubeconfig that holds
/// its token.
#[derive(Debug)]
pub(crate) struct Account {
    cluster: ControlPlane,
    pub(crate) namespace: String,
    binding: String,
    dir: TempDir,
}

impl Account {
    pub(crate) fn create(cluster: &ControlPlane, namespace: &str) -> Result<Self> {
        let name = "gimlet-operator";
        let rbac = "rbac.authorization.k8s.io";
        let lease = [
            json!({"apiVersion": format!("{rbac}/v1"), "kind": "Role",
             "metadata": {"name": "gimlet-operator-lease", "namespace": namespace},
             "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                        "verbs": ["get", "create", "patch", "update"]}]}),
            json!({"apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding",
             "metadata": {"name": "gimlet-operator-lease", "namespace": namespace},
             "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "gimlet-operator-lease"},
             "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]}),
        ];
        Self::with(cluster, namespace, name, namespace.to_owned(), &lease)
    }

    /// Makes an account that is bound to the `ClusterRole` of its name, and more objects.
    pub(crate) fn with(
        cluster: &ControlPlane,
        namespace: &str,
        name: &str,
        binding: String,
        more: &[Value],
    ) -> Result<Self> {
        let account = Self {
            cluster: cluster.clone(),
            namespace: namespace.to_owned(),
            binding,
            dir: tempfile::tempdir()?,
        };
        let rbac = "rbac.authorization.k8s.io";
        let mut items = vec![
            json!({"apiVersion": "v1", "kind": "ServiceAccount",
             "metadata": {"name": name, "namespace": namespace}}),
            json!({"apiVersion": format!("{rbac}/v1"), "kind": "ClusterRoleBinding",
             "metadata": {"name": account.binding, "labels": {"gimlet.io/e2e": "program"}},
             "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
             "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]}),
        ];
        items.extend_from_slice(more);
        let objects = json!({"apiVersion": "v1", "kind": "List", "items": items});
        cluster.apply(&objects.to_string())?;
        account.write_kubeconfig(&cluster.token(namespace, name)?)?;
        Ok(account)
    }

    /// Gives the path of the kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    fn write_kubeconfig(&self, token: &str) -> Result<()> {
        let text = self.cluster.kubectl(["config", "view", "--raw", "--minify", "-o", "json"])?;
        let mut config: Value = serde_json::from_str(&text)?;
        config["users"][0]["user"] = json!({"token": token});
        write_secret(&self.kubeconfig(), &config.to_string())
    }

    /// Writes a kubeconfig into `dir` that has another address of the API server.
    pub(crate) fn kubeconfig_for(&self, server: &str, dir: &Path) -> Result<PathBuf> {
        let mut config: Value = serde_json::from_str(&std::fs::read_to_string(self.kubeconfig())?)?;
        config["clusters"][0]["cluster"]["server"] = json!(server);
        let path = dir.join("kubeconfig");
        write_secret(&path, &config.to_string())?;
        Ok(path)
    }
}

/// Writes a file that nobody else may read.
fn write_secret(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, "")?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(std::fs::write(path, text)?)
}

impl Drop for Account {
    fn drop(&mut self) {
        if keep() {
            return;
        }
        let delete = ["delete", "clusterrolebinding", &self.binding, "--wait=false"];
        if let Err(error) = self.cluster.kubectl(delete) {
            eprintln!("the ClusterRoleBinding {} is left over: {error:#}", self.binding);
        }
    }
}
