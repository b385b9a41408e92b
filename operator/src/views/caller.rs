//! Who asks, and whether they may: the API server decides both.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use kube::{Client, Resource};

use super::Views;
use super::problem::Problem;
use crate::digest;
use crate::error::ApiError;

/// How long an answer of the API server is believed.
const FRESH: Duration = Duration::from_secs(10);
/// Answers that are remembered.
const REMEMBERED: usize = 4096;

/// Checks callers and remembers them for a moment.
pub(super) struct Callers {
    client: Client,
    /// By digest of the token; the token itself is not kept.
    people: Memory<String, Option<Arc<UserInfo>>>,
    rights: Memory<(String, Question), bool>,
}

/// What somebody wants to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) verb: &'static str,
    pub(super) resource: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Question {
    /// Asks to read one object of a kind.
    pub(super) fn of<K: Resource<DynamicType = ()>>(namespace: &str, name: &str) -> Self {
        let resource = K::plural(&()).into_owned();
        Self { verb: "get", resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Asks to read all objects of a kind in a namespace.
    pub(super) fn of_all<K: Resource<DynamicType = ()>>(namespace: &str) -> Self {
        Self::of::<K>(namespace, "")
    }

    /// Asks to create objects of a kind in a namespace.
    pub(super) fn to_create<K: Resource<DynamicType = ()>>(namespace: &str) -> Self {
        Self { verb: "create", ..Self::of_all::<K>(namespace) }
    }
}

/// Who asks.
pub(super) struct Caller {
    token: String,
    user: Arc<UserInfo>,
}

impl FromRequestParts<Views> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, views: &Views) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            let detail = "who asks? Send a Kubernetes token as Authorization: Bearer …";
            return Err(Problem::unauthorized(detail));
        };
        views.callers.person(token).await
    }
}

impl Callers {
    pub(super) fn new(client: Client) -> Self {
        Self { client, people: Memory::default(), rights: Memory::default() }
    }

    async fn person(&self, token: &str) -> Result<Caller, Problem> {
        let key = digest::of_parts([token.as_bytes()]);
        let user = if let Some(user) = self.people.get(&key) {
            user
        } else {
            let user = self.review(token).await?.map(Arc::new);
            self.people.put(key.clone(), user.clone());
            user
        };
        match user {
            Some(user) => Ok(Caller { token: key, user }),
            None => Err(Problem::unauthorized("the token is not valid any more, or never was")),
        }
    }

    async fn review(&self, token: &str) -> Result<Option<UserInfo>, Problem> {
        let review = TokenReview {
            spec: TokenReviewSpec { token: token.to_owned(), audiences: None },
            ..TokenReview::default()
        };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answer = api
            .create(&PostParams::default(), &review)
            .await
            .map_err(|error| ApiError::new("check a token", error))?;
        let status = answer.status.unwrap_or_default();
        Ok(status.user.filter(|_| status.authenticated == Some(true)))
    }

    /// Tells whether somebody may do something.
    pub(super) async fn allows(
        &self,
        caller: &Caller,
        question: &Question,
    ) -> Result<bool, Problem> {
        let key = (caller.token.clone(), question.clone());
        if let Some(allowed) = self.rights.get(&key) {
            return Ok(allowed);
        }
        let allowed = self.ask(&caller.user, question).await?;
        self.rights.put(key, allowed);
        Ok(allowed)
    }

    /// Refuses who may not do something.
    pub(super) async fn require(&self, caller: &Caller, question: Question) -> Result<(), Problem> {
        if self.allows(caller, &question).await? {
            return Ok(());
        }
        let Question { verb, resource, namespace, name } = question;
        let name = if name.is_empty() { name } else { format!(" {name}") };
        let user = caller.user.username.as_deref().unwrap_or_default();
        Err(Problem::forbidden(format!(
            "{user} may not {verb} {resource}.{}{name} in the namespace {namespace}",
            gimlet_crds::GROUP
        )))
    }

    async fn ask(&self, user: &UserInfo, question: &Question) -> Result<bool, Problem> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: user.username.clone(),
                groups: user.groups.clone(),
                uid: user.uid.clone(),
                extra: user.extra.clone(),
                resource_attributes: Some(ResourceAttributes {
                    group: Some(gimlet_crds::GROUP.to_owned()),
                    resource: Some(question.resource.clone()),
                    namespace: Some(question.namespace.clone()),
                    name: Some(question.name.clone()).filter(|name| !name.is_empty()),
                    verb: Some(question.verb.to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = api
            .create(&PostParams::default(), &review)
            .await
            .map_err(|error| ApiError::new("check a right", error))?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

/// Answers, for a moment.
struct Memory<K, V> {
    answers: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self { answers: Mutex::default() }
    }
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    fn get(&self, key: &K) -> Option<V> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, answer) = answers.get(key)?;
        (at.elapsed() < FRESH).then(|| answer.clone())
    }

    fn put(&self, key: K, answer: V) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= REMEMBERED {
            answers.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if answers.len() < REMEMBERED {
            answers.insert(key, (Instant::now(), answer));
        }
    }
}
