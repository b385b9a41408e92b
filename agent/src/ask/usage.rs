//! What the pods of an app use of processor and memory, where something in the cluster measures it.

use std::collections::BTreeSet;

use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use serde::Deserialize;

use super::answering::Answering;
use super::refused::Refused;
use crate::cluster::Cluster;
use crate::protocol::{Answer, PodUsage, Refusal};

/// The API by which a metrics server says what pods use.
const METRICS: &str = "metrics.k8s.io/v1beta1";
/// Pods that are told.
const MOST: usize = 1_000;

/// What is measured of a namespace: no more is read than is told.
#[derive(Clone, Debug, Deserialize)]
struct Measured {
    items: Vec<OfPod>,
}

#[derive(Clone, Debug, Deserialize)]
struct OfPod {
    metadata: Named,
    #[serde(default)]
    containers: Vec<OfContainer>,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct OfContainer {
    usage: Usage,
}

#[derive(Clone, Debug, Deserialize)]
struct Usage {
    #[serde(default)]
    cpu: String,
    #[serde(default)]
    memory: String,
}

/// Tells what the pods of an app use; nothing where nobody measures it.
pub(super) async fn of_app(
    client: &Client,
    cluster: &Cluster,
    app: &str,
    answering: &Answering,
) -> Result<(), Refused> {
    let members = cluster.members(app);
    if members.is_empty() {
        return Err(Refused::new(Refusal::NotFound, format!("the app {app} does not run here")));
    }
    let pods = || members.iter().filter(|member| member.kind == "Pod");
    let namespaces: BTreeSet<_> = pods().map(|pod| pod.namespace.as_str()).collect();
    let mut told = Vec::new();
    for namespace in namespaces {
        let Some(measured) = read(client, namespace).await? else { return Ok(()) };
        let own: BTreeSet<_> =
            pods().filter(|pod| pod.namespace == namespace).map(|pod| pod.name.as_str()).collect();
        let own = measured.items.iter().filter(|pod| own.contains(pod.metadata.name.as_str()));
        told.extend(own.map(sum));
    }
    told.truncate(MOST);
    answering.send([Answer::Usage { pods: told }]).await
}

async fn read(client: &Client, namespace: &str) -> Result<Option<Measured>, Refused> {
    let path = format!("/apis/{METRICS}/namespaces/{namespace}/pods");
    let request = Request::new(path).list(&ListParams::default());
    let request = request.map_err(|error| Refused::new(Refusal::Failed, error.to_string()))?;
    match client.request(request).await {
        Ok(measured) => Ok(Some(measured)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => {
            // An API that is not there is forbidden to whoever has no right to all.
            match client.list_api_group_resources(METRICS).await {
                Err(absent) if is_absent(&absent) => Ok(None),
                _ => Err(error.into()),
            }
        }
    }
}

/// Tells whether there is no such API, or what serves it is not there.
fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 404 | 503))
}

fn sum(pod: &OfPod) -> PodUsage {
    let add = |of: fn(&Usage) -> &str, unit: u128| {
        let billionths: u128 =
            pod.containers.iter().filter_map(|container| billionths(of(&container.usage))).sum();
        u64::try_from(billionths / unit).unwrap_or(u64::MAX)
    };
    PodUsage {
        pod: pod.metadata.name.clone(),
        cpu: add(|usage| &usage.cpu, BILLION / 1_000),
        memory: add(|usage| &usage.memory, BILLION),
    }
}

const BILLION: u128 = 1_000_000_000;

/// Reads a quantity of Kubernetes, such as `12345678n`, `250m`, `1.5` or `34512Ki`, in billionths.
fn billionths(quantity: &str) -> Option<u128> {
    let end = quantity.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(quantity.len());
    let (number, suffix) = quantity.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction));
    let number =
        whole.parse::<u64>().ok().map(u128::from)? * BILLION + fraction.parse::<u128>().ok()?;
    let (by, of) = match suffix {
        "n" => (1, BILLION),
        "u" => (1, 1_000_000),
        "m" => (1, 1_000),
        "" => (1, 1),
        "k" => (1_000, 1),
        "M" => (1_000_000, 1),
        "G" => (BILLION, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        _ => return None,
    };
    number.checked_mul(by).map(|number| number / of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("2", Some(2 * BILLION)),
            ("1.5", Some(BILLION * 3 / 2)),
            ("12345678n", Some(12_345_678)),
            ("250m", Some(BILLION / 4)),
            ("7u", Some(7_000)),
            ("34512Ki", Some(34_512 * 1_024 * BILLION)),
            ("2Gi", Some((2 << 30) * BILLION)),
            ("5M", Some(5_000_000 * BILLION)),
            ("", None),
            ("-1", None),
            ("much", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(billionths(text), expected, "{text}");
        }
    }
}
