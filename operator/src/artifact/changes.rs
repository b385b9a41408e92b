//! What changed in an application's repository since an app was released.

use gimlet_crds::{Artifact, name};
use gimlet_gitops::CommitId;
use gimlet_manifest::policy::Changes;
use kube::ResourceExt;

use super::judge::Found;
use crate::context::Context;
use crate::release::Names;

/// Compares an artifact's commit with the one that the app runs.
pub(super) async fn since_last_release(
    artifact: &Artifact,
    names: &Names,
    environment: &Found,
    ctx: &Context,
) -> Changes {
    let unknown = |why: &str| Changes::Unknown(why.to_owned());
    let Found::One(environment) = environment else {
        return unknown("there is no such environment");
    };
    let namespace = environment.namespace().unwrap_or_default();
    let app = ctx.app(&namespace, &name::app_object(&names.app, &names.environment));
    let current = app.as_ref().and_then(|app| app.status.as_ref()?.current.as_ref());
    let Some(released) = current.and_then(|current| current.source.clone()) else {
        return unknown("the app was not released from a known commit yet");
    };
    let version = &artifact.spec.version;
    let (Some(called), Some(sha)) = (&version.repository, &version.sha) else {
        return unknown("the artifact does not tell its commit");
    };
    let own = artifact.namespace().unwrap_or_default();
    let Some(repository) = ctx.repository_called(&own, called) else {
        return Changes::Unknown(format!("there is no Repository of {called} in {own}"));
    };
    match compare(&repository, &released, sha, ctx).await {
        Ok(Some(paths)) => Changes::Since { commit: released, paths },
        Ok(None) => unknown("one of the commits is not in the repository any more"),
        Err(why) => Changes::Unknown(why),
    }
}

async fn compare(
    repository: &gimlet_crds::Repository,
    from: &str,
    to: &str,
    ctx: &Context,
) -> Result<Option<std::collections::BTreeSet<String>>, String> {
    let source = ctx.sources.open(&ctx.client, repository).await.map_err(|e| e.to_string())?;
    let parse = |sha: &str| CommitId::parse(sha).map_err(|error| error.to_string());
    let (from, to) = (parse(from)?, parse(to)?);
    let compared = source.mirror.changed_paths(&from, &to).await.map_err(|e| e.to_string())?;
    if compared.is_some() {
        return Ok(compared);
    }
    // The copy may be older than the commit.
    source.mirror.refresh().await.map_err(|e| e.to_string())?;
    source.mirror.changed_paths(&from, &to).await.map_err(|e| e.to_string())
}
