//! Environments, in the order of promotion.

use std::collections::HashMap;
use std::sync::Arc;

use gimlet_crds::{Environment, Observer, PromotionMode, labels};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use serde::Serialize;

use super::{Place, place};
use crate::word::{self, State, Word};

/// An environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EnvironmentCard {
    #[serde(skip)]
    pub(crate) id: Arc<str>,
    pub(crate) namespace: String,
    pub(crate) name: String,
    word: Word,
    text: String,
    apps: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<gimlet_crds::Head>,
    url: String,
    branch: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<gimlet_crds::Lock>,
    suspended: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotes_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion_mode: Option<PromotionMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals: Option<i32>,
    windows: bool,
    /// Template of the address at which a store has the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<String>,
    /// That nothing is seen of its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<Away>,
    /// Its apps are not told: whoever asks may not read them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    apps_hidden: bool,
}

/// That nothing is seen of the cluster of an environment, for its agent is silent or blind.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Away {
    /// When something was seen of it last; none where no agent was ever heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Time>,
}

impl Away {
    fn of(environment: &Environment, now: Timestamp) -> Option<Self> {
        if environment.spec.observed_by != Observer::Agent {
            return None;
        }
        let Some(agent) = environment.status.as_ref().and_then(|status| status.agent.as_ref())
        else {
            return Some(Self { seen: None });
        };
        let blind = agent.blind.as_ref().map(|blind| blind.since.clone());
        let silent = agent.is_silent(now).then(|| agent.last_contact.clone());
        blind.or(silent).map(|seen| Self { seen: Some(seen) })
    }
}

impl EnvironmentCard {
    pub(crate) fn of(environment: &Environment, now: Timestamp) -> Self {
        let (namespace, name) = place(environment);
        let State { word, text } = word::of_environment(environment, now);
        let spec = &environment.spec;
        let status = environment.status.as_ref();
        let promotion = spec.promotion.as_ref();
        Self {
            id: format!("env:{namespace}/{name}").into(),
            namespace,
            name,
            word,
            text,
            apps: status.and_then(|status| status.apps).unwrap_or_default(),
            head: status.and_then(|status| status.head.clone()),
            url: spec.gitops.url.clone(),
            branch: spec.gitops.branch.clone(),
            path: spec.gitops.path.clone(),
            lock: spec.lock.clone().filter(|lock| lock.stands(now)),
            suspended: spec.suspend,
            promotes_from: promotion.map(|promotion| promotion.from.clone()),
            promotion_mode: promotion.map(|promotion| promotion.mode),
            approvals: spec.approval.as_ref().map(|rule| rule.count),
            windows: !spec.windows.is_empty(),
            logs: environment.annotations().get(labels::LOGS_URL).cloned(),
            away: Away::of(environment, now),
            apps_hidden: false,
        }
    }

    /// Returns the card for somebody who may read environments, but not the apps in this one.
    pub(crate) fn without_apps(&self) -> Self {
        Self { apps_hidden: true, ..self.clone() }
    }
}

/// How many promotions lead to each environment.
pub(super) fn ranks(environments: &[&Environment]) -> HashMap<Place, usize> {
    let from: HashMap<Place, Option<Place>> = environments
        .iter()
        .map(|environment| {
            let place = place(*environment);
            let promotion = environment.spec.promotion.as_ref();
            let before = promotion.map(|promotion| (place.0.clone(), promotion.from.clone()));
            (place, before)
        })
        .collect();
    let rank = |place: &Place| {
        let mut at = place;
        // A circle of promotions has no first one.
        (0..environments.len())
            .find(|_| {
                match from.get(at).and_then(Option::as_ref).filter(|p| from.contains_key(*p)) {
                    Some(before) => {
                        at = before;
                        false
                    }
                    None => true,
                }
            })
            .unwrap_or_default()
    };
    from.keys().map(|place| (place.clone(), rank(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_card_says_since_when_nothing_is_seen_of_the_cluster() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let away = |observer: &str, agent| {
            let environment: Environment = serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
                "metadata": {"name": "prod", "namespace": "ns"},
                "spec": {"gitops": {"url": "https://git/x"}, "observedBy": observer},
                "status": {"agent": agent},
            }))
            .unwrap();
            let card = serde_json::to_value(EnvironmentCard::of(&environment, now)).unwrap();
            card.get("away").cloned()
        };
        let agent = |heard: &str| json!({"version": "0.1.0", "cluster": "c", "lastContact": heard});
        let (fresh, old) = ("2026-11-26T11:59:30Z", "2026-11-26T11:46:00Z");
        assert_eq!(away("Agent", agent(fresh)), None);
        assert_eq!(away("Agent", agent(old)), Some(json!({"seen": old})));
        assert_eq!(away("Agent", json!(null)), Some(json!({})), "it was never heard");
        assert_eq!(away("Operator", agent(old)), None, "it is nobody's word any more");
        let mut blind = agent(fresh);
        blind["blind"] = json!({"since": old, "message": "refused"});
        assert_eq!(away("Agent", blind), Some(json!({"seen": old})));
    }

    #[test]
    fn an_environment_tells_where_a_store_has_its_logs() {
        let card = |annotations| {
            let environment: Environment = serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
                "metadata": {"name": "prod", "namespace": "ns", "annotations": annotations},
                "spec": {"gitops": {"url": "https://git/x"}},
            }))
            .unwrap();
            let card = EnvironmentCard::of(&environment, Timestamp::UNIX_EPOCH);
            serde_json::to_value(card).unwrap()
        };
        let template = "https://logs.example.com/?app={app}";
        assert_eq!(card(json!({"gimlet.io/logs-url": template}))["logs"], template);
        assert_eq!(card(json!({})).get("logs"), None);
    }
}
