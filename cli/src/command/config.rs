//! `config`: what is used where nothing is typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::args::Global;
use crate::cluster::{Cluster, Way, parse_server};
use crate::error::{CommandError, Finish};
use crate::output::{self, Format};
use crate::settings::{Home, Settings};

/// Show and change what is used where nothing is typed
///
/// A flag comes before its variable (GIMLET_…), and that before the config file. The file holds no
/// secrets; tokens are kept beside it by gimlet login.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet config view
  gimlet config set namespace team-shop
  gimlet config unset context")]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    View(ViewArgs),
    Set(SetArgs),
    Unset(UnsetArgs),
}

/// Show which cluster and namespace are used, and where that comes from
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet config view
  gimlet config view -o json")]
struct ViewArgs {
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

/// Set a default in the config file
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet config set namespace team-shop
  gimlet config set context staging-eu")]
struct SetArgs {
    /// What to set
    #[arg(value_name = "KEY")]
    key: Key,
    /// The default
    #[arg(value_name = "VALUE")]
    value: String,
}

/// Take a default out of the config file
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet config unset namespace")]
struct UnsetArgs {
    /// What to take out
    #[arg(value_name = "KEY")]
    key: Key,
}

/// What can have a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Key {
    /// Kubeconfig file
    Kubeconfig,
    /// Context of the kubeconfig
    Context,
    /// Namespace
    Namespace,
    /// Address of a server, instead of a kubeconfig
    Server,
    /// File with the certificate authorities of the server
    CertificateAuthority,
}

impl Key {
    const ALL: [Self; 5] = [
        Self::Kubeconfig,
        Self::Context,
        Self::Namespace,
        Self::Server,
        Self::CertificateAuthority,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Kubeconfig => "kubeconfig",
            Self::Context => "context",
            Self::Namespace => "namespace",
            Self::Server => "server",
            Self::CertificateAuthority => "certificate-authority",
        }
    }

    fn typed(self, global: &Global) -> Option<String> {
        match self {
            Self::Kubeconfig => path(global.kubeconfig.as_ref()),
            Self::Context => global.context.clone(),
            Self::Namespace => global.namespace.clone(),
            Self::Server => global.server.clone(),
            Self::CertificateAuthority => path(global.certificate_authority.as_ref()),
        }
    }

    fn kept(self, settings: &Settings) -> Option<String> {
        match self {
            Self::Kubeconfig => path(settings.kubeconfig.as_ref()),
            Self::Context => settings.context.clone(),
            Self::Namespace => settings.namespace.clone(),
            Self::Server => settings.server.clone(),
            Self::CertificateAuthority => path(settings.certificate_authority.as_ref()),
        }
    }

    fn variable(self) -> String {
        format!("GIMLET_{}", self.name().to_uppercase().replace('-', "_"))
    }

    fn keep(self, settings: &mut Settings, value: Option<String>) -> Result<(), CommandError> {
        match self {
            Self::Kubeconfig => settings.kubeconfig = value.map(Into::into),
            Self::Context => settings.context = value,
            Self::Namespace => settings.namespace = value,
            Self::Server => {
                settings.server =
                    value.map(|text| parse_server(&text)).transpose()?.map(String::from);
            }
            Self::CertificateAuthority => settings.certificate_authority = value.map(Into::into),
        }
        Ok(())
    }
}

fn path(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.to_string_lossy().into_owned())
}

pub(super) async fn run(command: &ConfigCommand, global: &Global) -> Result<Finish, CommandError> {
    match &command.what {
        What::View(args) => view(args, global).await?,
        What::Set(SetArgs { key, value }) => {
            if value.trim().is_empty() {
                return Err(CommandError::usage("an empty default says nothing")
                    .hint(format!("gimlet config unset {}", key.name())));
            }
            let home = Home::required()?;
            let mut settings = home.load()?;
            key.keep(&mut settings, Some(value.clone()))?;
            home.save(&settings)?;
            output::print(&format!("{} set in {}\n", key.name(), home.file().display()))?;
        }
        What::Unset(UnsetArgs { key }) => {
            let home = Home::required()?;
            let mut settings = home.load()?;
            key.keep(&mut settings, None)?;
            home.save(&settings)?;
            output::print(&format!("{} taken out of {}\n", key.name(), home.file().display()))?;
        }
    }
    Ok(Finish::Done)
}

async fn view(args: &ViewArgs, global: &Global) -> Result<(), CommandError> {
    let home = Home::find();
    let settings = home.as_ref().map_or_else(|| Ok(Settings::default()), Home::load)?;
    let lines = sources(global, &settings, |name| std::env::var(name).ok());
    let way = match Way::choose(global, &settings)? {
        Way::Server { .. } => "server",
        Way::Kubeconfig { .. } => "kubeconfig",
    };
    let used = Cluster::connect(global).await;
    let file = home.map(|home| home.file().display().to_string()).unwrap_or_default();
    let (server, namespace, problem) = match &used {
        Ok(cluster) => (cluster.server(), cluster.namespace.as_str(), ""),
        Err(error) => ("", "", error.message()),
    };
    if matches!(args.output, Format::Json | Format::Yaml) {
        let keys: serde_json::Map<String, Value> = lines
            .into_iter()
            .map(|(key, value, from)| (key.to_owned(), json!({"value": value, "from": from})))
            .collect();
        let mut report = json!({"file": file, "way": way, "cluster": server,
            "namespace": namespace, "settings": keys});
        if !problem.is_empty() {
            report["problem"] = problem.into();
        }
        return output::print(&output::object(&report, args.output)?);
    }
    let mut rows: Vec<Vec<output::Cell>> = vec![
        vec!["cluster".into(), server.into(), format!("by {way}").into()],
        vec!["namespace".into(), namespace.into(), "".into()],
        vec!["file".into(), file.into(), "".into()],
    ];
    rows.extend(lines.into_iter().filter_map(|(key, value, from)| {
        (from != "default").then(|| vec![format!("  {key}").into(), value.into(), from.into()])
    }));
    output::print(&output::table(None, &rows))?;
    if !problem.is_empty() {
        output::note(&format!("warning: {problem}"));
    }
    Ok(())
}

/// Lists every key with its value and where that comes from.
fn sources(
    global: &Global,
    settings: &Settings,
    variable: impl Fn(&str) -> Option<String>,
) -> Vec<(&'static str, String, String)> {
    Key::ALL
        .into_iter()
        .map(|key| {
            let kept = key.kept(settings);
            let (value, from) = match (key.typed(global), kept) {
                (Some(typed), _) if variable(&key.variable()).as_ref() == Some(&typed) => {
                    (typed, key.variable())
                }
                (Some(typed), _) => (typed, format!("--{}", key.name())),
                (None, Some(kept)) => (kept, "config file".to_owned()),
                (None, None) => (String::new(), "default".to_owned()),
            };
            (key.name(), value, from)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Color;

    #[test]
    fn every_value_says_where_it_comes_from() {
        let global = Global {
            kubeconfig: Some("/k".into()),
            context: Some("eu".into()),
            namespace: None,
            server: None,
            certificate_authority: None,
            impersonate: None,
            color: Color::Auto,
        };
        let settings = Settings {
            namespace: Some("team".into()),
            context: Some("other".into()),
            ..Settings::default()
        };
        let variable = |name: &str| (name == "GIMLET_CONTEXT").then(|| "eu".to_owned());
        let found = sources(&global, &settings, variable);
        let shown: Vec<String> =
            found.iter().map(|(key, value, from)| format!("{key}={value} ({from})")).collect();
        assert_eq!(
            shown,
            [
                "kubeconfig=/k (--kubeconfig)",
                "context=eu (GIMLET_CONTEXT)",
                "namespace=team (config file)",
                "server= (default)",
                "certificate-authority= (default)",
            ]
        );
    }

    #[test]
    fn a_server_in_the_file_is_checked() {
        let mut settings = Settings::default();
        assert!(Key::Server.keep(&mut settings, Some("http://far.example.com".into())).is_err());
        Key::Server.keep(&mut settings, Some("https://far.example.com".into())).unwrap();
        assert_eq!(settings.server.as_deref(), Some("https://far.example.com/"));
        Key::Server.keep(&mut settings, None).unwrap();
        assert_eq!(settings, Settings::default());
    }
}
