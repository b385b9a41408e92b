//! From a plan to a commit: gates, queue, push.

use gimlet_crds::name::AppName;
use gimlet_crds::{App, BlockerKind, Environment, Hold, Phase, Release, ReleaseStatus, name};
use gimlet_gitops::{CommitId, Outcome as GitOutcome};
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::error::ReleaseError;
use super::gate::{self, Passage};
use super::gather::Around;
use super::outcome::{Committed, End, Outcome, Prepared};
use super::{decide, gather, layout, message, observe, prepare, pull, status};
use crate::context::Context;
use crate::error::ApiError;
use crate::origin;
use crate::preview;
use crate::pull_request::Place;
use crate::{app, flux};

/// Field manager of the hold that a rollback sets, so that nothing else of the operator takes it back.
const HOLD_MANAGER: &str = "gimlet-operator-hold";

/// Plans a release and commits it, unless something holds it back.
pub(super) async fn release(
    release: &mut Release,
    environment: &Environment,
    around: &Around,
    ctx: &Context,
) -> Result<Outcome, ReleaseError> {
    let access = ctx.remotes.access(&ctx.client, environment).await?;
    let writer = &access.writer;
    if let Some(commit) = writer.find_release(&origin::uid(&release.metadata)).await? {
        let commit = committed(release, environment, &commit, true)?;
        return Ok(Outcome::Committed { prepared: None, commit, observation: None });
    }
    if origin::is_restored(&release.metadata) {
        return Ok(Outcome::Ended(restored()));
    }
    if release.spec.cancel {
        return Ok(Outcome::Ended(End::Cancelled));
    }
    if let (Some(set), None) = (&release.spec.set, &around.set) {
        return Ok(Outcome::Ended(not_of_set(set)));
    }
    if let Some(outcome) = still_blocked(release, environment, around) {
        return Ok(outcome);
    }
    let (mut prepared, ticket) = prepare::prepare(release, environment, &access, ctx).await?;
    if let Some(end) = base_changed(release, &prepared) {
        return Ok(Outcome::Ended(end));
    }
    if release.spec.plan_only {
        return Ok(Outcome::Planned(prepared));
    }
    // What changes nothing needs nobody's leave.
    if !prepared.unchanged {
        let planned = gate::Planned {
            digest: &prepared.plan.digest,
            guard: prepared.plan.guard.as_deref(),
            artifact: prepared.artifact.as_ref(),
        };
        match gate::pass(release, environment, around, planned) {
            Passage::Closed(blockers) => {
                return Ok(Outcome::Blocked { prepared: Some(prepared), blockers });
            }
            Passage::Rejected { by, comment } => return Ok(rejected(&by, &comment)),
            Passage::Open { approved_by } => prepared.approved_by = approved_by,
        }
    }
    if let Some(of_set) = &around.set {
        let blockers = vec![of_set.blocker(release)];
        return Ok(Outcome::Blocked { prepared: Some(prepared), blockers });
    }
    ensure_app(release, environment, around, &prepared, ctx).await?;
    if let (true, Some(head)) = (prepared.unchanged, prepared.head) {
        after_older(release, around)?;
        return Ok(Outcome::Unchanged { prepared: Some(prepared), head });
    }
    if !status::write(release, Outcome::Queued(prepared.clone()), ctx).await? {
        return Err(ReleaseError::Outdated);
    }
    let app = AppName::parse(&release.spec.app)?;
    let folder = layout::app_folder(environment, &app)?;
    if let Some(place) = Place::of(environment, &folder, &access)? {
        drop(ticket);
        return pull::propose(release, environment, prepared, around, &place).await;
    }
    let change = message::change_of_release(release, environment, &prepared);
    let outcome = ticket.commit(change).await?;
    let commit = match outcome {
        GitOutcome::Unchanged { head, .. } => {
            after_older(release, around)?;
            return Ok(Outcome::Unchanged { prepared: Some(prepared), head });
        }
        GitOutcome::Committed { commit, .. } => committed(release, environment, &commit, false)?,
        GitOutcome::Adopted { commit, .. } => committed(release, environment, &commit, true)?,
    };
    let source = flux::environment_object(&release.spec.environment);
    ctx.flux.request_sync(&environment.spec.flux.namespace, &source, &commit.sha).await;
    let observation = observe::unobserved(environment, ctx);
    Ok(Outcome::Committed { prepared: Some(prepared), commit, observation })
}

/// Keeps a release that has nothing to change from its end as long as an older one may still change
/// something: the app would be what the older one made it.
pub(super) fn after_older(release: &Release, around: &Around) -> Result<(), ReleaseError> {
    match decide::older_on_its_way(release, &around.releases) {
        Some(older) => Err(ReleaseError::Older { older }),
        None => Ok(()),
    }
}

/// Spares a release that waits, and whose plan is known, to be planned again at every look.
fn still_blocked(release: &Release, environment: &Environment, around: &Around) -> Option<Outcome> {
    let status = release.status.as_ref().filter(|status| status.phase == Phase::Waiting)?;
    let plan = status.plan.as_ref()?;
    let planned = gate::Planned {
        digest: &plan.digest,
        guard: plan.guard.as_deref(),
        artifact: status.artifact.as_ref(),
    };
    let passage = gate::pass(release, environment, around, planned);
    if let Some(of_set) = &around.set {
        let blocked =
            || Outcome::Blocked { prepared: None, blockers: vec![of_set.blocker(release)] };
        let ready = gather::waits_for_set(release);
        match &passage {
            // The gates are asked again when all are ready, by the set.
            Passage::Closed(_) if ready => return Some(blocked()),
            Passage::Open { .. } if ready || !lacks_something(status) => return Some(blocked()),
            _ => {}
        }
    }
    match passage {
        Passage::Open { .. } => None,
        Passage::Closed(blockers) => Some(Outcome::Blocked { prepared: None, blockers }),
        Passage::Rejected { by, comment } => Some(rejected(&by, &comment)),
    }
}

/// Tells whether the last attempt to plan a release came to nothing.
fn lacks_something(status: &ReleaseStatus) -> bool {
    use BlockerKind::{Artifact, Chart, Git};
    status.blocked_by.iter().any(|blocker| matches!(blocker.kind, Artifact | Chart | Git))
}

/// Ends a copy from a backup that is not in git. Nobody knows what people decided of it since, so what
/// is still wanted is released anew.
fn restored() -> End {
    End::Rejected {
        reason: origin::RESTORED.into(),
        message: origin::refusal("create a new Release if it is still wanted"),
    }
}

/// Refuses a release that names a set which has not made it.
fn not_of_set(set: &str) -> End {
    End::Rejected {
        reason: "NotOfSet".into(),
        message: format!(
            "no ReleaseSet {set} has made this release: only the operator sets spec.set; create a \
             ReleaseSet, or a Release without it"
        ),
    }
}

pub(super) fn rejected(by: &str, comment: &str) -> Outcome {
    Outcome::Ended(End::Rejected {
        reason: "NotApproved".into(),
        message: format!("{by} rejected it: {comment}"),
    })
}

/// The optimistic lock: the app has to be what the person who made the release saw.
fn base_changed(release: &Release, prepared: &Prepared) -> Option<End> {
    let expected = release.spec.expected_base.as_ref()?;
    let actual = prepared.last_touch.as_ref().map(ToString::to_string);
    if actual.as_ref().is_some_and(|commit| commit.starts_with(expected)) {
        return None;
    }
    let now = actual.as_deref().map_or("not there", |commit| &commit[..7.min(commit.len())]);
    Some(End::Rejected {
        reason: "BaseChanged".into(),
        message: format!(
            "the app is not at {expected} any more, it is {now}: look at what changed and release again"
        ),
    })
}

/// Makes the App of a first release, before git knows of it: then uninstalling always finds it. One
/// that is there is bound to the branch that is released, and put on hold where that is wanted, as
/// after a rollback.
pub(super) async fn ensure_app(
    release: &Release,
    environment: &Environment,
    around: &Around,
    prepared: &Prepared,
    ctx: &Context,
) -> Result<(), ReleaseError> {
    let spec = &release.spec;
    let name = name::app_object(&spec.app, &spec.environment);
    let api: Api<App> =
        Api::namespaced(ctx.client.clone(), &environment.namespace().unwrap_or_default());
    match &around.app {
        None => {
            let namespace = environment.namespace().unwrap_or_default();
            app::create(&namespace, &spec.app, &spec.environment, prepared.binding.preview(), ctx)
                .await?;
        }
        Some(app) => {
            if let Some(patch) = preview::patch(app, &prepared.binding) {
                api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map_err(
                    |error| ApiError::new(format!("bind the App {name} to its branch"), error),
                )?;
            }
        }
    }
    if prepared.holds {
        let reason = spec.reason.as_deref().unwrap_or("no reason given");
        let current = around.app.as_ref().and_then(|app| app.status.as_ref()?.current.as_ref());
        let hold = Hold {
            reason: gimlet_crds::condition::cut(&format!("rolled back: {reason}"), 256),
            culprit: current.and_then(|current| current.source.clone()),
        };
        let patch = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "spec": {"app": spec.app, "environment": spec.environment, "hold": hold},
        });
        api.patch(&name, &PatchParams::apply(HOLD_MANAGER).force(), &Patch::Apply(patch))
            .await
            .map_err(|error| ApiError::new(format!("set the hold of the App {name}"), error))?;
    }
    Ok(())
}

pub(super) fn committed(
    release: &Release,
    environment: &Environment,
    commit: &CommitId,
    adopted: bool,
) -> Result<Committed, ReleaseError> {
    let app = AppName::parse(&release.spec.app)?;
    let gitops = &environment.spec.gitops;
    let sha = commit.to_string();
    Ok(Committed {
        url: commit_url(&gitops.url, &sha),
        sha,
        branch: gitops.branch.clone(),
        path: layout::app_folder(environment, &app)?.to_string(),
        adopted,
    })
}

/// Guesses the page of a commit, which GitHub, GitLab, Gitea and Forgejo have at the same place.
fn commit_url(repository: &str, sha: &str) -> Option<String> {
    let base = repository.strip_suffix('/').unwrap_or(repository);
    let base = base.strip_suffix(".git").unwrap_or(base);
    let web = base.starts_with("https://") || base.starts_with("http://");
    web.then(|| format!("{base}/commit/{sha}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_commit_is_known_for_web_addresses() {
        assert_eq!(
            commit_url("https://git.example.com/a/b.git", "abc").as_deref(),
            Some("https://git.example.com/a/b/commit/abc")
        );
        assert_eq!(commit_url("git@git.example.com:a/b.git", "abc"), None);
    }
}
