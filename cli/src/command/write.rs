//! Objects created and changed, tried first where that was asked for, and told of.

use clap::{Args, ValueEnum};
use gimlet_crds::{GROUP, VERSION, labels};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::row::Row;
use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::output::{self, Format};

/// Ways to try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum DryRun {
    /// Do it
    #[default]
    None,
    /// Show the object; no cluster is needed
    Client,
    /// Let the API server judge the object
    Server,
}

/// Flags of whatever writes an object.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct WriteArgs {
    /// Change nothing: show what would be sent (client), or let the API server judge it (server)
    #[arg(long, value_name = "WHERE", default_value = "none")]
    pub(super) dry_run: DryRun,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub(super) output: Format,
}

impl WriteArgs {
    /// Shows what would be sent, and nothing else.
    pub(super) fn show(&self, object: &impl serde::Serialize) -> Result<(), CommandError> {
        let format = if self.output == Format::Json { Format::Json } else { Format::Yaml };
        output::print(&output::object(object, format)?)
    }

    /// Creates an object, or has the API server judge it.
    pub(super) async fn create<K: Row>(
        &self,
        cluster: &Cluster,
        object: &K,
    ) -> Result<K, CommandError> {
        let params = PostParams {
            dry_run: self.dry_run == DryRun::Server,
            field_manager: Some(labels::CLI.to_owned()),
        };
        cluster
            .api::<K>()
            .create(&params, object)
            .await
            .map_err(|error| cluster.request("create", K::PLURAL, None).failed(&error))
    }

    /// Changes some fields of an object's spec, or has the API server judge the change.
    pub(super) async fn patch<K: Row>(
        &self,
        cluster: &Cluster,
        name: &str,
        spec: &Value,
    ) -> Result<K, CommandError> {
        let params = PatchParams {
            dry_run: self.dry_run == DryRun::Server,
            field_manager: Some(labels::CLI.to_owned()),
            ..PatchParams::default()
        };
        cluster
            .api::<K>()
            .patch(name, &params, &Patch::Merge(json!({"spec": spec})))
            .await
            .map_err(|error| cluster.request("patch", K::PLURAL, Some(name)).failed(&error))
    }

    /// Tells what became of an object.
    pub(super) fn tell<K: Row>(&self, object: &K, became: &str) -> Result<(), CommandError> {
        match self.output {
            Format::Table | Format::Wide => {
                let tried = self.dry_run == DryRun::Server;
                let note = if tried { " (server dry run)" } else { "" };
                output::print(&format!("{} {became}{note}\n", object.path()))
            }
            Format::Name => output::print(&format!("{}\n", object.path())),
            Format::Json | Format::Yaml => output::print(&output::object(object, self.output)?),
        }
    }

    /// Tells the next step to a person, who did not ask for an object.
    pub(super) fn hint(&self, text: &str) {
        if self.output == Format::Table && self.dry_run == DryRun::None {
            output::note(&format!("hint: {text}"));
        }
    }
}

/// Makes an object of the fields of a change alone, as `kubectl apply --server-side` takes it.
pub(super) fn partial<K: Row>(namespace: Option<&str>, name: &str, spec: &Value) -> Value {
    let mut metadata = json!({"name": name});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"), "kind": K::kind(&()),
        "metadata": metadata, "spec": spec,
    })
}

/// Fetches an object.
pub(super) async fn fetch<K: Row>(cluster: &Cluster, name: &str) -> Result<K, CommandError> {
    cluster
        .api::<K>()
        .get(name)
        .await
        .map_err(|error| cluster.request("get", K::PLURAL, Some(name)).failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimlet_crds::App;

    #[test]
    fn a_change_is_shown_as_an_object_of_its_fields() {
        let object = partial::<App>(Some("team"), "shop.staging", &json!({"lock": null}));
        let expected = json!({"apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": "shop.staging", "namespace": "team"}, "spec": {"lock": null}});
        assert_eq!(object, expected);
        assert_eq!(partial::<App>(None, "a", &json!({}))["metadata"], json!({"name": "a"}));
    }
}
