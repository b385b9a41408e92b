//! Comments: each pull request has one that tells of its previews, edited in place.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gimlet_crds::{App, Release, Repository};
use gimlet_hosts::{Marker, Retry, Upserted};
use kube::ResourceExt;
use kube::runtime::events::EventType;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::branch;
use super::comment::{Row, body, id};
use crate::context::Context;
use crate::{digest, hosting, sources};

/// News that may wait; what comes on top is left out: the next look at the app tells it again.
const QUEUE: usize = 1024;
/// How often a comment is tried before the next look at one of its apps starts anew.
const ATTEMPTS: u32 = 6;
/// Comments whose last text is remembered, so that hosts are not asked for nothing.
const REMEMBERED: usize = 10_000;
/// How long the operator waits where nothing has to be written.
const IDLE: Duration = Duration::from_hours(1);

/// Where news about previews are published.
#[derive(Clone)]
pub(crate) struct Comments(mpsc::Sender<News>);

/// The one that writes all comments: two at once could make two of one.
pub(crate) struct Writer {
    news: mpsc::Receiver<News>,
    waiting: HashMap<Place, Waiting>,
    /// The digest of what each pull request was told last.
    told: HashMap<Place, String>,
}

/// A pull request of a Repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    namespace: String,
    repository: String,
    number: u64,
}

struct News {
    place: Place,
    /// The preview that is gone, though the cache may still have it.
    gone: Option<Row>,
}

struct Waiting {
    due: Instant,
    attempt: u32,
    gone: Vec<Row>,
}

impl Comments {
    /// Makes a queue.
    pub(crate) fn new() -> (Self, Writer) {
        let (queue, news) = mpsc::channel(QUEUE);
        (Self(queue), Writer { news, waiting: HashMap::new(), told: HashMap::new() })
    }

    /// Tells the pull request of a preview how it stands, soon.
    pub(crate) fn publish(&self, app: &App, ctx: &Context) {
        self.send(app, None, ctx);
    }

    /// Tells the pull request of a preview that it is gone.
    pub(crate) fn publish_end(&self, app: &App, ctx: &Context) {
        self.send(app, Some(Row::gone(app)), ctx);
    }

    fn send(&self, app: &App, gone: Option<Row>, ctx: &Context) {
        let Some(place) = place(app, ctx) else { return };
        if self.0.try_send(News { place, gone }).is_err() {
            tracing::debug!("a comment was left out: too many wait");
        }
    }
}

/// Finds the pull request of a preview; none where there is none, or nobody wants comments.
fn place(app: &App, ctx: &Context) -> Option<Place> {
    let preview = app.spec.preview.as_ref()?;
    let number = u64::try_from(preview.pull_request?).ok()?;
    let repository = branch::repository(preview, &app.namespace()?, ctx)?;
    let wanted =
        repository.spec.preview_comments && hosting::provider(repository.spec.provider).is_some();
    wanted.then(|| Place {
        namespace: repository.namespace().unwrap_or_default(),
        repository: repository.name_any(),
        number,
    })
}

impl Writer {
    /// Writes comments until the token is cancelled.
    pub(crate) async fn write(mut self, ctx: Arc<Context>, stop: CancellationToken) {
        ctx.filled().await;
        loop {
            let next = self.waiting.values().map(|waiting| waiting.due).min();
            tokio::select! {
                news = self.news.recv() => match news {
                    Some(news) => self.note(news),
                    None => return,
                },
                () = sleep_until(next.unwrap_or_else(|| Instant::now() + IDLE)) => {}
                () = stop.cancelled() => return,
            }
            let now = Instant::now();
            let due = self.waiting.iter().filter(|(_, waiting)| waiting.due <= now);
            let due: Vec<Place> = due.map(|(place, _)| place.clone()).collect();
            for place in due {
                tokio::select! {
                    () = self.tell(place, &ctx) => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    }

    fn note(&mut self, news: News) {
        let News { place, gone } = news;
        let new = || Waiting { due: Instant::now(), attempt: 0, gone: Vec::new() };
        self.waiting.entry(place).or_insert_with(new).gone.extend(gone);
    }

    async fn tell(&mut self, place: Place, ctx: &Context) {
        let Some(waiting) = self.waiting.remove(&place) else { return };
        let Some(repository) = ctx.repository(&place.namespace, &place.repository) else { return };
        let rows = rows(&place, &repository, &waiting.gone, ctx);
        let text = body(&rows, Some("")).unwrap_or_default();
        let print = digest::of_parts([text.as_bytes()]);
        if self.told.get(&place) == Some(&print) {
            return;
        }
        let pause = attempt(&place, &repository, &rows, ctx).await.err();
        match pause {
            Some(pause) if waiting.attempt < ATTEMPTS => {
                let backoff = Duration::from_secs(2 << waiting.attempt);
                let pause = pause.unwrap_or(backoff).min(Duration::from_mins(10));
                let (due, attempt) = (Instant::now() + pause, waiting.attempt + 1);
                self.waiting.insert(place, Waiting { due, attempt, gone: waiting.gone });
            }
            Some(_) => ctx.metrics.commented("failed"),
            None => {
                if self.told.len() >= REMEMBERED {
                    self.told.clear();
                }
                self.told.insert(place, print);
            }
        }
    }
}

/// Collects how the previews of a pull request stand.
fn rows(place: &Place, repository: &Repository, gone: &[Row], ctx: &Context) -> Vec<Row> {
    let name = sources::full_name(&repository.spec.url);
    let of_request = |app: &App| {
        let number = app.spec.preview.as_ref().and_then(|preview| preview.pull_request);
        number.and_then(|number| u64::try_from(number).ok()) == Some(place.number)
    };
    let mut rows = gone.to_vec();
    let ended: HashSet<String> = gone.iter().map(|row| row.id().to_owned()).collect();
    for app in ctx.previews_of(&place.namespace, &name) {
        if of_request(&app) && !is_over(&app, &ended) {
            rows.retain(|row| row.id() != id(&app));
            rows.push(Row::of(&app, newest(&app, ctx).as_deref()));
        }
    }
    rows
}

/// An App that was let go may still be in the cache; one of the same name that was made since is not
/// over.
fn is_over(app: &App, ended: &HashSet<String>) -> bool {
    app.metadata.deletion_timestamp.is_some() && ended.contains(&id(app))
}

fn newest(app: &App, ctx: &Context) -> Option<Arc<Release>> {
    let namespace = app.namespace().unwrap_or_default();
    let releases = ctx.releases_of(&namespace, &app.spec.environment, &app.spec.app);
    releases
        .into_iter()
        .filter(|release| !release.spec.plan_only)
        .max_by_key(|release| (release.creation_timestamp(), release.name_any()))
}

/// Writes a comment; of an error, how long to wait where the host says so.
async fn attempt(
    place: &Place,
    repository: &Repository,
    rows: &[Row],
    ctx: &Context,
) -> Result<(), Option<Duration>> {
    let Place { namespace, repository: name, number } = place;
    let print = digest::of_parts([namespace.as_bytes(), name.as_bytes()]);
    let Ok(marker) = Marker::new(&format!("gimlet:previews/{}", &print[..12])) else {
        return Ok(());
    };
    let source = match ctx.sources.open(&ctx.client, repository).await {
        Ok(source) => source,
        Err(error) => {
            tracing::warn!(repository = name, error = %error, "a comment cannot be written");
            return Err(None);
        }
    };
    let Some(host) = &source.host else { return Ok(()) };
    let text = |old: Option<&str>| body(rows, old);
    let error = match host.rewrite_comment(*number, &marker, &text).await {
        Ok(written) => {
            if matches!(written, Upserted::Created(_) | Upserted::Edited(_)) {
                ctx.metrics.commented("ok");
            }
            return Ok(());
        }
        Err(error) => error,
    };
    tracing::warn!(repository = name, number, reason = error.reason(), error = %error, "a comment was refused");
    match error.retry(Context::now()) {
        Retry::Stalled => {
            // It is tried again when there is something else to tell.
            ctx.metrics.commented("refused");
            let note = format!("pull request {number} is not told of its previews: {error}");
            ctx.event(repository, EventType::Warning, "CommentRefused", &note);
            Ok(())
        }
        Retry::After(pause) => Err(Some(pause)),
        Retry::Backoff => Err(None),
    }
}
