//! What only Gitea does, or only GitHub.

use crate::client::Call;
use crate::error::HostError;
use crate::provider::Provider;

/// Leaves out what takes Gitea long to find out.
pub(super) fn plain(call: Call<'_>) -> Call<'_> {
    call.query("stat", "false").query("verification", "false").query("files", "false")
}

/// Finds out whether a list goes on that has no links: Gitea gives the tags so, and pages that may
/// be smaller than what was asked for.
pub(super) fn next_of(page: u32, items: usize, total: Option<u64>) -> Option<u32> {
    let page = page.max(1);
    let read = u64::from(page).saturating_mul(items as u64);
    (items > 0 && total? > read).then(|| page.saturating_add(1))
}

pub(super) fn no_deployments() -> HostError {
    HostError::Unsupported { provider: Provider::Gitea, what: "deployments" }
}
