//! What can be typed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::styling::{AnsiColor, Styles};
use clap::{
    Arg, ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum, value_parser,
};

use crate::command::Command;
use crate::complete;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Release applications to Kubernetes through git
///
/// A release renders an app's manifest and commits it to a gitops repository; Flux applies it. Every
/// command speaks the Kubernetes API with your kubeconfig and your rights, or through a server that you
/// signed in to.
#[derive(Debug, Parser)]
#[command(
    name = "gimlet",
    version,
    styles = STYLES,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:
  gimlet release -f .gimlet/staging.yaml --from-git --wait
  gimlet status
  gimlet rollback shop -e production --reason \"checkout is broken\" --wait

Exit codes:
  0 done · 1 error (diff: differences) · 2 usage (diff: error) · 3 the release ended without success
  4 timed out · 5 not allowed · 6 not found · 7 base changed · 8 waits for a lock, hold or approval
  130 interrupted"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Kubeconfig file; KUBECONFIG and ~/.kube/config otherwise
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "GIMLET_KUBECONFIG",
        hide_env_values = true
    )]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "GIMLET_CONTEXT",
        hide_env_values = true
    )]
    pub(crate) context: Option<String>,
    /// Namespace of the Environment and of its releases; that of the context otherwise
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME",
        env = "GIMLET_NAMESPACE",
        hide_env_values = true
    )]
    pub(crate) namespace: Option<String>,
    /// Address of a server that passes the Kubernetes API on, instead of a kubeconfig; its token comes
    /// from gimlet login, or from GIMLET_TOKEN
    #[arg(long, global = true, value_name = "URL", env = "GIMLET_SERVER", hide_env_values = true)]
    pub(crate) server: Option<String>,
    /// File with the certificate authorities of the server
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "GIMLET_CERTIFICATE_AUTHORITY",
        hide_env_values = true
    )]
    pub(crate) certificate_authority: Option<PathBuf>,
    /// Act as another user, if you may
    #[arg(
        long = "as",
        global = true,
        value_name = "USER",
        env = "GIMLET_AS",
        hide_env_values = true
    )]
    pub(crate) impersonate: Option<String>,
    #[arg(
        help = "When to colour; NO_COLOR is honoured",
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "GIMLET_COLOR",
        hide_env_values = true
    )]
    pub(crate) color: Color,
}

/// When to colour.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes the choice known to every stream.
    pub(crate) fn write_global(self) {
        match self {
            Self::Auto => {}
            Self::Always => anstream::ColorChoice::Always.write_global(),
            Self::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}

/// Returns the command line as clap knows it, named after the program that was called.
pub(crate) fn command(program: &str) -> clap::Command {
    let command = Cli::command().mut_subcommands(|command| match command.get_name() {
        "template" => command.mut_args(as_in_helm),
        _ => command,
    });
    if program == "kubectl-gimlet" {
        return command.bin_name("kubectl gimlet").display_name("kubectl gimlet");
    }
    command
}

/// Lets a switch take `=true` and `=false`, as those of helm do.
fn as_in_helm(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .value_name("true|false")
        .value_parser(value_parser!(bool))
        .default_value("false")
        .default_missing_value("true")
        .hide_default_value(true)
        .hide_possible_values(true)
}

/// Reads a command line, the program's name first.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let program = program(args.first());
    let mut command = command(&program);
    let mut matches = command.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Returns the name by which the program was called, without folder and `.exe`.
pub(crate) fn program(arg: Option<&OsString>) -> String {
    let stem = arg.map(Path::new).and_then(Path::file_stem);
    stem.map_or_else(|| "gimlet".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Names an app in an environment.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Name of the app
    #[arg(value_name = "APP", add = complete::apps())]
    pub(crate) app: String,
    /// Environment
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        env = "GIMLET_ENVIRONMENT",
        hide_env_values = true,
        add = complete::environments()
    )]
    pub(crate) environment: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn help(program: &str, path: &[&str]) -> String {
        let mut command = super::command(program).term_width(100);
        command.build();
        let mut found = &mut command;
        for name in path {
            found = found.find_subcommand_mut(name).unwrap();
        }
        found.render_long_help().to_string()
    }

    fn visit(command: &clap::Command, path: &[String], seen: &mut Vec<Vec<String>>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let mut path = path.to_vec();
            path.push(sub.get_name().to_owned());
            seen.push(path.clone());
            visit(sub, &path, seen);
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself() {
        let mut paths = vec![Vec::new()];
        visit(&super::command("gimlet"), &[], &mut paths);
        for path in paths {
            let words: Vec<&str> = path.iter().map(String::as_str).collect();
            let name = if path.is_empty() { "gimlet".to_owned() } else { path.join("_") };
            assert_snapshot!(format!("help_{name}"), help("gimlet", &words));
        }
    }

    #[test]
    fn as_a_plugin_it_is_called_kubectl_gimlet() {
        let text = help("kubectl-gimlet", &["rollback"]);
        assert!(text.contains("Usage: kubectl gimlet rollback"), "{text}");
        assert!(help("gimlet", &["rollback"]).contains("Usage: gimlet rollback"));
    }

    #[test]
    fn the_program_is_known_by_its_file_name() {
        let program = |arg: &str| super::program(Some(&OsString::from(arg)));
        assert_eq!(program("/usr/bin/kubectl-gimlet"), "kubectl-gimlet");
        assert_eq!(program("gimlet.exe"), "gimlet");
        assert_eq!(super::program(None), "gimlet");
    }
}
