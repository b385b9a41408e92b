//! Artifacts made of commits, without any CI.

use gimlet_crds::condition::{cut, whole_second};
use gimlet_crds::{
    Artifact, ArtifactEvent, ArtifactSpec, ManifestSource, Repository, SourceVersion,
};
use gimlet_gitops::{CommitId, GitError, SourceCommit, SourceFile};
use gimlet_manifest::file::NO_TEXT;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::{Api, PostParams};

use super::{FOLDER, Found, RepositoryError};
use crate::artifact;
use crate::context::Context;
use crate::digest;
use crate::error::ApiError;
use crate::sources::Source;

/// Branches whose newest commit becomes an artifact: those that changed last.
const MAX_BRANCHES: usize = 100;
/// Longest path of a manifest, in characters.
const MAX_PATH: usize = 250;

/// What an artifact is made of.
struct Version {
    event: ArtifactEvent,
    commit: CommitId,
    branch: Option<String>,
    tag: Option<String>,
    target_branch: Option<String>,
    pull_request: Option<i64>,
    /// When the tag was made.
    tagged: Option<Timestamp>,
}

/// Makes the artifacts that are missing, and tells which could not be made.
///
/// An artifact's name follows from commit, event and branch: the same commit on two branches makes
/// two, and none is made twice.
pub(super) async fn make(
    repository: &Repository,
    source: &Source,
    found: &Found,
    ctx: &Context,
) -> Result<Vec<String>, RepositoryError> {
    let namespace = repository.namespace().unwrap_or_default();
    let api: Api<Artifact> = Api::namespaced(ctx.client.clone(), &namespace);
    let mut refused = Vec::new();
    let pruned = artifact::oldest_kept(&namespace, &source.full_name, ctx);
    for version in versions(repository, found, pruned) {
        let name = name_of(repository, &version);
        if ctx.artifact(&namespace, &name).is_some() {
            continue;
        }
        let spec = match spec(source, repository, &version).await? {
            Ok(Some(spec)) => spec,
            Ok(None) => continue,
            Err(why) => {
                refused.push(format!("{}: {why}", &version.commit.to_string()[..7]));
                continue;
            }
        };
        let mut artifact = Artifact::new(&name, spec);
        artifact.metadata.namespace = Some(namespace.clone());
        match api.create(&PostParams::default(), &artifact).await {
            Ok(_) => tracing::info!(artifact = name, namespace, "an artifact was made of a commit"),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            // What the kind refuses stands in nobody else's way.
            Err(kube::Error::Api(status)) if status.code == 422 => {
                refused.push(format!("{}: {}", &version.commit.to_string()[..7], status.message));
            }
            Err(error) => {
                return Err(ApiError::new(format!("create the Artifact {name}"), error).into());
            }
        }
    }
    Ok(refused)
}

/// Lists what there should be artifacts of. Tags that are not newer than `pruned` had theirs.
fn versions(repository: &Repository, found: &Found, pruned: Option<Timestamp>) -> Vec<Version> {
    let since = repository.creation_timestamp().map(|time| time.0);
    let branches = found.references.iter().filter(|reference| !reference.tag).take(MAX_BRANCHES);
    let branches = branches.map(|reference| Version {
        event: ArtifactEvent::Push,
        commit: reference.commit,
        branch: Some(reference.name.clone()),
        tag: None,
        target_branch: None,
        pull_request: None,
        tagged: None,
    });
    // Tags that were there before anybody asked for artifacts are history, not news.
    let news = |created| {
        since.is_none_or(|since| created >= whole_second(since))
            && pruned.is_none_or(|pruned| created > pruned)
    };
    let tags = found.references.iter().filter(|r| r.tag && (r.new || news(r.created)));
    let tags = tags.map(|reference| Version {
        event: ArtifactEvent::Tag,
        commit: reference.commit,
        branch: None,
        tag: Some(reference.name.clone()),
        target_branch: None,
        pull_request: None,
        tagged: Some(whole_second(reference.created)),
    });
    // Whoever can fork a repository could otherwise have anything deployed.
    let requests = found.pull_requests.iter().flatten().filter(|request| !request.from_fork);
    let requests = requests.filter_map(|request| {
        Some(Version {
            event: ArtifactEvent::PullRequest,
            commit: CommitId::parse(&request.head_sha.to_string()).ok()?,
            branch: Some(request.head_branch.clone()),
            tag: None,
            target_branch: Some(request.base_branch.clone()),
            pull_request: i64::try_from(request.number).ok(),
            tagged: None,
        })
    });
    branches.chain(tags).chain(requests).collect()
}

fn name_of(repository: &Repository, version: &Version) -> String {
    let commit = version.commit.to_string();
    let number = version.pull_request.unwrap_or_default().to_string();
    let place = version.branch.as_deref().or(version.tag.as_deref()).unwrap_or_default();
    let parts = [commit.as_str(), version.event.as_policy(), place, &number];
    let digest = digest::of_parts(parts.iter().map(|part| part.as_bytes()));
    format!("{}-{}-{}", repository.name_any(), &commit[..8], &digest[..8])
}

/// Reads what an artifact says: none where the commit has no deploy manifests, a text where it has
/// more of them than are read.
async fn spec(
    source: &Source,
    repository: &Repository,
    version: &Version,
) -> Result<Result<Option<ArtifactSpec>, String>, GitError> {
    let Some(commit) = source.mirror.commit(&version.commit).await? else { return Ok(Ok(None)) };
    let folder = source.mirror.folder(&version.commit, FOLDER).await?;
    if folder.cut {
        // Part of the apps would be released, and the others not, without a word.
        return Ok(Err(format!("{FOLDER} has more than 64 files or 1 MiB: keep less in it")));
    }
    let manifests: Vec<_> = folder.files.into_iter().filter_map(manifest).collect();
    if manifests.is_empty() {
        return Ok(Ok(None));
    }
    Ok(Ok(Some(ArtifactSpec {
        event: version.event,
        created: Some(Time(version.tagged.unwrap_or_else(|| whole_second(commit.time)))),
        version: facts(source, repository, version, commit),
        target_branch: version.target_branch.clone(),
        pull_request: version.pull_request,
        vars: gimlet_crds::Variables::new(),
        manifests,
    })))
}

/// Takes a file for a deploy manifest, if it is one.
fn manifest(file: SourceFile) -> Option<ManifestSource> {
    let extension = std::path::Path::new(&file.path).extension()?;
    let named = ["yaml", "yml"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    // What is no text is refused by name, where it is judged.
    let content = file.text.unwrap_or_else(|| NO_TEXT.to_string());
    if !named || content.trim().is_empty() {
        return None;
    }
    // The path says where a fault is, and nothing is read by it.
    let path = file.path.replace(|c: char| !is_shown(c), "-");
    Some(ManifestSource { path: path.chars().take(MAX_PATH).collect(), content })
}

/// Tells whether a character may stand in the path of a manifest. What is called strangely is
/// released all the same.
fn is_shown(c: char) -> bool {
    c.is_alphanumeric() || c.is_ascii_graphic() || c == ' '
}

fn facts(
    source: &Source,
    repository: &Repository,
    version: &Version,
    commit: SourceCommit,
) -> SourceVersion {
    let sha = commit.id.to_string();
    let base = repository.spec.url.trim_end_matches('/');
    let base = base.strip_suffix(".git").unwrap_or(base);
    SourceVersion {
        name: None,
        repository: Some(cut(&source.full_name, 256)),
        branch: version.branch.as_deref().map(|branch| cut(branch, 256)),
        tag: version.tag.as_deref().map(|tag| cut(tag, 256)),
        author: Some(commit.author),
        message: Some(commit.message),
        url: base.starts_with("http").then(|| format!("{base}/commit/{sha}")),
        sha: Some(sha),
    }
}

#[cfg(test)]
mod tests {
    use gimlet_gitops::{BlobId, Reference};
    use gimlet_manifest::file::parse_files;

    use super::*;

    #[test]
    fn tags_that_are_history_or_were_pruned_make_no_artifacts() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let repository: Repository = serde_json::from_value(serde_json::json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Repository",
            "metadata": {"name": "shop", "creationTimestamp": at(10)},
            "spec": {"url": "https://git.example.com/acme/shop.git"},
        }))
        .unwrap();
        let tag = |name: &str, created: i64, new: bool| Reference {
            name: name.to_owned(),
            tag: true,
            commit: CommitId::parse(&"a".repeat(40)).unwrap(),
            created: at(created),
            new,
        };
        let references = vec![
            tag("v4", 14, false),
            tag("v3", 13, false),
            tag("v2", 9, false),
            tag("v1", 1, true),
        ];
        let found = Found { references, default_branch: None, pull_requests: None };
        let tags = |pruned: Option<i64>| {
            let versions = versions(&repository, &found, pruned.map(at));
            versions.into_iter().filter_map(|version| version.tag).collect::<Vec<_>>()
        };
        assert_eq!(tags(None), ["v4", "v3", "v1"]);
        assert_eq!(tags(Some(13)), ["v4", "v1"]);
    }

    #[test]
    fn a_file_with_a_strange_name_is_a_manifest_too() {
        let file = |path: &str, text: Option<&str>| SourceFile {
            path: path.to_owned(),
            blob: BlobId::parse(&"a".repeat(40)).unwrap(),
            size: 1,
            text: text.map(str::to_owned),
        };
        let path = |path: &str| manifest(file(path, Some("app: a"))).map(|found| found.path);
        assert_eq!(path(".gimlet/größe +1.yaml").as_deref(), Some(".gimlet/größe +1.yaml"));
        assert_eq!(path(".gimlet/a\n\u{202e}b.YML").as_deref(), Some(".gimlet/a--b.YML"));
        let long = path(&format!(".gimlet/{}.yaml", "ä".repeat(300))).unwrap();
        assert_eq!(long.chars().count(), MAX_PATH);
        assert_eq!(path(".gimlet/README.md"), None);
        assert!(manifest(file("a.bin", None)).is_none());
        let refused = manifest(file("a.yaml", None)).unwrap();
        let error = parse_files(&refused.content).unwrap_err().to_string();
        assert!(error.contains("is not UTF-8 text"), "{error}");
        assert!(manifest(file("a.yaml", Some("\n "))).is_none());
    }
}
