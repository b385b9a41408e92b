//! Charts on disk.

use std::fs;
use std::path::Path;

use super::ignore::Rules;
use super::{ChartError, File, Loader, without_bom};

/// Directories nested deeper than this are refused; a link can make an endless tree.
const DEPTH_LIMIT: usize = 64;

/// Reads a directory in the order Helm does.
pub(super) fn read(dir: &Path, loader: &mut Loader) -> Result<Vec<File>, ChartError> {
    let root = fs::canonicalize(dir).map_err(|error| failed(&dir.display().to_string(), &error))?;
    let rules = match fs::read(root.join(".helmignore")) {
        Ok(text) => Rules::parse(&String::from_utf8_lossy(&text))?,
        Err(_) => Rules::parse("")?,
    };
    let mut files = Vec::new();
    Walk { root: &root, rules, loader, files: &mut files }.directory("", 0)?;
    Ok(files)
}

fn failed(path: &str, error: &std::io::Error) -> ChartError {
    ChartError::Directory(format!("{path}: {error}"))
}

struct Walk<'a> {
    root: &'a Path,
    rules: Rules,
    loader: &'a mut Loader,
    files: &'a mut Vec<File>,
}

impl Walk<'_> {
    fn directory(&mut self, relative: &str, depth: usize) -> Result<(), ChartError> {
        if depth > DEPTH_LIMIT {
            return Err(ChartError::Directory(format!("{relative}: nested too deeply")));
        }
        let mut names = Vec::new();
        let listing = fs::read_dir(self.root.join(relative));
        for entry in listing.map_err(|error| failed(relative, &error))? {
            let entry = entry.map_err(|error| failed(relative, &error))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        for name in names {
            let path = if relative.is_empty() { name } else { format!("{relative}/{name}") };
            self.entry(path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: String, depth: usize) -> Result<(), ChartError> {
        let full = self.root.join(&path);
        let real = fs::canonicalize(&full).map_err(|error| failed(&path, &error))?;
        if !real.starts_with(self.root) {
            return Err(ChartError::Path(format!("{path} is a link that leaves the chart")));
        }
        let found = fs::metadata(&real).map_err(|error| failed(&path, &error))?;
        if self.rules.ignores(&path, found.is_dir()) {
            return Ok(());
        }
        if found.is_dir() {
            return self.directory(&path, depth + 1);
        }
        if !found.is_file() {
            return Err(ChartError::Directory(format!("cannot load irregular file {path}")));
        }
        self.loader.admit(&path, found.len())?;
        let data = fs::read(&real).map_err(|error| failed(&path, &error))?;
        self.files.push(File { path, data: without_bom(data).into() });
        Ok(())
    }
}
