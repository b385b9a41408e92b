//! Where an app can be reached.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use kube::core::DynamicObject;

use super::fact::{self, Seen};
use super::key::Kind;
use crate::protocol::Link;

/// Addresses that are told of one object.
const MOST: usize = 20;

/// Reads a Service; those that are only for the cluster lead nowhere.
pub(super) fn service(object: &Service) -> Seen {
    let ports = object.spec.as_ref().and_then(|spec| spec.ports.as_ref());
    let port = ports.and_then(|ports| ports.first()).map_or(80, |port| port.port);
    let balancer = object.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let hosts =
        balancer.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten().filter_map(
            |ingress| {
                // An IPv6 address stands in brackets.
                let ip = ingress
                    .ip
                    .as_ref()
                    .map(|ip| if ip.contains(':') { format!("[{ip}]") } else { ip.clone() });
                ingress.hostname.clone().or(ip)
            },
        );
    let urls = hosts.map(|host| match port {
        80 => format!("http://{host}"),
        443 => format!("https://{host}"),
        _ => format!("http://{host}:{port}"),
    });
    let name = object.metadata.name.as_deref().unwrap_or_default();
    fact::links(Kind::Service, &object.metadata, links(Kind::Service, name, urls))
}

/// Reads an Ingress.
pub(super) fn ingress(object: &Ingress) -> Seen {
    let spec = object.spec.clone().unwrap_or_default();
    let tls: Vec<String> =
        spec.tls.into_iter().flatten().flat_map(|tls| tls.hosts.unwrap_or_default()).collect();
    let urls = spec.rules.into_iter().flatten().filter_map(|rule| {
        let host = rule.host?;
        let paths = rule.http.map(|http| http.paths).unwrap_or_default();
        let path =
            paths.iter().filter_map(|path| path.path.as_deref()).min_by_key(|path| path.len());
        let secure = tls.iter().any(|name| covers(name, &host));
        Some(url(secure, &host, path.unwrap_or_default()))
    });
    let name = object.metadata.name.as_deref().unwrap_or_default();
    fact::links(Kind::Ingress, &object.metadata, links(Kind::Ingress, name, urls))
}

/// Reads an HTTPRoute.
pub(super) fn route(object: &DynamicObject) -> Seen {
    let spec = &object.data["spec"];
    let items = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    // Without a look at the Gateway, only its listener's name or port tell that there is no TLS.
    let secure = items(&spec["parentRefs"]).iter().all(|parent| {
        let section = parent["sectionName"].as_str().unwrap_or_default();
        let plain = section.contains("http") && !section.contains("https");
        !plain && parent["port"].as_i64() != Some(80)
    });
    let hosts = items(&spec["hostnames"]);
    let urls = hosts.iter().filter_map(|host| Some(url(secure, host.as_str()?, "")));
    let name = object.metadata.name.as_deref().unwrap_or_default();
    fact::links(Kind::HttpRoute, &object.metadata, links(Kind::HttpRoute, name, urls))
}

fn links(kind: Kind, name: &str, urls: impl Iterator<Item = String>) -> Vec<Link> {
    let link = |url| Link { kind: kind.name().to_owned(), name: name.to_owned(), url };
    urls.take(MOST).map(link).collect()
}

fn url(secure: bool, host: &str, path: &str) -> String {
    let scheme = if secure { "https" } else { "http" };
    // A pattern of an ingress controller is no path.
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b));
    let path = if plain { path.trim_end_matches('/') } else { "" };
    format!("{scheme}://{host}{path}")
}

/// Whether a certificate's name is that of a host.
fn covers(name: &str, host: &str) -> bool {
    name == host
        || name
            .strip_prefix("*.")
            .is_some_and(|domain| host.split_once('.').is_some_and(|(_, parent)| parent == domain))
}
