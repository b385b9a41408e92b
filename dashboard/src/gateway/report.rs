//! What is written of an agent's words into the API: pure.

use gimlet_agent::protocol::{AppState, EnvironmentState, FluxItem, Word};
use gimlet_crds::{AgentBlind, AgentStatus, Environment, FluxObject, FluxState, Live, name};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::welcome::Introduction;

/// Characters of what a person reads, as the kinds allow them.
const LONGEST_TEXT: usize = 1024;
/// Characters of one word.
const LONGEST_WORD: usize = 128;
/// Images that are told.
const MOST_IMAGES: usize = 16;
/// Characters of an image.
const LONGEST_IMAGE: usize = 512;
/// Objects of Flux that are told of an environment.
const MOST_FLUX: usize = 16;
/// Kinds that run for as long as they are wanted.
const SERVICES: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// Finds the Kustomization that applies an app, of its own or of the whole environment.
pub(super) fn kustomization<'a>(
    environment: &Environment,
    app: &'a AppState,
    whole: &'a [FluxItem],
) -> Option<&'a FluxItem> {
    let of = environment.name_any();
    let (items, wanted) = if environment.spec.flux.kustomization_per_app {
        (app.flux.as_slice(), name::flux_of_app(&of, &app.key.app))
    } else {
        (whole, name::flux_of_environment(&of))
    };
    let namespace = &environment.spec.flux.namespace;
    items.iter().find(|item| {
        item.kind == "Kustomization" && item.name == wanted && item.namespace == *namespace
    })
}

/// Sums up an app. Since when it is as it is, is kept from what was written before.
pub(super) fn live(
    app: &AppState,
    flux: Option<&FluxItem>,
    before: Option<&Live>,
    now: Timestamp,
) -> Live {
    let since = before.filter(|before| before.state == app.word).and_then(|b| b.since.clone());
    let cause = app.cause.as_ref();
    let failing = app.workloads.iter().find(|workload| workload.word == Word::Failed);
    let told = |text: &str, most: usize| Some(cut(text, most)).filter(|text| !text.is_empty());
    let services = app.workloads.iter().filter(|w| SERVICES.contains(&w.kind.as_str()));
    let (ready, wanted) = services.fold((0_i64, 0_i64), |(ready, wanted), workload| {
        // More may be ready than are wanted while an old version goes.
        let enough = workload.ready.clamp(0, workload.wanted.max(0));
        (ready + i64::from(enough), wanted + i64::from(workload.wanted.max(0)))
    });
    let mut images: Vec<_> = app
        .workloads
        .iter()
        .flat_map(|workload| &workload.images)
        .map(|image| cut(image, LONGEST_IMAGE))
        .collect();
    images.sort();
    images.dedup();
    images.truncate(MOST_IMAGES);
    Live {
        commit: flux.and_then(|item| commit(item.last_applied_revision.as_deref()?)),
        attempted: flux.and_then(|item| commit(item.last_attempted_revision.as_deref()?)),
        flux: flux.map(state),
        state: app.word,
        since: since.or_else(|| Some(seconds(now))),
        replicas: (wanted > 0).then(|| format!("{ready}/{wanted}")),
        images,
        message: cause.and_then(|cause| told(&cause.message, LONGEST_TEXT)),
        reason: cause.and_then(|cause| told(&cause.reason, LONGEST_WORD)),
        object: failing.map(|workload| cut(&format!("{}/{}", workload.kind, workload.name), 320)),
        next_step: cause.and_then(|cause| told(&cause.next_step, LONGEST_TEXT)),
    }
}

/// Tells of the agent itself, and of the objects by which Flux follows the environment.
pub(super) fn agent(
    environment: &Environment,
    said: &Introduction,
    whole: &EnvironmentState,
    heard: Timestamp,
) -> AgentStatus {
    let wanted = name::flux_of_environment(&environment.name_any());
    let namespace = &environment.spec.flux.namespace;
    let EnvironmentState { flux, flux_version, blind } = whole;
    let flux = flux.iter().filter(|item| item.name == wanted && item.namespace == *namespace);
    let flux = flux.take(MOST_FLUX).map(|item| FluxObject {
        kind: cut(&item.kind, 64),
        name: cut(&item.name, 253),
        state: state(item),
        commit: item.last_applied_revision.as_deref().and_then(commit),
    });
    AgentStatus {
        version: cut(&said.version, LONGEST_WORD),
        cluster: cut(&said.cluster, LONGEST_WORD),
        flux_version: flux_version.as_deref().map(|version| cut(version, LONGEST_WORD)),
        last_contact: seconds(heard),
        blind: blind.as_ref().map(|blind| AgentBlind {
            since: seconds(blind.since),
            message: cut(&blind.message, LONGEST_TEXT),
        }),
        flux: flux.collect(),
    }
}

fn state(item: &FluxItem) -> FluxState {
    FluxState {
        ready: item.ready,
        reason: cut(&item.reason, LONGEST_WORD),
        message: cut(&item.message, LONGEST_TEXT),
        suspended: item.suspended,
    }
}

/// Reads the commit out of `main@sha1:4e1f09c…`; versions of charts and digests of images are none.
fn commit(revision: &str) -> Option<String> {
    let (_, commit) = revision.rsplit_once(':')?;
    let hex = (7..=64).contains(&commit.len()) && commit.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| commit.to_owned())
}

/// Times of the API have no parts of a second.
fn seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

/// Cuts a text to as many characters as the kinds allow.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_agent::protocol::{AppKey, Blind, Cause, Workload};
    use gimlet_crds::LiveState;
    use serde_json::{Value, json};

    fn environment(per_app: bool) -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "prod", "namespace": "team"},
            "spec": {"observedBy": "Agent", "gitops": {"url": "https://git.example.com/a/b.git"},
                "flux": {"kustomizationPerApp": per_app}},
        }))
        .unwrap()
    }

    fn item(kind: &str, name: &str) -> FluxItem {
        FluxItem {
            kind: kind.into(),
            namespace: "flux-system".into(),
            name: name.into(),
            ready: Some(true),
            reason: "ReconciliationSucceeded".into(),
            message: String::new(),
            last_applied_revision: Some("main@sha1:4e1f09c0a1".into()),
            last_attempted_revision: Some("main@sha1:77ab01d0a1".into()),
            suspended: false,
        }
    }

    fn workload(kind: &str, ready: i32, wanted: i32, word: Word) -> Workload {
        Workload {
            kind: kind.into(),
            name: "web".into(),
            wanted,
            ready,
            updated: wanted,
            available: ready,
            images: vec!["web:2".into(), "envoy:1".into()],
            autoscalers: Vec::new(),
            cron: None,
            word,
            cause: None,
        }
    }

    fn app() -> AppState {
        let mut app = AppState::new(AppKey::new("shop", "web"));
        app.flux = vec![item("HelmRelease", "prod-web"), item("Kustomization", "prod-web")];
        app.workloads = vec![
            workload("Deployment", 1, 2, Word::Failed),
            workload("StatefulSet", 3, 1, Word::Healthy),
            workload("Job", 0, 1, Word::Healthy),
        ];
        app.word = Word::Failed;
        app.cause = Some(Cause {
            reason: "CrashLoopBackOff".into(),
            message: "container app ends with exit code 1".into(),
            next_step: "read its last log lines".into(),
        });
        app
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_app_is_summed_up_as_the_operator_reads_it() {
        let app = app();
        let flux = kustomization(&environment(true), &app, &[]).unwrap();
        let live = live(&app, Some(flux), None, at(1_772_359_200));
        let expected: Value = json!({
            "commit": "4e1f09c0a1", "attempted": "77ab01d0a1",
            "flux": {"ready": true, "reason": "ReconciliationSucceeded"},
            "state": "Failed", "since": "2026-03-01T10:00:00Z", "replicas": "2/3",
            "images": ["envoy:1", "web:2"], "message": "container app ends with exit code 1",
            "reason": "CrashLoopBackOff", "object": "Deployment/web",
            "nextStep": "read its last log lines",
        });
        assert_eq!(serde_json::to_value(live).unwrap(), expected);
    }

    #[test]
    fn where_one_kustomization_applies_all_it_speaks_for_each_app() {
        let (environment, app) = (environment(false), app());
        assert_eq!(kustomization(&environment, &app, &[]), None);
        let whole = [item("GitRepository", "gimlet-prod"), item("Kustomization", "gimlet-prod")];
        assert_eq!(kustomization(&environment, &app, &whole), Some(&whole[1]));
    }

    #[test]
    fn the_time_of_a_word_stays_while_the_word_stays() {
        let app = app();
        let first = live(&app, None, None, at(100));
        assert_eq!(live(&app, None, Some(&first), at(200)), first);
        let other = Live { state: LiveState::Healthy, ..first };
        assert_eq!(live(&app, None, Some(&other), at(200)).since, Some(Time(at(200))));
    }

    #[test]
    fn only_the_objects_that_follow_the_environment_are_told() {
        let mut elsewhere = item("GitRepository", "gimlet-prod");
        elsewhere.namespace = "other".into();
        let whole = [
            elsewhere,
            item("Kustomization", "something"),
            item("GitRepository", "gimlet-prod"),
            item("Kustomization", "gimlet-prod"),
        ];
        let said =
            Introduction { version: "0.1.0".into(), cluster: "c".into(), capabilities: Vec::new() };
        let mut whole = EnvironmentState::from(whole.to_vec());
        let told = agent(&environment(true), &said, &whole, at(7));
        assert_eq!((told.blind, told.flux_version), (None, None));
        let kinds: Vec<_> = told.flux.iter().map(|object| object.kind.as_str()).collect();
        assert_eq!(kinds, ["GitRepository", "Kustomization"]);
        assert_eq!(told.flux[0].commit.as_deref(), Some("4e1f09c0a1"));
        whole.blind = Some(Blind { since: at(5), message: "m".repeat(2000) });
        whole.flux_version = Some("v2.9.0".into());
        let told = agent(&environment(true), &said, &whole, at(7));
        assert_eq!(told.flux_version.as_deref(), Some("v2.9.0"));
        let blind = told.blind.unwrap();
        assert_eq!((blind.since, blind.message.chars().count()), (Time(at(5)), LONGEST_TEXT));
    }

    #[test]
    fn what_is_too_long_for_the_kinds_is_cut_and_what_is_no_commit_is_none() {
        assert_eq!(cut(&"ä".repeat(2000), LONGEST_TEXT).chars().count(), LONGEST_TEXT);
        assert_eq!(cut("short", LONGEST_TEXT), "short");
        for other in ["1.4.2", "main@sha1:", "main@sha1:xyz", "latest@sha256:not hex"] {
            assert_eq!(commit(other), None, "{other}");
        }
    }
}
