//! Whole journeys through the index and the board; objects are as the API server sends them.

mod belonging;
mod composing;
mod following;
mod large;
mod telling;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::board::Board;
use super::fact::{self, Seen};
use super::index::Index;
use super::key::{Key, Kind};
use super::link;
use crate::protocol::AppState;

const START: i64 = 1_770_000_000;

/// A moment, in seconds after the start.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).unwrap()
}

/// Reads an object as its watch would.
fn seen(kind: Kind, object: Value) -> Seen {
    match kind {
        Kind::Namespace => fact::namespace(&read(object)),
        Kind::Deployment => fact::deployment(&read(object)),
        Kind::StatefulSet => fact::stateful_set(&read(object)),
        Kind::DaemonSet => fact::daemon_set(&read(object)),
        Kind::CronJob => fact::cron_job(&read(object)),
        Kind::ReplicaSet => fact::replica_set(&read(object)),
        Kind::Job => fact::job(&read(object)),
        Kind::Pod => fact::pod(&read(object)),
        Kind::Autoscaler => fact::autoscaler(&read(object)),
        Kind::Service => link::service(&read(object)),
        Kind::Ingress => link::ingress(&read(object)),
        Kind::HttpRoute => link::route(&read(object)),
        Kind::Event => panic!("events are notes"),
        flux => fact::flux(flux, &read(object)),
    }
}

/// An object in the making.
struct Made {
    kind: Kind,
    object: Value,
}

/// Begins an object of the namespace `shop`, made at the start.
fn make(kind: Kind, name: &str) -> Made {
    let object = json!({
        "metadata": {"namespace": "shop", "name": name, "creationTimestamp": at(0)},
    });
    Made { kind, object }
}

impl Made {
    fn within(mut self, namespace: &str) -> Self {
        self.object["metadata"]["namespace"] = json!(namespace);
        self
    }

    fn made(mut self, when: Timestamp) -> Self {
        self.object["metadata"]["creationTimestamp"] = json!(when);
        self
    }

    fn label(mut self, key: &str, value: &str) -> Self {
        self.object["metadata"]["labels"][key] = json!(value);
        self
    }

    /// Labels it as one of an app of an environment.
    fn of(self, app: &str, environment: &str) -> Self {
        self.label("gimlet.io/app", app).label("gimlet.io/environment", environment)
    }

    fn owned(mut self, kind: Kind, name: &str) -> Self {
        self.object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": kind.name(), "name": name, "uid": "1", "controller": true,
        }]);
        self
    }

    fn with(mut self, field: &str, value: Value) -> Self {
        self.object[field] = value;
        self
    }

    fn seen(self) -> Seen {
        seen(self.kind, self.object)
    }
}

/// A Deployment of the app `web` with this many replicas wanted and ready.
fn deployment(wanted: i32, ready: i32) -> Made {
    make(Kind::Deployment, "web")
        .of("web", "prod")
        .with(
            "spec",
            json!({"replicas": wanted, "selector": {}, "template": {"spec": {"containers": [
                {"name": "app", "image": "shop/web:1"}]}}}),
        )
        .with(
            "status",
            json!({"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": ready,
                   "availableReplicas": ready}),
        )
}

fn replica_set(name: &str, revision: &str) -> Made {
    let mut made = make(Kind::ReplicaSet, name)
        .owned(Kind::Deployment, "web")
        .label("pod-template-hash", name.rsplit('-').next().unwrap());
    made.object["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": revision});
    made
}

/// A pod of a `ReplicaSet` that runs, or waits for the reason that is given.
fn pod(name: &str, set: &str, waits: Option<(&str, &str)>) -> Made {
    let state = match waits {
        Some((reason, message)) => json!({"waiting": {"reason": reason, "message": message}}),
        None => json!({"running": {}}),
    };
    let ready = waits.is_none();
    make(Kind::Pod, name)
        .owned(Kind::ReplicaSet, set)
        .label("pod-template-hash", set.rsplit('-').next().unwrap())
        .with("spec", json!({"nodeName": "node-1", "containers": [{"name": "app"}]}))
        .with(
            "status",
            json!({
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
                "containerStatuses": [{"name": "app", "image": "shop/web:1", "imageID": "",
                    "ready": ready, "restartCount": 0, "started": ready, "state": state}],
            }),
        )
}

fn index() -> Index {
    Index::new("prod", false)
}

fn board() -> Board {
    Board::new(index())
}

fn fill(index: &mut Index, objects: impl IntoIterator<Item = Made>) {
    for object in objects {
        index.apply(object.seen(), at(1));
    }
}

fn app(index: &Index, name: &str) -> AppState {
    index.compose(name, at(1)).unwrap()
}

fn names(index: &Index) -> Vec<&str> {
    index.apps().map(|app| &**app).collect()
}

fn held(index: &Index, kind: Kind, name: &str) -> bool {
    index.get(&Key::new(kind, "shop", name)).is_some()
}
