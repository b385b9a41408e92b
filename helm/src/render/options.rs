//! What a render depends on besides the chart and its values.

use jiff::Timestamp;

use crate::engine::Limits;

/// The Helm whose output a render has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HelmVersion {
    /// Helm 3.
    #[default]
    V3,
    /// Helm 4: documents keep their line ends, webhooks come last, nulls of defaults are dropped.
    V4,
}

/// What a render depends on besides the chart and its values.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of helm template, each on its own")]
pub struct RenderOptions {
    /// The Helm whose output is wanted.
    pub helm: HelmVersion,
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
            helm: HelmVersion::default(),
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
