//! What only Gitea does, or only GitHub.

use crate::client::Call;
use crate::error::HostError;
use crate::provider::Provider;

/// Leaves out what takes Gitea long to find out.
pub(super) fn plain(call: Call<'_>) -> Call<'_> {
    call.query("stat", "false").query("verification", "false").query("files", "false")
}

pub(super) fn no_deployments() -> HostError {
    HostError::Unsupported { provider: Provider::Gitea, what: "deployments" }
}
