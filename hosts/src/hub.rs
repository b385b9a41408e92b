//! GitHub, and Gitea, whose API was made after GitHub's.

mod files;
mod gitea;
mod github;
mod repository;
mod rights;
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
use rights::Rights;
use shapes::{BranchShape, CommentShape, CommitShape, PullShape, RepositoryShape, Shape, TagShape};

/// The longest description of a status that GitHub takes, in characters.
const DESCRIPTION: usize = 140;

/// A repository at GitHub or Gitea.
pub(crate) struct Hub {
    client: Client,
    owner: String,
    name: String,
    rights: &'static Rights,
}

impl Hub {
    /// Stands for the repository with an owner and a name.
    pub(crate) fn new(client: Client, names: &[String]) -> Self {
        let rights = match client.provider() {
            Provider::Gitea => &rights::GITEA,
            Provider::GitHub | Provider::GitLab => &rights::GITHUB,
        };
        let name = |at: usize| names.get(at).cloned().unwrap_or_default();
        Self { client, owner: name(0), name: name(1), rights }
    }

    fn is_gitea(&self) -> bool {
        self.client.provider() == Provider::Gitea
    }

    fn call<'a>(&'a self, method: Method, rest: &[&'a str], task: Task, what: &str) -> Call<'a> {
        let path = ["repos", &self.owner, &self.name].into_iter().chain(rest.iter().copied());
        let what = if what.is_empty() { String::new() } else { format!("{what} in ") };
        let what = format!("{what}repository {}/{}", self.owner, self.name);
        Call::new(method, path.collect(), task, &what)
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
        let items = models::<S>(&answer)?;
        let next = next.or_else(|| gitea::next_of(page, items.len(), answer.total()));
        Ok(Page { items, next })
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

    /// Says why a merge was refused, unless it was done already.
    async fn not_merged(&self, number: u64, sha: &Sha, answer: &Answer) -> Result<(), HostError> {
        let now = self.pull_request(number).await?;
        if now.head_sha != *sha {
            return Err(HostError::HeadChanged { number });
        }
        if now.state == PullRequestState::Merged {
            return Ok(());
        }
        Err(HostError::NotMergeable { number, detail: answer.detail().to_owned() })
    }

    /// Tells something that is not there from a repository that can not be seen.
    async fn is_missing<T>(&self) -> Result<Option<T>, HostError> {
        self.repository().await.map(|_| None)
    }

    /// Tells a branch that is gone from a repository that can not be seen.
    async fn branch_is_gone(&self) -> Result<bool, HostError> {
        self.repository().await.map(|_| false)
    }
}

fn model<S: Shape>(answer: &Answer, shape: S) -> Result<S::Model, HostError> {
    shape.model().map_err(|error| answer.invalid(&error))
}

fn models<S: Shape + DeserializeOwned>(answer: &Answer) -> Result<Vec<S::Model>, HostError> {
    // Gitea writes null for an empty list here and there.
    let shapes: Option<Vec<S>> = answer.json()?;
    shapes.unwrap_or_default().into_iter().map(|shape| model(answer, shape)).collect()
}

fn pull(number: &str) -> String {
    format!("pull request {number}")
}

#[async_trait]
impl Host for Hub {
    fn provider(&self) -> Provider {
        self.client.provider()
    }

    async fn repository(&self) -> Result<RepositoryInfo, HostError> {
        self.one::<RepositoryShape>(self.get(&[], self.rights.read, "")).await
    }

    async fn create(&self, new: &NewRepository) -> Result<RepositoryInfo, HostError> {
        repository::create(self, new).await
    }

    async fn add_deploy_key(&self, new: &NewDeployKey) -> Result<(), HostError> {
        repository::add_deploy_key(self, new).await
    }

    async fn remove_deploy_key(&self, key: &str) -> Result<bool, HostError> {
        repository::remove_deploy_key(self, key).await
    }

    async fn branches(&self, page: u32) -> Result<Page<Branch>, HostError> {
        self.list::<BranchShape>(self.get(&["branches"], self.rights.read, ""), page).await
    }

    async fn tags(&self, page: u32) -> Result<Page<Tag>, HostError> {
        self.list::<TagShape>(self.get(&["tags"], self.rights.read, ""), page).await
    }

    async fn commits(&self, branch: &str, page: u32) -> Result<Page<Commit>, HostError> {
        let what = format!("branch {branch}");
        let mut call = self.get(&["commits"], self.rights.read, &what).query("sha", branch);
        if self.is_gitea() {
            call = gitea::plain(call);
        }
        self.list::<CommitShape>(call, page).await
    }

    async fn commit(&self, sha: &Sha) -> Result<Commit, HostError> {
        let what = format!("commit {sha}");
        let call = self.get(&["git", "commits", sha.as_str()], self.rights.read, &what);
        if self.is_gitea() {
            return self.one::<CommitShape>(gitea::plain(call)).await;
        }
        // The other way to a commit of GitHub's has all of its changed files in it.
        self.one::<shapes::GitCommitShape>(call).await
    }

    async fn statuses(&self, sha: &Sha) -> Result<CommitStatuses, HostError> {
        let what = format!("commit {sha}");
        let call = self.get(&["commits", sha.as_str(), "status"], self.rights.read_statuses, &what);
        let mut items = Vec::new();
        for answer in self.client.pages(call, "the list of statuses").await? {
            let shape: shapes::CombinedShape = answer.json()?;
            items.extend(
                shape.statuses.unwrap_or_default().into_iter().map(shapes::StatusShape::model),
            );
        }
        if self.is_gitea() {
            return Ok(CommitStatuses { items, incomplete: None });
        }
        let incomplete = match github::check_runs(self, sha).await {
            Ok(runs) => {
                items.extend(runs);
                None
            }
            Err(error @ HostError::Forbidden { .. }) => Some(error.to_string()),
            Err(error) => return Err(error),
        };
        Ok(CommitStatuses { items, incomplete })
    }

    async fn pull_requests(&self, page: u32) -> Result<Page<PullRequest>, HostError> {
        let call = self.get(&["pulls"], self.rights.read_pulls, "").query("state", "open");
        self.list::<PullShape>(call, page).await
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest, HostError> {
        let number = number.to_string();
        let call = self.get(&["pulls", &number], self.rights.read_pulls, &pull(&number));
        self.one::<PullShape>(call).await
    }

    async fn find_pull_request(&self, head: &str) -> Result<Option<PullRequest>, HostError> {
        let mut call = self.get(&["pulls"], self.rights.read_pulls, "").query("state", "open");
        if !self.is_gitea() {
            call = call.query("head", format!("{}:{head}", self.owner));
        }
        let open = self.whole::<PullShape>(call, "the list of pull requests").await?;
        Ok(open.into_iter().find(|found| found.head_branch == head && !found.from_fork))
    }

    async fn set_commit_status(&self, sha: &Sha, status: &NewStatus) -> Result<(), HostError> {
        let NewStatus { context, state, description, url } = status;
        let body = json!({
            "context": context,
            "state": match state {
                StatusState::Pending => "pending",
                StatusState::Success | StatusState::Skipped => "success",
                StatusState::Failure => "failure",
                StatusState::Error => "error",
            },
            "description": shorten(description, DESCRIPTION),
            "target_url": url.as_deref().unwrap_or_default(),
        });
        let what = format!("commit {sha}");
        let path = ["statuses", sha.as_str()];
        let call = self.call(Method::POST, &path, self.rights.write_statuses, &what);
        self.client.send(call.body(body)).await.map(|_| ())
    }

    async fn create_pull_request(&self, new: &NewPullRequest) -> Result<PullRequest, HostError> {
        let NewPullRequest { head, base, title, body } = new;
        let call = self.call(Method::POST, &["pulls"], self.rights.write_pulls, "");
        let call = call.body(json!({"head": head, "base": base, "title": title, "body": body}));
        let answer = self.client.exchange(call).await?;
        let exists = match answer.status() {
            409 => true,
            422 => answer.detail().contains("already exists"),
            _ => false,
        };
        if exists {
            return Err(HostError::Exists { what: format!("a pull request for branch {head}") });
        }
        let answer = answer.success()?;
        model::<PullShape>(&answer, answer.json()?)
    }

    async fn update_pull_request(
        &self,
        number: u64,
        change: &PullRequestChange,
    ) -> Result<PullRequest, HostError> {
        let PullRequestChange { title, body, base } = change;
        let fields = [("title", title), ("body", body), ("base", base)];
        let fields = fields.iter().filter_map(|(name, value)| {
            value.as_ref().map(|value| ((*name).to_owned(), json!(value)))
        });
        let number = number.to_string();
        let path = ["pulls", &number];
        let call = self.call(Method::PATCH, &path, self.rights.write_pulls, &pull(&number));
        let body = serde_json::Value::Object(fields.collect());
        self.one::<PullShape>(call.body(body)).await
    }

    async fn close_pull_request(&self, number: u64) -> Result<(), HostError> {
        let number = number.to_string();
        let path = ["pulls", &number];
        let call = self.call(Method::PATCH, &path, self.rights.write_pulls, &pull(&number));
        self.client.send(call.body(json!({"state": "closed"}))).await.map(|_| ())
    }

    async fn merge_pull_request(
        &self,
        number: u64,
        sha: &Sha,
        method: MergeMethod,
    ) -> Result<(), HostError> {
        let method = match method {
            MergeMethod::Merge => "merge",
            MergeMethod::Squash => "squash",
            MergeMethod::Rebase => "rebase",
        };
        let (verb, body) = if self.is_gitea() {
            (Method::POST, json!({"Do": method, "head_commit_id": sha.as_str()}))
        } else {
            (Method::PUT, json!({"merge_method": method, "sha": sha.as_str()}))
        };
        let text = number.to_string();
        let path = ["pulls", &text, "merge"];
        let call = self.call(verb, &path, self.rights.merge, &pull(&text));
        let answer = self.client.exchange(call.body(body)).await?;
        match answer.status() {
            405 | 409 | 422 => self.not_merged(number, sha, &answer).await,
            _ => answer.success().map(|_| ()),
        }
    }

    async fn comments(&self, number: u64) -> Result<Vec<Comment>, HostError> {
        let number = number.to_string();
        let path = ["issues", &number, "comments"];
        let call = self.get(&path, self.rights.read_comments, &pull(&number));
        if self.is_gitea() {
            // Which gives all of them at once, whatever page is asked for.
            let answer = self.client.send(call).await?;
            return models::<CommentShape>(&answer);
        }
        self.whole::<CommentShape>(call, "the list of comments").await
    }

    async fn create_comment(&self, number: u64, body: &str) -> Result<Comment, HostError> {
        let number = number.to_string();
        let path = ["issues", &number, "comments"];
        let call = self.call(Method::POST, &path, self.rights.write_comments, &pull(&number));
        self.one::<CommentShape>(call.body(json!({"body": body}))).await
    }

    async fn edit_comment(&self, number: u64, id: u64, body: &str) -> Result<Comment, HostError> {
        let id = id.to_string();
        let what = format!("comment {id} of pull request {number}");
        let path = ["issues", "comments", &id];
        let call = self.call(Method::PATCH, &path, self.rights.write_comments, &what);
        self.one::<CommentShape>(call.body(json!({"body": body}))).await
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
        let what = format!("branch {branch}");
        let path: Vec<&str> = if self.is_gitea() {
            vec!["branches", branch]
        } else {
            ["git", "refs", "heads"].into_iter().chain(branch.split('/')).collect()
        };
        let call = self.call(Method::DELETE, &path, self.rights.write, &what);
        let answer = self.client.exchange(call).await?;
        match answer.status() {
            404 => self.branch_is_gone().await,
            422 if answer.detail().contains("does not exist") => self.branch_is_gone().await,
            _ => answer.success().map(|_| true),
        }
    }

    async fn find_deployment(
        &self,
        search: &DeploymentSearch,
    ) -> Result<Option<Deployment>, HostError> {
        if self.is_gitea() {
            return Err(gitea::no_deployments());
        }
        github::find_deployment(self, search).await
    }

    async fn create_deployment(&self, new: &NewDeployment) -> Result<u64, HostError> {
        if self.is_gitea() {
            return Err(gitea::no_deployments());
        }
        github::create_deployment(self, new).await
    }

    async fn update_deployment(&self, id: u64, update: &DeploymentUpdate) -> Result<(), HostError> {
        if self.is_gitea() {
            return Err(gitea::no_deployments());
        }
        github::update_deployment(self, id, update).await
    }

    async fn account(&self) -> Result<Option<String>, HostError> {
        let call = Call::get(vec!["user"], self.rights.account, "account of the token");
        self.client.account(call, "login").await
    }
}
