//! What people may ask about: the objects of the environment's apps.

use super::Cluster;
use super::fact::Fact;
use super::key::Key;
use crate::protocol::ContainerState;

/// Names a container whose log can be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogTarget {
    /// Namespace of the pod.
    pub(crate) namespace: String,
    /// Name of the pod.
    pub(crate) pod: String,
    /// Name of the container.
    pub(crate) container: String,
}

/// Names an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectRef {
    /// Kind, such as `Deployment`.
    pub(crate) kind: String,
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
}

impl ObjectRef {
    fn of(key: &Key) -> Self {
        let Key { kind, namespace, name } = key;
        Self { kind: kind.name().to_owned(), namespace: namespace.clone(), name: name.clone() }
    }
}

impl Cluster {
    /// Names the containers of an app, and tells which of them run.
    pub(crate) fn log_targets(&self, app: &str) -> Vec<(LogTarget, bool)> {
        let board = self.board();
        let mut targets = Vec::new();
        for key in board.index.keys(app).into_iter().flatten() {
            let Some(Fact::Pod { pod, .. }) = board.index.get(key).map(|held| &held.fact) else {
                continue;
            };
            targets.extend(pod.containers.iter().map(|container| {
                let target = LogTarget {
                    namespace: key.namespace.clone(),
                    pod: key.name.clone(),
                    container: container.name.clone(),
                };
                (target, matches!(container.state, ContainerState::Running { .. }))
            }));
        }
        targets
    }

    /// Names the objects of an app.
    pub(crate) fn members(&self, app: &str) -> Vec<ObjectRef> {
        self.board().index.keys(app).into_iter().flatten().map(ObjectRef::of).collect()
    }

    /// Tells whether an object is one of the environment.
    pub(crate) fn holds(&self, object: &ObjectRef) -> bool {
        self.board().index.holds(&object.kind, &object.namespace, &object.name)
    }
}
