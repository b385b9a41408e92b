//! Which manifests of an artifact are released, and why the others are not.

use std::collections::HashMap;
use std::sync::Arc;

use gimlet_crds::name::{self, AppName};
use gimlet_crds::{
    App, Artifact, ArtifactRef, Environment, ManifestResult, ManifestVerdict, Release, ReleaseSpec,
    Trigger, condition,
};
use gimlet_manifest::file::{self, ManifestFile};
use gimlet_manifest::policy::{Changes, Facts, Verdict};
use kube::ResourceExt;

use super::{ArtifactError, changes};
use crate::context::Context;
use crate::digest;
use crate::error::Retry;
use crate::release::{self, Names};

/// Longest message of a verdict, in bytes.
const MAX_MESSAGE: usize = 512;
/// Manifests that a status tells of.
const MAX_VERDICTS: usize = 256;

/// A verdict, and the release that follows from it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) verdict: ManifestVerdict,
    pub(super) release: Option<Release>,
    /// Whether the environment is missing, which may only not be in the cache yet.
    pub(super) misses_environment: bool,
}

/// Judges all manifests of an artifact.
pub(super) async fn judge(
    artifact: &Artifact,
    ctx: &Context,
) -> Result<Vec<Judged>, ArtifactError> {
    let mut all = Vec::new();
    let mut taken = HashMap::new();
    for source in &artifact.spec.manifests {
        let documents = file::parse_each(&source.content);
        let several = documents.len() > 1;
        for (index, document) in documents.into_iter().enumerate() {
            let place = if several {
                format!("{}#{}", source.path, index + 1)
            } else {
                source.path.clone()
            };
            let judged = match document {
                Err(error) => told(place, ManifestResult::Invalid, &error.to_string()),
                Ok(file) => one(artifact, place, &file, &mut taken, ctx).await?,
            };
            all.push(judged);
        }
    }
    all.truncate(MAX_VERDICTS);
    Ok(all)
}

async fn one(
    artifact: &Artifact,
    place: String,
    file: &ManifestFile,
    taken: &mut HashMap<(String, String), String>,
    ctx: &Context,
) -> Result<Judged, ArtifactError> {
    let target = match target(artifact, file, ctx).await? {
        Ok(target) => target,
        Err(message) => return Ok(told(place, ManifestResult::Invalid, &message)),
    };
    let Target { names, environment } = target;
    let judge = |result, message: &str| {
        let mut judged = told(place.clone(), result, message);
        judged.verdict.app = Some(names.app.clone());
        judged.verdict.environment = Some(names.environment.clone());
        judged
    };
    let Some(policy) = &file.policy else {
        let message = "it has no policy: release it by hand, or add deploy to it";
        return Ok(judge(ManifestResult::Manual, message));
    };
    let spec = &artifact.spec;
    let changes = if policy.asks_for_paths() {
        changes::since_last_release(artifact, &names, &environment, ctx).await
    } else {
        Changes::Unknown(String::new())
    };
    let verdict = policy.judge(Facts {
        event: spec.event,
        branch: spec.version.branch.as_deref(),
        tag: spec.version.tag.as_deref(),
        message: spec.version.message.as_deref(),
        changes: &changes,
    });
    let why = match verdict {
        Verdict::NotMatched(why) => return Ok(judge(ManifestResult::NotMatched, &why)),
        Verdict::Matched(why) => why,
    };
    let environment = match environment {
        Found::One(environment) => environment,
        Found::None(message) => {
            let judged = judge(ManifestResult::Refused, &message);
            return Ok(Judged { misses_environment: true, ..judged });
        }
    };
    let key = (
        environment.namespace().unwrap_or_default(),
        name::app_object(&names.app, &names.environment),
    );
    if let Some(first) = taken.get(&key) {
        let message = format!("{first} is for the same app and environment: remove one of them");
        return Ok(judge(ManifestResult::Invalid, &message));
    }
    let app = ctx.app(&key.0, &key.1);
    if let Some(refusal) = app.as_deref().and_then(|app| rolled_back(app, artifact)) {
        return Ok(judge(ManifestResult::Refused, &refusal));
    }
    taken.insert(key, place.clone());
    let release = release_of(artifact, &names, &environment);
    let mut judged = judge(ManifestResult::Released, &why);
    judged.verdict.release = Some(release.name_any());
    let elsewhere =
        release.namespace().filter(|namespace| Some(namespace) != artifact.namespace().as_ref());
    judged.verdict.namespace = elsewhere;
    judged.release = Some(release);
    Ok(judged)
}

fn told(manifest: String, result: ManifestResult, message: &str) -> Judged {
    let message = condition::cut(message, MAX_MESSAGE);
    let verdict = ManifestVerdict { manifest, result, message, ..ManifestVerdict::default() };
    Judged { verdict, release: None, misses_environment: false }
}

/// Where a manifest goes.
struct Target {
    names: Names,
    environment: Found,
}

/// The environment of a manifest, or why there is none.
pub(super) enum Found {
    One(Arc<Environment>),
    None(String),
}

/// Finds out where a manifest goes; an error text where it does not say that rightly.
async fn target(
    artifact: &Artifact,
    file: &ManifestFile,
    ctx: &Context,
) -> Result<Result<Target, String>, ArtifactError> {
    let manifest = &file.manifest;
    for (field, value) in [("app", &manifest.app), ("env", &manifest.env)] {
        if value.as_ref().is_none_or(String::is_empty) {
            return Ok(Err(format!(
                "{field} is missing: an artifact releases what names its app and env"
            )));
        }
    }
    let vars = release::facts(artifact);
    let of_env = gimlet_crds::DeployManifest { app: None, ..manifest.clone() };
    let names = match settled(release::names(&of_env, None, &vars, ctx).await)? {
        Ok(names) => names,
        Err(message) => return Ok(Err(message)),
    };
    let environment = environment(&names.environment, artifact, ctx);
    let known = match &environment {
        Found::One(environment) => Some(environment.as_ref()),
        Found::None(_) => None,
    };
    let names = match settled(release::names(manifest, known, &vars, ctx).await)? {
        Ok(names) => names,
        Err(message) => return Ok(Err(message)),
    };
    if let Err(error) = AppName::parse(&names.app) {
        return Ok(Err(error.to_string()));
    }
    Ok(Ok(Target { names, environment }))
}

/// Tells what is wrong with a manifest from what went wrong with the machine.
fn settled(
    result: Result<Names, release::ReleaseError>,
) -> Result<Result<Names, String>, ArtifactError> {
    match result {
        Ok(names) => Ok(Ok(names)),
        Err(error) if error.retry() == Retry::Stalled => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Finds the environment of that name: in the artifact's namespace, else in one that lets it in.
fn environment(name: &str, artifact: &Artifact, ctx: &Context) -> Found {
    let namespace = artifact.namespace().unwrap_or_default();
    if let Some(environment) = ctx.environment(&namespace, name) {
        return Found::One(environment);
    }
    let mut open = ctx.environments_of_other_namespaces(name, &namespace);
    match (open.pop(), open.is_empty()) {
        (Some(environment), true) => Found::One(environment),
        (Some(_), false) => Found::None(format!(
            "several namespaces have an environment {name} that takes artifacts of {namespace}: \
             allow it in one of them only"
        )),
        (None, _) => Found::None(format!(
            "there is no environment {name} in {namespace}, nor one elsewhere that takes its \
             artifacts: create it, or correct env"
        )),
    }
}

/// Refuses what somebody rolled back from, as long as the hold stands that came of it.
fn rolled_back(app: &App, artifact: &Artifact) -> Option<String> {
    let hold = app.spec.hold.as_ref()?;
    let source = artifact.spec.version.sha.as_deref()?;
    let culprit = hold.culprit.as_deref()?;
    (culprit == source).then(|| {
        format!("this commit was rolled back ({}): release it by hand if it is fine", hold.reason)
    })
}

fn release_of(artifact: &Artifact, names: &Names, environment: &Environment) -> Release {
    let spec = &artifact.spec;
    let namespace = environment.namespace().unwrap_or_default();
    let foreign = artifact.namespace().filter(|own| *own != namespace);
    let mut release = Release::new(
        &release_name(artifact, names),
        ReleaseSpec {
            environment: names.environment.clone(),
            app: names.app.clone(),
            artifact: Some(ArtifactRef { name: artifact.name_any(), namespace: foreign }),
            trigger: Trigger::Policy,
            requested_by: spec.version.author.as_deref().map(|by| condition::cut(by, 256)),
            ..ReleaseSpec::default()
        },
    );
    release.metadata.namespace = Some(namespace);
    release
}

/// Names a release after its app, its environment and the artifact: always the same name.
fn release_name(artifact: &Artifact, names: &Names) -> String {
    let Names { app, environment } = names;
    let uid = artifact.uid().unwrap_or_default();
    let digest = digest::of_parts([uid.as_bytes(), app.as_bytes(), environment.as_bytes()]);
    let short: String = digest.chars().take(10).collect();
    format!("{}-{short}", name::app_object(app, environment))
}
