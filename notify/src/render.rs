//! The body of a message in the format of its receiver.

use serde_json::{Value, json};

use crate::text::{address, clean, escape_discord, escape_slack};
use crate::{Link, Message};

const SHORT: usize = 120;
/// Escaping triples a text at worst; a field of Discord has 1024 characters.
const LONG: usize = 340;
/// A title and a text of somebody's own; the text is a description of Discord, which has 4096.
const OWN_TITLE: usize = 150;
const OWN_TEXT: usize = 1300;
const MAX_LINKS: usize = 5;

/// The format that a receiver understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
pub enum Format {
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook of Discord.
    Discord,
    /// A webhook of a workflow in Microsoft Teams.
    Teams,
    /// A JSON document that is documented and stable: `{"version": 1, "type", "message"}`.
    Generic,
}

/// Makes the body, as JSON.
pub fn render(message: &Message, format: Format) -> String {
    match format {
        Format::Slack => slack(message),
        Format::Discord => discord(message),
        Format::Teams => teams(message),
        Format::Generic => json!({ "version": 1, "type": message.kind, "message": message }),
    }
    .to_string()
}

fn title(message: &Message) -> String {
    let own = message.title.as_deref().map(|own| clean(&own.replace('\n', " "), OWN_TITLE));
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        return own;
    }
    let (app, environment) = (clean(&message.app, 60), clean(&message.environment, 60));
    format!("{app} {} in {environment}", message.kind.verb())
}

/// A line of a message: what it is, what it says, where it leads.
struct Fact {
    name: &'static str,
    text: String,
    url: Option<String>,
}

/// The text of somebody's own, where there is one.
fn own_text(message: &Message) -> Option<String> {
    let own = message.text.as_deref().map(|own| clean(own, OWN_TEXT));
    own.filter(|own| !own.is_empty())
}

fn facts(message: &Message) -> Vec<Fact> {
    if own_text(message).is_some() {
        return Vec::new();
    }
    let Message {
        kind: _,
        time: _,
        app: _,
        environment: _,
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
    let said = |name, text: &Option<String>, limit| {
        let text = clean(text.as_deref()?, limit);
        (!text.is_empty()).then_some(Fact { name, text, url: None })
    };
    let linked = |name, link: &Option<Link>| {
        let link = link.as_ref()?;
        let text = clean(&link.text, SHORT);
        (!text.is_empty()).then(|| Fact { name, text, url: address(link) })
    };
    let plan = plan.map(|plan| {
        format!("{} added, {} changed, {} removed", plan.added, plan.changed, plan.removed)
    });
    [
        said("By", who, SHORT),
        linked("Version", version),
        linked("Commit", gitops_commit),
        said("Objects", &plan, SHORT),
        said("Reason", reason, LONG),
        said("Cause", cause, LONG),
        said("Next step", next_step, LONG),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The links that lead somewhere, with what to call them.
fn links(message: &Message) -> impl Iterator<Item = (String, String)> {
    let named = message.links.iter().filter_map(|link| {
        let url = address(link)?;
        let text = clean(&link.text, 40);
        Some((if text.is_empty() { "Open".to_owned() } else { text }, url))
    });
    named.take(MAX_LINKS)
}

/// Rich text, since its texts are never interpreted, unlike those of a section.
fn slack(message: &Message) -> Value {
    let text = |text: String| json!({"type": "text", "text": text});
    let link = |name: &str, url: &str| json!({"type": "link", "url": url, "text": name});
    let bold = |text: String| json!({"type": "text", "text": text, "style": {"bold": true}});
    let mut sections = vec![json!({
        "type": "rich_text_section",
        "elements": [bold(title(message))],
    })];
    if let Some(own) = own_text(message) {
        sections.push(json!({
            "type": "rich_text_section",
            "elements": [text(format!("\n{own}"))],
        }));
    }
    for Fact { name, text: value, url } in facts(message) {
        let value = match url {
            Some(url) => link(&value, &url),
            None => text(value),
        };
        sections.push(json!({
            "type": "rich_text_section",
            "elements": [text(format!("\n{name}: ")), value],
        }));
    }
    for (name, url) in links(message) {
        sections.push(json!({
            "type": "rich_text_section",
            "elements": [text("\n".to_owned()), link(&name, &url)],
        }));
    }
    json!({
        "text": escape_slack(&title(message)),
        "mrkdwn": false,
        "unfurl_links": false,
        "blocks": [{"type": "rich_text", "elements": sections}],
    })
}

fn discord(message: &Message) -> Value {
    let masked = |text: &str, url: &str| {
        // A bracket would end the address.
        let url = url.replace('(', "%28").replace(')', "%29");
        format!("[{}]({url})", escape_discord(text))
    };
    let mut fields: Vec<_> = facts(message)
        .into_iter()
        .map(|Fact { name, text, url }| {
            let value = match url {
                // What is longer would not fit into a field.
                Some(url) if url.len() < 500 => masked(&text, &url),
                _ => escape_discord(&text),
            };
            json!({"name": name, "value": value, "inline": false})
        })
        .collect();
    let links: Vec<_> = links(message)
        .filter(|(_, url)| url.len() < 150)
        .map(|(text, url)| masked(&text, &url))
        .collect();
    if !links.is_empty() {
        fields.push(json!({"name": "Links", "value": links.join("\n"), "inline": false}));
    }
    let mut embed = json!({
        "title": escape_discord(&clean(&title(message), 85)),
        "color": message.kind.colour().0,
        "timestamp": message.time.to_string(),
        "fields": fields,
    });
    if let Some(own) = own_text(message) {
        embed["description"] = escape_discord(&own).into();
    }
    json!({"allowed_mentions": {"parse": []}, "embeds": [embed]})
}

/// Text runs, since those are never interpreted as Markdown, unlike text blocks.
fn teams(message: &Message) -> Value {
    let block = |inlines: Value| json!({"type": "RichTextBlock", "inlines": inlines});
    let mut body = vec![block(json!([{
        "type": "TextRun",
        "text": title(message),
        "weight": "bolder",
        "size": "medium",
        "color": message.kind.colour().1,
    }]))];
    let mut actions = Vec::new();
    for line in own_text(message).iter().flat_map(|own| own.lines()) {
        body.push(block(json!([{"type": "TextRun", "text": line}])));
    }
    for Fact { name, text, url } in facts(message) {
        if let Some(url) = url {
            actions.push(json!({"type": "Action.OpenUrl", "title": name, "url": url}));
        }
        body.push(block(json!([
            {"type": "TextRun", "text": format!("{name}: "), "weight": "bolder"},
            {"type": "TextRun", "text": text},
        ])));
    }
    for (name, url) in links(message) {
        actions.push(json!({"type": "Action.OpenUrl", "title": name, "url": url}));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "actions": actions,
            },
        }],
    })
}
