//! `whoami`: who the cluster takes a person for, and what they may do.

use clap::Args;
use clap::builder::styling::AnsiColor;
use k8s_openapi::api::authentication::v1::UserInfo;
use serde_json::{Map, Value, json};

use crate::access::{KINDS, Right, VERBS, rights};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish};
use crate::output::{self, Cell, Format};

/// Show who you are, and what you may do in the namespace
///
/// It is what the cluster answers: nothing is read from the kubeconfig.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet whoami
  gimlet whoami -n production -o json
  gimlet whoami --as jane")]
pub(crate) struct WhoamiArgs {
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

pub(super) async fn run(args: &WhoamiArgs, global: &Global) -> Result<Finish, CommandError> {
    let cluster = Cluster::connect(global).await?;
    let failed =
        |error: kube::Error| cluster.request("create", "access reviews", None).failed(&error);
    // A server may pass on the kinds of Gimlet and nothing else: then nobody tells.
    let who = told(cluster.who().await).map_err(failed)?.flatten().unwrap_or_default();
    let rights = told(rights(&cluster).await).map_err(failed)?.unwrap_or_default();
    let text = match args.output {
        Format::Json | Format::Yaml => {
            output::object(&report(&who, &cluster, &rights), args.output)?
        }
        Format::Name => format!("{}\n", who.username.unwrap_or_default()),
        Format::Table | Format::Wide => {
            format!("{}\n{}", heading(&who, &cluster), table(&rights))
        }
    };
    output::print(&text)?;
    Ok(Finish::Done)
}

fn told<T>(answer: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn report(who: &UserInfo, cluster: &Cluster, rights: &[Right]) -> Value {
    let mut kinds = Map::new();
    for right in rights {
        kinds.entry(right.kind).or_insert_with(|| json!({}))[right.verb] = right.allowed.into();
    }
    json!({"username": who.username, "groups": who.groups, "cluster": cluster.server(),
        "namespace": cluster.namespace, "rights": kinds})
}

fn heading(who: &UserInfo, cluster: &Cluster) -> String {
    let name = who.username.clone().unwrap_or_else(|| "the server does not tell".to_owned());
    let groups = who.groups.clone().unwrap_or_default().join(", ");
    output::table(
        None,
        &[
            vec!["you".into(), name.into()],
            vec!["groups".into(), groups.into()],
            vec!["cluster".into(), cluster.server().into()],
            vec!["namespace".into(), cluster.namespace.as_str().into()],
        ],
    )
}

fn table(rights: &[Right]) -> String {
    let cell = |kind: &str, verb: &str| {
        // A decision is not changed and not taken back, whatever the rights are.
        if kind == "approvals" && matches!(verb, "patch" | "delete") {
            return Cell::default();
        }
        let found = rights.iter().find(|right| right.kind == kind && right.verb == verb);
        match found.map(|right| right.allowed) {
            Some(true) => Cell::colored("✓", AnsiColor::Green),
            Some(false) => Cell::colored("✕", AnsiColor::Red),
            None => Cell::from("?"),
        }
    };
    let rows: Vec<Vec<Cell>> = KINDS
        .into_iter()
        .map(|kind| {
            std::iter::once(Cell::from(kind)).chain(VERBS.map(|verb| cell(kind, verb))).collect()
        })
        .collect();
    output::table(Some(&["KIND", "READ", "CREATE", "CHANGE", "DELETE"]), &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn rights_are_a_table_of_kinds() {
        let rights: Vec<Right> = KINDS
            .into_iter()
            .flat_map(|kind| VERBS.map(|verb| (kind, verb)))
            .map(|(kind, verb)| Right { kind, verb, allowed: verb == "list" || kind == "releases" })
            .collect();
        assert_snapshot!(anstream::adapter::strip_str(&table(&rights)).to_string());
    }
}
