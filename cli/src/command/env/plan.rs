//! What a command is going to do in a cluster: looked at, shown, agreed to, and done.

use std::fmt::Write as _;

use clap::Args;
use clap::builder::styling::AnsiColor;
use gimlet_crds::labels;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::command::write::DryRun;
use crate::error::CommandError;
use crate::live;
use crate::output::{self, Cell};
use crate::prompt;

/// What stands for a value that nobody may read here.
const HIDDEN: &str = "(hidden)";

/// Flags of a command that shows first what it is going to do.
#[derive(Clone, Debug, Args)]
pub(super) struct PlanArgs {
    /// Change nothing: show the objects (client), or have the API server judge them (server)
    #[arg(long, value_name = "WHERE", default_value = "none")]
    pub(super) dry_run: DryRun,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// An object that is to be in a cluster, with the fields that are to have a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    object: Value,
    resource: ApiResource,
    namespace: Option<String>,
}

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Create,
    /// The fields that differ, one line each.
    Change(Vec<String>),
    Same,
    /// It cannot be seen.
    Hidden,
}

/// What is going to be done in a cluster.
pub(super) struct Plan {
    title: String,
    /// What is done elsewhere, before the objects.
    before: Vec<String>,
    steps: Vec<(Wanted, Fate)>,
    notes: Vec<String>,
}

impl Wanted {
    /// Reads group, kind and namespace of an object; the plural is the kind's usual one.
    pub(super) fn of(object: Value) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let version = text("/apiVersion").unwrap_or("v1");
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let kind = GroupVersionKind::gvk(group, version, text("/kind").unwrap_or_default());
        let resource = ApiResource::from_gvk(&kind);
        let namespace = text("/metadata/namespace").map(str::to_owned);
        Self { object, resource, namespace }
    }

    /// Returns the object as it is sent.
    #[cfg(test)]
    pub(super) fn object(&self) -> &Value {
        &self.object
    }

    fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Names it with its kind, as kubectl does.
    pub(super) fn path(&self) -> String {
        let ApiResource { group, kind, .. } = &self.resource;
        let dot = if group.is_empty() { "" } else { "." };
        format!("{}{dot}{group}/{}", kind.to_lowercase(), self.name())
    }

    fn place(&self) -> String {
        self.namespace.as_ref().map(|name| format!(" in namespace {name}")).unwrap_or_default()
    }

    fn api(&self, cluster: &Cluster) -> Api<DynamicObject> {
        match &self.namespace {
            Some(name) => Api::namespaced_with(cluster.client.clone(), name, &self.resource),
            None => Api::all_with(cluster.client.clone(), &self.resource),
        }
    }

    fn failed(&self, cluster: &Cluster, verb: &'static str, error: &kube::Error) -> CommandError {
        let namespace = self.namespace.as_deref().unwrap_or("(none)");
        live::refused(cluster, verb, &self.resource.plural, namespace, error)
    }

    async fn look(&self, cluster: &Cluster) -> Result<Fate, CommandError> {
        match self.api(cluster).get_opt(self.name()).await {
            Ok(None) => Ok(Fate::Create),
            Ok(Some(found)) => {
                let found = serde_json::to_value(&found).unwrap_or(Value::Null);
                let lines = differences(&self.object, &found);
                Ok(if lines.is_empty() { Fate::Same } else { Fate::Change(lines) })
            }
            // Whoever may not see namespaces does not make them either.
            Err(kube::Error::Api(status)) if status.code == 403 => {
                Ok(if self.resource.kind == "Namespace" { Fate::Same } else { Fate::Hidden })
            }
            Err(error) => Err(self.failed(cluster, "get", &error)),
        }
    }

    /// Tells whether it is there, as far as one may see.
    pub(super) async fn is_there(&self, cluster: &Cluster) -> Result<bool, CommandError> {
        match self.api(cluster).get_metadata_opt(self.name()).await {
            Ok(found) => Ok(found.is_some()),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
            Err(error) => Err(self.failed(cluster, "get", &error)),
        }
    }

    /// Deletes it, if it is there.
    pub(super) async fn delete(
        &self,
        cluster: &Cluster,
        dry_run: bool,
    ) -> Result<(), CommandError> {
        let params = DeleteParams { dry_run, ..DeleteParams::default() };
        match self.api(cluster).delete(self.name(), &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(self.failed(cluster, "delete", &error)),
        }
    }

    /// Returns the object as it may be shown: without the values of a Secret.
    fn shown(&self) -> Value {
        let mut object = self.object.clone();
        if self.resource.kind == "Secret"
            && let Some(data) = object.get_mut("data").and_then(Value::as_object_mut)
        {
            data.values_mut().for_each(|value| *value = HIDDEN.into());
        }
        object
    }
}

impl Plan {
    /// Looks at what is in the cluster of the objects that are wanted.
    pub(super) async fn look(
        cluster: &Cluster,
        title: impl Into<String>,
        wanted: Vec<Wanted>,
    ) -> Result<Self, CommandError> {
        let mut steps = Vec::new();
        for wanted in wanted {
            let fate = wanted.look(cluster).await?;
            steps.push((wanted, fate));
        }
        Ok(Self { title: title.into(), before: Vec::new(), steps, notes: Vec::new() })
    }

    /// Adds something that is done elsewhere, before the objects.
    pub(super) fn before(mut self, text: Option<String>) -> Self {
        self.before.extend(text);
        self
    }

    /// Adds something that a person should know.
    pub(super) fn note(mut self, text: Option<String>) -> Self {
        self.notes.extend(text);
        self
    }

    /// Tells whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.steps.iter().all(|(_, fate)| *fate == Fate::Same)
    }

    /// Shows what is going to be done, one line each.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        let mut line = |sign: Cell, what: &str, more: &[String]| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {} {what}", sign.styled());
            for detail in more {
                let _ = writeln!(text, "      {detail}");
            }
        };
        for what in &self.before {
            line(Cell::colored("+", AnsiColor::Green), what, &[]);
        }
        for (wanted, fate) in &self.steps {
            let what = format!("{}{}", wanted.path(), wanted.place());
            match fate {
                Fate::Create => line(Cell::colored("+", AnsiColor::Green), &what, &[]),
                Fate::Change(more) => line(Cell::colored("~", AnsiColor::Yellow), &what, more),
                Fate::Same => line(Cell::from("="), &what, &[]),
                Fate::Hidden => {
                    let what = format!("{what} (you may not see whether it is there)");
                    line(Cell::colored("?", AnsiColor::Yellow), &what, &[]);
                }
            }
        }
        for note in &self.notes {
            line(Cell::colored("!", AnsiColor::Yellow), note, &[]);
        }
        text
    }

    /// Shows the plan and asks; tells whether there is something to do.
    pub(super) fn agree(&self, args: &PlanArgs) -> Result<bool, CommandError> {
        agree(&[Some(self)], args)
    }

    /// Puts the same objects in the place of those that were looked at, now that all is known of them.
    pub(super) fn with(mut self, objects: Vec<Wanted>) -> Self {
        for (step, object) in self.steps.iter_mut().zip(objects) {
            step.0 = object;
        }
        self
    }

    /// Writes the objects that are missing or differ, and tells of each.
    pub(super) async fn apply(&self, cluster: &Cluster, dry_run: bool) -> Result<(), CommandError> {
        let note = if dry_run { " (server dry run)" } else { "" };
        let missing = self.steps.iter().find(|(wanted, fate)| {
            wanted.resource.kind == "Namespace" && *fate == Fate::Create && dry_run
        });
        for (wanted, fate) in &self.steps {
            let became = match fate {
                Fate::Create => "created",
                Fate::Change(_) | Fate::Hidden => "configured",
                Fate::Same => {
                    output::print(&format!("{} unchanged\n", wanted.path()))?;
                    continue;
                }
            };
            if missing.is_some_and(|(new, _)| wanted.namespace.as_deref() == Some(new.name())) {
                let why = "not judged: its namespace is not there yet";
                output::print(&format!("{} {why}{note}\n", wanted.path()))?;
                continue;
            }
            // The person has seen what changes, and agreed.
            let params = PatchParams { dry_run, ..PatchParams::apply(labels::CLI).force() };
            wanted
                .api(cluster)
                .patch(wanted.name(), &params, &Patch::Apply(&wanted.object))
                .await
                .map_err(|error| wanted.failed(cluster, "patch", &error))?;
            output::print(&format!("{} {became}{note}\n", wanted.path()))?;
        }
        Ok(())
    }
}

/// Shows the plans for several clusters and asks once; tells whether there is something to do.
pub(super) fn agree(plans: &[Option<&Plan>], args: &PlanArgs) -> Result<bool, CommandError> {
    let plans: Vec<&Plan> = plans.iter().copied().flatten().collect();
    for plan in &plans {
        output::note(plan.text().trim_end());
    }
    if plans.iter().all(|plan| plan.is_empty()) {
        output::print("nothing to do\n")?;
        return Ok(false);
    }
    prompt::confirm("do this", args.yes || args.dry_run == DryRun::Server)?;
    Ok(true)
}

/// Shows the objects as they would be sent, without the values of Secrets.
pub(super) fn show(wanted: &[Wanted]) -> Result<(), CommandError> {
    let mut documents = Vec::new();
    for wanted in wanted {
        documents.push(output::object(&wanted.shown(), output::Format::Yaml)?);
    }
    output::print(&documents.join("---\n"))
}

/// Lists the fields of an object that are not as they are wanted. What nobody wants is not looked at.
fn differences(wanted: &Value, found: &Value) -> Vec<String> {
    let secret = wanted["kind"] == "Secret";
    let mut lines = Vec::new();
    for field in ["spec", "data", "type", "rules", "roleRef", "subjects"] {
        if let Some(value) = wanted.get(field) {
            compare(field, value, found.get(field).unwrap_or(&Value::Null), secret, &mut lines);
        }
    }
    for field in ["labels", "annotations"] {
        let value = &wanted["metadata"][field];
        compare(field, value, &found["metadata"][field], false, &mut lines);
    }
    lines
}

fn compare(path: &str, wanted: &Value, found: &Value, secret: bool, lines: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Null, _) => {}
        (Value::Object(fields), _) => {
            for (name, value) in fields {
                let inner = found.get(name).unwrap_or(&Value::Null);
                compare(&format!("{path}.{name}"), value, inner, secret, lines);
            }
        }
        (Value::Array(items), Value::Array(there)) if items.len() == there.len() => {
            for (at, (value, inner)) in items.iter().zip(there).enumerate() {
                compare(&format!("{path}[{at}]"), value, inner, secret, lines);
            }
        }
        (wanted, found) if wanted == found => {}
        (_, Value::Null) if secret => lines.push(format!("{path}: is added")),
        _ if secret => lines.push(format!("{path}: is another one")),
        (wanted, Value::Null) => lines.push(format!("{path}: {}", plain(wanted))),
        (wanted, found) => lines.push(format!("{path}: {} → {}", plain(found), plain(wanted))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    fn secret(password: &str) -> Wanted {
        Wanted::of(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "gitops", "namespace": "team"}, "data": {"password": password}}))
    }

    fn kustomization() -> Wanted {
        Wanted::of(json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "gimlet-staging", "namespace": "flux-system", "labels": {"a": "b"}},
            "spec": {"interval": "10m", "prune": true, "sourceRef": {"name": "x"}}}))
    }

    #[test]
    fn only_what_is_wanted_is_compared_and_no_secret_is_told() {
        let found = json!({"metadata": {"labels": {"mine": "1"}}, "spec": {"interval": "5m", "prune": true,
            "force": false, "sourceRef": {"name": "x", "kind": "GitRepository"}}});
        assert_eq!(
            differences(&kustomization().object, &found),
            ["spec.interval: 5m → 10m", "labels.a: b"]
        );
        let lines =
            differences(&secret("aHVudGVyMg==").object, &json!({"data": {"password": "x"}}));
        assert_eq!(lines, ["data.password: is another one"]);
        assert_eq!(secret("aHVudGVyMg==").shown()["data"]["password"], HIDDEN);
    }

    #[test]
    fn a_plan_is_a_line_for_each_object() {
        let plan = Plan {
            title: "environment staging:".into(),
            before: vec!["repository acme/gitops at Gitea (private)".into()],
            steps: vec![
                (secret("x"), Fate::Create),
                (kustomization(), Fate::Change(vec!["spec.interval: 5m → 10m".into()])),
                (kustomization(), Fate::Same),
                (secret("x"), Fate::Hidden),
            ],
            notes: vec!["Flux is 2.1".into()],
        };
        assert!(!plan.is_empty());
        assert_snapshot!(anstream::adapter::strip_str(&plan.text()).to_string());
    }

    #[test]
    fn a_plan_of_what_is_there_already_is_empty() {
        let steps = vec![(kustomization(), Fate::Same)];
        let plan = Plan { title: String::new(), before: vec![], steps, notes: vec![] };
        assert!(plan.is_empty());
    }
}
