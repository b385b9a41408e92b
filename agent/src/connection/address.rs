//! Where the dashboard is.

use std::str::FromStr;

use gimlet_outbound::is_loopback;
use url::Url;

use crate::protocol::PATH;

/// Address of a dashboard's gateway; a token may be sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// Why an address is none of a dashboard.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It is no URL.
    #[error("it is no URL: {0}; write it as https://gimlet.example.com")]
    Malformed(#[from] url::ParseError),
    /// It is of another scheme.
    #[error("the scheme {0} is none of a dashboard: write it as https://gimlet.example.com")]
    Scheme(String),
    /// The token would go over a network in the clear.
    #[error("the token would go over the network in the clear: use https, or a loopback address")]
    InTheClear,
    /// It holds what does not belong there.
    #[error("give it without user, password, query and fragment: the token comes from a file")]
    Extra,
}

impl Address {
    /// Returns the address to ask, in HTTP's words.
    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let mut url = Url::parse(text)?;
        let secure = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            other => return Err(InvalidAddress::Scheme(other.to_owned())),
        };
        if !secure && !is_loopback(&url) {
            return Err(InvalidAddress::InTheClear);
        }
        let plain = url.username().is_empty() && url.password().is_none();
        if !plain || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidAddress::Extra);
        }
        // A WebSocket begins as a request of HTTP.
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{PATH}"));
        let scheme = if secure { "https" } else { "http" };
        url.set_scheme(scheme).map_err(|()| InvalidAddress::Scheme(scheme.to_owned()))?;
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        text.parse::<Address>().unwrap().url().to_string()
    }

    #[test]
    fn an_address_is_that_of_the_gateway_below_what_is_given() {
        assert_eq!(url("https://gimlet.example.com"), format!("https://gimlet.example.com{PATH}"));
        assert_eq!(
            url("wss://a.example.com/gimlet/"),
            format!("https://a.example.com/gimlet{PATH}")
        );
        assert_eq!(url("ws://127.0.0.1:8090"), format!("http://127.0.0.1:8090{PATH}"));
    }

    #[test]
    fn a_token_is_never_sent_in_the_clear_and_nothing_is_hidden_in_the_address() {
        let refused = |text: &str| text.parse::<Address>().unwrap_err();
        assert_eq!(refused("http://gimlet.example.com"), InvalidAddress::InTheClear);
        assert_eq!(refused("ws://10.0.0.1"), InvalidAddress::InTheClear);
        assert_eq!(refused("https://me:secret@gimlet.example.com"), InvalidAddress::Extra);
        assert_eq!(refused("https://gimlet.example.com?token=x"), InvalidAddress::Extra);
        assert_eq!(refused("ftp://gimlet.example.com"), InvalidAddress::Scheme("ftp".into()));
        assert!(matches!(refused("gimlet.example.com"), InvalidAddress::Malformed(_)));
    }
}
