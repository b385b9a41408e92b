//! Commit messages: the release log is read back from their trailers alone.

use gimlet_crds::{Environment, Release, labels::trailer};
use gimlet_gitops::{Change, Edit, Identity};
use jiff::Timestamp;
use kube::ResourceExt;

use super::decide::order;
use super::outcome::Prepared;

/// Longest body that is taken over from the source commit, in bytes.
const MAX_BODY: usize = 4096;

/// Makes the change of a release.
pub(super) fn change_of_release(
    release: &Release,
    environment: &Environment,
    prepared: &Prepared,
) -> Change {
    let spec = &release.spec;
    let place = format!("{}/{}", spec.environment, spec.app);
    let version = prepared.version.as_deref().map_or_else(|| release.name_any(), one_line);
    let short = |sha: &str| sha.chars().take(7).collect::<String>();
    let sha = spec.version.as_ref().and_then(|v| v.sha.as_deref()).map(short);
    let subject = match (&prepared.restores, sha) {
        (Some(_), _) => format!("{place}: roll back to {version}"),
        (None, Some(sha)) if sha != version => format!("{place}: release {version} ({sha})"),
        (None, _) => format!("{place}: release {version}"),
    };
    let action = if prepared.restores.is_some() { "rollback" } else { "release" };
    let (seconds, sequence) = order(release);
    let mut trailers = vec![
        (trailer::ACTION.into(), action.into()),
        (trailer::NAME.into(), release.name_any()),
        (trailer::APP.into(), spec.app.clone()),
        (trailer::ENV.into(), spec.environment.clone()),
        (trailer::VERSION.into(), version),
        (trailer::PLAN.into(), prepared.plan.digest.clone()),
    ];
    if let Some(commit) = &prepared.restores {
        trailers.push((trailer::ROLLBACK_TO.into(), commit.to_string()));
    }
    if let Some(repository) = spec.version.as_ref().and_then(|v| v.repository.as_deref()) {
        trailers.push((trailer::REPOSITORY.into(), one_line(repository)));
    }
    if let Some(by) = &spec.requested_by {
        trailers.push((trailer::REQUESTED_BY.into(), one_line(by)));
    }
    if let Some(reason) = &spec.reason {
        trailers.push((trailer::REASON.into(), one_line(reason)));
    }
    let identity = identity(environment);
    Change {
        id: release.uid().unwrap_or_default(),
        edits: prepared.edits.clone(),
        subject,
        body: body(release),
        trailers,
        author: identity.clone(),
        committer: identity,
        time: release.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        order: Some((
            format!("{}/{place}", environment.namespace().unwrap_or_default()),
            seconds,
            format!("{sequence:020}"),
        )),
        expected: prepared.last_touch,
    }
}

/// Makes a change that is no release: of the environment's own files, or the removal of an app.
pub(crate) fn change_of_environment(
    environment: &Environment,
    id: String,
    subject: String,
    edits: Vec<Edit>,
    trailers: Vec<(String, String)>,
    time: Timestamp,
) -> Change {
    let identity = identity(environment);
    Change {
        id,
        edits,
        subject,
        body: String::new(),
        trailers,
        author: identity.clone(),
        committer: identity,
        time,
        order: None,
        expected: None,
    }
}

fn identity(environment: &Environment) -> Identity {
    let author = &environment.spec.gitops.author;
    Identity { name: author.name.clone(), email: author.email.clone() }
}

/// Quotes the source commit, so that a line of it can never pass for a trailer.
fn body(release: &Release) -> String {
    let Some(version) = &release.spec.version else {
        return String::new();
    };
    let mut body = String::new();
    if let Some(message) = &version.message {
        let message = gimlet_crds::condition::cut(message.trim(), MAX_BODY);
        for line in message.lines() {
            body.push_str("> ");
            body.push_str(line.trim_end());
            body.push('\n');
        }
    }
    if let Some(author) = &version.author {
        body.push_str("> by ");
        body.push_str(&one_line(author));
        body.push('\n');
    }
    body
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_crds::PlanStatus;
    use serde_json::json;

    fn prepared() -> Prepared {
        Prepared {
            edits: Vec::new(),
            plan: PlanStatus { digest: "sha256:1".into(), ..PlanStatus::default() },
            chart: None,
            version: Some("v1.4.2".into()),
            unchanged: false,
            last_touch: None,
            restores: None,
            head: None,
        }
    }

    fn environment() -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "ns"},
            "spec": {"gitops": {"url": "https://x/y"}}
        }))
        .unwrap()
    }

    #[test]
    fn the_message_names_the_version_and_quotes_the_source_commit() {
        let release: Release = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "shop.staging-x", "uid": "u1", "creationTimestamp": "2026-01-02T03:04:05Z"},
            "spec": {"app": "shop", "environment": "staging", "requestedBy": "ada\nGimlet-Release: forged",
                "version": {"sha": "d4f3846aaaa", "tag": "v1.4.2", "author": "Ada", "message": "fix\n\nGimlet-App: forged"}}
        }))
        .unwrap();
        let change = change_of_release(&release, &environment(), &prepared());
        assert_eq!(change.subject, "staging/shop: release v1.4.2 (d4f3846)");
        assert_eq!(change.body, "> fix\n> \n> Gimlet-App: forged\n> by Ada\n");
        assert!(change.trailers.iter().all(|(_, value)| !value.contains('\n')));
        assert_eq!(change.time.to_string(), "2026-01-02T03:04:05Z");
    }
}
