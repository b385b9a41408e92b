//! Writes what an agent reports into the API, with the agent's own token.
//!
//! It writes what differs from what is there, an app at most once a second, and the agent's last contact
//! twice a minute. Apps come before the contact: once an agent counts as heard, what it says is there.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use gimlet_agent::protocol::{self, AppState, EnvironmentState, FluxItem, FromDashboard};
use gimlet_crds::{AgentStatus, App, Environment, Live, labels, name};
use jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Place;
use super::connection::Line;
use super::report;
use super::seat::Pending;
use super::welcome::serves;

/// An app is written at most so often.
const PACE: Duration = Duration::from_secs(1);
/// How often is told that the agent was heard.
const CONTACT: Duration = Duration::from_secs(25);
/// What was written is believed for so long; then it is compared with what is there.
const BELIEVED: Duration = Duration::from_secs(10);
/// After a refusal the next try comes so much later, and twice as late each time.
const BACKOFF: Duration = Duration::from_secs(2);
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);
/// Writes at once.
const AT_ONCE: usize = 8;
/// How long one write may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is nothing to write any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The environment takes no agent.
    NotServed(String),
    /// The API server does not take the token any more.
    Token,
}

/// Writes for one connection.
pub(super) struct Writer<'a> {
    line: &'a Line,
    /// It has the agent's token.
    client: Client,
    /// What was written a moment ago, and may not have come back by the watch yet.
    written: HashMap<String, (Instant, Option<Live>)>,
    contact: Option<(Instant, AgentStatus)>,
}

/// What came of a write.
enum Written {
    Done,
    /// The object is gone; there is nothing to write.
    Gone,
    Refused(String),
    /// The token is not taken.
    Stranger,
}

impl Written {
    fn result(&self) -> &'static str {
        match self {
            Self::Done => "Done",
            Self::Gone => "Gone",
            Self::Refused(_) => "Refused",
            Self::Stranger => "Unauthorized",
        }
    }
}

impl<'a> Writer<'a> {
    pub(super) fn new(line: &'a Line) -> Self {
        let client = line.dashboard.cluster.of(&line.token);
        Self { line, client, written: HashMap::new(), contact: None }
    }

    /// Writes for as long as there is something to write to.
    pub(super) async fn run(mut self) -> Over {
        let mut boards = self.line.dashboard.watched.boards();
        let mut wanted = Pending::default();
        let mut backoff = None;
        loop {
            let due = self.contact.as_ref().map(|(at, _)| *at + CONTACT);
            let contact = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = std::future::ready(()), if backoff.is_some() => {}
                () = self.line.claim.changed() => {}
                // An App that has just been made is reported, too, and what somebody wrote over is mended.
                Ok(()) = boards.changed() => wanted.everything = true,
                () = contact => wanted.everything = true,
            }
            let Some(changed) = self.line.claim.pending() else {
                sleep(PACE).await;
                continue;
            };
            wanted.add(changed);
            let wait = match self.pass(std::mem::take(&mut wanted)).await {
                Ok(None) => {
                    backoff = None;
                    PACE
                }
                Ok(Some(why)) => {
                    if backoff.is_none() {
                        self.complain(&why);
                    }
                    wanted.everything = true;
                    let wait = backoff.map_or(BACKOFF, |wait: Duration| wait * 2);
                    *backoff.insert(wait.min(LONGEST_BACKOFF))
                }
                Err(over) => return over,
            };
            sleep(wait).await;
        }
    }

    fn complain(&self, why: &str) {
        tracing::warn!(agent = %self.line.place, why, "what an agent reports is not written");
        let message = protocol::clip(&format!("what you report cannot be written: {why}"));
        self.line.say(FromDashboard::Error { message });
    }

    /// Writes what differs, once; gives the first refusal, where there was one.
    async fn pass(&mut self, wanted: Pending) -> Result<Option<String>, Over> {
        let Line { dashboard, place, claim, .. } = self.line;
        let found = dashboard.watched.environment(&place.namespace, &place.environment);
        serves(place, found.as_deref()).map_err(Over::NotServed)?;
        let Some(environment) = found.as_deref() else { return Ok(None) };
        let whole = claim.environment();
        let client = &self.client;
        let mut writes = futures::stream::iter(self.differing(environment, &whole.flux, wanted))
            .map(async |(name, live)| {
                let written = write::<App>(client, place, &name, &json!({"live": live})).await;
                (name, live, written)
            })
            .buffer_unordered(AT_ONCE);
        let (mut done, mut refused) = (Vec::new(), None);
        while let Some((name, live, written)) = writes.next().await {
            dashboard.metrics.agent_write("App", written.result());
            match written {
                Written::Done | Written::Gone => done.push((name, (Instant::now(), live))),
                Written::Refused(why) => {
                    refused.get_or_insert_with(|| format!("App {name}: {why}"));
                }
                Written::Stranger => return Err(Over::Token),
            }
        }
        drop(writes);
        self.written.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        self.written.extend(done);
        let told = self.tell_contact(environment, &whole).await?;
        Ok(refused.or(told))
    }

    /// Finds the apps whose report differs from what is there.
    fn differing(
        &self,
        environment: &Environment,
        flux: &[FluxItem],
        wanted: Pending,
    ) -> Vec<(String, Option<Live>)> {
        let Line { dashboard, place, claim, .. } = self.line;
        let watched = &dashboard.watched;
        let Pending { everything, environment: whole, apps } = wanted;
        let reported = claim.apps();
        let reported: HashMap<&str, &Arc<AppState>> =
            reported.iter().map(|app| (app.key.app.as_str(), app)).collect();
        let now = Timestamp::now();
        let differs = |app: &App| {
            let name = app.name_any();
            let there = app.status.as_ref().and_then(|status| status.live.as_ref());
            let believed = self.written.get(&name).filter(|(at, _)| at.elapsed() < BELIEVED);
            let before = believed.map_or(there, |(_, live)| live.as_ref());
            let live = reported.get(app.spec.app.as_str()).map(|reported| {
                let item = report::kustomization(environment, reported, flux);
                report::live(reported, item, before, now)
            });
            (live.as_ref() != before).then_some((name, live))
        };
        // One Kustomization of Flux may speak for all apps.
        let shared = !environment.spec.flux.kustomization_per_app;
        let all = everything || (whole && shared);
        if !all {
            let names = apps.iter().map(|app| name::app_object(app, &place.environment));
            let there = names.filter_map(|name| watched.app(&place.namespace, &name));
            return there.filter_map(|app| differs(&app)).collect();
        }
        let all = watched.apps.state();
        let own = all.iter().filter_map(|app| app.0.as_ref().ok()).filter(|app| {
            app.metadata.namespace.as_deref() == Some(place.namespace.as_str())
                && app.spec.environment == place.environment
        });
        own.filter_map(differs).collect()
    }

    /// Tells that the agent was heard, where that is news.
    async fn tell_contact(
        &mut self,
        environment: &Environment,
        whole: &EnvironmentState,
    ) -> Result<Option<String>, Over> {
        let Line { dashboard, place, claim, said, .. } = self.line;
        let Some(heard) = claim.heard() else { return Ok(None) };
        let status = report::agent(environment, said, whole, heard);
        if let Some((at, told)) = &self.contact {
            let same = AgentStatus { last_contact: told.last_contact.clone(), ..status.clone() };
            if same == *told && (at.elapsed() < CONTACT || status == *told) {
                return Ok(None);
            }
        }
        let name = &place.environment;
        let patch = json!({"agent": status});
        let written = write::<Environment>(&self.client, place, name, &patch).await;
        dashboard.metrics.agent_write("Environment", written.result());
        match written {
            Written::Done | Written::Gone => {
                self.contact = Some((Instant::now(), status));
                Ok(None)
            }
            Written::Refused(why) => Ok(Some(format!("Environment {name}: {why}"))),
            Written::Stranger => Err(Over::Token),
        }
    }
}

/// Applies a part of a status.
async fn write<K>(client: &Client, place: &Place, name: &str, status: &Value) -> Written
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), &place.namespace);
    let patch = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": {"name": name},
        "status": status,
    });
    let params = PatchParams::apply(labels::AGENT).force();
    let patch = Patch::Apply(patch);
    match timeout(PATIENCE, api.patch_status(name, &params, &patch)).await {
        Ok(Ok(_)) => Written::Done,
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Written::Gone,
        Ok(Err(kube::Error::Api(status))) if status.code == 401 => Written::Stranger,
        Ok(Err(kube::Error::Api(status))) => Written::Refused(status.message.clone()),
        Ok(Err(error)) => Written::Refused(error.to_string()),
        Err(_) => Written::Refused("the API server does not answer".into()),
    }
}
