//! Addresses that no repository is read from or written to.

use std::net::SocketAddr;

use gimlet_outbound::{Reach, Refused};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::error::{GitError, GitErrorKind};

const REACH: Reach = Reach::WITH_LOOPBACK;

/// Says why a host is not contacted, if it is an address and not a name.
pub(crate) fn refuses(host: &str) -> Option<Refused> {
    host.trim_matches(['[', ']']).parse().ok().and_then(|address| REACH.refuses(address))
}

/// Refuses a server whose name leads to an address that is not contacted.
///
/// The git program resolves the name again by itself: this catches what points there plainly. A
/// name that is not known here may be known to a proxy.
pub(crate) async fn check(url: &str) -> Result<(), GitError> {
    let Ok(url) = Url::parse(url) else { return Ok(()) };
    let Some(name) = url.domain() else { return Ok(()) };
    let Ok(found) = tokio::net::lookup_host((name, 0)).await else { return Ok(()) };
    match found.map(|address| address.ip()).find_map(|address| REACH.refuses(address)) {
        None => Ok(()),
        Some(what) => Err(refused(url.as_str(), what)),
    }
}

/// Says that a repository is at a place that is not contacted.
pub(crate) fn refused(url: &str, what: Refused) -> GitError {
    GitError::new(
        GitErrorKind::Invalid,
        format!("{url} leads to {what}, which is not contacted: use another address"),
    )
}

/// The system's resolver without the addresses that are not contacted.
pub(crate) struct GuardedResolver;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let (mut kept, mut refused) = (Vec::<SocketAddr>::new(), None);
            for address in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match REACH.refuses(address.ip()) {
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
    async fn this_machine_is_contacted_by_its_name() {
        check("https://localhost/acme/gitops").await.unwrap();
        check("https://no-such-name.invalid/acme/gitops").await.unwrap();
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_metadata_service_is_refused() {
        // Resolvers read a number as an address.
        let error = check("ssh://git@2852039166/acme/gitops").await.unwrap_err();
        assert_eq!(error.kind(), GitErrorKind::Invalid);
        assert!(error.to_string().contains("metadata address"), "{error}");
        let name: Name = "2852039166".parse().unwrap();
        let error = GuardedResolver.resolve(name).await.err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&Refused::LinkLocal));
    }

    #[test]
    fn a_metadata_service_is_refused_by_its_address() {
        for host in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"] {
            assert_eq!(refuses(host), Some(Refused::LinkLocal), "{host}");
        }
        assert_eq!(refuses("git.example.com"), None);
    }
}
