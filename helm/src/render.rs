//! A chart rendered with values.

mod error;
mod options;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use serde_json::Value as Json;
use smol_str::SmolStr;

pub use self::error::{ErrorKind, RenderError};
pub use self::options::{HelmVersion, RenderOptions};
use crate::chart::Chart;
use crate::coalesce::{Budget, CoalesceError, Node, settle};
use crate::engine::{Engine, Limits, Usage};
use crate::functions::{Dialect, NO_VALUE, RandomUse, find};
use crate::kube_version::KubeVersion;
use crate::manifest::{self, Problem};
use crate::memo::Memo;
use crate::objects::{Renderable, Shared, capabilities, collect, release};
use crate::octets;
use crate::print::quote;
use crate::schema::{self, Refusal};
use crate::semver::is_compatible;
use crate::stack;
use crate::template::exec::execute;
use crate::template::parse::NODE_BYTES;
use crate::template::scope::Scope;
use crate::value::{Entries, MapKind, Value};

const NOTES: &str = "NOTES.txt";

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
    /// How much of its limits the render used.
    pub usage: Usage,
    /// The calls whose results depend on the seed or the clock; with none of them every render
    /// gives the same bytes.
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

/// Renders a chart.
pub fn render(
    chart: &Chart,
    values: &Json,
    options: &RenderOptions,
) -> Result<Rendered, RenderError> {
    stack::on_deep_stack(|| run(chart, values, options)).unwrap_or_else(|| {
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
    let mut budget = Budget::new(options.limits.allocated_bytes, options.helm);
    let user =
        if options.keep_integers { Value::from_set(values) } else { Value::from_json(values) };
    let unfit = |error: CoalesceError| {
        let kind = if error.is_limit() { ErrorKind::Limit } else { ErrorKind::Values };
        RenderError::new(kind, error.to_string())
    };
    let mut root = Node::new(chart);
    root.resolve(&user, &mut budget).map_err(unfit)?;
    let values = settle(&mut root, user, &mut budget).map_err(unfit)?;
    if !options.skip_schema_validation && schema::is_wanted(&root) {
        validate(&root, &values, options)?;
    }
    let wanted = &root.chart.metadata.kube_version;
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
    let Executed { mut files, has_octets, random, mut usage } =
        execute_all(templates, &chart.memo, options, budget.used())?;
    let notes = files.remove(&format!("{}/templates/{NOTES}", root.name)).unwrap_or_default();
    let notes = if has_octets { octets::replaced(&notes) } else { notes };
    files.retain(|path, _| !path.ends_with(NOTES));
    let mut crds = Vec::new();
    if options.include_crds {
        definitions(&root, &root.name, &options.limits, &mut crds)?;
    }
    let most = options.limits.objects.saturating_sub(crds.len());
    let sorted =
        manifest::sort(&files, has_octets, most, options.helm).map_err(|error| RenderError {
            template: error.file.clone(),
            line: error.line,
            ..match &error.problem {
                Problem::Invalid(_) => RenderError::new(ErrorKind::Manifest, error.to_string()),
                Problem::TooMany => RenderError::new(ErrorKind::Limit, too_many(&options.limits)),
            }
        })?;
    usage.objects = crds.len() + sorted.manifests.len() + sorted.hooks.len();
    let manifest::Sorted { manifests, hooks, warnings } = sorted;
    for warning in warnings {
        budget.warn(warning);
    }
    let mut warnings = budget.warnings;
    warnings.dedup();
    Ok(Rendered { manifests, hooks, crds, notes, warnings, usage, random })
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

fn too_many(limits: &Limits) -> String {
    let limit = limits.objects;
    format!("the chart makes more than the limit of {limit} objects: split it")
}

fn validate(root: &Node<'_>, values: &Value, options: &RenderOptions) -> Result<(), RenderError> {
    let mut json = values.to_json(&mut options.limits.allocated_bytes.clone()).map_err(|_| {
        let limit = options.limits.allocated_bytes;
        RenderError::new(
            ErrorKind::Limit,
            format!(
                "the values are nested too deeply, or take more than the limit of {limit} bytes"
            ),
        )
    })?;
    make_integral(&mut json);
    match schema::check(root, &json, options.limits.steps) {
        Ok(()) => Ok(()),
        Err(Refusal::Limit(problem)) => Err(RenderError::new(ErrorKind::Limit, problem)),
        Err(Refusal::Unfit(problems)) => Err(RenderError::new(
            ErrorKind::Values,
            format!(
                "values don't meet the specifications of the schema(s) in the following \
                 chart(s):\n{problems}"
            ),
        )),
    }
}

/// Turns whole floats back into integers, as they were written.
pub(crate) fn make_integral(json: &mut Json) {
    match json {
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        Json::Number(number) => match number.as_f64() {
            Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                *number = (value as i64).into();
            }
            _ => {}
        },
        Json::Array(items) => items.iter_mut().for_each(make_integral),
        Json::Object(entries) => entries.values_mut().for_each(make_integral),
        _ => {}
    }
}

/// What all templates of a chart printed.
struct Executed {
    /// The printed texts by the paths of their templates.
    files: BTreeMap<String, String>,
    /// Whether there may be bytes in them that are no UTF-8.
    has_octets: bool,
    random: Vec<RandomUse>,
    usage: Usage,
}

/// Parses all templates before any of them runs, in Helm's order.
fn execute_all(
    mut templates: Vec<Renderable<'_>>,
    memo: &Memo,
    options: &RenderOptions,
    allocated: usize,
) -> Result<Executed, RenderError> {
    templates.sort_by(|left, right| {
        let depth = |path: &str| path.matches('/').count();
        depth(&right.path).cmp(&depth(&left.path)).then_with(|| right.path.cmp(&left.path))
    });
    // Texts that were parsed for one Helm are not good for the other.
    let own_memo = Memo::default();
    let (dialect, memo) = match options.helm {
        HelmVersion::V3 => (Dialect::Chart, memo),
        HelmVersion::V4 => (Dialect::Chart4, &own_memo),
    };
    let lookup = |name: &str| find(dialect, name);
    let engine =
        Engine::new(&lookup, options.limits.clone(), false, options.now, options.seed, memo);
    engine.allocate(allocated).map_err(RenderError::from_fault)?;
    let scope = Rc::new(Scope::default());
    for template in &templates {
        if template.file.has_octets() {
            engine.note_octets();
        }
        let parsed = template
            .file
            .parsed(&template.path, dialect)
            .map_err(|error| RenderError::from_syntax(&template.path, &error))?;
        let nodes: usize = parsed.iter().map(|template| template.nodes).sum();
        engine
            .allocate(nodes.saturating_mul(NODE_BYTES).saturating_add(2 * template.file.size()))
            .and_then(|()| engine.work(template.file.size()))
            .map_err(RenderError::from_fault)?;
        scope.add(&parsed);
    }
    let mut files = BTreeMap::new();
    let mut total = 0;
    for template in &templates {
        if template.path.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
            continue;
        }
        let about: Entries = [
            (SmolStr::new_static("Name"), Value::text(&template.path)),
            (SmolStr::new_static("BasePath"), Value::text(&template.base_path)),
        ]
        .into_iter()
        .collect();
        template
            .scope
            .borrow_mut()
            .insert(SmolStr::new_static("Template"), Value::typed_map(about, MapKind::Values));
        let Some(parsed) = scope.get(&template.path) else { continue };
        let dot = Value::Map(Rc::clone(&template.scope), MapKind::Values);
        let mut out = String::new();
        engine.begin_source(&parsed.file);
        execute(&engine, &scope, &parsed, &dot, &mut out).map_err(RenderError::from_fault)?;
        total += out.len();
        engine.check_size(total).map_err(RenderError::from_fault)?;
        let out = if out.contains(NO_VALUE) { out.replace(NO_VALUE, "") } else { out };
        files.insert(template.path.to_string(), out);
    }
    let usage = Usage { output_bytes: total, ..engine.usage() };
    let has_octets = engine.has_octets();
    Ok(Executed { files, has_octets, random: engine.take_uses(), usage })
}

fn definitions(
    node: &Node<'_>,
    path: &str,
    limits: &Limits,
    found: &mut Vec<Document>,
) -> Result<(), RenderError> {
    let mut bytes: usize = found.iter().map(|document| document.content.len()).sum();
    for file in &node.chart.definitions {
        bytes += file.data.len();
        if found.len() >= limits.objects {
            return Err(RenderError::new(ErrorKind::Limit, too_many(limits)));
        }
        if bytes > limits.output_bytes {
            let limit = limits.output_bytes;
            let message = format!("definitions are larger than the limit of {limit} bytes");
            return Err(RenderError::new(ErrorKind::Limit, message));
        }
        found.push(Document {
            source: format!("{path}/{}", file.path),
            content: String::from_utf8_lossy(&file.data).into_owned(),
        });
    }
    for child in &node.children {
        definitions(child, &child.path(Some(node.base(path))), limits, found)?;
    }
    Ok(())
}
