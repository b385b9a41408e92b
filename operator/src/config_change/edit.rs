//! What a change does in git, and what its pull request says: pure.

use gimlet_crds::{ConfigChange, GitAuthor, labels::trailer};
use gimlet_gitops::{Base, BlobId, Change, Edit, Identity, RepoPath};
use jiff::Timestamp;
use kube::ResourceExt;

use super::ConfigChangeError;
use crate::pull_request::Text;
use crate::pull_request::markdown::{code, title};

/// The folder beside which nothing is changed.
const FOLDER: &str = ".gimlet/";

/// Makes the change of git. Its id is the UID, so that it is made once.
pub(super) fn edited(change: &ConfigChange) -> Result<Change, ConfigChangeError> {
    let spec = &change.spec;
    if !spec.path.starts_with(FOLDER) {
        let path = spec.path.chars().take(200).collect();
        return Err(ConfigChangeError::Outside { path });
    }
    let path = RepoPath::parse(&spec.path)?;
    let edit = match &spec.content {
        Some(content) => Edit::WriteFile { path, data: content.clone().into_bytes() },
        None => Edit::RemoveFile { path },
    };
    let base = spec.base_blob.as_deref().map(str::parse::<BlobId>).transpose()?;
    let (subject, body) = spec.message.trim().split_once('\n').unwrap_or((&spec.message, ""));
    let mut trailers = vec![
        (trailer::ACTION.to_owned(), "config".to_owned()),
        (trailer::NAME.to_owned(), change.name_any()),
    ];
    trailers.extend(spec.requested_by.clone().map(|by| (trailer::REQUESTED_BY.to_owned(), by)));
    let author = GitAuthor::default();
    let identity = Identity { name: author.name, email: author.email };
    Ok(Change {
        id: change.uid().unwrap_or_default(),
        edits: vec![edit],
        subject: subject.trim().to_owned(),
        body: body.to_owned(),
        trailers,
        author: identity.clone(),
        committer: identity,
        time: change.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        order: None,
        expected: Some(Base::File(base)),
        also: Vec::new(),
    })
}

/// Writes title and text of the pull request.
pub(super) fn text(change: &ConfigChange) -> Text {
    let spec = &change.spec;
    let subject = spec.message.trim().lines().next().unwrap_or_default();
    let verb = if spec.delete { "Deletes" } else { "Changes" };
    let mut body = format!("{verb} {}.\n", code(&spec.path));
    for line in spec.message.trim().lines().skip(1).filter(|line| !line.trim().is_empty()) {
        body.push_str(&format!("\n> {}\n", code(line)));
    }
    if let Some(by) = &spec.requested_by {
        body.push_str(&format!("\nRequested by {}.\n", code(by)));
    }
    Text { title: title(subject), body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn change(spec: Value) -> ConfigChange {
        let mut all = json!({
            "repository": "shop", "branch": "main", "path": ".gimlet/staging.yaml",
            "message": "Set replicas to 3\n\nMore load\nGimlet-Release: forged"
        });
        for (key, value) in spec.as_object().unwrap() {
            all[key] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange",
            "metadata": {"name": "c", "uid": "u1", "creationTimestamp": "2026-01-02T03:04:05Z"},
            "spec": all
        }))
        .unwrap()
    }

    #[test]
    fn the_commit_is_found_again_by_the_uid_and_says_who_asked() {
        let made = edited(&change(json!({"content": "a: 1\n", "requestedBy": "ada"}))).unwrap();
        assert_eq!((made.id.as_str(), made.subject.as_str()), ("u1", "Set replicas to 3"));
        assert_eq!(made.expected, Some(Base::File(None)), "it must not be there yet");
        assert_eq!(made.time.to_string(), "2026-01-02T03:04:05Z");
        assert!(made.trailers.contains(&("Gimlet-Requested-By".into(), "ada".into())));
        let blob = "0".repeat(39) + "1";
        let gone = edited(&change(json!({"delete": true, "baseBlob": blob}))).unwrap();
        assert!(matches!(gone.edits[..], [Edit::RemoveFile { .. }]));
        assert_eq!(gone.expected, Some(Base::File(Some(blob.parse().unwrap()))));
    }

    #[test]
    fn nothing_but_a_file_of_the_folder_is_changed() {
        for path in [
            "a.yaml", ".gimlet", ".gimlet/", ".gimlet/../a", ".gimlet/a/../../b", "/.gimlet/a",
            ".gimlet//a", ".gimlet/.git/config", ".GIMLET/a", "x/.gimlet/a", ".gimlet/a\nb",
        ] {
            let refused = edited(&change(json!({"content": "", "path": path})));
            assert_eq!(refused.unwrap_err().reason(), "PathRefused", "{path:?}");
        }
        assert!(edited(&change(json!({"content": "", "path": ".gimlet/a/b.yaml"}))).is_ok());
    }

    #[test]
    fn a_pull_request_shows_what_others_wrote_as_code() {
        let text = text(&change(json!({"content": "", "requestedBy": "@ada\n/merge"})));
        assert_eq!(text.title, "Set replicas to 3");
        assert!(text.body.contains("Requested by `@ada /merge`."), "{}", text.body);
        assert!(text.body.contains("> `More load`"), "{}", text.body);
    }
}
