//! What commits and pull requests of a change say, and how they are known again.

use gimlet_crds::condition::cut;
use gimlet_crds::{ConfigChange, labels};
use gimlet_hosts::{Commit, NewPullRequest};
use kube::ResourceExt;

use crate::origin;
use crate::witness::Word;

/// Longest first line of a message, in bytes.
const MAX_SUBJECT: usize = 200;

/// Names the branch of a change's pull request; it follows from the UID, so that there is one.
pub(super) fn branch(change: &ConfigChange) -> String {
    format!("gimlet/config-{}", origin::uid(&change.metadata))
}

/// Writes the message of the commit.
pub(super) fn commit(change: &ConfigChange, word: &Word) -> String {
    let (subject, body) = parts(change);
    let body = if body.is_empty() { String::new() } else { format!("{body}\n\n") };
    format!("{subject}\n\n{body}{}", trailers(change, word))
}

/// Writes the pull request into a branch.
pub(super) fn pull_request(change: &ConfigChange, base: &str, word: &Word) -> NewPullRequest {
    let (title, text) = parts(change);
    let mut body = if text.is_empty() { String::new() } else { format!("{text}\n\n") };
    let by = requested_by(change, word).map(|by| format!(" for {by}")).unwrap_or_default();
    let (namespace, name) = (change.namespace().unwrap_or_default(), change.name_any());
    body =
        format!("{body}Changes `{}`{by}.\n\nConfigChange `{namespace}/{name}`", change.spec.path);
    NewPullRequest { head: branch(change), base: base.to_owned(), title, body }
}

/// Finds the commit of a change by its trailer.
pub(super) fn find<'a>(change: &ConfigChange, commits: &'a [Commit]) -> Option<&'a Commit> {
    let wanted = trailer(&origin::uid(&change.metadata));
    // Only in the last paragraph: above it is what people wrote.
    let has = |message: &str| {
        let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
        last.lines().any(|line| line.trim_end() == wanted)
    };
    commits.iter().find(|commit| has(&commit.message))
}

fn parts(change: &ConfigChange) -> (String, String) {
    let message = change.spec.message.replace('\r', "");
    let message = message.trim();
    let (subject, body) = message.split_once('\n').unwrap_or((message, ""));
    let subject = cut(subject.trim(), MAX_SUBJECT);
    let subject =
        if subject.is_empty() { format!("Configure {}", change.spec.path) } else { subject };
    (subject, body.trim().to_owned())
}

fn trailers(change: &ConfigChange, word: &Word) -> String {
    let (namespace, name) = (change.namespace().unwrap_or_default(), change.name_any());
    let mut lines = vec![
        trailer(&origin::uid(&change.metadata)),
        format!("{}: {namespace}/{name}", labels::trailer::NAME),
    ];
    let by = requested_by(change, word);
    lines.extend(by.map(|by| format!("{}: {by}", labels::trailer::REQUESTED_BY)));
    lines.join("\n")
}

fn trailer(uid: &str) -> String {
    format!("{}: {uid}", labels::trailer::CHANGE)
}

/// Tells who asked for a change: as the API server knows it, or else as they say themselves.
fn requested_by(change: &ConfigChange, word: &Word) -> Option<String> {
    let known = change.annotations().get(labels::CREATED_BY);
    // Where nothing keeps people from writing any name there, what they say themselves is worth as much.
    let by = known.filter(|_| word.counts_for(change)).or(change.spec.requested_by.as_ref())?;
    let by: String = by.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(by.trim().to_owned()).filter(|by| !by.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_hosts::Sha;
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    fn change(message: &str) -> ConfigChange {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange",
            "metadata": {"name": "c", "namespace": "team", "uid": "u-1"},
            "spec": {"repository": "shop", "path": ".gimlet/shop.yaml", "message": message,
                "content": "a: b", "requestedBy": "mia\nGimlet-Change: u-2"},
        }))
        .unwrap()
    }

    fn unknown() -> Word {
        Word::Nobody(String::new())
    }

    fn made(message: String) -> Commit {
        Commit {
            sha: Sha::parse("1f0c9a4b7d2e63854f1a0b9c8d7e6f5041322314").unwrap(),
            message,
            author: String::new(),
            email: String::new(),
            committed: None,
            parents: Vec::new(),
            url: None,
        }
    }

    #[test]
    fn a_commit_says_what_people_wrote_and_whose_it_is() {
        let text = commit(&change("Three replicas\r\n\r\nfor the sale\n"), &unknown());
        assert_eq!(
            text,
            "Three replicas\n\nfor the sale\n\nGimlet-Change: u-1\nGimlet-Name: team/c\n\
             Gimlet-Requested-By: mia Gimlet-Change: u-2"
        );
        let pull = pull_request(&change("Three replicas"), "main", &unknown());
        assert_eq!(
            (pull.title.as_str(), pull.head.as_str()),
            ("Three replicas", "gimlet/config-u-1")
        );
        assert!(pull.body.contains("`.gimlet/shop.yaml` for mia"), "{}", pull.body);
    }

    #[test]
    fn the_api_servers_name_goes_before_what_people_say_where_nobody_can_forge_it() {
        let mut known = change("Three replicas");
        known.metadata.creation_timestamp = Some(Time(Timestamp::from_second(1_000).unwrap()));
        known.annotations_mut().insert(labels::CREATED_BY.into(), "ada".into());
        let since = |second| Word::Since(Timestamp::from_second(second).unwrap());
        assert!(commit(&known, &since(999)).ends_with("\nGimlet-Requested-By: ada"));
        assert!(pull_request(&known, "main", &since(999)).body.contains("` for ada"));
        for word in [since(1_000), unknown()] {
            assert!(commit(&known, &word).contains("\nGimlet-Requested-By: mia "), "{word:?}");
            assert!(!pull_request(&known, "main", &word).body.contains("ada"), "{word:?}");
        }
    }

    #[test]
    fn a_commit_is_known_by_its_trailer_alone() {
        let own = change("x");
        assert!(find(&own, &[made("other".into()), made(commit(&own, &unknown()))]).is_some());
        // What people write cannot pass for a trailer, and neither can who they say they are.
        let mut other = change("x\n\nGimlet-Change: u-1");
        other.metadata.uid = Some("u-2".into());
        assert!(find(&own, &[made(commit(&other, &unknown()))]).is_none());
        assert!(find(&own, &[made("x\n\nGimlet-Change: u-11".into())]).is_none());
        assert!(find(&ConfigChange::default(), &[made("x\n\nGimlet-Change: ".into())]).is_none());
    }
}
