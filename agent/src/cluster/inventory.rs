//! What an object of Flux has applied, by its own account.

use kube::core::DynamicObject;

use crate::protocol::{InventoryEntry, MAX_APPLIED};

/// Bytes of the longest id that can name an object.
const LONGEST: usize = 1024;

/// The ids of what an object of Flux has applied, as Flux writes them: taken apart when they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    ids: Vec<Box<str>>,
    /// Those that are not kept, because there are too many.
    pub(super) omitted: u32,
}

impl Entries {
    /// Reads those of an object; nothing where it tells none.
    pub(super) fn of(object: &DynamicObject) -> Option<Box<Self>> {
        let entries = object.data["status"]["inventory"]["entries"].as_array()?;
        let ids: Vec<_> = entries
            .iter()
            .filter_map(|entry| entry["id"].as_str())
            .filter(|id| id.len() <= LONGEST)
            .take(MAX_APPLIED)
            .map(Box::from)
            .collect();
        let omitted = u32::try_from(entries.len() - ids.len()).unwrap_or(u32::MAX);
        (!entries.is_empty()).then(|| Box::new(Self { ids, omitted }))
    }

    /// Takes the ids apart; what is none is left out.
    pub(super) fn objects(&self) -> Vec<InventoryEntry> {
        self.ids.iter().filter_map(|id| applied(id)).collect()
    }
}

/// Reads `<namespace>_<name>_<group>_<kind>`; a colon in a name is two underscores there.
fn applied(id: &str) -> Option<InventoryEntry> {
    let (namespace, rest) = id.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, _group) = rest.rsplit_once('_')?;
    let named = !name.is_empty() && !kind.is_empty();
    named.then(|| InventoryEntry {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.replace("__", ":"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entries(ids: &[String]) -> Option<Box<Entries>> {
        let entries: Vec<_> = ids.iter().map(|id| json!({"id": id, "v": "v1"})).collect();
        let object = json!({"apiVersion": "a/v1", "kind": "Kustomization", "metadata": {},
            "status": {"inventory": {"entries": entries}}});
        Entries::of(&serde_json::from_value(object).unwrap())
    }

    #[test]
    fn objects_are_named_as_flux_names_them() {
        let ids =
            ["shop_web_apps_Deployment", "shop_web__Service", "_web__viewer_rbac_ClusterRole"];
        let told = entries(&[ids[0].into(), ids[1].into(), ids[2].into(), "nonsense".into()]);
        let told: Vec<_> = told
            .unwrap()
            .objects()
            .into_iter()
            .map(|InventoryEntry { kind, namespace, name }| format!("{kind} {namespace}/{name}"))
            .collect();
        assert_eq!(told, ["Deployment shop/web", "Service shop/web", "ClusterRole /web:viewer"]);
        assert_eq!(entries(&[]), None);
    }

    #[test]
    fn of_many_some_are_kept_and_the_others_counted() {
        let ids: Vec<_> = (0..1_000).map(|n| format!("shop_web-{n}__ConfigMap")).collect();
        let kept = entries(&ids).unwrap();
        assert_eq!(
            (kept.objects().len(), kept.omitted as usize),
            (MAX_APPLIED, 1_000 - MAX_APPLIED)
        );
        let long = entries(&["x".repeat(LONGEST + 1)]).unwrap();
        assert_eq!((long.objects().len(), long.omitted), (0, 1));
    }
}
