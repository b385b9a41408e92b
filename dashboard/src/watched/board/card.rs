//! Environments, in the order of promotion.

use std::collections::HashMap;
use std::sync::Arc;

use gimlet_crds::{Environment, PromotionMode, labels};
use jiff::Timestamp;
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
}

impl EnvironmentCard {
    pub(super) fn of(environment: &Environment, now: Timestamp) -> Self {
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
        }
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
