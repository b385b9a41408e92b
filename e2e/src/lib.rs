//! The control plane that tests and the demo run on: a real Kubernetes API server with
//! simulated nodes, Flux and Gitea, all on loopback and without containers.
//!
//! Whoever asks first starts it through the scripts of this folder, and it is left running, so
//! that the next run finds it. Tests share it: each has a [`Namespace`] and a [`Repository`] of
//! its own, which go away when they are dropped. A test that kills things, or needs objects
//! that exist once in a cluster, asks for [`ControlPlane::own`] instead.
//!
//! `E2E_KUBECONFIG` names another cluster to use, `E2E_GITEA` the state folder of another Gitea,
//! `E2E_STATE` where both are kept, and with `E2E_KEEP` nothing is deleted after a test.

mod account;
mod agent;
mod browser;
mod chromium;
mod cli;
mod control_plane;
mod dashboard;
mod git;
mod gitea;
mod guard;
mod identity_provider;
mod issuer;
mod namespace;
mod operator;
mod own_gitea;
mod program;
mod proxy;
mod repository;
mod ssh;
mod stage;
mod toolbox;
mod wait;

pub use agent::Agent;
pub use browser::Browser;
pub use chromium::Person;
pub use cli::{Cli, Said};
pub use control_plane::{ControlPlane, OwnControlPlane, control_plane};
pub use dashboard::{Answer, Dashboard};
pub use git::{Checkout, git};
pub use gitea::{Gitea, gitea};
pub use guard::{Guard, Secrets, guard};
pub use identity_provider::IdentityProvider;
pub use issuer::Issuer;
pub use namespace::Namespace;
pub use operator::{Operator, install, install_in, root};
pub use own_gitea::OwnGitea;
pub use proxy::{Passed, Proxy, Trap};
pub use repository::Repository;
pub use ssh::SshKey;
pub use stage::{Commit, Stage, secret};
pub use toolbox::tool;
pub use wait::wait_until;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes a name that no other test, process or run uses: `prefix` and a short suffix.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis());
    // A process id is only reused after so long that the time has moved on.
    format!("{prefix}-{:x}-{:x}-{count:x}", millis & 0xffff_ffff, std::process::id())
}

/// Says whether what a test made is to be left for inspection.
fn keep() -> bool {
    std::env::var_os("E2E_KEEP").is_some_and(|value| !value.is_empty())
}
