//! The dependencies that a chart declares but does not carry.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ChartFetchError;
use crate::git::Checkout;
use crate::range::VersionRange;
use crate::tree::Tree;

/// How deep dependencies of dependencies are followed.
pub(crate) const DEPTH_LIMIT: usize = 5;

/// Where a chart lies, for dependencies that are named relative to it.
#[derive(Clone)]
pub(crate) enum Place<'a> {
    /// In an archive or in the program: nothing is beside it.
    Alone,
    /// In a folder; nothing outside `root` is read.
    Folder { folder: PathBuf, root: PathBuf },
    /// In a commit.
    Commit { checkout: &'a Checkout, path: String },
}

/// One dependency that has to be fetched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) repository: String,
    pub(crate) version: String,
}

#[derive(Default, Deserialize)]
struct Declared {
    #[serde(default)]
    dependencies: Option<Vec<Entry>>,
}

#[derive(Clone, Deserialize)]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    version: Option<String>,
}

/// Returns the declared dependencies with these names, at the versions of the lock file if any.
pub(crate) fn declared(
    what: &str,
    tree: &Tree,
    missing: &[String],
) -> Result<Vec<Dependency>, ChartFetchError> {
    let read = |files: [&str; 2]| -> Result<Vec<Entry>, ChartFetchError> {
        for file in files {
            let Some(bytes) = tree.get(file) else { continue };
            let text = String::from_utf8_lossy(bytes);
            let declared: Declared = serde_saphyr::from_str(&text).map_err(|error| {
                let error = error.to_string();
                let line = error.lines().next().unwrap_or_default();
                ChartFetchError::invalid_chart(what, format!("{file}: {line}"))
            })?;
            if let Some(entries) = declared.dependencies {
                return Ok(entries);
            }
        }
        Ok(Vec::new())
    };
    let locked: HashMap<(String, String), String> = read(["Chart.lock", "requirements.lock"])?
        .into_iter()
        .filter_map(|entry| Some(((entry.name, entry.repository?), entry.version?)))
        .collect();
    let mut found = Vec::new();
    for entry in read(["Chart.yaml", "requirements.yaml"])? {
        if !missing.contains(&entry.name) {
            continue;
        }
        let repository = entry.repository.unwrap_or_default();
        let wanted = entry.version.unwrap_or_default();
        let version = locked
            .get(&(entry.name.clone(), repository.clone()))
            .filter(|locked| satisfies(locked, &wanted))
            .cloned()
            .unwrap_or(wanted);
        let dependency = Dependency { name: entry.name, repository, version };
        // One chart under two aliases is declared twice and needed once.
        if !found.contains(&dependency) {
            found.push(dependency);
        }
    }
    Ok(found)
}

/// A lock that no longer fits the declared range is out of date, so it does not count.
fn satisfies(locked: &str, wanted: &str) -> bool {
    crate::range::parse_version(locked)
        .zip(VersionRange::parse(wanted).ok())
        .is_some_and(|(version, range)| range.matches(&version))
}

/// Returns the place of a dependency named by `file://`, inside the same source tree.
pub(crate) fn beside<'a>(
    what: &str,
    place: &Place<'a>,
    relative: &str,
) -> Result<Place<'a>, ChartFetchError> {
    let outside = || {
        let detail = format!("dependency file://{relative} lies outside of the chart's source");
        ChartFetchError::invalid_chart(what, detail)
    };
    match place {
        Place::Alone => Err(outside()),
        Place::Folder { folder, root } => {
            let target = folder.join(relative).canonicalize().map_err(|_| outside())?;
            if Path::new(relative).is_absolute() || !target.starts_with(root) {
                return Err(outside());
            }
            Ok(Place::Folder { folder: target, root: root.clone() })
        }
        Place::Commit { checkout, path } => {
            let path = join(path, relative).ok_or_else(outside)?;
            Ok(Place::Commit { checkout, path })
        }
    }
}

fn join(base: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use gimlet_helm::ChartFile;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let files = files
            .iter()
            .map(|(path, text)| ChartFile { path: (*path).into(), data: (*text).into() });
        Tree::new("shop", files).unwrap()
    }

    const CHART: &str = "
name: shop
dependencies:
  - {name: db, repository: 'https://example.com', version: ^1.2, alias: a}
  - {name: db, repository: 'https://example.com', version: ^1.2, alias: b}
  - {name: common, repository: 'file://../common', version: 0.x.x}
";

    #[test]
    fn a_lock_decides_the_version_while_it_fits() {
        for (locked, wanted) in [("1.3.0", "1.3.0"), ("2.0.0", "^1.2")] {
            let lock = format!(
                "dependencies: [{{name: db, repository: 'https://example.com', version: {locked}}}]"
            );
            let tree = tree(&[("Chart.yaml", CHART), ("Chart.lock", &lock)]);
            let found = declared("shop", &tree, &["db".into()]).unwrap();
            assert_eq!(found.len(), 1, "two aliases are one chart");
            assert_eq!(found[0].version, wanted);
        }
    }

    #[test]
    fn only_what_is_missing_is_fetched() {
        let found = declared("shop", &tree(&[("Chart.yaml", CHART)]), &["common".into()]).unwrap();
        assert_eq!(found[0].repository, "file://../common");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_relative_path_stays_in_the_repository() {
        assert_eq!(join("charts/shop", "../common").as_deref(), Some("charts/common"));
        assert_eq!(join("charts/shop", "./sub/").as_deref(), Some("charts/shop/sub"));
        assert_eq!(join("shop", "../../etc"), None);
        assert_eq!(join("shop", "/etc"), None);
    }
}
