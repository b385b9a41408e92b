//! Texts of one's own: templates over the fields of a message. Pure.

use gimlet_crds::condition::{NOTIFICATIONS_READY, Truth, Verdict, cut};
use gimlet_crds::{Environment, Notification};
use gimlet_helm::text::{TextOptions, render_text};
use gimlet_helm::{Limits, on_deep_stack};
use gimlet_notify::{Kind, Link, Message, PlanSize};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Reason of the condition and of the event that tell of a template that cannot be used.
pub(super) const INVALID: &str = "InvalidTemplate";
/// Everything that a message may be about.
const KINDS: [Kind; 6] = [
    Kind::Released,
    Kind::Healthy,
    Kind::Failed,
    Kind::RolledBack,
    Kind::WaitingForApproval,
    Kind::Drift,
];
/// Longest error that is told, in bytes.
const MAX_ERROR: usize = 300;

/// A message is short, and so is what makes it: a template that wants more is refused.
fn limits() -> Limits {
    Limits {
        steps: 20_000,
        output_bytes: 16 << 10,
        depth: 20,
        list_length: 1_000,
        allocated_bytes: 4 << 20,
        objects: 0,
    }
}

/// Puts the texts of a rule's template into a message; one that fails leaves the usual text, and is
/// told.
pub(super) fn apply(rule: &Notification, message: &Message) -> (Message, Vec<String>) {
    let mut message = message.clone();
    let mut faults = Vec::new();
    if let Some(template) = &rule.template {
        let fields = fields(&message);
        let mut text = |field, text: Option<&str>| match rendered(field, text, &fields) {
            Ok(text) => text,
            Err(error) => {
                faults
                    .push(format!("notification {}: {error}; the usual text was sent", rule.name));
                None
            }
        };
        message.title = text("title", template.title.as_deref());
        message.text = text("text", template.text.as_deref());
    }
    (message, faults)
}

/// Says whether the templates of an environment can be used; nothing where it has none.
pub(crate) fn verdict(environment: &Environment) -> Option<Verdict> {
    let rules = &environment.spec.notifications;
    if rules.iter().all(|rule| rule.template.is_none()) {
        return None;
    }
    let faults = on_deep_stack(|| rules.iter().filter_map(fault).collect::<Vec<_>>());
    let faults = faults.unwrap_or_else(|| vec!["there is no thread to look at them".into()]);
    Some(if faults.is_empty() {
        Verdict::new(NOTIFICATIONS_READY, Truth::True, "Valid", "the templates can be used")
    } else {
        let message = format!("{}; the usual text is sent", faults.join("; "));
        Verdict::new(NOTIFICATIONS_READY, Truth::False, INVALID, message)
    })
}

/// Tries the template of a rule with messages of every kind, with all that they may say and without.
fn fault(rule: &Notification) -> Option<String> {
    let template = rule.template.as_ref()?;
    let samples = KINDS.into_iter().flat_map(|kind| [bare(kind), full(kind)]);
    let fields: Vec<Value> = samples.map(|message| fields(&message)).collect();
    let first = |field, text: Option<&str>| {
        fields.iter().find_map(|fields| rendered(field, text, fields).err())
    };
    let error = first("title", template.title.as_deref())
        .or_else(|| first("text", template.text.as_deref()))?;
    Some(format!("{}: {error}", rule.name))
}

fn rendered(
    field: &'static str,
    text: Option<&str>,
    fields: &Value,
) -> Result<Option<String>, String> {
    let options =
        TextOptions { missing_key_error: true, limits: limits(), ..TextOptions::default() };
    let rendered = text.map(|text| render_text(field, text, fields, &options));
    rendered.transpose().map_err(|error| cut(&error.to_string(), MAX_ERROR))
}

/// What a template sees: the same fields for every message, empty where it says nothing.
fn fields(message: &Message) -> Value {
    let Message {
        kind,
        time,
        app,
        environment,
        who,
        version,
        gitops_commit,
        plan,
        reason,
        cause,
        next_step,
        title: _,
        text: _,
        links: _,
    } = message;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let link = |link: &Option<Link>| {
        let Link { text, url } = link.clone().unwrap_or_default();
        json!({"text": text, "url": url.unwrap_or_default()})
    };
    let PlanSize { added, changed, removed } = plan.unwrap_or_default();
    json!({
        "kind": kind,
        "time": time.to_string(),
        "app": app,
        "environment": environment,
        "who": text(who),
        "version": link(version),
        "gitopsCommit": link(gitops_commit),
        "plan": {"added": added, "changed": changed, "removed": removed},
        "reason": text(reason),
        "cause": text(cause),
        "nextStep": text(next_step),
    })
}

fn bare(kind: Kind) -> Message {
    Message::new(kind, "shop", "staging", Timestamp::UNIX_EPOCH)
}

fn full(kind: Kind) -> Message {
    let text = || Some("text".to_owned());
    let link = || Some(Link { text: "v1".into(), url: Some("https://example.com".into()) });
    Message {
        who: text(),
        version: link(),
        gitops_commit: link(),
        plan: Some(PlanSize { added: 1, changed: 1, removed: 1 }),
        reason: text(),
        cause: text(),
        next_step: text(),
        ..bare(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(template: &Value) -> Notification {
        serde_json::from_value(json!({
            "name": "team", "provider": "Slack", "secretRef": {"name": "slack"},
            "template": template
        }))
        .unwrap()
    }

    #[test]
    fn a_template_says_it_in_other_words() {
        let rule = rule(&json!({
            "title": "{{ .app | upper }} {{ .version.text }}: {{ .kind }}",
            "text": "{{ if .who }}by {{ .who }}, {{ end }}+{{ .plan.added }} -{{ .plan.removed }}"
        }));
        assert_eq!(fault(&rule), None);
        let (message, faults) = apply(&rule, &full(Kind::Released));
        assert!(faults.is_empty());
        assert_eq!(message.title.as_deref(), Some("SHOP v1: released"));
        assert_eq!(message.text.as_deref(), Some("by text, +1 -1"));
        let (message, _) = apply(&rule, &bare(Kind::Healthy));
        assert_eq!(message.title.as_deref(), Some("SHOP : healthy"));
        assert_eq!(message.text.as_deref(), Some("+0 -0"));
    }

    #[test]
    fn a_broken_template_is_named_with_its_place_and_leaves_the_usual_text() {
        for (template, says) in [
            (json!({"title": "{{ .ap }}"}), "title:1:"),
            (json!({"text": "a\n\n{{ if }}"}), "text:3: missing value for if"),
            (json!({"text": "{{ .version.hash }}"}), "no entry for key \"hash\""),
            (json!({"text": "{{ if eq .kind \"drift\" }}{{ .x }}{{ end }}"}), "key \"x\""),
        ] {
            let rule = rule(&template);
            let fault = fault(&rule).unwrap();
            assert!(fault.starts_with("team: template: ") && fault.contains(says), "{fault}");
            let (message, faults) = apply(&rule, &bare(Kind::Drift));
            assert_eq!((message.title, message.text), (None, None));
            assert_eq!(faults.len(), 1, "{faults:?}");
        }
    }

    #[test]
    fn a_template_reaches_nothing_but_the_message_and_costs_little() {
        for text in [
            "{{ env \"HOME\" }}",
            "{{ now }}",
            "{{ lookup \"v1\" \"Secret\" \"a\" \"b\" }}",
            "{{ .Files.Get \"x\" }}",
            "{{ .links }}",
            "{{ repeat 100000 \"x\" }}",
            "{{ range until 900 }}{{ range until 900 }}x{{ end }}{{ end }}",
            "{{ derivePassword 1 \"long\" \"p\" \"u\" \"s\" }}",
            "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
        ] {
            assert!(fault(&rule(&json!({"text": text}))).is_some(), "{text}");
        }
    }
}
