//! What people call the version that a release makes an app, and the variables that come of it.

use gimlet_crds::{DeployManifest, Environment, Release, SourceVersion};
use gimlet_manifest::Vars;
use kube::ResourceExt;

/// Returns the variables of a release. Later ones win: the environment's, the facts of the source
/// commit, the names of app and environment, the release's own.
pub(super) fn variables(release: &Release, environment: &Environment) -> Vars {
    let mut vars = environment.spec.vars.clone();
    if let Some(version) = &release.spec.version {
        vars.extend(version.variables());
    }
    vars.insert("APP".into(), release.spec.app.clone());
    vars.insert("ENV".into(), environment.name_any());
    vars.extend(release.spec.vars.clone());
    vars
}

/// Returns what people call the version: what the release says, else the tag of the image, else
/// the version of the chart.
pub(super) fn label(
    release: &Release,
    resolved: &DeployManifest,
    chart: Option<&str>,
) -> Option<String> {
    let image_tag = || {
        let tag = resolved.values.as_ref()?.0.get("image")?.get("tag")?;
        tag.as_str().map(str::to_owned).filter(|tag| !tag.is_empty())
    };
    release
        .spec
        .version
        .as_ref()
        .and_then(SourceVersion::label)
        .or_else(image_tag)
        .or_else(|| chart.map(|version| format!("chart {version}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(spec: &serde_json::Value) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": "r"}, "spec": spec
        }))
        .unwrap()
    }

    #[test]
    fn a_release_overrules_the_environment() {
        let environment: Environment = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging"},
            "spec": {"gitops": {"url": "https://x/y"}, "vars": {"A": "env", "B": "env", "APP": "no"}}
        }))
        .unwrap();
        let release = release(&json!({
            "app": "shop", "environment": "staging", "vars": {"A": "release"},
            "version": {"sha": "abc", "repository": "acme/shop"}
        }));
        let vars = variables(&release, &environment);
        let get = |name: &str| vars.get(name).map(String::as_str);
        assert_eq!(get("A"), Some("release"));
        assert_eq!(get("B"), Some("env"));
        assert_eq!(get("APP"), Some("shop"));
        assert_eq!(get("ENV"), Some("staging"));
        assert_eq!(get("SHA"), Some("abc"));
        assert_eq!(get("OWNER"), Some("acme"));
        assert_eq!(get("TAG"), None);
    }

    #[test]
    fn the_version_is_the_clearest_name_there_is() {
        let manifest: DeployManifest = serde_json::from_value(
            json!({"namespace": "x", "chart": {"name": "app"}, "values": {"image": {"tag": "1.2.0"}}}),
        )
        .unwrap();
        let named = release(
            &json!({"app": "a", "environment": "e", "version": {"tag": "v1", "sha": "abcdef0123"}}),
        );
        assert_eq!(label(&named, &manifest, None).as_deref(), Some("v1"));
        let sha =
            release(&json!({"app": "a", "environment": "e", "version": {"sha": "abcdef0123"}}));
        assert_eq!(label(&sha, &manifest, None).as_deref(), Some("abcdef0"));
        let plain = release(&json!({"app": "a", "environment": "e"}));
        assert_eq!(label(&plain, &manifest, Some("3")).as_deref(), Some("1.2.0"));
        assert_eq!(
            label(&plain, &DeployManifest::default(), Some("3")).as_deref(),
            Some("chart 3")
        );
    }
}
