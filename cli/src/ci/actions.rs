//! GitHub Actions, and Gitea's and Forgejo's, which speak the same variables.

use gimlet_crds::ArtifactEvent;
use serde_json::Value;

use super::{Environment, Facts, signature};

/// Says what the variables and the event's payload tell.
pub(super) fn facts(env: &Environment, payload: Option<&Value>) -> Facts {
    let repository = env.text("GITHUB_REPOSITORY");
    let server = env.get("GITHUB_SERVER_URL").unwrap_or("https://github.com");
    let page = |rest: String| Some(format!("{server}/{}/{rest}", repository.as_deref()?));
    let mut facts = Facts {
        repository: repository.clone(),
        sha: env.text("GITHUB_SHA"),
        actor: env.text("GITHUB_ACTOR"),
        run: run_id(env).and_then(|id| page(format!("actions/runs/{id}"))),
        ..Facts::default()
    };
    let reference = env.get("GITHUB_REF").unwrap_or_default();
    let name = env.text("GITHUB_REF_NAME");
    let event = env.get("GITHUB_EVENT_NAME").unwrap_or_default();
    if event.starts_with("pull_request") {
        pull_request(&mut facts, env, payload, reference);
    } else if let Some(run) = payload.and_then(|p| p.get("workflow_run")) {
        // The commit of the variables is that of the default branch, and not what was built.
        facts.sha = text(run, "/head_sha");
        facts.branch = text(run, "/head_branch");
        facts.message = text(run, "/head_commit/message");
        let of = text(run, "/head_repository/full_name");
        facts.fork = of.is_some() && of != repository;
    } else {
        if env.is("GITHUB_REF_TYPE", "tag") || reference.starts_with("refs/tags/") {
            facts.event = ArtifactEvent::Tag;
            facts.tag = name.or_else(|| reference.strip_prefix("refs/tags/").map(Into::into));
        } else {
            facts.branch = name.or_else(|| reference.strip_prefix("refs/heads/").map(Into::into));
        }
        let commit = payload.and_then(|payload| payload.get("head_commit"));
        // A tag's payload tells of the commit too; another event's of none.
        if let Some(commit) = commit.filter(|commit| text(commit, "/id") == facts.sha) {
            facts.message = text(commit, "/message");
            let email = text(commit, "/author/email");
            facts.author = signature(text(commit, "/author/name"), email.as_deref());
        }
    }
    facts.url = facts.sha.as_ref().and_then(|sha| page(format!("commit/{sha}")));
    facts
}

fn pull_request(facts: &mut Facts, env: &Environment, payload: Option<&Value>, reference: &str) {
    facts.event = ArtifactEvent::PullRequest;
    let pull = payload.and_then(|payload| payload.get("pull_request"));
    let told = |path: &str| pull.and_then(|pull| text(pull, path));
    let of_reference = reference.strip_prefix("refs/pull/").and_then(|rest| rest.split('/').next());
    facts.pull_request = pull
        .and_then(|pull| pull.get("number")?.as_i64())
        .or_else(|| of_reference?.parse().ok())
        .filter(|number| *number > 0);
    // GITHUB_SHA is the trial of the merge, or the base; without a payload only git can tell.
    let sha = told("/head/sha");
    if sha.is_some() {
        facts.sha = sha;
    }
    facts.branch = told("/head/ref").or_else(|| env.text("GITHUB_HEAD_REF"));
    facts.target_branch = told("/base/ref").or_else(|| env.text("GITHUB_BASE_REF"));
    let (from, to) = (told("/head/repo/full_name"), told("/base/repo/full_name"));
    // A repository that is gone by now was another one.
    let gone = pull.is_some_and(|pull| pull.pointer("/head/repo").is_some_and(Value::is_null));
    facts.fork = gone || (from.is_some() && from != to);
    facts.message = told("/title");
    facts.author = told("/user/login");
}

/// Returns by what the pages of the pipelines are found: Gitea counts them in each repository.
fn run_id(env: &Environment) -> Option<&str> {
    let gitea = env.is("GITEA_ACTIONS", "true") || env.is("FORGEJO_ACTIONS", "true");
    env.get(if gitea { "GITHUB_RUN_NUMBER" } else { "GITHUB_RUN_ID" })
}

fn text(value: &Value, path: &str) -> Option<String> {
    value.pointer(path)?.as_str().filter(|text| !text.is_empty()).map(Into::into)
}
