//! Where a release comes from: a manifest of its own, an artifact, or another environment.

use std::sync::Arc;

use gimlet_crds::name::AppName;
use gimlet_crds::{
    App, Artifact, ArtifactRef, DeployManifest, Environment, Release, SourceVersion, Variables,
    labels,
};
use gimlet_manifest::Vars;
use gimlet_manifest::file::ManifestFile;
use gimlet_manifest::policy::{Changes, Facts, Verdict};
use kube::ResourceExt;

use super::error::ReleaseError;
use crate::artifact::{Document, documents};
use crate::context::Context;
use crate::preview::{self, Binding, Bound};

/// A manifest that is released, with all that it is rendered from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) manifest: DeployManifest,
    /// Facts of the source commit, and the variables that came with it.
    pub(super) vars: Variables,
    pub(super) version: Option<SourceVersion>,
    pub(super) artifact: Option<ArtifactRef>,
    /// What binds the app to a branch.
    pub(super) binding: Binding,
}

/// Why the source of a release is not at hand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error(
        "there is no Artifact {name} in the namespace {namespace}: create it, or cancel the release"
    )]
    NoArtifact { name: String, namespace: String },
    #[error(
        "the environment takes no artifacts of the namespace {namespace}: add it to \
         spec.artifacts.namespaces of the Environment, or release an artifact of its own namespace"
    )]
    ForeignArtifact { namespace: String },
    #[error("the artifact {artifact} has no manifest for {app} in {environment}; it has {others}")]
    NoManifest { artifact: String, app: String, environment: String, others: String },
    #[error("{app} is not released in {environment}, so there is nothing to promote")]
    NotReleased { app: String, environment: String },
    #[error(
        "what {app} runs in {environment}, {release}, was not released from an artifact, so it \
         cannot be promoted: release its manifest here instead"
    )]
    NoOrigin { app: String, environment: String, release: String },
}

impl SourceError {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NoArtifact { .. } => "ArtifactNotFound",
            Self::ForeignArtifact { .. } => "ArtifactNotAllowed",
            Self::NoManifest { .. } => "ManifestNotFound",
            Self::NotReleased { .. } | Self::NoOrigin { .. } => "NothingToPromote",
        }
    }

    /// Tells whether it can come right without another release.
    pub(crate) fn may_come(&self) -> bool {
        matches!(self, Self::NoArtifact { .. } | Self::ForeignArtifact { .. })
    }
}

/// Finds what a release is made from; nothing for one that puts back what git has.
pub(super) async fn find(
    release: &Release,
    environment: &Environment,
    ctx: &Context,
) -> Result<Option<Source>, ReleaseError> {
    let spec = &release.spec;
    if let Some(manifest) = &spec.manifest {
        return Ok(Some(Source {
            manifest: manifest.clone(),
            vars: spec.version.as_ref().map(SourceVersion::variables).unwrap_or_default(),
            version: spec.version.clone(),
            artifact: None,
            binding: Binding::Keep,
        }));
    }
    let Some(reference) = reference(release, ctx)? else {
        return Ok(None);
    };
    let own = release.namespace().unwrap_or_default();
    let artifact = find_artifact(&reference, &own, environment, ctx)?;
    let mut vars = facts(&artifact);
    let (file, of) = manifest(release, environment, &artifact, &vars, ctx).await?;
    let bound = preview::bind(file, &of, &artifact, environment, &vars, ctx).await?;
    let Bound { manifest, vars: extra, binding } = bound;
    preview::admit(&binding, &of, environment, ctx).await?;
    vars.extend(extra);
    Ok(Some(Source {
        manifest: DeployManifest { app: None, env: None, ..manifest },
        vars,
        binding,
        version: Some(artifact.spec.version.clone()),
        artifact: Some(reference),
    }))
}

/// Returns the variables that an artifact makes: the facts of its commit, then its own.
pub(crate) fn facts(artifact: &Artifact) -> Variables {
    let spec = &artifact.spec;
    let mut vars = spec.version.variables();
    vars.insert("EVENT".into(), spec.event.as_policy().into());
    if let Some(branch) = &spec.target_branch {
        vars.insert("TARGET_BRANCH".into(), branch.clone());
    }
    if let Some(number) = spec.pull_request {
        vars.insert("PULL_REQUEST".into(), number.to_string());
    }
    vars.extend(spec.vars.clone());
    vars
}

/// Returns the variables that a manifest's templates may use beside the release's own, which come
/// last. Later ones win: the environment's, those of the source, the names of app and environment.
pub(crate) fn variables(environment: &Environment, vars: &Variables, app: &str) -> Vars {
    let mut all = environment.spec.vars.clone();
    all.extend(vars.clone());
    if !app.is_empty() {
        all.insert("APP".into(), app.to_owned());
    }
    all.insert("ENV".into(), environment.name_any());
    all
}

/// Names the artifact of a release; what was promoted once stays what it was.
fn reference(release: &Release, ctx: &Context) -> Result<Option<ArtifactRef>, SourceError> {
    let spec = &release.spec;
    if let Some(artifact) = &spec.artifact {
        return Ok(Some(artifact.clone()));
    }
    let Some(from) = &spec.promote_from else {
        return Ok(None);
    };
    if let Some(pinned) = release.status.as_ref().and_then(|status| status.artifact.clone()) {
        return Ok(Some(pinned));
    }
    let namespace = release.namespace().unwrap_or_default();
    let name = gimlet_crds::name::app_object(&spec.app, &from.environment);
    let app = ctx.app(&namespace, &name);
    promoted(app.as_ref(), &spec.app, &from.environment).map(Some)
}

fn promoted(
    app: Option<&Arc<App>>,
    name: &str,
    environment: &str,
) -> Result<ArtifactRef, SourceError> {
    let current = app.and_then(|app| app.status.as_ref()?.current.as_ref());
    let (app, environment) = (name.to_owned(), environment.to_owned());
    match current {
        None => Err(SourceError::NotReleased { app, environment }),
        Some(current) => current.artifact.clone().ok_or_else(|| SourceError::NoOrigin {
            app,
            environment,
            release: current.name.clone(),
        }),
    }
}

/// Finds an artifact that may be released in an environment of a namespace.
pub(crate) fn find_artifact(
    reference: &ArtifactRef,
    own: &str,
    environment: &Environment,
    ctx: &Context,
) -> Result<Arc<Artifact>, SourceError> {
    let namespace = reference.namespace.as_deref().unwrap_or(own);
    if !environment.takes_artifacts_of(namespace) {
        return Err(SourceError::ForeignArtifact { namespace: namespace.to_owned() });
    }
    ctx.artifact(namespace, &reference.name).ok_or_else(|| SourceError::NoArtifact {
        name: reference.name.clone(),
        namespace: namespace.to_owned(),
    })
}

/// Finds the artifact's manifest for the app and environment of a release.
async fn manifest(
    release: &Release,
    environment: &Environment,
    artifact: &Artifact,
    vars: &Variables,
    ctx: &Context,
) -> Result<(ManifestFile, Names), ReleaseError> {
    let spec = &release.spec;
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for Document { place, manifest } in documents(artifact) {
        // What is not valid is told of in the status of the artifact.
        let Ok(file) = manifest else { continue };
        let of = names_of(&file, Some(environment), artifact, vars, ctx).await;
        // A variable that another app lacks is no fault of this one.
        let Ok(of) = of else { continue };
        if of.app == spec.app && of.environment == spec.environment {
            found.push((place, file, of));
        } else {
            others.push(format!("{} in {}", of.app, of.environment));
        }
    }
    let places: Vec<_> = found.iter().map(|(place, file, _)| (place.as_str(), file)).collect();
    if let Some(chosen) = choose(release, artifact, &places) {
        let (_, file, of) = found.swap_remove(chosen);
        return Ok((file, of));
    }
    let others =
        if others.is_empty() { "no manifest that is valid".into() } else { others.join(", ") };
    Err(SourceError::NoManifest {
        artifact: artifact.name_any(),
        app: spec.app.clone(),
        environment: spec.environment.clone(),
        others: gimlet_crds::condition::cut(&others, 256),
    }
    .into())
}

/// Chooses among the manifests of an artifact that are for one app and environment: the one whose
/// policy made the release, else the first whose policy is for such an artifact, else the first.
fn choose(
    release: &Release,
    artifact: &Artifact,
    manifests: &[(&str, &ManifestFile)],
) -> Option<usize> {
    let made_by = release.annotations().get(labels::MANIFEST);
    let changes = Changes::Unknown(String::new());
    let version = &artifact.spec.version;
    let facts = Facts {
        event: artifact.spec.event,
        branch: version.branch.as_deref(),
        tag: version.tag.as_deref(),
        message: version.message.as_deref(),
        changes: &changes,
    };
    let fits = |file: &ManifestFile| {
        let policy = file.policy.as_ref();
        policy.is_some_and(|policy| matches!(policy.judge(facts), Verdict::Matched(_)))
    };
    let at = |is: &dyn Fn(&str, &ManifestFile) -> bool| {
        manifests.iter().position(|(place, file)| is(place, file))
    };
    at(&|place, _| made_by.is_some_and(|made_by| made_by == place))
        .or_else(|| at(&|_, file| fits(file)))
        .or_else(|| at(&|_, _| true))
}

/// Lists the apps for which an artifact has a manifest in an environment, in the manifests' order.
/// Previews are left out: nobody means them who asks for everything.
pub(crate) async fn apps_of_artifact(
    artifact: &Artifact,
    environment: &Environment,
    ctx: &Context,
) -> Vec<String> {
    let (vars, name) = (facts(artifact), environment.name_any());
    let mut apps = Vec::new();
    let files = documents(artifact).into_iter().filter_map(|document| document.manifest.ok());
    for found in files.filter(|found| !found.preview) {
        let of = names(&found.manifest, Some(environment), &vars, ctx).await;
        let Ok(of) = of else { continue };
        if of.environment == name && AppName::parse(&of.app).is_ok() && !apps.contains(&of.app) {
            apps.push(of.app);
        }
    }
    apps
}

/// The app and the environment that a manifest is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) app: String,
    pub(crate) environment: String,
}

/// Resolves the names in a manifest of an artifact; a preview is named after its branch too.
pub(crate) async fn names_of(
    file: &ManifestFile,
    environment: Option<&Environment>,
    artifact: &Artifact,
    vars: &Variables,
    ctx: &Context,
) -> Result<Names, ReleaseError> {
    let mut of = names(&file.manifest, environment, vars, ctx).await?;
    if file.preview {
        of.app = preview::name(&of.app, artifact, &of.environment)?;
    }
    Ok(of)
}

/// Resolves the names in a manifest, and nothing else of it.
pub(crate) async fn names(
    manifest: &DeployManifest,
    environment: Option<&Environment>,
    vars: &Variables,
    ctx: &Context,
) -> Result<Names, ReleaseError> {
    let plain = |text: &Option<String>| text.as_ref().is_none_or(|text| !text.contains("{{"));
    let resolved = if plain(&manifest.app) && plain(&manifest.env) {
        manifest.clone()
    } else {
        let only_names = DeployManifest {
            app: manifest.app.clone(),
            env: manifest.env.clone(),
            ..DeployManifest::default()
        };
        let vars = match environment {
            Some(environment) => variables(environment, vars, ""),
            None => vars.clone(),
        };
        ctx.renderers.resolve(&only_names, vars).await?
    };
    Ok(Names {
        app: resolved.app.unwrap_or_default(),
        environment: resolved.env.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_several_manifests_for_an_app_the_one_that_was_meant_is_taken() {
        let file = |deploy: &str| {
            let text = format!("namespace: a\nmanifests: x\n{deploy}\n");
            gimlet_manifest::file::parse_files(&text).unwrap().remove(0)
        };
        let files = [
            ("a.yaml", file("")),
            ("b.yaml", file("deploy: {branch: main}")),
            ("c.yaml#1", file("deploy: {tag: 'v*'}")),
            ("c.yaml#2", file("deploy: {event: tag}")),
        ];
        let chosen =
            |spec: serde_json::Value, made_by: Option<&str>, files: &[(&str, ManifestFile)]| {
                let artifact: Artifact = serde_json::from_value(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact", "metadata": {"name": "a"},
                "spec": spec,
            }))
            .unwrap();
                let mut release = Release::new("r", gimlet_crds::ReleaseSpec::default());
                if let Some(made_by) = made_by {
                    release.annotations_mut().insert(labels::MANIFEST.into(), made_by.into());
                }
                let files: Vec<_> = files.iter().map(|(place, file)| (*place, file)).collect();
                choose(&release, &artifact, &files)
            };
        let push = |branch: &str| json!({"version": {"branch": branch}, "manifests": []});
        let tag = json!({"event": "Tag", "version": {"tag": "v1"}, "manifests": []});
        assert_eq!(chosen(push("main"), None, &files), Some(1));
        assert_eq!(chosen(push("dev"), None, &files), Some(0));
        assert_eq!(chosen(tag.clone(), None, &files), Some(2));
        assert_eq!(chosen(tag.clone(), Some("c.yaml#2"), &files), Some(3));
        assert_eq!(chosen(tag.clone(), Some("gone.yaml"), &files), Some(2));
        assert_eq!(chosen(tag, None, &[]), None);
    }

    #[test]
    fn later_variables_win() {
        let environment: Environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging"},
            "spec": {"gitops": {"url": "https://x/y"}, "vars": {"A": "env", "SHA": "env", "APP": "no"}}
        }))
        .unwrap();
        let artifact: Artifact = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact", "metadata": {"name": "a"},
            "spec": {
                "version": {"repository": "acme/shop", "sha": "abc", "branch": "fix"},
                "event": "PullRequest", "targetBranch": "main", "pullRequest": 7,
                "vars": {"BRANCH": "ci", "ENV": "no"}, "manifests": []
            }
        }))
        .unwrap();
        let vars = variables(&environment, &facts(&artifact), "shop");
        let get = |name: &str| vars.get(name).map(String::as_str);
        assert_eq!(get("A"), Some("env"));
        assert_eq!(get("SHA"), Some("abc"), "a fact of the commit comes after the environment");
        assert_eq!(get("BRANCH"), Some("ci"), "what CI says comes after the facts");
        assert_eq!((get("APP"), get("ENV")), (Some("shop"), Some("staging")));
        assert_eq!((get("OWNER"), get("EVENT")), (Some("acme"), Some("pr")));
        assert_eq!((get("TARGET_BRANCH"), get("PULL_REQUEST")), (Some("main"), Some("7")));
        assert_eq!(get("TAG"), None);
    }
}
