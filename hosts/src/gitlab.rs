//! GitLab, whose pull requests are merge requests.

mod deployments;
mod files;
mod project;
mod shapes;

use async_trait::async_trait;
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::client::{Answer, Call, Client, Task};
use crate::error::HostError;
use crate::file::{File, FileChange, Written};
use crate::host::Host;
use crate::model::{
    Branch, Comment, Commit, CommitStatuses, Deployment, DeploymentSearch, DeploymentUpdate,
    MergeMethod, NewDeployKey, NewDeployment, NewPullRequest, NewRepository, NewStatus, Page,
    PullRequest, PullRequestChange, PullRequestState, RepositoryInfo, StatusState, Tag,
};
use crate::provider::Provider;
use crate::reference::check_branch;
use crate::sha::Sha;
use crate::text::shorten;
use shapes::{
    BranchShape, CommitShape, MergeRequestShape, NoteShape, ProjectShape, Shape, StatusShape,
    TagShape,
};

const DESCRIPTION: usize = 140;

const fn task(doing: &'static str, right: &'static str) -> Task {
    Task { doing, right }
}

const READ: &str = "read_api, and the role Reporter";
const WRITE: &str = "api, and the role Developer";

const READ_PROJECT: Task = task("read the project", READ);
const READ_STATUSES: Task = task("read commit statuses", READ);
const WRITE_STATUSES: Task = task("set a commit status", WRITE);
const READ_REQUESTS: Task = task("read merge requests", READ);
const WRITE_REQUESTS: Task = task("write merge requests", WRITE);
const MERGE: Task = task("merge a merge request", "api, and a role that may merge into the branch");
const COMMENTS: Task = task("write comments", "api, and the role Reporter");
const DELETE: Task = task("delete a branch", WRITE);
const ACCOUNT: Task = task("read the token's account", "read_user");

/// A project at GitLab.
pub(crate) struct GitLab {
    client: Client,
    /// Groups and name, with slashes, as a single part of an address.
    project: String,
}

impl GitLab {
    /// Stands for the project with these groups and name.
    pub(crate) fn new(client: Client, names: &[String]) -> Self {
        Self { client, project: names.join("/") }
    }

    fn call<'a>(&'a self, method: Method, rest: &[&'a str], task: Task, what: &str) -> Call<'a> {
        let path = ["projects", &self.project].into_iter().chain(rest.iter().copied());
        let what = if what.is_empty() { String::new() } else { format!("{what} in ") };
        Call::new(method, path.collect(), task, &format!("{what}project {}", self.project))
    }

    fn get<'a>(&'a self, rest: &[&'a str], task: Task, what: &str) -> Call<'a> {
        self.call(Method::GET, rest, task, what)
    }

    async fn one<S: Shape + DeserializeOwned>(
        &self,
        call: Call<'_>,
    ) -> Result<S::Model, HostError> {
        let answer = self.client.send(call).await?;
        model::<S>(&answer, answer.json()?)
    }

    async fn list<S: Shape + DeserializeOwned>(
        &self,
        call: Call<'_>,
        page: u32,
    ) -> Result<Page<S::Model>, HostError> {
        let (answer, next) = self.client.page(call, page).await?;
        Ok(Page { items: models::<S>(&answer)?, next })
    }

    async fn whole<S: Shape + DeserializeOwned>(
        &self,
        call: Call<'_>,
        what: &'static str,
    ) -> Result<Vec<S::Model>, HostError> {
        let answers = self.client.pages(call, what).await?;
        let mut items = Vec::new();
        for answer in &answers {
            items.extend(models::<S>(answer)?);
        }
        Ok(items)
    }

    /// Tells something that is not there from a project that can not be seen.
    async fn is_missing<T>(&self) -> Result<Option<T>, HostError> {
        self.repository().await.map(|_| None)
    }
}

fn model<S: Shape>(answer: &Answer, shape: S) -> Result<S::Model, HostError> {
    shape.model().map_err(|error| answer.invalid(&error))
}

fn models<S: Shape + DeserializeOwned>(answer: &Answer) -> Result<Vec<S::Model>, HostError> {
    let shapes: Vec<S> = answer.json()?;
    shapes.into_iter().filter(Shape::is_whole).map(|shape| model(answer, shape)).collect()
}

fn request(number: &str) -> String {
    format!("merge request {number}")
}

#[async_trait]
impl Host for GitLab {
    fn provider(&self) -> Provider {
        Provider::GitLab
    }

    async fn repository(&self) -> Result<RepositoryInfo, HostError> {
        self.one::<ProjectShape>(self.get(&[], READ_PROJECT, "")).await
    }

    async fn create(&self, new: &NewRepository) -> Result<RepositoryInfo, HostError> {
        project::create(self, new).await
    }

    async fn add_deploy_key(&self, new: &NewDeployKey) -> Result<(), HostError> {
        project::add_deploy_key(self, new).await
    }

    async fn remove_deploy_key(&self, key: &str) -> Result<bool, HostError> {
        project::remove_deploy_key(self, key).await
    }

    async fn branches(&self, page: u32) -> Result<Page<Branch>, HostError> {
        self.list::<BranchShape>(self.get(&["repository", "branches"], READ_PROJECT, ""), page)
            .await
    }

    async fn tags(&self, page: u32) -> Result<Page<Tag>, HostError> {
        self.list::<TagShape>(self.get(&["repository", "tags"], READ_PROJECT, ""), page).await
    }

    async fn commits(&self, branch: &str, page: u32) -> Result<Page<Commit>, HostError> {
        let what = format!("branch {branch}");
        let call = self.get(&["repository", "commits"], READ_PROJECT, &what);
        self.list::<CommitShape>(call.query("ref_name", branch), page).await
    }

    async fn commit(&self, sha: &Sha) -> Result<Commit, HostError> {
        let path = ["repository", "commits", sha.as_str()];
        let call = self.get(&path, READ_PROJECT, &format!("commit {sha}"));
        self.one::<CommitShape>(call.query("stats", "false")).await
    }

    async fn statuses(&self, sha: &Sha) -> Result<CommitStatuses, HostError> {
        let path = ["repository", "commits", sha.as_str(), "statuses"];
        let call = self.get(&path, READ_STATUSES, &format!("commit {sha}"));
        let items = self.whole::<StatusShape>(call, "the list of statuses").await?;
        Ok(CommitStatuses { items, incomplete: None })
    }

    async fn pull_requests(&self, page: u32) -> Result<Page<PullRequest>, HostError> {
        let call = self.get(&["merge_requests"], READ_REQUESTS, "").query("state", "opened");
        self.list::<MergeRequestShape>(call, page).await
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest, HostError> {
        let number = number.to_string();
        let call = self.get(&["merge_requests", &number], READ_REQUESTS, &request(&number));
        self.one::<MergeRequestShape>(call).await
    }

    async fn find_pull_request(&self, head: &str) -> Result<Option<PullRequest>, HostError> {
        let call = self.get(&["merge_requests"], READ_REQUESTS, "");
        let call = call.query("state", "opened").query("source_branch", head);
        let open = self.whole::<MergeRequestShape>(call, "the list of merge requests").await?;
        Ok(open.into_iter().find(|found| found.head_branch == head && !found.from_fork))
    }

    async fn set_commit_status(&self, sha: &Sha, status: &NewStatus) -> Result<(), HostError> {
        let NewStatus { context, state, description, url } = status;
        let mut body = json!({
            "name": context,
            "state": match state {
                StatusState::Pending => "pending",
                StatusState::Success | StatusState::Skipped => "success",
                StatusState::Failure | StatusState::Error => "failed",
            },
            "description": shorten(description, DESCRIPTION),
        });
        if let Some(url) = url {
            body["target_url"] = json!(url);
        }
        let path = ["statuses", sha.as_str()];
        let call = self.call(Method::POST, &path, WRITE_STATUSES, &format!("commit {sha}"));
        let answer = self.client.exchange(call.body(body)).await?;
        // It has that state already, which older versions refuse to be told again.
        if answer.status() == 400 && answer.detail().contains("Cannot transition status") {
            return Ok(());
        }
        answer.success().map(|_| ())
    }

    async fn create_pull_request(&self, new: &NewPullRequest) -> Result<PullRequest, HostError> {
        let NewPullRequest { head, base, title, body } = new;
        let call = self.call(Method::POST, &["merge_requests"], WRITE_REQUESTS, "");
        let call = call.body(json!({
            "source_branch": head, "target_branch": base, "title": title, "description": body,
        }));
        let answer = self.client.exchange(call).await?;
        if answer.status() == 409 {
            return Err(HostError::Exists { what: format!("a merge request for branch {head}") });
        }
        let answer = answer.success()?;
        model::<MergeRequestShape>(&answer, answer.json()?)
    }

    async fn update_pull_request(
        &self,
        number: u64,
        change: &PullRequestChange,
    ) -> Result<PullRequest, HostError> {
        let PullRequestChange { title, body, base } = change;
        let fields = [("title", title), ("description", body), ("target_branch", base)];
        let fields = fields.iter().filter_map(|(name, value)| {
            value.as_ref().map(|value| ((*name).to_owned(), json!(value)))
        });
        let number = number.to_string();
        let path = ["merge_requests", &number];
        let call = self.call(Method::PUT, &path, WRITE_REQUESTS, &request(&number));
        let body = serde_json::Value::Object(fields.collect());
        self.one::<MergeRequestShape>(call.body(body)).await
    }

    async fn close_pull_request(&self, number: u64) -> Result<(), HostError> {
        let number = number.to_string();
        let path = ["merge_requests", &number];
        let call = self.call(Method::PUT, &path, WRITE_REQUESTS, &request(&number));
        self.client.send(call.body(json!({"state_event": "close"}))).await.map(|_| ())
    }

    async fn merge_pull_request(
        &self,
        number: u64,
        sha: &Sha,
        method: MergeMethod,
    ) -> Result<(), HostError> {
        if method == MergeMethod::Rebase {
            let what = "choice of rebasing for a single merge: set the project's merge method";
            return Err(HostError::Unsupported { provider: Provider::GitLab, what });
        }
        let text = number.to_string();
        let path = ["merge_requests", &text, "merge"];
        let call = self.call(Method::PUT, &path, MERGE, &request(&text));
        let squash = method == MergeMethod::Squash;
        let call = call.body(json!({"sha": sha.as_str(), "squash": squash}));
        let answer = self.client.exchange(call).await?;
        if !matches!(answer.status(), 405 | 406 | 409 | 422) {
            return answer.success().map(|_| ());
        }
        let now = self.pull_request(number).await?;
        if now.head_sha != *sha {
            return Err(HostError::HeadChanged { number });
        }
        if now.state == PullRequestState::Merged {
            return Ok(());
        }
        Err(HostError::NotMergeable { number, detail: answer.detail().to_owned() })
    }

    async fn comments(&self, number: u64) -> Result<Vec<Comment>, HostError> {
        let number = number.to_string();
        let path = ["merge_requests", &number, "notes"];
        let call = self.get(&path, READ_REQUESTS, &request(&number));
        let call = call.query("sort", "asc").query("order_by", "created_at");
        self.whole::<NoteShape>(call, "the list of comments").await
    }

    async fn create_comment(&self, number: u64, body: &str) -> Result<Comment, HostError> {
        let number = number.to_string();
        let path = ["merge_requests", &number, "notes"];
        let call = self.call(Method::POST, &path, COMMENTS, &request(&number));
        self.one::<NoteShape>(call.body(json!({"body": body}))).await
    }

    async fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<Comment, HostError> {
        let (number, id) = (number.to_string(), id.to_string());
        let path = ["merge_requests", &number, "notes", &id];
        let what = format!("comment {id} of merge request {number}");
        let call = self.call(Method::PUT, &path, COMMENTS, &what);
        self.one::<NoteShape>(call.body(json!({"body": body}))).await
    }

    async fn branch(&self, name: &str) -> Result<Option<Sha>, HostError> {
        files::branch(self, name).await
    }

    async fn create_branch(&self, name: &str, at: &Sha) -> Result<(), HostError> {
        files::create_branch(self, name, at).await
    }

    async fn file(&self, at: &str, path: &str) -> Result<Option<File>, HostError> {
        files::file(self, at, path).await
    }

    async fn file_commits(&self, branch: &str, path: &str) -> Result<Vec<Commit>, HostError> {
        files::commits(self, branch, path).await
    }

    async fn write_file(&self, change: &FileChange) -> Result<Written, HostError> {
        files::write(self, change).await
    }

    async fn delete_branch(&self, branch: &str) -> Result<bool, HostError> {
        check_branch(branch)?;
        let path = ["repository", "branches", branch];
        let call = self.call(Method::DELETE, &path, DELETE, &format!("branch {branch}"));
        let answer = self.client.exchange(call).await?;
        if answer.status() == 404 {
            // Tells a branch that is gone from a project that can not be seen.
            return self.repository().await.map(|_| false);
        }
        answer.success().map(|_| true)
    }

    async fn find_deployment(
        &self,
        search: &DeploymentSearch,
    ) -> Result<Option<Deployment>, HostError> {
        deployments::find(self, search).await
    }

    async fn create_deployment(&self, new: &NewDeployment) -> Result<u64, HostError> {
        deployments::create(self, new).await
    }

    async fn update_deployment(&self, id: u64, update: &DeploymentUpdate) -> Result<(), HostError> {
        deployments::update(self, id, update).await
    }

    async fn account(&self) -> Result<Option<String>, HostError> {
        let call = Call::get(vec!["user"], ACCOUNT, "account of the token");
        self.client.account(call, "username").await
    }
}
