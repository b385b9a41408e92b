//! `manifest init`: writes the first deploy manifest of an application.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use gimlet_crds::name::{AppName, EnvName};
use gimlet_manifest::file;

use super::guess::Guess;
use crate::error::{CommandError, Finish};
use crate::{output, prompt};

/// Write the first deploy manifest of an application
///
/// Name, image and port are guessed from the checkout: its origin, its Dockerfile, its language. What
/// cannot be guessed is asked for; off a terminal, or with --yes, flags have to say it. The file uses the
/// built-in chart; gimlet manifest lint checks it, and gimlet release -f releases it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet manifest init
  gimlet manifest init shop -e staging --image ghcr.io/acme/shop --port 3000 --yes
  # deployed by itself when main is pushed
  gimlet manifest init -e staging --deploy-branch main
  gimlet manifest init -e production --kind worker --dry-run")]
pub(super) struct InitArgs {
    /// Name of the app
    #[arg(value_name = "APP")]
    app: Option<String>,
    /// Environment
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        env = "GIMLET_ENVIRONMENT",
        hide_env_values = true
    )]
    environment: Option<String>,
    /// Namespace of the cluster that the app goes to; the name of the app otherwise
    #[arg(long, value_name = "NAME")]
    target_namespace: Option<String>,
    /// Image, without a tag
    #[arg(long, value_name = "REPOSITORY")]
    image: Option<String>,
    /// Port that the application listens on
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// What the application is
    #[arg(long, value_name = "KIND", default_value = "web")]
    kind: AppKind,
    /// When a cron job runs, such as "0 3 * * *"
    #[arg(long, value_name = "SCHEDULE", required_if_eq("kind", "cron"))]
    schedule: Option<String>,
    /// Host name at which a web application is reached
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Deploy by itself when this branch is pushed
    #[arg(long, value_name = "BRANCH")]
    deploy_branch: Option<String>,
    /// File to write; .gimlet/ENV.yaml otherwise
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    overwrite: bool,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
    /// Write nothing: show the file
    #[arg(long)]
    dry_run: bool,
}

/// What an application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AppKind {
    /// It listens on a port
    Web,
    /// It runs, and listens to nothing
    Worker,
    /// It runs now and then
    Cron,
}

/// All that the file says.
struct Answers {
    app: String,
    environment: String,
    namespace: String,
    image: String,
    port: Option<u16>,
    schedule: Option<String>,
    kind: AppKind,
    host: Option<String>,
    deploy_branch: Option<String>,
}

pub(super) fn run(args: &InitArgs) -> Result<Finish, CommandError> {
    let asks = !args.yes && std::io::stdin().is_terminal();
    let answers = args.answers(&Guess::of(Path::new(".")), asks)?;
    let text = write(&answers);
    file::parse_files(&text).map_err(|error| {
        CommandError::usage(format!("what was said makes no deploy manifest: {error}"))
    })?;
    if args.dry_run {
        output::print(&text)?;
        return Ok(Finish::Done);
    }
    let usual = || PathBuf::from(format!(".gimlet/{}.yaml", answers.environment));
    let path = args.file.clone().unwrap_or_else(usual);
    if path.exists() && !args.overwrite {
        return Err(CommandError::usage(format!("{} is there already", path.display()))
            .hint("name another one with --file, or pass --overwrite"));
    }
    let broken = |error: std::io::Error| {
        CommandError::general(format!("{} cannot be written: {error}", path.display()))
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(broken)?;
    }
    std::fs::write(&path, &text).map_err(broken)?;
    output::print(&format!("{}\n", path.display()))?;
    output::note(&format!(
        "hint: gimlet manifest lint {0}, then gimlet release -f {0} --from-git --wait",
        path.display()
    ));
    Ok(Finish::Done)
}

impl InitArgs {
    /// Puts together what was typed, guessed and answered, in this order.
    fn answers(&self, guess: &Guess, asks: bool) -> Result<Answers, CommandError> {
        let answer = |typed: Option<&String>, guessed: Option<&str>, what: &str, flag: &str| {
            if let Some(typed) = typed {
                return Ok(typed.clone());
            }
            if asks {
                return prompt::ask(what, guessed);
            }
            guessed.map(str::to_owned).ok_or_else(|| {
                CommandError::usage(format!("{what} is not known")).hint(format!("pass {flag}"))
            })
        };
        let app = answer(self.app.as_ref(), guess.app.as_deref(), "name of the app", "APP")?;
        AppName::parse(&app)?;
        let environment = answer(self.environment.as_ref(), None, "environment", "-e ENV")?;
        EnvName::parse(&environment)?;
        let image =
            answer(self.image.as_ref(), guess.image.as_deref(), "image, without a tag", "--image")?;
        let port = if self.kind == AppKind::Web {
            let typed = self.port.map(|port| port.to_string());
            let guessed = guess.port.map(|(port, why)| {
                if typed.is_none() && !asks {
                    output::note(&format!("port {port}, from {why}"));
                }
                port.to_string()
            });
            let port = answer(typed.as_ref(), guessed.as_deref(), "port", "--port")?;
            let port = port.parse().ok().filter(|port| *port > 0);
            Some(port.ok_or_else(|| CommandError::usage("a port is a number from 1 to 65535"))?)
        } else {
            None
        };
        Ok(Answers {
            namespace: self.target_namespace.clone().unwrap_or_else(|| app.clone()),
            app,
            environment,
            image,
            port,
            schedule: self.schedule.clone().filter(|_| self.kind == AppKind::Cron),
            kind: self.kind,
            host: self.host.clone().filter(|_| self.kind == AppKind::Web),
            deploy_branch: self.deploy_branch.clone(),
        })
    }
}

/// Writes the file. Texts are quoted as JSON, which YAML reads as it is.
fn write(answers: &Answers) -> String {
    let Answers { app, environment, namespace, image, port, schedule, kind, host, deploy_branch } =
        answers;
    let quoted = |text: &String| serde_json::Value::from(text.as_str()).to_string();
    let mut lines = vec![
        format!("app: {app}"),
        format!("env: {environment}"),
        "# It has to be there, or be one of the objects.".to_owned(),
        format!("namespace: {}", quoted(namespace)),
    ];
    if let Some(branch) = deploy_branch {
        lines.push(
            "# Released by itself when the branch is pushed and CI ships an artifact.".into(),
        );
        lines.extend(["deploy:".into(), "  event: push".into()]);
        lines.push(format!("  branch: {}", quoted(branch)));
    }
    lines.push("# The built-in chart; its values are in docs/charts.md.".into());
    lines.extend(["chart:".into(), "  name: app".into(), "values:".into()]);
    match kind {
        AppKind::Web => {}
        AppKind::Worker => lines.push("  kind: worker".into()),
        AppKind::Cron => lines.push("  kind: cron".into()),
    }
    lines.extend(["  image:".into(), format!("    repository: {}", quoted(image))]);
    lines.push("    # The commit that is released; CI tags the image with it.".into());
    lines.push("    tag: \"{{ .SHA }}\"".into());
    lines.extend(port.map(|port| format!("  port: {port}")));
    if let Some(schedule) = schedule {
        lines.extend(["  cron:".into(), format!("    schedule: {}", quoted(schedule))]);
    }
    if let Some(host) = host {
        lines.extend(["  ingress:".into(), "    enabled: true".into()]);
        lines.push(format!("    host: {}", quoted(host)));
    }
    output::lines(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse;
    use crate::command::Command;
    use crate::command::manifest::{ManifestCommand, ManifestSubcommand};
    use insta::assert_snapshot;

    fn args(line: &str) -> InitArgs {
        let words = ["gimlet", "manifest", "init"].into_iter().chain(line.split(' '));
        let cli = parse(words.map(Into::into).collect()).unwrap();
        match cli.command {
            Command::Manifest(ManifestCommand { command: ManifestSubcommand::Init(args) }) => *args,
            other => panic!("{other:?}"),
        }
    }

    fn guess() -> Guess {
        Guess {
            app: Some("shop".into()),
            image: Some("ghcr.io/acme/shop".into()),
            port: Some((3000, "package.json")),
        }
    }

    fn written(line: &str) -> String {
        let text = write(&args(line).answers(&guess(), false).unwrap());
        file::parse_files(&text).unwrap();
        text
    }

    #[test]
    fn a_web_application_is_guessed() {
        assert_snapshot!(written("-e staging"));
    }

    #[test]
    fn flags_come_before_guesses() {
        assert_snapshot!(written(
            "web -e production --target-namespace team --image registry.example.com/web --port 80 \
             --host shop.example.com --deploy-branch main"
        ));
    }

    #[test]
    fn a_cron_job_has_a_schedule_and_no_port() {
        let mut job = args("-e staging --kind cron --schedule hourly");
        job.schedule = Some("0 3 * * *".into());
        let text = write(&job.answers(&guess(), false).unwrap());
        assert!(text.contains("schedule: \"0 3 * * *\"") && !text.contains("port"), "{text}");
        assert!(!written("-e staging --kind worker").contains("port"));
    }

    #[test]
    fn what_is_not_known_names_the_flag() {
        let error = args("-e staging").answers(&Guess::default(), false).err().unwrap();
        assert!(error.styled().contains("pass APP"), "{}", error.styled());
        let error = args("web").answers(&guess(), false).err().unwrap();
        assert!(error.styled().contains("pass -e ENV"), "{}", error.styled());
        assert_eq!(args("Web -e x").answers(&guess(), false).err().unwrap().exit_code(), 2);
    }

    #[test]
    fn a_text_cannot_break_out_of_its_place() {
        let mut hostile = args("-e staging");
        hostile.host = Some("x\nchart: {name: evil}".into());
        let text = write(&hostile.answers(&guess(), false).unwrap());
        let manifest = file::parse(&text).unwrap().remove(0);
        assert_eq!(manifest.chart.unwrap().name, "app");
    }
}
