//! Deliveries in the shapes that hosts document.

use gimlet_hosts::{
    Address, Delivery, Event, MAX_BODY, MAX_COMMITS, Provider, PullRequestAction, PullRequestState,
    Reference, Replays, Secret, WebhookError, receive,
};
use http::HeaderMap;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::fixture::{self, address, base64, headers, hex, mac, now, sha, text};

const SECRET: &str = "webhook-secret";

fn deliver(provider: Provider, headers: &HeaderMap, body: &str) -> Result<Delivery, WebhookError> {
    receive(provider, headers, body.as_bytes(), &Secret::new(SECRET), now())
}

fn github(event: &str, body: &str) -> Delivery {
    deliver(Provider::GitHub, &fixture::github(event, body.as_bytes(), SECRET), body).unwrap()
}

fn gitlab(file: &str) -> Delivery {
    let body = text(file);
    deliver(Provider::GitLab, &fixture::gitlab("Push Hook", SECRET), &body).unwrap()
}

#[test]
fn a_push_of_github_is_read() {
    let delivery = github("push", &text("github/hook_push.json"));
    assert_eq!(delivery.id, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let repository = delivery.repository.unwrap();
    assert_eq!(repository.full_name, "acme/shop");
    assert_eq!(repository.default_branch.as_deref(), Some("main"));
    assert!(repository.is(&address(Provider::GitHub)));
    assert!(!repository.is(&Address::parse("https://github.com/acme/other").unwrap()));
    let Event::Push(push) = delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(push.reference, Reference::Branch("feature/cart".into()));
    assert_eq!((push.before.as_ref(), push.after.as_ref()), (Some(&sha('1')), Some(&sha('2'))));
    assert_eq!((push.created(), push.deleted(), push.forced), (false, false, Some(true)));
    assert_eq!(push.pusher.as_deref(), Some("mia"));
    assert!(!push.truncated);
    let newest = &push.commits[1];
    assert_eq!(newest.sha, sha('2'));
    assert_eq!(newest.message, "Add the cart\n\n[DEPLOY: shop]");
    assert_eq!((newest.author.as_str(), newest.email.as_str()), ("Mia Meier", "mia@example.com"));
}

#[test]
fn a_deleted_tag_has_no_commit_afterwards() {
    let delivery = github("push", &text("github/hook_tag_deleted.json"));
    let Event::Push(push) = delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(push.reference, Reference::Tag("v1.2.0".into()));
    assert!(push.deleted() && !push.created());
    assert_eq!(push.after, None);
}

#[test]
fn pull_requests_of_github_are_read_and_forks_told() {
    let delivery = github("pull_request", &text("github/hook_pull_request.json"));
    let Event::PullRequest(request) = delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(request.action, PullRequestAction::Updated);
    assert_eq!((request.number, request.head_sha), (42, sha('2')));
    assert_eq!(
        (request.head_branch.as_str(), request.base_branch.as_str()),
        ("feature/cart", "main")
    );
    assert_eq!(request.head_repository.as_deref(), Some("acme/shop"));
    assert_eq!(request.author.as_deref(), Some("mia"));
    assert!(request.draft && !request.from_fork);
    assert_eq!(request.state, PullRequestState::Open);

    let delivery = github("pull_request", &text("github/hook_pull_request_fork.json"));
    let Event::PullRequest(request) = delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(request.action, PullRequestAction::Closed);
    assert_eq!(request.state, PullRequestState::Merged);
    assert!(request.from_fork);

    let mut gone: Value = serde_json::from_str(&text("github/hook_pull_request.json")).unwrap();
    gone["pull_request"]["head"]["repo"] = Value::Null;
    let delivery = github("pull_request", &gone.to_string());
    let Event::PullRequest(request) = delivery.event else { panic!("{:?}", delivery.event) };
    assert!(request.from_fork, "nobody knows whose it was");
    assert_eq!(request.head_repository, None);
}

#[test]
fn other_events_are_no_fault_but_their_signature_counts_too() {
    let body = text("github/hook_check_run.json");
    let delivery = github("check_run", &body);
    assert_eq!(delivery.event, Event::Other { name: "check_run".into() });
    assert_eq!(delivery.repository.unwrap().full_name, "acme/shop");
    let forged = fixture::github("check_run", body.as_bytes(), "another secret");
    let refused = deliver(Provider::GitHub, &forged, &body);
    assert_eq!(refused, Err(WebhookError::BadSignature));
    assert_eq!(github("ping", &text("github/hook_ping.json")).event, Event::Ping);
    assert_eq!(github("ping", "{}").repository, None);
}

#[test]
fn pushes_and_merge_requests_of_gitlab_are_read() {
    let delivery = gitlab("gitlab/hook_push.json");
    assert_eq!(delivery.id, "13792a34-cac6-4fda-95a8-c58e00a3954e");
    assert!(delivery.repository.unwrap().is(&address(Provider::GitLab)));
    let Event::Push(push) = delivery.event else { panic!("{:?}", delivery.event) };
    assert!(push.created());
    assert_eq!(push.forced, None);
    assert!(push.truncated, "one of 25 is listed");
    assert_eq!(push.commits[0].sha, sha('2'));

    let Event::Push(push) = gitlab("gitlab/hook_tag.json").event else { panic!("no push") };
    assert_eq!(push.reference, Reference::Tag("v1.2.0".into()));

    let delivery = gitlab("gitlab/hook_merge_request.json");
    let Event::PullRequest(request) = delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(request.action, PullRequestAction::Updated);
    assert_eq!((request.number, request.head_sha), (42, sha('2')));
    assert_eq!(request.head_repository.as_deref(), Some("acme/web/shop"));
    assert_eq!(request.author.as_deref(), Some("mia"));
    assert!(request.draft && !request.from_fork);

    let mut nobody: Value = serde_json::from_str(&text("gitlab/hook_merge_request.json")).unwrap();
    nobody["object_attributes"]["source"]["path_with_namespace"] = Value::Null;
    let body = nobody.to_string();
    let delivery = deliver(Provider::GitLab, &fixture::gitlab("Push Hook", SECRET), &body).unwrap();
    let Event::PullRequest(request) = delivery.event else { panic!("{:?}", delivery.event) };
    assert!(request.from_fork, "nobody knows whose it was");

    let pipeline = gitlab("gitlab/hook_pipeline.json").event;
    assert_eq!(pipeline, Event::Other { name: "pipeline".into() });
}

#[test]
fn pushes_and_deletions_of_gitea_are_read() {
    let body = text("gitea/hook_push.json");
    let headers = fixture::gitea("push", body.as_bytes(), SECRET);
    let delivery = deliver(Provider::Gitea, &headers, &body).unwrap();
    assert!(delivery.repository.unwrap().is(&address(Provider::Gitea)));
    let Event::Push(push) = delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(push.after, Some(sha('2')));

    let body = text("gitea/hook_delete.json");
    let headers = fixture::gitea("delete", body.as_bytes(), SECRET);
    let delivery = deliver(Provider::Gitea, &headers, &body).unwrap();
    let Event::Push(push) = delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(push.reference, Reference::Branch("feature/cart".into()));
    assert!(push.deleted() && !push.created());
}

#[test]
fn gitea_may_sign_in_the_way_of_github() {
    let body = text("gitea/hook_push.json");
    let signature = format!("sha256={}", hex(&mac(SECRET.as_bytes(), &[body.as_bytes()])));
    let headers = headers(&[
        ("content-type", "application/json; charset=utf-8"),
        ("x-forgejo-event", "push"),
        ("x-hub-signature-256", &signature),
    ]);
    let delivery = deliver(Provider::Gitea, &headers, &body).unwrap();
    assert!(delivery.id.starts_with("sha256:"), "{}", delivery.id);
}

#[test]
fn nothing_is_accepted_without_a_right_signature() {
    use Provider::{GitHub, GitLab, Gitea};
    let body = text("github/hook_push.json");
    let json = ("content-type", "application/json");
    let right = hex(&mac(SECRET.as_bytes(), &[body.as_bytes()]));
    let sha1 = format!("sha1={}", &right[..40]);
    let missing = |header| Err(WebhookError::MissingSignature { header });
    let wrong = Err(WebhookError::BadSignature);
    let with = |name: &str, value: &str| {
        headers(&[json, ("x-github-event", "push"), ("x-gitlab-event", "Push Hook"), (name, value)])
    };
    for (provider, headers, expected) in [
        (GitHub, with("x-other", "1"), missing("X-Hub-Signature-256")),
        (GitHub, with("x-hub-signature", &sha1), missing("X-Hub-Signature-256")),
        (GitHub, with("x-hub-signature-256", &right), wrong.clone()),
        (GitHub, with("x-hub-signature-256", "sha256="), wrong.clone()),
        (GitHub, with("x-hub-signature-256", &format!("sha256={}é", &right[..62])), wrong.clone()),
        (GitHub, with("x-hub-signature-256", &format!("sha256={}0", &right[..63])), wrong.clone()),
        (Gitea, with("x-other", "1"), missing("X-Gitea-Signature")),
        (Gitea, with("x-gitea-signature", ""), wrong.clone()),
        (Gitea, with("x-gitea-signature", &right[..62]), wrong.clone()),
        (GitLab, with("x-other", "1"), missing("X-Gitlab-Token")),
        (GitLab, with("x-gitlab-token", ""), missing("X-Gitlab-Token")),
        (GitLab, with("x-gitlab-token", "webhook-secre"), wrong.clone()),
        (GitLab, with("x-gitlab-token", "webhook-secret2"), wrong.clone()),
    ] {
        let delivery = deliver(provider, &headers, &body).map(|delivery| delivery.event);
        assert_eq!(delivery, expected, "{provider}: {headers:?}");
    }
}

#[test]
fn a_line_break_at_the_end_of_the_secret_is_no_part_of_it() {
    let body = text("github/hook_push.json");
    let headers = fixture::github("push", body.as_bytes(), SECRET);
    let secret = Secret::new(format!("{SECRET}\n"));
    assert!(receive(Provider::GitHub, &headers, body.as_bytes(), &secret, now()).is_ok());
}

#[test]
fn a_signature_that_is_there_twice_is_refused() {
    let body = text("github/hook_push.json");
    let mut headers = fixture::github("push", body.as_bytes(), SECRET);
    let again = headers.get("x-hub-signature-256").unwrap().clone();
    headers.append("x-hub-signature-256", again);
    assert_eq!(deliver(Provider::GitHub, &headers, &body), Err(WebhookError::BadSignature));
}

#[test]
fn an_empty_secret_lets_nothing_in_however_it_is_signed() {
    let body = text("github/hook_push.json");
    for secret in ["", " \n"] {
        for (provider, headers) in [
            (Provider::GitHub, fixture::github("push", body.as_bytes(), secret)),
            (Provider::Gitea, fixture::gitea("push", body.as_bytes(), secret)),
            (Provider::GitLab, headers(&[("x-gitlab-token", "")])),
        ] {
            let refused = receive(provider, &headers, body.as_bytes(), &Secret::new(secret), now());
            assert_eq!(refused, Err(WebhookError::NoSecret), "{provider}");
        }
    }
}

#[test]
fn signed_deliveries_of_gitlab_are_valid_for_five_minutes() {
    let body = text("gitlab/hook_push.json");
    let key = [7; 32];
    let secret = Secret::new(format!("whsec_{}", base64(&key)));
    let at = |seconds: i64| {
        let headers =
            fixture::gitlab_signed(body.as_bytes(), &key, "msg_1", now().as_second() + seconds);
        receive(Provider::GitLab, &headers, body.as_bytes(), &secret, now())
    };
    assert_eq!(at(0).unwrap().id, "msg_1");
    assert!(at(300).is_ok() && at(-300).is_ok());
    assert_eq!(at(301), Err(WebhookError::Stale));
    assert_eq!(at(-301), Err(WebhookError::Stale));
}

#[test]
fn what_a_signing_token_signs_can_not_be_exchanged() {
    let body = text("gitlab/hook_push.json");
    let key = [7; 32];
    let secret = format!("whsec_{}", base64(&key));
    let good = fixture::gitlab_signed(body.as_bytes(), &key, "msg_1", now().as_second());
    for (name, value) in
        [("webhook-id", "msg_2"), ("webhook-timestamp", "1800000001"), ("webhook-signature", "v1,")]
    {
        let mut headers = good.clone();
        headers.insert(name, value.parse().unwrap());
        let refused =
            receive(Provider::GitLab, &headers, body.as_bytes(), &Secret::new(&*secret), now());
        assert_eq!(refused, Err(WebhookError::BadSignature), "{name}");
    }
    // The token itself is not a signature.
    let headers = fixture::gitlab("Push Hook", &secret);
    let refused =
        receive(Provider::GitLab, &headers, body.as_bytes(), &Secret::new(&*secret), now());
    assert_eq!(refused, Err(WebhookError::MissingSignature { header: "webhook-signature" }));
    let broken = receive(Provider::GitLab, &good, body.as_bytes(), &Secret::new("whsec_%"), now());
    assert_eq!(broken, Err(WebhookError::InvalidSecret));
    let empty = receive(Provider::GitLab, &good, body.as_bytes(), &Secret::new("whsec_"), now());
    assert_eq!(empty, Err(WebhookError::NoSecret));
}

#[test]
fn nothing_is_parsed_before_the_signature_is_right() {
    let body = "this is { no json";
    let forged = fixture::github("push", body.as_bytes(), "another secret");
    assert_eq!(deliver(Provider::GitHub, &forged, body), Err(WebhookError::BadSignature));
    let signed = fixture::github("push", body.as_bytes(), SECRET);
    let error = deliver(Provider::GitHub, &signed, body).unwrap_err();
    assert_eq!((error.reason(), error.status()), ("Malformed", 400));
}

#[test]
fn forms_and_nameless_and_huge_deliveries_are_refused() {
    let body = text("github/hook_push.json");
    let mut form = fixture::github("push", body.as_bytes(), SECRET);
    form.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    let error = deliver(Provider::GitHub, &form, &body).unwrap_err();
    assert!(error.to_string().contains("application/json"), "{error}");
    let mut nameless = fixture::github("push", body.as_bytes(), SECRET);
    nameless.remove("x-github-event");
    let error = deliver(Provider::GitHub, &nameless, &body).unwrap_err();
    assert_eq!(error, WebhookError::MissingEvent { header: "x-github-event" });
    let huge = vec![b' '; MAX_BODY + 1];
    let headers = fixture::github("push", &huge, SECRET);
    let error =
        receive(Provider::GitHub, &headers, &huge, &Secret::new(SECRET), now()).unwrap_err();
    assert_eq!(error.status(), 413);
}

#[test]
fn only_the_newest_commits_of_a_large_push_are_kept() {
    let mut push: Value = serde_json::from_str(&text("github/hook_push.json")).unwrap();
    let commit = push["commits"][0].clone();
    let commits = (0..MAX_COMMITS + 10).map(|number| {
        let mut commit = commit.clone();
        commit["id"] = json!(format!("{:040x}", number + 1));
        commit["message"] = json!("ü".repeat(4000));
        commit
    });
    push["commits"] = commits.collect();
    let Event::Push(push) = github("push", &push.to_string()).event else { panic!("no push") };
    assert_eq!(push.commits.len(), MAX_COMMITS);
    assert!(push.truncated);
    assert_eq!(push.commits.last().unwrap().sha.as_str(), format!("{:040x}", MAX_COMMITS + 10));
    assert!(push.commits[0].message.len() <= 4096);
}

#[test]
fn names_that_git_does_not_allow_come_to_nothing() {
    let mut push: Value = serde_json::from_str(&text("github/hook_push.json")).unwrap();
    push["ref"] = json!("refs/heads/--upload-pack=x");
    let event = github("push", &push.to_string()).event;
    assert_eq!(event, Event::Other { name: "push".into() });
    let mut request: Value = serde_json::from_str(&text("github/hook_pull_request.json")).unwrap();
    request["pull_request"]["head"]["ref"] = json!("a..b");
    let body = request.to_string();
    let headers = fixture::github("pull_request", body.as_bytes(), SECRET);
    assert_eq!(deliver(Provider::GitHub, &headers, &body).unwrap_err().reason(), "Malformed");
}

#[test]
fn a_replay_under_another_id_is_seen() {
    let replays = Replays::new(100, SignedDuration::from_hours(1));
    let body = text("github/hook_push.json");
    let mut headers = fixture::github("push", body.as_bytes(), SECRET);
    let first = deliver(Provider::GitHub, &headers, &body).unwrap();
    assert!(!replays.seen("repo", &first, now()));
    headers.insert("x-github-delivery", "00000000-cc78-11e3-81ab-4c9367dc0958".parse().unwrap());
    let second = deliver(Provider::GitHub, &headers, &body).unwrap();
    assert_ne!(first.id, second.id);
    assert!(replays.seen("repo", &second, now()));
}

#[test]
fn two_equal_pushes_with_signed_ids_are_two_deliveries() {
    let replays = Replays::new(100, SignedDuration::from_hours(1));
    let body = text("gitlab/hook_push.json");
    let key = [7; 32];
    let secret = Secret::new(format!("whsec_{}", base64(&key)));
    let delivery = |id| {
        let headers = fixture::gitlab_signed(body.as_bytes(), &key, id, now().as_second());
        receive(Provider::GitLab, &headers, body.as_bytes(), &secret, now()).unwrap()
    };
    assert!(!replays.seen("repo", &delivery("msg_1"), now()));
    assert!(!replays.seen("repo", &delivery("msg_2"), now()));
    assert!(replays.seen("repo", &delivery("msg_1"), now()));
}
