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
    null_maintainer: bool,
    null_dependency: bool,
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
    /// Whether the values are imported already.
    pub(crate) imported: bool,
}

/// Go's name of the kind of a JSON value.
pub(super) fn json_kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// Reads typed fields and names the first one of the wrong type.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub(super) entries: &'a Map<String, Json>,
    /// The file the fields are in.
    pub(super) file: &'a str,
    /// Go's name for the owner of the fields.
    pub(super) owner: &'a str,
}

impl<'a> Fields<'a> {
    /// The fields of a whole file; an empty one has none.
    pub(super) fn of_file(
        document: &'a Json,
        file: &'a str,
        owner: &'a str,
        empty: &'a Map<String, Json>,
    ) -> Result<Self, ChartError> {
        match document {
            Json::Null => Ok(Self { entries: empty, file, owner }),
            Json::Object(entries) => Ok(Self { entries, file, owner }),
            other => Err(ChartError::unmarshal(file, json_kind(other), &format!("chart.{owner}"))),
        }
    }

    fn wrong<T>(&self, key: &str, found: &Json, wanted: &str) -> Result<T, ChartError> {
        let place = format!("{}.{key} of type {wanted}", self.owner);
        Err(ChartError::unmarshal_field(self.file, json_kind(found), &place))
    }

    /// A field by its name, in whatever letters.
    fn get(&self, key: &str) -> Option<&'a Json> {
        self.entries.get(key).or_else(|| {
            let mut entries = self.entries.iter();
            entries.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        })
    }

    pub(super) fn text(&self, key: &str) -> Result<String, ChartError> {
        match self.get(key) {
            None => Ok(String::new()),
            Some(value) => match scalar(value) {
                Some(text) => Ok(text),
                None => self.wrong(key, value, "string"),
            },
        }
    }

    fn flag(&self, key: &str) -> Result<bool, ChartError> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(false),
            Some(Json::Bool(value)) => Ok(*value),
            Some(other) => self.wrong(key, other, "bool"),
        }
    }

    fn list(&self, key: &str, kind: &str) -> Result<&'a [Json], ChartError> {
        match self.get(key) {
            None | Some(Json::Null) => Ok(&[]),
            Some(Json::Array(items)) => Ok(items),
            Some(other) => self.wrong(key, other, kind),
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, ChartError> {
        let mut found = Vec::new();
        for item in self.list(key, "[]string")? {
            match scalar(item) {
                Some(text) => found.push(text),
                None => return self.wrong(key, item, "string"),
            }
        }
        Ok(found)
    }

    /// A list of maps; helm refuses the null ones when it has read the whole.
    fn maps(
        &self,
        key: &str,
        kind: &str,
    ) -> Result<Vec<Option<&'a Map<String, Json>>>, ChartError> {
        let mut found = Vec::new();
        for item in self.list(key, &format!("[]*chart.{kind}"))? {
            match item {
                Json::Null => found.push(None),
                Json::Object(entries) => found.push(Some(entries)),
                other => return self.wrong(key, other, &format!("chart.{kind}")),
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
        let fields = Fields::of_file(document, "Chart.yaml", "Metadata", &empty)?;
        let api_version = fields.text("apiVersion")?;
        let (maintainers, null_maintainer) = maintainers(fields)?;
        let (dependencies, null_dependency) = dependencies(fields)?;
        Ok(Self {
            name: fields.text("name")?,
            home: fields.text("home")?,
            sources: fields.texts("sources")?,
            version: fields.text("version")?,
            description: fields.text("description")?,
            keywords: fields.texts("keywords")?,
            maintainers,
            null_maintainer,
            icon: fields.text("icon")?,
            api_version: if api_version.is_empty() { "v1".to_owned() } else { api_version },
            condition: fields.text("condition")?,
            tags: fields.text("tags")?,
            app_version: fields.text("appVersion")?,
            deprecated: fields.flag("deprecated")?,
            annotations: annotations(fields)?,
            kube_version: fields.text("kubeVersion")?,
            dependencies,
            null_dependency,
            kind: fields.text("type")?,
        })
    }

    /// Takes the dependencies from `requirements.yaml`, where old charts list them.
    pub(super) fn read_requirements(&mut self, document: &Json) -> Result<(), ChartError> {
        let empty = Map::new();
        let fields = Fields::of_file(document, "requirements.yaml", "Metadata", &empty)?;
        let (found, null) = dependencies(fields)?;
        if found.is_some() {
            self.dependencies = found;
            self.null_dependency = null;
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
        if self.null_maintainer {
            return invalid("maintainers must not contain empty or null nodes".to_owned());
        }
        if self.null_dependency {
            return invalid("dependencies must not contain empty or null nodes".to_owned());
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

/// The maintainers, and whether one of them is null.
fn maintainers(fields: Fields<'_>) -> Result<(Vec<Maintainer>, bool), ChartError> {
    let listed = fields.maps("maintainers", "Maintainer")?;
    let null = listed.contains(&None);
    let read = |entries| {
        let fields = Fields { entries, owner: "Maintainer.maintainers", ..fields };
        Ok(Maintainer {
            name: fields.text("name")?,
            email: fields.text("email")?,
            url: fields.text("url")?,
        })
    };
    Ok((listed.into_iter().flatten().map(read).collect::<Result<_, ChartError>>()?, null))
}

fn annotations(fields: Fields<'_>) -> Result<BTreeMap<String, String>, ChartError> {
    let entries = match fields.get("annotations") {
        None | Some(Json::Null) => return Ok(BTreeMap::new()),
        Some(Json::Object(entries)) => entries,
        Some(other) => return fields.wrong("annotations", other, "map[string]string"),
    };
    let mut found = BTreeMap::new();
    for (key, value) in entries {
        let text = match value {
            Json::String(text) => Some(text.clone()),
            other => scalar(other),
        };
        match text {
            Some(text) => found.insert(key.clone(), text),
            None => return fields.wrong("annotations", value, "string"),
        };
    }
    Ok(found)
}

/// The dependencies, and whether one of them is null.
fn dependencies(fields: Fields<'_>) -> Result<(Option<Vec<Dependency>>, bool), ChartError> {
    let listed = fields.maps("dependencies", "Dependency")?;
    if listed.is_empty() {
        return Ok((None, false));
    }
    let null = listed.contains(&None);
    let read =
        |entries| Dependency::read(Fields { entries, owner: "Dependency.dependencies", ..fields });
    let found = listed.into_iter().flatten().map(read).collect::<Result<_, _>>()?;
    Ok((Some(found), null))
}

impl Dependency {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, ChartError> {
        Ok(Self {
            name: fields.text("name")?,
            version: fields.text("version")?,
            repository: fields.text("repository")?,
            condition: fields.text("condition")?,
            tags: fields.texts("tags")?,
            enabled: fields.flag("enabled")?,
            import_values: fields.list("import-values", "[]interface {}")?.to_vec(),
            alias: fields.text("alias")?,
            imported: false,
        })
    }
}

/// The dependencies that a lock file lists.
pub(super) fn locked(fields: Fields<'_>) -> Result<Vec<Dependency>, ChartError> {
    Ok(dependencies(fields)?.0.unwrap_or_default())
}
