//! The tables of GitHub Actions, and of those that speak as they do.

use serde_json::json;

use super::*;

const GITHUB: [(&str, &str); 5] = [
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_REPOSITORY", "acme/shop"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_RUN_ID", "77"),
    ("GITHUB_RUN_NUMBER", "7"),
];

fn github<const N: usize>(
    more: [(&'static str, &'static str); N],
) -> [(&'static str, &'static str); 12] {
    let mut all = [("UNUSED", ""); 12];
    all[..5].copy_from_slice(&GITHUB);
    all[5..5 + N].copy_from_slice(&more);
    all
}

#[test]
fn github_tells_of_pushes_and_tags() {
    let push = github([
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_SHA", HEAD),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_REF_TYPE", "branch"),
    ]);
    let payload = json!({"head_commit": {"id": HEAD, "message": "Fix the cart",
        "author": {"name": "Ada", "email": "ada@example.com"}}});
    assert_eq!(
        told(push, Some(&payload), &nothing()),
        "GitHub acme/shop Push HEAD branch=main by=Ada <ada@example.com> says=Fix the cart \
         run=https://github.com/acme/shop/actions/runs/77"
    );
    let tag = github([
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_SHA", HEAD),
        ("GITHUB_REF", "refs/tags/v1.2"),
        ("GITHUB_REF_NAME", "v1.2"),
        ("GITHUB_REF_TYPE", "tag"),
    ]);
    assert_eq!(
        told(tag, None, &nothing()),
        "GitHub acme/shop Tag HEAD tag=v1.2 run=https://github.com/acme/shop/actions/runs/77"
    );
}

#[test]
fn a_pull_request_of_github_is_its_head_and_never_the_trial_of_its_merge() {
    let env = github([
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_SHA", TRIAL),
        ("GITHUB_REF", "refs/pull/7/merge"),
        ("GITHUB_REF_NAME", "7/merge"),
        ("GITHUB_HEAD_REF", "cart"),
        ("GITHUB_BASE_REF", "main"),
    ]);
    let payload = |from: Value| {
        json!({"pull_request": {"number": 7, "title": "Cart", "user": {"login": "ada"},
            "head": {"sha": HEAD, "ref": "cart", "repo": from},
            "base": {"ref": "main", "repo": {"full_name": "acme/shop"}}}})
    };
    let own = payload(json!({"full_name": "acme/shop"}));
    let run = "run=https://github.com/acme/shop/actions/runs/77";
    let full = format!(
        "GitHub acme/shop PullRequest HEAD branch=cart to=main pr=7 by=ada says=Cart {run}"
    );
    assert_eq!(told(env, Some(&own), &nothing()), full);
    for from in [json!({"full_name": "eve/shop"}), Value::Null] {
        assert!(told(env, Some(&payload(from)), &nothing()).ends_with(" FORK"));
    }
    // Without a payload, git tells by the name of the trial.
    let checkout = trial(format!("Merge {HEAD} into {BASE}"), [BASE, HEAD]);
    assert_eq!(
        told(env, None, &checkout),
        format!("GitHub acme/shop PullRequest HEAD branch=cart to=main pr=7 {run}")
    );
}

#[test]
fn a_run_after_a_run_is_of_what_that_one_built() {
    let env = github([
        ("GITHUB_EVENT_NAME", "workflow_run"),
        ("GITHUB_SHA", BASE),
        ("GITHUB_REF", "refs/heads/main"),
    ]);
    let payload = json!({"workflow_run": {"head_sha": HEAD, "head_branch": "cart",
        "head_repository": {"full_name": "eve/shop"}}});
    let text = told(env, Some(&payload), &nothing());
    assert!(
        text.starts_with("GitHub acme/shop Push HEAD branch=cart") && text.ends_with("FORK"),
        "{text}"
    );
}

#[test]
fn gitea_and_forgejo_speak_as_github_does() {
    for flavour in ["GITEA_ACTIONS", "FORGEJO_ACTIONS"] {
        let env = [
            ("GITHUB_ACTIONS", "true"),
            (flavour, "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_SERVER_URL", "https://git.example.com"),
            ("GITHUB_RUN_ID", "900"),
            ("GITHUB_RUN_NUMBER", "7"),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_SHA", HEAD),
            ("GITHUB_REF", "refs/heads/main"),
        ];
        assert_eq!(
            told(env, None, &nothing()),
            "Gitea acme/shop Push HEAD branch=main run=https://git.example.com/acme/shop/actions/runs/7"
        );
    }
}
