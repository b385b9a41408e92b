//! The pull request of a change: opened once, and followed to its end.

use gimlet_crds::{ChangeCommit, ChangePullRequest, ConfigChange};
use gimlet_hosts::{Host, HostError, PullRequest, PullRequestState};

use super::decide::{self, Step, Wanted};
use super::status::Seen;
use super::{ConfigChangeError, Target, commits, message};
use crate::origin;
use crate::witness::Word;

/// Opens the pull request of a change, or tells what became of it.
pub(super) async fn propose(
    change: &ConfigChange,
    target: &Target,
    word: &Word,
) -> Result<Seen, ConfigChangeError> {
    let Target { host, branch } = target;
    let known = change.status.as_ref().and_then(|status| status.pull_request.as_ref());
    if let Some(number) = known.and_then(|known| u64::try_from(known.number).ok()) {
        let pull = host.pull_request(number).await?;
        if pull.state == PullRequestState::Merged {
            clean(host.as_ref(), &message::branch(change)).await;
        }
        return Ok(told(change, branch, &pull));
    }
    // Merged by somebody before it was known here.
    let history = commits(host.as_ref(), branch, &change.spec.path).await?;
    if let Some(own) = message::find(change, &history) {
        return Ok(Seen::committed(branch, own.sha.to_string(), own.url.clone()));
    }
    let head = message::branch(change);
    if let Some(pull) = host.find_pull_request(&head).await? {
        return Ok(told(change, branch, &pull));
    }
    if origin::is_restored(&change.metadata) {
        return Ok(Seen::restored());
    }
    let wanted = Wanted::of(change);
    if host.branch(&head).await?.is_none() {
        let now = host.file(branch, wanted.path).await?;
        match decide::decide(&wanted, now.as_ref(), history.first()) {
            Step::Unchanged => return Ok(Seen::Unchanged { branch: branch.clone() }),
            Step::Conflict(message, found) => {
                return Ok(Seen::Conflict { branch: branch.clone(), message, found });
            }
            Step::Write => {}
        }
        let Some(tip) = host.branch(branch).await? else {
            return Err(ConfigChangeError::NoBranch { branch: branch.clone() });
        };
        match host.create_branch(&head, &tip).await {
            // Made by an attempt whose answer was lost.
            Ok(()) | Err(HostError::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // The branch may have begun at a newer commit than the one that was looked at.
    let now = host.file(&head, wanted.path).await?;
    match decide::decide(&wanted, now.as_ref(), history.first()) {
        // Committed by an attempt whose answer was lost.
        Step::Unchanged => {}
        Step::Conflict(message, found) => {
            clean(host.as_ref(), &head).await;
            return Ok(Seen::Conflict { branch: branch.clone(), message, found });
        }
        Step::Write => {
            let text = message::commit(change, word);
            let file = decide::file_change(&wanted, &head, now, text);
            host.write_file(&file).await?;
        }
    }
    let new = message::pull_request(change, branch, word);
    let pull = match host.create_pull_request(&new).await {
        Err(HostError::Exists { what }) => {
            host.find_pull_request(&head).await?.ok_or(HostError::Exists { what })?
        }
        made => made?,
    };
    Ok(told(change, branch, &pull))
}

/// Deletes the branch of a pull request that has ended. One that stays does no harm.
async fn clean(host: &dyn Host, branch: &str) {
    if let Err(error) = host.delete_branch(branch).await {
        tracing::info!(error = %error, branch, "the branch of a change was not deleted");
    }
}

/// Says what a pull request means for its change: pure.
fn told(change: &ConfigChange, branch: &str, pull: &PullRequest) -> Seen {
    let reference = ChangePullRequest {
        number: i64::try_from(pull.number).unwrap_or(i64::MAX),
        url: pull.url.clone(),
        branch: message::branch(change),
    };
    let of = |sha: &gimlet_hosts::Sha| ChangeCommit { sha: sha.to_string(), url: None };
    let commit = of(&pull.head_sha);
    let branch = branch.to_owned();
    match pull.state {
        PullRequestState::Open => Seen::Proposed { branch, commit, pull: reference },
        PullRequestState::Closed => Seen::Closed { branch, commit, pull: reference },
        PullRequestState::Merged => {
            let commit = pull.merge_sha.as_ref().map_or(commit, of);
            Seen::Committed { branch, commit, pull: Some(reference) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_hosts::Sha;

    fn pull(state: PullRequestState) -> PullRequest {
        PullRequest {
            number: 7,
            title: String::new(),
            body: String::new(),
            url: "https://git.example.com/7".into(),
            author: None,
            head_sha: Sha::parse("1f0c9a4b7d2e63854f1a0b9c8d7e6f5041322314").unwrap(),
            head_branch: "gimlet/config-u".into(),
            from_fork: false,
            base_branch: "main".into(),
            draft: false,
            state,
            merge_sha: Sha::parse("2b1d8e7f6a5c4b3a291807f6e5d4c3b2a1908776").ok(),
        }
    }

    #[test]
    fn a_pull_request_says_how_far_its_change_is() {
        let change = ConfigChange::default();
        let seen = |state| told(&change, "main", &pull(state));
        assert!(
            matches!(seen(PullRequestState::Open), Seen::Proposed { pull, .. } if pull.number == 7)
        );
        assert!(matches!(seen(PullRequestState::Closed), Seen::Closed { .. }));
        let Seen::Committed { commit, .. } = seen(PullRequestState::Merged) else {
            panic!("it was merged");
        };
        assert!(
            commit.sha.starts_with("2b1d8e7"),
            "the commit of the merge is what the branch has"
        );
    }
}
