//! A manifest rendered on trial, and what goes wrong with it.

use gimlet_crds::Json6902Patch;
use gimlet_crds::name::{AppName, EnvName};
use gimlet_helm::{Chart, ErrorKind};
use serde_json::Value;

use super::embedded::{self, Embedded};
use super::{Draft, Finding, Place, sanity};
use crate::object::{self, Object};
use crate::patch::PatchError;
use crate::render::{RenderError, RenderInput, render};
use crate::{suggestion, yaml};

/// Patches that are taken away one after the other to find all that fail.
const MAX_FAULTS: usize = 50;

/// What a trial depends on besides the manifest.
#[derive(Clone, Debug)]
pub struct TrialInput<'a> {
    /// The chart that the manifest names.
    pub chart: Option<&'a Chart>,
    /// Version of the cluster.
    pub kubernetes_version: &'a str,
    /// API versions that the cluster has beside those of Kubernetes.
    pub api_versions: &'a [String],
    /// Whether plain Secret objects may end in git.
    pub allow_secrets: bool,
    /// What random functions of the chart draw from.
    pub seed: [u8; 32],
    /// What the chart is told the time is.
    pub time: jiff::Timestamp,
}

impl Draft {
    /// Renders the manifest and returns all that is wrong.
    pub fn render(&self, input: &TrialInput<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.check_manifests(&mut findings);
        if !findings.is_empty() {
            return findings;
        }
        let (Ok(app), Ok(environment)) = (
            AppName::parse(self.manifest.app.as_deref().unwrap_or("app")),
            EnvName::parse(self.manifest.env.as_deref().unwrap_or("env")),
        ) else {
            self.check_names(&mut findings);
            return findings;
        };
        let mut manifest = self.manifest.clone();
        let mut merges = Documents::new(manifest.strategic_merge_patches.as_deref());
        let mut patches: Vec<(usize, Json6902Patch)> =
            manifest.json6902_patches.iter().cloned().enumerate().collect();
        let mut allow_secrets = input.allow_secrets;
        for _ in 0..MAX_FAULTS {
            manifest.strategic_merge_patches = merges.text();
            manifest.json6902_patches = patches.iter().map(|(_, patch)| patch.clone()).collect();
            let rendered = render(&RenderInput {
                app: &app,
                environment: &environment,
                manifest: &manifest,
                chart: input.chart,
                kubernetes_version: input.kubernetes_version,
                api_versions: input.api_versions,
                seed: input.seed,
                time: input.time,
                allow_secrets,
            });
            match rendered {
                Ok(app) => {
                    for warning in app.warnings {
                        findings.push(Finding::warning("plan", self.chart_place(), warning));
                    }
                    for object in &app.objects {
                        let faults = sanity::faults(object);
                        findings.extend(faults.into_iter().map(|fault| {
                            let place = self.place_of(object, &fault.path);
                            let message = format!("{object}: {}", fault.message);
                            Finding::error("object", place, message)
                        }));
                    }
                    break;
                }
                Err(RenderError::Patch(error)) => {
                    let Some((field, index)) = patch_index(&error) else {
                        findings.push(self.patch_finding(&error, "strategicMergePatches", 0));
                        break;
                    };
                    let original = match field {
                        "json6902Patches" if index < patches.len() => patches.remove(index).0,
                        "strategicMergePatches" => match merges.remove(index) {
                            Some(original) => original,
                            None => break,
                        },
                        _ => break,
                    };
                    findings.push(self.patch_finding(&error, field, original));
                }
                Err(RenderError::Secret { object }) => {
                    allow_secrets = true;
                    let place = self.named_place(&object);
                    findings.push(
                        Finding::error("secret", place, format!("{object} would be readable in git"))
                            .hint(
                                "use a SealedSecret or an ExternalSecret, or allow it with \
                                 spec.render.allowSecrets of the Environment (--allow-secrets here)",
                            ),
                    );
                }
                Err(error) => {
                    self.render_findings(&error, input.chart, &mut findings);
                    break;
                }
            }
        }
        findings
    }

    fn chart_place(&self) -> Place {
        self.root.locate(["chart", "name"])
    }

    fn check_names(&self, findings: &mut Vec<Finding>) {
        let faults = [
            ("app", self.manifest.app.as_deref().map(|name| AppName::parse(name).err())),
            ("env", self.manifest.env.as_deref().map(|name| EnvName::parse(name).err())),
        ];
        for (field, fault) in faults {
            if let Some(Some(fault)) = fault {
                let place = self.root.get(field).map_or(self.root.place, |node| node.place);
                findings.push(Finding::error("name", place, fault.to_string()));
            }
        }
    }

    /// Checks the raw objects one by one, so that each fault has its place.
    fn check_manifests(&self, findings: &mut Vec<Finding>) {
        let (Some(node), Some(text)) = (self.root.get("manifests"), &self.manifest.manifests)
        else {
            return;
        };
        let embedded = match Embedded::read(&self.source, node) {
            Ok(embedded) => embedded,
            Err((place, message)) => {
                findings.push(Finding::error("syntax", place, message));
                return;
            }
        };
        let documents = match yaml::documents(text) {
            Ok(documents) => documents,
            Err(error) => {
                findings.push(Finding::error("syntax", node.place, error.to_string()));
                return;
            }
        };
        for (index, document) in documents.into_iter().enumerate() {
            let marked = embedded.documents.get(index);
            for value in object::flatten(document).into_iter().filter(|value| !value.is_null()) {
                if let Err(error) = Object::new(value) {
                    let place = marked.map_or(node.place, |marked| embedded.outer(marked.place));
                    findings.push(Finding::error("object", place, error.to_string()));
                }
            }
        }
    }

    fn patch_finding(&self, error: &PatchError, field: &str, index: usize) -> Finding {
        let path = match field {
            "json6902Patches" => format!("{field}[{index}].target"),
            _ => format!("{field}[{index}]"),
        };
        let rule = match error {
            PatchError::NoMatch { .. } => "no-match",
            _ => "patch",
        };
        // Patches that were taken away before shifted the number that the error has.
        let message = error.to_string();
        let message = match patch_index(error) {
            Some((field, shifted)) => {
                message.replacen(&format!("{field}[{shifted}]"), &format!("{field}[{index}]"), 1)
            }
            None => message,
        };
        Finding::error(rule, embedded::locate(&self.source, &self.root, &path), message)
    }

    fn render_findings(
        &self,
        error: &RenderError,
        chart: Option<&Chart>,
        findings: &mut Vec<Finding>,
    ) {
        let RenderError::Chart { source, .. } = error else {
            let place = match error {
                RenderError::Duplicate { object, .. } | RenderError::Kustomize { object } => {
                    self.named_place(object)
                }
                RenderError::Yaml { place, .. } | RenderError::Object { place, .. } => {
                    embedded::locate(&self.source, &self.root, place)
                }
                _ => self.root.place,
            };
            findings.push(Finding::error("render", place, error.to_string()));
            return;
        };
        let before = findings.len();
        if source.kind() == ErrorKind::Values {
            self.schema_findings(&source.to_string(), chart, findings);
        }
        if findings.len() == before {
            findings.push(Finding::error("chart", self.chart_place(), error.to_string()));
        }
    }

    /// Takes apart what a schema says: a line for each value, `- at '/image/tag': …`.
    fn schema_findings(&self, text: &str, chart: Option<&Chart>, findings: &mut Vec<Finding>) {
        let defaults = chart.map(Chart::default_values).unwrap_or_default();
        for line in text.lines() {
            let Some((pointer, message)) =
                line.strip_prefix("- at '").and_then(|line| line.split_once("': "))
            else {
                continue;
            };
            let steps: Vec<&str> = pointer.split('/').filter(|step| !step.is_empty()).collect();
            let shown = ["values"].iter().chain(&steps).copied().collect::<Vec<_>>().join(".");
            let unexpected =
                if message.contains("dditional propert") { quoted(message) } else { Vec::new() };
            let place = |more: Option<&str>| {
                let path = ["values"].into_iter().chain(steps.iter().copied()).chain(more);
                self.root.locate(path)
            };
            if unexpected.is_empty() {
                let finding = Finding::error("schema", place(None), format!("{shown}: {message}"));
                findings.push(finding);
            }
            for name in unexpected {
                let finding = Finding::error(
                    "schema",
                    place(Some(name)),
                    format!("the chart knows no {shown}.{name}"),
                );
                let known = defaults.pointer(pointer).and_then(Value::as_object);
                let known = known.into_iter().flat_map(|map| map.keys().map(String::as_str));
                findings.push(match suggestion::closest(name, known) {
                    Some(close) => finding.hint(format!("did you mean {close}?")),
                    None => finding,
                });
            }
        }
    }

    /// Finds where an object stands that is among the raw ones; the chart otherwise.
    fn place_of(&self, object: &Object, path: &[String]) -> Place {
        self.find(|candidate| {
            candidate.kind() == object.kind() && candidate.name() == object.name()
        })
        .map_or_else(
            || self.chart_place(),
            |(embedded, index)| {
                let place = embedded.documents[index].locate(path.iter().map(String::as_str));
                embedded.outer(place)
            },
        )
    }

    /// The same for an object of which only the name in messages is known.
    fn named_place(&self, shown: &str) -> Place {
        let same = |candidate: &Object| {
            let mut candidate = candidate.clone();
            if candidate.to_string() == shown {
                return true;
            }
            candidate.set_namespace(&self.manifest.namespace);
            candidate.to_string() == shown
        };
        self.find(same).map_or_else(
            || self.chart_place(),
            |(embedded, index)| embedded.outer(embedded.documents[index].locate(["kind"])),
        )
    }

    fn find(&self, is_meant: impl Fn(&Object) -> bool) -> Option<(Embedded, usize)> {
        let node = self.root.get("manifests")?;
        let documents = yaml::documents(self.manifest.manifests.as_deref()?).ok()?;
        let index = documents.into_iter().position(|document| {
            let objects = object::flatten(document).into_iter();
            objects.filter_map(|value| Object::new(value).ok()).any(|found| is_meant(&found))
        })?;
        let embedded = Embedded::read(&self.source, node).ok()?;
        (index < embedded.documents.len()).then_some((embedded, index))
    }
}

/// Lists what stands between single quotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('\'').skip(1).step_by(2).collect()
}

/// Returns the field and the number of the patch that an error is about.
fn patch_index(error: &PatchError) -> Option<(&'static str, usize)> {
    let (PatchError::Yaml { field, .. }
    | PatchError::Identity { field, .. }
    | PatchError::NoMatch { field, .. }
    | PatchError::Ambiguous { field, .. }
    | PatchError::Pattern { field, .. }
    | PatchError::Fault { field, .. }) = error;
    let name = ["json6902Patches", "strategicMergePatches"]
        .into_iter()
        .find(|name| field.starts_with(name))?;
    let number = embedded::steps(field).into_iter().nth(1)?.parse().ok()?;
    Some((name, number))
}

/// The documents of the merge patches, from which some can be taken away.
struct Documents {
    /// What is left, each with its number in the manifest.
    left: Vec<(usize, Value)>,
    /// The text as it is, where it cannot be read.
    broken: Option<String>,
}

impl Documents {
    fn new(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self { left: Vec::new(), broken: None } };
        match yaml::documents(text) {
            Ok(documents) => {
                let flat = documents.into_iter().flat_map(object::flatten).enumerate().collect();
                Self { left: flat, broken: None }
            }
            Err(_) => Self { left: Vec::new(), broken: Some(text.to_owned()) },
        }
    }

    fn remove(&mut self, index: usize) -> Option<usize> {
        (index < self.left.len()).then(|| self.left.remove(index).0)
    }

    fn text(&self) -> Option<String> {
        if self.broken.is_some() {
            return self.broken.clone();
        }
        let texts: Vec<String> =
            self.left.iter().filter_map(|(_, value)| yaml::to_string(value).ok()).collect();
        (!texts.is_empty()).then(|| texts.join("---\n"))
    }
}
