//! What a release would change: the folder in git against the new files.

mod diff;
mod mask;

use std::collections::BTreeMap;

use serde_json::Value;

pub use diff::{DiffOptions, FileDiff, diff, file_diffs, masked};

use crate::object::{self, Object};
use crate::{digest, record, yaml};

/// Files of a folder by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Kinds whose removal loses data or more than the app.
const WEIGHTY: [&str; 4] =
    ["CustomResourceDefinition", "Namespace", "PersistentVolume", "PersistentVolumeClaim"];

/// What would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Digest of the new files, `release.json` left out.
    pub digest: String,
    /// Number of new objects.
    pub added: u32,
    /// Number of changed objects.
    pub changed: u32,
    /// Number of removed objects.
    pub removed: u32,
    /// The objects that change, by file name.
    pub objects: Vec<PlannedObject>,
    /// What a person should know before the release.
    pub warnings: Vec<String>,
    /// Why somebody should confirm what is removed, where much is.
    pub guard: Option<String>,
}

impl Plan {
    /// Tells whether nothing changes.
    pub fn is_unchanged(&self) -> bool {
        self.objects.is_empty()
    }
}

/// An object that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedObject {
    /// Kind of the object; `File` for a file that holds no object.
    pub kind: String,
    /// Namespace of the object.
    pub namespace: Option<String>,
    /// Name of the object; the file's name for a file that holds no object.
    pub name: String,
    /// What happens to it.
    pub change: Change,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
pub enum Change {
    /// It is new.
    Added,
    /// It is there and changes.
    Changed,
    /// It goes.
    Removed,
}

/// Compares the folder in git with the new files; `release.json` does not count.
pub fn plan(old: &Files, new: &Files) -> Plan {
    let mut plan = Plan {
        digest: files_digest(new),
        added: 0,
        changed: 0,
        removed: 0,
        objects: Vec::new(),
        warnings: Vec::new(),
        guard: None,
    };
    for (name, change) in changes(old, new) {
        let bytes = new.get(name).or_else(|| old.get(name)).map_or(&[][..], Vec::as_slice);
        match change {
            Change::Added => plan.added += 1,
            Change::Changed => plan.changed += 1,
            Change::Removed => plan.removed += 1,
        }
        let object = planned(name, bytes, change);
        if change == Change::Removed && WEIGHTY.contains(&object.kind.as_str()) {
            let warning =
                format!("removes {} {:?}: what it holds is lost", object.kind, object.name);
            plan.warnings.push(warning);
        }
        plan.objects.push(object);
    }
    plan.guard = guard(&plan, old.keys().filter(|name| is_object_file(name)).count());
    plan
}

/// Tells what is removed that somebody should confirm: what holds data or other objects, or more
/// than half of all.
fn guard(plan: &Plan, before: usize) -> Option<String> {
    let removed = || plan.objects.iter().filter(|object| object.change == Change::Removed);
    let weighty: Vec<String> = removed()
        .filter(|object| WEIGHTY.contains(&object.kind.as_str()))
        .map(|object| format!("{} {}", object.kind, object.name))
        .collect();
    if let [first, others @ ..] = weighty.as_slice() {
        return Some(match others.len() {
            0 => format!("it removes {first}"),
            more => format!("it removes {first} and {more} more objects that hold data"),
        });
    }
    let count = removed().count();
    (count * 2 > before).then(|| format!("it removes {count} of {before} objects"))
}

/// Digests files by name and content, `release.json` left out.
pub fn files_digest(files: &Files) -> String {
    // Lengths go first, so that no two sets of files make the same stream.
    let files = files.iter().filter(|(name, _)| is_object_file(name)).flat_map(|(name, bytes)| {
        let length = |bytes: &[u8]| bytes.len().to_string().into_bytes();
        [
            length(name.as_bytes()),
            b" ".to_vec(),
            length(bytes),
            b" ".to_vec(),
            name.as_bytes().to_vec(),
            bytes.clone(),
        ]
    });
    format!("sha256:{}", digest::sha256(files))
}

/// Lists the files that differ, by name.
fn changes<'a>(old: &'a Files, new: &'a Files) -> BTreeMap<&'a str, Change> {
    let removed = old
        .keys()
        .filter(|name| !new.contains_key(*name))
        .map(|name| (name.as_str(), Change::Removed));
    let kept = new.iter().filter_map(|(name, bytes)| match old.get(name) {
        None => Some((name.as_str(), Change::Added)),
        Some(before) if before != bytes => Some((name.as_str(), Change::Changed)),
        Some(_) => None,
    });
    removed.chain(kept).filter(|(name, _)| is_object_file(name)).collect()
}

fn is_object_file(name: &str) -> bool {
    name != record::FILE
}

/// Names what a file holds; people may have put anything there.
fn planned(file: &str, bytes: &[u8], change: Change) -> PlannedObject {
    let objects = objects_of(bytes);
    match objects.as_slice() {
        [object] => PlannedObject {
            kind: object.kind().to_owned(),
            namespace: object.namespace().map(str::to_owned),
            name: object.name().to_owned(),
            change,
        },
        _ => PlannedObject {
            kind: "File".to_owned(),
            namespace: None,
            name: file.to_owned(),
            change,
        },
    }
}

fn objects_of(bytes: &[u8]) -> Vec<Object> {
    let values: Vec<Value> = std::str::from_utf8(bytes)
        .ok()
        .and_then(|text| yaml::documents(text).ok())
        .unwrap_or_default();
    values
        .into_iter()
        .flat_map(object::flatten)
        .filter_map(|value| Object::new(value).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Files {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn object(kind: &str, name: &str, spec: u32) -> String {
        format!(
            "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: team\nspec: {spec}\n"
        )
    }

    #[test]
    fn objects_are_counted_by_what_happens_to_them() {
        let old = files(&[
            ("a.yaml", &object("ConfigMap", "a", 1)),
            ("b.yaml", &object("ConfigMap", "b", 1)),
            ("c.yaml", &object("PersistentVolumeClaim", "c", 1)),
            ("release.json", "{}"),
        ]);
        let new = files(&[
            ("a.yaml", &object("ConfigMap", "a", 1)),
            ("b.yaml", &object("ConfigMap", "b", 2)),
            ("d.yaml", &object("ConfigMap", "d", 1)),
            ("release.json", "{\"a\":1}"),
        ]);
        let plan = plan(&old, &new);
        assert_eq!((plan.added, plan.changed, plan.removed), (1, 1, 1));
        let shown: Vec<String> = plan
            .objects
            .iter()
            .map(|object| format!("{} {} {}", object.change, object.kind, object.name))
            .collect();
        assert_eq!(
            shown,
            ["Changed ConfigMap b", "Removed PersistentVolumeClaim c", "Added ConfigMap d"]
        );
        assert_eq!(plan.objects[0].namespace.as_deref(), Some("team"));
        assert_eq!(plan.guard.as_deref(), Some("it removes PersistentVolumeClaim c"));
        assert_eq!(plan.warnings, ["removes PersistentVolumeClaim \"c\": what it holds is lost"]);
    }

    #[test]
    fn removing_more_than_half_is_to_be_confirmed() {
        let object =
            |name: &str| (format!("{name}.yaml"), object("ConfigMap", name, 1).into_bytes());
        let old: Files = ["a", "b", "c", "d"].map(object).into();
        let guard =
            |left: &[&str]| plan(&old, &left.iter().map(|name| object(name)).collect()).guard;
        assert_eq!(guard(&["a", "b"]), None);
        assert_eq!(guard(&["a", "x", "y", "z"]).as_deref(), Some("it removes 3 of 4 objects"));
        assert_eq!(plan(&Files::new(), &old).guard, None, "a first release removes nothing");
    }

    #[test]
    fn the_same_files_are_no_change() {
        let one = files(&[("a.yaml", &object("ConfigMap", "a", 1)), ("release.json", "1")]);
        let two = files(&[("a.yaml", &object("ConfigMap", "a", 1)), ("release.json", "2")]);
        let plan = plan(&one, &two);
        assert!(plan.is_unchanged());
        assert_eq!(plan.digest, files_digest(&one));
    }

    #[test]
    fn the_digest_tells_names_from_content() {
        let digests = [
            files_digest(&files(&[])),
            files_digest(&files(&[("a", "b")])),
            files_digest(&files(&[("ab", "")])),
            files_digest(&files(&[("a", "b"), ("c", "d")])),
            files_digest(&files(&[("a", "bcd")])),
        ];
        let different: std::collections::BTreeSet<&String> = digests.iter().collect();
        assert_eq!(different.len(), digests.len());
        assert_eq!(digests[1].len(), "sha256:".len() + 64);
    }

    #[test]
    fn a_file_that_holds_no_object_is_named_by_its_file() {
        let old = files(&[("notes.txt", "hello"), ("broken.yaml", "a: [")]);
        let plan = plan(&old, &Files::new());
        let names: Vec<_> =
            plan.objects.iter().map(|o| (o.kind.as_str(), o.name.as_str())).collect();
        assert_eq!(names, [("File", "broken.yaml"), ("File", "notes.txt")]);
    }
}
