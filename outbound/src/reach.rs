//! Addresses that are never contacted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Says which special addresses may be contacted; ordinary ones always may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// This machine.
    pub loopback: bool,
    /// Link-local addresses and others where clouds have their metadata services.
    pub link_local: bool,
}

/// Says what sort of place an address is that is not contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is the machine that the program runs on.
    #[error("this machine")]
    Loopback,
    /// It is where clouds have their metadata services, or it is no address of one host.
    #[error("a link-local or metadata address")]
    LinkLocal,
}

impl Refused {
    /// Says what to do instead.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Loopback => "use another address, or start the operator with --allow-loopback",
            Self::LinkLocal => "use another address",
        }
    }
}

impl Reach {
    /// Everything but link-local addresses and metadata services.
    pub const WITH_LOOPBACK: Self = Self { loopback: true, link_local: false };

    /// Says why an address is not contacted, if it is not.
    pub fn refuses(self, address: IpAddr) -> Option<Refused> {
        let address = embedded(address).map_or(address, IpAddr::V4);
        if address.is_loopback() && !self.loopback {
            return Some(Refused::Loopback);
        }
        (is_link_local(address) && !self.link_local).then_some(Refused::LinkLocal)
    }
}

/// The address of version 4 that one of version 6 stands for: mapped, or translated (RFC 6052).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_and_link_local_addresses_are_never_contacted() {
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
        ] {
            let refused = Reach::WITH_LOOPBACK.refuses(address.parse().unwrap());
            assert_eq!(refused, Some(Refused::LinkLocal), "{address}");
        }
        for address in ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1"] {
            assert_eq!(Reach::WITH_LOOPBACK.refuses(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn this_machine_is_contacted_only_where_that_is_said() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let refused = Reach::default().refuses(address.parse().unwrap());
            assert_eq!(refused, Some(Refused::Loopback), "{address}");
        }
    }
}
