//! Git repositories written and read without a work tree.
//!
//! A [`Writer`] stands for one branch of one repository. Changes that arrive while a push is under
//! way go together in the next one, a commit each. A push is a compare-and-swap on the server, so
//! nothing that others push is ever lost, and every commit carries the id of its change, so nothing
//! lands twice. This crate knows nothing of Kubernetes.

mod audit;
mod branch;
mod change;
mod choice;
mod cli;
mod commit;
mod compare;
mod engine;
mod error;
mod folder;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod id;
mod index;
mod land;
mod lock;
mod options;
mod path;
mod plan;
mod proposal;
mod reach;
mod record;
mod remote;
mod shared;
mod signing;
mod store;
mod touch;
mod tree;
mod waits;
mod wire;
mod writer;

pub use audit::{
    Audit, AuditScope, Describe, Finding, FindingKind, FolderFacts, FolderRecord, audit,
};
pub use change::{
    APP_TRAILER, Change, ENV_TRAILER, Edit, Identity, MAX_MEMBERS, Member, ORDER_TRAILER, Outcome,
    RELEASE_TRAILER, REPOSITORY_TRAILER, REQUESTED_BY_TRAILER,
};
pub use cli::{Answer, Mirror, Reference, SourceCommit, SourceFile, SourceFolder};
pub use error::{GitError, GitErrorKind};
pub use folder::{FileMap, tree_id};
pub use id::{BlobId, CommitId, TreeId};
pub use index::{HistoryFilter, Legacy, LegacyAction, LogEntry, Origin};
pub use options::{EngineChoice, EngineKind, Observer, Options, Timeouts};
pub use path::{MAX_DEPTH, MAX_FILE, MAX_FILES, MAX_FOLDER, MAX_PART, PathError, RepoPath};
pub use remote::{BranchName, Credentials, Remote, RemoteUrl, Secret, UrlError};
pub use shared::{Head, QueueStats};
pub use signing::{
    SignatureError, SignatureFormat, SignedBy, Signer, SigningError, TrustedKeys, TrustedKeysError,
    verify,
};
pub use tree::EntryKind;
pub use writer::{FileMapLossy, Folder, FolderEntry, ListEntry, Signature, Ticket, Writer};
