//! File names and bytes of an app's folder.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest;
use crate::object::Object;
use crate::yaml::{self, YamlError};

/// Longest part of a file name that comes from the name of an object.
const MAX_STEM: usize = 150;

/// Longest file name without its ending; the whole of it is what the git writer takes.
const MAX_NAME: usize = 200 - ENDING.len();
/// How files end.
const ENDING: &str = ".yaml";

/// Writes each object to a file of its own.
///
/// Names are `<kind>-<name>.yaml`; the group or the namespace follows where two objects would
/// share a name. A file is never called `kustomization.yaml`: Flux would read it as an instruction.
pub(crate) fn files(objects: &[Object]) -> Result<BTreeMap<String, Vec<u8>>, YamlError> {
    let mut files = BTreeMap::new();
    for (object, name) in objects.iter().zip(names(objects)) {
        let value = object.clone().into_value();
        files.insert(name, yaml::object_to_string(&value)?.into_bytes());
    }
    Ok(files)
}

fn names(objects: &[Object]) -> Vec<String> {
    let mut stems: Vec<Vec<String>> = objects
        .iter()
        .map(|object| vec![safe(object.kind(), true), safe(object.name(), false)])
        .collect();
    append_where_equal(&mut stems, objects, |object| match object.group() {
        "" => "core",
        group => group,
    });
    append_where_equal(&mut stems, objects, |object| object.namespace().unwrap_or("cluster"));
    let joined: Vec<String> = stems.iter().map(|parts| parts.join("-")).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &joined {
        *counts.entry(name).or_default() += 1;
    }
    // Joined parts may meet by chance (`a-b` with `c`, `a` with `b-c`), or be too long together.
    joined
        .iter()
        .zip(objects)
        .map(|(name, object)| match counts[name.as_str()] {
            1 if name.len() <= MAX_NAME => format!("{name}{ENDING}"),
            _ => {
                let digest = short_digest(&identity(object));
                // Parts are ASCII, so it is cut between two characters.
                let kept = name.get(..MAX_NAME - digest.len() - 1).unwrap_or(name);
                format!("{kept}-{digest}{ENDING}")
            }
        })
        .collect()
}

/// Appends a part to the names that are the same for objects that differ in that part.
fn append_where_equal(
    stems: &mut [Vec<String>],
    objects: &[Object],
    part: impl Fn(&Object) -> &str,
) {
    let mut parts: BTreeMap<Vec<String>, BTreeSet<&str>> = BTreeMap::new();
    for (stem, object) in stems.iter().zip(objects) {
        parts.entry(stem.clone()).or_default().insert(part(object));
    }
    for (stem, object) in stems.iter_mut().zip(objects) {
        if parts.get(stem).is_some_and(|different| different.len() > 1) {
            stem.push(safe(part(object), false));
        }
    }
}

/// Makes a text safe as a part of a file name on every system.
///
/// A text that had to be changed gets a digest, so that two texts never become the same name,
/// not even on a disk that does not tell upper from lower case.
fn safe(text: &str, fold: bool) -> String {
    let lower = text.to_lowercase();
    let mut name: String = lower
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '-' })
        .collect();
    name.truncate(MAX_STEM);
    let name = name.trim_start_matches('.').to_owned();
    let unchanged = if fold { name == lower } else { name == text };
    if unchanged { name } else { format!("{name}-{}", short_digest(text)) }
}

/// Says all that tells two objects apart.
pub(crate) fn identity(object: &Object) -> String {
    let namespace = object.namespace().unwrap_or_default();
    format!("{}/{}/{namespace}/{}", object.group(), object.kind(), object.name())
}

fn short_digest(text: &str) -> String {
    let mut hex = digest::sha256([text.as_bytes()]);
    hex.truncate(8);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(api_version: &str, kind: &str, name: &str, namespace: &str) -> Object {
        let namespace = if namespace.is_empty() { Value::Null } else { namespace.into() };
        let metadata = json!({"name": name, "namespace": namespace});
        let value = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
        Object::new(value).unwrap()
    }

    #[test]
    fn names_say_kind_and_name() {
        let objects =
            [object("v1", "ServiceAccount", "web", "a"), object("v1", "Service", "web", "a")];
        assert_eq!(names(&objects), ["serviceaccount-web.yaml", "service-web.yaml"]);
    }

    #[test]
    fn namespace_and_group_are_added_where_they_are_needed() {
        let objects = [
            object("v1", "Role", "web", "a"),
            object("v1", "Role", "web", "b"),
            object("v1", "Service", "web", "a"),
            object("serving.knative.dev/v1", "Service", "web", "a"),
            object("v1", "Service", "other", "a"),
        ];
        let expected = [
            "role-web-a.yaml",
            "role-web-b.yaml",
            "service-web-core.yaml",
            "service-web-serving.knative.dev.yaml",
            "service-other.yaml",
        ];
        assert_eq!(names(&objects), expected);
    }

    #[test]
    fn names_of_many_long_parts_are_cut_and_stay_apart() {
        let (kind, name) = ("K".repeat(63), "n".repeat(140));
        let objects = [
            object("v1", &kind, &name, &"a".repeat(63)),
            object("v1", &kind, &name, &"b".repeat(63)),
            object("v1", "Kind", &name, ""),
        ];
        let names = names(&objects);
        assert!(
            names[..2].iter().all(|name| name.len() == 200 && name.ends_with(ENDING)),
            "{names:?}"
        );
        assert_ne!(names[0], names[1]);
        assert_eq!(names[2], format!("kind-{name}.yaml"));
    }

    #[test]
    fn names_that_files_cannot_have_are_changed_and_stay_apart() {
        let objects = [
            object("v1", "Role", "system:web", ""),
            object("v1", "Role", "system-web", ""),
            object("v1", "Role", "Web", ""),
            object("v1", "Role", "web", ""),
            object("v1", "Role", &"x".repeat(253), ""),
            object("v1", "Kustomization", "kustomization", ""),
        ];
        let names = names(&objects);
        let folded: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), objects.len(), "{names:?}");
        for name in &names {
            assert!(
                name.len() < 255 && !name.starts_with('.') && !name.contains(['/', ':']),
                "{name}"
            );
            assert!(!name.starts_with("kustomization."), "{name}");
        }
        assert_eq!(names[1], "role-system-web.yaml");
        assert!(names[0].starts_with("role-system-web-"), "{}", names[0]);
    }

    #[test]
    fn names_that_meet_by_chance_stay_apart() {
        let objects = [
            object("v1", "Role", "web", "a"),
            object("v1", "Role", "web", "b"),
            object("v1", "Role", "web-a", "c"),
        ];
        let names: BTreeSet<String> = names(&objects).into_iter().collect();
        assert_eq!(names.len(), 3, "{names:?}");
    }
}
