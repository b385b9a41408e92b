//! The files of `<path>/flux_components/`: what makes Flux install the platform's charts.
//!
//! They have a folder and a Kustomization of their own, so that a cluster without the kinds of
//! Flux' helm-controller goes on applying apps. No app can be called as the folder is.

use gimlet_crds::{Component, Environment};
use serde_json::{Value, json};

use crate::flux::{APPLY_INTERVAL, FluxEnv, bytes};

/// Folder of the components, beside those of the apps.
pub const COMPONENT_FOLDER: &str = "flux_components";
/// File of the Kustomization that applies that folder, in the folder of Flux' objects.
pub const COMPONENT_ROOT: &str = "gimlet-components.yaml";

/// How the files of components begin.
const PREFIX: &str = "component-";
/// The media type by which a registry keeps charts.
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Makes the file of a component: its source and its release.
pub fn component_file(env: &FluxEnv, component: &Component) -> (String, Vec<u8>) {
    let Component { name, chart, namespace, values } = component;
    let object_name = format!("{}-{name}", env.environment);
    let metadata = env.metadata(&object_name, None);
    let is_oci = chart.repository.starts_with("oci://");
    let source = if is_oci {
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository",
            "metadata": metadata,
            "spec": {
                "interval": APPLY_INTERVAL,
                "url": format!("{}/{}", chart.repository.trim_end_matches('/'), chart.name),
                "ref": {"semver": chart.version},
                "layerSelector": {"mediaType": CHART_LAYER, "operation": "copy"},
            },
        })
    } else {
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository",
            "metadata": metadata,
            "spec": {"interval": APPLY_INTERVAL, "url": chart.repository},
        })
    };
    let mut spec = json!({
        "interval": APPLY_INTERVAL,
        "releaseName": name,
        "targetNamespace": namespace,
        "storageNamespace": namespace,
        "install": {"createNamespace": true, "remediation": {"retries": 3}},
        "upgrade": {"remediation": {"retries": 3}},
    });
    if is_oci {
        spec["chartRef"] = json!({"kind": "OCIRepository", "name": object_name});
    } else {
        spec["chart"] = json!({"spec": {
            "chart": chart.name, "version": chart.version,
            "sourceRef": {"kind": "HelmRepository", "name": object_name},
        }});
    }
    if let Some(values) = values.as_ref().filter(|values| !values.0.is_empty()) {
        spec["values"] = Value::Object(values.0.clone());
    }
    let release = json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": metadata, "spec": spec,
    });
    let mut data = bytes(&source);
    data.extend_from_slice(b"---\n");
    data.extend(bytes(&release));
    (format!("{PREFIX}{name}.yaml"), data)
}

/// Makes the file of the Kustomization that applies the components; it does not wait for them.
pub fn component_root_file(env: &FluxEnv) -> (String, Vec<u8>) {
    let metadata = env.metadata(&format!("{}-components", env.name()), None);
    let object = env.kustomization(&metadata, &env.folder(COMPONENT_FOLDER), false);
    (COMPONENT_ROOT.to_owned(), bytes(&object))
}

/// Makes the files of all components of an environment.
pub fn component_files(env: &FluxEnv, environment: &Environment) -> Vec<(String, Vec<u8>)> {
    environment.spec.components.iter().map(|component| component_file(env, component)).collect()
}

/// Tells whether a file of the folder is one of a component, and not a person's.
pub fn is_component_file(name: &str) -> bool {
    name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(".yaml")).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(path: &str) -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment",
            "metadata": {"name": "staging", "namespace": "team"},
            "spec": {
                "gitops": {"url": "https://git.example.com/acme/gitops.git", "path": path},
                "components": [
                    {"name": "ingress", "namespace": "ingress", "values": {"z": 1, "a": {"b": "yes"}},
                     "chart": {"repository": "https://charts.example.com", "name": "traefik", "version": "~1.2"}},
                    {"name": "metrics", "namespace": "metrics",
                     "chart": {"repository": "oci://registry.example.com/charts/", "name": "prometheus", "version": "2.0.0"}},
                ],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_chart_of_a_repository_and_one_of_a_registry() {
        let environment = environment("staging");
        let env = FluxEnv::of(&environment).unwrap();
        let mut files = component_files(&env, &environment);
        files.push(component_root_file(&env));
        let texts = files
            .iter()
            .map(|(name, data)| format!("# {name}\n{}", std::str::from_utf8(data).unwrap()));
        insta::assert_snapshot!(texts.collect::<String>());
    }

    #[test]
    fn no_app_is_called_as_their_folder_and_files_of_people_are_told_apart() {
        assert!(gimlet_crds::name::AppName::parse(COMPONENT_FOLDER).is_err());
        assert!(is_component_file("component-ingress.yaml"));
        for mine in ["README.md", "ingress.yaml", "component-ingress.yml", "my-component-x.yaml"] {
            assert!(!is_component_file(mine), "{mine}");
        }
    }
}
