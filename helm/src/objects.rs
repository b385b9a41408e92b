//! The objects a chart's templates start from.

use std::rc::Rc;

use smol_str::{SmolStr, format_smolstr};

use crate::chart::{Dependency, TemplateFile};
use crate::coalesce::Node;
use crate::kube_version::KubeVersion;
use crate::render::{HelmVersion, RenderOptions};
use crate::value::{Entries, Field, ListKind, MapKind, Object, SharedMap, Struct, Value};

/// API versions Helm knows without a cluster.
const API_VERSIONS: &str = include_str!("api_versions.txt");
/// The Helm version charts are told.
const HELM_VERSION: &str = "v3.21.4";
const HELM4_VERSION: &str = "v4.2.4";

fn field(name: &'static str, key: &'static str, value: Value) -> Field {
    Field { name, key, omit_empty: true, value }
}

fn kept(name: &'static str, key: &'static str, value: Value) -> Field {
    Field { name, key, omit_empty: false, value }
}

fn structure(type_name: &'static str, pointer: bool, fields: Vec<Field>) -> Value {
    Value::object(Object::Struct(Struct { type_name, pointer, embedded: 0, fields, display: None }))
}

/// Texts that are nil in Go where there are none.
fn texts(texts: &[String]) -> Value {
    if texts.is_empty() {
        return Value::typed_list(Vec::new(), ListKind::NilText);
    }
    Value::texts(texts)
}

fn entries<const N: usize>(pairs: [(&str, Value); N]) -> Entries {
    pairs.into_iter().map(|(key, value)| (SmolStr::new(key), value)).collect()
}

/// `.Release`.
pub(crate) fn release(options: &RenderOptions) -> Value {
    Value::map(entries([
        ("Name", Value::text(&options.release_name)),
        ("Namespace", Value::text(&options.namespace)),
        ("IsUpgrade", Value::Bool(options.is_upgrade)),
        ("IsInstall", Value::Bool(!options.is_upgrade)),
        ("Revision", Value::Int(1)),
        ("Service", Value::text("Helm")),
    ]))
}

/// `.Capabilities`.
pub(crate) fn capabilities(kube: &KubeVersion, options: &RenderOptions) -> Value {
    let version = SmolStr::new(&kube.version);
    let kube = Value::object(Object::Struct(Struct {
        type_name: "chartutil.KubeVersion",
        pointer: false,
        embedded: 0,
        fields: vec![
            kept("Version", "Version", Value::Text(version.clone())),
            kept("Major", "Major", kube.major.to_string().into()),
            kept("Minor", "Minor", kube.minor.to_string().into()),
        ],
        display: Some(version),
    }));
    let versions = API_VERSIONS
        .lines()
        .filter(|line| !line.is_empty())
        .map(SmolStr::new)
        .chain(options.api_versions.iter().map(|version| SmolStr::new(version.as_str())))
        .collect();
    let helm_version = match options.helm {
        HelmVersion::V3 => HELM_VERSION,
        HelmVersion::V4 => HELM4_VERSION,
    };
    let helm = structure(
        "version.BuildInfo",
        false,
        vec![
            field("Version", "version", Value::text(helm_version)),
            field("GitCommit", "git_commit", Value::text("")),
            field("GitTreeState", "git_tree_state", Value::text("")),
            field("GoVersion", "go_version", Value::text("go1.26.8")),
        ],
    );
    structure(
        "*chartutil.Capabilities",
        true,
        vec![
            kept("KubeVersion", "KubeVersion", kube),
            kept("APIVersions", "APIVersions", Value::object(Object::Versions(versions))),
            kept("HelmVersion", "HelmVersion", helm),
        ],
    )
}

fn dependency(dependency: &Dependency) -> Value {
    structure(
        "*chart.Dependency",
        true,
        vec![
            kept("Name", "name", Value::text(&dependency.name)),
            field("Version", "version", Value::text(&dependency.version)),
            kept("Repository", "repository", Value::text(&dependency.repository)),
            field("Condition", "condition", Value::text(&dependency.condition)),
            field("Tags", "tags", texts(&dependency.tags)),
            field("Enabled", "enabled", Value::Bool(dependency.enabled)),
            field(
                "ImportValues",
                "import-values",
                Value::list(dependency.import_values.iter().map(Value::from_json).collect()),
            ),
            field("Alias", "alias", Value::text(&dependency.alias)),
        ],
    )
}

/// `.Chart`.
fn chart(node: &Node<'_>, is_root: bool) -> Value {
    let metadata = &node.chart.metadata;
    let maintainers = metadata
        .maintainers
        .iter()
        .map(|maintainer| {
            structure(
                "*chart.Maintainer",
                true,
                vec![
                    field("Name", "name", Value::text(&maintainer.name)),
                    field("Email", "email", Value::text(&maintainer.email)),
                    field("URL", "url", Value::text(&maintainer.url)),
                ],
            )
        })
        .collect();
    let dependencies =
        node.dependencies.iter().flatten().map(|shared| dependency(&shared.borrow())).collect();
    let annotations = metadata
        .annotations
        .iter()
        .map(|(key, value)| (SmolStr::new(key.as_str()), Value::text(value)))
        .collect();
    let mut fields = vec![
        field("Name", "name", Value::text(&node.name)),
        field("Home", "home", Value::text(&metadata.home)),
        field("Sources", "sources", texts(&metadata.sources)),
        field("Version", "version", Value::text(&metadata.version)),
        field("Description", "description", Value::text(&metadata.description)),
        field("Keywords", "keywords", texts(&metadata.keywords)),
        field("Maintainers", "maintainers", Value::typed_list(maintainers, ListKind::Maintainers)),
        field("Icon", "icon", Value::text(&metadata.icon)),
        field("APIVersion", "apiVersion", Value::text(&metadata.api_version)),
        field("Condition", "condition", Value::text(&metadata.condition)),
        field("Tags", "tags", Value::text(&metadata.tags)),
        field("AppVersion", "appVersion", Value::text(&metadata.app_version)),
        field("Deprecated", "deprecated", Value::Bool(metadata.deprecated)),
        field("Annotations", "annotations", Value::typed_map(annotations, MapKind::Text)),
        field("KubeVersion", "kubeVersion", Value::text(&metadata.kube_version)),
        field(
            "Dependencies",
            "dependencies",
            Value::typed_list(dependencies, ListKind::Dependencies),
        ),
        field("Type", "type", Value::text(&metadata.kind)),
    ];
    let embedded = fields.len();
    fields.push(kept("IsRoot", "IsRoot", Value::Bool(is_root)));
    Value::object(Object::Struct(Struct {
        type_name: "struct { chart.Metadata; IsRoot bool }",
        pointer: false,
        embedded,
        fields,
        display: None,
    }))
}

/// A template with what it is rendered with.
pub(crate) struct Renderable<'c> {
    pub(crate) path: SmolStr,
    pub(crate) file: &'c TemplateFile,
    pub(crate) scope: SharedMap,
    pub(crate) base_path: String,
}

/// What all charts of a render share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) release: Value,
    pub(crate) capabilities: Value,
}

/// Collects the templates of a chart and its subcharts; gives back the chart's scope.
pub(crate) fn collect<'c>(
    node: &Node<'c>,
    parent_path: Option<&str>,
    values: &Value,
    shared: &Shared,
    found: &mut Vec<Renderable<'c>>,
) -> Value {
    let path = node.path(parent_path);
    let subcharts = SharedMap::default();
    let scope = Value::map(entries([
        ("Chart", chart(node, parent_path.is_none())),
        ("Files", Value::object(Object::Files(node.chart.files.clone()))),
        ("Release", shared.release.clone()),
        ("Capabilities", shared.capabilities.clone()),
        ("Values", values.clone()),
        ("Subcharts", Value::Map(Rc::clone(&subcharts), MapKind::Any)),
    ]));
    for child in &node.children {
        // Subcharts see the very map inside the parent's values.
        let below = match values.get(&child.name) {
            Some(Value::Map(map, _)) => Value::Map(map, MapKind::Values),
            _ => Value::typed_map(Entries::default(), MapKind::Values),
        };
        let inner = collect(child, Some(node.base(&path)), &below, shared, found);
        subcharts.borrow_mut().insert(SmolStr::new(&child.name), inner);
    }
    if let Some(map) = scope.as_map() {
        for template in &node.chart.templates {
            let base = template.path.rsplit('/').next().unwrap_or_default();
            if node.chart.metadata.is_library() && !base.starts_with('_') {
                continue;
            }
            found.push(Renderable {
                path: format_smolstr!("{path}/{}", template.path),
                file: template,
                scope: Rc::clone(map),
                base_path: format!("{path}/templates"),
            });
        }
    }
    scope
}
