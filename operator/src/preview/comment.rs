//! What a pull request is told of its previews: pure.

use std::collections::BTreeSet;

use gimlet_crds::condition::{self, READY, cut};
use gimlet_crds::{App, LiveState, Phase, Release};
use kube::ResourceExt;

/// Begins the row of a preview; its id and the end of the HTML comment follow.
const ROW: &str = "| <!-- preview:";
/// What a row says of a preview that is gone.
const REMOVED: &str = "removed";
/// Longest cause that is told, in bytes.
const MAX_CAUSE: usize = 200;
/// Rows of previews that are gone, at most.
const MAX_GONE: usize = 50;
/// Longest row that is taken over from the comment that is there, in bytes.
const MAX_ROW: usize = 1024;

/// A preview as a pull request is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    id: String,
    text: String,
}

impl Row {
    /// Tells how a preview stands. Only what runs is ready.
    pub(super) fn of(app: &App, newest: Option<&Release>) -> Self {
        let (state, version) = match removal(app) {
            Some(state) => (state, current(app)),
            None => state(app, newest),
        };
        Self::new(app, &state, version.as_deref())
    }

    /// Tells that a preview is gone.
    pub(super) fn gone(app: &App) -> Self {
        Self::new(app, &with_cause(REMOVED, cause(app)), current(app).as_deref())
    }

    /// Names the preview within the comment.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    fn new(app: &App, state: &str, version: Option<&str>) -> Self {
        let spec = &app.spec;
        let id = id(app);
        let host = spec.preview.as_ref().and_then(|preview| preview.host.as_deref());
        let url = host.map(super::binding::url).unwrap_or_default();
        let version = version.map(code).unwrap_or_default();
        let text = format!(
            "{ROW}{id} --> {} in {} | {url} | {state} | {version} |",
            spec.app, spec.environment
        );
        Self { id, text }
    }
}

/// Names a preview within a comment.
pub(super) fn id(app: &App) -> String {
    format!("{}/{}", app.namespace().unwrap_or_default(), app.name_any())
}

/// Writes the comment. Previews that the old one tells of and that are not there any more are told
/// as removed; of nothing but those no new comment is made.
pub(super) fn body(rows: &[Row], old: Option<&str>) -> Option<String> {
    let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let gone = old.map(|old| gone(old, &known)).unwrap_or_default();
    if old.is_none() && rows.iter().all(|row| row.text.contains(&format!("| {REMOVED}"))) {
        return None;
    }
    let mut lines: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    lines.extend(gone.iter().map(String::as_str));
    lines.sort_unstable();
    Some(format!(
        "**Previews** of this pull request, by Gimlet\n\n\
         | Preview | URL | State | Version |\n| --- | --- | --- | --- |\n{}",
        lines.join("\n")
    ))
}

/// Finds the previews of a comment that are not there any more.
fn gone(old: &str, known: &BTreeSet<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    for line in old.lines().map(str::trim).filter(|line| line.len() <= MAX_ROW) {
        let Some((id, cells)) = line.strip_prefix(ROW).and_then(|rest| rest.split_once(" -->"))
        else {
            continue;
        };
        if known.contains(id) || !is_id(id) {
            continue;
        }
        let cells: Vec<&str> = cells.split('|').collect();
        let [name, url, state, version, _] = cells[..] else { continue };
        let state = if state.trim().starts_with(REMOVED) { state.trim() } else { REMOVED };
        lines.push(format!("{ROW}{id} -->{name}|{url}| {state} |{version}|"));
    }
    lines.truncate(MAX_GONE);
    lines
}

fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/'))
}

/// Tells how a preview goes, where it does.
fn removal(app: &App) -> Option<String> {
    app.metadata.deletion_timestamp.as_ref()?;
    let conditions = app.status.as_ref().map(|status| status.conditions.as_slice());
    let ready = condition::find(conditions.unwrap_or_default(), READY);
    let state = if ready.is_some_and(|ready| ready.reason == "Uninstalling") {
        REMOVED
    } else {
        "to be removed"
    };
    Some(with_cause(state, cause(app)))
}

fn cause(app: &App) -> Option<&str> {
    let preview = app.status.as_ref()?.preview.as_ref()?;
    preview.removal.as_ref().map(|removal| removal.message.as_str())
}

/// Tells how a preview stands that stays, and of which version.
fn state(app: &App, newest: Option<&Release>) -> (String, Option<String>) {
    let status = newest.and_then(|release| release.status.as_ref());
    let message = || {
        let ready = condition::find(&status?.conditions, READY)?;
        Some(ready.message.as_str())
    };
    let version = status.and_then(|status| status.version.clone());
    match status.map(|status| status.phase) {
        Some(Phase::Failed | Phase::Rejected) => {
            return (with_cause("failed", message()), version.or_else(|| current(app)));
        }
        Some(Phase::Waiting) => return (with_cause("waits", message()), version),
        Some(Phase::Pending | Phase::Planned | Phase::Queued) => {
            return ("deploying".into(), version);
        }
        Some(Phase::Committed | Phase::Applied) => return ("deploying".into(), version),
        None if newest.is_some() => return ("deploying".into(), None),
        Some(Phase::Healthy | Phase::Unchanged | Phase::Superseded | Phase::Cancelled) | None => {}
    }
    let live = app.status.as_ref().and_then(|status| status.live.as_ref());
    let state = match live.map(|live| live.state) {
        Some(LiveState::Healthy) => "ready".into(),
        Some(LiveState::Failed) => with_cause("failed", live.and_then(|l| l.message.as_deref())),
        Some(LiveState::Unknown) => "released; nothing tells whether it runs".into(),
        Some(LiveState::Progressing) | None => "deploying".into(),
    };
    (state, current(app))
}

fn current(app: &App) -> Option<String> {
    app.status.as_ref()?.current.as_ref()?.version.clone()
}

fn with_cause(state: &str, cause: Option<&str>) -> String {
    match cause.filter(|cause| !cause.trim().is_empty()) {
        Some(cause) => format!("{state}: {}", code(cause)),
        None => state.to_owned(),
    }
}

/// Makes a text of others one that can neither end its cell nor mean anything to the host.
fn code(text: &str) -> String {
    let plain = |c: char| match c {
        '`' | '|' | '<' | '>' => ' ',
        c if c.is_control() || c.is_whitespace() => ' ',
        c => c,
    };
    let text: String = text.chars().map(plain).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("`{}`", cut(&words.join(" "), MAX_CAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn app(name: &str, fields: &Value) -> App {
        let mut object = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
            "metadata": {"name": format!("{name}.staging"), "namespace": "team"},
            "spec": {"app": name, "environment": "staging", "preview": {
                "repository": "acme/shop", "branch": "fix", "host": format!("{name}.dev.example.com"),
            }},
        });
        for (field, value) in fields.as_object().unwrap() {
            object[field] = value.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    fn runs(state: &str) -> Value {
        json!({"status": {
            "current": {
                "name": "r", "uid": "u", "version": "abc1234", "commit": "c", "tree": "t",
                "time": "2026-01-01T00:00:00Z",
            },
            "live": {"state": state, "message": "CrashLoopBackOff"},
        }})
    }

    fn release(phase: &str, message: &str) -> Release {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "r"},
            "spec": {"app": "shop", "environment": "staging"},
            "status": {"phase": phase, "version": "def5678", "conditions": [{
                "type": "Ready", "status": "False", "reason": "X", "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }]},
        }))
        .unwrap()
    }

    fn told(app: &App, newest: Option<&Release>) -> String {
        let row = Row::of(app, newest).text;
        let (_, cells) = row.split_once("https://shop.dev.example.com | ").unwrap();
        cells.to_owned()
    }

    #[test]
    fn only_what_runs_is_ready() {
        let healthy = release("Healthy", "");
        for (live, expected) in [
            ("Healthy", "ready | `abc1234` |"),
            ("Progressing", "deploying | `abc1234` |"),
            ("Failed", "failed: `CrashLoopBackOff` | `abc1234` |"),
            ("Unknown", "released; nothing tells whether it runs | `abc1234` |"),
        ] {
            assert_eq!(told(&app("shop", &runs(live)), Some(&healthy)), expected);
            assert_eq!(told(&app("shop", &runs(live)), None), expected, "the release was pruned");
        }
        for (phase, expected) in [
            ("Committed", "deploying | `def5678` |"),
            ("Applied", "deploying | `def5678` |"),
            ("Waiting", "waits: `why` | `def5678` |"),
            ("Failed", "failed: `why` | `def5678` |"),
            ("Rejected", "failed: `why` | `def5678` |"),
        ] {
            let newest = release(phase, "why");
            assert_eq!(told(&app("shop", &runs("Healthy")), Some(&newest)), expected, "{phase}");
        }
        assert_eq!(told(&app("shop", &json!({})), None), "deploying |  |");
    }

    #[test]
    fn what_others_write_stays_text() {
        let newest = release("Failed", "a | b\n<!-- preview:x --> `@all`");
        let told = told(&app("shop", &json!({})), Some(&newest));
        assert_eq!(told, "failed: `a b !-- preview:x -- @all` | `def5678` |");
    }

    #[test]
    fn what_is_not_there_any_more_is_told_as_removed_and_stays_so() {
        let rows = |names: &[&str]| -> Vec<Row> {
            names.iter().map(|name| Row::of(&app(name, &runs("Healthy")), None)).collect()
        };
        let both = body(&rows(&["cart", "shop"]), None).unwrap();
        assert_eq!(both.matches("ready").count(), 2);
        let one = body(&rows(&["cart"]), Some(&both)).unwrap();
        assert_eq!(one.matches("| ready |").count(), 1);
        assert!(
            one.contains("shop in staging | https://shop.dev.example.com | removed | `abc1234` |"),
            "{one}"
        );
        assert_eq!(body(&rows(&["cart"]), Some(&one)).unwrap(), one, "nothing changes by itself");
        let again = body(&rows(&["cart", "shop"]), Some(&one)).unwrap();
        assert_eq!(again, both, "a branch that is made again is told anew");
        assert_eq!(body(&[], None), None, "nothing is worth a comment");
        let hostile = format!("{ROW}a b --> x | y | z | v |\n{ROW}ok/ok --> only\n");
        assert_eq!(body(&rows(&["cart"]), Some(&hostile)), body(&rows(&["cart"]), None));
    }

    #[test]
    fn the_end_says_why() {
        let mut fields = runs("Healthy");
        fields["metadata"] = json!({
            "name": "shop.staging", "namespace": "team", "deletionTimestamp": "2026-01-01T00:00:00Z",
        });
        fields["status"]["preview"] =
            json!({"removal": {"reason": "BranchDeleted", "message": "branch fix was deleted"}});
        let going = app("shop", &fields);
        assert!(told(&going, None).starts_with("to be removed: `branch fix was deleted`"));
        let gone = Row::gone(&going);
        assert!(gone.text.contains("| removed: `branch fix was deleted` |"), "{}", gone.text);
        assert_eq!(body(std::slice::from_ref(&gone), None), None);
        let before = body(&[Row::of(&app("shop", &runs("Healthy")), None)], None).unwrap();
        let after = body(&[gone], Some(&before)).unwrap();
        assert_eq!(body(&[], Some(&after)).unwrap(), after, "the cause is kept");
    }
}
