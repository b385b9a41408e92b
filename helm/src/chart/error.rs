//! Why a chart cannot be loaded.

use super::{NESTING_LIMIT, PATH_LIMIT};
use crate::yaml::YamlError;

/// A chart that cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// The chart has no `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoChartYaml,
    /// A YAML file of the chart cannot be read.
    #[error("cannot load {file}: error converting YAML to JSON: {source}")]
    Yaml {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: YamlError,
    },
    /// A file holds another kind of data than Helm expects.
    #[error("cannot load {file}: error unmarshaling JSON: while decoding JSON: {message}")]
    Shape {
        /// The file.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// `Chart.yaml` does not describe a valid chart.
    #[error("validation: {0}")]
    Invalid(String),
    /// `.helmignore` cannot be understood.
    #[error("{0}")]
    Ignore(String),
    /// A file path leaves the chart or cannot be one.
    #[error("{0}")]
    Path(String),
    /// A file or the whole chart is too large.
    #[error("{what} is larger than the maximum size {limit}")]
    TooLarge {
        /// The file, or the chart.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A path is longer than any file system allows.
    #[error("path {0:?}... is longer than the limit of {PATH_LIMIT} bytes")]
    LongPath(String),
    /// The chart has too many files, subcharts or dependencies.
    #[error("chart has more than the limit of {limit} {what}: split it")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Subcharts are nested too deeply.
    #[error("subcharts are nested more than {NESTING_LIMIT} levels deep")]
    TooDeep,
    /// The archive cannot be unpacked.
    #[error("{0}")]
    Archive(String),
    /// The directory cannot be read.
    #[error("cannot read chart directory: {0}")]
    Directory(String),
    /// A subchart cannot be loaded.
    #[error("error unpacking subchart {subchart} in {chart}: {source}")]
    Subchart {
        /// The name below `charts/`.
        subchart: String,
        /// The chart that holds it.
        chart: String,
        /// Why it cannot be loaded.
        source: Box<Self>,
    },
}

impl ChartError {
    /// Go's complaint about a whole file.
    pub(super) fn unmarshal(file: &str, kind: &str, target: &str) -> Self {
        let message = format!("json: cannot unmarshal {kind} into Go value of type {target}");
        Self::Shape { file: file.to_owned(), message }
    }

    /// Go's complaint about a field.
    pub(super) fn unmarshal_field(file: &str, kind: &str, place: &str) -> Self {
        let message = format!("json: cannot unmarshal {kind} into Go struct field {place}");
        Self::Shape { file: file.to_owned(), message }
    }
}
