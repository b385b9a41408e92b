//! What CI is told: outputs for later steps, a summary for people, and marks at files.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use gimlet_crds::PlanStatus;

use super::{Environment, Provider};
use crate::error::CommandError;
use crate::output;

/// Most objects of a plan that the summary lists.
const MAX_OBJECTS: usize = 50;

/// What there is to tell of an artifact.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Name of the artifact.
    pub(crate) artifact: String,
    /// What people call the version.
    pub(crate) version: String,
    /// In one word how it went.
    pub(crate) phase: String,
    /// Its manifests.
    pub(crate) manifests: Vec<ManifestReport>,
}

/// What there is to tell of a manifest.
#[derive(Clone, Debug, Default)]
pub(crate) struct ManifestReport {
    /// The file, and the number of the document.
    pub(crate) manifest: String,
    /// App and environment, where they are known.
    pub(crate) place: Option<(String, String)>,
    /// In one word what became of it.
    pub(crate) became: String,
    /// Why.
    pub(crate) why: String,
    /// Whether it is wrong.
    pub(crate) wrong: bool,
    /// Name of its release.
    pub(crate) release: Option<String>,
    /// The commit in the gitops repository, and its page.
    pub(crate) commit: Option<(String, Option<String>)>,
    /// What the release changes.
    pub(crate) plan: Option<PlanStatus>,
}

/// Where CI wants to be told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outputs {
    /// File of outputs, as GitHub reads them.
    output: Option<PathBuf>,
    /// File of the summary, as GitHub shows it.
    summary: Option<PathBuf>,
    /// Whether errors are marked at files.
    marks: bool,
    /// File of variables, as GitLab reads them.
    dotenv: Option<PathBuf>,
}

impl Outputs {
    /// Finds where this CI wants to be told; a file of variables is written where it was asked for.
    pub(crate) fn find(provider: Provider, env: &Environment, dotenv: Option<&Path>) -> Self {
        let speaks = matches!(provider, Provider::GitHub | Provider::Gitea);
        let path = |name| env.get(name).filter(|_| speaks).map(PathBuf::from);
        Self {
            output: path("GITHUB_OUTPUT"),
            summary: path("GITHUB_STEP_SUMMARY"),
            marks: speaks,
            dotenv: dotenv.map(Path::to_owned),
        }
    }

    /// Tells CI. Marks go to stderr, where they are read too, so that stdout stays what was asked for.
    pub(crate) fn tell(&self, report: &Report) -> Result<(), CommandError> {
        let Self { output, summary, marks, dotenv } = self;
        if let Some(path) = output {
            append(path, &report.outputs())?;
        }
        if let Some(path) = summary {
            append(path, &report.summary())?;
        }
        if let Some(path) = dotenv {
            append(path, &report.dotenv())?;
        }
        for mark in report.marks().lines().filter(|_| *marks) {
            output::note(mark);
        }
        Ok(())
    }
}

fn append(path: &Path, text: &str) -> Result<(), CommandError> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        CommandError::general(format!("{} cannot be written: {error}", path.display()))
    })
}

impl Report {
    /// Lists the outputs by name; none has more than one line.
    fn values(&self) -> [(&'static str, String); 5] {
        let releases = self.manifests.iter().filter_map(|manifest| manifest.release.as_deref());
        let commits = || self.manifests.iter().filter_map(|manifest| manifest.commit.as_ref());
        let url = commits().find_map(|(_, url)| url.clone()).unwrap_or_default();
        let shas: Vec<&str> = commits().map(|(sha, _)| sha.as_str()).collect();
        [
            ("artifact", self.artifact.clone()),
            ("release", releases.collect::<Vec<_>>().join(" ")),
            ("commit", shas.join(" ")),
            ("phase", self.phase.clone()),
            ("url", url),
        ]
    }

    fn outputs(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.values() {
            let _ = writeln!(text, "{name}={}", one_line(&value));
        }
        text
    }

    fn dotenv(&self) -> String {
        let line = |(name, value): &(&str, String)| {
            format!("GIMLET_{}={}\n", name.to_uppercase(), one_line(value))
        };
        self.values().iter().map(line).collect()
    }

    /// Returns the summary as Markdown: a table, then what each release changes.
    fn summary(&self) -> String {
        let mut text = format!("### Gimlet: {} {}\n\n", cell(&self.version), cell(&self.phase));
        text.push_str(
            "| app | environment | result | commit | why |\n| --- | --- | --- | --- | --- |\n",
        );
        for manifest in &self.manifests {
            let (app, environment) = manifest
                .place
                .clone()
                .unwrap_or_else(|| (manifest.manifest.clone(), String::new()));
            let commit = match &manifest.commit {
                Some((sha, Some(url))) if is_page(url) => format!("[{}]({url})", cell(sha)),
                Some((sha, _)) => cell(sha),
                None => String::new(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {commit} | {} |",
                cell(&app),
                cell(&environment),
                cell(&manifest.became),
                cell(&manifest.why)
            );
        }
        for manifest in &self.manifests {
            if let (Some((app, environment)), Some(plan)) = (&manifest.place, &manifest.plan) {
                text.push_str(&details(app, environment, plan));
            }
        }
        text.push('\n');
        text
    }

    /// Returns the lines that mark what is wrong at its file.
    fn marks(&self) -> String {
        let mut text = String::new();
        for manifest in self.manifests.iter().filter(|manifest| manifest.wrong) {
            let file = manifest.manifest.split('#').next().unwrap_or_default();
            let position = line_of(&manifest.why).map(|line| format!(",line={line}"));
            let _ = writeln!(
                text,
                "::error file={}{},title=Gimlet::{}",
                property(file),
                position.unwrap_or_default(),
                command(&manifest.why)
            );
        }
        text
    }
}

fn details(app: &str, environment: &str, plan: &PlanStatus) -> String {
    let mut text = format!(
        "\n<details><summary>{} in {}: {} added, {} changed, {} removed</summary>\n\n```diff\n",
        cell(app),
        cell(environment),
        plan.added,
        plan.changed,
        plan.removed
    );
    for object in plan.objects.iter().take(MAX_OBJECTS) {
        // A change is neither a line more nor less, and is shown as one.
        let line = one_line(object).replace('`', "'");
        let _ = writeln!(text, "{}", line.replacen('~', "!", 1));
    }
    text.push_str("```\n");
    for warning in &plan.warnings {
        let _ = writeln!(text, "\n⚠ {}", cell(warning));
    }
    text.push_str("\n</details>\n");
    text
}

/// Finds the line in a message such as `line 3 column 5: …` or `3:5: …`.
fn line_of(message: &str) -> Option<u32> {
    let rest = message.split_once("line ").map(|(_, rest)| rest)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn is_page(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && !url.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>'))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Writes a text so that Markdown takes it for nothing else.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for letter in one_line(text).chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '!' | '#' | '~' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}

/// Writes the message of a workflow command.
fn command(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Writes the property of a workflow command.
fn property(text: &str) -> String {
    command(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
