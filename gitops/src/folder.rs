//! Folders of files, built into objects.

use std::collections::{BTreeMap, HashMap};

use gix_hash::ObjectId;

use crate::id::{Object, ObjectKind, TreeId, hash};
use crate::path::{MAX_FILE, MAX_FILES, MAX_FOLDER, PathError, RepoPath};
use crate::tree::{EntryKind, Tree};

/// Files by their path relative to a folder.
pub type FileMap = BTreeMap<RepoPath, Vec<u8>>;

/// A folder's objects, ready to be written.
#[derive(Debug)]
pub(crate) struct BuiltFolder {
    pub(crate) id: TreeId,
    pub(crate) trees: HashMap<ObjectId, Tree>,
    pub(crate) blobs: Vec<Object>,
}

/// Returns the id of a folder with exactly these files.
pub fn tree_id(files: &FileMap) -> Result<TreeId, PathError> {
    build_folder(files).map(|built| built.id)
}

pub(crate) fn check_file(path: &str, data: &[u8]) -> Result<(), PathError> {
    if data.len() > MAX_FILE {
        return Err(PathError::FileTooLarge { path: path.to_owned(), size: data.len() });
    }
    Ok(())
}

fn check_limits(files: &FileMap) -> Result<(), PathError> {
    if files.len() > MAX_FILES {
        return Err(PathError::TooManyFiles(files.len()));
    }
    for (path, data) in files {
        check_file(path.as_str(), data)?;
    }
    let total = files.values().map(Vec::len).sum();
    if total > MAX_FOLDER {
        return Err(PathError::FolderTooLarge(total));
    }
    Ok(())
}

#[derive(Default)]
struct Node<'a> {
    files: BTreeMap<&'a str, ObjectId>,
    folders: BTreeMap<&'a str, Self>,
}

pub(crate) fn build_folder(files: &FileMap) -> Result<BuiltFolder, PathError> {
    check_limits(files)?;
    let mut root = Node::default();
    let mut blobs = Vec::with_capacity(files.len());
    for (path, data) in files {
        let blob = Object::new(ObjectKind::Blob, data.clone());
        let parts: Vec<_> = path.parts().collect();
        let mut node = &mut root;
        if let Some((name, folders)) = parts.split_last() {
            for folder in folders {
                node = node.folders.entry(folder).or_default();
            }
            node.files.insert(name, blob.id);
        }
        blobs.push(blob);
    }
    let mut trees = HashMap::new();
    let id = build_node(&root, "", &mut trees)?;
    Ok(BuiltFolder { id: TreeId(id), trees, blobs })
}

// Depth is bounded by MAX_DEPTH, so recursion is.
fn build_node(
    node: &Node<'_>,
    prefix: &str,
    trees: &mut HashMap<ObjectId, Tree>,
) -> Result<ObjectId, PathError> {
    let full = |name: &str| format!("{prefix}{name}");
    let mut folded: HashMap<String, &str> = HashMap::new();
    for name in node.files.keys().chain(node.folders.keys()) {
        match folded.insert(name.to_ascii_lowercase(), name) {
            Some(twin) if twin == *name => return Err(PathError::FileAndFolder(full(name))),
            Some(twin) => return Err(PathError::Case(full(twin), full(name))),
            None => {}
        }
    }
    let mut tree = Tree::default();
    for (name, id) in &node.files {
        tree = tree.with(name, EntryKind::File, *id);
    }
    for (name, folder) in &node.folders {
        let id = build_node(folder, &format!("{prefix}{name}/"), trees)?;
        tree = tree.with(name, EntryKind::Folder, id);
    }
    let id = hash(ObjectKind::Tree, tree.encoded());
    trees.insert(id, tree);
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> FileMap {
        paths.iter().map(|p| (RepoPath::parse(p).unwrap(), b"x\n".to_vec())).collect()
    }

    #[test]
    fn names_that_differ_only_in_case_are_refused() {
        assert_eq!(
            tree_id(&files(&["a/B.yaml", "a/b.yaml"])),
            Err(PathError::Case("a/B.yaml".into(), "a/b.yaml".into()))
        );
        assert!(matches!(tree_id(&files(&["A/x", "a/y"])), Err(PathError::Case(..))));
    }

    #[test]
    fn a_name_that_is_file_and_folder_is_refused() {
        assert_eq!(tree_id(&files(&["a", "a/b"])), Err(PathError::FileAndFolder("a".into())));
    }

    #[test]
    fn limits_are_kept() {
        let path = |i: usize| RepoPath::parse(&format!("f{i}")).unwrap();
        let many: FileMap = (0..=MAX_FILES).map(|i| (path(i), Vec::new())).collect();
        assert_eq!(tree_id(&many), Err(PathError::TooManyFiles(501)));
        let large: FileMap = [(path(0), vec![0; MAX_FILE + 1])].into();
        assert!(tree_id(&large).unwrap_err().is_too_large());
        let heavy: FileMap = (0..9).map(|i| (path(i), vec![0; MAX_FILE])).collect();
        assert_eq!(tree_id(&heavy), Err(PathError::FolderTooLarge(9 * MAX_FILE)));
    }

    #[test]
    fn no_files_are_the_empty_tree() {
        assert_eq!(tree_id(&FileMap::new()), Ok(TreeId::empty()));
        assert_eq!(TreeId::empty().to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }
}
