//! What binds an app to a branch, from the manifest that is released.

use gimlet_crds::{
    App, Artifact, ArtifactEvent, DeployManifest, Environment, Preview, Variables, name as names_of,
};
use gimlet_manifest::file::ManifestFile;
use gimlet_manifest::preview as manifest;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::PreviewError;
use super::branch::{self, Branch};
use crate::context::Context;
use crate::error::ApiError;
use crate::release::{Names, ReleaseError, names};

/// What a release makes of the tie between its app and a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Binding {
    /// It stays as it is: what is released is of no branch.
    #[default]
    Keep,
    /// The app is the preview of a branch, and of no other.
    Preview(Preview),
    /// The app goes with the branch that it was released from last, or with none.
    Branch(Option<Preview>),
}

impl Binding {
    /// Returns the tie, where there is one.
    pub(crate) fn preview(&self) -> Option<&Preview> {
        match self {
            Self::Preview(preview) | Self::Branch(Some(preview)) => Some(preview),
            Self::Keep | Self::Branch(None) => None,
        }
    }
}

/// A manifest of an artifact with all that a branch makes of it.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) manifest: DeployManifest,
    /// Variables beside those of the artifact.
    pub(crate) vars: Variables,
    pub(crate) binding: Binding,
}

/// Names the preview of an app.
pub(crate) fn name(app: &str, artifact: &Artifact, env: &str) -> Result<String, PreviewError> {
    let spec = &artifact.spec;
    let branch = spec.version.branch.as_deref().filter(|_| spec.event != ArtifactEvent::Tag);
    Ok(manifest::name(app, branch.ok_or(PreviewError::NoBranch)?, env)?)
}

/// Finds out what binds the app of a manifest to the branch of its artifact.
pub(crate) async fn bind(
    file: ManifestFile,
    of: &Names,
    artifact: &Artifact,
    environment: &Environment,
    vars: &Variables,
    ctx: &Context,
) -> Result<Bound, ReleaseError> {
    if file.preview {
        return Ok(of_preview(file, of, artifact, environment, vars)?);
    }
    let unbound = |manifest: DeployManifest| Bound {
        manifest,
        vars: Variables::new(),
        binding: Binding::Branch(None),
    };
    let cleanup = file.cleanup.as_ref();
    let rule = cleanup.and_then(|cleanup| cleanup.bound.as_ref());
    let (Some(mut tie), Some(cleanup), Some(rule)) = (tie(artifact, environment), cleanup, rule)
    else {
        return Ok(unbound(file.manifest));
    };
    if !rule.matches(&tie.branch) {
        return Ok(unbound(file.manifest));
    }
    let named = DeployManifest { app: Some(rule.app.clone()), ..DeployManifest::default() };
    let named = names(&named, Some(environment), vars, ctx).await?.app;
    if named != of.app {
        return Err(PreviewError::OtherApp { cleanup: named, app: of.app.clone() }.into());
    }
    tie.pull_request = None;
    tie.after.clone_from(&cleanup.after);
    tie.idle.clone_from(&cleanup.idle);
    Ok(Bound { binding: Binding::Branch(Some(tie)), ..unbound(file.manifest) })
}

fn of_preview(
    file: ManifestFile,
    of: &Names,
    artifact: &Artifact,
    environment: &Environment,
    vars: &Variables,
) -> Result<Bound, PreviewError> {
    let tie = tie(artifact, environment).ok_or(PreviewError::NoBranch)?;
    let used = manifest::uses_host(&file.manifest, vars)
        || manifest::uses_host(&DeployManifest::default(), &environment.spec.vars);
    let host = environment.spec.domain.as_ref().map(|domain| format!("{}.{domain}", of.app));
    let mut extra = Variables::new();
    let mut manifest = file.manifest;
    match &host {
        None if used => return Err(PreviewError::NoDomain { environment: environment.name_any() }),
        None => {}
        Some(host) => {
            extra.insert(manifest::HOST.into(), host.clone());
            extra.insert(manifest::URL.into(), url(host));
            manifest = manifest::with_host(manifest, host);
        }
    }
    let limits = file.cleanup.unwrap_or(gimlet_manifest::policy::Cleanup {
        bound: None,
        after: None,
        idle: None,
    });
    let preview = Preview {
        follow_pull_request: true,
        host: host.filter(|_| used),
        after: limits.after,
        idle: limits.idle,
        ..tie
    };
    Ok(Bound { manifest, vars: extra, binding: Binding::Preview(preview) })
}

/// Returns the address of a host.
pub(super) fn url(host: &str) -> String {
    format!("https://{host}")
}

fn tie(artifact: &Artifact, environment: &Environment) -> Option<Preview> {
    let spec = &artifact.spec;
    if spec.event == ArtifactEvent::Tag {
        return None;
    }
    let own = environment.namespace();
    Some(Preview {
        repository: spec.version.repository.clone()?,
        namespace: artifact.namespace().filter(|namespace| Some(namespace) != own.as_ref()),
        branch: spec.version.branch.clone()?,
        pull_request: spec.pull_request,
        ..Preview::default()
    })
}

/// Makes sure that an app may be bound so: nobody else has its name or its host, and the branch is
/// still there as far as anybody knows.
pub(crate) async fn admit(
    binding: &Binding,
    of: &Names,
    environment: &Environment,
    ctx: &Context,
) -> Result<(), PreviewError> {
    let Some(preview) = binding.preview() else { return Ok(()) };
    let namespace = environment.namespace().unwrap_or_default();
    let object = names_of::app_object(&of.app, &of.environment);
    let app = ctx.app(&namespace, &object);
    let stays = |app: &App| app.metadata.deletion_timestamp.is_none();
    if let (Binding::Preview(preview), Some(app)) = (binding, app.as_deref().filter(|a| stays(a)))
        && let Some(by) = taken(app, preview)
    {
        return Err(PreviewError::Taken { app: object, by });
    }
    if let Some(host) = &preview.host {
        let other = ctx.previews_at(host).into_iter().find(|other| {
            stays(other)
                && (other.namespace().as_deref(), other.name_any())
                    != (Some(&*namespace), object.clone())
        });
        if let Some(other) = other {
            let by = format!("{} in {}", other.name_any(), other.namespace().unwrap_or_default());
            return Err(PreviewError::HostTaken { host: host.clone(), by });
        }
    }
    match branch::still_there(preview, &namespace, ctx).await {
        Branch::Gone => Err(PreviewError::BranchGone {
            repository: preview.repository.clone(),
            branch: preview.branch.clone(),
        }),
        Branch::There | Branch::Unknown { .. } => Ok(()),
    }
}

/// Tells what an app is, where it is not the preview of the same branch.
fn taken(app: &App, preview: &Preview) -> Option<String> {
    match &app.spec.preview {
        None => Some("an app that is no preview".into()),
        Some(other) if is_same(other, preview) => None,
        Some(other) => Some(format!("the branch {} of {}", other.branch, other.repository)),
    }
}

fn is_same(one: &Preview, other: &Preview) -> bool {
    one.branch == other.branch
        && one.namespace == other.namespace
        && one.repository.eq_ignore_ascii_case(&other.repository)
}

/// Says how the App's tie has to change, in a merge patch; none where it is right.
pub(crate) fn patch(app: &App, binding: &Binding) -> Option<serde_json::Value> {
    let old = app.spec.preview.as_ref();
    let wanted = match binding {
        Binding::Keep => return None,
        Binding::Preview(new) | Binding::Branch(Some(new)) => {
            // A push does not know of the pull request that was found since.
            let known = old.filter(|old| is_same(old, new)).and_then(|old| old.pull_request);
            Some(Preview { pull_request: new.pull_request.or(known), ..new.clone() })
        }
        Binding::Branch(None) => None,
    };
    if old == wanted.as_ref() {
        return None;
    }
    let mut fields = json!(wanted);
    if let Some(fields) = fields.as_object_mut() {
        // What is not said goes.
        for field in ["namespace", "pullRequest", "host", "after", "idle"] {
            fields.entry(field).or_insert(serde_json::Value::Null);
        }
    }
    Some(json!({"spec": {"preview": fields}}))
}

/// Records the pull request of a preview.
pub(super) async fn record_request(app: &App, number: i64, ctx: &Context) -> Result<(), ApiError> {
    let api: Api<App> = Api::namespaced(ctx.client.clone(), &app.namespace().unwrap_or_default());
    let patch = json!({
        "metadata": {"uid": app.uid()}, "spec": {"preview": {"pullRequest": number}},
    });
    match api.patch(&app.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(error)) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => {
            let what = format!("record the pull request of the App {}", app.name_any());
            Err(ApiError::new(what, error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn file(text: &str) -> ManifestFile {
        gimlet_manifest::file::parse_files(text).unwrap().remove(0)
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is made where it is passed")]
    fn artifact(fields: Value) -> Artifact {
        let mut spec = json!({
            "version": {"repository": "acme/shop", "sha": "abcdef0", "branch": "feature/x"},
            "manifests": [],
        });
        for (key, value) in fields.as_object().unwrap() {
            spec[key] = value.clone();
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Artifact",
            "metadata": {"name": "a", "namespace": "team"}, "spec": spec
        }))
        .unwrap()
    }

    fn environment(domain: Option<&str>, namespace: &str) -> Environment {
        let mut spec = json!({"gitops": {"url": "https://x/y"}});
        if let Some(domain) = domain {
            spec["domain"] = json!(domain);
        }
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": namespace}, "spec": spec
        }))
        .unwrap()
    }

    fn of() -> Names {
        Names { app: "shop-x".into(), environment: "staging".into() }
    }

    const MANIFEST: &str =
        "app: shop\nenv: staging\nnamespace: a\npreview: true\nchart: {name: app}\n";

    #[test]
    fn a_preview_is_bound_to_the_branch_with_a_host_of_its_own() {
        let text = format!(
            "{MANIFEST}values: {{ingress: {{host: shop.example.com}}}}\ncleanup: {{after: 72h, idle: 24h}}\n"
        );
        let (artifact, env) = (artifact(json!({})), environment(Some("dev.example.com"), "team"));
        let bound = of_preview(file(&text), &of(), &artifact, &env, &Variables::new()).unwrap();
        let Binding::Preview(preview) = bound.binding else { panic!("{:?}", bound.binding) };
        assert_eq!(
            json!(preview),
            json!({
                "repository": "acme/shop", "branch": "feature/x", "followPullRequest": true,
                "host": "shop-x.dev.example.com", "after": "72h", "idle": "24h",
            })
        );
        assert_eq!(bound.vars["PREVIEW_URL"], "https://shop-x.dev.example.com");
        let values = bound.manifest.values.unwrap();
        assert_eq!(values.0["ingress"]["host"], "shop-x.dev.example.com");
    }

    #[test]
    fn a_host_that_is_needed_and_cannot_be_is_an_error_that_names_the_field() {
        let text = format!("{MANIFEST}values: {{ingress: {{host: shop.example.com}}}}\n");
        let (artifact, env) = (artifact(json!({})), environment(None, "team"));
        let error = of_preview(file(&text), &of(), &artifact, &env, &Variables::new()).unwrap_err();
        assert!(error.to_string().contains("spec.domain"), "{error}");
        let worker = of_preview(file(MANIFEST), &of(), &artifact, &env, &Variables::new()).unwrap();
        assert_eq!(worker.binding.preview().unwrap().host, None, "a worker needs none");
    }

    #[test]
    fn a_preview_without_ingress_has_no_address_to_tell() {
        let (artifact, env) = (artifact(json!({})), environment(Some("dev.example.com"), "team"));
        let bound = of_preview(file(MANIFEST), &of(), &artifact, &env, &Variables::new()).unwrap();
        assert_eq!(bound.binding.preview().unwrap().host, None);
    }

    #[test]
    fn a_foreign_artifact_and_its_pull_request_are_told() {
        let artifact = artifact(json!({"event": "PullRequest", "pullRequest": 7}));
        let env = environment(Some("dev.example.com"), "prod");
        let bound = of_preview(file(MANIFEST), &of(), &artifact, &env, &Variables::new()).unwrap();
        let preview = bound.binding.preview().unwrap().clone();
        assert_eq!((preview.namespace.as_deref(), preview.pull_request), (Some("team"), Some(7)));
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is made where it is passed")]
    fn app(preview: Option<Preview>) -> App {
        let spec = json!({"app": "shop-x", "environment": "staging", "preview": preview});
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": "shop-x.staging"}, "spec": spec
        }))
        .unwrap()
    }

    fn preview(branch: &str, number: Option<i64>) -> Preview {
        Preview {
            repository: "acme/shop".into(),
            branch: branch.into(),
            pull_request: number,
            ..Preview::default()
        }
    }

    #[test]
    fn a_name_belongs_to_one_branch() {
        let mine = preview("a", None);
        assert_eq!(taken(&app(Some(preview("a", Some(3)))), &mine), None);
        assert!(taken(&app(Some(preview("b", None))), &mine).unwrap().contains("branch b"));
        assert!(taken(&app(None), &mine).unwrap().contains("no preview"));
    }

    #[test]
    fn the_tie_follows_the_last_release_and_keeps_the_pull_request() {
        let push = Binding::Preview(preview("a", None));
        assert_eq!(patch(&app(Some(preview("a", Some(3)))), &push), None);
        let limited = Preview { after: Some("1h".into()), ..preview("a", None) };
        let changed = patch(&app(Some(preview("a", Some(3)))), &Binding::Preview(limited)).unwrap();
        assert_eq!(changed["spec"]["preview"]["pullRequest"], 3);
        assert_eq!(changed["spec"]["preview"]["after"], "1h");
        assert_eq!(changed["spec"]["preview"]["idle"], Value::Null);
        let other =
            patch(&app(Some(preview("a", Some(3)))), &Binding::Branch(Some(preview("b", None))));
        assert_eq!(other.unwrap()["spec"]["preview"]["pullRequest"], Value::Null);
        let unbound = patch(&app(Some(preview("a", None))), &Binding::Branch(None)).unwrap();
        assert_eq!(unbound["spec"]["preview"], Value::Null);
        assert_eq!(patch(&app(Some(preview("a", None))), &Binding::Keep), None);
        assert_eq!(patch(&app(None), &Binding::Branch(None)), None);
    }
}
