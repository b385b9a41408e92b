//! The dependencies that a chart declares but does not carry.

use std::path::{Path, PathBuf};

use gimlet_helm::{Chart, LockedDependency};
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

/// Returns the dependencies that a chart declares but lacks, at the versions of its lock file.
///
/// A lock file that was made for other dependencies is an error, as with `helm dependency build`.
pub(crate) fn declared(
    what: &str,
    tree: &Tree,
    chart: &Chart,
) -> Result<Vec<Dependency>, ChartFetchError> {
    let missing = chart.missing_dependencies();
    let wanted = entries(what, tree)?;
    for entry in wanted.iter().filter(|entry| missing.contains(&entry.name)) {
        let repository = entry.repository.as_deref().unwrap_or_default();
        if repository.starts_with('@') || repository.starts_with("alias:") {
            let detail = format!(
                "dependency {} comes from {repository:?}, a name that only a helm configuration \
                 knows; write the address of the repository into Chart.yaml, or vendor the chart",
                entry.name
            );
            return Err(ChartFetchError::invalid_chart(what, detail));
        }
    }
    let locked = match chart.locked_dependencies() {
        None => Vec::new(),
        Some(Ok(locked)) => locked,
        Some(Err(problem)) => {
            return Err(ChartFetchError::invalid_chart(what, problem.to_string()));
        }
    };
    let mut found = Vec::new();
    for entry in wanted {
        if !missing.contains(&entry.name) {
            continue;
        }
        let repository = entry.repository.unwrap_or_default();
        let wanted = entry.version.unwrap_or_default();
        let fits = |locked: &&LockedDependency| {
            locked.name == entry.name && satisfies(&locked.version, &wanted)
        };
        let version = locked
            .iter()
            .find(fits)
            .map_or_else(|| wanted.clone(), |locked| locked.version.clone());
        let dependency = Dependency { name: entry.name, repository, version };
        // One chart under two aliases is declared twice and needed once.
        if !found.contains(&dependency) {
            found.push(dependency);
        }
    }
    Ok(found)
}

fn entries(what: &str, tree: &Tree) -> Result<Vec<Entry>, ChartFetchError> {
    // Old charts list them in a file of its own, which wins.
    for file in ["requirements.yaml", "Chart.yaml"] {
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
}

/// Tells whether a locked version is one of those wanted under this entry's name.
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

    const CHART: &str = "
apiVersion: v2
name: shop
version: 1.0.0
dependencies:
  - {name: db, repository: 'https://example.com', version: ^1.2, alias: a}
  - {name: db, repository: 'https://example.com', version: ^1.2, alias: b}
  - {name: common, repository: 'file://../common', version: 0.x.x}
";
    /// As `helm dependency build` writes it for the chart above.
    const LOCK: &str = "
dependencies:
- {name: db, repository: 'https://example.com', version: 1.3.0}
- {name: db, repository: 'https://example.com', version: 1.3.0}
- {name: common, repository: 'file://../common', version: 0.4.0}
digest: DIGEST
generated: '2025-01-01T00:00:00Z'
";

    const LOCK_DIGEST: &str =
        "sha256:1b5e745fe8c4bd7d17bc7db47f0ea038a6c4640908236cef8bc3d7a524245c4a";

    #[expect(clippy::unwrap_in_result, reason = "the files of a test are sound")]
    fn found(files: &[(&str, &str)]) -> Result<Vec<Dependency>, ChartFetchError> {
        let files = || {
            files
                .iter()
                .map(|(path, text)| ChartFile { path: (*path).into(), data: (*text).into() })
        };
        let chart = Chart::from_files(files().collect()).unwrap();
        declared("shop", &Tree::new("shop", files()).unwrap(), &chart)
    }

    #[test]
    fn a_lock_decides_the_version() {
        let lock = LOCK.replace("DIGEST", LOCK_DIGEST);
        let found = found(&[("Chart.yaml", CHART), ("Chart.lock", &lock)]).unwrap();
        let found: Vec<_> = found.iter().map(|found| (&*found.name, &*found.version)).collect();
        assert_eq!(found, [("db", "1.3.0"), ("common", "0.4.0")], "two aliases are one chart");
    }

    #[test]
    fn a_lock_of_other_dependencies_is_refused() {
        let lock = LOCK.replace("DIGEST", LOCK_DIGEST).replace("1.3.0", "1.4.0");
        let error = found(&[("Chart.yaml", CHART), ("Chart.lock", &lock)]).unwrap_err();
        assert!(
            error.to_string().contains(
                "the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml)"
            ),
            "{error}"
        );
    }

    #[test]
    fn without_a_lock_the_range_counts() {
        let found = found(&[("Chart.yaml", CHART)]).unwrap();
        assert_eq!(found[0].version, "^1.2");
        assert_eq!(found[1].repository, "file://../common");
    }

    #[test]
    fn only_what_is_missing_is_fetched() {
        let vendored = "apiVersion: v2\nname: db\nversion: 1.3.0\n";
        let found = found(&[("Chart.yaml", CHART), ("charts/db/Chart.yaml", vendored)]).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "common");
    }

    #[test]
    fn a_repository_known_to_a_helm_configuration_only_is_refused() {
        for name in ["'@stable'", "'alias:stable'"] {
            let chart = CHART.replace("'https://example.com'", name);
            let error = found(&[("Chart.yaml", &chart)]).unwrap_err();
            assert!(error.to_string().contains("only a helm configuration knows"), "{error}");
        }
    }

    #[test]
    fn a_relative_path_stays_in_the_repository() {
        assert_eq!(join("charts/shop", "../common").as_deref(), Some("charts/common"));
        assert_eq!(join("charts/shop", "./sub/").as_deref(), Some("charts/shop/sub"));
        assert_eq!(join("shop", "../../etc"), None);
        assert_eq!(join("shop", "/etc"), None);
    }
}
