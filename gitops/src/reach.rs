//! Addresses that no repository is read from or written to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use gimlet_outbound::{Pinned, Reach, Refused};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::TcpStream;
use url::Url;

use crate::error::{GitError, GitErrorKind};

/// Says why a host is not contacted, if it is an address and not a name.
pub(crate) fn refuses(reach: Reach, host: &str) -> Option<Refused> {
    host.trim_matches(['[', ']']).parse().ok().and_then(|address| reach.refuses(address))
}

/// Variables that name a proxy for git over HTTP.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Finds the addresses of names.
#[async_trait]
pub(crate) trait Names: Send + Sync {
    /// Returns the addresses of a name.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The names that the system knows.
pub(crate) struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Looks where a server's name leads, and refuses one that leads to an address that is not contacted.
///
/// The git program would look again by itself, and might be told another address then: what is
/// returned is what it has to connect to. None is returned for what is an address already, and for
/// a name that only a proxy knows.
pub(crate) async fn look(
    reach: Reach,
    url: &str,
    names: &dyn Names,
) -> Result<Option<Pinned>, GitError> {
    let Ok(parsed) = Url::parse(url) else { return Ok(None) };
    let Some(name) = parsed.domain().filter(|name| !name.is_empty()) else { return Ok(None) };
    if name.parse::<IpAddr>().is_ok() {
        return Ok(None);
    }
    let over_http = matches!(parsed.scheme(), "https" | "http");
    let addresses = names.addresses(name).await.unwrap_or_default();
    if addresses.is_empty() {
        let by_proxy = over_http && PROXIES.iter().any(|name| std::env::var_os(name).is_some());
        let said = format!("{url}: could not resolve {name}: check the address and the DNS");
        return if by_proxy {
            Ok(None)
        } else {
            Err(GitError::new(GitErrorKind::Unreachable, said))
        };
    }
    if let Some(what) = addresses.iter().find_map(|address| reach.refuses(*address)) {
        return Err(refused(url, what));
    }
    let port = parsed.port_or_known_default().unwrap_or(22);
    Ok(Some(Pinned { name: name.to_owned(), port, addresses }))
}

/// Returns the first address that takes connections, where there is a choice: ssh is given one.
pub(crate) async fn answering(pinned: &Pinned, connect: Duration) -> Option<IpAddr> {
    let Pinned { name: _, port, addresses } = pinned;
    if addresses.len() > 1 {
        for address in addresses {
            let stream = TcpStream::connect((*address, *port));
            if tokio::time::timeout(connect, stream).await.is_ok_and(|made| made.is_ok()) {
                return Some(*address);
            }
        }
    }
    addresses.first().copied()
}

/// Says that a repository is at a place that is not contacted.
pub(crate) fn refused(url: &str, what: Refused) -> GitError {
    GitError::new(
        GitErrorKind::Invalid,
        format!("{url} leads to {what}, which is not contacted: {}", what.advice()),
    )
}

/// The system's resolver without the addresses that are not contacted.
pub(crate) struct GuardedResolver(pub(crate) Reach);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self(reach) = *self;
        Box::pin(async move {
            let (mut kept, mut refused) = (Vec::<SocketAddr>::new(), None);
            for address in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match reach.refuses(address.ip()) {
                    None => kept.push(address),
                    Some(what) => refused = Some(what),
                }
            }
            match refused {
                Some(what) if kept.is_empty() => Err(what.into()),
                _ => Ok(Box::new(kept.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_is_contacted_by_its_name_only_where_that_is_allowed() {
        let url = "https://localhost/acme/gitops";
        let found = look(Reach::WITH_LOOPBACK, url, &SystemNames).await.unwrap().unwrap();
        assert!(found.addresses.iter().all(IpAddr::is_loopback));
        let error = look(Reach::default(), url, &SystemNames).await.unwrap_err();
        assert!(error.to_string().contains("this machine, which is not contacted"), "{error}");
        assert!(error.to_string().contains("--allow-loopback"), "{error}");
        let name: Name = "localhost".parse().unwrap();
        let error = GuardedResolver(Reach::default()).resolve(name).await.err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&Refused::Loopback));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_metadata_service_is_refused() {
        // Resolvers read a number as an address.
        let url = "ssh://git@2852039166/acme/gitops";
        let error = look(Reach::WITH_LOOPBACK, url, &SystemNames).await.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Invalid);
        assert!(error.to_string().contains("metadata address"), "{error}");
        let name: Name = "2852039166".parse().unwrap();
        let error = GuardedResolver(Reach::WITH_LOOPBACK).resolve(name).await.err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&Refused::LinkLocal));
    }

    #[tokio::test]
    async fn what_is_an_address_or_unknown_is_not_pinned() {
        for url in ["https://192.0.2.1/a", "ssh://git@192.0.2.1/a", "ssh://git@[2001:db8::1]/a"] {
            assert_eq!(look(Reach::default(), url, &SystemNames).await.unwrap(), None, "{url}");
        }
        // Its address could be any when git looks for it.
        let url = "ssh://git@no-such-name.invalid/acme/gitops";
        let error = look(Reach::default(), url, &SystemNames).await.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Unreachable);
    }

    #[tokio::test]
    async fn of_several_addresses_one_that_answers_is_taken() {
        let listener = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = ["127.0.0.3", "127.0.0.2"].map(|text| text.parse().unwrap());
        let mut pinned =
            Pinned { name: "git.example.com".into(), port, addresses: addresses.into() };
        let second = Duration::from_secs(1);
        assert_eq!(answering(&pinned, second).await, Some(addresses[1]));
        drop(listener);
        assert_eq!(answering(&pinned, second).await, Some(addresses[0]), "ssh says what is wrong");
        pinned.addresses.clear();
        assert_eq!(answering(&pinned, second).await, None);
    }

    #[test]
    fn a_metadata_service_is_refused_by_its_address() {
        for host in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"] {
            assert_eq!(refuses(Reach::WITH_LOOPBACK, host), Some(Refused::LinkLocal), "{host}");
        }
        assert_eq!(refuses(Reach::default(), "git.example.com"), None);
    }
}
