//! Which CI this is, and what it says of the version.

use serde_json::Value;

use super::{Checkout, Environment, Facts, actions, pipelines, servers};

/// Kinds of CI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// GitHub Actions.
    GitHub,
    /// Actions of Gitea or Forgejo.
    Gitea,
    /// GitLab CI.
    GitLab,
    /// CircleCI.
    CircleCi,
    /// Woodpecker.
    Woodpecker,
    /// Jenkins.
    Jenkins,
    /// Azure Pipelines.
    Azure,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Buildkite.
    Buildkite,
    /// None that is known: only git is asked.
    Git,
}

impl Provider {
    /// Tells which CI runs this process. What looks like another one is asked for first.
    pub(crate) fn detect(env: &Environment) -> Self {
        let is = |name| env.is(name, "true");
        if env.is("CI_SYSTEM_NAME", "woodpecker") || env.is("CI", "woodpecker") {
            Self::Woodpecker
        } else if is("GITEA_ACTIONS") || is("FORGEJO_ACTIONS") {
            Self::Gitea
        } else if is("GITHUB_ACTIONS") {
            Self::GitHub
        } else if is("GITLAB_CI") {
            Self::GitLab
        } else if is("CIRCLECI") {
            Self::CircleCi
        } else if is("TF_BUILD") {
            Self::Azure
        } else if env.get("BITBUCKET_BUILD_NUMBER").is_some() {
            Self::Bitbucket
        } else if is("BUILDKITE") {
            Self::Buildkite
        } else if env.get("JENKINS_URL").is_some() {
            Self::Jenkins
        } else {
            Self::Git
        }
    }

    /// Returns the provider as it calls itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub Actions",
            Self::Gitea => "Gitea Actions",
            Self::GitLab => "GitLab CI",
            Self::CircleCi => "CircleCI",
            Self::Woodpecker => "Woodpecker",
            Self::Jenkins => "Jenkins",
            Self::Azure => "Azure Pipelines",
            Self::Bitbucket => "Bitbucket Pipelines",
            Self::Buildkite => "Buildkite",
            Self::Git => "git",
        }
    }
}

/// Says what the provider, the event's payload and the checkout tell of the version.
///
/// What the provider leaves open comes from git, and only where git has the same commit.
pub(crate) fn facts(
    provider: Provider,
    env: &Environment,
    payload: Option<&Value>,
    checkout: &Checkout,
) -> Facts {
    let mut facts = match provider {
        Provider::GitHub | Provider::Gitea => actions::facts(env, payload),
        Provider::GitLab => pipelines::gitlab(env),
        Provider::Azure => pipelines::azure(env),
        Provider::Bitbucket => pipelines::bitbucket(env),
        Provider::CircleCi => servers::circle(env),
        Provider::Woodpecker => servers::woodpecker(env),
        Provider::Jenkins => servers::jenkins(env),
        Provider::Buildkite => servers::buildkite(env),
        Provider::Git => Facts::default(),
    };
    // A commit that CI made to try a merge is none that anybody wrote.
    let trial = checkout.head.as_ref().map(|head| head.sha.as_str());
    if let Some(head) = checkout.head_of_trial()
        && (facts.sha.is_none() || facts.sha.as_deref() == trial)
    {
        facts.sha = Some(head.to_owned());
        facts.message = None;
        facts.author = None;
        facts.url = None;
    }
    let head = checkout.head.as_ref();
    facts.sha = facts.sha.or_else(|| head.map(|head| head.sha.clone()));
    facts.repository = facts.repository.or_else(|| checkout.repository.clone());
    if provider == Provider::Git {
        facts.branch.clone_from(&checkout.branch);
        // A tag alone says what it is; with a branch it is only one more name.
        if checkout.branch.is_none() && checkout.tag.is_some() {
            facts.event = gimlet_crds::ArtifactEvent::Tag;
        }
        facts.tag.clone_from(&checkout.tag);
    }
    if let Some(head) = head.filter(|head| facts.sha.as_ref() == Some(&head.sha)) {
        facts.author = Some(head.author.clone());
        facts.message = Some(head.message.clone());
    }
    facts
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
