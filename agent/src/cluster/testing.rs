//! Clusters for tests of what tells them on.

pub(crate) mod server;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::key::{Key, Kind};
use super::{Cluster, Pace, fact};

/// Makes a cluster of which nothing is known yet, and which has no patience.
pub(crate) fn hasty() -> Cluster {
    let pace = Pace {
        look: Duration::from_millis(100),
        patience: Duration::from_secs(1),
        ask: Duration::from_millis(50),
        again: Duration::from_millis(20),
        blind: Duration::from_millis(300),
    };
    Cluster::paced("prod", None, pace)
}

/// Makes a cluster that was read, with these apps.
pub(crate) fn settled(apps: &[&str]) -> Cluster {
    let cluster = Cluster::new("prod", None);
    for app in apps {
        add(&cluster, app);
    }
    cluster.board().index.settle();
    cluster.0.progress.send_modify(|progress| progress.settled = true);
    cluster
}

/// Adds an app of one Deployment.
pub(crate) fn add(cluster: &Cluster, app: &str) {
    run(cluster, app, 1, "shop/web:1");
}

/// Has an app run so many replicas of an image.
pub(crate) fn run(cluster: &Cluster, app: &str, replicas: i32, image: &str) {
    let object = json!({
        "metadata": {"namespace": "shop", "name": app, "labels": {
            "gimlet.io/app": app, "gimlet.io/environment": "prod"}},
        "spec": {"replicas": replicas, "selector": {}, "template": {"spec": {
            "containers": [{"name": "app", "image": image}]}}},
        "status": {"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
                   "availableReplicas": replicas},
    });
    let object = serde_json::from_value(object).unwrap();
    let now = Timestamp::now();
    cluster.board().index.apply(fact::deployment(&object), now);
    look(cluster);
}

/// Removes an app.
pub(crate) fn remove(cluster: &Cluster, app: &str) {
    cluster.board().index.delete(&Key::new(Kind::Deployment, "shop", app));
    look(cluster);
}

/// Has Flux apply an app by a Kustomization of its own.
pub(crate) fn kustomization(cluster: &Cluster, app: &str, name: &str) {
    let object = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"namespace": "flux-system", "name": name, "labels": {
            "gimlet.io/app": app, "gimlet.io/environment": "prod"}},
        "spec": {}, "status": {},
    });
    let object = serde_json::from_value(object).unwrap();
    cluster.board().index.apply(fact::flux(Kind::Kustomization, &object), Timestamp::now());
    look(cluster);
}

fn look(cluster: &Cluster) {
    let mut board = cluster.board();
    board.pulse(Timestamp::now());
    let pending = board.is_pending();
    drop(board);
    cluster.tell(pending);
}

/// Has an app have a pod of two containers that run.
pub(crate) fn pod(cluster: &Cluster, app: &str, name: &str) {
    let status = |name: &str| {
        json!({"name": name, "image": "i", "imageID": "", "ready": true,
        "restartCount": 0, "state": {"running": {}}})
    };
    let object = json!({
        "metadata": {"namespace": "shop", "name": name, "labels": {
            "gimlet.io/app": app, "gimlet.io/environment": "prod"}},
        "status": {"phase": "Running", "containerStatuses": [status("app"), status("sidecar")]},
    });
    let object = serde_json::from_value(object).unwrap();
    cluster.board().index.apply(fact::pod(&object), Timestamp::now());
    look(cluster);
}
