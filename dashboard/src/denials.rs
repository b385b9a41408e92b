//! What people were refused through this server: in memory, the newest of it.
//!
//! The API server's own audit log has all of it; this is for those who look at the dashboard's.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{Method, Uri};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::caller::Caller;
use crate::http::Dashboard;
use crate::overview::{self, Place};
use crate::people;
use crate::problem::Problem;
use crate::sight::{Kind, Sight};

/// Denials that are kept.
const MOST: usize = 500;
/// The same within this time is one.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// Longest text that is kept, in bytes.
const LONGEST: usize = 1024;

/// What somebody tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Attempt {
    /// As rights are written, such as `create releases`.
    pub(crate) what: String,
    pub(crate) namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// What somebody was refused.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Denial {
    pub(crate) id: String,
    time: Timestamp,
    user: String,
    #[serde(flatten)]
    attempt: Attempt,
    /// In the words of who refused it.
    why: String,
}

/// What was refused, the newest last.
pub(crate) struct Denials {
    kept: Mutex<Kept>,
    news: watch::Sender<()>,
}

#[derive(Default)]
struct Kept {
    denials: VecDeque<Arc<Denial>>,
    /// How many there ever were.
    made: u64,
}

impl Denials {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default(), news: watch::Sender::new(()) }
    }

    /// Tells of each new one.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Lists those in namespaces whose releases may be seen, the newest first.
    pub(crate) fn seen(&self, sight: &Sight) -> Vec<Arc<Denial>> {
        let kept = self.kept();
        let newest = kept.denials.iter().rev();
        let seen = newest.filter(|denial| sight.sees(Kind::Releases, &denial.attempt.namespace));
        seen.cloned().collect()
    }

    fn add(&self, user: String, attempt: Attempt, why: &str, now: Timestamp) {
        let mut kept = self.kept();
        let mut before = kept.denials.iter().rev();
        let is_again = |old: &Arc<Denial>| {
            old.user == user && old.attempt == attempt && now.duration_since(old.time) < AGAIN
        };
        if before.any(is_again) {
            return;
        }
        // The time tells it from those before a restart.
        kept.made += 1;
        let id = format!("{:x}-{:x}", now.as_microsecond(), kept.made);
        let why = why.get(..why.floor_char_boundary(LONGEST)).unwrap_or_default().to_owned();
        kept.denials.push_back(Arc::new(Denial { id, time: now, user, attempt, why }));
        if kept.denials.len() > MOST {
            kept.denials.pop_front();
        }
        drop(kept);
        self.news.send_replace(());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps what the caller was refused; whoever waits for the answer does not wait for this.
pub(crate) fn record(dashboard: &Dashboard, caller: &Caller, attempt: Attempt, why: String) {
    let (dashboard, caller) = (dashboard.clone(), caller.clone());
    tokio::spawn(async move {
        // Whose token is not known any more is nobody to name.
        let Ok(user) = people::who(&dashboard, &caller).await else { return };
        let user = user.username.unwrap_or_default();
        tracing::info!(user, what = attempt.what, namespace = attempt.namespace, "refused");
        dashboard.denials.add(user, attempt, &why, Timestamp::now());
    });
}

/// Lists what was refused, as far as the caller may see the releases there.
pub(crate) async fn denials(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let namespace = overview::namespace(place)?;
    let kinds = &[Kind::Releases];
    let sight = Sight::of(&dashboard, &caller, "list", namespace.as_deref(), kinds).await?;
    let seen = dashboard.denials.seen(&sight);
    let items: Vec<&Denial> = seen.iter().map(Arc::as_ref).collect();
    Ok(Json(json!({"items": items})))
}

impl Attempt {
    /// Reads what a request for the API group tries to do; none where it only reads.
    pub(crate) fn of(method: &Method, path: &Uri, body: &[u8]) -> Option<Self> {
        let verb = match *method {
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => return None,
        };
        // /apis/<group>/<version>/namespaces/<namespace>/<kind>[/<name>[/<subresource>]]
        let mut parts = path.path().split('/').skip(4);
        let (Some("namespaces"), Some(namespace), Some(kind)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let (name, below) = (parts.next(), parts.next());
        let resource = below.map_or_else(|| kind.to_owned(), |below| format!("{kind}/{below}"));
        let spec = Spec::of(body);
        // An App is called after both.
        let both = name.filter(|_| kind == "apps").and_then(|name| name.split_once('.'));
        Some(Self {
            what: format!("{verb} {resource}"),
            namespace: namespace.to_owned(),
            app: spec.app.or_else(|| both.map(|(app, _)| app.to_owned())),
            environment: spec
                .environment
                .or_else(|| both.map(|(_, environment)| environment.to_owned()))
                .or_else(|| name.filter(|_| kind == "environments").map(str::to_owned)),
            name: name.map(str::to_owned),
        })
    }
}

/// What is read of an object that somebody sends.
#[derive(Default, Deserialize)]
struct Spec {
    app: Option<String>,
    environment: Option<String>,
}

impl Spec {
    fn of(body: &[u8]) -> Self {
        let object: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut spec: Self =
            object.get("spec").and_then(|spec| Self::deserialize(spec).ok()).unwrap_or_default();
        // Names are short; what is longer is none.
        spec.app = spec.app.filter(|name| name.len() < LONGEST);
        spec.environment = spec.environment.filter(|name| name.len() < LONGEST);
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(method: &Method, path: &str, body: &str) -> Option<Attempt> {
        Attempt::of(method, &path.parse().unwrap(), body.as_bytes())
    }

    #[test]
    fn what_is_tried_is_written_as_rights_are() {
        let all = "/apis/gimlet.io/v1alpha1/namespaces/team";
        let release = r#"{"spec": {"app": "web", "environment": "prod"}}"#;
        let tried = attempt(&Method::POST, &format!("{all}/releases"), release).unwrap();
        assert_eq!((tried.what.as_str(), tried.namespace.as_str()), ("create releases", "team"));
        assert_eq!(
            (tried.app.as_deref(), tried.environment.as_deref()),
            (Some("web"), Some("prod"))
        );
        let tried = attempt(&Method::PATCH, &format!("{all}/apps/web.prod/status"), "{}").unwrap();
        assert_eq!(tried.what, "patch apps/status");
        assert_eq!(
            (tried.app.as_deref(), tried.environment.as_deref()),
            (Some("web"), Some("prod"))
        );
        let tried =
            attempt(&Method::DELETE, &format!("{all}/environments/prod"), "no JSON").unwrap();
        assert_eq!((tried.app, tried.environment.as_deref()), (None, Some("prod")));
        assert_eq!(attempt(&Method::GET, &format!("{all}/releases"), ""), None);
        assert_eq!(attempt(&Method::POST, "/apis/gimlet.io/v1alpha1/releases", ""), None);
    }

    #[test]
    fn the_same_again_is_one_and_the_oldest_go() {
        let denials = Denials::new();
        let attempt = |number: usize| Attempt {
            what: "create releases".into(),
            namespace: format!("team-{number}"),
            app: None,
            environment: None,
            name: None,
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        denials.add("dan".into(), attempt(0), "no", at(0));
        denials.add("dan".into(), attempt(0), "no", at(30));
        denials.add("eve".into(), attempt(0), "no", at(30));
        denials.add("dan".into(), attempt(0), "no", at(61));
        assert_eq!(denials.kept().denials.len(), 3);
        for number in 1..=MOST {
            denials.add("dan".into(), attempt(number), "no", at(100));
        }
        assert_eq!(denials.kept().denials.len(), MOST);
        let ids: std::collections::HashSet<_> =
            denials.kept().denials.iter().map(|denial| denial.id.clone()).collect();
        assert_eq!(ids.len(), MOST, "two have the same id");
    }
}
