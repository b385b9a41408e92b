//! `Chart.lock`.

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::ChartError;
use super::metadata::{Dependency, Fields, Metadata, locked};
use crate::encoding::{JsonStyle, hex, write_json};
use crate::print::quote;

/// A dependency at the version the lock file fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedDependency {
    /// The chart's name.
    pub name: String,
    /// Where it comes from.
    pub repository: String,
    /// The version.
    pub version: String,
}

/// A lock file that was not made for the dependencies of its chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfSync {
    /// `Chart.lock` and `Chart.yaml`.
    #[error(
        "the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml). Please \
         update the dependencies"
    )]
    Chart,
    /// `requirements.lock` and `requirements.yaml` of an old chart.
    #[error(
        "the lock file (requirements.lock) is out of sync with the dependencies file \
         (requirements.yaml). Please update the dependencies"
    )]
    Requirements,
}

/// What a lock file says.
#[derive(Debug, Clone)]
pub(super) struct Lock {
    digest: String,
    dependencies: Vec<Dependency>,
}

impl Lock {
    pub(super) fn read(document: &Json, file: &str) -> Result<Self, ChartError> {
        let empty = Map::new();
        let fields = Fields::of_file(document, file, "Lock", &empty)?;
        let generated = fields.text("generated")?;
        if !generated.is_empty() && generated.parse::<jiff::Timestamp>().is_err() {
            let shown = quote(&generated);
            let message = format!(
                "parsing time {shown} as \"2006-01-02T15:04:05Z07:00\": cannot parse {shown} as \
                 \"2006\""
            );
            return Err(ChartError::Shape { file: file.to_owned(), message });
        }
        Ok(Self { digest: fields.text("digest")?, dependencies: locked(fields)? })
    }

    /// Compares the digest of both lists with the one in the file.
    pub(super) fn check(&self, metadata: &Metadata) -> Result<Vec<LockedDependency>, OutOfSync> {
        let wanted = list(metadata.dependencies.as_deref());
        // Without any locked dependency Go has a nil list there.
        let fixed = list(Some(&self.dependencies[..]).filter(|fixed| !fixed.is_empty()));
        let matches = |value: &Json| digest(value) == self.digest;
        if !matches(&json!([wanted, fixed])) {
            if !metadata.is_v1() {
                return Err(OutOfSync::Chart);
            }
            // Helm 2 took the digest of the wanted ones only.
            if !matches(&json!({ "dependencies": wanted })) {
                return Err(OutOfSync::Requirements);
            }
        }
        let locked = self.dependencies.iter().map(|dependency| LockedDependency {
            name: dependency.name.clone(),
            repository: dependency.repository.clone(),
            version: dependency.version.clone(),
        });
        Ok(locked.collect())
    }
}

/// Helm's digest of what `encoding/json` writes.
fn digest(value: &Json) -> String {
    let text = write_json(value, JsonStyle { escape_html: true, pretty: false });
    format!("sha256:{}", hex(&Sha256::digest(text)))
}

fn list(dependencies: Option<&[Dependency]>) -> Json {
    dependencies.map_or(Json::Null, |found| found.iter().map(entry).collect())
}

/// A dependency with its fields as Go writes them.
fn entry(dependency: &Dependency) -> Json {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Json, always: bool| {
        let empty = match &value {
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            other => *other == Json::Bool(false),
        };
        if always || !empty {
            fields.insert(name.to_owned(), value);
        }
    };
    put("name", dependency.name.as_str().into(), true);
    put("version", dependency.version.as_str().into(), false);
    put("repository", dependency.repository.as_str().into(), true);
    put("condition", dependency.condition.as_str().into(), false);
    put("tags", dependency.tags.clone().into(), false);
    put("enabled", dependency.enabled.into(), false);
    put("import-values", dependency.import_values.iter().map(sorted).collect(), false);
    put("alias", dependency.alias.as_str().into(), false);
    Json::Object(fields)
}

/// Go writes the keys of maps in their order.
fn sorted(value: &Json) -> Json {
    match value {
        Json::Object(entries) => {
            let mut pairs: Vec<_> = entries.iter().collect();
            pairs.sort_by_key(|(key, _)| key.as_str());
            pairs.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        other => other.clone(),
    }
}
