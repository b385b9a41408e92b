//! The files of a chart, and their canonical form.
//!
//! Archives are identified by the digest of their bytes. Charts from folders and from git have no
//! such bytes, so their files are written one after the other in a fixed form, and the digest of
//! that is the chart's. The form is also what the cache stores.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use gimlet_helm::ChartFile;
use sha2::{Digest as _, Sha256};

use crate::ChartFetchError;

/// The most bytes that all files of a chart may have.
pub(crate) const TOTAL_LIMIT: u64 = 100 * 1024 * 1024;
/// The most bytes that one file of a chart may have.
pub(crate) const FILE_LIMIT: u64 = 5 * 1024 * 1024;
/// The most files that a chart may have.
pub(crate) const COUNT_LIMIT: usize = 20_000;

/// Files by path, relative to the chart's root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Tree {
    /// Collects files, refusing paths that leave the root.
    pub(crate) fn new(
        what: &str,
        files: impl IntoIterator<Item = ChartFile>,
    ) -> Result<Self, ChartFetchError> {
        let mut tree = Self::default();
        for file in files {
            tree.insert(what, file.path, file.data)?;
        }
        Ok(tree)
    }

    /// Adds a file; a later one with the same path replaces the earlier.
    pub(crate) fn insert(
        &mut self,
        what: &str,
        path: String,
        data: Vec<u8>,
    ) -> Result<(), ChartFetchError> {
        if !is_safe_path(&path) {
            let detail = format!("the path {path:?} leaves the chart");
            return Err(ChartFetchError::InvalidChart { what: what.to_owned(), detail });
        }
        let size = data.len() as u64;
        if size > FILE_LIMIT {
            return Err(too_large(format!("file {path} of {what}"), FILE_LIMIT));
        }
        self.bytes += size;
        if let Some(replaced) = self.files.insert(path, data) {
            self.bytes -= replaced.len() as u64;
        }
        if self.bytes > TOTAL_LIMIT {
            return Err(too_large(what.to_owned(), TOTAL_LIMIT));
        }
        if self.files.len() > COUNT_LIMIT {
            return Err(ChartFetchError::invalid_chart(
                what,
                format!("it has more than {COUNT_LIMIT} files"),
            ));
        }
        Ok(())
    }

    /// Adds all files of another tree under a folder.
    pub(crate) fn graft(
        &mut self,
        what: &str,
        folder: &str,
        other: Self,
    ) -> Result<(), ChartFetchError> {
        for (path, data) in other.files {
            self.insert(what, format!("{folder}/{path}"), data)?;
        }
        Ok(())
    }

    pub(crate) fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    pub(crate) fn remove(&mut self, path: &str) {
        if let Some(removed) = self.files.remove(path) {
            self.bytes -= removed.len() as u64;
        }
    }

    /// Returns the canonical form: length and bytes of each path and file, in order of paths.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, data) in &self.files {
            bytes.extend((path.len() as u64).to_be_bytes());
            bytes.extend(path.as_bytes());
            bytes.extend((data.len() as u64).to_be_bytes());
            bytes.extend(data);
        }
        bytes
    }

    /// Reads the canonical form.
    pub(crate) fn from_bytes(what: &str, mut bytes: &[u8]) -> Result<Self, ChartFetchError> {
        let broken = || ChartFetchError::invalid_chart(what, "its stored form is damaged");
        let mut tree = Self::default();
        while !bytes.is_empty() {
            let path = take(&mut bytes).ok_or_else(broken)?;
            let path = std::str::from_utf8(path).map_err(|_| broken())?.to_owned();
            let data = take(&mut bytes).ok_or_else(broken)?.to_vec();
            tree.insert(what, path, data)?;
        }
        Ok(tree)
    }

    /// Writes the files below a folder.
    pub(crate) fn write_to(&self, folder: &Path) -> std::io::Result<()> {
        for (path, data) in &self.files {
            let target = folder.join(path);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(target, data)?;
        }
        Ok(())
    }

    /// Reads a folder; links that leave `root` are refused.
    pub(crate) fn read_folder(
        what: &str,
        folder: &Path,
        root: &Path,
    ) -> Result<Self, ChartFetchError> {
        let mut tree = Self::default();
        let mut open = vec![(folder.to_owned(), String::new())];
        while let Some((dir, prefix)) = open.pop() {
            if prefix.matches('/').count() > 64 {
                return Err(ChartFetchError::invalid_chart(what, "its folders are too deep"));
            }
            let reading = || ChartFetchError::local(format!("read {}", dir.display()));
            for entry in fs::read_dir(&dir).map_err(reading())? {
                let entry = entry.map_err(reading())?;
                let name = entry.file_name().into_string().map_err(|name| {
                    ChartFetchError::invalid_chart(
                        what,
                        format!("file name {} is not UTF-8", name.display()),
                    )
                })?;
                if name == ".git" {
                    continue;
                }
                let path = entry.path();
                let real = path.canonicalize().map_err(reading())?;
                if !real.starts_with(root) {
                    let detail = format!("{prefix}{name} is a link that leaves the source tree");
                    return Err(ChartFetchError::invalid_chart(what, detail));
                }
                let metadata = fs::metadata(&real).map_err(reading())?;
                if metadata.is_dir() {
                    open.push((path, format!("{prefix}{name}/")));
                } else if metadata.len() > FILE_LIMIT {
                    return Err(too_large(format!("file {prefix}{name} of {what}"), FILE_LIMIT));
                } else {
                    let data = fs::read(&real).map_err(reading())?;
                    tree.insert(what, format!("{prefix}{name}"), data)?;
                }
            }
        }
        Ok(tree)
    }
}

/// Returns `sha256:…` of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (head, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(head)
}

pub(crate) fn is_safe_path(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\0', '\\'])
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
        && !path.split('/').any(|part| part.is_empty() || part == "." || part == "..")
}

pub(crate) fn too_large(what: String, limit: u64) -> ChartFetchError {
    ChartFetchError::TooLarge { what, limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, data: &str) -> ChartFile {
        ChartFile { path: path.into(), data: data.into() }
    }

    #[test]
    fn the_canonical_form_ignores_the_order_of_files() {
        let one = Tree::new("a", [file("a", "1"), file("b/c", "2")]).unwrap();
        let two = Tree::new("a", [file("b/c", "2"), file("a", "1")]).unwrap();
        assert_eq!(one.to_bytes(), two.to_bytes());
        let moved = Tree::new("a", [file("a", "1b"), file("/c".trim_matches('/'), "2")]).unwrap();
        assert_ne!(one.to_bytes(), moved.to_bytes());
    }

    #[test]
    fn the_canonical_form_is_read_back() {
        let tree = Tree::new("a", [file("Chart.yaml", "name: a"), file("t/x", "")]).unwrap();
        let back = Tree::from_bytes("a", &tree.to_bytes()).unwrap();
        assert_eq!(back.get("Chart.yaml"), Some(b"name: a".as_slice()));
        assert_eq!(back.to_bytes(), tree.to_bytes());
        let mut cut = tree.to_bytes();
        cut.pop();
        cut.truncate(20);
        assert!(Tree::from_bytes("a", &cut).is_err());
    }

    #[test]
    fn a_path_that_leaves_the_chart_is_refused() {
        for path in ["../x", "/etc/passwd", "a/../b", "a//b", "./a", "", "a\\b", "a\0"] {
            assert!(Tree::new("a", [file(path, "")]).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_link_out_of_the_source_tree_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let chart = root.join("chart");
        fs::create_dir(&chart).unwrap();
        fs::write(chart.join("Chart.yaml"), "name: a").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", chart.join("stolen")).unwrap();
        let error = Tree::read_folder("chart", &chart, &root).unwrap_err();
        assert_eq!(error.reason(), "InvalidChart");
    }
}
