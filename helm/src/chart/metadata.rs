//! `Chart.yaml`.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value as Json};

use super::ChartError;
use crate::number::format_general_32;
use crate::semver::Version;

/// Dependencies of a chart.
const DEPENDENCY_LIMIT: usize = 1000;

/// What `Chart.yaml` says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) home: String,
    pub(crate) sources: Vec<String>,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) keywords: Vec<String>,
    pub(crate) maintainers: Vec<Maintainer>,
    pub(crate) icon: String,
    pub(crate) api_version: String,
    pub(crate) condition: String,
    pub(crate) tags: String,
    pub(crate) app_version: String,
    pub(crate) deprecated: bool,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) kube_version: String,
    pub(crate) dependencies: Option<Vec<Dependency>>,
    pub(crate) kind: String,
}

/// Somebody who maintains the chart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Maintainer {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) url: String,
}

/// A subchart the chart asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) repository: String,
    pub(crate) condition: String,
    pub(crate) tags: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) import_values: Vec<Json>,
    pub(crate) alias: String,
}

/// Reads typed fields and names the first one of the wrong type.
struct Fields<'a> {
    entries: &'a Map<String, Json>,
    owner: &'a str,
}

impl Fields<'_> {
    fn wrong<T>(&self, key: &str, wanted: &str) -> Result<T, ChartError> {
        Err(ChartError::Shape {
            file: "Chart.yaml".to_owned(),
            message: format!("{}{key} must be {wanted}", self.owner),
        })
    }

    fn text(&self, key: &str) -> Result<String, ChartError> {
        match self.entries.get(key) {
            None => Ok(String::new()),
            Some(value) => match scalar(value) {
                Some(text) => Ok(text),
                None => self.wrong(key, "a string"),
            },
        }
    }

    fn flag(&self, key: &str) -> Result<bool, ChartError> {
        match self.entries.get(key) {
            None | Some(Json::Null) => Ok(false),
            Some(Json::Bool(value)) => Ok(*value),
            Some(_) => self.wrong(key, "true or false"),
        }
    }

    fn list(&self, key: &str) -> Result<&[Json], ChartError> {
        match self.entries.get(key) {
            None | Some(Json::Null) => Ok(&[]),
            Some(Json::Array(items)) => Ok(items),
            Some(_) => self.wrong(key, "a list"),
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, ChartError> {
        let mut found = Vec::new();
        for item in self.list(key)? {
            match scalar(item) {
                Some(text) => found.push(text),
                None => return self.wrong(key, "a list of strings"),
            }
        }
        Ok(found)
    }

    fn maps(&self, key: &str) -> Result<Vec<&Map<String, Json>>, ChartError> {
        let mut found = Vec::new();
        for item in self.list(key)? {
            match item {
                Json::Object(entries) => found.push(entries),
                _ => return self.wrong(key, "a list of maps"),
            }
        }
        Ok(found)
    }
}

/// A scalar as text; numbers are printed as Go prints a float32.
fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::String(text) => Some(clean(text)),
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(number) if number.is_f64() => number.as_f64().map(format_general_32),
        Json::Number(number) => Some(number.to_string()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// Helm keeps printable characters only and turns other white space into blanks.
fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|symbol| {
            if symbol.is_whitespace() {
                Some(' ')
            } else {
                crate::print::is_printable(symbol).then_some(symbol)
            }
        })
        .collect()
}

impl Metadata {
    pub(super) fn read(document: &Json) -> Result<Self, ChartError> {
        let empty = Map::new();
        let entries = match document {
            Json::Object(entries) => entries,
            Json::Null => &empty,
            _ => {
                return Err(ChartError::Shape {
                    file: "Chart.yaml".to_owned(),
                    message: "the top level must be a map".to_owned(),
                });
            }
        };
        let fields = Fields { entries, owner: "" };
        let api_version = fields.text("apiVersion")?;
        Ok(Self {
            name: fields.text("name")?,
            home: fields.text("home")?,
            sources: fields.texts("sources")?,
            version: fields.text("version")?,
            description: fields.text("description")?,
            keywords: fields.texts("keywords")?,
            maintainers: maintainers(&fields)?,
            icon: fields.text("icon")?,
            api_version: if api_version.is_empty() { "v1".to_owned() } else { api_version },
            condition: fields.text("condition")?,
            tags: fields.text("tags")?,
            app_version: fields.text("appVersion")?,
            deprecated: fields.flag("deprecated")?,
            annotations: annotations(&fields)?,
            kube_version: fields.text("kubeVersion")?,
            dependencies: dependencies(&fields)?,
            kind: fields.text("type")?,
        })
    }

    /// Takes the dependencies from `requirements.yaml`, where old charts list them.
    pub(super) fn read_requirements(&mut self, document: &Json) -> Result<(), ChartError> {
        if let Json::Object(entries) = document {
            let found = dependencies(&Fields { entries, owner: "requirements.yaml: " })?;
            if found.is_some() {
                self.dependencies = found;
            }
        }
        Ok(())
    }

    pub(super) fn is_v1(&self) -> bool {
        self.api_version == "v1"
    }

    pub(crate) fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }

    pub(super) fn validate(&self) -> Result<(), ChartError> {
        let invalid = |message: String| Err(ChartError::Invalid(message));
        if self.name.is_empty() {
            return invalid("chart.metadata.name is required".to_owned());
        }
        if self.name == "." || self.name == ".." {
            return invalid(format!("chart.metadata.name {:?} is not allowed", self.name));
        }
        if self.name.contains('/') {
            return invalid(format!("chart.metadata.name {:?} is invalid", self.name));
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required".to_owned());
        }
        if Version::parse(&self.version).is_err() {
            return invalid(format!("chart.metadata.version {:?} is invalid", self.version));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library".to_owned());
        }
        let mut seen = HashSet::new();
        if self.dependencies.as_ref().is_some_and(|found| found.len() > DEPENDENCY_LIMIT) {
            return Err(ChartError::TooMany { what: "dependencies", limit: DEPENDENCY_LIMIT });
        }
        for dependency in self.dependencies.iter().flatten() {
            let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "_-".contains(symbol);
            if !dependency.alias.chars().all(plain) {
                return invalid(format!(
                    "dependency {:?} has disallowed characters in the alias",
                    dependency.name
                ));
            }
            let key = dependency.key();
            if !seen.insert(key) {
                return invalid(format!("more than one dependency with name or alias {key:?}"));
            }
        }
        Ok(())
    }
}

impl Dependency {
    /// The name the subchart goes by in this chart.
    pub(crate) fn key(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }
}

fn maintainers(fields: &Fields<'_>) -> Result<Vec<Maintainer>, ChartError> {
    fields
        .maps("maintainers")?
        .into_iter()
        .map(|entries| {
            let fields = Fields { entries, owner: "maintainers: " };
            Ok(Maintainer {
                name: fields.text("name")?,
                email: fields.text("email")?,
                url: fields.text("url")?,
            })
        })
        .collect()
}

fn annotations(fields: &Fields<'_>) -> Result<BTreeMap<String, String>, ChartError> {
    let entries = match fields.entries.get("annotations") {
        None | Some(Json::Null) => return Ok(BTreeMap::new()),
        Some(Json::Object(entries)) => entries,
        Some(_) => return fields.wrong("annotations", "a map"),
    };
    let mut found = BTreeMap::new();
    for (key, value) in entries {
        let text = match value {
            Json::String(text) => Some(text.clone()),
            other => scalar(other),
        };
        match text {
            Some(text) => found.insert(key.clone(), text),
            None => return fields.wrong("annotations", "a map of strings"),
        };
    }
    Ok(found)
}

fn dependencies(fields: &Fields<'_>) -> Result<Option<Vec<Dependency>>, ChartError> {
    if fields.list("dependencies")?.is_empty() {
        return Ok(None);
    }
    fields
        .maps("dependencies")?
        .into_iter()
        .map(|entries| {
            let fields = Fields { entries, owner: "dependencies: " };
            Ok(Dependency {
                name: fields.text("name")?,
                version: fields.text("version")?,
                repository: fields.text("repository")?,
                condition: fields.text("condition")?,
                tags: fields.texts("tags")?,
                enabled: fields.flag("enabled")?,
                import_values: fields.list("import-values")?.to_vec(),
                alias: fields.text("alias")?,
            })
        })
        .collect::<Result<_, _>>()
        .map(Some)
}
