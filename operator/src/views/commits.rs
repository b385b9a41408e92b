//! Pages of commits, from a host or from git.

use gimlet_crds::condition::cut;
use gimlet_gitops::{CommitId, Mirror};
use gimlet_hosts::{Host, HostError, Page};

use super::cursor::Cursor;
use super::problem::Problem;
use super::source_model::Commit;
use crate::repository::RepositoryError;

/// The longest message that is shown, in bytes.
const MAX_MESSAGE: usize = 4096;
/// The longest name of an author that is shown, in bytes.
const MAX_AUTHOR: usize = 256;
/// Pages of the host that one page is made of at most.
const MAX_PAGES: usize = 4;

/// A page, and where the next one begins.
pub(super) struct Listed {
    pub(super) commits: Vec<Commit>,
    pub(super) next: Option<Cursor>,
}

/// Lists commits by a host's API: those of a branch, or from a cursor on.
pub(super) async fn at_host(
    host: &dyn Host,
    branch: &str,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Listed, HostError> {
    let read = |of: String, page| async move { host.commits(&of, page).await };
    gather(read, branch, cursor, limit).await
}

/// Makes a page of the host's pages.
async fn gather<F>(
    read: impl Fn(String, u32) -> F,
    branch: &str,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Listed, HostError>
where
    F: Future<Output = Result<Page<gimlet_hosts::Commit>, HostError>>,
{
    let (mut head, mut page, mut skip) = match cursor {
        Some(Cursor { head, page, skip }) => (Some(head), page, skip),
        None => (None, 1, 0),
    };
    let mut commits = Vec::new();
    for _ in 0..MAX_PAGES {
        let read = read(head.clone().unwrap_or_else(|| branch.to_owned()), page).await?;
        // From now on the list is that of this commit, whatever is pushed to the branch.
        head = head.or_else(|| read.items.first().map(|commit| commit.sha.to_string()));
        let Some(head) = &head else { break };
        let rest = read.items.len().saturating_sub(skip);
        let left = limit - commits.len();
        commits.extend(read.items.into_iter().skip(skip).take(left).map(of_host));
        let next = |page, skip| Some(Cursor { head: head.clone(), page, skip });
        match read.next {
            _ if rest > left => return Ok(Listed { commits, next: next(page, skip + left) }),
            None => break,
            Some(after) if rest == left => return Ok(Listed { commits, next: next(after, 0) }),
            Some(after) => (page, skip) = (after, 0),
        }
    }
    Ok(Listed { commits, next: None })
}

/// Lists commits of a copy.
pub(super) async fn in_git(
    mirror: &Mirror,
    cursor: &Cursor,
    limit: usize,
) -> Result<Listed, Problem> {
    let Cursor { head, page: _, skip } = cursor;
    let gone = || {
        Problem::not_found(format!(
            "the repository has no commit {head} any more: start from the branch"
        ))
    };
    let id = CommitId::parse(head).map_err(|_| gone())?;
    // One more than is shown tells whether there is more.
    let found = mirror.commits(&id, *skip, limit + 1).await.map_err(RepositoryError::from)?;
    let mut found = found.ok_or_else(gone)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let commits = found.into_iter().map(|commit| Commit {
        commit: commit.id.to_string(),
        message: commit.message,
        author: commit.author,
        time: Some(commit.time.to_string()),
        url: None,
        statuses: None,
        deployments: None,
        artifacts: None,
    });
    let next = more.then(|| Cursor { head: head.clone(), page: 1, skip: skip + limit });
    Ok(Listed { commits: commits.collect(), next })
}

fn of_host(commit: gimlet_hosts::Commit) -> Commit {
    Commit {
        commit: commit.sha.to_string(),
        message: cut(&commit.message, MAX_MESSAGE),
        author: cut(&commit.author, MAX_AUTHOR),
        time: commit.committed.map(|time| time.to_string()),
        url: commit.url,
        statuses: None,
        deployments: None,
        artifacts: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_hosts::Sha;

    fn commit(n: usize) -> gimlet_hosts::Commit {
        gimlet_hosts::Commit {
            sha: Sha::parse(&format!("{n:040x}")).unwrap(),
            message: "m".into(),
            author: "Ada".into(),
            email: "ada@example.com".into(),
            committed: None,
            parents: Vec::new(),
            url: None,
        }
    }

    /// A host whose branch has the commits `1..=newest`, on pages of seven.
    #[expect(clippy::unused_async, reason = "it stands for a host, which takes its time")]
    async fn list(
        newest: usize,
        of: String,
        page: u32,
    ) -> Result<Page<gimlet_hosts::Commit>, HostError> {
        let head = usize::from_str_radix(&of, 16).unwrap_or(newest);
        let all: Vec<_> = (1..=head).rev().map(commit).collect();
        let at = page as usize * 7;
        let next = (all.len() > at).then_some(page + 1);
        Ok(Page { items: all.into_iter().skip(at - 7).take(7).collect(), next })
    }

    #[tokio::test]
    async fn pages_have_every_commit_once_while_the_branch_moves() {
        for limit in [1, 3, 7, 10, 14, 20, 50] {
            let (mut cursor, mut seen, mut newest) = (None, Vec::new(), 20);
            loop {
                let read = |of, page| list(newest, of, page);
                let Listed { commits, next } = gather(read, "main", cursor, limit).await.unwrap();
                assert!(commits.len() == limit || next.is_none(), "{limit}: {}", commits.len());
                seen.extend(commits.into_iter().map(|commit| commit.commit));
                newest += 3;
                cursor = next;
                if cursor.is_none() {
                    break;
                }
            }
            let expected: Vec<_> = (1..=20).rev().map(|n| format!("{n:040x}")).collect();
            assert_eq!(seen, expected, "{limit}");
        }
    }

    #[tokio::test]
    async fn an_empty_branch_has_one_empty_page() {
        let Listed { commits, next } =
            gather(|of, page| list(0, of, page), "main", None, 20).await.unwrap();
        assert!(commits.is_empty() && next.is_none());
    }
}
