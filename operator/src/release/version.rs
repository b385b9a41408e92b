//! What people call the version that a release makes an app.

use gimlet_crds::{DeployManifest, SourceVersion};

/// Returns what people call the version: what the release says, else the tag of the image, else
/// the version of the chart.
pub(super) fn label(
    source: Option<&SourceVersion>,
    resolved: &DeployManifest,
    chart: Option<&str>,
) -> Option<String> {
    let image_tag = || {
        let tag = resolved.values.as_ref()?.0.get("image")?.get("tag")?;
        tag.as_str().map(str::to_owned).filter(|tag| !tag.is_empty())
    };
    source
        .and_then(SourceVersion::label)
        .or_else(image_tag)
        .or_else(|| chart.map(|version| format!("chart {version}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_version_is_the_clearest_name_there_is() {
        let manifest: DeployManifest = serde_json::from_value(
            json!({"namespace": "x", "chart": {"name": "app"}, "values": {"image": {"tag": "1.2.0"}}}),
        )
        .unwrap();
        let version = |facts| serde_json::from_value::<SourceVersion>(facts).unwrap();
        let tagged = version(json!({"tag": "v1", "sha": "abcdef0123"}));
        assert_eq!(label(Some(&tagged), &manifest, None).as_deref(), Some("v1"));
        let sha = version(json!({"sha": "abcdef0123"}));
        assert_eq!(label(Some(&sha), &manifest, None).as_deref(), Some("abcdef0"));
        assert_eq!(label(None, &manifest, Some("3")).as_deref(), Some("1.2.0"));
        assert_eq!(label(None, &DeployManifest::default(), Some("3")).as_deref(), Some("chart 3"));
    }
}
