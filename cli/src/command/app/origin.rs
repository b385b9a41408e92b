//! Where the manifest of an app is: its file, what is in it, and the repository that has it.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use gimlet_crds::{
    Artifact, ArtifactEvent, ConfigChange, ConfigChangePhase, Repository, Variables,
};
use gimlet_gitops::BlobId;
use kube::ResourceExt as _;
use kube::api::ListParams;

use crate::args::Place;
use crate::cluster::Cluster;
use crate::error::{CommandError, Kind};
use crate::{git, manifest_edit};

/// The file of a manifest, as its branch has it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// Name of the Repository.
    pub(super) repository: String,
    /// The branch that gets the change.
    pub(super) branch: String,
    /// The path in the repository.
    pub(super) path: String,
    /// What is in it.
    pub(super) content: String,
    /// Git's id of that.
    pub(super) blob: String,
    /// Variables by which it was released last, for rendering.
    pub(super) vars: Variables,
    /// The folder of the file on this machine, for charts beside it.
    pub(super) folder: Option<PathBuf>,
}

impl Origin {
    /// Finds the file: in the checkout that the command runs in, or in the newest artifact.
    pub(super) async fn find(
        cluster: &Cluster,
        place: &Place,
        repository: Option<&str>,
        branch: Option<&str>,
    ) -> Result<Self, CommandError> {
        let repositories = cluster
            .api::<Repository>()
            .list(&ListParams::default())
            .await
            .map_err(|error| cluster.request("list", "repositories", None).failed(&error))?
            .items;
        let chosen: Vec<&Repository> = repositories
            .iter()
            .filter(|found| repository.is_none_or(|name| found.name_any() == name))
            .collect();
        if chosen.is_empty() {
            let what = repository.map_or_else(
                || format!("there is no Repository in namespace {}", cluster.namespace),
                |name| format!("there is no Repository {name} in namespace {}", cluster.namespace),
            );
            return Err(CommandError::new(Kind::NotFound, what)
                .hint("a Repository says where the file is: docs/repository.md"));
        }
        let found = match in_checkout(Path::new("."), place, &chosen, branch) {
            Some(found) => found,
            None => Self::shipped(cluster, place, &chosen, branch).await?,
        };
        let changes = changes(cluster, &found.repository).await;
        Ok(found.after(&changes))
    }

    /// Finds the file in the newest artifact.
    async fn shipped(
        cluster: &Cluster,
        place: &Place,
        repositories: &[&Repository],
        branch: Option<&str>,
    ) -> Result<Self, CommandError> {
        let artifacts = cluster
            .api::<Artifact>()
            .list(&ListParams::default())
            .await
            .map_err(|error| cluster.request("list", "artifacts", None).failed(&error))?
            .items;
        in_artifacts(artifacts, place, repositories, branch).ok_or_else(|| {
            let Place { app, environment } = place;
            CommandError::new(
                Kind::NotFound,
                format!("no manifest of {app} in {environment} is known"),
            )
            .hint(
                "run it in a checkout that has the file and whose branch was fetched, or ship an artifact \
                 with it",
            )
        })
    }
}

impl Origin {
    /// Finds the file as it is now, after a change of it came too late.
    pub(super) async fn newer(
        &self,
        cluster: &Cluster,
        place: &Place,
        ended: &ConfigChange,
    ) -> Option<Self> {
        // A checkout knows what was fetched last; the fetch may fail where nobody may read.
        let _ = git::run(Path::new("."), &["fetch", "--quiet", "origin", &self.branch]);
        let told = self.clone().after(std::slice::from_ref(ended));
        if told.blob != self.blob {
            return Some(told);
        }
        let found = Self::find(cluster, place, Some(&self.repository), Some(&self.branch)).await;
        found.ok().filter(|found| found.path == self.path && found.blob != self.blob)
    }

    /// Returns the file after what changes made of it, or were told that it is: they may be newer than
    /// what was fetched or shipped. Where they are not, the change that is made of it is refused, as ever.
    ///
    /// The changes are in the order of their making, which may be off by a second.
    fn after(mut self, changes: &[ConfigChange]) -> Self {
        let mut left: Vec<&ConfigChange> = changes
            .iter()
            .filter(|change| {
                let branch = change.status.as_ref().and_then(|status| status.branch.as_deref());
                change.spec.repository == self.repository
                    && change.spec.path == self.path
                    && branch == Some(&self.branch)
            })
            .collect();
        // The newest of those that were made from what is known; each leads on once.
        while let Some((at, content)) = left.iter().enumerate().rev().find_map(|(at, change)| {
            let from_this = change.spec.base_blob.as_deref() == Some(&self.blob);
            Some((at, outcome(change).filter(|_| from_this)?.to_owned()))
        }) {
            left.remove(at);
            self.blob = BlobId::of(content.as_bytes()).to_string();
            self.content = content;
        }
        self
    }
}

/// Returns what is in a file after a change of it, where that is known.
fn outcome(change: &ConfigChange) -> Option<&str> {
    let status = change.status.as_ref()?;
    match status.phase {
        ConfigChangePhase::Committed => change.spec.content.as_deref(),
        ConfigChangePhase::Conflict => status.found.as_ref()?.content.as_deref(),
        _ => None,
    }
}

/// Lists the changes of a repository, the oldest first; nobody needs the right to.
async fn changes(cluster: &Cluster, repository: &str) -> Vec<ConfigChange> {
    let params = ListParams::default().fields(&format!("spec.repository={repository}"));
    let mut changes = match cluster.api::<ConfigChange>().list(&params).await {
        Ok(list) => list.items,
        Err(_) => Vec::new(),
    };
    changes.sort_by_key(|change| (change.creation_timestamp(), change.name_any()));
    changes
}

/// Returns the branch that is meant: the one that was named, or the default one.
fn branch_of(repository: &Repository, named: Option<&str>) -> Option<String> {
    let known = repository.status.as_ref().and_then(|status| status.default_branch.clone());
    named.map(str::to_owned).or(known)
}

/// Reads the file as the branch of the remote has it, where a checkout has that branch.
fn in_checkout(
    folder: &Path,
    place: &Place,
    repositories: &[&Repository],
    branch: Option<&str>,
) -> Option<Origin> {
    let url = git::run(folder, &["config", "--get", "remote.origin.url"]).ok()?;
    let name = git::repository(&url)?;
    let of = |found: &&&Repository| {
        git::repository(&found.spec.url).is_some_and(|own| own.eq_ignore_ascii_case(&name))
    };
    let repository = repositories.iter().find(of)?;
    let branch = branch_of(repository, branch)?;
    let reference = format!("refs/remotes/origin/{branch}");
    let top = PathBuf::from(git::run(folder, &["rev-parse", "--show-toplevel"]).ok()?);
    let list = ["ls-tree", "--name-only", "--full-tree", &reference, ".gimlet/"];
    for path in git::run(folder, &list).ok()?.lines().filter(|path| is_yaml(path)) {
        let object = format!("{reference}:{path}");
        let Ok(content) = git::content(folder, &object) else { continue };
        if manifest_edit::find(&content, &place.app, &place.environment).is_some() {
            return Some(Origin {
                repository: repository.name_any(),
                branch,
                path: path.to_owned(),
                blob: git::run(folder, &["rev-parse", "--verify", &object]).ok()?,
                content,
                vars: Variables::default(),
                folder: Some(top.join(".gimlet")),
            });
        }
    }
    None
}

/// Reads the file from the newest artifact of the branch.
fn in_artifacts(
    mut artifacts: Vec<Artifact>,
    place: &Place,
    repositories: &[&Repository],
    branch: Option<&str>,
) -> Option<Origin> {
    artifacts.sort_by_key(|artifact| Reverse((artifact.creation_timestamp(), artifact.name_any())));
    for artifact in artifacts {
        let version = &artifact.spec.version;
        let name = version.repository.as_deref().unwrap_or_default();
        let of = |found: &&&Repository| {
            git::repository(&found.spec.url).is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        let Some(repository) = repositories.iter().find(of) else { continue };
        let Some(branch) = branch_of(repository, branch) else { continue };
        if version.branch.as_deref() != Some(&branch) || artifact.spec.event != ArtifactEvent::Push
        {
            continue;
        }
        let has =
            |content: &str| manifest_edit::find(content, &place.app, &place.environment).is_some();
        let Some(source) = artifact.spec.manifests.iter().find(|source| has(&source.content))
        else {
            continue;
        };
        let mut vars = artifact.spec.vars.clone();
        vars.extend(version.variables());
        return Some(Origin {
            repository: repository.name_any(),
            branch,
            path: source.path.clone(),
            content: source.content.clone(),
            blob: BlobId::of(source.content.as_bytes()).to_string(),
            vars,
            folder: None,
        });
    }
    None
}

fn is_yaml(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::tests::git;
    use serde_json::json;

    const FILE: &str = "app: shop\nenv: staging\nnamespace: shop\nchart: {name: app}\n";

    fn repository() -> Repository {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository", "metadata": {"name": "the-shop"},
            "spec": {"url": "https://git.example.com/acme/shop.git", "provider": "Gitea"},
            "status": {"defaultBranch": "main"},
        }))
        .unwrap()
    }

    fn place() -> Place {
        Place { app: "shop".into(), environment: "staging".into() }
    }

    #[test]
    fn a_checkout_has_the_file_as_the_branch_of_the_remote_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        git(path, &["init", "--quiet", "--initial-branch=main"]);
        git(path, &["remote", "add", "origin", "git@git.example.com:acme/shop.git"]);
        std::fs::create_dir(path.join(".gimlet")).unwrap();
        std::fs::write(path.join(".gimlet/other.yaml"), FILE.replace("staging", "qa")).unwrap();
        std::fs::write(path.join(".gimlet/shop.yaml"), FILE).unwrap();
        git(path, &["add", "."]);
        git(path, &["commit", "--quiet", "-m", "x"]);
        let repository = repository();
        assert!(in_checkout(path, &place(), &[&repository], None).is_none(), "nothing was fetched");
        git(path, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
        // What is only on this machine does not count.
        std::fs::write(path.join(".gimlet/shop.yaml"), "changed").unwrap();
        let found = in_checkout(path, &place(), &[&repository], None).unwrap();
        assert_eq!((found.path.as_str(), found.content.as_str()), (".gimlet/shop.yaml", FILE));
        assert_eq!(found.blob, BlobId::of(FILE.as_bytes()).to_string());
        assert_eq!((found.repository.as_str(), found.branch.as_str()), ("the-shop", "main"));
    }

    #[test]
    fn the_newest_artifact_of_the_branch_has_the_file() {
        let artifact = |name: &str, second: i64, branch: &str, tag: &str| -> Artifact {
            let time = jiff::Timestamp::from_second(second).unwrap();
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
                "metadata": {"name": name, "creationTimestamp": time},
                "spec": {"version": {"repository": "Acme/shop", "sha": "abcdef0", "branch": branch},
                    "manifests": [{"path": ".gimlet/shop.yaml", "content": format!("{FILE}# {tag}\n")}]},
            }))
            .unwrap()
        };
        let artifacts = vec![
            artifact("a", 1, "main", "old"),
            artifact("b", 3, "main", "new"),
            artifact("c", 9, "feature", "other"),
        ];
        let repository = repository();
        let found = in_artifacts(artifacts, &place(), &[&repository], None).unwrap();
        assert!(found.content.ends_with("# new\n"), "{}", found.content);
        assert_eq!(found.vars.get("SHA").map(String::as_str), Some("abcdef0"));
    }

    #[test]
    fn what_changes_made_of_the_file_is_newer_than_what_was_shipped() {
        let blob = |text: &str| BlobId::of(text.as_bytes()).to_string();
        let change = |phase: &str, base: &str, content: &str, found: &str| -> ConfigChange {
            let mut status = json!({"phase": phase, "branch": "main"});
            if !found.is_empty() {
                status["found"] = json!({"blob": blob(found), "content": found});
            }
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange", "metadata": {"name": "c"},
                "spec": {"repository": "the-shop", "path": ".gimlet/shop.yaml", "message": "m",
                    "content": content, "baseBlob": blob(base)},
                "status": status,
            }))
            .unwrap()
        };
        let origin = Origin {
            repository: "the-shop".into(),
            branch: "main".into(),
            path: ".gimlet/shop.yaml".into(),
            content: "one".into(),
            blob: blob("one"),
            vars: Variables::default(),
            folder: None,
        };
        let after = |changes: &[ConfigChange]| {
            let found = origin.clone().after(changes);
            assert_eq!(found.blob, blob(&found.content));
            found.content
        };
        let committed = change("Committed", "one", "two", "");
        assert_eq!(after(std::slice::from_ref(&committed)), "two");
        let late = change("Conflict", "two", "lost", "three");
        assert_eq!(after(&[committed.clone(), late.clone()]), "three");
        assert_eq!(after(&[late, committed.clone()]), "three", "they were made in one second");
        let back = change("Committed", "two", "one", "");
        assert_eq!(after(&[committed.clone(), back]), "one", "and no circle");
        // What was not written, is about something else, or is not known says nothing.
        assert_eq!(after(&[change("Proposed", "one", "two", "")]), "one");
        assert_eq!(after(&[change("Conflict", "one", "two", "")]), "one");
        assert_eq!(after(&[change("Committed", "other", "two", "")]), "one");
        let mut elsewhere = committed;
        elsewhere.status.as_mut().unwrap().branch = Some("feature".into());
        assert_eq!(after(&[elsewhere]), "one");
    }
}
