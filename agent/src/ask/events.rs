//! Events of apps and of single objects.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::Client;
use kube::api::{Api, ListParams};

use super::answering::Answering;
use super::refused::Refused;
use crate::cluster::{Cluster, ObjectRef};
use crate::protocol::{Answer, EventLine, Refusal};

/// Events of a namespace that are looked through.
const READ: u32 = 5_000;
/// Events that are told.
const MOST: usize = 500;

/// Tells the events of all that an app consists of.
pub(super) async fn of_app(
    client: &Client,
    cluster: &Cluster,
    app: &str,
    answering: &Answering,
) -> Result<(), Refused> {
    let members: BTreeSet<_> = cluster.members(app).into_iter().collect();
    if members.is_empty() {
        return Err(Refused::new(Refusal::NotFound, format!("the app {app} does not run here")));
    }
    let namespaces: BTreeSet<_> = members.iter().map(|member| member.namespace.as_str()).collect();
    let mut events = Vec::new();
    for namespace in namespaces {
        events.extend(read(client, namespace, None, &members).await?);
    }
    tell(events, answering).await
}

/// Tells the events of one object.
pub(super) async fn of_object(
    client: &Client,
    object: &ObjectRef,
    answering: &Answering,
) -> Result<(), Refused> {
    let fields = format!("involvedObject.kind={},involvedObject.name={}", object.kind, object.name);
    let only = BTreeSet::from([object.clone()]);
    let events = read(client, &object.namespace, Some(fields), &only).await?;
    tell(events, answering).await
}

async fn read(
    client: &Client,
    namespace: &str,
    fields: Option<String>,
    of: &BTreeSet<ObjectRef>,
) -> Result<Vec<Event>, Refused> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let params = ListParams { field_selector: fields, limit: Some(READ), ..ListParams::default() };
    let found = api.list(&params).await?;
    let belongs = |event: &Event| {
        let object = &event.involved_object;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        of.contains(&ObjectRef {
            kind: text(&object.kind),
            namespace: text(&object.namespace),
            name: text(&object.name),
        })
    };
    Ok(found.items.into_iter().filter(belongs).collect())
}

async fn tell(events: Vec<Event>, answering: &Answering) -> Result<(), Refused> {
    let mut lines: Vec<_> = events.into_iter().map(line).collect();
    lines.sort_by_key(|line| line.time);
    let spare = lines.len().saturating_sub(MOST);
    answering.send(Answer::events(lines.drain(spare..))).await
}

fn line(event: Event) -> EventLine {
    let object = &event.involved_object;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let series = event.series.as_ref();
    EventLine {
        time: seen(&event),
        warning: event.type_.as_deref() == Some("Warning"),
        object: format!("{}/{}", text(&object.kind), text(&object.name)),
        count: series.and_then(|series| series.count).or(event.count).unwrap_or(1),
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
    }
}

/// Tells when an event was seen last; old and new clients write it in different places.
fn seen(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
    series
        .map(|time| time.0)
        .or_else(|| event.last_timestamp.as_ref().map(|time| time.0))
        .or_else(|| event.event_time.as_ref().map(|time| time.0))
        .or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}
