//! The object of an artifact, and its name.

use std::fmt::Write as _;

use gimlet_crds::condition::cut;
use gimlet_crds::{Artifact, ArtifactEvent, ArtifactSpec, ManifestSource, SourceVersion};
use gimlet_manifest::Vars;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sha2::{Digest as _, Sha256};

use crate::ci::{Commit, Facts, Provider};
use crate::error::CommandError;

/// Longest name of a repository, branch, tag or person, in bytes.
const MAX_NAME: usize = 256;
/// Longest message of a commit, in bytes.
const MAX_MESSAGE: usize = 4096;
/// Longest page, in bytes.
const MAX_URL: usize = 2048;
/// Variables that differ each time a pipeline runs, and say nothing about the version.
const PASSING: [&str; 2] = ["ACTOR", "JOB"];

/// Makes the artifact of the facts; its name follows from all that it says.
pub(super) fn build(
    facts: &Facts,
    name: Option<&String>,
    commit: Option<&Commit>,
    vars: Vars,
    manifests: Vec<ManifestSource>,
    provider: Provider,
) -> Result<Artifact, CommandError> {
    let missing = |what: &str, flag: &str| {
        CommandError::usage(format!("{} does not tell {what}", provider.name()))
            .hint(format!("pass {flag}, or run it in a checkout"))
    };
    let sha = facts.sha.as_deref().ok_or_else(|| missing("the commit", "--commit"))?;
    let is_sha = (7..=64).contains(&sha.len()) && sha.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_sha {
        return Err(CommandError::usage(format!("{sha:?} is not the id of a commit"))
            .hint("pass the whole id with --commit"));
    }
    let repository =
        facts.repository.as_ref().ok_or_else(|| missing("the repository", "--repository"))?;
    match facts.event {
        ArtifactEvent::Tag if facts.tag.is_none() => return Err(missing("the tag", "--tag")),
        ArtifactEvent::Push | ArtifactEvent::PullRequest if facts.branch.is_none() => {
            return Err(missing("the branch", "--branch"));
        }
        _ => {}
    }
    let short = |text: &Option<String>| text.as_ref().map(|text| cut(text, MAX_NAME));
    let commit = commit.filter(|commit| commit.sha == sha);
    let author = short(&facts.author).or_else(|| commit.map(|c| cut(&c.author, MAX_NAME)));
    // What git has is the whole message, and a title of a pull request only stands in for it.
    let of_git = commit.map(|commit| commit.message.clone());
    let message = of_git.filter(|text| !text.is_empty()).or_else(|| facts.message.clone());
    let pull_request = facts.event == ArtifactEvent::PullRequest;
    let spec = ArtifactSpec {
        event: facts.event,
        version: SourceVersion {
            name: name.cloned(),
            repository: Some(cut(repository, MAX_NAME)),
            sha: Some(sha.to_owned()),
            branch: short(&facts.branch),
            tag: short(&facts.tag),
            author,
            message: message.map(|text| cut(&text, MAX_MESSAGE)),
            url: facts.url.clone().filter(|url| url.len() <= MAX_URL),
        },
        target_branch: short(&facts.target_branch).filter(|_| pull_request),
        pull_request: facts.pull_request.filter(|_| pull_request),
        created: commit.and_then(|commit| commit.time).map(Time),
        vars,
        manifests,
    };
    Ok(Artifact::new(&name_of(&spec), spec))
}

/// Tells whether two artifacts stand for the same: what only tells of the run may differ.
pub(super) fn same(ours: &ArtifactSpec, theirs: &ArtifactSpec) -> bool {
    name_of(ours) == name_of(theirs)
}

/// Names an artifact after its repository and all that decides about it.
fn name_of(spec: &ArtifactSpec) -> String {
    let ArtifactSpec { event, version, target_branch, pull_request, created: _, vars, manifests } =
        spec;
    // Author, message and page belong to the commit, and may be known to one run and not to another.
    let SourceVersion { name, repository, sha, branch, tag, author: _, message: _, url: _ } =
        version;
    let mut digest = Sha256::new();
    let mut part = |text: &str| {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text.as_bytes());
    };
    part(event.as_policy());
    for fact in [name, repository, sha, branch, tag, target_branch] {
        part(fact.as_deref().unwrap_or_default());
    }
    part(&pull_request.unwrap_or_default().to_string());
    for (name, value) in vars.iter().filter(|(name, _)| !PASSING.contains(&name.as_str())) {
        part(name);
        part(value);
    }
    part("");
    for manifest in manifests {
        part(&manifest.path);
        part(&manifest.content);
    }
    let mut name = format!("{}-", slug(repository.as_deref().unwrap_or_default()));
    for byte in digest.finalize().iter().take(6) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// Returns the last part of a repository's name as a part of an object's name.
fn slug(repository: &str) -> String {
    let last = repository.rsplit('/').next().unwrap_or_default().to_lowercase();
    let letters = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let slug: String = letters.take(60).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "artifact".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            repository: Some("acme/Shop.js".into()),
            sha: Some("d4f3846c0ffee".into()),
            branch: Some("main".into()),
            ..Facts::default()
        }
    }

    fn vars(job: &str, image: &str) -> Vars {
        [("JOB", job), ("IMAGE", image)].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    fn manifests(content: &str) -> Vec<ManifestSource> {
        vec![ManifestSource { path: ".gimlet/a.yaml".into(), content: content.into() }]
    }

    fn name(facts: &Facts, vars: Vars, content: &str) -> String {
        let built = build(facts, None, None, vars, manifests(content), Provider::GitHub).unwrap();
        built.metadata.name.unwrap()
    }

    #[test]
    fn the_same_version_has_the_same_name_however_often_it_is_built() {
        let first = name(&facts(), vars("run 1", "a"), "x");
        assert!(first.starts_with("shop-js-") && first.len() == 20, "{first}");
        let again =
            Facts { message: Some("now known".into()), actor: Some("bob".into()), ..facts() };
        assert_eq!(name(&again, vars("run 2", "a"), "x"), first);
    }

    #[test]
    fn whatever_decides_about_it_gives_another_name() {
        let first = name(&facts(), vars("", "a"), "x");
        let others = [
            name(&facts(), vars("", "b"), "x"),
            name(&facts(), vars("", "a"), "y"),
            name(&Facts { branch: Some("other".into()), ..facts() }, vars("", "a"), "x"),
            name(&Facts { sha: Some("d4f3846c0ffef".into()), ..facts() }, vars("", "a"), "x"),
        ];
        for other in others {
            assert_ne!(other, first);
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_flag() {
        let told = |facts: &Facts| {
            let built = build(facts, None, None, Vars::new(), manifests("x"), Provider::Jenkins);
            anstream::adapter::strip_str(&built.unwrap_err().styled()).to_string()
        };
        let no_branch = told(&Facts { branch: None, ..facts() });
        assert_eq!(
            no_branch,
            "error: Jenkins does not tell the branch\nhint: pass --branch, or run it in a checkout\n"
        );
        let tag = Facts { event: ArtifactEvent::Tag, ..facts() };
        assert!(told(&tag).contains("--tag"));
        assert!(told(&Facts { sha: Some("HEAD".into()), ..facts() }).contains("not the id"));
        assert!(told(&Facts { repository: None, ..facts() }).contains("--repository"));
    }

    #[test]
    fn what_git_has_of_the_commit_comes_before_a_title() {
        let commit = Commit {
            sha: "d4f3846c0ffee".into(),
            message: "Take the cart along\n\nLong story".into(),
            author: "Ada <ada@example.com>".into(),
            ..Commit::default()
        };
        let titled = Facts { message: Some("Cart".into()), ..facts() };
        let built =
            build(&titled, None, Some(&commit), Vars::new(), manifests("x"), Provider::GitHub)
                .unwrap();
        assert_eq!(built.spec.version.message.as_deref(), Some(commit.message.as_str()));
        let other = Commit { sha: "0000000".into(), ..commit };
        let built =
            build(&titled, None, Some(&other), Vars::new(), manifests("x"), Provider::GitHub)
                .unwrap();
        assert_eq!(built.spec.version.message.as_deref(), Some("Cart"));
    }

    #[test]
    fn names_of_repositories_become_names_of_objects() {
        assert_eq!(slug("acme/sub/My_App"), "my-app");
        assert_eq!(slug("___"), "artifact");
        assert_eq!(slug(&"x".repeat(300)).len(), 60);
    }
}
