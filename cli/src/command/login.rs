//! `login` and `logout`: the token for a server.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use gimlet_crds::Environment;
use kube::api::ListParams;
use url::Url;

use crate::args::Global;
use crate::cluster::{Cluster, of_server, parse_server};
use crate::error::{CommandError, Finish};
use crate::output;
use crate::settings::Home;

/// Longest token that is read, in bytes.
const MAX_TOKEN: u64 = 64 * 1024;

/// Sign in to a server with a token
///
/// The server passes the Kubernetes API on: the dashboard does, and an API server is one itself. The token
/// is asked for, or read from stdin, so that it is in no history; it is tried, and kept in a file that
/// nobody else can read. All commands then use the server. GIMLET_TOKEN comes before what was kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet login https://gimlet.example.com
  kubectl create token jane -n team | gimlet login https://gimlet.example.com -n team
  gimlet logout")]
pub(crate) struct LoginArgs {
    /// Address of the server
    #[arg(value_name = "URL")]
    url: String,
}

/// Forget the token for a server
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet logout
  gimlet logout https://gimlet.example.com")]
pub(crate) struct LogoutArgs {
    /// Address of the server; the one that is used otherwise
    #[arg(value_name = "URL")]
    url: Option<String>,
}

pub(super) async fn login(args: &LoginArgs, global: &Global) -> Result<Finish, CommandError> {
    let url = parse_server(&args.url)?;
    let home = Home::required()?;
    let mut settings = home.load()?;
    let authority = match &global.certificate_authority {
        Some(path) => Some(absolute(path)?),
        None => settings
            .certificate_authority
            .clone()
            .filter(|_| settings.server.as_deref() == Some(url.as_str())),
    };
    let token = read_token(&url)?;
    let config = of_server(&url, token.clone(), authority.as_deref()).await?;
    let cluster = Cluster::of(config, global.namespace.clone(), None)?;
    let name = tried(&cluster).await?;
    home.keep_token(url.as_str(), &token)?;
    settings.server = Some(url.as_str().to_owned());
    settings.certificate_authority = authority;
    if let Some(namespace) = &global.namespace {
        settings.namespace = Some(namespace.clone());
    }
    home.save(&settings)?;
    let known = name.map(|name| format!(" as {name}")).unwrap_or_default();
    output::print(&format!("signed in to {url}{known}\n"))?;
    output::note("hint: gimlet whoami shows what you may do");
    Ok(Finish::Done)
}

/// Tries a token; returns whose it is, where the server tells.
async fn tried(cluster: &Cluster) -> Result<Option<String>, CommandError> {
    match cluster.who().await {
        Ok(who) => return Ok(who.and_then(|who| who.username)),
        // A server may pass on the kinds of Gimlet and nothing else.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {}
        Err(error) => {
            return Err(cluster.request("create", "selfsubjectreviews", None).failed(&error));
        }
    }
    // Whoever may not look is known all the same.
    let forbidden =
        |error: &kube::Error| matches!(error, kube::Error::Api(status) if status.code == 403);
    match cluster.api::<Environment>().list(&ListParams::default().limit(1)).await {
        Err(error) if !forbidden(&error) => {
            Err(cluster.request("list", "environments", None).failed(&error))
        }
        _ => Ok(None),
    }
}

pub(super) fn logout(args: &LogoutArgs, global: &Global) -> Result<Finish, CommandError> {
    let home = Home::required()?;
    let mut settings = home.load()?;
    let named = args.url.as_ref().or(global.server.as_ref()).or(settings.server.as_ref());
    let Some(url) = named else {
        return Err(CommandError::usage("there is no server that you are signed in to"));
    };
    let url = parse_server(url)?;
    let known = home.forget_token(url.as_str())?;
    if settings.server.as_deref() == Some(url.as_str()) {
        settings.server = None;
        settings.certificate_authority = None;
        home.save(&settings)?;
    }
    let text = if known { "signed out of" } else { "there was no token for" };
    output::print(&format!("{text} {url}\n"))?;
    Ok(Finish::Done)
}

fn absolute(path: &std::path::Path) -> Result<PathBuf, CommandError> {
    path.canonicalize()
        .map_err(|error| CommandError::usage(format!("{} cannot be read: {error}", path.display())))
}

/// Reads the token: from the environment, from a person who cannot be looked over the shoulder, or from stdin.
fn read_token(url: &Url) -> Result<String, CommandError> {
    if let Some(token) = std::env::var("GIMLET_TOKEN").ok().filter(|token| !token.is_empty()) {
        return check_token(&token);
    }
    let failed =
        |error: std::io::Error| CommandError::general(format!("the token cannot be read: {error}"));
    let mut text = String::new();
    if std::io::stdin().is_terminal() {
        text = rpassword::prompt_password(format!("Token for {url}: ")).map_err(failed)?;
    } else {
        std::io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut text).map_err(failed)?;
    }
    check_token(&text)
}

/// Refuses what cannot be sent as a token. The token itself is never part of a message.
fn check_token(text: &str) -> Result<String, CommandError> {
    let token = text.trim();
    if token.is_empty() {
        return Err(CommandError::usage("no token was given")
            .hint("type it when asked, or pipe it: kubectl create token NAME | gimlet login URL"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CommandError::usage(
            "this is no token: a token is one word of letters, digits and signs",
        ));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_never_told() {
        assert_eq!(check_token(" abc.def-1\n").unwrap(), "abc.def-1");
        assert!(check_token("\n").unwrap_err().styled().contains("pipe it"));
        let error = check_token("hunter2 and more").unwrap_err().styled();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
