//! Bodies of GitLab.

use serde::Deserialize;

use super::event::{
    Event, MAX_COMMITS, NamedRepository, PullRequestAction, PullRequestEvent, Push, PushedCommit,
};
use super::{WebhookError, malformed};
use crate::model::PullRequestState;
use crate::reference::{Reference, is_ref_name};
use crate::sha::Sha;
use crate::text::cut;

type Read = (Event, Option<NamedRepository>);

#[derive(Deserialize)]
struct Kind {
    object_kind: Option<String>,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    path_with_namespace: Option<String>,
    git_http_url: Option<String>,
    git_ssh_url: Option<String>,
    web_url: Option<String>,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct Pushed {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    commits: Option<Vec<Commit>>,
    total_commits_count: Option<usize>,
    user_username: Option<String>,
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
struct MergeRequested {
    user: Option<User>,
    object_attributes: MergeRequest,
}

#[derive(Deserialize)]
struct User {
    id: Option<u64>,
    username: Option<String>,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    title: String,
    url: String,
    state: String,
    action: Option<String>,
    oldrev: Option<String>,
    draft: Option<bool>,
    work_in_progress: Option<bool>,
    author_id: Option<u64>,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: Option<u64>,
    source: Option<Project>,
    last_commit: Option<LastCommit>,
}

#[derive(Deserialize)]
struct LastCommit {
    id: String,
}

/// Reads a body; what it says of itself counts, for the header is not signed.
pub(super) fn read(event: &str, body: &[u8]) -> Result<Read, WebhookError> {
    let Kind { object_kind, project } = parse(event, body)?;
    let repository = project.and_then(named);
    let event = match object_kind.as_deref() {
        Some(kind @ ("push" | "tag_push")) => push(kind, parse(kind, body)?)?,
        Some("merge_request") => merge_request(parse("merge_request", body)?)?,
        Some(kind) => Event::Other { name: cut(kind, 64).to_owned() },
        None => Event::Other { name: event.to_owned() },
    };
    Ok((event, repository))
}

fn parse<'a, T: Deserialize<'a>>(event: &str, body: &'a [u8]) -> Result<T, WebhookError> {
    serde_json::from_slice(body).map_err(|error| malformed(event, &error))
}

fn push(kind: &str, body: Pushed) -> Result<Event, WebhookError> {
    let Pushed { reference, before, after, commits, total_commits_count, user_username } = body;
    let sha = |text: &str| Sha::parse_or_none(text).map_err(|error| malformed(kind, &error));
    let (before, after) = (sha(&before)?, sha(&after)?);
    let Some(reference) = Reference::parse(&reference) else {
        return Ok(Event::Other { name: kind.to_owned() });
    };
    let mut listed = commits.unwrap_or_default();
    let total = total_commits_count.unwrap_or(listed.len());
    let commits: Vec<PushedCommit> = listed
        .drain(listed.len().saturating_sub(MAX_COMMITS)..)
        .map(|listed| commit(kind, listed))
        .collect::<Result<_, _>>()?;
    let truncated = commits.len() < total;
    let pusher = user_username;
    Ok(Event::Push(Push { reference, before, after, forced: None, commits, truncated, pusher }))
}

fn commit(kind: &str, commit: Commit) -> Result<PushedCommit, WebhookError> {
    let Commit { id, message, url, author } = commit;
    let (author, email) = author.map(|a| (a.name, a.email)).unwrap_or_default();
    Ok(PushedCommit {
        sha: Sha::parse(&id).map_err(|error| malformed(kind, &error))?,
        message: cut(&message, 4096).to_owned(),
        author: author.unwrap_or_default(),
        email: email.unwrap_or_default(),
        url,
    })
}

fn merge_request(body: MergeRequested) -> Result<Event, WebhookError> {
    const KIND: &str = "merge_request";
    let MergeRequested { user, object_attributes: request } = body;
    let Some(last) = request.last_commit else {
        // Its branch has no commit of its own yet.
        return Ok(Event::Other { name: KIND.to_owned() });
    };
    if !is_ref_name(&request.source_branch) || !is_ref_name(&request.target_branch) {
        return Err(malformed(KIND, &"the name of its branch is not allowed"));
    }
    // Only whoever acts is named, which need not be the author.
    let author = user
        .filter(|user| user.id.is_some() && user.id == request.author_id)
        .and_then(|user| user.username);
    let same = request.source_project_id.is_some()
        && request.source_project_id == request.target_project_id;
    let head_repository = request.source.and_then(|source| source.path_with_namespace);
    Ok(Event::PullRequest(PullRequestEvent {
        action: match request.action.as_deref().unwrap_or_default() {
            "open" => PullRequestAction::Opened,
            "reopen" => PullRequestAction::Reopened,
            "update" if request.oldrev.is_some() => PullRequestAction::Updated,
            "update" => PullRequestAction::Edited,
            "close" | "merge" => PullRequestAction::Closed,
            other => PullRequestAction::Other(cut(other, 64).to_owned()),
        },
        number: request.iid,
        title: request.title,
        url: request.url,
        author,
        head_sha: Sha::parse(&last.id).map_err(|error| malformed(KIND, &error))?,
        head_branch: request.source_branch,
        // Numbers without a name are not enough to be trusted.
        from_fork: !same || head_repository.is_none(),
        head_repository,
        base_branch: request.target_branch,
        draft: request.draft.or(request.work_in_progress).unwrap_or_default(),
        state: match request.state.as_str() {
            "merged" => PullRequestState::Merged,
            "closed" => PullRequestState::Closed,
            _ => PullRequestState::Open,
        },
    }))
}

fn named(project: Project) -> Option<NamedRepository> {
    let Project { path_with_namespace, git_http_url, git_ssh_url, web_url, default_branch } =
        project;
    let clone_urls = [git_http_url, git_ssh_url].into_iter().flatten().collect();
    Some(NamedRepository {
        full_name: path_with_namespace?,
        clone_urls,
        url: web_url,
        default_branch,
    })
}
