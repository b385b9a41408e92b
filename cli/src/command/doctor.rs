//! `doctor`: looks for the usual faults, and says what to do.

mod definitions;
mod operator;
mod places;
mod server;

use clap::Args;

use super::check::{self, Check};
use crate::args::Global;
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish};
use crate::output::Format;

/// Look for the usual faults, and say what to do
///
/// Asks the cluster, in this order: can it be reached, do the clocks agree, who are you, are the definitions
/// there and of this version, what may you do, does an operator work, and do the environments and
/// repositories of the namespace. Nothing is changed. What you may not see is marked with ?.
/// Exits with 1 if something is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet doctor
  gimlet doctor -n team-shop -o json")]
pub(crate) struct DoctorArgs {
    /// Namespace of the operator
    #[arg(
        long,
        value_name = "NAME",
        default_value = "gimlet-system",
        env = "GIMLET_OPERATOR_NAMESPACE",
        hide_env_values = true
    )]
    operator_namespace: String,
    /// Name of the operator's Lease
    #[arg(long, value_name = "NAME", default_value = "gimlet-operator")]
    lease: String,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

pub(super) async fn run(args: &DoctorArgs, global: &Global) -> Result<Finish, CommandError> {
    let checks = examine(args, global).await;
    check::report(&checks, args.output)
}

/// Makes the checks in their order; those that cannot be made any more are left out.
async fn examine(args: &DoctorArgs, global: &Global) -> Vec<Check> {
    let cluster = match Cluster::connect(global).await {
        Ok(cluster) => cluster,
        Err(error) => {
            let next = error.next().unwrap_or("gimlet config view");
            return vec![Check::wrong("cluster", error.message(), next)];
        }
    };
    let (mut checks, reached) = server::examine(&cluster).await;
    if !reached {
        return checks;
    }
    checks.push(server::person(&cluster).await);
    let (found, installed) = definitions::examine(&cluster).await;
    checks.extend(found);
    if installed {
        checks.extend(server::rights(&cluster).await);
    }
    checks.push(operator::lease(&cluster, &args.operator_namespace, &args.lease).await);
    if installed {
        let seen = places::look(&cluster).await;
        checks.extend(operator::features(&cluster, &args.operator_namespace, &seen).await);
        checks.extend(places::judge(&cluster.namespace, &seen));
    }
    checks
}
