//! Folders as git sees them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use gix_hash::ObjectId;

use crate::error::GitError;
use crate::id::{Object, ObjectKind, TreeId};
use crate::path::{MAX_FILE, MAX_FILES, MAX_FOLDER, PathError, RepoPath};

/// Files by their path relative to a folder.
pub type FileMap = BTreeMap<RepoPath, Vec<u8>>;

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A file that may be run.
    Executable,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A reference to a commit of another repository.
    Submodule,
}

impl EntryKind {
    fn mode(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Folder => "40000",
            Self::Symlink => "120000",
            Self::Submodule => "160000",
        }
    }

    pub(crate) fn parse(mode: &[u8]) -> Option<Self> {
        MODES.iter().find(|(text, _)| text.as_bytes() == mode).map(|(_, kind)| *kind)
    }
}

/// All modes that there are, in each form that they are written.
const MODES: [(&str, EntryKind); 7] = [
    ("40000", EntryKind::Folder),
    ("100644", EntryKind::File),
    ("100755", EntryKind::Executable),
    ("120000", EntryKind::Symlink),
    ("160000", EntryKind::Submodule),
    // Very old repositories have group-writable files.
    ("100664", EntryKind::File),
    ("040000", EntryKind::Folder),
];

/// One name in a tree.
///
/// A tree of ten thousand is copied for each release, so a copy of an entry allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Arc<[u8]>,
    pub(crate) kind: EntryKind,
    pub(crate) id: ObjectId,
    /// The mode as it was read, so that what belongs to others is written back byte by byte.
    mode: &'static str,
}

impl Entry {
    pub(crate) fn new(name: &str, kind: EntryKind, id: ObjectId) -> Self {
        Self { name: name.as_bytes().into(), kind, id, mode: kind.mode() }
    }

    pub(crate) fn name_lossy(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// Git sorts a folder as if its name ended with a slash.
    fn sort_key(&self) -> impl Iterator<Item = u8> + '_ {
        let slash = (self.kind == EntryKind::Folder).then_some(b'/');
        self.name.iter().copied().chain(slash)
    }
}

/// One tree object, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) entries: Vec<Entry>,
}

impl Tree {
    pub(crate) fn decode(mut data: &[u8]) -> Result<Self, GitError> {
        let broken =
            || GitError::cache("a tree object in the cache is damaged: it is fetched again");
        let mut entries = Vec::new();
        while !data.is_empty() {
            let space = data.iter().position(|b| *b == b' ').ok_or_else(broken)?;
            let (mode, rest) = (&data[..space], &data[space + 1..]);
            let nul = rest.iter().position(|b| *b == 0).ok_or_else(broken)?;
            let (name, rest) = (&rest[..nul], &rest[nul + 1..]);
            let hash = rest.get(..20).ok_or_else(broken)?;
            let id = ObjectId::try_from(hash).map_err(|_| broken())?;
            let known = MODES.iter().find(|(text, _)| text.as_bytes() == mode);
            let (mode, kind) = *known.ok_or_else(broken)?;
            entries.push(Entry { name: name.into(), kind, id, mode });
            data = &rest[20..];
        }
        Ok(Self { entries })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.entries.len() * 48);
        for entry in &self.entries {
            data.extend_from_slice(entry.mode.as_bytes());
            data.push(b' ');
            data.extend_from_slice(&entry.name);
            data.push(0);
            data.extend_from_slice(entry.id.as_slice());
        }
        data
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| *e.name == *name.as_bytes())
    }

    /// Returns another entry whose name differs only in case.
    pub(crate) fn case_twin(&self, name: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|e| *e.name != *name.as_bytes() && e.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Puts an entry in its place, instead of one with the same name.
    pub(crate) fn put(&mut self, entry: Entry) {
        self.remove(&entry.name);
        let at = self
            .entries
            .partition_point(|e| e.sort_key().cmp(entry.sort_key()) == std::cmp::Ordering::Less);
        self.entries.insert(at, entry);
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        self.entries.retain(|e| *e.name != *name);
    }
}

/// A folder's objects, ready to be written.
#[derive(Debug)]
pub(crate) struct BuiltFolder {
    pub(crate) id: TreeId,
    pub(crate) trees: HashMap<ObjectId, Arc<Tree>>,
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
    trees: &mut HashMap<ObjectId, Arc<Tree>>,
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
        tree.put(Entry::new(name, EntryKind::File, *id));
    }
    for (name, folder) in &node.folders {
        let id = build_node(folder, &format!("{prefix}{name}/"), trees)?;
        tree.put(Entry::new(name, EntryKind::Folder, id));
    }
    let id = crate::id::hash(ObjectKind::Tree, &tree.encode());
    trees.insert(id, Arc::new(tree));
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

    #[test]
    fn a_tree_is_written_back_as_it_was_read() {
        let mut data = Vec::new();
        for (mode, name) in [("100664", "old"), ("040000", "z"), ("120000", "zz")] {
            data.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            data.extend_from_slice(&[7; 20]);
        }
        assert_eq!(Tree::decode(&data).unwrap().encode(), data);
        assert!(Tree::decode(&data[..30]).is_err());
    }
}
