//! `approve` and `reject`: what a person says of the plan of a release.

use clap::Args;
use gimlet_crds::{Approval, ApprovalSpec, BlockerKind, Decision, Phase, Release, labels};
use kube::ResourceExt as _;
use kube::core::ObjectMeta;

use super::plan;
use super::write::{DryRun, WriteArgs, fetch};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish};
use crate::{complete, output, prompt};

/// Approve the plan of a release
///
/// Shows what the release changes, and asks. The approval counts for this plan only: if it changes
/// meanwhile, it has to be approved again. A script says with --digest which plan was looked at
/// (.status.plan.digest of the release), or agrees to whatever it is with --yes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet approve shop.production-x7k2p
  gimlet approve shop.production-x7k2p --comment \"seen on staging\" --yes
  gimlet diff --release shop.production-x7k2p")]
pub(crate) struct ApproveArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE", add = complete::waiting_releases())]
    release: String,
    /// What others should know
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Approve only this plan
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    write: WriteArgs,
}

/// Reject a release that waits for approval
///
/// The release ends, and whoever made it reads the comment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet reject shop.production-x7k2p --comment \"not before the sale\"")]
pub(crate) struct RejectArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE", add = complete::waiting_releases())]
    release: String,
    /// Why
    #[arg(long, visible_alias = "reason", value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

pub(super) async fn approve(args: &ApproveArgs, global: &Global) -> Result<Finish, CommandError> {
    let ApproveArgs { release, comment, digest, yes, write } = args;
    let cluster = Cluster::connect(global).await?;
    let found = fetch::<Release>(&cluster, release).await?;
    let planned = waiting_plan(&found)?;
    if let Some(digest) = digest.as_ref().filter(|digest| *digest != planned) {
        return Err(CommandError::usage(format!(
            "the plan of {release} is another one: it is {planned}, not {digest}"
        ))
        .hint(format!("look at it again: gimlet diff --release {release}")));
    }
    if !yes && digest.is_none() && write.dry_run == DryRun::None {
        output::note(plan::text(&found).trim_end());
        for warning in found.status.iter().flat_map(|s| &s.plan).flat_map(|plan| &plan.warnings) {
            output::note(&format!("warning: {warning}"));
        }
        prompt::confirm(&format!("approve {release}"), false)?;
    }
    send(&cluster, &found, planned, Decision::Approve, comment.as_ref(), write).await
}

pub(super) async fn reject(args: &RejectArgs, global: &Global) -> Result<Finish, CommandError> {
    let RejectArgs { release, comment, write } = args;
    let Some(comment) = comment.as_ref().filter(|comment| !comment.trim().is_empty()) else {
        return Err(CommandError::usage("who rejects a release says why")
            .hint(format!("gimlet reject {release} --comment \"…\"")));
    };
    let cluster = Cluster::connect(global).await?;
    let found = fetch::<Release>(&cluster, release).await?;
    let planned = waiting_plan(&found)?;
    send(&cluster, &found, planned, Decision::Reject, Some(comment), write).await
}

async fn send(
    cluster: &Cluster,
    release: &Release,
    digest: &str,
    decision: Decision,
    comment: Option<&String>,
    write: &WriteArgs,
) -> Result<Finish, CommandError> {
    let name = release.name_any();
    // The name of a release leaves no room for more letters than these.
    let approval = Approval {
        metadata: ObjectMeta { generate_name: Some(format!("{name}-")), ..ObjectMeta::default() },
        spec: ApprovalSpec {
            release: name.clone(),
            digest: digest.to_owned(),
            decision,
            comment: comment.cloned(),
        },
    };
    if write.dry_run == DryRun::Client {
        write.show(&approval)?;
        return Ok(Finish::Done);
    }
    let created = write.create(cluster, &approval).await?;
    write.tell(&created, "created")?;
    if !created.annotations().contains_key(labels::CREATED_BY) {
        output::note(
            "warning: the cluster does not write down who created it, so it does not count: install \
             the policies of config/admission",
        );
    }
    write.hint(&format!("gimlet wait release {name}"));
    Ok(Finish::Done)
}

/// Returns the digest of the plan that waits to be approved.
fn waiting_plan(release: &Release) -> Result<&str, CommandError> {
    let name = release.name_any();
    let Some(status) = &release.status else {
        return Err(CommandError::general(format!("release {name} has no plan yet"))
            .hint(format!("gimlet wait release {name} --for condition=Planned")));
    };
    let asked = status.blocked_by.iter().any(|blocker| blocker.kind == BlockerKind::Approval);
    if let Some(plan) = status.plan.as_ref().filter(|_| asked && status.phase == Phase::Waiting) {
        return Ok(&plan.digest);
    }
    let error = CommandError::general(format!(
        "release {name} does not wait for approval: it is {}",
        status.phase.as_str()
    ));
    Err(match status.blocked_by.first() {
        Some(blocker) => error.hint(format!(
            "it waits for something else ({:?} {}: {})",
            blocker.kind, blocker.name, blocker.reason
        )),
        None => error.hint(format!("gimlet get releases {name} -o wide tells more")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "it is made where it is passed")]
    fn release(status: serde_json::Value) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "shop.staging-x"},
            "spec": {"app": "shop", "environment": "staging"}, "status": status,
        }))
        .unwrap()
    }

    fn told(status: serde_json::Value) -> String {
        match waiting_plan(&release(status)) {
            Ok(digest) => digest.to_owned(),
            Err(error) => anstream::adapter::strip_str(&error.styled()).to_string(),
        }
    }

    #[test]
    fn only_a_plan_that_waits_can_be_approved() {
        let plan =
            json!({"digest": "sha256:d", "tree": "t", "added": 0, "changed": 1, "removed": 0});
        let waits = |kind: &str| {
            json!({"phase": "Waiting", "plan": plan,
                   "blockedBy": [{"kind": kind, "name": "staging", "reason": "0 of 1"}]})
        };
        assert_eq!(told(waits("Approval")), "sha256:d");
        assert_snapshot!(told(waits("Lock")), @r"
        error: release shop.staging-x does not wait for approval: it is Waiting
        hint: it waits for something else (Lock staging: 0 of 1)
        ");
        assert_snapshot!(told(json!({"phase": "Healthy", "plan": plan})), @r"
        error: release shop.staging-x does not wait for approval: it is Healthy
        hint: gimlet get releases shop.staging-x -o wide tells more
        ");
        assert_snapshot!(told(serde_json::Value::Null), @r"
        error: release shop.staging-x has no plan yet
        hint: gimlet wait release shop.staging-x --for condition=Planned
        ");
    }
}
