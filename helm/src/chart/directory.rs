//! Charts on disk.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::ignore::Rules;
use super::{COUNT_LIMIT, ChartError, FILE_LIMIT, File, Loader, count, without_bom};

/// Directories nested deeper than this are refused; a link can make an endless tree.
const DEPTH_LIMIT: usize = 64;
/// What matching all paths with the rules may take.
const MATCH_LIMIT: usize = 1 << 30;
/// Largest `.helmignore`.
const RULES_LIMIT: u64 = 64 << 10;

/// Reads a directory in the order Helm does.
pub(super) fn read(dir: &Path, loader: &mut Loader) -> Result<Vec<File>, ChartError> {
    let root = fs::canonicalize(dir).map_err(|error| failed(&dir.display().to_string(), &error))?;
    let mut files = Vec::new();
    let mut walk = Walk {
        root: &root,
        rules: Rules::parse("")?,
        loader,
        files: &mut files,
        entries: COUNT_LIMIT,
        matching: MATCH_LIMIT,
    };
    // Helm looks for the file without the rules in it.
    if fs::symlink_metadata(root.join(IGNORE)).is_ok() {
        let (real, found) = walk.inside(IGNORE)?;
        let text = content(IGNORE, &real, &found, RULES_LIMIT)?;
        walk.rules = Rules::parse(&String::from_utf8_lossy(&text))?;
    }
    walk.directory("", 0)?;
    Ok(files)
}

const IGNORE: &str = ".helmignore";

fn failed(path: &str, error: &std::io::Error) -> ChartError {
    ChartError::Directory(format!("{path}: {error}"))
}

/// Reads a file that may be replaced while it is read, so its size is not trusted.
fn content(
    path: &str,
    real: &Path,
    found: &fs::Metadata,
    limit: u64,
) -> Result<Vec<u8>, ChartError> {
    if !found.is_file() {
        return Err(ChartError::Directory(format!("cannot load irregular file {path}")));
    }
    let mut data = Vec::new();
    fs::File::open(real)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut data))
        .map_err(|error| failed(path, &error))?;
    if data.len() as u64 > limit {
        return Err(ChartError::TooLarge { what: format!("chart file {path:?}"), limit });
    }
    Ok(data)
}

struct Walk<'a> {
    root: &'a Path,
    rules: Rules,
    loader: &'a mut Loader,
    files: &'a mut Vec<File>,
    /// Files and directories that may still be looked at.
    entries: usize,
    /// Pairs of symbols that may still be compared to match paths with the rules.
    matching: usize,
}

impl Walk<'_> {
    fn directory(&mut self, relative: &str, depth: usize) -> Result<(), ChartError> {
        if depth > DEPTH_LIMIT {
            return Err(ChartError::Directory(format!(
                "{relative}: nested deeper than the limit of {DEPTH_LIMIT} levels"
            )));
        }
        let mut names = Vec::new();
        let listing = fs::read_dir(self.root.join(relative));
        for entry in listing.map_err(|error| failed(relative, &error))? {
            let entry = entry.map_err(|error| failed(relative, &error))?;
            count(&mut self.entries, "files and directories", COUNT_LIMIT)?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        for name in names {
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            self.entry(path, depth)?;
        }
        Ok(())
    }

    /// Where a path leads, if that is inside the chart.
    fn inside(&self, path: &str) -> Result<(PathBuf, fs::Metadata), ChartError> {
        let real = fs::canonicalize(self.root.join(path)).map_err(|error| failed(path, &error))?;
        if !real.starts_with(self.root) {
            return Err(ChartError::Path(format!("{path} is a link that leaves the chart")));
        }
        let found = fs::metadata(&real).map_err(|error| failed(path, &error))?;
        Ok((real, found))
    }

    fn entry(&mut self, path: String, depth: usize) -> Result<(), ChartError> {
        let (real, found) = self.inside(&path)?;
        let effort = self.rules.effort().saturating_mul(path.len());
        let Some(rest) = self.matching.checked_sub(effort) else {
            return Err(ChartError::Directory(format!(
                "{IGNORE}: matching takes more than the limit of {MATCH_LIMIT} comparisons"
            )));
        };
        self.matching = rest;
        if self.rules.ignores(&path, found.is_dir()) {
            return Ok(());
        }
        if found.is_dir() {
            return self.directory(&path, depth + 1);
        }
        let data = content(&path, &real, &found, FILE_LIMIT)?;
        self.loader.admit(&path, data.len() as u64)?;
        self.files.push(File { path, data: without_bom(data).into() });
        Ok(())
    }
}
