//! What a URL says about the place that it leads to.

use std::net::IpAddr;

use url::{Host, Url};

/// Tells whether a URL means this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Returns the address that stands in a URL in the place of a name.
pub fn literal(url: &Url) -> Option<IpAddr> {
    match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => None,
    }
}

/// Returns host and port for messages, without anything else that the URL holds.
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_the_one_name_mean_this_machine() {
        let loopback = |text: &str| is_loopback(&Url::parse(text).unwrap());
        for text in ["http://localhost/", "http://LOCALHOST:1/", "http://127.1/", "http://[::1]/"] {
            assert!(loopback(text), "{text}");
        }
        for text in ["http://localhost.example.com/", "http://10.0.0.1/", "file:///localhost"] {
            assert!(!loopback(text), "{text}");
        }
    }

    #[test]
    fn a_message_gets_neither_path_nor_credentials() {
        let shown = |text: &str| host_of(&Url::parse(text).unwrap());
        assert_eq!(shown("https://me:word@example.com/a?b"), "example.com");
        assert_eq!(shown("https://example.com:8443/"), "example.com:8443");
    }
}
