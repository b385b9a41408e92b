//! What a delivery says.

use crate::address::Address;
use crate::model::PullRequestState;
use crate::provider::Provider;
use crate::reference::Reference;
use crate::sha::Sha;

/// The most commits of a push that are kept: the newest ones.
pub const MAX_COMMITS: usize = 50;

/// Holds a delivery whose signature is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The kind of host that sent it.
    pub provider: Provider,
    /// The host's id of the delivery, for people to find it at the host by; a digest where it has none.
    pub id: String,
    /// The repository that it is about; deliveries of whole organizations may have none.
    pub repository: Option<NamedRepository>,
    /// What happened.
    pub event: Event,
    /// What it is recognized by when it comes again.
    pub(super) marks: Vec<[u8; 32]>,
}

impl Delivery {
    /// Returns a short digest of what is signed of it: of its body, or of its id where that is signed too.
    ///
    /// Two deliveries share one exactly where [`Replays`](crate::Replays) takes one for the other.
    pub fn signed_digest(&self) -> String {
        let signed = self.marks.last().copied().unwrap_or_default();
        let [first, second, ..] = signed.as_chunks::<8>().0 else { return String::new() };
        format!("{:016x}{:016x}", u64::from_be_bytes(*first), u64::from_be_bytes(*second))
    }
}

/// Names a repository in the words of its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRepository {
    /// Owner and name, or groups and name: `acme/shop`.
    pub full_name: String,
    /// The addresses that it is cloned by.
    pub clone_urls: Vec<String>,
    /// The address of its page.
    pub url: Option<String>,
    /// The branch that it is shown with.
    pub default_branch: Option<String>,
}

impl NamedRepository {
    /// Tells whether this is the repository with an address.
    pub fn is(&self, address: &Address) -> bool {
        self.clone_urls.iter().chain(&self.url).any(|url| address.is_same(url))
    }
}

/// Says what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A branch or a tag was created, moved or deleted.
    Push(Push),
    /// Something happened to a pull request (at GitLab: merge request).
    PullRequest(PullRequestEvent),
    /// The host tries the webhook out.
    Ping,
    /// Something else, which is no fault.
    Other {
        /// The host's name of it.
        name: String,
    },
}

/// Describes a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// What was pushed.
    pub reference: Reference,
    /// The commit (for annotated tags: the tag object) before; none where it was created.
    pub before: Option<Sha>,
    /// The commit (for annotated tags: the tag object) after; none where it was deleted.
    pub after: Option<Sha>,
    /// Whether commits were dropped; only GitHub says so.
    pub forced: Option<bool>,
    /// The newest commits that the host listed, oldest first, at most [`MAX_COMMITS`].
    pub commits: Vec<PushedCommit>,
    /// Whether the push has more commits than `commits`.
    pub truncated: bool,
    /// Who pushed: a login name.
    pub pusher: Option<String>,
}

impl Push {
    /// Tells whether the branch or tag is new.
    pub fn created(&self) -> bool {
        self.before.is_none() && self.after.is_some()
    }

    /// Tells whether the branch or tag is gone.
    pub fn deleted(&self) -> bool {
        self.after.is_none()
    }
}

/// Describes a commit of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedCommit {
    /// Its id.
    pub sha: Sha,
    /// Its message, at most 4 KiB.
    pub message: String,
    /// The author's name.
    pub author: String,
    /// The author's mail address.
    pub email: String,
    /// The address of its page.
    pub url: Option<String>,
}

/// Says what happened to a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullRequestAction {
    /// It is new.
    Opened,
    /// It was closed and is open again.
    Reopened,
    /// Its head is another commit.
    Updated,
    /// Its title, text, base or draft state changed.
    Edited,
    /// It was merged or closed; the state tells which.
    Closed,
    /// Something else, in the host's word.
    Other(String),
}

/// Describes a pull request after something happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestEvent {
    /// What happened.
    pub action: PullRequestAction,
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// The address of its page.
    pub url: String,
    /// Who opened it: a login name, where the host says it.
    pub author: Option<String>,
    /// The newest commit of its branch.
    pub head_sha: Sha,
    /// The branch to be merged.
    pub head_branch: String,
    /// The repository of that branch; none if it was deleted.
    pub head_repository: Option<String>,
    /// Whether that branch is in another repository, or in none, so that others may write it.
    pub from_fork: bool,
    /// The branch to be merged into.
    pub base_branch: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// What became of it.
    pub state: PullRequestState,
}
