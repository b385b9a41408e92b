//! Bodies of GitHub; those of Gitea have the same form.

use serde::Deserialize;

use super::event::{
    Event, MAX_COMMITS, NamedRepository, PullRequestAction, PullRequestEvent, Push, PushedCommit,
};
use super::{WebhookError, malformed};
use crate::model::PullRequestState;
use crate::provider::Provider;
use crate::reference::{Head, Reference, is_ref_name};
use crate::sha::Sha;
use crate::text::cut;

type Read = (Event, Option<NamedRepository>);

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    clone_url: Option<String>,
    ssh_url: Option<String>,
    html_url: Option<String>,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Pushed {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    forced: Option<bool>,
    commits: Option<Vec<Commit>>,
    total_commits: Option<usize>,
    repository: Repository,
    sender: Option<User>,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
    message: String,
    url: Option<String>,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Deleted {
    #[serde(rename = "ref")]
    reference: String,
    ref_type: String,
    repository: Repository,
    sender: Option<User>,
}

#[derive(Deserialize)]
struct PullRequested {
    action: String,
    pull_request: PullRequest,
    repository: Repository,
}

#[derive(Deserialize)]
struct PullRequest {
    number: u64,
    title: String,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    merged: bool,
    user: Option<User>,
    head: End,
    base: End,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    reference: String,
    label: Option<String>,
    sha: String,
    repo: Option<EndRepository>,
}

#[derive(Deserialize)]
struct EndRepository {
    full_name: String,
}

/// Reads a body by the name of its event.
pub(super) fn read(provider: Provider, event: &str, body: &[u8]) -> Result<Read, WebhookError> {
    match event {
        "push" => push(parse(event, body)?),
        "pull_request" => pull_request(parse(event, body)?),
        // GitHub sends a push for this too; Gitea does for tags, but not for every branch.
        "delete" if provider == Provider::Gitea => deleted(parse(event, body)?),
        "ping" => Ok((Event::Ping, parse::<Named>(event, body)?.repository.map(named))),
        _ => Ok(other(event, parse(event, body)?)),
    }
}

fn parse<'a, T: Deserialize<'a>>(event: &str, body: &'a [u8]) -> Result<T, WebhookError> {
    serde_json::from_slice(body).map_err(|error| malformed(event, &error))
}

fn other(event: &str, body: Named) -> Read {
    (Event::Other { name: event.to_owned() }, body.repository.map(named))
}

fn push(body: Pushed) -> Result<Read, WebhookError> {
    let Pushed { reference, before, after, forced, commits, total_commits, repository, sender } =
        body;
    let sha = |text: &str| Sha::parse_or_none(text).map_err(|error| malformed("push", &error));
    let (before, after) = (sha(&before)?, sha(&after)?);
    let Some(reference) = Reference::parse(&reference) else {
        return Ok((Event::Other { name: "push".to_owned() }, Some(named(repository))));
    };
    let mut listed = commits.unwrap_or_default();
    let total = total_commits.unwrap_or(listed.len());
    let commits: Vec<PushedCommit> = listed
        .drain(listed.len().saturating_sub(MAX_COMMITS)..)
        .map(commit)
        .collect::<Result<_, _>>()?;
    let truncated = commits.len() < total;
    let pusher = sender.map(|user| user.login);
    let push = Push { reference, before, after, forced, commits, truncated, pusher };
    Ok((Event::Push(push), Some(named(repository))))
}

fn commit(commit: Commit) -> Result<PushedCommit, WebhookError> {
    let Commit { id, message, url, author } = commit;
    let (author, email) = author.map(|a| (a.name, a.email)).unwrap_or_default();
    Ok(PushedCommit {
        sha: Sha::parse(&id).map_err(|error| malformed("push", &error))?,
        message: cut(&message, 4096).to_owned(),
        author: author.unwrap_or_default(),
        email: email.unwrap_or_default(),
        url,
    })
}

fn deleted(body: Deleted) -> Result<Read, WebhookError> {
    let Deleted { reference, ref_type, repository, sender } = body;
    let folder = if ref_type == "tag" { "refs/tags" } else { "refs/heads" };
    let full =
        if reference.starts_with("refs/") { reference } else { format!("{folder}/{reference}") };
    let reference =
        Reference::parse(&full).ok_or_else(|| malformed("delete", &"the name is not allowed"))?;
    let push = Push {
        reference,
        before: None,
        after: None,
        forced: None,
        commits: Vec::new(),
        truncated: false,
        pusher: sender.map(|user| user.login),
    };
    Ok((Event::Push(push), Some(named(repository))))
}

fn pull_request(body: PullRequested) -> Result<Read, WebhookError> {
    let PullRequested { action, pull_request, repository } = body;
    let PullRequest { number, title, html_url, state, draft, merged, user, head, base } =
        pull_request;
    let Head { branch, loose } = Head::new(head.reference, head.label.as_deref());
    if !is_ref_name(&branch) || !is_ref_name(&base.reference) {
        return Err(malformed("pull_request", &"the name of its branch is not allowed"));
    }
    let head_repository = head.repo.map(|repository| repository.full_name);
    let event = PullRequestEvent {
        action: match action.as_str() {
            "opened" => PullRequestAction::Opened,
            "reopened" => PullRequestAction::Reopened,
            "synchronize" | "synchronized" => PullRequestAction::Updated,
            "edited" | "ready_for_review" | "converted_to_draft" => PullRequestAction::Edited,
            "closed" => PullRequestAction::Closed,
            other => PullRequestAction::Other(cut(other, 64).to_owned()),
        },
        number,
        title,
        url: html_url,
        author: user.map(|user| user.login),
        head_sha: Sha::parse(&head.sha).map_err(|error| malformed("pull_request", &error))?,
        head_branch: branch,
        from_fork: loose || head_repository.as_deref() != Some(repository.full_name.as_str()),
        head_repository,
        base_branch: base.reference,
        draft,
        state: match state.as_str() {
            _ if merged => PullRequestState::Merged,
            "closed" => PullRequestState::Closed,
            _ => PullRequestState::Open,
        },
    };
    Ok((Event::PullRequest(event), Some(named(repository))))
}

fn named(repository: Repository) -> NamedRepository {
    let Repository { full_name, clone_url, ssh_url, html_url, default_branch } = repository;
    let clone_urls = [clone_url, ssh_url].into_iter().flatten().collect();
    NamedRepository { full_name, clone_urls, url: html_url, default_branch }
}
