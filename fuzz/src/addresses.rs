//! Addresses of repositories and charts, and ranges of versions.

use gimlet_charts::{
    ChartRef, GitReference, LocalPolicy, OciReference, Source, VersionRange, parse_version,
};
use gimlet_gitops::{BranchName, RemoteUrl};
use gimlet_hosts::{Address, Provider};

use crate::{explained, parts};

/// A name, a repository and a version of a chart; each line is taken for an address of a repository and
/// for the name of a branch too.
pub fn addresses(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let [name, repository, version] = parts(&text);
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let chart =
        ChartRef { name: name.to_owned(), repository: some(repository), version: some(version) };
    match Source::parse(&chart, &LocalPolicy::Refuse) {
        Ok(source) => remote(&source),
        Err(error) => {
            explained(&error);
        }
    }
    for line in text.lines() {
        address(line);
        url(line);
        branch(line);
    }
}

/// What is released never comes from the machine's own disk, and nothing is an option of git.
fn remote(source: &Source) {
    explained(source);
    match source {
        Source::BuiltIn | Source::Local(_) | Source::Archive(_) => {
            assert_eq!(*source, Source::BuiltIn, "it is on this machine's disk");
        }
        Source::ArchiveUrl(url) | Source::Repository { url, .. } => {
            assert!(matches!(url.scheme(), "http" | "https"), "{url}");
            assert!(url.username().is_empty() && url.password().is_none(), "{url}");
        }
        Source::Oci { registry, repository, reference } => {
            assert!(!registry.contains(['/', '@', ' ']), "{registry}");
            assert!(!repository.contains("..") && !repository.starts_with('/'), "{repository}");
            if let OciReference::Tag(tag) | OciReference::Digest(tag) = reference {
                assert!(!tag.contains(['/', '?', '#', '@', ' ']), "{tag}");
            }
        }
        Source::Git { url, path, reference } => {
            assert!(!url.starts_with('-') && !url.starts_with("file:"), "{url}");
            assert!(!path.starts_with('/') && path.split('/').all(|part| part != ".."), "{path}");
            if let GitReference::Branch(name)
            | GitReference::Tag(name)
            | GitReference::Commit(name) = reference
            {
                assert!(!name.starts_with('-') && !name.contains(".."), "{name}");
            }
        }
    }
}

fn address(text: &str) {
    match Address::parse(text) {
        Ok(address) => {
            assert!(!address.host().is_empty());
            assert!(address.is_same(&address.to_string()), "{address} is another than itself");
            for provider in [Provider::GitHub, Provider::GitLab, Provider::Gitea] {
                let api = address.api(provider);
                assert!(api.username().is_empty() && api.password().is_none(), "{api}");
                let host = api.host_str().unwrap_or_default();
                assert!(host.ends_with(address.host()), "{api} is another host than {address}");
            }
        }
        Err(error) => {
            explained(&error);
        }
    }
}

fn url(text: &str) {
    match RemoteUrl::parse(text, false) {
        Ok(url) => {
            let again = RemoteUrl::parse(url.as_str(), false);
            assert_eq!(again.as_ref(), Ok(&url), "{text:?} is {url} and something else");
            assert!(!url.as_str().starts_with(['-', '/']), "{url}");
            assert!(
                ["https://", "http://", "ssh://"]
                    .iter()
                    .any(|start| url.as_str().starts_with(start))
            );
        }
        Err(error) => {
            explained(&error);
        }
    }
}

fn branch(text: &str) {
    match BranchName::parse(text) {
        Ok(name) => {
            assert_eq!(name.as_str(), text);
            assert!(!text.starts_with(['-', '/', '.']) && !text.contains(".."), "{text:?}");
        }
        Err(error) => {
            explained(&error);
        }
    }
}

/// A range of versions on the first line, and versions on the others.
pub fn ranges(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let range = VersionRange::parse(lines.next().unwrap_or_default());
    if let Err(error) = &range {
        explained(error);
    }
    for version in lines.filter_map(parse_version) {
        let written = parse_version(&version.to_string());
        assert_eq!(written.as_ref(), Some(&version), "{version} is another when it is read again");
        let exact = VersionRange::parse(&format!("={version}"));
        assert!(exact.is_ok_and(|exact| exact.matches(&version)), "{version} is not itself");
        if let Ok(range) = &range {
            let again = VersionRange::parse(range.as_str());
            assert!(again.is_ok_and(|again| again.matches(&version) == range.matches(&version)));
        }
    }
}
