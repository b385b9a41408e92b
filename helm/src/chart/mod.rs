//! Charts in memory.

mod archive;
mod directory;
mod error;
mod ignore;
mod lock;
pub(crate) mod metadata;
mod template;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::files::Files;
use crate::memo::Memo;
use crate::schema::Schema;
use crate::yaml;
pub use error::ChartError;
use lock::Lock;
pub use lock::{LockedDependency, OutOfSync};
pub(crate) use metadata::{Dependency, Metadata};
pub(crate) use template::TemplateFile;

/// Largest single file of a chart.
const FILE_LIMIT: u64 = 5 << 20;
/// Largest sum of a chart's files, subchart archives included.
const CHART_LIMIT: u64 = 100 << 20;
/// Files of a chart with its subcharts.
const COUNT_LIMIT: usize = 20_000;
/// Longest path of a file in an archive, in bytes.
const PATH_LIMIT: usize = 4096;
/// Charts in an archive or a directory.
const SUBCHART_LIMIT: usize = 1000;
/// Deepest nesting of subcharts.
const NESTING_LIMIT: usize = 32;

/// A file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartFile {
    /// The path relative to the chart's root, separated by `/`.
    pub path: String,
    /// The content.
    pub data: Vec<u8>,
}

/// A file kept by a chart.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) data: Arc<[u8]>,
}

/// A loaded chart.
///
/// It keeps what rendering it has worked out, such as its parsed templates: render the same chart,
/// or a clone of it, again and again rather than loading it anew.
#[derive(Debug, Clone)]
pub struct Chart {
    pub(crate) metadata: Metadata,
    pub(crate) values: Json,
    pub(crate) templates: Vec<TemplateFile>,
    pub(crate) files: Files,
    /// The files of `crds/` that hold manifests, in the order of the archive.
    pub(crate) definitions: Vec<File>,
    pub(crate) schema: Option<Schema>,
    pub(crate) subcharts: Vec<Self>,
    pub(crate) memo: Arc<Memo>,
    lock: Option<Lock>,
}

impl Chart {
    /// Loads a chart from its files.
    pub fn from_files(files: Vec<ChartFile>) -> Result<Self, ChartError> {
        let mut loader = Loader::new();
        let mut kept = Vec::with_capacity(files.len());
        for file in files {
            check_path(&file.path)?;
            loader.admit(&file.path, file.data.len() as u64)?;
            kept.push(File { path: file.path, data: without_bom(file.data).into() });
        }
        loader.chart(kept, 0)
    }

    /// Loads a packed chart (`.tgz`).
    pub fn from_archive(tgz: &[u8]) -> Result<Self, ChartError> {
        let mut loader = Loader::new();
        let files = archive::unpack(tgz, &mut loader)?;
        loader.chart(files, 0)
    }

    /// Loads a chart from a directory and leaves out what its `.helmignore` names.
    pub fn from_dir(dir: &Path) -> Result<Self, ChartError> {
        let mut loader = Loader::new();
        let files = directory::read(dir, &mut loader)?;
        loader.chart(files, 0)
    }

    /// Returns the chart's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Returns the chart's version.
    pub fn version(&self) -> &str {
        &self.metadata.version
    }

    /// Returns the version of the packaged application.
    pub fn app_version(&self) -> Option<&str> {
        Some(self.metadata.app_version.as_str()).filter(|version| !version.is_empty())
    }

    /// Returns `values.schema.json`.
    pub fn values_schema(&self) -> Option<&[u8]> {
        self.schema.as_ref().map(Schema::text)
    }

    /// Returns the content of `values.yaml`.
    pub fn default_values(&self) -> Json {
        self.values.clone()
    }

    /// Lists the versions that `Chart.lock` fixes; `None` without such a file.
    pub fn locked_dependencies(&self) -> Option<Result<Vec<LockedDependency>, OutOfSync>> {
        self.lock.as_ref().map(|lock| lock.check(&self.metadata))
    }

    /// Names the provenance files in the chart. Nothing has checked them.
    pub fn provenance_files(&self) -> Vec<&str> {
        let paths = self.files.iter().map(|(path, _)| path);
        paths.filter(|path| has_extension(path, "prov")).collect()
    }

    /// Names the dependencies of `Chart.yaml` that are not in `charts/`.
    pub fn missing_dependencies(&self) -> Vec<String> {
        self.metadata
            .dependencies
            .iter()
            .flatten()
            .filter(|wanted| !self.subcharts.iter().any(|chart| chart.name() == wanted.name))
            .map(|wanted| wanted.name.clone())
            .collect()
    }
}

/// What may still be loaded; shared with the archives of subcharts.
pub(super) struct Loader {
    remaining: u64,
    /// Bytes that archives may still unpack to.
    stream: u64,
    files: usize,
    charts: usize,
}

impl Loader {
    fn new() -> Self {
        Self {
            remaining: CHART_LIMIT,
            stream: archive::STREAM_LIMIT,
            files: COUNT_LIMIT,
            charts: SUBCHART_LIMIT,
        }
    }

    /// Counts a file before it is kept.
    pub(super) fn admit(&mut self, path: &str, size: u64) -> Result<(), ChartError> {
        if size > FILE_LIMIT {
            let what = format!("chart file {path:?}");
            return Err(ChartError::TooLarge { what, limit: FILE_LIMIT });
        }
        let Some(rest) = self.remaining.checked_sub(size) else {
            let what = "decompressed chart".to_owned();
            return Err(ChartError::TooLarge { what, limit: CHART_LIMIT });
        };
        self.remaining = rest;
        count(&mut self.files, "files", COUNT_LIMIT)
    }

    fn chart(&mut self, files: Vec<File>, depth: usize) -> Result<Chart, ChartError> {
        if depth > NESTING_LIMIT {
            return Err(ChartError::TooDeep);
        }
        count(&mut self.charts, "subcharts", SUBCHART_LIMIT)?;
        let chart_yaml =
            files.iter().rev().find(|file| file.path == "Chart.yaml").map(document).transpose()?;
        let mut metadata = Metadata::read(&chart_yaml.ok_or(ChartError::NoChartYaml)?)?;
        let mut chart = Chart {
            values: Json::Object(serde_json::Map::new()),
            templates: Vec::new(),
            files: Files::default(),
            definitions: Vec::new(),
            schema: None,
            subcharts: Vec::new(),
            memo: Arc::default(),
            lock: None,
            metadata: Metadata::default(),
        };
        let mut below: BTreeMap<String, Vec<File>> = BTreeMap::new();
        for file in files {
            match file.path.as_str() {
                "Chart.yaml" => {}
                "Chart.lock" => chart.lock = Some(Lock::read(&document(&file)?, &file.path)?),
                "values.yaml" => chart.values = values(&file)?,
                "values.schema.json" => chart.schema = Some(Schema::new(file.data)),
                "requirements.yaml" => {
                    metadata.read_requirements(&document(&file)?)?;
                    if metadata.is_v1() {
                        chart.files.insert(file.path, file.data);
                    }
                }
                "requirements.lock" => {
                    chart.lock = Some(Lock::read(&document(&file)?, &file.path)?);
                    if metadata.is_v1() {
                        chart.files.insert(file.path, file.data);
                    }
                }
                path if path.starts_with("templates/") => {
                    chart.templates.push(TemplateFile::new(file.path, &file.data));
                }
                path => match path.strip_prefix("charts/") {
                    Some(rest) if !has_extension(path, "prov") => {
                        let rest = rest.to_owned();
                        let name = rest.split('/').next().unwrap_or_default().to_owned();
                        below.entry(name).or_default().push(File { path: rest, data: file.data });
                    }
                    _ => {
                        if is_definition(path) {
                            chart.definitions.push(file.clone());
                        }
                        chart.files.insert(file.path, file.data);
                    }
                },
            }
        }
        metadata.validate()?;
        for (name, files) in below {
            if name.starts_with(['_', '.']) {
                continue;
            }
            match self.subchart(&name, files, depth) {
                Ok(subchart) => chart.subcharts.push(subchart),
                Err(source) => {
                    let source = Box::new(source);
                    return Err(ChartError::Subchart {
                        subchart: name,
                        chart: metadata.name,
                        source,
                    });
                }
            }
        }
        chart.metadata = metadata;
        Ok(chart)
    }

    fn subchart(
        &mut self,
        name: &str,
        files: Vec<File>,
        depth: usize,
    ) -> Result<Chart, ChartError> {
        if has_extension(name, "tgz") {
            let Some(packed) = files.iter().find(|file| file.path == name) else {
                let found = files.first().map_or("", |file| file.path.as_str());
                let message =
                    format!("error unpacking subchart tar in {name}: expected {name}, got {found}");
                return Err(ChartError::Archive(message));
            };
            let files = archive::unpack(&packed.data, self)?;
            return self.chart(files, depth + 1);
        }
        let inner = files
            .into_iter()
            .filter_map(|file| {
                let (_, path) = file.path.split_once('/')?;
                Some(File { path: path.to_owned(), data: file.data })
            })
            .collect();
        self.chart(inner, depth + 1)
    }
}

fn count(left: &mut usize, what: &'static str, limit: usize) -> Result<(), ChartError> {
    *left = left.checked_sub(1).ok_or(ChartError::TooMany { what, limit })?;
    Ok(())
}

fn is_definition(path: &str) -> bool {
    let lower = path.to_lowercase();
    path.starts_with("crds/") && [".yaml", ".yml", ".json"].iter().any(|end| lower.ends_with(end))
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn without_bom(mut data: Vec<u8>) -> Vec<u8> {
    if data.starts_with(b"\xef\xbb\xbf") {
        data.drain(..3);
    }
    data
}

fn check_path(path: &str) -> Result<(), ChartError> {
    let bad = path.is_empty()
        || path.starts_with('/')
        || path.contains('\\')
        || path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if bad {
        return Err(ChartError::Path(format!("chart illegally contains path {path:?}")));
    }
    Ok(())
}

fn document(file: &File) -> Result<Json, ChartError> {
    yaml::text(&file.data)
        .and_then(yaml::from_str)
        .map_err(|source| ChartError::Yaml { file: file.path.clone(), source })
}

fn values(file: &File) -> Result<Json, ChartError> {
    match document(file)? {
        Json::Null => Ok(Json::Object(serde_json::Map::new())),
        found @ Json::Object(_) => Ok(found),
        other => {
            let kind = metadata::json_kind(&other);
            Err(ChartError::unmarshal(&file.path, kind, "map[string]interface {}"))
        }
    }
}
