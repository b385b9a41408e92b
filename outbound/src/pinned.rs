//! A server whose addresses were looked at, for programs that would look again by themselves.

use std::net::IpAddr;

/// Names a server, with the addresses that it may be contacted at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The server's name.
    pub name: String,
    /// The port that is connected to.
    pub port: u16,
    /// What the name led to when it was looked at.
    pub addresses: Vec<IpAddr>,
}

impl Pinned {
    /// Says it as git's setting `http.curloptResolve`.
    pub fn for_http(&self) -> String {
        let Self { name, port, addresses } = self;
        let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        format!("{name}:{port}:{}", addresses.join(","))
    }

    /// Says it as options of ssh, which looks for the host's key under the name all the same.
    pub fn for_ssh(&self, address: IpAddr) -> [String; 2] {
        let Self { name, port, addresses: _ } = self;
        let alias = if *port == 22 { name.clone() } else { format!("[{name}]:{port}") };
        [format!("HostName={address}"), format!("HostKeyAlias={alias}")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_as_the_programs_want_it() {
        let [old, new] = ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().unwrap());
        let pinned =
            |port| Pinned { name: "git.example.com".into(), port, addresses: vec![old, new] };
        assert_eq!(pinned(8443).for_http(), "git.example.com:8443:192.0.2.1,2001:db8::1");
        let alias = "HostKeyAlias=git.example.com";
        assert_eq!(pinned(22).for_ssh(old), ["HostName=192.0.2.1", alias]);
        let alias = "HostKeyAlias=[git.example.com]:2222";
        assert_eq!(pinned(2222).for_ssh(new), ["HostName=2001:db8::1", alias]);
    }
}
