//! What a fuzzer feeds with the answers of a hostile server, and what must hold whatever they are.
//!
//! That there is no panic, no hang and no exhausted memory is what the fuzzer watches.

#![expect(clippy::missing_panics_doc, reason = "a target that finds something panics")]

use super::pack::{PackWriter, is_sound};
use super::{commit, delta, pack, receive, upload};
use crate::compare::differences;
use crate::id::{Object, ObjectKind};
use crate::tree::Tree;

/// Answers of upload-pack and receive-pack, as they come over the wire.
pub fn answers(data: &[u8]) {
    let _ = upload::Abilities::parse(data);
    let _ = upload::refs_of(data);
    let _ = receive::verdict(data, "refs/heads/main");
    if let Ok(objects) = upload::objects_of(data) {
        assert!(objects.iter().all(|object| object.id.is_null() || is_sound(object)));
    }
}

/// The inside of a pack, to which its frame and its checksum are added.
pub fn packs(data: &[u8]) {
    let count = data.first().copied().unwrap_or_default();
    let body = data.get(1..).unwrap_or_default();
    if let Ok(objects) = pack::read(&pack::sealed(u32::from(count), body), |_| None) {
        for object in &objects {
            match object.kind {
                ObjectKind::Commit => {
                    assert!(!commit::entries(object).is_empty());
                    let _ = (commit::parents(object), commit::root(object));
                }
                ObjectKind::Tree => {
                    if let Ok(tree) = Tree::decode(object.data.clone()) {
                        assert_eq!(
                            differences(&tree, &Tree::default()).len(),
                            tree.entries().count()
                        );
                    }
                }
                ObjectKind::Blob | ObjectKind::Tag => {}
            }
        }
    }
}

/// Two contents, and a delta that may or may not lead from one to the other.
pub fn deltas(data: &[u8]) {
    let at = usize::from(data.first().copied().unwrap_or_default()).min(data.len());
    let (base, rest) = data.split_at(at);
    let _ = delta::apply(base, rest);
    let made = delta::between(base, rest);
    assert_eq!(delta::apply(base, &made).as_deref(), Ok(rest));
    let (base, object) = (blob(base), blob(rest));
    let mut writer = PackWriter::new();
    writer.whole(&base);
    writer.delta(base.id, &made);
    let found = pack::read(&writer.finish(), |_| None);
    assert!(found.is_ok_and(|found| found.iter().any(|found| found.id == object.id)));
}

fn blob(data: &[u8]) -> Object {
    Object::new(ObjectKind::Blob, data.to_vec())
}
