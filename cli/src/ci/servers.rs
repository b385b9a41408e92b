//! CI that works for many git hosts: CircleCI, Woodpecker, Jenkins, Buildkite.

use gimlet_crds::ArtifactEvent;

use super::{Environment, Facts, signature};
use crate::git;

/// Says what CircleCI tells.
pub(super) fn circle(env: &Environment) -> Facts {
    let owner = env.get("CIRCLE_PROJECT_USERNAME");
    let name = env.get("CIRCLE_PROJECT_REPONAME");
    let of_address = || env.get("CIRCLE_REPOSITORY_URL").and_then(git::repository);
    let mut facts = Facts {
        repository: match (owner, name) {
            (Some(owner), Some(name)) => Some(format!("{owner}/{name}")),
            _ => of_address(),
        },
        sha: env.text("CIRCLE_SHA1"),
        actor: env.text("CIRCLE_USERNAME"),
        run: env.text("CIRCLE_BUILD_URL"),
        ..Facts::default()
    };
    // A branch with an open pull request is built as that; the address ends with its number.
    let page = env.get("CIRCLE_PULL_REQUEST");
    if let Some(page) = page {
        facts.event = ArtifactEvent::PullRequest;
        facts.pull_request = page.rsplit('/').next().and_then(|number| number.parse().ok());
        facts.branch = env.text("CIRCLE_BRANCH");
        // Only pull requests of forks say whose they are.
        let of = env.get("CIRCLE_PR_USERNAME");
        facts.fork = of.is_some() && of != owner;
    } else if let Some(tag) = env.text("CIRCLE_TAG") {
        facts.event = ArtifactEvent::Tag;
        facts.tag = Some(tag);
    } else {
        facts.branch = env.text("CIRCLE_BRANCH");
    }
    facts
}

/// Says what Woodpecker tells.
pub(super) fn woodpecker(env: &Environment) -> Facts {
    let author = env.text("CI_COMMIT_AUTHOR");
    let mut facts = Facts {
        repository: env.text("CI_REPO"),
        sha: env.text("CI_COMMIT_SHA"),
        author: signature(author.clone(), env.get("CI_COMMIT_AUTHOR_EMAIL")),
        message: env.text("CI_COMMIT_MESSAGE"),
        actor: env.text("CI_PIPELINE_AUTHOR").or(author),
        run: env.text("CI_PIPELINE_URL"),
        ..Facts::default()
    };
    let event = env.get("CI_PIPELINE_EVENT").unwrap_or_default();
    if event.starts_with("pull_request") {
        facts.event = ArtifactEvent::PullRequest;
        facts.pull_request = env.number("CI_COMMIT_PULL_REQUEST");
        facts.branch = env.text("CI_COMMIT_SOURCE_BRANCH");
        facts.target_branch =
            env.text("CI_COMMIT_TARGET_BRANCH").or_else(|| env.text("CI_COMMIT_BRANCH"));
    } else {
        if let Some(tag) = env.text("CI_COMMIT_TAG") {
            facts.event = ArtifactEvent::Tag;
            facts.tag = Some(tag);
        } else {
            facts.branch = env.text("CI_COMMIT_BRANCH");
        }
        // Of a pull request it is that one's page, and not the commit's.
        facts.url = env.text("CI_PIPELINE_FORGE_URL");
    }
    facts
}

/// Says what Jenkins tells, with the plugin for git and, for pull requests, a multibranch pipeline.
pub(super) fn jenkins(env: &Environment) -> Facts {
    let mut facts = Facts {
        repository: env.get("GIT_URL").and_then(git::repository),
        // Of a pull request it may be the trial of the merge: git tells.
        sha: env.text("GIT_COMMIT"),
        actor: env.text("BUILD_USER_ID").or_else(|| env.text("CHANGE_AUTHOR")),
        run: env.text("BUILD_URL"),
        ..Facts::default()
    };
    if env.get("CHANGE_ID").is_some() {
        facts.event = ArtifactEvent::PullRequest;
        facts.pull_request = env.number("CHANGE_ID");
        facts.branch = env.text("CHANGE_BRANCH");
        facts.target_branch = env.text("CHANGE_TARGET");
        facts.fork = env.get("CHANGE_FORK").is_some();
        let author = env.text("CHANGE_AUTHOR_DISPLAY_NAME").or_else(|| env.text("CHANGE_AUTHOR"));
        facts.author = signature(author, env.get("CHANGE_AUTHOR_EMAIL"));
        facts.message = env.text("CHANGE_TITLE");
    } else if let Some(tag) = env.text("TAG_NAME") {
        facts.event = ArtifactEvent::Tag;
        facts.tag = Some(tag);
    } else {
        // A job that is not multibranch knows the branch as the remote has it.
        let remote = env.get("GIT_BRANCH").map(|name| name.strip_prefix("origin/").unwrap_or(name));
        facts.branch = env.text("BRANCH_NAME").or_else(|| remote.map(Into::into));
    }
    facts
}

/// Says what Buildkite tells.
pub(super) fn buildkite(env: &Environment) -> Facts {
    let author = env.text("BUILDKITE_BUILD_AUTHOR");
    let mut facts = Facts {
        repository: env.get("BUILDKITE_REPO").and_then(git::repository),
        // A build by hand may be of whatever HEAD is.
        sha: env.text("BUILDKITE_COMMIT").filter(|sha| sha != "HEAD"),
        author: signature(author, env.get("BUILDKITE_BUILD_AUTHOR_EMAIL")),
        message: env.text("BUILDKITE_MESSAGE"),
        actor: env.text("BUILDKITE_BUILD_CREATOR"),
        run: env.text("BUILDKITE_BUILD_URL"),
        ..Facts::default()
    };
    if let Some(number) = env.number("BUILDKITE_PULL_REQUEST") {
        facts.event = ArtifactEvent::PullRequest;
        facts.pull_request = Some(number);
        facts.branch = env.text("BUILDKITE_BRANCH");
        facts.target_branch = env.text("BUILDKITE_PULL_REQUEST_BASE_BRANCH");
        let from = env.get("BUILDKITE_PULL_REQUEST_REPO").and_then(git::repository);
        facts.fork = from.is_some() && from != facts.repository;
        // A branch of a fork is named after its owner.
        if facts.fork {
            facts.branch =
                facts.branch.map(|b| b.rsplit(':').next().unwrap_or_default().to_owned());
        }
    } else if let Some(tag) = env.text("BUILDKITE_TAG") {
        facts.event = ArtifactEvent::Tag;
        facts.tag = Some(tag);
    } else {
        facts.branch = env.text("BUILDKITE_BRANCH");
    }
    facts
}
