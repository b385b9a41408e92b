//! One table of variables for each provider and event, as their documentation lists them.

use super::*;
use crate::ci::Commit;

#[path = "actions_tests.rs"]
mod actions;

const HEAD: &str = "1111111111111111111111111111111111111111";
const TRIAL: &str = "2222222222222222222222222222222222222222";
const BASE: &str = "3333333333333333333333333333333333333333";

/// Says in one line what an artifact would be made of.
fn told<const N: usize>(
    pairs: [(&str, &str); N],
    payload: Option<&Value>,
    checkout: &Checkout,
) -> String {
    let env = Environment::from(pairs);
    let provider = Provider::detect(&env);
    let facts = facts(provider, &env, payload, checkout);
    let sha = facts.sha.as_deref().map(|sha| match sha {
        HEAD => "HEAD",
        TRIAL => "TRIAL",
        other => other,
    });
    let mut text = format!(
        "{provider:?} {} {:?} {}",
        facts.repository.unwrap_or_default(),
        facts.event,
        sha.unwrap_or("-")
    );
    let number = facts.pull_request.map(|number| number.to_string());
    for (name, fact) in [
        ("branch", facts.branch),
        ("to", facts.target_branch),
        ("pr", number),
        ("tag", facts.tag),
        ("by", facts.author),
        ("says", facts.message),
        ("run", facts.run),
    ] {
        if let Some(fact) = fact {
            text.extend([" ", name, "=", &fact]);
        }
    }
    if facts.fork {
        text.push_str(" FORK");
    }
    text
}

fn nothing() -> Checkout {
    Checkout::default()
}

/// The checkout of a trial: `by` is how the provider names it.
fn trial(message: String, parents: [&str; 2]) -> Checkout {
    let head = Commit {
        sha: TRIAL.into(),
        parents: parents.map(Into::into).into(),
        message,
        ..Commit::default()
    };
    Checkout { head: Some(head), ..Checkout::default() }
}

#[test]
fn gitlab_tells_of_pushes_tags_and_merge_requests() {
    let base = [
        ("GITLAB_CI", "true"),
        ("CI_PROJECT_PATH", "acme/sub/shop"),
        ("CI_COMMIT_AUTHOR", "Ada <ada@example.com>"),
        ("CI_COMMIT_MESSAGE", "Fix the cart"),
    ];
    let with = |more: &[(&'static str, &'static str)]| {
        let mut all = [("UNUSED", ""); 12];
        all[..4].copy_from_slice(&base);
        all[4..4 + more.len()].copy_from_slice(more);
        all
    };
    let commit = "by=Ada <ada@example.com> says=Fix the cart";
    let push = with(&[("CI_COMMIT_SHA", HEAD), ("CI_COMMIT_BRANCH", "main")]);
    let expected = format!("GitLab acme/sub/shop Push HEAD branch=main {commit}");
    assert_eq!(told(push, None, &nothing()), expected);
    let tag =
        with(&[("CI_COMMIT_SHA", HEAD), ("CI_COMMIT_TAG", "v1"), ("CI_COMMIT_REF_NAME", "v1")]);
    let expected = format!("GitLab acme/sub/shop Tag HEAD tag=v1 {commit}");
    assert_eq!(told(tag, None, &nothing()), expected);
    let request = [
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "cart"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_PROJECT_PATH", "acme/sub/shop"),
    ];
    let [a, b, c, d] = request;
    let own = ("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "acme/sub/shop");
    let detached = with(&[("CI_COMMIT_SHA", HEAD), a, b, c, d, own]);
    let expected =
        format!("GitLab acme/sub/shop PullRequest HEAD branch=cart to=main pr=7 {commit}");
    assert_eq!(told(detached, None, &nothing()), expected);
    let source = ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", HEAD);
    let title = ("CI_MERGE_REQUEST_TITLE", "Cart");
    let merged = with(&[("CI_COMMIT_SHA", TRIAL), a, b, c, d, own, source, title]);
    assert_eq!(
        told(merged, None, &nothing()),
        "GitLab acme/sub/shop PullRequest HEAD branch=cart to=main pr=7 says=Cart"
    );
    let other = ("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "eve/shop");
    let fork = with(&[("CI_COMMIT_SHA", HEAD), a, b, c, d, other]);
    assert!(told(fork, None, &nothing()).ends_with(" FORK"));
}

#[test]
fn circleci_tells_of_pushes_tags_and_pull_requests() {
    let with = |name: &'static str, value: &'static str, branch: &'static str| {
        [
            ("CI", "true"),
            ("CIRCLECI", "true"),
            ("CIRCLE_PROJECT_USERNAME", "acme"),
            ("CIRCLE_PROJECT_REPONAME", "shop"),
            ("CIRCLE_SHA1", HEAD),
            ("CIRCLE_BUILD_URL", "https://circleci.com/gh/acme/shop/7"),
            ("CIRCLE_BRANCH", branch),
            (name, value),
        ]
    };
    let run = "run=https://circleci.com/gh/acme/shop/7";
    let push = told(with("UNUSED", "", "main"), None, &nothing());
    assert_eq!(push, format!("CircleCi acme/shop Push HEAD branch=main {run}"));
    let tag = told(with("CIRCLE_TAG", "v1", ""), None, &nothing());
    assert_eq!(tag, format!("CircleCi acme/shop Tag HEAD tag=v1 {run}"));
    let page = "https://github.com/acme/shop/pull/7";
    let pull = told(with("CIRCLE_PULL_REQUEST", page, "cart"), None, &nothing());
    assert_eq!(pull, format!("CircleCi acme/shop PullRequest HEAD branch=cart pr=7 {run}"));
}

#[test]
fn woodpecker_tells_of_pushes_tags_and_pull_requests() {
    let with = |event: &'static str, more: [(&'static str, &'static str); 3]| {
        let [a, b, c] = more;
        [
            ("CI", "woodpecker"),
            ("CI_REPO", "acme/shop"),
            ("CI_COMMIT_SHA", HEAD),
            ("CI_COMMIT_AUTHOR", "ada"),
            ("CI_COMMIT_AUTHOR_EMAIL", "ada@example.com"),
            ("CI_COMMIT_MESSAGE", "Fix the cart"),
            ("CI_PIPELINE_EVENT", event),
            a,
            b,
            c,
        ]
    };
    let commit = "by=ada <ada@example.com> says=Fix the cart";
    let none = ("UNUSED", "");
    let push = told(with("push", [("CI_COMMIT_BRANCH", "main"), none, none]), None, &nothing());
    assert_eq!(push, format!("Woodpecker acme/shop Push HEAD branch=main {commit}"));
    let tag = told(with("tag", [("CI_COMMIT_TAG", "v1"), none, none]), None, &nothing());
    assert_eq!(tag, format!("Woodpecker acme/shop Tag HEAD tag=v1 {commit}"));
    let pull = [
        ("CI_COMMIT_PULL_REQUEST", "7"),
        ("CI_COMMIT_SOURCE_BRANCH", "cart"),
        ("CI_COMMIT_BRANCH", "main"),
    ];
    let pull = told(with("pull_request", pull), None, &nothing());
    let expected =
        format!("Woodpecker acme/shop PullRequest HEAD branch=cart to=main pr=7 {commit}");
    assert_eq!(pull, expected);
}

#[test]
fn jenkins_tells_of_branches_tags_and_changes() {
    let with = |more: [(&'static str, &'static str); 4]| {
        let [a, b, c, d] = more;
        [
            ("JENKINS_URL", "https://jenkins.example.com/"),
            ("GIT_URL", "https://git.example.com/acme/shop.git"),
            a,
            b,
            c,
            d,
        ]
    };
    let none = ("UNUSED", "");
    let job = [("GIT_COMMIT", HEAD), ("GIT_BRANCH", "origin/main"), none, none];
    assert_eq!(told(with(job), None, &nothing()), "Jenkins acme/shop Push HEAD branch=main");
    let tag = [("GIT_COMMIT", HEAD), ("TAG_NAME", "v1"), ("BRANCH_NAME", "v1"), none];
    assert_eq!(told(with(tag), None, &nothing()), "Jenkins acme/shop Tag HEAD tag=v1");
    let change = [
        ("GIT_COMMIT", TRIAL),
        ("CHANGE_ID", "7"),
        ("CHANGE_BRANCH", "cart"),
        ("CHANGE_TARGET", "main"),
    ];
    let checkout = trial(format!("Merge commit '{BASE}' into HEAD"), [HEAD, BASE]);
    assert_eq!(
        told(with(change), None, &checkout),
        "Jenkins acme/shop PullRequest HEAD branch=cart to=main pr=7"
    );
    // A merge that people made is what they wrote.
    let own = trial("Merge branch 'main' into cart".into(), [HEAD, BASE]);
    let text = told(with(change), None, &own);
    assert!(text.starts_with("Jenkins acme/shop PullRequest TRIAL"), "{text}");
}

#[test]
fn azure_tells_of_branches_tags_and_pull_requests() {
    let with = |more: &[(&'static str, &'static str)]| {
        let mut all = [("UNUSED", ""); 12];
        all[..5].copy_from_slice(&[
            ("TF_BUILD", "True"),
            ("BUILD_REPOSITORY_NAME", "shop"),
            ("SYSTEM_TEAMPROJECT", "acme"),
            ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/org/"),
            ("BUILD_BUILDID", "7"),
        ]);
        all[5..5 + more.len()].copy_from_slice(more);
        all
    };
    let run = "run=https://dev.azure.com/org/acme/_build/results?buildId=7";
    let push = [("BUILD_SOURCEVERSION", HEAD), ("BUILD_SOURCEBRANCH", "refs/heads/feature/cart")];
    let expected = format!("Azure acme/shop Push HEAD branch=feature/cart {run}");
    assert_eq!(told(with(&push), None, &nothing()), expected);
    let tag = [("BUILD_SOURCEVERSION", HEAD), ("BUILD_SOURCEBRANCH", "refs/tags/v1")];
    assert_eq!(
        told(with(&tag), None, &nothing()),
        format!("Azure acme/shop Tag HEAD tag=v1 {run}")
    );
    let pull = [
        ("BUILD_SOURCEVERSION", TRIAL),
        ("BUILD_SOURCEVERSIONMESSAGE", "Merge pull request 7 from cart into main"),
        ("BUILD_SOURCEBRANCH", "refs/pull/7/merge"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTID", "7"),
        ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/cart"),
        ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main"),
        ("SYSTEM_PULLREQUEST_SOURCECOMMITID", HEAD),
    ];
    let expected = format!("Azure acme/shop PullRequest HEAD branch=cart to=main pr=7 {run}");
    assert_eq!(told(with(&pull), None, &nothing()), expected);
}

#[test]
fn bitbucket_tells_of_branches_tags_and_pull_requests() {
    let with = |more: [(&'static str, &'static str); 3]| {
        let [a, b, c] = more;
        [
            ("BITBUCKET_BUILD_NUMBER", "7"),
            ("BITBUCKET_REPO_FULL_NAME", "acme/shop"),
            ("BITBUCKET_GIT_HTTP_ORIGIN", "https://bitbucket.org/acme/shop"),
            ("BITBUCKET_COMMIT", HEAD),
            a,
            b,
            c,
        ]
    };
    let none = ("UNUSED", "");
    let run = "run=https://bitbucket.org/acme/shop/pipelines/results/7";
    let push = told(with([("BITBUCKET_BRANCH", "main"), none, none]), None, &nothing());
    assert_eq!(push, format!("Bitbucket acme/shop Push HEAD branch=main {run}"));
    let tag = told(with([("BITBUCKET_TAG", "v1"), none, none]), None, &nothing());
    assert_eq!(tag, format!("Bitbucket acme/shop Tag HEAD tag=v1 {run}"));
    let pull = [
        ("BITBUCKET_BRANCH", "cart"),
        ("BITBUCKET_PR_ID", "7"),
        ("BITBUCKET_PR_DESTINATION_BRANCH", "main"),
    ];
    let pull = told(with(pull), None, &nothing());
    assert_eq!(
        pull,
        format!("Bitbucket acme/shop PullRequest HEAD branch=cart to=main pr=7 {run}")
    );
}

#[test]
fn buildkite_tells_of_branches_tags_and_pull_requests() {
    let with = |more: [(&'static str, &'static str); 4]| {
        let [a, b, c, d] = more;
        [
            ("BUILDKITE", "true"),
            ("BUILDKITE_REPO", "git@github.com:acme/shop.git"),
            ("BUILDKITE_MESSAGE", "Fix the cart"),
            ("BUILDKITE_COMMIT", HEAD),
            a,
            b,
            c,
            d,
        ]
    };
    let none = ("UNUSED", "");
    let not = ("BUILDKITE_PULL_REQUEST", "false");
    let push = told(with([("BUILDKITE_BRANCH", "main"), not, none, none]), None, &nothing());
    assert_eq!(push, "Buildkite acme/shop Push HEAD branch=main says=Fix the cart");
    let tag = told(
        with([("BUILDKITE_TAG", "v1"), ("BUILDKITE_BRANCH", "v1"), not, none]),
        None,
        &nothing(),
    );
    assert_eq!(tag, "Buildkite acme/shop Tag HEAD tag=v1 says=Fix the cart");
    let pull = [
        ("BUILDKITE_PULL_REQUEST", "7"),
        ("BUILDKITE_BRANCH", "eve:cart"),
        ("BUILDKITE_PULL_REQUEST_BASE_BRANCH", "main"),
        ("BUILDKITE_PULL_REQUEST_REPO", "https://github.com/eve/shop.git"),
    ];
    assert_eq!(
        told(with(pull), None, &nothing()),
        "Buildkite acme/shop PullRequest HEAD branch=cart to=main pr=7 says=Fix the cart FORK"
    );
}

#[test]
fn without_any_ci_git_alone_is_asked() {
    let head = Commit {
        sha: HEAD.into(),
        author: "Ada <ada@example.com>".into(),
        message: "Fix the cart".into(),
        ..Commit::default()
    };
    let mut checkout = Checkout {
        head: Some(head),
        branch: Some("main".into()),
        tag: Some("v1".into()),
        repository: Some("acme/shop".into()),
        top: None,
    };
    let commit = "by=Ada <ada@example.com> says=Fix the cart";
    let text = told([("PATH", "/bin")], None, &checkout);
    assert_eq!(text, format!("Git acme/shop Push HEAD branch=main tag=v1 {commit}"));
    checkout.branch = None;
    let text = told([("PATH", "/bin")], None, &checkout);
    assert_eq!(text, format!("Git acme/shop Tag HEAD tag=v1 {commit}"));
}
