//! The APIs and webhooks of git hosting services: GitHub, GitLab and Gitea, which Forgejo equals.
//!
//! [`receive`] checks and reads what a host sends; it is pure. A [`Client`] stands for one account
//! at one host, and [`Client::repository`] gives a [`Host`] to read and write one repository by. Rate
//! limits are respected, unchanged answers are not transferred again, sizes and times are limited,
//! and a token goes to its own host only. This crate knows nothing of Kubernetes.

mod address;
mod app;
mod client;
mod error;
mod file;
mod gitlab;
mod host;
mod hub;
mod key;
mod model;
mod provider;
mod reference;
mod secret;
mod sha;
mod text;
mod webhook;

pub use address::{Address, AddressError};
pub use app::{AppError, AppSettings, GitHubApp};
pub use client::{Client, Clock, Observer, RateLimit, Settings};
pub use error::{HostError, Retry};
pub use file::{File, FileChange, Written};
pub use host::{Host, Marker, MarkerError, Upserted};
pub use model::{
    Branch, Comment, Commit, CommitStatuses, Deployment, DeploymentIdentity, DeploymentSearch,
    DeploymentState, DeploymentUpdate, MergeMethod, NewDeployKey, NewDeployment, NewPullRequest,
    NewRepository, NewStatus, Page, PullRequest, PullRequestChange, PullRequestState,
    RepositoryInfo, Status, StatusState, Tag,
};
pub use provider::Provider;
pub use reference::Reference;
pub use secret::Secret;
pub use sha::{Sha, ShaError};
pub use webhook::{
    Delivery, Event, MAX_BODY, MAX_COMMITS, NamedRepository, PullRequestAction, PullRequestEvent,
    Push, PushedCommit, Replays, WebhookError, receive,
};
