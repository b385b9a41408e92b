//! A browser without pages: it follows redirects, and keeps cookies.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::Answer;
use crate::dashboard::answer_of;

/// Redirects that are followed.
const MOST: usize = 20;

/// Somebody's browser. It takes every certificate, and has one jar for all ports of this machine, as
/// browsers do.
#[derive(Debug)]
pub struct Browser {
    agent: ureq::Agent,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Opens one without a cookie.
    pub fn new() -> Self {
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls)
            .proxy(None)
            .build()
            .into();
        Self { agent, cookies: BTreeMap::new() }
    }

    /// Puts a cookie into the jar.
    pub fn keep(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Opens an address, and gives the one at which it ends and what is there.
    pub fn open(&mut self, address: &str) -> Result<(String, Answer)> {
        let mut address = address.to_owned();
        for _ in 0..MOST {
            let answer = self.ask("GET", &address, &[])?;
            match answer.header("location") {
                Some(to) if (300..400).contains(&answer.status) => {
                    address = resolved(&address, to)?;
                }
                _ => return Ok((address, answer)),
            }
        }
        bail!("the redirects do not end: {address}")
    }

    /// Makes one request with the cookies of the jar, and keeps those of the answer.
    pub fn ask(&mut self, method: &str, address: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        self.send(method, address, headers, "")
    }

    /// Sends a form, and gives the answer.
    pub fn fill(&mut self, address: &str, form: &str) -> Result<Answer> {
        let kind = [("Content-Type", "application/x-www-form-urlencoded")];
        self.send("POST", address, &kind, form)
    }

    fn send(
        &mut self,
        method: &str,
        address: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer> {
        let jar: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = ureq::http::Request::builder().method(method).uri(address);
        request = request.header("Cookie", jar.join("; "));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if body.is_empty() {
            self.agent.run(request.body(())?)?
        } else {
            self.agent.run(request.body(body.to_owned())?)?
        };
        let answer = answer_of(answer)?;
        for (_, set) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = set.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.context("this is no cookie")?;
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.keep(name, value);
            }
        }
        Ok(answer)
    }
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

fn resolved(from: &str, to: &str) -> Result<String> {
    if to.starts_with("http://") || to.starts_with("https://") {
        return Ok(to.to_owned());
    }
    let end = from.match_indices('/').nth(2).map_or(from.len(), |(at, _)| at);
    let origin = from.get(..end).context("this is no address")?;
    Ok(format!("{origin}{to}"))
}
