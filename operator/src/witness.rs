//! Whether the API server writes down who made what: only then a name counts.
//!
//! The annotation that tells who made an object is believed because an admission policy of `config/admission` lets nobody
//! write another name there. So the operator watches that policy and its binding, and believes nobody while they
//! are missing, or are not what was installed.

mod judge;

use futures::stream::{self, StreamExt as _};
use gimlet_process::Pauses;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::api::Api;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Name of the policy and of its binding.
const NAME: &str = "gimlet-created-by";
/// How long a policy may take to count after it was made: API servers read policies from a cache.
const SETTLES: SignedDuration = SignedDuration::from_secs(2);

/// Whether names can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Those of objects that were made after this time.
    Since(Timestamp),
    /// None: why, and what to do.
    Nobody(String),
}

impl Word {
    /// Tells whether the name in an object can be believed.
    pub(crate) fn counts_for<K: Resource>(&self, object: &K) -> bool {
        let made = object.meta().creation_timestamp.as_ref();
        match self {
            Self::Since(since) => made.is_some_and(|made| made.0 > *since),
            Self::Nobody(_) => false,
        }
    }
}

/// Follows the policy, and says whether names can be believed.
#[derive(Clone)]
pub(crate) struct Witness {
    /// None until the policy was looked for.
    word: watch::Receiver<Option<Word>>,
}

impl Witness {
    /// Follows the policy until the token is cancelled.
    pub(crate) fn follow(client: &Client, stop: &CancellationToken) -> Self {
        let (sender, word) = watch::channel(None);
        let task = Box::pin(follow(client.clone(), sender));
        let stop = stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(task).await });
        Self { word }
    }

    /// Waits until the policy was looked for.
    pub(crate) async fn looked(&self) {
        // An error means that the process is about to end.
        let _ = self.word.clone().wait_for(Option::is_some).await;
    }

    /// Says whether names can be believed now.
    pub(crate) fn word(&self) -> Word {
        let unread = || Word::Nobody("the admission policies were not read yet".into());
        self.word.borrow().clone().unwrap_or_else(unread)
    }

    /// Tells of every change of the word.
    pub(crate) fn changes(&self) -> impl stream::Stream<Item = ()> + Send + Sync + use<> {
        let mut word = self.word.clone();
        word.mark_unchanged();
        stream::unfold(word, async |mut word| {
            word.changed().await.ok()?;
            Some(((), word))
        })
    }
}

/// What is known of an object that is there once or not at all.
enum Known<K> {
    /// It was not looked for yet, or cannot be, for this reason.
    Unread(Option<String>),
    Read(Option<K>),
}

/// What a watch tells of one object.
struct Followed<K> {
    known: Known<K>,
    listed: Option<K>,
}

impl<K> Followed<K> {
    const fn new() -> Self {
        Self { known: Known::Unread(None), listed: None }
    }

    fn take(&mut self, event: watcher::Result<watcher::Event<K>>) {
        match event {
            Ok(watcher::Event::Init) => self.listed = None,
            Ok(watcher::Event::InitApply(object)) => self.listed = Some(object),
            Ok(watcher::Event::InitDone) => self.known = Known::Read(self.listed.take()),
            Ok(watcher::Event::Apply(object)) => self.known = Known::Read(Some(object)),
            Ok(watcher::Event::Delete(_)) => self.known = Known::Read(None),
            // What was read is kept while the API server is away, as everywhere.
            Err(error) if matches!(self.known, Known::Unread(_)) => {
                self.known = Known::Unread(Some(error.to_string()));
            }
            Err(error) => tracing::debug!(error = %error, "the watch of the policies broke"),
        }
    }
}

enum Seen {
    Policy(watcher::Result<watcher::Event<ValidatingAdmissionPolicy>>),
    Binding(watcher::Result<watcher::Event<ValidatingAdmissionPolicyBinding>>),
}

async fn follow(client: Client, word: watch::Sender<Option<Word>>) {
    let only = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
    let policies = watcher(Api::all(client.clone()), only.clone()).backoff(Pauses::default());
    let bindings = watcher(Api::all(client), only).backoff(Pauses::default());
    let seen = stream::select(policies.map(Seen::Policy), bindings.map(Seen::Binding));
    let mut seen = std::pin::pin!(seen);
    let (mut policy, mut binding) = (Followed::new(), Followed::new());
    while let Some(event) = seen.next().await {
        match event {
            Seen::Policy(event) => policy.take(event),
            Seen::Binding(event) => binding.take(event),
        }
        let Some(now) = judged(&policy.known, &binding.known) else { continue };
        word.send_if_modified(|word| {
            let is_new = word.as_ref() != Some(&now);
            if is_new {
                match &now {
                    Word::Since(_) => tracing::info!("the API server tells who made what"),
                    Word::Nobody(why) => tracing::warn!(why, "approvals do not count"),
                }
                *word = Some(now);
            }
            is_new
        });
    }
}

/// Says whether names can be believed, once both were looked for.
fn judged(
    policy: &Known<ValidatingAdmissionPolicy>,
    binding: &Known<ValidatingAdmissionPolicyBinding>,
) -> Option<Word> {
    let (policy, binding) = match (policy, binding) {
        (Known::Read(policy), Known::Read(binding)) => (policy, binding),
        (Known::Unread(Some(why)), _) | (_, Known::Unread(Some(why))) => {
            return Some(Word::Nobody(format!(
                "the admission policies cannot be read ({why}): apply config/rbac"
            )));
        }
        (Known::Unread(None), _) | (_, Known::Unread(None)) => return None,
    };
    Some(match judge::since(policy.as_ref(), binding.as_ref()) {
        Ok(since) => Word::Since(since.saturating_add(SETTLES).unwrap_or(since)),
        Err(why) => Word::Nobody(format!("{why}: apply config/admission")),
    })
}
