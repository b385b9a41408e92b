//! A deploy manifest checked before a release, each fault with its place.
//!
//! [`check`] looks at the text alone. What it finds in order can be rendered on trial with
//! [`Draft::render`], by the same code that renders a release.

mod embedded;
mod fields;
mod mark;
mod sanity;
mod trial;
mod variables;

pub use mark::Place;
pub use trial::TrialInput;

use gimlet_crds::DeployManifest;

use crate::file;
use crate::variables::{Vars, VarsError, resolve};
use mark::Node;

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::IntoStaticStr,
)]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// A release would fail.
    Error,
    /// A release would do what may not be meant.
    Warning,
}

/// A fault of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which check it is, such as `unknown-field`.
    pub rule: &'static str,
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Finding {
    fn new(severity: Severity, rule: &'static str, place: Place, message: String) -> Self {
        Self { severity, rule, place, message, hint: None }
    }

    fn error(rule: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, rule, place, message.into())
    }

    fn warning(rule: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, rule, place, message.into())
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A manifest of a file that can be rendered on trial.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The manifest, with variables put in; those that are not known have made-up values.
    pub manifest: DeployManifest,
    root: Node,
    source: String,
}

impl Draft {
    /// Returns a finding about the chart, which could not be fetched.
    pub fn chart_fault(&self, message: impl Into<String>) -> Finding {
        Finding::error("chart", self.root.locate(["chart", "name"]), message)
    }
}

/// Checks the text of a file; returns what is wrong and the manifests that can be rendered.
pub fn check(text: &str, vars: &Vars) -> (Vec<Finding>, Vec<Draft>) {
    let mut findings = Vec::new();
    let documents = match mark::documents(text) {
        Ok(documents) => documents,
        Err(error) => {
            findings.push(Finding::error("syntax", error.place, error.message));
            return (findings, Vec::new());
        }
    };
    let roots: Vec<Node> = documents.into_iter().flatten().filter(|node| !node.is_null()).collect();
    for root in &roots {
        fields::check(root, &mut findings);
    }
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return (findings, Vec::new());
    }
    let manifests = match file::parse(text) {
        Ok(manifests) => manifests,
        Err(error) => {
            findings.push(of_file_error(text, &error, roots.first()));
            return (findings, Vec::new());
        }
    };
    let mut drafts = Vec::new();
    for (root, manifest) in roots.into_iter().zip(manifests) {
        let all = variables::check(text, &root, vars, &mut findings);
        match resolve(&manifest, &all) {
            Ok(manifest) => drafts.push(Draft { manifest, root, source: text.to_owned() }),
            Err(error) => findings.push(of_vars_error(text, &root, &error)),
        }
    }
    (findings, drafts)
}

fn of_file_error(text: &str, error: &file::FileError, first: Option<&Node>) -> Finding {
    let start = Place { line: 1, column: 1, length: 1 };
    match error {
        file::FileError::Invalid { place, message } => {
            let numbers: Vec<usize> =
                place.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
            let place = match numbers[..] {
                [line, column] => mark::Lines::of(text).place(Place { line, column, length: 1 }),
                _ => start,
            };
            Finding::error("manifest", place, message.clone())
        }
        file::FileError::NoText { line } => {
            let place = Place { line: *line, ..start };
            Finding::error("manifest", place, "not UTF-8 text: save the file as UTF-8")
        }
        other => {
            Finding::error("manifest", first.map_or(start, |node| node.place), other.to_string())
        }
    }
}

fn of_vars_error(text: &str, root: &Node, error: &VarsError) -> Finding {
    let (path, message) = match error {
        VarsError::Cycle { .. } => ("", error.to_string()),
        VarsError::Missing { path, .. }
        | VarsError::Template { path, .. }
        | VarsError::DuplicateKey { path, .. }
        | VarsError::Yaml { path, .. } => (path.as_str(), error.to_string()),
    };
    Finding::error("template", embedded::locate(text, root, path), message)
}

#[cfg(test)]
mod tests;
