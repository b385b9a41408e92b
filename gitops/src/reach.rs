//! Addresses that no repository is read from or written to.

use std::net::SocketAddr;

use gimlet_outbound::{Reach, Refused};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::error::{GitError, GitErrorKind};

/// Says why a host is not contacted, if it is an address and not a name.
pub(crate) fn refuses(reach: Reach, host: &str) -> Option<Refused> {
    host.trim_matches(['[', ']']).parse().ok().and_then(|address| reach.refuses(address))
}

/// Refuses a server whose name leads to an address that is not contacted.
///
/// The git program resolves the name again by itself: this catches what points there plainly. A
/// name that is not known here may be known to a proxy.
pub(crate) async fn check(reach: Reach, url: &str) -> Result<(), GitError> {
    let Ok(url) = Url::parse(url) else { return Ok(()) };
    let Some(name) = url.domain() else { return Ok(()) };
    let Ok(found) = tokio::net::lookup_host((name, 0)).await else { return Ok(()) };
    match found.map(|address| address.ip()).find_map(|address| reach.refuses(address)) {
        None => Ok(()),
        Some(what) => Err(refused(url.as_str(), what)),
    }
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
        check(Reach::WITH_LOOPBACK, url).await.unwrap();
        let error = check(Reach::default(), url).await.unwrap_err();
        assert!(error.to_string().contains("this machine, which is not contacted"), "{error}");
        assert!(error.to_string().contains("--allow-loopback"), "{error}");
        let name: Name = "localhost".parse().unwrap();
        let error = GuardedResolver(Reach::default()).resolve(name).await.err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&Refused::Loopback));
        check(Reach::default(), "https://no-such-name.invalid/acme/gitops").await.unwrap();
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_metadata_service_is_refused() {
        // Resolvers read a number as an address.
        let error =
            check(Reach::WITH_LOOPBACK, "ssh://git@2852039166/acme/gitops").await.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Invalid);
        assert!(error.to_string().contains("metadata address"), "{error}");
        let name: Name = "2852039166".parse().unwrap();
        let error = GuardedResolver(Reach::WITH_LOOPBACK).resolve(name).await.err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&Refused::LinkLocal));
    }

    #[test]
    fn a_metadata_service_is_refused_by_its_address() {
        for host in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"] {
            assert_eq!(refuses(Reach::WITH_LOOPBACK, host), Some(Refused::LinkLocal), "{host}");
        }
        assert_eq!(refuses(Reach::default(), "git.example.com"), None);
    }
}
