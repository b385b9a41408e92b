//! `open`: the page of a commit, a pull request or a repository.

use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};
use gimlet_crds::name::app_object;
use gimlet_crds::{App, Artifact, Environment, HostProvider, Release, Repository};
use kube::api::ListParams;
use url::Url;

use super::write::fetch;
use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::complete;
use crate::error::{CommandError, Finish, Kind};
use crate::output;

/// Open the page of what an app runs: the commit in the gitops repository, or in its own
///
/// Where no browser can be opened, the address is printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet open shop -e production
  gimlet open shop -e production --what source
  gimlet open shop -e staging --what pull-request --print")]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    place: Place,
    /// What to open
    #[arg(long, value_name = "WHAT", default_value = "commit")]
    what: What,
    /// Another release than the current one
    #[arg(long, value_name = "NAME", add = complete::releases())]
    release: Option<String>,
    /// Only print the address
    #[arg(long)]
    print: bool,
}

/// What has a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The commit in the gitops repository
    Commit,
    /// The commit in the application's repository
    Source,
    /// The pull request that the version came from
    PullRequest,
    /// The gitops repository
    Repository,
}

pub(super) async fn run(args: &OpenArgs, global: &Global) -> Result<Finish, CommandError> {
    let cluster = Cluster::connect(global).await?;
    let url = find(args, &cluster).await?;
    // What the cluster says is not run, only opened, and only as a page.
    let parsed = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(page) = parsed else {
        return Err(CommandError::general(format!("{url} is not the address of a page")));
    };
    if args.print || !browse(&page) {
        output::print(&format!("{page}\n"))?;
    } else {
        output::note(&format!("opened {page}"));
    }
    Ok(Finish::Done)
}

async fn find(args: &OpenArgs, cluster: &Cluster) -> Result<String, CommandError> {
    let Place { app, environment } = &args.place;
    if args.what == What::Repository {
        let environment = fetch::<Environment>(cluster, environment).await?;
        let url = &environment.spec.gitops.url;
        return web_url(url).ok_or_else(|| no_page(&format!("the repository {url}")));
    }
    let release = if let Some(name) = &args.release {
        fetch::<Release>(cluster, name).await?
    } else {
        let found = fetch::<App>(cluster, &app_object(app, environment)).await?;
        let current = found.status.and_then(|status| status.current).ok_or_else(|| {
            CommandError::new(Kind::NotFound, format!("{app} does not run in {environment}"))
                .hint(format!("gimlet status {app} shows where it is"))
        })?;
        fetch::<Release>(cluster, &current.name).await.map_err(|error| {
            error.hint(format!("its record is in git, at the commit {}", current.commit))
        })?
    };
    let status = release.status.clone().unwrap_or_default();
    if args.what == What::Commit {
        let commit = status.commit.ok_or_else(|| {
            CommandError::new(Kind::NotFound, "the release has no commit".to_owned())
                .hint("it is not in git yet: gimlet status tells")
        })?;
        return commit.url.ok_or_else(|| no_page(&format!("the commit {}", commit.sha)));
    }
    let artifact = match status.artifact.as_ref().or(release.spec.artifact.as_ref()) {
        Some(artifact) => {
            let mut cluster = cluster.clone();
            if let Some(namespace) = &artifact.namespace {
                cluster.namespace.clone_from(namespace);
            }
            Some((fetch::<Artifact>(&cluster, &artifact.name).await?, cluster))
        }
        None => None,
    };
    if args.what == What::Source {
        let of_release = release.spec.version.and_then(|version| version.url);
        let of_artifact = artifact.and_then(|(artifact, _)| artifact.spec.version.url);
        return of_release.or(of_artifact).ok_or_else(|| no_page("the source commit"));
    }
    let Some((artifact, cluster)) = artifact else {
        return Err(no_page("the pull request"));
    };
    let Some(number) = artifact.spec.pull_request else {
        return Err(CommandError::new(Kind::NotFound, "the version came from no pull request"));
    };
    let repositories = cluster
        .api::<Repository>()
        .list(&ListParams::default())
        .await
        .map_err(|error| cluster.request("list", "repositories", None).failed(&error))?;
    let name = artifact.spec.version.repository.unwrap_or_default();
    pull_request(&repositories.items, &name, number).ok_or_else(|| {
        no_page(&format!("pull request {number} of {name}"))
            .hint("a Repository with the provider of the host says where its pages are")
    })
}

fn no_page(what: &str) -> CommandError {
    CommandError::new(Kind::NotFound, format!("nobody knows a page of {what}"))
}

/// Returns the page of a pull request, by the repository's kind of host.
fn pull_request(repositories: &[Repository], name: &str, number: i64) -> Option<String> {
    let repository = repositories.iter().find(|repository| {
        let page = web_url(&repository.spec.url);
        page.is_some_and(|page| page.to_lowercase().ends_with(&format!("/{}", name.to_lowercase())))
    })?;
    let path = match repository.spec.provider {
        HostProvider::GitHub => "pull",
        HostProvider::GitLab => "-/merge_requests",
        HostProvider::Gitea => "pulls",
        HostProvider::Git => return None,
    };
    Some(format!("{}/{path}/{number}", web_url(&repository.spec.url)?))
}

/// Returns the page of a repository from its address for git.
fn web_url(address: &str) -> Option<String> {
    let trimmed = address.trim_end_matches('/').trim_end_matches(".git");
    if let Some((_, rest)) = trimmed.split_once("://") {
        if trimmed.starts_with("http") {
            return Some(trimmed.to_owned());
        }
        // The port is that of SSH, and the pages are at another.
        let (host, path) = rest.split_once('/')?;
        let host = host.rsplit('@').next()?.split(':').next()?;
        return Some(format!("https://{host}/{path}"));
    }
    let (host, path) = trimmed.split_once(':')?;
    Some(format!("https://{}/{path}", host.rsplit('@').next()?))
}

/// Opens a page in a browser; tells whether there was one.
fn browse(page: &Url) -> bool {
    let graphical = ["DISPLAY", "WAYLAND_DISPLAY"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let program = match std::env::var_os("BROWSER").filter(|value| !value.is_empty()) {
        Some(program) => program,
        None if cfg!(target_os = "macos") => "open".into(),
        None if graphical => "xdg-open".into(),
        None => return false,
    };
    let mut command = Command::new(program);
    command.arg(page.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_repository_has_a_page_whatever_git_calls_it() {
        for (address, page) in [
            ("https://git.example.com/acme/shop.git", Some("https://git.example.com/acme/shop")),
            ("ssh://git@git.example.com:2222/acme/shop", Some("https://git.example.com/acme/shop")),
            ("git@git.example.com:acme/shop.git", Some("https://git.example.com/acme/shop")),
            ("nothing", None),
        ] {
            assert_eq!(web_url(address).as_deref(), page, "{address}");
        }
    }

    #[test]
    fn a_pull_request_is_where_the_host_has_it() {
        let repository = |url: &str, provider: &str| -> Repository {
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "r"},
                "spec": {"url": url, "provider": provider}}))
            .unwrap()
        };
        let all = [
            repository("https://github.com/acme/shop.git", "GitHub"),
            repository("git@git.example.com:acme/web.git", "Gitea"),
            repository("https://gitlab.com/acme/sub/api", "GitLab"),
            repository("https://git.example.com/acme/plain", "Git"),
        ];
        let page = |name, number| pull_request(&all, name, number);
        assert_eq!(page("acme/shop", 7).unwrap(), "https://github.com/acme/shop/pull/7");
        assert_eq!(page("Acme/Web", 8).unwrap(), "https://git.example.com/acme/web/pulls/8");
        let merge = "https://gitlab.com/acme/sub/api/-/merge_requests/9";
        assert_eq!(page("acme/sub/api", 9).unwrap(), merge);
        assert_eq!(page("acme/plain", 1), None);
        assert_eq!(page("e/shop", 1), None, "only whole names count");
    }
}
