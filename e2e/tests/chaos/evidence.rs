//! What is kept of a round that went wrong.

use std::path::PathBuf;

use anyhow::Result;

use super::scene::Scene;
use super::script::ENVIRONMENTS;

/// The variable that says where it is kept; a folder for temporary files where it is not set.
const FOLDER: &str = "CHAOS_EVIDENCE";

/// Writes logs, statuses and histories of a round into a folder, and says where.
pub async fn keep(scene: &Scene, seed: u64) -> Result<()> {
    let folder = folder().join(format!("seed-{seed}"));
    std::fs::create_dir_all(&folder)?;
    for (number, member) in scene.crew.lock().await.iter().enumerate() {
        std::fs::write(folder.join(format!("operator-{number}.log")), member.operator.log())?;
    }
    for (host, environment) in scene.hosts.iter().zip(ENVIRONMENTS) {
        // What cannot be read is left out: the rest is needed all the more.
        let log = host.log().unwrap_or_else(|error| format!("{error:#}"));
        std::fs::write(folder.join(format!("history-{environment}.log")), log)?;
    }
    let kinds =
        "environments.gimlet.io,apps.gimlet.io,releases.gimlet.io,events.events.k8s.io,leases";
    let get = ["get", kinds, "-n", scene.namespace.name(), "-o", "yaml"];
    let objects = scene.site.cluster.kubectl(get).unwrap_or_else(|error| format!("{error:#}"));
    std::fs::write(folder.join("objects.yaml"), objects)?;
    for process in ["kube-apiserver", "etcd"] {
        let log = scene.site.cluster.log(process).unwrap_or_default();
        std::fs::write(folder.join(format!("{process}.log")), log)?;
    }
    std::fs::write(folder.join("gitea.log"), scene.site.gitea.log().unwrap_or_default())?;
    println!("  kept in {}", folder.display());
    Ok(())
}

fn folder() -> PathBuf {
    std::env::var_os(FOLDER)
        .map_or_else(|| std::env::temp_dir().join("gimlet-chaos"), PathBuf::from)
}
