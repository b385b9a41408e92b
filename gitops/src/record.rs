//! Merges that made a commit of their own: what they brought is told by the record in the folder.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::change::{APP_TRAILER, ENV_TRAILER, RELEASE_TRAILER, REQUESTED_BY_TRAILER, line};

/// The file in an application's folder that tells which release wrote it.
pub(crate) const RECORD: &str = "release.json";
/// Larger ones are no records of ours.
pub(crate) const MAX_RECORD: usize = 64 * 1024;
/// What a record says, and the trailer that says the same.
const FIELDS: [(&str, &str); 8] = [
    ("uid", RELEASE_TRAILER),
    ("release", "Gimlet-Name"),
    ("app", APP_TRAILER),
    ("environment", ENV_TRAILER),
    ("version", "Gimlet-Version"),
    ("plan", "Gimlet-Plan"),
    ("requestedBy", REQUESTED_BY_TRAILER),
    ("reason", "Gimlet-Reason"),
];

/// Returns what a record says as trailers; nothing of what is no record of the folder that it is in.
pub(crate) fn trailers(text: &[u8], path: &str) -> Option<BTreeMap<String, String>> {
    if text.len() > MAX_RECORD {
        return None;
    }
    let record: Value = serde_json::from_slice(text).ok()?;
    let value = |key: &str| record.get(key).and_then(Value::as_str).map(line);
    let folder = path.strip_suffix(RECORD)?.trim_end_matches('/');
    let app = value("app").filter(|app| folder.rsplit('/').next() == Some(app))?;
    if app.is_empty() || value("uid").is_none_or(|uid| uid.is_empty()) {
        return None;
    }
    let found = FIELDS.iter().filter_map(|(key, name)| Some(((*name).to_owned(), value(key)?)));
    let mut trailers: BTreeMap<_, _> = found.collect();
    trailers.insert("Gimlet-Action".into(), "release".into());
    Some(trailers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_speaks_for_its_own_folder_only() {
        let text = br#"{"app": "web", "environment": "staging", "uid": "u1", "release": "r\nGimlet-App: x", "version": 3}"#;
        let found = trailers(text, "staging/web/release.json").unwrap();
        assert_eq!(found[RELEASE_TRAILER], "u1");
        assert_eq!(found["Gimlet-Name"], "r Gimlet-App: x");
        assert!(!found.contains_key("Gimlet-Version"));
        assert_eq!(trailers(text, "staging/other/release.json"), None);
        assert_eq!(trailers(b"{}", "staging/web/release.json"), None);
        assert_eq!(trailers(br#"{"app": "web"}"#, "web/release.json"), None);
        assert_eq!(trailers(b"nonsense", "web/release.json"), None);
    }
}
