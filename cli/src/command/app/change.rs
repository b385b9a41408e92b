//! A change of a manifest: shown, agreed to, sent, and followed to its end.

use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use gimlet_crds::condition::{self, READY};
use gimlet_crds::name::{AppName, EnvName};
use gimlet_crds::{ConfigChange, ConfigChangePhase, ConfigChangeSpec, PushMode};
use gimlet_manifest::file;
use gimlet_manifest::plan::{DiffOptions, Files, diff};
use kube::ResourceExt as _;
use kube::core::ObjectMeta;

use super::merge::{Merged, keep, merge};
use super::origin::Origin;
use crate::args::Place;
use crate::cluster::Cluster;
use crate::command::manifest;
use crate::command::until::until;
use crate::command::write::{DryRun, WriteArgs};
use crate::error::{CommandError, Finish, Kind};
use crate::follow::parse_duration;
use crate::manifest_source::{Chosen, parse_vars};
use crate::{complete, output, prompt};

/// Flags of a change of a manifest.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct ChangeArgs {
    /// Name of the Repository that has the file; needed where several have one
    #[arg(long, value_name = "NAME", add = complete::repositories())]
    repository: Option<String>,
    /// Branch that gets the change; the default branch otherwise
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// Open a pull request instead of committing to the branch
    #[arg(long, visible_alias = "pr")]
    pull_request: bool,
    /// What the commit or the pull request says
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Variable for rendering the difference; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    var: Vec<String>,
    /// Do not render: show only how the file changes
    #[arg(long)]
    no_render: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Where somebody else changed the file meanwhile, merge both changes without asking
    #[arg(long)]
    merge: bool,
    /// How long to wait for the commit or the pull request, such as 90s; it goes on afterwards
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration, env = "GIMLET_TIMEOUT", hide_env_values = true)]
    timeout: Duration,
    #[command(flatten)]
    write: WriteArgs,
}

impl ChangeArgs {
    /// Finds the file.
    pub(super) async fn origin(
        &self,
        cluster: &Cluster,
        place: &Place,
    ) -> Result<Origin, CommandError> {
        Origin::find(cluster, place, self.repository.as_deref(), self.branch.as_deref()).await
    }

    /// Sends a change; where somebody else was faster, both changes are merged, if the person likes.
    pub(super) async fn send(
        &self,
        cluster: &Cluster,
        place: &Place,
        origin: &Origin,
        content: &str,
        summary: &str,
    ) -> Result<Finish, CommandError> {
        let refused = match self.try_send(cluster, place, origin, content, summary).await {
            Err(error) if error.kind() == Kind::BaseChanged => error,
            ended => return ended,
        };
        let Some(newer) = origin.newer(cluster, place).await else { return Err(refused) };
        output::note(refused.message());
        match merge(&origin.content, content, &newer.content)? {
            Merged::Clean(merged) => {
                if !self.merge {
                    output::note(&file_diff(&newer, &merged));
                    let question = "merge your change with that one, and send it again";
                    prompt::confirm(question, false).map_err(|_| {
                        refused.clone().hint("run it again with --merge to have both changes")
                    })?;
                }
                // Once more is enough: who is always late should talk to the others.
                self.try_send(cluster, place, &newer, &merged, summary).await
            }
            Merged::Conflict(text) => {
                let kept = keep(&text, &origin.path)?;
                let Place { app, environment } = place;
                Err(refused.hint(format!(
                    "both changed the same lines: mend {0}, then gimlet app edit {app} -e {environment} --file {0}",
                    kept.display()
                )))
            }
        }
    }

    /// Shows a change, asks, sends it and follows it.
    async fn try_send(
        &self,
        cluster: &Cluster,
        place: &Place,
        origin: &Origin,
        content: &str,
        summary: &str,
    ) -> Result<Finish, CommandError> {
        if origin.content == content {
            output::note(&format!("{} has that already: nothing to change", origin.path));
            return Ok(Finish::Done);
        }
        file::parse_files(content)
            .map_err(|error| CommandError::usage(format!("{}: {error}", origin.path)))?;
        let mut change = self.object(place, origin, content, summary);
        if self.write.dry_run == DryRun::Client {
            change.metadata.namespace = Some(cluster.namespace.clone());
            self.write.show(&change)?;
            return Ok(Finish::Done);
        }
        output::note(&file_diff(origin, content));
        if !self.no_render {
            output::note(&self.rendered(place, origin, content).await);
        }
        let what = match change.spec.mode {
            PushMode::Commit => {
                format!("commit this to {} of {}", origin.branch, origin.repository)
            }
            PushMode::PullRequest => {
                format!("open a pull request into {} of {}", origin.branch, origin.repository)
            }
        };
        prompt::confirm(&what, self.yes || self.write.dry_run == DryRun::Server)?;
        change.spec.requested_by = cluster.person().await;
        let created = self.write.create(cluster, &change).await?;
        self.write.tell(&created, "created")?;
        if self.write.dry_run == DryRun::Server {
            return Ok(Finish::Done);
        }
        self.follow(cluster, &created.name_any()).await
    }

    fn object(&self, place: &Place, origin: &Origin, content: &str, summary: &str) -> ConfigChange {
        let Place { app, environment } = place;
        let message = || format!("configure {app} in {environment}: {summary}");
        ConfigChange {
            metadata: ObjectMeta {
                generate_name: Some(format!("{app}.{environment}-")),
                ..ObjectMeta::default()
            },
            spec: ConfigChangeSpec {
                repository: origin.repository.clone(),
                branch: Some(origin.branch.clone()),
                path: origin.path.clone(),
                content: Some(content.to_owned()),
                base_blob: Some(origin.blob.clone()),
                message: condition::cut(&self.message.clone().unwrap_or_else(message), 2048),
                mode: if self.pull_request { PushMode::PullRequest } else { PushMode::Commit },
                ..ConfigChangeSpec::default()
            },
            status: None,
        }
    }

    async fn follow(&self, cluster: &Cluster, name: &str) -> Result<Finish, CommandError> {
        let ended = until(cluster, name, self.timeout, judge, said).await?;
        let status = ended.status.clone().unwrap_or_default();
        let commit = status.commit.unwrap_or_default();
        let short: String = commit.sha.chars().take(7).collect();
        output::note(&match (status.phase, status.pull_request) {
            (ConfigChangePhase::Proposed, Some(pull)) => {
                format!("pull request {}: {}", pull.number, pull.url)
            }
            (ConfigChangePhase::Committed, _) => {
                let page = commit.url.map(|url| format!(": {url}")).unwrap_or_default();
                format!("committed {short}{page}")
            }
            _ => said(&ended),
        });
        Ok(Finish::Done)
    }

    /// Renders the manifest as it was and as it is to be, and compares them. Where that is not possible
    /// here it says why: the operator can do more.
    async fn rendered(&self, place: &Place, origin: &Origin, content: &str) -> String {
        let seed = [0; 32];
        let render = async |text: &str| -> Result<Files, CommandError> {
            let chosen = self.chosen(place, origin, text)?;
            manifest::render_for_diff(chosen, origin.folder.clone(), seed).await
        };
        match (render(&origin.content).await, render(content).await) {
            (Ok(old), Ok(new)) if old == new => "rendered: no difference".to_owned(),
            (Ok(old), Ok(new)) => {
                format!("rendered:\n{}", diff(&old, &new, DiffOptions::default()).trim_end())
            }
            (_, Err(error)) | (Err(error), _) => {
                format!("the rendered difference is not known here: {}", error.message())
            }
        }
    }

    fn chosen(&self, place: &Place, origin: &Origin, text: &str) -> Result<Chosen, CommandError> {
        let Place { app, environment } = place;
        let files = file::parse(text).map_err(|error| CommandError::usage(error.to_string()))?;
        let own = |manifest: &gimlet_crds::DeployManifest| {
            manifest.app.as_deref() == Some(app) && manifest.env.as_deref() == Some(environment)
        };
        let manifest = files.into_iter().find(own).ok_or_else(|| {
            CommandError::usage(format!(
                "the file has no manifest of {app} in {environment} any more"
            ))
        })?;
        let mut vars: gimlet_manifest::Vars = origin.vars.clone().into_iter().collect();
        vars.extend(parse_vars(&self.var)?);
        let (app, environment) = (AppName::parse(app)?, EnvName::parse(environment)?);
        Ok(Chosen { app, environment, manifest, vars, version: None })
    }
}

fn file_diff(origin: &Origin, content: &str) -> String {
    let files = |text: &str| -> Files {
        [(origin.path.clone(), text.as_bytes().to_vec())].into_iter().collect()
    };
    let text = diff(&files(&origin.content), &files(content), DiffOptions::default());
    text.trim_end().to_owned()
}

/// Tells how a change ended: a pull request that is open is an end too.
fn judge(change: &ConfigChange) -> ControlFlow<Result<(), CommandError>> {
    use ConfigChangePhase as Phase;
    let status = change.status.clone().unwrap_or_default();
    match status.phase {
        Phase::Pending => ControlFlow::Continue(()),
        Phase::Proposed | Phase::Committed | Phase::Unchanged => ControlFlow::Break(Ok(())),
        Phase::Conflict => {
            ControlFlow::Break(Err(CommandError::new(Kind::BaseChanged, said(change)).hint(
                "fetch the branch (git fetch) or wait for its artifact, and run the command again",
            )))
        }
        Phase::Closed | Phase::Failed => {
            ControlFlow::Break(Err(CommandError::new(Kind::ReleaseEnded, said(change))))
        }
    }
}

fn said(change: &ConfigChange) -> String {
    let status = change.status.clone().unwrap_or_default();
    condition::find(&status.conditions, READY)
        .map_or_else(|| "the operator has not begun".to_owned(), |ready| ready.message.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(phase: &str) -> ConfigChange {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "ConfigChange", "metadata": {"name": "c"},
            "spec": {"repository": "r", "path": ".gimlet/a.yaml", "message": "m", "content": "a"},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "False", "reason": "Why",
                "message": "because", "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
        }))
        .unwrap()
    }

    fn code(phase: &str) -> Option<i32> {
        match judge(&change(phase)) {
            ControlFlow::Continue(()) => None,
            ControlFlow::Break(Ok(())) => Some(0),
            ControlFlow::Break(Err(error)) => Some(error.exit_code()),
        }
    }

    #[test]
    fn an_open_pull_request_is_an_end_and_a_conflict_has_a_code_of_its_own() {
        assert_eq!(code("Pending"), None);
        assert_eq!(code("Proposed"), Some(0));
        assert_eq!(code("Unchanged"), Some(0));
        assert_eq!(code("Conflict"), Some(7));
        assert_eq!(code("Failed"), Some(3));
    }
}
