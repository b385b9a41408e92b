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

use super::editor::{self, keep};
use super::merge::{Merged, merge};
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

/// A change that somebody wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    /// The app and the environment that it is for.
    pub(super) place: &'a Place,
    /// What is to be in the file, the whole of it.
    pub(super) content: &'a str,
    /// What the commit says of it.
    pub(super) summary: &'a str,
    /// Somebody typed it: it is kept where it cannot be sent.
    pub(super) typed: bool,
}

/// What became of a change that was sent.
enum Sent {
    /// It was written, or there was nothing to write.
    Done,
    /// Somebody else changed the file before.
    Late(Box<ConfigChange>),
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
        origin: &Origin,
        wish: Wish<'_>,
    ) -> Result<Finish, CommandError> {
        let what = self.what(origin);
        let ask = || prompt::confirm(&what, self.yes);
        match self.try_send(cluster, origin, wish, ask).await {
            Ok(Sent::Done) => Ok(Finish::Done),
            Ok(Sent::Late(ended)) => self.settle(cluster, origin, wish, &ended).await,
            Err(error) => {
                tell_kept(wish, origin);
                Err(error)
            }
        }
    }

    /// Shows what both changed, and makes one change of them.
    async fn settle(
        &self,
        cluster: &Cluster,
        origin: &Origin,
        wish: Wish<'_>,
        ended: &ConfigChange,
    ) -> Result<Finish, CommandError> {
        let refused = CommandError::new(Kind::BaseChanged, said(ended));
        let place = wish.place;
        let Some(newer) = origin.newer(cluster, place, ended).await else {
            tell_kept(wish, origin);
            return Err(refused.hint(
                "fetch the branch (git fetch) or wait for its artifact, and run the command again",
            ));
        };
        output::note(refused.message());
        output::note(&format!(
            "what was changed meanwhile:\n{}",
            file_diff(origin, &newer.content)
        ));
        let merged = merge(&origin.content, wish.content, &newer.content)?;
        let merged = match merged {
            Merged::Clean(text) if file::parse_files(&text).is_ok() => text,
            // Somebody has to look at it.
            Merged::Clean(text) | Merged::Conflict(text) => {
                output::note("both changed the same lines");
                let open = "open both in your editor, with marks where they differ";
                if !editor::somebody_is_here() || prompt::confirm(open, false).is_err() {
                    let kept = keep(&text, &origin.path)?;
                    let Place { app, environment } = place;
                    return Err(refused.hint(format!(
                        "mend {0}, then gimlet app edit {app} -e {environment} --file {0}",
                        kept.display()
                    )));
                }
                editor::edit(&origin.path, &text)?
            }
        };
        let wish = Wish { content: &merged, typed: true, ..wish };
        output::note("both together, upon what is there now:");
        let what = format!("merge both, and {}", self.what(&newer));
        let ask = || {
            prompt::confirm(&what, self.merge)
                .map_err(|_| refused.clone().hint("run it again with --merge to have both changes"))
        };
        // Once more is enough: who is always late should talk to the others.
        match self.try_send(cluster, &newer, wish, ask).await {
            Ok(Sent::Done) => Ok(Finish::Done),
            Ok(Sent::Late(ended)) => {
                tell_kept(wish, origin);
                Err(CommandError::new(Kind::BaseChanged, said(&ended))
                    .hint("run the command again to merge with that too"))
            }
            Err(error) => {
                tell_kept(wish, origin);
                Err(error)
            }
        }
    }

    /// Shows a change, asks, sends it and follows it.
    async fn try_send(
        &self,
        cluster: &Cluster,
        origin: &Origin,
        wish: Wish<'_>,
        ask: impl Fn() -> Result<(), CommandError>,
    ) -> Result<Sent, CommandError> {
        let Wish { place, content, .. } = wish;
        if origin.content == content {
            output::note(&format!("{} has that already: nothing to change", origin.path));
            return Ok(Sent::Done);
        }
        file::parse_files(content)
            .map_err(|error| CommandError::usage(format!("{}: {error}", origin.path)))?;
        let mut change = self.object(place, origin, content, wish.summary);
        if self.write.dry_run == DryRun::Client {
            change.metadata.namespace = Some(cluster.namespace.clone());
            self.write.show(&change)?;
            return Ok(Sent::Done);
        }
        output::note(&file_diff(origin, content));
        if !self.no_render {
            output::note(&self.rendered(place, origin, content).await);
        }
        if self.write.dry_run == DryRun::None {
            ask()?;
        }
        change.spec.requested_by = cluster.person().await;
        let created = self.write.create(cluster, &change).await?;
        self.write.tell(&created, "created")?;
        if self.write.dry_run == DryRun::Server {
            return Ok(Sent::Done);
        }
        self.follow(cluster, &created.name_any()).await
    }

    /// Says what is about to be done.
    fn what(&self, origin: &Origin) -> String {
        let Origin { branch, repository, .. } = origin;
        if self.pull_request {
            format!("open a pull request into {branch} of {repository}")
        } else {
            format!("commit this to {branch} of {repository}")
        }
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

    async fn follow(&self, cluster: &Cluster, name: &str) -> Result<Sent, CommandError> {
        let ended = until(cluster, name, self.timeout, judge, said).await?;
        if ended.status.as_ref().is_some_and(|status| status.phase == ConfigChangePhase::Conflict) {
            return Ok(Sent::Late(Box::new(ended)));
        }
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
        Ok(Sent::Done)
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

/// Keeps what a person typed, and says where.
fn tell_kept(wish: Wish<'_>, origin: &Origin) {
    if !wish.typed {
        return;
    }
    let Place { app, environment } = wish.place;
    output::note(&match keep(wish.content, &origin.path) {
        Ok(kept) => format!(
            "your text is kept: gimlet app edit {app} -e {environment} --file {}",
            kept.display()
        ),
        Err(error) => error.message().to_owned(),
    });
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
        // What can be done about a conflict is decided afterwards.
        Phase::Proposed | Phase::Committed | Phase::Unchanged | Phase::Conflict => {
            ControlFlow::Break(Ok(()))
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
    fn an_open_pull_request_is_an_end_and_so_is_a_conflict() {
        assert_eq!(code("Pending"), None);
        assert_eq!(code("Proposed"), Some(0));
        assert_eq!(code("Unchanged"), Some(0));
        assert_eq!(code("Conflict"), Some(0));
        assert_eq!(code("Failed"), Some(3));
    }
}
