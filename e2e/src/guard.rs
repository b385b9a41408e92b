//! A watch on everything that the operator says: statuses, events, commits, its log and its metrics.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use gimlet_crds::{
    App, Artifact, ConfigChange, Environment, Release, ReleaseSet, Repository, condition,
};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, ResourceExt};
use tokio::task::JoinHandle;

use crate::Gitea;

/// Longest status of a Release: a namespace may hold thousands of them.
const MAX_RELEASE_STATUS: usize = 4096;

/// Looks at every version of every object of a namespace, and keeps what breaks the rules.
#[derive(Debug)]
pub struct Guard {
    apis: Vec<Api<DynamicObject>>,
    seen: Arc<Mutex<Seen>>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    statuses: usize,
    broken: Vec<String>,
    secrets: Secrets,
    /// The commit of each Release by its UID.
    commits: HashMap<String, String>,
}

/// What proves to a git host who the operator is, in the forms in which it could come out.
#[derive(Clone, Debug, Default)]
pub struct Secrets(HashSet<String>);

impl Secrets {
    /// Gives those of a host's administrator.
    pub fn of(gitea: &Gitea) -> Self {
        let Gitea { user, password, token, .. } = gitea;
        let header = |secret: &str| STANDARD.encode(format!("{user}:{secret}"));
        let forms = |secret: &String| [secret.clone(), STANDARD.encode(secret), header(secret)];
        Self(forms(password).into_iter().chain(forms(token)).collect())
    }

    /// Tells whether a text holds one of them.
    pub fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret))
    }
}

/// Starts to watch all that the operator writes in a namespace, and the events in it.
pub fn guard(client: &Client, namespace: &str, secrets: Secrets) -> Guard {
    let resources = [
        ApiResource::erase::<Artifact>(&()),
        ApiResource::erase::<Event>(&()),
        ApiResource::erase::<Repository>(&()),
        ApiResource::erase::<Environment>(&()),
        ApiResource::erase::<App>(&()),
        ApiResource::erase::<Release>(&()),
        ApiResource::erase::<ReleaseSet>(&()),
        ApiResource::erase::<ConfigChange>(&()),
    ];
    let apis: Vec<Api<DynamicObject>> = resources
        .iter()
        .map(|resource| Api::namespaced_with(client.clone(), namespace, resource))
        .collect();
    let seen = Arc::new(Mutex::new(Seen { secrets, ..Seen::default() }));
    let follow = |api: &Api<DynamicObject>| {
        let stream = watcher(api.clone(), watcher::Config::default()).default_backoff();
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut objects = std::pin::pin!(stream.applied_objects());
            while let Some(object) = objects.next().await {
                // A watch that broke begins again by itself.
                if let Ok(object) = object {
                    lock(&seen).look(&object);
                }
            }
        })
    };
    let tasks = apis.iter().map(follow).collect();
    Guard { apis, seen, tasks }
}

impl Guard {
    /// Looks for secrets in another text that the operator wrote.
    pub fn look_for_secrets(&self, what: &str, text: &str) {
        let mut seen = lock(&self.seen);
        if seen.secrets.are_in(text) {
            seen.broken.push(format!("{what} holds a secret"));
        }
    }

    /// Looks at the present objects too; fails where any status ever broke a rule, or a secret came out.
    pub async fn verify(&self) -> Result<()> {
        for api in &self.apis {
            for object in api.list(&ListParams::default()).await? {
                lock(&self.seen).look(&object);
            }
        }
        let seen = lock(&self.seen);
        ensure!(seen.statuses > 0, "the guard has seen no status at all");
        ensure!(seen.broken.is_empty(), "statuses broke rules:\n{}", seen.broken.join("\n"));
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Seen {
    fn look(&mut self, object: &DynamicObject) {
        let status = &object.data["status"];
        let kind = object.types.as_ref().map_or("", |types| types.kind.as_str());
        if self.secrets.are_in(&object.data.to_string())
            || self.secrets.are_in(&format!("{:?}", object.metadata))
        {
            self.broken.push(format!("{kind} {} holds a secret", object.name_any()));
        }
        if status.is_null() {
            return;
        }
        self.statuses += 1;
        let mut broken = Vec::new();
        match serde_json::from_value::<Vec<Condition>>(status["conditions"].clone()) {
            Ok(conditions) => {
                let observed = status["observedGeneration"].as_i64();
                // Right after a change of the spec the old status is of the generation before.
                let generation = object.metadata.generation.min(observed.or(Some(0)));
                broken.extend(condition::violations(&conditions, generation, observed));
            }
            Err(error) => broken.push(format!("the conditions cannot be read: {error}")),
        }
        if status["phase"].is_string() {
            let size = status.to_string().len();
            if kind == "Release" && size > MAX_RELEASE_STATUS {
                broken.push(format!("the status has {size} bytes"));
            }
            // The commit of a pull request becomes that of its merge.
            if kind != "ConfigChange" {
                broken.extend(self.other_commit(object));
            }
        }
        let name = object.name_any();
        let version = object.resource_version().unwrap_or_default();
        for rule in broken {
            self.broken.push(format!("{kind} {name} at {version}: {rule}: {status}"));
        }
    }

    /// Tells of a Release whose commit became another one, or went.
    fn other_commit(&mut self, object: &DynamicObject) -> Option<String> {
        let uid = object.uid()?;
        let sha = object.data["status"]["commit"]["sha"].as_str();
        match (self.commits.get(&uid), sha) {
            (Some(was), None) => Some(format!("its commit {was} is gone")),
            (Some(was), Some(is)) if was != is => Some(format!("its commit was {was}, is {is}")),
            (Some(_), Some(_)) | (None, None) => None,
            (None, Some(sha)) => {
                self.commits.insert(uid, sha.to_owned());
                None
            }
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(status: &serde_json::Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "r", "uid": "u", "generation": 1},
            "status": status,
        }))
        .unwrap()
    }

    fn status(sha: &str) -> serde_json::Value {
        json!({
            "phase": "Committed", "observedGeneration": 1, "commit": {"sha": sha},
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Committed", "message": "",
                "observedGeneration": 1, "lastTransitionTime": "2026-01-02T03:04:05Z",
            }],
        })
    }

    #[test]
    fn a_sound_status_is_counted_and_nothing_else() {
        let mut seen = Seen::default();
        seen.look(&release(&status("a")));
        assert_eq!((seen.statuses, seen.broken.len()), (1, 0));
    }

    #[test]
    fn a_secret_is_told_and_not_shown() {
        let secrets = Secrets(["hunter2".to_owned()].into());
        let mut seen = Seen { secrets, ..Seen::default() };
        let mut said = status("a");
        said["conditions"][0]["message"] = "for https://u:hunter2@host/a".into();
        seen.look(&release(&said));
        assert_eq!(seen.broken, ["Release r holds a secret"]);
    }

    #[test]
    fn a_commit_that_changes_is_told() {
        let mut seen = Seen::default();
        seen.look(&release(&status("a")));
        seen.look(&release(&status("b")));
        assert!(seen.broken[0].contains("its commit was a, is b"), "{:?}", seen.broken);
    }

    #[test]
    fn a_status_that_is_too_long_is_told() {
        let mut seen = Seen::default();
        let mut long = status("a");
        long["version"] = "x".repeat(5000).into();
        seen.look(&release(&long));
        assert!(seen.broken[0].contains("bytes"), "{:?}", seen.broken);
    }
}
