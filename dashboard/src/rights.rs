//! What the caller may do, asked with the caller's own token.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::authentication::v1::UserInfo;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::http::Dashboard;
use crate::people;
use crate::problem::Problem;

/// Questions that are asked in one request.
const MOST_QUESTIONS: usize = 64;
/// Questions that are put to the API server at once, for one caller.
const AT_ONCE: usize = 16;
/// How long an answer is believed.
const FRESH: Duration = Duration::from_secs(10);
/// Answers that are remembered.
const REMEMBERED: usize = 16 * 1024;

/// Whether somebody may do something with a kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Question {
    /// API group of the kind, empty for Kubernetes' oldest kinds; `gimlet.io` where it is not said.
    #[serde(default = "gimlet")]
    pub(crate) group: String,
    pub(crate) verb: String,
    pub(crate) resource: String,
    #[serde(default)]
    pub(crate) subresource: Option<String>,
    /// Empty: in all namespaces.
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
}

/// Names the group of Gimlet's kinds.
pub(crate) fn gimlet() -> String {
    gimlet_crds::GROUP.to_owned()
}

/// The answer, with a sentence for a person.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Right {
    allowed: bool,
    text: String,
}

/// Answers of the API server, for a moment.
#[derive(Default)]
pub(crate) struct Rights {
    answers: Mutex<HashMap<(String, Question), (Instant, bool)>>,
}

impl Rights {
    /// Tells whether the caller may do something.
    pub(crate) async fn allows(
        &self,
        dashboard: &Dashboard,
        caller: &Caller,
        question: Question,
    ) -> Result<bool, Problem> {
        let key = (caller.token.digest(), question);
        if let Some(allowed) = self.remembered(&key) {
            return Ok(allowed);
        }
        let api: Api<SelfSubjectAccessReview> = Api::all(caller.client(dashboard));
        let answer = api
            .create(&PostParams::default(), &review(&key.1))
            .await
            .map_err(|error| Problem::of_api("ask for a right", &error))?;
        let allowed = answer.status.is_some_and(|status| status.allowed);
        self.remember(key, allowed);
        Ok(allowed)
    }

    fn remembered(&self, key: &(String, Question)) -> Option<bool> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, allowed) = answers.get(key)?;
        (at.elapsed() < FRESH).then_some(*allowed)
    }

    fn remember(&self, key: (String, Question), allowed: bool) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= REMEMBERED {
            answers.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if answers.len() < REMEMBERED {
            answers.insert(key, (Instant::now(), allowed));
        }
    }
}

fn review(question: &Question) -> SelfSubjectAccessReview {
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(question.group.clone()),
                verb: Some(question.verb.clone()),
                resource: Some(question.resource.clone()),
                subresource: question.subresource.as_deref().and_then(filled),
                namespace: filled(&question.namespace),
                name: question.name.as_deref().and_then(filled),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    }
}

/// Answers many questions at once, in their order.
pub(crate) async fn rights(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    questions: Result<Json<Vec<Question>>, JsonRejection>,
) -> Result<Json<Vec<Right>>, Problem> {
    let Json(questions) = questions.map_err(|error| Problem::bad_request(error.body_text()))?;
    if questions.len() > MOST_QUESTIONS {
        return Err(Problem::bad_request(format!(
            "at most {MOST_QUESTIONS} questions are answered at once"
        )));
    }
    let user = people::who(&dashboard, &caller).await?;
    let rights = futures::stream::iter(questions)
        .map(async |question| {
            let may = dashboard.rights.allows(&dashboard, &caller, question.clone()).await?;
            Ok::<_, Problem>(answer(&question, may, dashboard.read_only, &user))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(Json(rights))
}

fn answer(question: &Question, may: bool, read_only: bool, user: &UserInfo) -> Right {
    let Question { verb, resource, subresource, namespace, .. } = question;
    let what = match subresource.as_deref().filter(|text| !text.is_empty()) {
        Some(subresource) => format!("{verb} {resource}/{subresource}"),
        None => format!("{verb} {resource}"),
    };
    if read_only && !matches!(verb.as_str(), "get" | "list" | "watch") {
        let text = "this dashboard only shows: it was started with --read-only".to_owned();
        return Right { allowed: false, text };
    }
    if may {
        return Right { allowed: true, text: format!("you may {what}") };
    }
    let place = match namespace.as_str() {
        // These are in none.
        "" if resource == "namespaces" => "in the cluster".to_owned(),
        "" => "in all namespaces".to_owned(),
        namespace => format!("in namespace `{namespace}`"),
    };
    let name = user.username.as_deref().unwrap_or("nobody");
    // Groups that everybody is in tell nothing.
    let groups: Vec<_> = user.groups.iter().flatten().map(String::as_str).collect();
    let told = groups.iter().filter(|group| !group.starts_with("system:")).copied();
    let told = told.collect::<Vec<_>>().join(", ");
    let groups = if told.is_empty() { String::new() } else { format!(", groups {told}") };
    Right { allowed: false, text: format!("needs `{what}` {place}; you are {name}{groups}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(verb: &str, subresource: Option<&str>, namespace: &str) -> Question {
        Question {
            group: gimlet(),
            verb: verb.into(),
            resource: "releases".into(),
            subresource: subresource.map(Into::into),
            namespace: namespace.into(),
            name: None,
        }
    }

    fn alice() -> UserInfo {
        let groups = ["dev", "system:authenticated"].map(String::from).to_vec();
        UserInfo { username: Some("alice".into()), groups: Some(groups), ..UserInfo::default() }
    }

    #[test]
    fn a_refusal_says_what_is_missing_and_who_asked() {
        for (question, read_only, expected) in [
            (
                question("create", None, "prod"),
                false,
                "needs `create releases` in namespace `prod`; you are alice, groups dev",
            ),
            (
                question("patch", Some("status"), ""),
                false,
                "needs `patch releases/status` in all namespaces; you are alice, groups dev",
            ),
            (
                question("create", None, "prod"),
                true,
                "this dashboard only shows: it was started with --read-only",
            ),
        ] {
            let right = answer(&question, false, read_only, &alice());
            assert_eq!(right, Right { allowed: false, text: expected.into() });
        }
    }

    #[test]
    fn a_question_is_about_gimlets_kinds_unless_it_names_others() {
        let read = |text: &str| serde_json::from_str::<Question>(text).unwrap();
        let question = read(r#"{"verb": "create", "resource": "releases", "namespace": "a"}"#);
        assert_eq!(question.group, "gimlet.io");
        let question =
            read(r#"{"group": "", "verb": "create", "resource": "namespaces", "namespace": ""}"#);
        let asked = review(&question).spec.resource_attributes.unwrap();
        assert_eq!((asked.group.as_deref(), asked.namespace), (Some(""), None));
        let right = answer(&question, false, false, &alice());
        assert!(right.text.starts_with("needs `create namespaces` in the cluster;"));
    }

    #[test]
    fn a_dashboard_that_only_shows_lets_nobody_write_and_everybody_read_what_they_may() {
        assert!(!answer(&question("create", None, "x"), true, true, &alice()).allowed);
        assert!(answer(&question("list", None, "x"), true, true, &alice()).allowed);
    }
}
