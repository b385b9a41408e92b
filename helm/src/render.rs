//! A chart rendered with values.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::chart::Chart;
use crate::coalesce::{Node, coalesce};
use crate::engine::{Engine, Limits};
use crate::functions::{Dialect, NO_VALUE, RandomUse, find};
use crate::kube_version::KubeVersion;
use crate::manifest;
use crate::objects::{Renderable, Shared, capabilities, collect, release};
use crate::print::quote;
use crate::schema;
use crate::semver::is_compatible;
use crate::stack;
use crate::template::exec::execute;
use crate::template::fault::{Cause, Fault};
use crate::template::parse::{SyntaxError, parse};
use crate::template::scope::Scope;
use crate::value::{Entries, MapKind, Value};

const NOTES: &str = "NOTES.txt";

/// What a render depends on besides the chart and its values.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of `helm template`")]
pub struct RenderOptions {
    /// The name of the release.
    pub release_name: String,
    /// The namespace of the release.
    pub namespace: String,
    /// The Kubernetes version charts are told, with or without a leading `v`.
    pub kube_version: String,
    /// API versions on top of those Helm always knows.
    pub api_versions: Vec<String>,
    /// Whether the release exists already.
    pub is_upgrade: bool,
    /// Whether the output contains the files of `crds/`.
    pub include_crds: bool,
    /// Whether `values.schema.json` is ignored.
    pub skip_schema_validation: bool,
    /// Whether whole numbers among the values are integers, as `--set` makes them, and not floats,
    /// as those of a values file are.
    pub keep_integers: bool,
    /// What random functions draw from: the same seed gives the same bytes.
    pub seed: [u8; 32],
    /// What `now` returns.
    pub now: Timestamp,
    /// Bounds of the render.
    pub limits: Limits,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            release_name: "release-name".to_owned(),
            namespace: "default".to_owned(),
            kube_version: "1.36.0".to_owned(),
            api_versions: Vec::new(),
            is_upgrade: false,
            include_crds: false,
            skip_schema_validation: false,
            keep_integers: false,
            seed: [0; 32],
            now: Timestamp::UNIX_EPOCH,
            limits: Limits::default(),
        }
    }
}

/// A rendered manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The template it comes from, such as `chart/templates/x.yaml`.
    pub source: String,
    /// The YAML text.
    pub content: String,
}

/// A rendered manifest that Helm would run at certain events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The template it comes from.
    pub source: String,
    /// The YAML text.
    pub content: String,
    /// The name of the object.
    pub name: String,
    /// The kind of the object.
    pub kind: String,
    /// The events, such as `pre-install`.
    pub events: Vec<String>,
    /// The order among hooks of the same event.
    pub weight: i64,
}

/// A rendered chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The manifests in the order of installation.
    pub manifests: Vec<Document>,
    /// The hooks in the order Helm prints them.
    pub hooks: Vec<Hook>,
    /// The files of `crds/`, if they were asked for.
    pub crds: Vec<Document>,
    /// The rendered `NOTES.txt`.
    pub notes: String,
    /// What the author of the chart or of the values should look at.
    pub warnings: Vec<String>,
    /// The calls whose results depend on the seed or the clock.
    pub random: Vec<RandomUse>,
}

impl Rendered {
    /// Prints exactly what `helm template` prints.
    pub fn to_template_output(&self) -> String {
        let print = |out: &mut String, source: &str, content: &str| {
            let _ = write!(out, "---\n# Source: {source}\n{content}\n");
        };
        let mut out = String::new();
        for document in self.crds.iter().chain(&self.manifests) {
            print(&mut out, &document.source, &document.content);
        }
        let mut out = format!("{}\n", out.trim());
        for hook in &self.hooks {
            print(&mut out, &hook.source, &hook.content);
        }
        out
    }
}

/// The kind of a render error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The chart cannot be rendered at all, or not on this Kubernetes version.
    Chart,
    /// The values do not fit the chart.
    Values,
    /// A template has a syntax error.
    Parse,
    /// A template could not be executed.
    Execution,
    /// A template gave up on purpose, by `fail` or `required`.
    Raised,
    /// A limit was hit.
    Limit,
    /// A template rendered to something that is no manifest.
    Manifest,
}

/// A chart that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    kind: ErrorKind,
    message: String,
    /// The template with the problem, where known.
    pub template: Option<String>,
    /// The 1-based line in the template, where known.
    pub line: Option<usize>,
    /// The 0-based column in bytes, where known.
    pub column: Option<usize>,
}

impl RenderError {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), template: None, line: None, column: None }
    }

    /// Returns what kind of problem it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Words a syntax error as Helm does.
    fn from_syntax(file: &str, error: &SyntaxError) -> Self {
        let parts: Vec<&str> = error.message.split(": ").collect();
        let message = match parts[..] {
            [_, place, .., last] => format!("parse error at ({place}): {last}"),
            _ => format!("parse error in ({file}): {}", error.message),
        };
        Self {
            template: Some(file.to_owned()),
            line: Some(error.line),
            ..Self::new(ErrorKind::Parse, message)
        }
    }

    /// Words a fault as Helm does.
    fn from_fault(fault: Fault) -> Self {
        let fault = fault.into_details();
        let kind = match fault.cause {
            Cause::Raised(_) => ErrorKind::Raised,
            Cause::Limit => ErrorKind::Limit,
            Cause::Execution | Cause::MissingKey(_) => ErrorKind::Execution,
        };
        let message = match (&fault.cause, &fault.outer) {
            (Cause::Raised(message), Some(place)) => format!(
                "execution error at ({}:{}:{}): {message}",
                place.template, place.line, place.column
            ),
            _ => fault.message,
        };
        let place = fault.inner;
        Self {
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            template: place.map(|place| place.template),
            ..Self::new(kind, message)
        }
    }
}

/// Renders a chart.
pub fn render(
    chart: &Chart,
    values: &Json,
    options: &RenderOptions,
) -> Result<Rendered, RenderError> {
    stack::deep(|| run(chart, values, options)).unwrap_or_else(|| {
        Err(RenderError::new(ErrorKind::Limit, "cannot start the thread to render the chart"))
    })
}

/// Lays values over others as Helm does with several files: maps merge, all else is replaced.
pub fn merge_values(base: &mut Json, over: Json) {
    match (base, over) {
        (Json::Object(base), Json::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(known) if known.is_object() && value.is_object() => {
                        merge_values(known, value);
                    }
                    _ => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}

fn run(chart: &Chart, values: &Json, options: &RenderOptions) -> Result<Rendered, RenderError> {
    let failed = |kind, message: String| Err(RenderError::new(kind, message));
    let kube = KubeVersion::parse(&options.kube_version).map_err(|error| {
        let message = format!("invalid kube version '{}': {error}", options.kube_version);
        RenderError::new(ErrorKind::Chart, message)
    })?;
    if chart.metadata.is_library() {
        return failed(ErrorKind::Chart, "library charts are not installable".to_owned());
    }
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        return failed(
            ErrorKind::Chart,
            format!(
                "An error occurred while checking for chart dependencies. You may need to run \
                 `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but \
                 missing in charts/ directory: {}",
                missing.join(", ")
            ),
        );
    }
    if let Some(problem) = name_problem(&options.release_name) {
        let name = quote(&options.release_name);
        return failed(ErrorKind::Chart, format!("release name {name}: {problem}"));
    }
    let mut warnings = Vec::new();
    let user =
        if options.keep_integers { Value::from_set(values) } else { Value::from_json(values) };
    let unfit = |error: crate::coalesce::CoalesceError| {
        RenderError::new(ErrorKind::Values, error.to_string())
    };
    let mut root = Node::new(chart);
    root.resolve(&user, &mut warnings).map_err(unfit)?;
    let values = coalesce(&root, &user, false, &mut warnings).map_err(unfit)?;
    if !options.skip_schema_validation {
        validate(&root, &values, options)?;
    }
    let wanted = &root.metadata.kube_version;
    if !wanted.is_empty() && !is_compatible(wanted, &kube.version) {
        return failed(
            ErrorKind::Chart,
            format!(
                "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}",
                kube.version
            ),
        );
    }
    let Some(map) = values.as_map().cloned() else {
        return failed(ErrorKind::Values, "the values must be a map".to_owned());
    };
    let shared = Shared { release: release(options), capabilities: capabilities(&kube, options) };
    let mut templates = Vec::new();
    collect(&root, None, &Value::Map(map, MapKind::Values), &shared, &mut templates);
    let (mut files, random) = execute_all(templates, options)?;
    let notes = files.remove(&format!("{}/templates/{NOTES}", root.name())).unwrap_or_default();
    files.retain(|path, _| !path.ends_with(NOTES));
    let sorted = manifest::sort(&files).map_err(|error| RenderError {
        template: Some(error.file.clone()),
        line: error.line,
        ..RenderError::new(ErrorKind::Manifest, error.to_string())
    })?;
    warnings.extend(sorted.warnings);
    warnings.dedup();
    let mut crds = Vec::new();
    if options.include_crds {
        definitions(&root, root.name(), &mut crds);
    }
    Ok(Rendered { manifests: sorted.manifests, hooks: sorted.hooks, crds, notes, warnings, random })
}

/// What is wrong with the name of a release.
fn name_problem(name: &str) -> Option<&'static str> {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(plain)
    };
    if name.is_empty() {
        return Some("no name provided");
    }
    (name.len() > 53 || !name.split('.').all(part)).then_some(
        "invalid release name, must match regex \
         ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not \
         be longer than 53",
    )
}

fn validate(root: &Node, values: &Value, options: &RenderOptions) -> Result<(), RenderError> {
    let json = values.to_json(&mut options.limits.allocated_bytes.clone()).map_err(|_| {
        RenderError::new(ErrorKind::Values, "the values are nested too deeply or too large")
    })?;
    let problems = schema::violations(root, &integral(json));
    if problems.is_empty() {
        return Ok(());
    }
    let message = format!(
        "values don't meet the specifications of the schema(s) in the following chart(s):\n{problems}"
    );
    Err(RenderError::new(ErrorKind::Values, message))
}

/// Turns whole floats back into integers, for schemas that ask for them.
fn integral(json: Json) -> Json {
    match json {
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        Json::Number(number) => match number.as_f64() {
            Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => Json::from(value as i64),
            _ => Json::Number(number),
        },
        Json::Array(items) => items.into_iter().map(integral).collect(),
        Json::Object(entries) => {
            entries.into_iter().map(|(key, value)| (key, integral(value))).collect()
        }
        other => other,
    }
}

/// Parses all templates before any of them runs, in Helm's order.
fn execute_all(
    mut templates: Vec<Renderable>,
    options: &RenderOptions,
) -> Result<(BTreeMap<String, String>, Vec<RandomUse>), RenderError> {
    templates.sort_by(|left, right| {
        let depth = |path: &str| path.matches('/').count();
        depth(&right.path).cmp(&depth(&left.path)).then_with(|| right.path.cmp(&left.path))
    });
    let lookup = |name: &str| find(Dialect::Chart, name);
    let engine = Engine::new(&lookup, options.limits.clone(), false, options.now, options.seed);
    let scope = Rc::new(Scope::default());
    for template in &templates {
        let path: Rc<str> = Rc::from(template.path.as_str());
        let parsed = parse(&path, &template.source, &lookup)
            .map_err(|error| RenderError::from_syntax(&template.path, &error))?;
        scope.add(&parsed);
    }
    let mut files = BTreeMap::new();
    let mut total = 0;
    for template in &templates {
        if template.path.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
            continue;
        }
        let about: Entries = [
            (Rc::from("Name"), Value::text(&template.path)),
            (Rc::from("BasePath"), Value::text(&template.base_path)),
        ]
        .into_iter()
        .collect();
        template
            .scope
            .borrow_mut()
            .insert(Rc::from("Template"), Value::typed_map(about, MapKind::Values));
        let Some(parsed) = scope.get(&template.path) else { continue };
        let dot = Value::Map(Rc::clone(&template.scope), MapKind::Values);
        let mut out = String::new();
        engine.begin_file(&parsed.file);
        execute(&engine, &scope, &parsed, &dot, &mut out).map_err(RenderError::from_fault)?;
        total += out.len();
        engine.check_size(total).map_err(RenderError::from_fault)?;
        let out = if out.contains(NO_VALUE) { out.replace(NO_VALUE, "") } else { out };
        files.insert(template.path.clone(), out);
    }
    Ok((files, engine.take_uses()))
}

fn definitions(node: &Node, path: &str, found: &mut Vec<Document>) {
    for file in &node.files {
        let lower = file.path.to_lowercase();
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|end| lower.ends_with(end));
        if file.path.starts_with("crds/") && is_manifest {
            found.push(Document {
                source: format!("{path}/{}", file.path),
                content: String::from_utf8_lossy(&file.data).into_owned(),
            });
        }
    }
    for child in &node.children {
        definitions(child, &child.path(Some(node.base(path))), found);
    }
}
