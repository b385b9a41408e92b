//! `--output-dir`: a file for each template, laid out as helm does it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};

use gimlet_helm::Rendered;

use crate::error::CommandError;

/// A folder that templates are written to.
pub(super) struct OutputFolder {
    /// Where definitions go: helm has no folder of the release for them.
    definitions: String,
    manifests: String,
    written: BTreeSet<String>,
    log: String,
}

impl OutputFolder {
    pub(super) fn new(folder: &str, release: Option<&str>) -> Self {
        let manifests = match release {
            None => folder.to_owned(),
            Some(release) => clean(&Path::new(folder).join(release)),
        };
        Self {
            definitions: folder.to_owned(),
            manifests,
            written: BTreeSet::new(),
            log: String::new(),
        }
    }

    /// Writes all files and returns what helm tells about them.
    ///
    /// Files of an earlier run are replaced; helm appends hooks to them.
    pub(super) fn write(mut self, rendered: &Rendered) -> Result<String, CommandError> {
        for document in &rendered.crds {
            self.append(&self.definitions.clone(), &document.source, &document.content)?;
        }
        for document in &rendered.manifests {
            self.append(&self.manifests.clone(), &document.source, &document.content)?;
        }
        for hook in &rendered.hooks {
            self.append(&self.manifests.clone(), &hook.source, &hook.content)?;
        }
        Ok(self.log)
    }

    fn append(&mut self, folder: &str, source: &str, content: &str) -> Result<(), CommandError> {
        // A chart decides about its own names; it must not leave the folder with them.
        let inside =
            Path::new(source).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || source.is_empty() {
            return Err(CommandError::general(format!(
                "template {source:?} is not written: its name leaves the folder"
            )));
        }
        let name = format!("{folder}/{source}");
        let path = Path::new(&name);
        let broken = |error: std::io::Error| {
            CommandError::general(format!("{name} cannot be written: {error}"))
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(broken)?;
        }
        let known = !self.written.insert(name.clone());
        let mut options = OpenOptions::new();
        options.write(true).create(true).append(known).truncate(!known);
        let mut file = options.open(path).map_err(broken)?;
        write!(file, "---\n# Source: {source}\n{content}\n").map_err(broken)?;
        // Writing to a String cannot fail.
        let _ = writeln!(self.log, "wrote {name}");
        Ok(())
    }
}

/// Shortens a path without looking at the disk, as Go's `filepath.Clean`.
fn clean(path: &Path) -> String {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if result.file_name().is_some() => {
                result.pop();
            }
            other => result.push(other),
        }
    }
    let text = result.to_string_lossy().into_owned();
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use gimlet_helm::{Document, Hook};

    use super::*;

    fn rendered(source: &str) -> Rendered {
        let document = |content: &str| Document { source: source.into(), content: content.into() };
        Rendered {
            manifests: vec![document("a: 1"), document("b: 2")],
            hooks: vec![Hook {
                source: source.into(),
                content: "c: 3".into(),
                name: "h".into(),
                kind: "Job".into(),
                events: vec!["pre-install".into()],
                weight: 0,
            }],
            crds: vec![Document { source: "shop/crds/d.yaml".into(), content: "d: 4\n".into() }],
            ..Rendered::default()
        }
    }

    #[test]
    fn documents_of_a_template_share_a_file_and_a_second_run_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        let all = rendered("shop/templates/x.yaml");
        let log = OutputFolder::new(root, Some("rel")).write(&all).unwrap();
        let again = OutputFolder::new(root, Some("rel")).write(&all).unwrap();
        assert_eq!(log, again);
        let file = format!("{root}/rel/shop/templates/x.yaml");
        let wrote = format!("wrote {file}\n").repeat(3);
        assert_eq!(log, format!("wrote {root}/shop/crds/d.yaml\n{wrote}"));
        let text = fs::read_to_string(file).unwrap();
        let head = "---\n# Source: shop/templates/x.yaml\n";
        assert_eq!(text, format!("{head}a: 1\n{head}b: 2\n{head}c: 3\n"));
    }

    #[test]
    fn a_template_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("out");
        for source in ["../x.yaml", "/x.yaml", "a/../../x.yaml", ""] {
            let written = OutputFolder::new(root.to_str().unwrap(), None)
                .write(&Rendered { crds: Vec::new(), ..rendered(source) });
            assert!(written.is_err(), "{source}");
        }
        assert!(!root.exists());
    }

    #[test]
    fn a_folder_is_named_as_go_names_it() {
        for (path, expected) in
            [("./out/rel", "out/rel"), ("a/../b", "b"), ("../a", "../a"), ("/a//b/", "/a/b")]
        {
            assert_eq!(clean(Path::new(path)), expected);
        }
    }
}
