//! A `.gimlet/*.yaml` file of an application's repository.

use gimlet_crds::{ArtifactEvent, Chart, DeployManifest, Json6902Patch, Values};
use serde::Deserialize;
use serde_json::Value;

use crate::policy::{Cleanup, Conditions, Limits, Policy};
use crate::suggestion;

/// Largest file that is read, in bytes.
const MAX_FILE: usize = 1 << 20;

/// Fields of a deploy manifest, for suggestions.
const FIELDS: &[&str] = &[
    "app",
    "env",
    "namespace",
    "chart",
    "values",
    "strategicMergePatches",
    "json6902Patches",
    "manifests",
    "deploy",
    "cleanup",
    "preview",
];

/// A deploy manifest as a file holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestFile {
    /// What to deploy.
    pub manifest: DeployManifest,
    /// When an artifact releases it by itself.
    pub policy: Option<Policy>,
    /// When the app goes by itself.
    pub cleanup: Option<Cleanup>,
    /// Whether it is for an app of each branch.
    pub preview: bool,
}

impl ManifestFile {
    /// Tells whether the file also says when to deploy by itself, which decides nothing about what
    /// is rendered.
    pub fn has_rules(&self) -> bool {
        self.policy.is_some() || self.cleanup.is_some() || self.preview
    }
}

/// What stands for bytes that are no text, as everywhere in Unicode. A manifest has no use for it.
pub const NO_TEXT: char = char::REPLACEMENT_CHARACTER;

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The text is not a deploy manifest.
    #[error("{place}{message}")]
    Invalid {
        /// Line and column, if they are known, with a colon after them.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The file has no document.
    #[error("the file is empty: write a deploy manifest with app, env, namespace and chart")]
    Empty,
    /// The file is larger than a manifest can be.
    #[error("the file has {size} bytes, more than the {MAX_FILE} that are read: split it")]
    TooLarge {
        /// Size of the file.
        size: usize,
    },
    /// Whoever read the file found bytes that are no text, and put [`NO_TEXT`] in their place.
    #[error("line {line}: the file is not UTF-8 text: save it as UTF-8")]
    NoText {
        /// Where the first of them is.
        line: usize,
    },
    /// A document does not keep the rules of a manifest.
    #[error("document {document}: {message}")]
    Rule {
        /// Number of the document in the file, from one.
        document: usize,
        /// What is wrong.
        message: String,
    },
}

/// Reads the deploy manifests of a file, one or many.
pub fn parse(text: &str) -> Result<Vec<DeployManifest>, FileError> {
    Ok(parse_files(text)?.into_iter().map(|file| file.manifest).collect())
}

/// Reads the deploy manifests of a file with what else the file says.
pub fn parse_files(text: &str) -> Result<Vec<ManifestFile>, FileError> {
    if text.len() > MAX_FILE {
        return Err(FileError::TooLarge { size: text.len() });
    }
    if let Some(line) = text.lines().position(|line| line.contains(NO_TEXT)) {
        return Err(FileError::NoText { line: line + 1 });
    }
    // `0777` is a number of base eight for the cluster and for Helm, so it is one here.
    let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
    let documents: Vec<Document> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| invalid(&error))?;
    if documents.is_empty() {
        return Err(FileError::Empty);
    }
    documents
        .into_iter()
        .enumerate()
        .map(|(index, document)| {
            document.check().map_err(|message| FileError::Rule { document: index + 1, message })
        })
        .collect()
}

/// Reads each document of a file by itself, so that one with a fault does not hide the others.
pub fn parse_each(text: &str) -> Vec<Result<ManifestFile, FileError>> {
    match parse_files(text) {
        Ok(files) => files.into_iter().map(Ok).collect(),
        Err(error @ (FileError::Empty | FileError::TooLarge { .. } | FileError::NoText { .. })) => {
            vec![Err(error)]
        }
        Err(error) => {
            let documents = documents(text);
            if documents.len() < 2 {
                return vec![Err(error)];
            }
            documents.iter().map(|document| parse_one(document)).collect()
        }
    }
}

fn parse_one(document: &str) -> Result<ManifestFile, FileError> {
    let mut files = parse_files(document)?;
    files.pop().ok_or(FileError::Empty)
}

/// Cuts a text at the markers of documents, which stand at the start of a line and nowhere else.
/// Each keeps the lines before it as empty ones, so that places stay right.
fn documents(text: &str) -> Vec<String> {
    let is_marker = |line: &str| {
        line.strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    };
    let mut documents = Vec::new();
    let mut current = String::new();
    for (index, line) in text.lines().enumerate() {
        if is_marker(line) {
            documents.push(std::mem::replace(&mut current, "\n".repeat(index)));
        }
        current.push_str(line);
        current.push('\n');
    }
    documents.push(current);
    let holds = |document: &String| {
        document.lines().any(|line| {
            let line = line.trim_start_matches("---").trim();
            !line.is_empty() && !line.starts_with('#')
        })
    };
    documents.retain(holds);
    documents
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    app: Option<String>,
    env: Option<String>,
    namespace: String,
    chart: Option<Chart>,
    values: Option<Values>,
    strategic_merge_patches: Option<String>,
    #[serde(default)]
    json6902_patches: Vec<Json6902Patch>,
    manifests: Option<String>,
    deploy: Option<DeployFields>,
    cleanup: Option<CleanupFields>,
    preview: Option<bool>,
    dependencies: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeployFields {
    event: Option<Event>,
    branch: Option<String>,
    tag: Option<String>,
    #[serde(default)]
    commit_message_patterns: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Event {
    Push,
    Tag,
    Pr,
}

impl From<Event> for ArtifactEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Push => Self::Push,
            Event::Tag => Self::Tag,
            Event::Pr => Self::PullRequest,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CleanupFields {
    app: Option<String>,
    event: Option<CleanupEvent>,
    branch: Option<String>,
    after: Option<String>,
    idle: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CleanupEvent {
    BranchDeleted,
}

impl Document {
    fn check(self) -> Result<ManifestFile, String> {
        let Self {
            app,
            env,
            namespace,
            chart,
            values,
            strategic_merge_patches,
            json6902_patches,
            manifests,
            deploy,
            cleanup,
            preview,
            dependencies,
        } = self;
        if dependencies.is_some() {
            return Err("dependencies are not supported: add the objects that provision them \
                        (such as a Terraform resource) under manifests"
                .into());
        }
        if namespace.is_empty() {
            return Err("namespace is empty: name the namespace to deploy to".into());
        }
        if chart.is_none() && manifests.is_none() {
            return Err("a manifest needs a chart or raw manifests: set chart or manifests".into());
        }
        if values.is_some() && chart.is_none() {
            return Err("values go to a chart: set chart too, or remove values".into());
        }
        let preview = preview.unwrap_or(false);
        let policy = deploy.map_or(Ok(None), DeployFields::policy)?;
        if preview && policy.as_ref().is_some_and(|policy| policy.event() == ArtifactEvent::Tag) {
            return Err("a preview is of a branch: use deploy.event push or pr".into());
        }
        Ok(ManifestFile {
            policy,
            cleanup: cleanup.map(|cleanup| cleanup.cleanup(preview)).transpose()?,
            preview,
            manifest: DeployManifest {
                app,
                env,
                namespace,
                chart,
                values,
                strategic_merge_patches,
                json6902_patches,
                manifests,
            },
        })
    }
}

impl DeployFields {
    fn policy(self) -> Result<Option<Policy>, String> {
        let Self { event, branch, tag, commit_message_patterns, paths } = self;
        Policy::parse(Conditions {
            event: event.map(Into::into),
            branch,
            tag,
            messages: commit_message_patterns,
            paths,
        })
    }
}

impl CleanupFields {
    fn cleanup(self, preview: bool) -> Result<Cleanup, String> {
        let Self { app, event, branch, after, idle } = self;
        let limits = Limits { after, idle };
        if preview {
            if app.is_some() || branch.is_some() {
                return Err(
                    "a preview goes with its branch: remove cleanup.app and cleanup.branch".into(),
                );
            }
            return Cleanup::of_preview(limits);
        }
        let Some(app) = app.filter(|app| !app.is_empty()) else {
            return Err("cleanup.app is missing: name the app to remove".into());
        };
        match (event, branch) {
            (Some(CleanupEvent::BranchDeleted), Some(branch)) => {
                Cleanup::of_app(app, &branch, limits)
            }
            _ => Err("cleanup needs event: branchDeleted and a branch".into()),
        }
    }
}

fn invalid(error: &serde_saphyr::Error) -> FileError {
    let place = error
        .location()
        .map(|location| format!("line {}, column {}: ", location.line(), location.column()))
        .unwrap_or_default();
    let message = match error.without_snippet() {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            // At the top all fields of the format count, inside those of the type.
            let known: &[&str] = if expected.contains(&"namespace") && expected.contains(&"chart") {
                FIELDS
            } else {
                expected
            };
            let hint = match suggestion::closest(field, known.iter().copied()) {
                Some(close) => format!("did you mean {close}?"),
                None => format!("known are {}", known.join(", ")),
            };
            format!("unknown field {field}; {hint}")
        }
        other => without_place(&other.to_string()),
    };
    FileError::Invalid { place, message }
}

/// Cuts the place off a message that ends with it: it is said at the start.
fn without_place(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let end = first.rfind(" at line ").unwrap_or(first.len());
    let text = first[..end].trim();
    text.strip_prefix("error: ").unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HEAD: &str = "app: web\nenv: staging\nnamespace: team\nchart:\n  name: app\n";

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_has_one_or_many_manifests() {
        let text = format!(
            "{HEAD}values:\n  replicas: 2\n  mode: 0777\n  on: yes\n---\n{}",
            HEAD.replace("staging", "prod")
        );
        let manifests = parse(&text).unwrap();
        let envs: Vec<_> = manifests.iter().map(|manifest| manifest.env.as_deref()).collect();
        assert_eq!(envs, [Some("staging"), Some("prod")]);
        let values = Value::Object(manifests[0].values.clone().unwrap().0);
        assert_eq!(values["replicas"], 2);
        assert_eq!(values["mode"], 511);
        assert_eq!(refusal(""), FileError::Empty.to_string());
        assert_eq!(refusal("# only a comment\n"), FileError::Empty.to_string());
    }

    #[test]
    fn an_unknown_field_is_named_with_its_place_and_what_was_meant() {
        let error = refusal("app: web\nnamspace: team\n");
        assert_eq!(error, "line 2, column 1: unknown field namspace; did you mean namespace?");
        let error = refusal("namespace: team\nchart:\n  nam: app\n");
        assert_eq!(error, "line 3, column 3: unknown field nam; did you mean name?");
        let error = refusal(&format!("{HEAD}---\n{HEAD}jsonPatches: []\n"));
        assert!(error.starts_with("line 12, column 1: unknown field jsonPatches"), "{error}");
    }

    #[test]
    fn faults_of_yaml_have_a_place() {
        for text in ["app: [\n", "app: web\n  b: 1\n", "app: web\napp: web\nnamespace: a\n"] {
            let error = refusal(text);
            assert!(error.starts_with("line "), "{text:?}: {error}");
        }
        assert!(refusal("app: web\n").contains("namespace"));
        assert!(refusal("namespace: [a]\n").starts_with("line 1"));
    }

    #[test]
    fn fields_about_automatic_deploys_are_read_beside_the_manifest() {
        let text = format!(
            "{HEAD}deploy:\n  event: push\n  branch: '!main'\ncleanup:\n  app: web-{{{{ .BRANCH }}}}\n  \
             event: branchDeleted\n  branch: '*'\n---\n{HEAD}preview: true\ncleanup: {{after: 72h, idle: 1h30m}}\n"
        );
        let files = parse_files(&text).unwrap();
        assert!(files[0].policy.is_some() && files[0].cleanup.is_some() && !files[0].preview);
        let limits = files[1].cleanup.as_ref().map(|c| (c.after.as_deref(), c.idle.as_deref()));
        assert_eq!(limits, Some((Some("72h"), Some("1h30m"))));
        assert!(files[1].preview && files[1].policy.is_none());
        assert_eq!(files[0].manifest, parse(HEAD).unwrap()[0]);
        assert!(!parse_files(HEAD).unwrap()[0].has_rules());
    }

    #[test]
    fn a_document_with_a_fault_hides_no_other() {
        let text = format!("# all\n---\n{HEAD}---\n{HEAD}deploy:\n  event: pull\n---\n{HEAD}");
        let results = parse_each(&text);
        let faults: Vec<_> = results.iter().map(|result| result.as_ref().err()).collect();
        assert_eq!(faults.len(), 3);
        assert!(faults[0].is_none() && faults[2].is_none());
        let fault = faults[1].unwrap().to_string();
        assert!(fault.starts_with("line 15") && fault.contains("pull"), "{fault}");
        assert!(matches!(parse_each("")[..], [Err(FileError::Empty)]));
        assert_eq!(parse_each("a: [\n").len(), 1);
    }

    #[test]
    fn an_unknown_event_is_refused() {
        let error = refusal(&format!("{HEAD}deploy:\n  event: pull\n"));
        assert!(error.contains("pull") && error.contains("line 7"), "{error}");
        let error = refusal(&format!("{HEAD}deploy:\n  event: tag\n  branch: main\n"));
        assert!(error.contains("use deploy.tag"), "{error}");
        let error = refusal(&format!("{HEAD}cleanup:\n  event: branchDeleted\n"));
        assert!(error.contains("cleanup.app is missing"), "{error}");
    }

    #[test]
    fn what_a_preview_cannot_do_is_refused() {
        let error = refusal(&format!("{HEAD}preview: true\ndeploy: {{tag: 'v*'}}\n"));
        assert!(error.contains("a preview is of a branch"), "{error}");
        let error = refusal(&format!("{HEAD}preview: true\ncleanup: {{app: web}}\n"));
        assert!(error.contains("remove cleanup.app"), "{error}");
        let error = refusal(&format!("{HEAD}preview: true\ncleanup: {{after: 3d}}\n"));
        assert!(error.contains("cleanup.after is not a time limit"), "{error}");
    }

    #[test]
    fn what_was_no_text_is_refused_and_not_released_in_part() {
        let broken = String::from_utf8_lossy(b"app: a\nenv: gr\xfcn\n").into_owned();
        assert_eq!(parse(&broken), Err(FileError::NoText { line: 2 }));
        assert_eq!(parse_each(&broken), [Err(FileError::NoText { line: 2 })]);
    }

    #[test]
    fn dependencies_are_refused() {
        let error = refusal(&format!("{HEAD}dependencies:\n- name: db\n"));
        assert!(error.starts_with("document 1: dependencies are not supported"), "{error}");
    }

    #[test]
    fn the_rules_of_the_kind_hold_for_files() {
        assert!(refusal("namespace: a\n").contains("needs a chart or raw manifests"));
        assert!(
            refusal("namespace: a\nmanifests: x\nvalues: {}\n").contains("values go to a chart")
        );
        assert!(refusal("namespace: ''\nmanifests: x\n").contains("namespace is empty"));
    }

    #[test]
    fn an_alias_bomb_and_a_huge_file_are_refused() {
        let mut bomb =
            String::from("namespace: a\nchart: {name: app}\nvalues:\n  a0: &a0 [x, x]\n");
        let levels = (1..40).map(|level: u32| {
            let before = level - 1;
            format!("  a{level}: &a{level} [*a{before}, *a{before}]\n")
        });
        bomb.extend(levels);
        assert!(parse(&bomb).is_err());
        let huge = format!("{HEAD}# {}", "x".repeat(MAX_FILE));
        assert!(matches!(parse(&huge), Err(FileError::TooLarge { .. })));
    }

    #[test]
    fn values_keep_the_order_and_the_types_of_the_file() {
        let text = format!("{HEAD}values:\n  b: \"1\"\n  a: 1.5\n  c: null\n");
        let values = parse(&text).unwrap().remove(0).values.unwrap().0;
        assert_eq!(Value::Object(values), json!({"b": "1", "a": 1.5, "c": null}));
    }
}
