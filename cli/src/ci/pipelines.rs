//! CI that belongs to a git host: GitLab, Azure DevOps, Bitbucket.

use gimlet_crds::ArtifactEvent;

use super::{Environment, Facts};
use crate::git;

/// Says what GitLab CI tells.
pub(super) fn gitlab(env: &Environment) -> Facts {
    let mut facts = Facts {
        repository: env.text("CI_PROJECT_PATH"),
        sha: env.text("CI_COMMIT_SHA"),
        author: env.text("CI_COMMIT_AUTHOR"),
        message: env.text("CI_COMMIT_MESSAGE"),
        actor: env.text("GITLAB_USER_LOGIN"),
        run: env.text("CI_PIPELINE_URL"),
        ..Facts::default()
    };
    let merge = "CI_MERGE_REQUEST";
    let external = "CI_EXTERNAL_PULL_REQUEST";
    let request = [merge, external].into_iter().find(|p| env.get(&format!("{p}_IID")).is_some());
    if let Some(prefix) = request {
        facts.event = ArtifactEvent::PullRequest;
        facts.pull_request = env.number(&format!("{prefix}_IID"));
        facts.branch = env.text(&format!("{prefix}_SOURCE_BRANCH_NAME"));
        facts.target_branch = env.text(&format!("{prefix}_TARGET_BRANCH_NAME"));
        // It is only set where the pipeline is one of the merge's result: then the commit is that merge.
        let head = env.text(&format!("{prefix}_SOURCE_BRANCH_SHA"));
        if head.is_some() && head != facts.sha {
            facts.sha = head;
            facts.author = None;
            facts.message = env.text(&format!("{prefix}_TITLE"));
        }
        let from = env
            .get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH")
            .or_else(|| env.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY"));
        let to = env
            .get("CI_MERGE_REQUEST_PROJECT_PATH")
            .or_else(|| env.get("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY"));
        facts.fork = from.is_some() && to.is_some() && from != to;
    } else if let Some(tag) = env.text("CI_COMMIT_TAG") {
        facts.event = ArtifactEvent::Tag;
        facts.tag = Some(tag);
    } else {
        facts.branch = env.text("CI_COMMIT_BRANCH").or_else(|| env.text("CI_COMMIT_REF_NAME"));
    }
    facts.url = env
        .get("CI_PROJECT_URL")
        .and_then(|project| Some(format!("{project}/-/commit/{}", facts.sha.as_ref()?)));
    facts
}

/// Says what Azure Pipelines tells.
pub(super) fn azure(env: &Environment) -> Facts {
    let reference = env.get("BUILD_SOURCEBRANCH").unwrap_or_default();
    let branch = |text: &str| text.strip_prefix("refs/heads/").unwrap_or(text).to_owned();
    let mut facts = Facts {
        repository: azure_repository(env),
        sha: env.text("BUILD_SOURCEVERSION"),
        author: env.text("BUILD_SOURCEVERSIONAUTHOR"),
        message: env.text("BUILD_SOURCEVERSIONMESSAGE"),
        actor: env.text("BUILD_REQUESTEDFOR"),
        run: azure_run(env),
        ..Facts::default()
    };
    // Azure Repos calls it an id, GitHub a number.
    let number = env
        .number("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER")
        .or_else(|| env.number("SYSTEM_PULLREQUEST_PULLREQUESTID"));
    if env.is("BUILD_REASON", "PullRequest") || number.is_some() {
        facts.event = ArtifactEvent::PullRequest;
        facts.pull_request = number;
        facts.branch = env.get("SYSTEM_PULLREQUEST_SOURCEBRANCH").map(branch);
        facts.target_branch = env.get("SYSTEM_PULLREQUEST_TARGETBRANCH").map(branch);
        // The version of the sources is the trial of the merge, and so is its message.
        facts.sha = env.text("SYSTEM_PULLREQUEST_SOURCECOMMITID").or(facts.sha);
        facts.author = None;
        facts.message = None;
        facts.fork = env.is("SYSTEM_PULLREQUEST_ISFORK", "true");
    } else if let Some(tag) = reference.strip_prefix("refs/tags/") {
        facts.event = ArtifactEvent::Tag;
        facts.tag = Some(tag.to_owned());
    } else {
        facts.branch = reference.strip_prefix("refs/heads/").map(Into::into);
    }
    facts
}

/// Returns owner and name: for repositories of Azure itself the project is the owner.
fn azure_repository(env: &Environment) -> Option<String> {
    let name = env.get("BUILD_REPOSITORY_NAME")?;
    match env.get("SYSTEM_TEAMPROJECT") {
        Some(project) if !name.contains('/') => Some(format!("{project}/{name}")),
        _ => Some(name.to_owned()),
    }
}

fn azure_run(env: &Environment) -> Option<String> {
    let collection = env.get("SYSTEM_COLLECTIONURI")?.trim_end_matches('/');
    let (project, build) = (env.get("SYSTEM_TEAMPROJECT")?, env.get("BUILD_BUILDID")?);
    Some(format!("{collection}/{project}/_build/results?buildId={build}").replace(' ', "%20"))
}

/// Says what Bitbucket Pipelines tells.
pub(super) fn bitbucket(env: &Environment) -> Facts {
    let page = env.get("BITBUCKET_GIT_HTTP_ORIGIN").map(|origin| origin.trim_end_matches(".git"));
    let address = env.get("BITBUCKET_GIT_HTTP_ORIGIN").and_then(git::repository);
    let mut facts = Facts {
        repository: env.text("BITBUCKET_REPO_FULL_NAME").or(address),
        // Of a pull request it is its head: the merge is made after the checkout.
        sha: env.text("BITBUCKET_COMMIT"),
        ..Facts::default()
    };
    let at = |rest: String| Some(format!("{}/{rest}", page?));
    facts.run =
        env.get("BITBUCKET_BUILD_NUMBER").and_then(|n| at(format!("pipelines/results/{n}")));
    facts.url = facts.sha.as_ref().and_then(|sha| at(format!("commits/{sha}")));
    if let Some(number) = env.number("BITBUCKET_PR_ID") {
        facts.event = ArtifactEvent::PullRequest;
        facts.pull_request = Some(number);
        facts.branch = env.text("BITBUCKET_BRANCH");
        facts.target_branch = env.text("BITBUCKET_PR_DESTINATION_BRANCH");
    } else if let Some(tag) = env.text("BITBUCKET_TAG") {
        facts.event = ArtifactEvent::Tag;
        facts.tag = Some(tag);
    } else {
        facts.branch = env.text("BITBUCKET_BRANCH");
    }
    facts
}
