//! Which manifests of an artifact are released, and why the others are not.

use std::collections::HashMap;
use std::sync::Arc;

use gimlet_crds::name::{self, AppName};
use gimlet_crds::{
    App, Artifact, ArtifactEvent, ArtifactRef, Environment, ManifestResult, ManifestVerdict,
    Preview, Release, ReleaseSpec, Trigger, condition, labels,
};
use gimlet_manifest::file::ManifestFile;
use gimlet_manifest::policy::{Changes, Facts, Policy, Verdict, judge_preview};
use kube::ResourceExt;

use super::documents::{Document, documents};
use super::{ArtifactError, changes};
use crate::context::Context;
use crate::digest;
use crate::error::Retry;
use crate::preview::{self, Binding};
use crate::release::{self, Names};

/// Longest message of a verdict, in bytes.
const MAX_MESSAGE: usize = 512;

/// A verdict, and the release that follows from it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) verdict: ManifestVerdict,
    pub(super) release: Option<Release>,
    /// The branch that the release is the preview of.
    pub(super) preview: Option<Preview>,
    /// What has to come before it is judged for good.
    pub(super) wait: Option<Wait>,
}

/// What has to come before a manifest is judged for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// What is missing may only not be in the caches yet.
    Caches,
    /// The app is removed in this second: a release is only newer in the next one.
    NextSecond,
}

/// Judges all manifests of an artifact.
pub(super) async fn judge(
    artifact: &Artifact,
    ctx: &Context,
) -> Result<Vec<Judged>, ArtifactError> {
    let mut all = Vec::new();
    let mut taken = HashMap::new();
    for Document { place, manifest } in documents(artifact) {
        let judged = match manifest {
            Err(message) => told(place, ManifestResult::Invalid, &message),
            Ok(file) => one(artifact, place, &file, &mut taken, ctx).await?,
        };
        all.push(judged);
    }
    Ok(all)
}

async fn one(
    artifact: &Artifact,
    place: String,
    file: &ManifestFile,
    taken: &mut HashMap<(String, String), String>,
    ctx: &Context,
) -> Result<Judged, ArtifactError> {
    if file.preview && artifact.spec.event == ArtifactEvent::Tag {
        let message = "a preview is for branches, the artifact is of a tag";
        return Ok(told(place, ManifestResult::NotMatched, message));
    }
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
    let spec = &artifact.spec;
    let asks_for_paths = file.policy.as_ref().is_some_and(Policy::asks_for_paths);
    let changes = if asks_for_paths {
        changes::since_last_release(artifact, &names, &environment, ctx).await
    } else {
        Changes::Unknown(String::new())
    };
    let facts = Facts {
        event: spec.event,
        branch: spec.version.branch.as_deref(),
        tag: spec.version.tag.as_deref(),
        message: spec.version.message.as_deref(),
        changes: &changes,
    };
    let default_branch = preview::default_branch(artifact, ctx);
    let verdict = match &file.policy {
        Some(policy) => policy.judge(facts),
        None if file.preview => {
            judge_preview(facts, default_branch.as_deref(), was_pushed(artifact, ctx))
        }
        None => {
            let message = "it has no policy: release it by hand, or add deploy to it";
            return Ok(judge(ManifestResult::Manual, message));
        }
    };
    let why = match verdict {
        Verdict::NotMatched(why) => {
            let wait = (file.preview && default_branch.is_none()).then_some(Wait::Caches);
            return Ok(Judged { wait, ..judge(ManifestResult::NotMatched, &why) });
        }
        Verdict::Matched(why) => why,
    };
    let environment = match environment {
        Found::One(environment) => environment,
        Found::None(message) => {
            let judged = judge(ManifestResult::Refused, &message);
            return Ok(Judged { wait: Some(Wait::Caches), ..judged });
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
    let vars = release::facts(artifact);
    let bound = preview::bind(file.clone(), &names, artifact, &environment, &vars, ctx).await;
    let binding = match settled(bound)? {
        Ok(bound) => bound.binding,
        Err(message) => return Ok(judge(ManifestResult::Invalid, &message)),
    };
    if let Err(error) = preview::admit(&binding, &names, &environment, ctx).await {
        return Ok(judge(ManifestResult::Refused, &error.to_string()));
    }
    let app = ctx.app(&key.0, &key.1);
    if let Some(refusal) = app.as_deref().and_then(|app| rolled_back(app, artifact)) {
        return Ok(judge(ManifestResult::Refused, &refusal));
    }
    let going = app.as_ref().and_then(|app| app.metadata.deletion_timestamp.as_ref());
    let wait = going.filter(|at| at.0.as_second() >= Context::now().as_second());
    let wait = wait.map(|_| Wait::NextSecond);
    taken.insert(key, place.clone());
    let release = release_of(artifact, &place, &names, &environment);
    let mut judged = judge(ManifestResult::Released, &why);
    judged.verdict.release = Some(release.name_any());
    let elsewhere =
        release.namespace().filter(|namespace| Some(namespace) != artifact.namespace().as_ref());
    judged.verdict.namespace = elsewhere;
    judged.release = Some(release);
    judged.wait = wait;
    judged.preview = if let Binding::Preview(preview) = binding { Some(preview) } else { None };
    Ok(judged)
}

/// Tells whether the push of an artifact's commit made an artifact too.
fn was_pushed(artifact: &Artifact, ctx: &Context) -> bool {
    let version = &artifact.spec.version;
    let (Some(repository), Some(branch)) = (&version.repository, &version.branch) else {
        return false;
    };
    let namespace = artifact.namespace().unwrap_or_default();
    ctx.artifacts_of(&namespace, repository, branch).iter().any(|other| {
        other.spec.event == ArtifactEvent::Push && other.spec.version.sha == version.sha
    })
}

fn told(manifest: String, result: ManifestResult, message: &str) -> Judged {
    let message = condition::cut(message, MAX_MESSAGE);
    let verdict = ManifestVerdict { manifest, result, message, ..ManifestVerdict::default() };
    Judged { verdict, release: None, preview: None, wait: None }
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
    let of = release::names_of(file, known, artifact, &vars, ctx).await;
    let names = match settled(of)? {
        Ok(names) => names,
        Err(message) => return Ok(Err(message)),
    };
    if let Err(error) = AppName::parse(&names.app) {
        return Ok(Err(error.to_string()));
    }
    Ok(Ok(Target { names, environment }))
}

/// Tells what is wrong with a manifest from what went wrong with the machine.
fn settled<T>(
    result: Result<T, release::ReleaseError>,
) -> Result<Result<T, String>, ArtifactError> {
    match result {
        Ok(found) => Ok(Ok(found)),
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

fn release_of(
    artifact: &Artifact,
    place: &str,
    names: &Names,
    environment: &Environment,
) -> Release {
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
    release.annotations_mut().insert(labels::MANIFEST.into(), place.to_owned());
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
