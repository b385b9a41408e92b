//! Whether a branch is still there: from what was read last, and from git before anybody acts on it.

use std::sync::Arc;

use gimlet_crds::{Artifact, Preview, Repository, condition};
use gimlet_gitops::Answer;
use kube::ResourceExt;

use crate::context::Context;
use crate::sources::View;

/// What is known of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    There,
    /// The repository was asked just now, and does not have it.
    Gone,
    /// Nobody can tell. Nothing goes because of that.
    Unknown {
        reason: &'static str,
        message: String,
    },
}

fn unknown(reason: &'static str, message: String) -> Branch {
    Branch::Unknown { reason, message }
}

/// Finds the Repository of a preview.
pub(super) fn repository(preview: &Preview, own: &str, ctx: &Context) -> Option<Arc<Repository>> {
    let namespace = preview.namespace.as_deref().unwrap_or(own);
    ctx.repository_called(namespace, &preview.repository)
}

/// Finds what was seen of a repository since the operator started.
pub(super) fn view(repository: &Repository, ctx: &Context) -> Option<Arc<View>> {
    ctx.sources.view(&repository.namespace().unwrap_or_default(), &repository.name_any())
}

/// Finds out whether a branch is there: only where its repository can be read.
pub(super) async fn find(
    preview: &Preview,
    repository: Option<&Arc<Repository>>,
    ctx: &Context,
) -> Branch {
    let Some(repository) = repository else {
        return unknown(
            "RepositoryNotFound",
            format!(
                "there is no Repository of {}, so nobody sees its branches",
                preview.repository
            ),
        );
    };
    let Some(view) = view(repository, ctx) else {
        let conditions = repository.status.as_ref().map(|status| status.conditions.as_slice());
        let ready = condition::find(conditions.unwrap_or_default(), condition::READY);
        let why = ready.filter(|ready| ready.status == "False").map(|ready| ready.message.as_str());
        let name = repository.name_any();
        return unknown(
            "RepositoryNotRead",
            match why {
                Some(why) => format!("the Repository {name} cannot be read: {why}"),
                None => format!("the Repository {name} was not read since the operator started"),
            },
        );
    };
    if view.branches.contains(&preview.branch) {
        return Branch::There;
    }
    ask(preview, repository, ctx).await
}

/// Finds out whether a branch is there, before something is made for it.
pub(super) async fn still_there(preview: &Preview, own: &str, ctx: &Context) -> Branch {
    let Some(repository) = repository(preview, own, ctx) else {
        return find(preview, None, ctx).await;
    };
    match view(&repository, ctx) {
        Some(view) if view.branches.contains(&preview.branch) => Branch::There,
        _ => ask(preview, &repository, ctx).await,
    }
}

/// Asks git itself. What was read before may be old, and may leave branches out.
async fn ask(preview: &Preview, repository: &Repository, ctx: &Context) -> Branch {
    let name = repository.name_any();
    let source = match ctx.sources.open(&ctx.client, repository).await {
        Ok(source) => source,
        Err(error) => {
            let message = format!("the Repository {name} cannot be asked: {error}");
            return unknown("RepositoryNotRead", message);
        }
    };
    let answer = match source.mirror.ask().await {
        Ok(answer) => answer,
        Err(error) => {
            let message = format!("the Repository {name} cannot be asked: {error}");
            return unknown("RepositoryNotRead", message);
        }
    };
    let usual = repository.status.as_ref().and_then(|status| status.default_branch.as_deref());
    judge(&answer, &preview.branch, usual)
}

/// An answer that lacks what must be there is no proof that something else is gone.
fn judge(answer: &Answer, branch: &str, usual: Option<&str>) -> Branch {
    if answer.branches.contains(branch) {
        return Branch::There;
    }
    let doubtful = |message: String| unknown("RepositoryDoubtful", message);
    if answer.branches.is_empty() {
        return doubtful("the repository shows no branch at all".into());
    }
    match usual {
        Some(usual) if !answer.branches.contains(usual) => {
            doubtful(format!("the repository does not show its default branch {usual}"))
        }
        _ => Branch::Gone,
    }
}

/// Finds the default branch of an artifact's repository, where anybody knows it.
pub(crate) fn default_branch(artifact: &Artifact, ctx: &Context) -> Option<String> {
    let called = artifact.spec.version.repository.as_deref()?;
    let repository = ctx.repository_called(&artifact.namespace()?, called)?;
    let seen = view(&repository, ctx).and_then(|view| view.default_branch.clone());
    seen.or_else(|| repository.status.as_ref()?.default_branch.clone())
}

/// What a preview needs of a repository's pull requests.
pub(super) fn open_request(view: &View, branch: &str) -> Option<u64> {
    view.requests.iter().filter(|(_, of)| of == branch).map(|(number, _)| *number).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(branches: &[&str]) -> Answer {
        Answer {
            default_branch: None,
            branches: branches.iter().map(|b| (*b).to_owned()).collect(),
        }
    }

    #[test]
    fn only_a_whole_answer_says_that_a_branch_is_gone() {
        assert_eq!(judge(&answer(&["main", "fix"]), "fix", Some("main")), Branch::There);
        assert_eq!(judge(&answer(&["main"]), "fix", Some("main")), Branch::Gone);
        assert_eq!(judge(&answer(&["main"]), "fix", None), Branch::Gone);
        for (answer, usual) in [(answer(&[]), None), (answer(&["x"]), Some("main"))] {
            assert!(matches!(judge(&answer, "fix", usual), Branch::Unknown { .. }));
        }
    }
}
