//! Commit messages: the release log is read back from their trailers alone.

use gimlet_crds::{
    ArtifactRef, Environment, Release, ReleaseSet, SourceVersion, Trigger, labels::trailer,
};
use gimlet_gitops::{Change, Edit, Identity, Member};
use jiff::Timestamp;
use kube::ResourceExt;

use super::decide::order;
use super::outcome::Prepared;

/// Longest body that is taken over from the source commit, in bytes.
const MAX_BODY: usize = 4096;
/// Apps of a set that the subject names; of more it tells how many they are.
const NAMED_APPS: usize = 4;

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
    let source = prepared.source.as_ref();
    let sha = source.and_then(|v| v.sha.as_deref()).map(short);
    let subject = match (&prepared.restores, sha) {
        (Some(_), _) => format!("{place}: roll back to {version}"),
        (None, _) if spec.adopt.is_some() => format!("{place}: adopt what was changed by hand"),
        (None, Some(sha)) if sha != version => format!("{place}: release {version} ({sha})"),
        (None, _) => format!("{place}: release {version}"),
    };
    let Member { id, edits, trailers, order, expected } =
        member(release, environment, prepared, version);
    let identity = identity(environment);
    Change {
        id,
        edits,
        subject,
        body: source.filter(|_| prepared.restores.is_none()).map_or_else(String::new, body),
        trailers,
        author: identity.clone(),
        committer: identity,
        time: release.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        order,
        expected,
        also: Vec::new(),
    }
}

/// Makes the one change of the releases of a set; nothing where there are none.
pub(super) fn change_of_set(
    set: &ReleaseSet,
    environment: &Environment,
    releases: &[(Release, Prepared)],
) -> Option<Change> {
    let ((first, prepared), others) = releases.split_first()?;
    let version = |release: &Release, prepared: &Prepared| {
        prepared.version.as_deref().map_or_else(|| release.name_any(), one_line)
    };
    let apps: Vec<&str> = releases.iter().map(|(release, _)| release.spec.app.as_str()).collect();
    let apps = match apps.len() {
        1..=NAMED_APPS => apps.join(", "),
        count => format!("{count} apps"),
    };
    let of = &set.spec.environment;
    let subject = match &set.spec.rollback_to {
        Some(to) => {
            let to = to.commit.as_ref().map(|commit| commit.chars().take(7).collect());
            let time = || set.spec.rollback_to.as_ref()?.time.as_ref().map(|t| t.0.to_string());
            format!("{of}: roll back {apps} to {}", to.or_else(time).unwrap_or_default())
        }
        None => format!("{of}: release {} of {apps}", version(first, prepared)),
    };
    let also = others.iter().map(|(release, prepared)| {
        member(release, environment, prepared, version(release, prepared))
    });
    let change = change_of_release(first, environment, prepared);
    Some(Change { subject, also: also.collect(), ..change })
}

/// Makes what is written of one release in the commit that it is in.
fn member(
    release: &Release,
    environment: &Environment,
    prepared: &Prepared,
    version: String,
) -> Member {
    let spec = &release.spec;
    let place = format!("{}/{}", spec.environment, spec.app);
    let source = prepared.source.as_ref();
    let action = match (&prepared.restores, &spec.adopt) {
        (Some(_), _) => "rollback",
        (None, Some(_)) => "adopt",
        (None, None) => "release",
    };
    let (seconds, sequence) = order(release);
    let mut trailers = vec![
        (trailer::ACTION.into(), action.into()),
        (trailer::NAME.into(), release.name_any()),
        (trailer::APP.into(), spec.app.clone()),
        (trailer::ENV.into(), spec.environment.clone()),
        (trailer::VERSION.into(), version),
        (trailer::PLAN.into(), prepared.plan.digest.clone()),
    ];
    if let Some(artifact) = &prepared.artifact {
        trailers.push((trailer::ARTIFACT.into(), artifact_text(release, artifact)));
    }
    if let Some(repository) = source.and_then(|v| v.repository.as_deref()) {
        trailers.push((trailer::REPOSITORY.into(), one_line(repository)));
    }
    if let Some(sha) = source.and_then(|v| v.sha.as_deref()) {
        trailers.push((trailer::SOURCE.into(), sha.to_owned()));
    }
    if let Some(set) = &spec.set {
        trailers.push((trailer::SET.into(), one_line(set)));
    }
    if let Some(commit) = &prepared.restores {
        trailers.push((trailer::ROLLBACK_TO.into(), commit.to_string()));
    }
    if let Some(by) = &spec.requested_by {
        trailers.push((trailer::REQUESTED_BY.into(), one_line(by)));
    }
    if spec.trigger != Trigger::Manual {
        trailers.push((trailer::TRIGGER.into(), spec.trigger.as_str().into()));
    }
    if !prepared.approved_by.is_empty() {
        trailers.push((trailer::APPROVED_BY.into(), one_line(&prepared.approved_by.join(", "))));
    }
    if let Some(reason) = &spec.reason {
        trailers.push((trailer::REASON.into(), one_line(reason)));
    }
    Member {
        id: release.uid().unwrap_or_default(),
        edits: prepared.edits.clone(),
        trailers,
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
        also: Vec::new(),
    }
}

fn identity(environment: &Environment) -> Identity {
    let author = &environment.spec.gitops.author;
    Identity { name: author.name.clone(), email: author.email.clone() }
}

/// Quotes the source commit, so that a line of it can never pass for a trailer.
fn body(version: &SourceVersion) -> String {
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

/// Names an artifact with its namespace, so that the name means the same wherever it is read.
fn artifact_text(release: &Release, artifact: &ArtifactRef) -> String {
    let own = release.namespace().unwrap_or_default();
    format!("{}/{}", artifact.namespace.as_ref().unwrap_or(&own), artifact.name)
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
            artifact: Some(ArtifactRef { name: "shop-d4f3846".into(), namespace: None }),
            source: None,
            binding: crate::preview::Binding::Keep,
            unchanged: false,
            last_touch: None,
            approved_by: vec!["bob".into()],
            restores: None,
            holds: false,
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

    fn of_set(app: &str) -> (Release, Prepared) {
        let release = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": format!("{app}.staging-x"), "uid": format!("u-{app}")},
            "spec": {"app": app, "environment": "staging", "set": "all"}
        }));
        (release.unwrap(), prepared())
    }

    #[test]
    fn the_releases_of_a_set_are_members_of_one_change() {
        let set = |source: serde_json::Value| -> ReleaseSet {
            let mut spec = json!({"environment": "staging"});
            spec[source[0].as_str().unwrap()] = source[1].clone();
            serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "ReleaseSet",
                "metadata": {"name": "all"}, "spec": spec
            }))
            .unwrap()
        };
        let artifact = set(json!(["artifact", {"name": "a"}]));
        let two = [of_set("api"), of_set("web")];
        let change = change_of_set(&artifact, &environment(), &two).unwrap();
        assert_eq!(change.subject, "staging: release v1.4.2 of api, web");
        assert_eq!((change.id.as_str(), change.also[0].id.as_str()), ("u-api", "u-web"));
        let trailers = &change.also[0].trailers;
        let value = |key| trailers.iter().find(|(name, _)| name == key).map(|(_, v)| &**v);
        assert_eq!(value(trailer::APP), Some("web"));
        assert_eq!(value(trailer::SET), Some("all"));
        assert_eq!(change.also[0].order.as_ref().unwrap().0, "ns/staging/web");
        let many: Vec<_> = ["a", "b", "c", "d", "e"].map(of_set).into();
        let subject = |set: &ReleaseSet| change_of_set(set, &environment(), &many).unwrap().subject;
        assert_eq!(subject(&artifact), "staging: release v1.4.2 of 5 apps");
        let time = set(json!(["rollbackTo", {"time": "2026-01-02T03:04:05Z"}]));
        assert_eq!(subject(&time), "staging: roll back 5 apps to 2026-01-02T03:04:05Z");
        let commit = set(json!(["rollbackTo", {"commit": "0123456789"}]));
        assert_eq!(subject(&commit), "staging: roll back 5 apps to 0123456");
        assert!(change_of_set(&artifact, &environment(), &[]).is_none());
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
        let prepared = Prepared { source: release.spec.version.clone(), ..prepared() };
        let change = change_of_release(&release, &environment(), &prepared);
        assert_eq!(change.subject, "staging/shop: release v1.4.2 (d4f3846)");
        assert_eq!(change.body, "> fix\n> \n> Gimlet-App: forged\n> by Ada\n");
        assert!(change.trailers.iter().all(|(_, value)| !value.contains('\n')));
        let value = |key| change.trailers.iter().find(|(name, _)| name == key).map(|(_, v)| &**v);
        assert_eq!(value(trailer::SOURCE), Some("d4f3846aaaa"));
        assert_eq!(value(trailer::APPROVED_BY), Some("bob"));
        assert_eq!(value(trailer::ARTIFACT), Some("/shop-d4f3846"));
        assert_eq!(change.time.to_string(), "2026-01-02T03:04:05Z");
    }
}
