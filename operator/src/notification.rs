//! Notifications: people are told what happens in an environment.

mod template;

use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::condition::{self, READY};
use gimlet_crds::{
    App, BlockerKind, Environment, Notification, NotificationKind, NotificationProvider, Phase,
    Release, SourceVersion,
};
use gimlet_notify::{
    Delivery, Filter, Format, Kind, Link, Message, NotifyError, Options, PlanSize, Retry, Target,
    render, send,
};
use kube::ResourceExt;
use kube::runtime::events::EventType;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::digest;
use crate::remotes::read_secret;
pub(crate) use template::verdict;

/// News that may wait; what comes on top is dropped, and the log says so.
const QUEUE: usize = 1024;
/// Deliveries at once.
const AT_ONCE: usize = 8;
/// How often one delivery is tried.
const ATTEMPTS: u32 = 6;
/// The longest pause between two of them.
const LONGEST: Duration = Duration::from_mins(5);

/// Something that people may want to know.
pub(crate) enum News {
    /// A release has come to another phase.
    Release(Box<Release>),
    /// An app's folder was changed by hand.
    Drift(Box<App>),
}

/// Where news are published.
#[derive(Clone)]
pub(crate) struct Announcer(mpsc::Sender<News>);

/// News that are still to be told.
pub(crate) struct Announcements(mpsc::Receiver<News>);

impl Announcer {
    /// Makes a queue.
    pub(crate) fn new() -> (Self, Announcements) {
        let (queue, news) = mpsc::channel(QUEUE);
        (Self(queue), Announcements(news))
    }

    /// Publishes news; that some are lost stops nothing.
    pub(crate) fn publish(&self, news: News) {
        if self.0.try_send(news).is_err() {
            tracing::warn!("news were dropped: too many wait");
        }
    }
}

impl Announcements {
    /// Tells news until the token is cancelled; a receiver that is away holds up no other.
    pub(crate) async fn tell(
        mut self,
        ctx: Arc<Context>,
        options: Options,
        stop: CancellationToken,
    ) {
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let news = tokio::select! {
                news = self.0.recv() => news,
                () = stop.cancelled() => None,
            };
            let Some(news) = news else { return };
            let Some((environment, message)) = message(&news, &ctx) else { continue };
            let id = id_of(&news);
            for rule in environment.spec.notifications.clone() {
                if !filter(&rule).wants(&message) {
                    continue;
                }
                let (message, faults) = template::apply(&rule, &message);
                for fault in faults {
                    ctx.event(&*environment, EventType::Warning, template::INVALID, &fault);
                }
                let parcel = Parcel {
                    id: format!("{id}-{}", rule.name),
                    body: render(&message, format(rule.provider)),
                    environment: Arc::clone(&environment),
                    rule,
                };
                let (ctx, slots, options) = (Arc::clone(&ctx), Arc::clone(&slots), options.clone());
                let stop = stop.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = parcel.deliver(&ctx, &options, &slots) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        }
    }
}

/// A message on its way to one receiver.
struct Parcel {
    id: String,
    body: String,
    environment: Arc<Environment>,
    rule: Notification,
}

impl Parcel {
    async fn deliver(&self, ctx: &Context, options: &Options, slots: &Semaphore) {
        for attempt in 0..ATTEMPTS {
            let result = {
                let Ok(_slot) = slots.acquire().await else { return };
                self.attempt(ctx, options).await
            };
            let Err(Problem { message, retry }) = result else {
                return ctx.metrics.notified("ok");
            };
            let pause = match retry {
                Retry::Later(pause) if attempt + 1 < ATTEMPTS => pause,
                _ => {
                    ctx.metrics.notified("failed");
                    let note = format!("notification {}: {message}", self.rule.name);
                    ctx.event(&*self.environment, EventType::Warning, "NotificationFailed", &note);
                    return;
                }
            };
            let usual = Duration::from_secs(5 << attempt);
            tokio::time::sleep(pause.unwrap_or(usual).min(LONGEST)).await;
        }
    }

    async fn attempt(&self, ctx: &Context, options: &Options) -> Result<(), Problem> {
        let namespace = self.environment.namespace().unwrap_or_default();
        let secret = read_secret(&ctx.client, &namespace, &self.rule.secret_ref.name).await;
        let secret = secret
            .map_err(|error| Problem { message: error.to_string(), retry: Retry::Later(None) })?;
        let text = |key: &str| secret.get(key).and_then(|b| std::str::from_utf8(&b.0).ok());
        let Some(address) = text("address") else {
            let name = &self.rule.secret_ref.name;
            return Err(Problem {
                message: format!("the Secret {name} has no address"),
                retry: Retry::Stalled,
            });
        };
        let key = text("key").filter(|_| self.rule.provider == NotificationProvider::Webhook);
        let target = Target::parse(address, key)?;
        let delivery =
            Delivery { id: self.id.clone(), now: Context::now(), body: self.body.clone() };
        Ok(send(&target, &delivery, options).await?)
    }
}

/// Why a delivery failed, and whether and when it is tried again.
struct Problem {
    message: String,
    retry: Retry,
}

impl From<NotifyError> for Problem {
    fn from(error: NotifyError) -> Self {
        Self { message: error.to_string(), retry: error.retry() }
    }
}

fn format(provider: NotificationProvider) -> Format {
    match provider {
        NotificationProvider::Slack => Format::Slack,
        NotificationProvider::Discord => Format::Discord,
        NotificationProvider::Teams => Format::Teams,
        NotificationProvider::Webhook => Format::Generic,
    }
}

fn filter(rule: &Notification) -> Filter {
    let kind = |kind: &NotificationKind| match kind {
        NotificationKind::Released => Kind::Released,
        NotificationKind::Healthy => Kind::Healthy,
        NotificationKind::Failed => Kind::Failed,
        NotificationKind::RolledBack => Kind::RolledBack,
        NotificationKind::WaitingForApproval => Kind::WaitingForApproval,
        NotificationKind::Drift => Kind::Drift,
    };
    Filter {
        kinds: rule.events.iter().map(kind).collect(),
        environments: Vec::new(),
        apps: rule.apps.clone(),
    }
}

/// Names a message: always the same for the same news, so that receivers can drop repetitions.
fn id_of(news: &News) -> String {
    let (uid, what) = match news {
        News::Release(release) => {
            let phase = release.status.as_ref().map(|status| status.phase).unwrap_or_default();
            (release.uid(), phase.as_str().to_owned())
        }
        News::Drift(app) => {
            let drift = app.status.as_ref().and_then(|status| status.drift.clone());
            (app.uid(), drift.and_then(|drift| drift.git).unwrap_or_default())
        }
    };
    digest::of_parts([uid.unwrap_or_default().as_bytes(), what.as_bytes()])[..32].to_owned()
}

fn message(news: &News, ctx: &Context) -> Option<(Arc<Environment>, Message)> {
    match news {
        News::Release(release) => {
            let namespace = release.namespace().unwrap_or_default();
            let environment = ctx.environment(&namespace, &release.spec.environment)?;
            if environment.spec.notifications.is_empty() {
                return None;
            }
            let artifact = release.status.as_ref().and_then(|status| status.artifact.as_ref());
            let source = match artifact {
                Some(reference) => {
                    let place = reference.namespace.as_deref().unwrap_or(&namespace);
                    ctx.artifact(place, &reference.name).map(|found| found.spec.version.clone())
                }
                None => release.spec.version.clone(),
            };
            Some((environment, of_release(release, source.as_ref())?))
        }
        News::Drift(app) => {
            let namespace = app.namespace().unwrap_or_default();
            let environment = ctx.environment(&namespace, &app.spec.environment)?;
            let mut message =
                Message::new(Kind::Drift, &app.spec.app, &app.spec.environment, Context::now());
            message.cause = app.status.as_ref().and_then(|status| status.drift.clone()?.git);
            message.next_step =
                Some("adopt the change, or roll back to the commit that was released".into());
            Some((environment, message))
        }
    }
}

/// Says what became of a release; nothing where nobody needs to know.
fn of_release(release: &Release, source: Option<&SourceVersion>) -> Option<Message> {
    let status = release.status.as_ref()?;
    let spec = &release.spec;
    if spec.plan_only {
        return None;
    }
    let ready = condition::find(&status.conditions, READY);
    let told = ready.map(|ready| ready.message.clone());
    let waits = |kind| status.blocked_by.iter().any(|blocker| blocker.kind == kind);
    let kind = match status.phase {
        Phase::Committed if spec.rollback_to.is_some() => Kind::RolledBack,
        Phase::Committed => Kind::Released,
        Phase::Healthy => Kind::Healthy,
        Phase::Failed | Phase::Rejected => Kind::Failed,
        Phase::Waiting if waits(BlockerKind::Approval) => Kind::WaitingForApproval,
        _ => return None,
    };
    let mut message = Message::new(kind, &spec.app, &spec.environment, Context::now());
    message.who.clone_from(&spec.requested_by);
    message.version = status
        .version
        .as_ref()
        .map(|text| Link { text: text.clone(), url: source.and_then(|source| source.url.clone()) });
    message.gitops_commit = status
        .commit
        .as_ref()
        .map(|commit| Link { text: commit.short.clone(), url: commit.url.clone() });
    let size = |count: i32| u32::try_from(count).unwrap_or_default();
    message.plan = status.plan.as_ref().map(|plan| PlanSize {
        added: size(plan.added),
        changed: size(plan.changed),
        removed: size(plan.removed),
    });
    message.reason.clone_from(&spec.reason);
    let name = release.name_any();
    let next = |text: String| Some(text);
    (message.cause, message.next_step) = match kind {
        Kind::Failed if status.commit.is_some() => (
            told,
            next(format!("gimlet rollback {} -e {}, or release a fix", spec.app, spec.environment)),
        ),
        Kind::Failed => (told, next("mend the cause and release again".into())),
        Kind::WaitingForApproval => {
            (told, next(format!("look at the plan of {name} and create an Approval")))
        }
        _ => (None, None),
    };
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(status: &serde_json::Value) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "shop.staging-1", "uid": "u"},
            "spec": {"app": "shop", "environment": "staging", "requestedBy": "ada"},
            "status": status
        }))
        .unwrap()
    }

    #[test]
    fn a_failure_says_why_and_what_to_do() {
        let failed = release(&json!({
            "phase": "Failed", "version": "v2",
            "commit": {"sha": "abcdef0123", "short": "abcdef0", "branch": "main", "path": "x"},
            "plan": {"digest": "d", "tree": "t", "added": 1, "changed": 2, "removed": 0},
            "conditions": [{"type": "Ready", "status": "False", "reason": "ImagePullBackOff",
                "message": "no such image", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
        }));
        let message = of_release(&failed, None).unwrap();
        assert_eq!(message.kind, Kind::Failed);
        assert_eq!(message.cause.as_deref(), Some("no such image"));
        assert!(message.next_step.unwrap().starts_with("gimlet rollback shop -e staging"));
        assert_eq!(message.plan.unwrap().changed, 2);
        assert_eq!(message.who.as_deref(), Some("ada"));
    }

    #[test]
    fn only_what_people_need_to_know_is_told() {
        let kind = |status| of_release(&release(&status), None).map(|message| message.kind);
        assert_eq!(kind(json!({"phase": "Queued"})), None);
        assert_eq!(kind(json!({"phase": "Superseded"})), None);
        assert_eq!(kind(json!({"phase": "Committed"})), Some(Kind::Released));
        let blocked = |kind: &str| json!({"phase": "Waiting", "blockedBy": [{"kind": kind, "name": "x", "reason": "y"}]});
        assert_eq!(kind(blocked("Lock")), None);
        assert_eq!(kind(blocked("Approval")), Some(Kind::WaitingForApproval));
    }

    #[test]
    fn the_same_news_have_the_same_id() {
        let id = |phase: &str| id_of(&News::Release(Box::new(release(&json!({"phase": phase})))));
        assert_eq!(id("Healthy"), id("Healthy"));
        assert_ne!(id("Healthy"), id("Failed"));
    }
}
