//! The `.gimlet/` files of an application.

use std::collections::{BTreeMap, BTreeSet};

use gimlet_manifest::file;
use regex::Regex;
use serde_json::Value;

use super::Todo;

/// Events that a policy may name.
const EVENTS: [&str; 3] = ["push", "tag", "pr"];
/// Ways to build an image that the original had.
const BUILDS: [&str; 3] = ["dockerfile", "buildpacks", "dynamic"];

/// Finds what is to be done about the files of an application.
pub(super) fn examine(files: &BTreeMap<String, String>) -> Todo {
    let mut todo = Todo::default();
    for (path, content) in files {
        let Some(name) = path.strip_prefix(".gimlet/").filter(|name| !name.contains('/')) else {
            continue;
        };
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        match extension {
            Some("yaml" | "yml") => manifest(path, content, files, &mut todo),
            Some("cue") => todo.by_hand.push(format!(
                "{path}: CUE is not read: write what it makes into YAML files (cue export --out yaml)"
            )),
            _ if name == "vars" => todo.by_hand.push(format!(
                "{path}: put its variables into spec.vars of the Environments, or pass them in CI with --var-file"
            )),
            _ => {}
        }
    }
    todo.found.push(format!(
        "{} files in .gimlet/",
        files.keys().filter(|path| path.starts_with(".gimlet/")).count()
    ));
    todo.next.push(
        "gimlet manifest lint .gimlet checks the rest, and renders each manifest on trial".into(),
    );
    todo
}

/// Examines one file, document by document.
fn manifest(path: &str, content: &str, files: &BTreeMap<String, String>, todo: &mut Todo) {
    let mut changed = String::new();
    for document in documents(content) {
        let (text, mut reasons) = bring_over(document);
        let text = beside(text, files, &mut reasons);
        todo.reasons.extend(reasons.into_iter().map(|reason| format!("{path}: {reason}")));
        by_hand(path, &text, todo);
        preview(&text, todo);
        changed.push_str(&text);
    }
    if changed == content {
        return;
    }
    // What cannot be read afterwards is not written.
    if file::parse_each(&changed).iter().any(Result::is_err)
        && file::parse_each(content).iter().all(Result::is_ok)
    {
        todo.by_hand.push(format!("{path}: it cannot be edited here: write it in block style"));
        return;
    }
    todo.changes.insert(path.to_owned(), Some(changed));
}

/// Brings one document to what it means here; its comments and its order stay.
fn bring_over(document: &str) -> (String, Vec<String>) {
    let fields: Value = serde_saphyr::from_str(document).unwrap_or(Value::Null);
    let (mut text, mut reasons) = (document.to_owned(), Vec::new());
    let mut drop = |key: &str, why: &str| {
        let without = without_block(&text, key);
        if without != text {
            text = without;
            reasons.push(format!("{key} goes: {why}"));
        }
    };
    let preview = fields["preview"] == true;
    let cleanup = &fields["cleanup"];
    if preview && (!cleanup["app"].is_null() || !cleanup["branch"].is_null()) {
        drop("cleanup", "a preview goes with its branch by itself");
    } else if !cleanup.is_null() && cleanup["branch"].is_null() && !preview {
        drop("cleanup", "without a branch it never did anything");
    }
    if preview && fields["deploy"]["event"] == "tag" {
        drop("deploy", "a preview is made of a branch");
    }
    let event = fields["deploy"]["event"].as_str();
    if let Some(event) = event.filter(|event| !EVENTS.contains(event)) {
        let line = Regex::new(&format!("event:(\\s*)[\"']?{}[\"']?", regex::escape(event)));
        let changed = line.map(|line| line.replace(&text, "event:${1}push").into_owned());
        if let Some(changed) = changed.ok().filter(|changed| *changed != text) {
            text = changed;
            reasons.push(format!("deploy.event {event} was taken for push, and is push now"));
        }
    }
    (text, reasons)
}

/// Names a chart of the repository from the folder of the manifest, and not from the top.
fn beside(text: String, files: &BTreeMap<String, String>, reasons: &mut Vec<String>) -> String {
    let fields: Value = serde_saphyr::from_str(&text).unwrap_or(Value::Null);
    let Some(name) = fields["chart"]["name"].as_str() else { return text };
    let folder = name.strip_prefix("./").unwrap_or(name).trim_end_matches('/');
    let at_top = name.starts_with("./") || name.contains('/') && !name.starts_with('.');
    if !at_top || !files.contains_key(&format!("{folder}/Chart.yaml")) {
        return text;
    }
    let line = Regex::new(&format!(r#"name:(\s*)["']?{}["']?"#, regex::escape(name)));
    let changed = line.map(|line| {
        line.replace(&text, |found: &regex::Captures<'_>| format!("name:{}../{folder}", &found[1]))
            .into_owned()
    });
    match changed {
        Ok(changed) if changed != text => {
            reasons.push(format!(
                "chart.name {name} is read from the folder of the file: ../{folder}"
            ));
            changed
        }
        _ => text,
    }
}

/// Lists what only a person can decide.
fn by_hand(path: &str, document: &str, todo: &mut Todo) {
    let fields: Value = serde_saphyr::from_str(document).unwrap_or(Value::Null);
    let mut say = |text: String| todo.by_hand.push(format!("{path}: {text}"));
    if !fields["dependencies"].is_null() {
        say("dependencies are not supported: add the objects that provision them (such as a Terraform \
             resource) under manifests".into());
    }
    let image = &fields["values"]["image"];
    if let Some(strategy) = image["strategy"].as_str().filter(|found| BUILDS.contains(found)) {
        say(format!(
            "values.image.strategy {strategy}: images are built in CI: remove it, and set repository and tag"
        ));
    }
    if fields["deploy"]["event"] == "push" && !fields["deploy"]["tag"].is_null() {
        say("deploy.tag with the event push never released anything: write event: tag, or take the tag out".into());
    }
    for name in found(document, r"\{\{-?\s*(env|expandenv)\s") {
        say(format!("the function {name} is not there: use a variable"));
    }
    for name in found(document, r"\.((?:GITHUB|CIRCLE)_[A-Z0-9_]+)") {
        say(format!(
            "{name} is not shipped by itself: pass it in CI, gimlet artifact push --var {name}=…"
        ));
    }
}

/// Tells what previews take from elsewhere.
fn preview(document: &str, todo: &mut Todo) {
    let fields: Value = serde_saphyr::from_str(document).unwrap_or(Value::Null);
    if fields["preview"] != true {
        return;
    }
    let mut say = |text: String| {
        if !todo.next.contains(&text) {
            todo.next.push(text);
        }
    };
    if !fields["values"]["ingress"]["host"].is_null() {
        let env = fields["env"].as_str().unwrap_or_default();
        say(format!("set spec.domain of Environment {env}: previews get their hosts below it"));
    }
    if fields["values"]["gitBranch"].is_null() {
        say("previews: write gitBranch: \"{{ .BRANCH }}\" under values where the chart shows it: it is not set by itself".into());
    }
}

/// Finds the names that a pattern has as its group, each once.
fn found(text: &str, pattern: &str) -> BTreeSet<String> {
    let Ok(pattern) = Regex::new(pattern) else { return BTreeSet::new() };
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// Cuts a file before the markers of its documents, so that joined they are the file again.
fn documents(content: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut offset = 0;
    for line in content.split_inclusive('\n') {
        if line.trim_end() == "---" && offset > 0 {
            starts.push(offset);
        }
        offset += line.len();
    }
    starts.push(content.len());
    starts.windows(2).map(|pair| &content[pair[0]..pair[1]]).collect()
}

/// Takes a field of the top level out, with all that belongs to it.
fn without_block(text: &str, key: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        let starts = line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
        if starts {
            inside = true;
            continue;
        }
        let belongs = line.starts_with([' ', '\t']) || line.trim().is_empty();
        inside &= belongs;
        if !inside {
            kept.push_str(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    const FILE: &str = "\
# The shop, on every branch.
app: shop-preview
env: staging
preview: true
namespace: shop
chart:
  name: app
deploy:
  event: tag # never worked
cleanup:
  app: shop-{{ .BRANCH }}
  event: branchDeleted
  branch: feature/*
values:
  replicas: 1 # enough
---
app: shop
env: production
namespace: shop
chart: {name: app}
deploy:
  event: merge
values:
  image:
    strategy: buildpacks
";

    fn examined(files: &[(&str, &str)]) -> Todo {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        examine(&files.collect())
    }

    #[test]
    fn what_the_original_meant_is_written_down_and_comments_stay() {
        let todo = examined(&[(".gimlet/shop.yaml", FILE)]);
        assert_snapshot!(todo.changes[".gimlet/shop.yaml"].as_deref().unwrap());
        assert_snapshot!(todo.reasons.join("\n"));
        let again = examined(&[(
            ".gimlet/shop.yaml",
            todo.changes[".gimlet/shop.yaml"].as_deref().unwrap(),
        )]);
        assert!(again.changes.is_empty(), "{again:?}");
    }

    #[test]
    fn what_only_a_person_can_decide_is_listed() {
        let todo = examined(&[
            (".gimlet/shop.yaml", FILE),
            (".gimlet/all.cue", "configs: []"),
            (".gimlet/vars", "A=1"),
            (
                ".gimlet/db.yaml",
                "app: db\nenv: staging\nnamespace: db\nmanifests: '{{ env \"HOME\" }}'\ndependencies: []\n",
            ),
        ]);
        assert_snapshot!(todo.by_hand.join("\n"));
    }

    #[test]
    fn a_file_of_today_stays_as_it_is() {
        let text = "app: a\nenv: b\nnamespace: c\nchart: {name: app}\ndeploy: {event: push, branch: main}\n";
        let todo = examined(&[(".gimlet/a.yaml", text)]);
        assert!(todo.changes.is_empty() && todo.by_hand.is_empty(), "{todo:?}");
    }
}
