//! A resolved deploy manifest made into the files of an app's folder.

use std::collections::{BTreeMap, BTreeSet};

use gimlet_crds::DeployManifest;
use gimlet_crds::name::{AppName, EnvName};
use gimlet_helm::{Chart, RandomUse, RenderOptions, Rendered};
use serde_json::{Map, Value};

use crate::object::{self, Object, ObjectError};
use crate::patch::{self, PatchError};
use crate::randomness::{self, Drawn};
use crate::reason::RenderReason;
use crate::scope::Scopes;
use crate::{hook, label, layout, yaml};

/// Most files that an app may have.
const MAX_FILES: usize = 500;
/// Most bytes that an app's files may have together.
const MAX_BYTES: usize = 8 << 20;

/// Everything that a render may depend on.
#[derive(Clone, Debug)]
pub struct RenderInput<'a> {
    /// The app; it is the release name for the chart.
    pub app: &'a AppName,
    /// The environment.
    pub environment: &'a EnvName,
    /// The manifest, its variables put in.
    pub manifest: &'a DeployManifest,
    /// The chart that the manifest names.
    pub chart: Option<&'a Chart>,
    /// Version of the cluster, such as `1.36.0`.
    pub kubernetes_version: &'a str,
    /// API versions that the cluster has beside those of Kubernetes.
    pub api_versions: &'a [String],
    /// What random functions of the chart draw from.
    pub seed: [u8; 32],
    /// What the chart is told the time is.
    pub time: jiff::Timestamp,
    /// Whether plain Secret objects may end in git.
    pub allow_secrets: bool,
}

/// What an app's folder will hold.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedApp {
    /// The objects: definitions first, then the chart's and the raw ones in their order.
    pub objects: Vec<Object>,
    /// The files by name, one object each.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The manifest names a chart and none was given.
    #[error("the manifest names the chart {name}, which was not loaded: load it before rendering")]
    ChartNotLoaded {
        /// Name of the chart.
        name: String,
    },
    /// The chart cannot be rendered.
    #[error("chart {name} cannot be rendered: {source}")]
    Chart {
        /// Name of the chart.
        name: String,
        /// What went wrong.
        source: Box<gimlet_helm::RenderError>,
    },
    /// What was rendered is not YAML.
    #[error("{place} is not valid YAML: {message}")]
    Yaml {
        /// The template, or the field of the manifest.
        place: String,
        /// What the parser says.
        message: String,
    },
    /// What was rendered is not an object that Gimlet takes.
    #[error("{place}: {source}")]
    Object {
        /// The template, or the field of the manifest.
        place: String,
        /// What is wrong.
        source: ObjectError,
    },
    /// A patch was not applied.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// A plain Secret would end in git.
    #[error(
        "{object} would be readable by everyone who reads the gitops repository: use a SealedSecret \
         or an ExternalSecret, or set spec.render.allowSecrets on the environment"
    )]
    Secret {
        /// Which object.
        object: String,
    },
    /// An instruction for kustomize is among the objects.
    #[error(
        "{object} is an instruction for kustomize, not an object of a cluster: use strategicMergePatches or json6902Patches"
    )]
    Kustomize {
        /// Which object.
        object: String,
    },
    /// An object was rendered twice.
    #[error("{object} of {api_version} is there twice: remove one, or give it another name")]
    Duplicate {
        /// Which object.
        object: String,
        /// Its API version.
        api_version: String,
    },
    /// There is no object.
    #[error("nothing was rendered: an app needs at least one object; to remove it, delete the app")]
    Empty,
    /// The app has too many objects.
    #[error(
        "{count} objects were rendered, more than the {MAX_FILES} that an app may have: split it"
    )]
    TooMany {
        /// Number of objects.
        count: usize,
    },
    /// The files are too large.
    #[error(
        "the rendered files have {bytes} bytes, more than the {MAX_BYTES} that an app may have: split it"
    )]
    TooLarge {
        /// Size of all files.
        bytes: usize,
    },
}

impl RenderError {
    /// Names the fault for conditions, events and metrics.
    pub fn reason(&self) -> RenderReason {
        match self {
            Self::ChartNotLoaded { .. } => RenderReason::ChartNotLoaded,
            Self::Chart { .. } => RenderReason::ChartFailed,
            Self::Yaml { .. } | Self::Object { .. } | Self::Kustomize { .. } => {
                RenderReason::InvalidObject
            }
            Self::Patch(_) => RenderReason::PatchFailed,
            Self::Secret { .. } => RenderReason::SecretRefused,
            Self::Duplicate { .. } => RenderReason::DuplicateObject,
            Self::Empty => RenderReason::NothingRendered,
            Self::TooMany { .. } | Self::TooLarge { .. } => RenderReason::TooLarge,
        }
    }
}

/// Makes the files of an app. The same input gives the same bytes.
pub fn render(input: &RenderInput<'_>) -> Result<RenderedApp, RenderError> {
    let Made { objects, uses, sources, mut warnings } = make(input, input.seed, input.time)?;
    check(&objects, input.allow_secrets)?;
    if let Some(chart) = input.chart.filter(|_| !uses.is_empty()) {
        let drawn = Drawn { objects: &objects, uses: &uses, sources: &sources };
        warnings.extend(match make(input, other_seed(input.seed), other_time(input.time)) {
            Ok(second) => randomness::warnings(&drawn, &second.objects, chart),
            Err(error) => vec![format!("the next release may fail by chance: {error}")],
        });
    }
    let files = layout::files(&objects).map_err(|error| RenderError::Yaml {
        place: "the rendered app".to_owned(),
        message: error.to_string(),
    })?;
    let bytes = files.values().map(Vec::len).sum();
    if bytes > MAX_BYTES {
        return Err(RenderError::TooLarge { bytes });
    }
    Ok(RenderedApp { objects, files, warnings })
}

fn other_seed(seed: [u8; 32]) -> [u8; 32] {
    seed.map(|byte| !byte)
}

/// Returns a time that differs in year, month, day, hour, minute and second.
fn other_time(time: jiff::Timestamp) -> jiff::Timestamp {
    let later = jiff::SignedDuration::from_secs(400 * 86_400 + 7 * 3600 + 13 * 60 + 31);
    time.checked_add(later).or_else(|_| time.checked_sub(later)).unwrap_or(time)
}

/// The objects of an app, with what is known of their making.
struct Made {
    objects: Vec<Object>,
    uses: Vec<RandomUse>,
    /// Templates of the chart's objects, by identity.
    sources: BTreeMap<String, String>,
    warnings: Vec<String>,
}

fn make(
    input: &RenderInput<'_>,
    seed: [u8; 32],
    time: jiff::Timestamp,
) -> Result<Made, RenderError> {
    let namespace = input.manifest.namespace.as_str();
    let FromChart { objects: made, uses, mut warnings } = chart_objects(input, seed, time)?;
    let (templates, mut objects): (Vec<String>, Vec<Object>) = made.into_iter().unzip();
    // Patches may remove objects and reorder nothing, so a name finds the template again.
    let mut sources = BTreeMap::new();
    for (object, template) in objects.iter().zip(templates) {
        sources.insert(unplaced(object), template);
    }
    if let Some(text) = &input.manifest.manifests {
        objects.extend(read("manifests", text)?);
    }
    if let Some(patches) = &input.manifest.strategic_merge_patches {
        patch::apply_merge_patches(&mut objects, patches, namespace)?;
    }
    patch::apply_json_patches(&mut objects, &input.manifest.json6902_patches, namespace)?;
    place(&mut objects, namespace, &mut warnings);
    for object in &mut objects {
        label::set(object, input.app, input.environment)
            .map_err(|source| RenderError::Object { place: object.to_string(), source })?;
    }
    let sources = objects
        .iter()
        .filter_map(|object| {
            Some((layout::identity(object), sources.get(&unplaced(object))?.clone()))
        })
        .collect();
    Ok(Made { objects, uses, sources, warnings })
}

/// Names an object without its namespace, which it may not have got yet.
fn unplaced(object: &Object) -> String {
    format!("{}/{}/{}", object.group(), object.kind(), object.name())
}

/// What a chart gives, each object with its template.
#[derive(Default)]
struct FromChart {
    objects: Vec<(String, Object)>,
    uses: Vec<RandomUse>,
    warnings: Vec<String>,
}

fn chart_objects(
    input: &RenderInput<'_>,
    seed: [u8; 32],
    time: jiff::Timestamp,
) -> Result<FromChart, RenderError> {
    let Some(named) = &input.manifest.chart else { return Ok(FromChart::default()) };
    let Some(chart) = input.chart else {
        return Err(RenderError::ChartNotLoaded { name: named.name.clone() });
    };
    let options = RenderOptions {
        release_name: input.app.as_str().to_owned(),
        namespace: input.manifest.namespace.clone(),
        kube_version: input.kubernetes_version.to_owned(),
        api_versions: input.api_versions.to_vec(),
        // A chart that renders differently the first time would change with the second release.
        is_upgrade: false,
        include_crds: true,
        seed,
        now: time,
        ..RenderOptions::default()
    };
    let values = input.manifest.values.as_ref().map_or_else(Map::new, |values| values.0.clone());
    let rendered =
        gimlet_helm::render(chart, &Value::Object(values), &options).map_err(|source| {
            RenderError::Chart { name: chart.name().to_owned(), source: Box::new(source) }
        })?;
    let Rendered { manifests, hooks, crds, warnings: chart_warnings, random: uses, .. } = rendered;
    let mut warnings = Vec::new();
    let mut objects = Vec::new();
    let sourced = |source: &str, content: &str| -> Result<Vec<(String, Object)>, RenderError> {
        Ok(read(source, content)?.into_iter().map(|object| (source.to_owned(), object)).collect())
    };
    for document in crds.iter().chain(&manifests) {
        objects.extend(sourced(&document.source, &document.content)?);
    }
    for kept in hook::select(&hooks, named.hook_policy.unwrap_or_default(), &mut warnings) {
        for (source, mut object) in sourced(&kept.source, &kept.content)? {
            hook::convert(&mut object, &mut warnings);
            objects.push((source, object));
        }
    }
    warnings.extend(chart_warnings);
    warnings.extend(chart.provenance_files().into_iter().map(|path| {
        format!(
            "the chart has a provenance file, {path}, whose signature nobody has checked: what is \
             released is told by the chart's digest alone"
        )
    }));
    Ok(FromChart { objects, uses, warnings })
}

fn read(place: &str, text: &str) -> Result<Vec<Object>, RenderError> {
    let documents = yaml::documents(text).map_err(|error| RenderError::Yaml {
        place: place.to_owned(),
        message: error.to_string(),
    })?;
    documents
        .into_iter()
        .flat_map(object::flatten)
        .filter(|value| !value.is_null())
        .map(|value| {
            Object::new(value)
                .map_err(|source| RenderError::Object { place: place.to_owned(), source })
        })
        .collect()
}

/// Gives namespaced objects the namespace of the manifest, unless they name one.
fn place(objects: &mut [Object], namespace: &str, warnings: &mut Vec<String>) {
    let scopes = Scopes::from_objects(objects);
    for object in objects {
        let known = scopes.is_known_cluster_scoped(object.group(), object.kind());
        match object.namespace().map(str::to_owned) {
            Some(_) if known => object.remove_namespace(),
            Some(other) if other != namespace => {
                warnings.push(format!("{object} is not in the namespace {namespace}"));
            }
            Some(_) => {}
            None if scopes.is_namespaced(object.group(), object.kind()) => {
                object.set_namespace(namespace);
            }
            None => object.remove_namespace(),
        }
    }
}

fn check(objects: &[Object], allow_secrets: bool) -> Result<(), RenderError> {
    if objects.is_empty() {
        return Err(RenderError::Empty);
    }
    if objects.len() > MAX_FILES {
        return Err(RenderError::TooMany { count: objects.len() });
    }
    let mut seen = BTreeSet::new();
    for object in objects {
        if object.is_secret() && !allow_secrets {
            return Err(RenderError::Secret { object: object.to_string() });
        }
        if object.group() == "kustomize.config.k8s.io" {
            return Err(RenderError::Kustomize { object: object.to_string() });
        }
        if !seen.insert(layout::identity(object)) {
            return Err(RenderError::Duplicate {
                object: object.to_string(),
                api_version: object.api_version().to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
