//! `version`: what this program is, and what the cluster has.

use clap::Args;
use gimlet_crds::{GROUP, VERSION};
use serde_json::{Value, json};

use crate::args::Global;
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish};
use crate::output::{self, Format};

/// Kinds that have to be there.
const KINDS: [&str; 8] = [
    "App",
    "Approval",
    "Artifact",
    "ConfigChange",
    "Environment",
    "Release",
    "ReleaseSet",
    "Repository",
];

/// Show the version
///
/// With -o json or yaml also whether the kinds of Gimlet are in the cluster.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet version
  gimlet version -o json")]
pub(crate) struct VersionArgs {
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

pub(super) async fn run(args: &VersionArgs, global: &Global) -> Result<Finish, CommandError> {
    let version = env!("CARGO_PKG_VERSION");
    if !matches!(args.output, Format::Json | Format::Yaml) {
        output::print(&format!("gimlet {version}\n"))?;
        return Ok(Finish::Done);
    }
    let report = json!({"client": {"version": version}, "server": server(global).await});
    output::print(&output::object(&report, args.output)?)?;
    Ok(Finish::Done)
}

/// Tells what the cluster has. That it cannot be asked is an answer, too.
async fn server(global: &Global) -> Value {
    let api_version = format!("{GROUP}/{VERSION}");
    let cluster = match Cluster::connect(global).await {
        Ok(cluster) => cluster,
        Err(error) => return json!({"error": error.message()}),
    };
    match cluster.client.list_api_group_resources(&api_version).await {
        Ok(found) => {
            let kinds: Vec<&str> = KINDS
                .into_iter()
                .filter(|kind| found.resources.iter().any(|resource| resource.kind == *kind))
                .collect();
            json!({"installed": kinds.len() == KINDS.len(), "apiVersion": api_version, "kinds": kinds})
        }
        Err(kube::Error::Api(status)) if status.is_not_found() => json!({"installed": false}),
        Err(error) => {
            json!({"error": cluster.request("list", "kinds", None).failed(&error).message()})
        }
    }
}
