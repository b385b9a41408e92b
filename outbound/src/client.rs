//! For clients made with ureq: a resolver that keeps to the rules, and trusted authorities.

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::{Reach, Refused};

/// The system's resolver without the addresses that are not contacted.
///
/// A name that leads to nothing else fails; [`refused`] tells that failure from others.
#[derive(Debug)]
pub struct GuardedResolver(pub Reach);

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        // Whoever runs the program has chosen it, and it may well be beside the program.
        if config.proxy().is_some_and(|proxy| proxy.uri().authority() == uri.authority()) {
            return Ok(found);
        }
        let (mut kept, mut refused) = (self.empty(), None);
        for address in &found {
            match self.0.refuses(address.ip()) {
                None => kept.push(*address),
                Some(what) => refused = Some(what),
            }
        }
        match refused {
            Some(what) if kept.is_empty() => Err(ureq::Error::Other(Box::new(what))),
            _ => Ok(kept),
        }
    }
}

/// Says which sort of address stopped a request, if that did.
pub fn refused(error: &ureq::Error) -> Option<Refused> {
    match error {
        ureq::Error::Other(inner) => inner.downcast_ref::<Refused>().copied(),
        _ => None,
    }
}

/// Says why no authority can be read from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthority {
    /// It is cut or is no PEM.
    #[error("it is not PEM")]
    NotPem,
    /// It holds other things, or nothing.
    #[error("it holds no certificate in PEM form")]
    NoCertificate,
}

/// Reads the certificates of authorities from PEM.
///
/// # Errors
///
/// The text is no PEM, or has no certificate in it.
pub fn authorities(pem: &[u8]) -> Result<Vec<Certificate<'static>>, InvalidAuthority> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(InvalidAuthority::NotPem),
        }
    }
    if found.is_empty() { Err(InvalidAuthority::NoCertificate) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_authority_is_refused() {
        assert_eq!(authorities(b"nonsense").unwrap_err(), InvalidAuthority::NoCertificate);
        let cut = b"-----BEGIN CERTIFICATE-----\nMIIB\n";
        assert!(authorities(cut).is_err());
    }

    #[test]
    fn a_proxy_may_be_on_this_machine() {
        let proxy = ureq::Proxy::new("http://localhost:1").unwrap();
        let config = Config::builder().proxy(Some(proxy)).build();
        let agent = ureq::Agent::with_parts(
            config,
            ureq::unversioned::transport::DefaultConnector::default(),
            GuardedResolver(Reach::default()),
        );
        let error = agent.get("https://charts.example.com/").call().unwrap_err();
        assert_eq!(refused(&error), None, "{error}");
    }

    #[test]
    fn a_name_that_leads_to_this_machine_is_refused_where_that_may_not_be() {
        let agent = ureq::Agent::with_parts(
            Config::default(),
            ureq::unversioned::transport::DefaultConnector::default(),
            GuardedResolver(Reach::default()),
        );
        let error = agent.get("http://localhost:1/").call().unwrap_err();
        assert_eq!(refused(&error), Some(Refused::Loopback));
    }
}
