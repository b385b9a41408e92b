//! Which addresses are never contacted, so that a webhook cannot be aimed at the cluster itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::Options;

/// Says what sort of place an address is, if it may not be contacted.
pub(crate) fn refusal(address: IpAddr, options: &Options) -> Option<&'static str> {
    let address = embedded(address).map_or(address, IpAddr::V4);
    if address.is_loopback() && !options.allow_loopback {
        return Some("this machine");
    }
    (is_link_local(address) && !options.allow_link_local)
        .then_some("a link-local or metadata address")
}

/// The address of version 4 that one of version 6 stands for (mapped, NAT64).
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let [prefix @ .., high, low] = v6.segments();
    let nat64 = prefix == [0x64, 0xff9b, 0, 0, 0, 0];
    let translated = || Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    v6.to_ipv4_mapped().or_else(|| nat64.then(translated))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
                || v4 == Ipv4Addr::new(168, 63, 129, 16)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

/// The system's resolver without those addresses; checking what is connected to, and not the
/// name, leaves nothing to DNS tricks.
#[derive(Debug)]
pub(crate) struct GuardedResolver(pub(crate) Options);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct RefusedAddress(pub(crate) &'static str);

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let (mut kept, mut refused) = (self.empty(), None);
        for address in &found {
            match refusal(address.ip(), &self.0) {
                None => kept.push(*address),
                Some(what) => refused = Some(what),
            }
        }
        match refused {
            Some(what) if kept.is_empty() => {
                Err(ureq::Error::Other(Box::new(RefusedAddress(what))))
            }
            _ => Ok(kept),
        }
    }
}
