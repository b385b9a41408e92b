//! Variables put into a deploy manifest.

use std::collections::{BTreeMap, BTreeSet};

use gimlet_crds::{Chart, DeployManifest, Json6902Patch, PatchTarget, Values};
use gimlet_helm::text::{Function, TextOptions, render_text};
use serde_json::{Map, Value};

use crate::reason::RenderReason;
use crate::template::{self, Hidden};
use crate::{suggestion, yaml};

/// Template variables by name.
pub type Vars = BTreeMap<String, String>;

/// Longest name that `sanitizeDNSName` makes.
const MAX_DNS_NAME: usize = 53;

/// Functions beside those of the template language.
const FUNCTIONS: &[(&str, Function)] = &[("sanitizeDNSName", sanitize_dns_name)];

/// Why the variables could not be put in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VarsError {
    /// A variable is used and not set.
    #[error("{path} uses the variable {variable}, which is not set{hint}")]
    Missing {
        /// Where in the manifest.
        path: String,
        /// The variable.
        variable: String,
        /// A similar variable that is set, or nothing.
        hint: String,
    },
    /// Variables refer to each other in a circle.
    #[error("the variables refer to each other in a circle: {}", .names.join(" -> "))]
    Cycle {
        /// The variables, the first one again at the end.
        names: Vec<String>,
    },
    /// An expression is not valid or fails.
    #[error("{path} cannot be resolved: {message}")]
    Template {
        /// Where in the manifest.
        path: String,
        /// What the template language says.
        message: String,
    },
    /// Two keys of a map are the same after the variables are put in.
    #[error("{path} has the key {key:?} twice once its variables are put in")]
    DuplicateKey {
        /// Where in the manifest.
        path: String,
        /// The key.
        key: String,
    },
    /// A field that holds YAML does not.
    #[error(
        "{path} is not valid YAML: {message}; an expression has to stand for a value or a key, it \
         cannot make lines of YAML"
    )]
    Yaml {
        /// Where in the manifest.
        path: String,
        /// What the parser says.
        message: String,
    },
}

impl VarsError {
    /// Names the fault for conditions, events and metrics.
    pub fn reason(&self) -> RenderReason {
        match self {
            Self::Missing { .. } => RenderReason::MissingVariable,
            _ => RenderReason::InvalidTemplate,
        }
    }
}

/// Puts the variables into every string of a manifest.
///
/// Variables may refer to each other. A value never changes the structure of the manifest: it
/// stays in the leaf or the key in which it is used.
pub fn resolve(manifest: &DeployManifest, vars: &Vars) -> Result<DeployManifest, VarsError> {
    let resolver = Resolver::new(vars);
    let DeployManifest {
        app,
        env,
        namespace,
        chart,
        values,
        strategic_merge_patches,
        json6902_patches,
        manifests,
    } = manifest;
    let patches = json6902_patches.iter().enumerate();
    Ok(DeployManifest {
        app: resolver.optional(app.as_ref(), "app")?,
        env: resolver.optional(env.as_ref(), "env")?,
        namespace: resolver.text(namespace, "namespace")?,
        chart: chart.as_ref().map(|chart| resolver.chart(chart)).transpose()?,
        values: values.as_ref().map(|values| resolver.values(values)).transpose()?,
        strategic_merge_patches: strategic_merge_patches
            .as_ref()
            .map(|text| resolver.yaml(text, "strategicMergePatches"))
            .transpose()?,
        json6902_patches: patches
            .map(|(index, patch)| resolver.json_patch(patch, &format!("json6902Patches[{index}]")))
            .collect::<Result<_, _>>()?,
        manifests: manifests.as_ref().map(|text| resolver.yaml(text, "manifests")).transpose()?,
    })
}

/// The variables, each one resolved once or with the reason why it cannot be.
struct Resolver {
    data: Value,
    faults: BTreeMap<String, VarsError>,
}

impl Resolver {
    /// Resolves what can be resolved. A variable with a fault hurts only those who use it: a
    /// commit message may well hold braces.
    fn new(vars: &Vars) -> Self {
        let mut resolver = Self {
            data: Value::Object(
                vars.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect(),
            ),
            faults: BTreeMap::new(),
        };
        let mut done = BTreeSet::new();
        for name in vars.keys() {
            resolver.visit(name, vars, &mut Vec::new(), &mut done);
        }
        resolver
    }

    fn visit(
        &mut self,
        name: &str,
        vars: &Vars,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) {
        let Some(text) = vars.get(name) else { return };
        if done.contains(name) || !template::has_expression(text) {
            return;
        }
        if let Some(start) = path.iter().position(|step| step == name) {
            let mut names = path[start..].to_vec();
            names.push(name.to_owned());
            for member in &path[start..] {
                let fault = VarsError::Cycle { names: names.clone() };
                self.faults.entry(member.clone()).or_insert(fault);
            }
            return;
        }
        path.push(name.to_owned());
        for mentioned in mentioned(text) {
            self.visit(mentioned, vars, path, done);
        }
        path.pop();
        done.insert(name.to_owned());
        if self.faults.contains_key(name) {
            return;
        }
        match self.text(text, &format!("variable {name}")) {
            Ok(value) => self.data[name] = Value::String(value),
            Err(fault) => {
                self.faults.insert(name.to_owned(), fault);
            }
        }
    }

    fn text(&self, text: &str, path: &str) -> Result<String, VarsError> {
        if !template::has_expression(text) {
            return Ok(text.to_owned());
        }
        if let Some(fault) = mentioned(text).into_iter().find_map(|name| self.faults.get(name)) {
            return Err(fault.clone());
        }
        let options = TextOptions {
            missing_key_error: true,
            functions: FUNCTIONS,
            limits: gimlet_helm::Limits::default(),
            draws: None,
        };
        render_text(path, text, &self.data, &options).map_err(|error| match error.missing_key() {
            Some(variable) => VarsError::Missing {
                path: path.to_owned(),
                hint: self.hint(variable),
                variable: variable.to_owned(),
            },
            None => VarsError::Template { path: path.to_owned(), message: error.to_string() },
        })
    }

    fn hint(&self, variable: &str) -> String {
        let names = self.data.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
        suggestion::closest(variable, names)
            .map(|name| format!("; did you mean {name}?"))
            .unwrap_or_default()
    }

    fn optional(&self, text: Option<&String>, path: &str) -> Result<Option<String>, VarsError> {
        text.map(|text| self.text(text, path)).transpose()
    }

    fn chart(&self, chart: &Chart) -> Result<Chart, VarsError> {
        let Chart { repository, name, version, hook_policy } = chart;
        Ok(Chart {
            hook_policy: *hook_policy,
            repository: self.optional(repository.as_ref(), "chart.repository")?,
            name: self.text(name, "chart.name")?,
            version: self.optional(version.as_ref(), "chart.version")?,
        })
    }

    fn json_patch(&self, patch: &Json6902Patch, at: &str) -> Result<Json6902Patch, VarsError> {
        let Json6902Patch { patch, target } = patch;
        let PatchTarget { group, version, kind, name, namespace } = target;
        let part = |text: &Option<String>, field: &str| {
            self.optional(text.as_ref(), &format!("{at}.target.{field}"))
        };
        Ok(Json6902Patch {
            patch: self.yaml(patch, &format!("{at}.patch"))?,
            target: PatchTarget {
                group: part(group, "group")?,
                version: part(version, "version")?,
                kind: self.text(kind, &format!("{at}.target.kind"))?,
                name: part(name, "name")?,
                namespace: part(namespace, "namespace")?,
            },
        })
    }

    fn values(&self, values: &Values) -> Result<Values, VarsError> {
        let value = Value::Object(values.0.clone());
        let mut leaf = |value: &Value, path: &str| match value {
            Value::String(text) => self.text(text, path).map(Value::String),
            other => Ok(other.clone()),
        };
        let resolved = template::map_strings(
            &value,
            "values",
            &mut leaf,
            &mut |key, path| self.text(key, path),
            &duplicate_key,
        )?;
        let Value::Object(map) = resolved else { return Ok(Values(Map::new())) };
        Ok(Values(map))
    }

    /// Resolves a text of YAML documents leaf by leaf.
    fn yaml(&self, text: &str, path: &str) -> Result<String, VarsError> {
        if !template::has_expression(text) {
            return Ok(text.to_owned());
        }
        let fault = |message| VarsError::Yaml { path: path.to_owned(), message };
        let hidden = Hidden::new(text);
        let documents = yaml::documents(&hidden.text)
            .map_err(|error| fault(hidden.reveal(&error.to_string())))?;
        let mut leaf = |value: &Value, path: &str| {
            if let Some(expression) = hidden.alone(value) {
                return self.text(expression, path).map(|text| template::plain_scalar(&text));
            }
            match value {
                Value::String(text) => self.text(&hidden.reveal(text), path).map(Value::String),
                other => Ok(other.clone()),
            }
        };
        let mut key = |key: &str, path: &str| self.text(&hidden.reveal(key), path);
        let mut resolved = String::new();
        for (index, document) in documents.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let value =
                template::map_strings(document, &path, &mut leaf, &mut key, &duplicate_key)?;
            if index > 0 {
                resolved.push_str("---\n");
            }
            resolved.push_str(&yaml::to_string(&value).map_err(|error| fault(error.to_string()))?);
        }
        Ok(resolved)
    }
}

fn duplicate_key(path: &str, key: &str) -> VarsError {
    VarsError::DuplicateKey { path: path.to_owned(), key: key.to_owned() }
}

fn mentioned(text: &str) -> Vec<&str> {
    template::expressions(text)
        .into_iter()
        .flat_map(|range| template::mentions(&text[range]))
        .collect()
}

/// Makes a DNS label of any text: other characters become single dashes.
pub(crate) fn sanitize_dns_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            name.push(c);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(MAX_DNS_NAME);
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
