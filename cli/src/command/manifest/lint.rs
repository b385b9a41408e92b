//! `manifest lint`: what is wrong with deploy manifests, and where.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::styling::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use gimlet_charts::{Fetched, Fetcher, LocalPolicy, Source};
use gimlet_manifest::Vars;
use gimlet_manifest::lint::{self, Draft, Finding, Severity, TrialInput};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::error::{CommandError, Finish};
use crate::manifest_source::{parse_vars, read};
use crate::output;

/// Check deploy manifests before a release
///
/// Looks for unknown and missing fields, variables that nobody gives, values that the chart's schema
/// refuses, patches that match nothing, plain Secrets and objects that cannot work, by rendering each
/// manifest on trial as the operator does. Every finding says where it is. Facts of a commit (SHA,
/// BRANCH, TAG, …) are made up; charts from a network are fetched.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet manifest lint .gimlet
  gimlet manifest lint .gimlet/staging.yaml --var DOMAIN=example.com --strict
  gimlet manifest lint - -o json < manifest.yaml

Exit codes: 0 nothing is wrong, or only warnings · 1 errors, with --strict also warnings · 2 usage")]
pub(super) struct LintArgs {
    /// Files to check, or folders with them; - reads stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Variable of the Environment or of the release; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    var: Vec<String>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// Fetch no chart: what needs one from a network is not rendered
    #[arg(long)]
    offline: bool,
    /// Accept plain Secret objects
    #[arg(long)]
    allow_secrets: bool,
    /// Kubernetes version that charts are told
    #[arg(long, value_name = "VERSION", default_value = "1.36.0")]
    kube_version: String,
    /// API version that charts are told to be there, such as monitoring.coreos.com/v1; repeatable
    #[arg(long, value_name = "GROUP/VERSION")]
    api_version: Vec<String>,
    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: LintFormat,
}

/// Forms of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    /// With the lines of the file
    Text,
    /// As JSON
    Json,
}

/// A file with what was found in it.
struct Checked {
    name: String,
    text: String,
    findings: Vec<Finding>,
}

pub(super) async fn run(args: &LintArgs) -> Result<Finish, CommandError> {
    let vars = parse_vars(&args.var)?;
    let fetcher = super::fetcher();
    let mut checked = Vec::new();
    for path in expand(&args.files)? {
        let text = read(&path).map_err(|error| CommandError::usage(error.message()))?;
        let findings = check(args, &path, &text, &vars, &fetcher).await;
        let name = if path == Path::new("-") { "stdin".into() } else { path.display().to_string() };
        checked.push(Checked { name, text, findings });
    }
    let count = |severity: Severity| {
        checked.iter().flat_map(|file| &file.findings).filter(|f| f.severity == severity).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match args.output {
        LintFormat::Json => output::print(&in_json(&checked, errors, warnings)?)?,
        LintFormat::Text => {
            for file in &checked {
                for finding in &file.findings {
                    output::print(&in_text(file, finding))?;
                }
            }
            output::note(&summary(errors, warnings, checked.len()));
        }
    }
    let is_bad = errors > 0 || (args.strict && warnings > 0);
    Ok(if is_bad { Finish::Findings } else { Finish::Done })
}

/// Puts the YAML files of folders in the place of the folders.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let broken = |error: std::io::Error| {
            CommandError::usage(format!("{} cannot be read: {error}", path.display()))
        };
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(broken)? {
            let file = entry.map_err(broken)?.path();
            let is_yaml = file.extension().is_some_and(|end| end == "yaml" || end == "yml");
            if is_yaml && file.is_file() {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            let message = format!("{} has no .yaml file", path.display());
            return Err(CommandError::usage(message));
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

async fn check(
    args: &LintArgs,
    path: &Path,
    text: &str,
    vars: &Vars,
    fetcher: &Arc<Fetcher>,
) -> Vec<Finding> {
    let (mut findings, drafts) = lint::check(text, vars);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    for draft in drafts {
        match chart(args, &draft, folder, fetcher).await {
            Err(error) => findings.push(draft.chart_fault(error.message())),
            Ok(Wanted::Skipped) => {
                output::note(&format!(
                    "{}: not rendered: its chart is on a network",
                    path.display()
                ));
            }
            Ok(Wanted::Known(chart)) => {
                findings.extend(draft.render(&TrialInput {
                    chart: chart.as_ref().map(|fetched| fetched.chart.as_ref()),
                    kubernetes_version: &args.kube_version,
                    api_versions: &args.api_version,
                    allow_secrets: args.allow_secrets,
                    // Nothing of what is rendered here is shown.
                    seed: [0; 32],
                    time: Timestamp::now(),
                }));
            }
        }
    }
    findings.sort_by_key(|finding| (finding.place, finding.severity));
    findings.dedup();
    findings
}

/// The chart of a manifest.
enum Wanted {
    Known(Option<Fetched>),
    Skipped,
}

async fn chart(
    args: &LintArgs,
    draft: &Draft,
    folder: &Path,
    fetcher: &Arc<Fetcher>,
) -> Result<Wanted, CommandError> {
    let Some(chart) = draft.manifest.chart.clone() else { return Ok(Wanted::Known(None)) };
    let source = super::source(chart, &LocalPolicy::Allow(folder.to_owned()))?;
    let is_here = matches!(source, Source::BuiltIn | Source::Local(_) | Source::Archive(_));
    if args.offline && !is_here {
        return Ok(Wanted::Skipped);
    }
    Ok(Wanted::Known(Some(super::fetch(fetcher, source).await?)))
}

fn in_json(files: &[Checked], errors: usize, warnings: usize) -> Result<String, CommandError> {
    let all: Vec<Value> = files
        .iter()
        .flat_map(|file| {
            file.findings.iter().map(|finding| {
                json!({
                    "file": file.name,
                    "line": finding.place.line,
                    "column": finding.place.column,
                    "length": finding.place.length,
                    "severity": finding.severity.to_string(),
                    "rule": finding.rule,
                    "message": finding.message,
                    "hint": finding.hint,
                })
            })
        })
        .collect();
    let value = json!({"findings": all, "errors": errors, "warnings": warnings});
    let text = serde_json::to_string_pretty(&value).map_err(|error| {
        CommandError::general(format!("the findings cannot be written: {error}"))
    })?;
    Ok(text + "\n")
}

/// Shows a finding with its line, and a caret below it.
fn in_text(file: &Checked, finding: &Finding) -> String {
    let color = match finding.severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
    };
    let strong = Style::new().fg_color(Some(color.into())).bold();
    let faint = Style::new().fg_color(Some(AnsiColor::Blue.into()));
    let cyan = Style::new().fg_color(Some(AnsiColor::Cyan.into())).bold();
    let Finding { severity, rule, place, message, hint } = finding;
    let gutter = place.line.to_string().len();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{strong}{severity}[{rule}]{strong:#}: {}", printable(message));
    let _ = writeln!(
        text,
        "{:gutter$}{faint}-->{faint:#} {}:{}:{}",
        "", file.name, place.line, place.column
    );
    if let Some(line) = file.text.lines().nth(place.line.saturating_sub(1)) {
        let (shown, column) = window(line, place.column);
        let room = shown.chars().count().saturating_sub(column - 1).max(1);
        let indent: String =
            shown.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let carets = "^".repeat(place.length.min(room));
        let _ = writeln!(text, "{:gutter$} {faint}|{faint:#}", "");
        let _ = writeln!(text, "{faint}{} |{faint:#} {}", place.line, printable(&shown));
        let _ =
            writeln!(text, "{:gutter$} {faint}|{faint:#} {indent}{strong}{carets}{strong:#}", "");
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "{:gutter$} {cyan}hint:{cyan:#} {}", "", printable(hint));
    }
    text.push('\n');
    text
}

/// Widest part of a line that is shown.
const WINDOW: usize = 160;

/// Cuts a long line to what is around a column.
fn window(line: &str, column: usize) -> (String, usize) {
    let start = column.saturating_sub(WINDOW / 2);
    if line.chars().count() <= WINDOW || start == 0 {
        return (line.chars().take(WINDOW).collect(), column.max(1));
    }
    (line.chars().skip(start).take(WINDOW).collect(), column - start)
}

/// Keeps the text of a file from driving the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' && c != '\n' { ' ' } else { c }).collect()
}

fn summary(errors: usize, warnings: usize, files: usize) -> String {
    let many = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    if errors + warnings == 0 {
        return format!("nothing is wrong in {}", many(files, "file"));
    }
    let (errors, warnings) = (many(errors, "error"), many(warnings, "warning"));
    format!("{errors}, {warnings} in {}", many(files, "file"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::parse;
    use crate::command::Command;
    use insta::assert_snapshot;

    const BAD: &str = "app: shop\nenv: staging\nnamespace: shop\nchart:\n  name: app\n  hookPolicy: keep\nvalues:\n  image: {}\nmanifest: x\n";
    const WARNED: &str = "app: shop\nenv: staging\nnamespace: shop\nmanifests: |\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n  data: {domain: '{{ .DOMAIN }}'}\n";

    async fn run_line(line: &[&str]) -> Result<Finish, CommandError> {
        let line = ["gimlet", "manifest", "lint"].iter().chain(line);
        let cli = parse(line.map(Into::into).collect()).unwrap();
        let Command::Manifest(command) = cli.command else { panic!("another command") };
        super::super::run(&command).await
    }

    fn checked(text: &str) -> Checked {
        let findings = lint::check(text, &Vars::new()).0;
        Checked { name: "shop.yaml".into(), text: text.into(), findings }
    }

    fn shown(text: &str) -> String {
        let file = checked(text);
        let all: String = file.findings.iter().map(|finding| in_text(&file, finding)).collect();
        anstream::adapter::strip_str(&all).to_string()
    }

    #[test]
    fn a_finding_shows_its_line_with_a_caret() {
        assert_snapshot!(shown(BAD));
        assert_snapshot!(shown(WARNED));
    }

    #[test]
    fn findings_are_data_too() {
        let file = checked(WARNED);
        assert_snapshot!(in_json(&[file], 0, 1).unwrap());
    }

    #[test]
    fn a_long_line_and_a_line_that_drives_the_terminal_are_shown_safely() {
        let long = format!("a: {}\nb: 1\nnamespace: x{}: [\n", "y".repeat(500), "z".repeat(300));
        let text = shown(&format!("{long}\n\u{1b}[2J: 1\n"));
        assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
        assert!(!shown("namespace: x\n\"a\\e[2J\": 1\n").contains('\u{1b}'));
    }

    #[tokio::test]
    async fn the_exit_code_tells_what_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (bad, warned) = (file("bad.yaml", BAD), file("warned.yaml", WARNED));
        let all = folder.path().to_str().unwrap();
        assert_eq!(run_line(&[&warned]).await, Ok(Finish::Done));
        assert_eq!(run_line(&[&warned, "--strict"]).await, Ok(Finish::Findings));
        assert_eq!(run_line(&[&warned, "--strict", "--var", "DOMAIN=x"]).await, Ok(Finish::Done));
        assert_eq!(run_line(&[&bad]).await, Ok(Finish::Findings));
        assert_eq!(run_line(&[all, "-o", "json"]).await, Ok(Finish::Findings));
        assert_eq!(run_line(&["/nowhere.yaml"]).await.unwrap_err().exit_code(), 2);
        assert_eq!(run_line(&[&warned, "--var", "x"]).await.unwrap_err().exit_code(), 2);
    }

    #[tokio::test]
    async fn charts_on_a_network_are_left_alone_when_offline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        let text = "namespace: shop\nchart: {name: shop, repository: 'https://example.invalid'}\n";
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(run_line(&[path, "--offline"]).await, Ok(Finish::Done));
        let local = "namespace: shop\nchart: {name: ./nowhere}\n";
        std::fs::write(path, local).unwrap();
        assert_eq!(run_line(&[path, "--offline"]).await, Ok(Finish::Findings));
    }
}
