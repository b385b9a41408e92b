use std::str::FromStr;

use insta::assert_snapshot;
use serde_json::Value;

use super::{link, message, noon};
use crate::{Format, Kind, Message, render};

const HOSTILE: &str =
    "@everyone <!channel> <@U123> [click](https://evil.example) *b* `c` \u{202e}olleh\u{7}";

fn json(message: &Message, format: Format) -> Value {
    serde_json::from_str(&render(message, format)).unwrap()
}

fn pretty(message: &Message, format: Format) -> String {
    serde_json::to_string_pretty(&json(message, format)).unwrap()
}

fn hostile() -> Message {
    let text = Some(HOSTILE.to_owned());
    Message {
        who: text.clone(),
        version: Some(link(HOSTILE, "javascript:alert(1)")),
        gitops_commit: Some(link(HOSTILE, "https://git.example.com/a)b")),
        reason: text.clone(),
        cause: text.clone(),
        next_step: text,
        links: vec![link(HOSTILE, "https://user:password@git.example.com/")],
        ..Message::new(Kind::Drift, HOSTILE, HOSTILE, noon())
    }
}

#[test]
fn slack_gets_rich_text() {
    assert_snapshot!(pretty(&message(), Format::Slack));
}

#[test]
fn discord_gets_an_embed() {
    assert_snapshot!(pretty(&message(), Format::Discord));
}

#[test]
fn teams_gets_an_adaptive_card() {
    assert_snapshot!(pretty(&message(), Format::Teams));
}

#[test]
fn others_get_the_whole_message_with_a_version() {
    assert_snapshot!(pretty(&message(), Format::Generic));
}

#[test]
fn discord_shows_hostile_text_as_it_is() {
    assert_snapshot!(pretty(&hostile(), Format::Discord));
}

#[test]
fn slack_interprets_nothing_of_a_hostile_text() {
    let value = json(&hostile(), Format::Slack);
    assert!(!value["text"].as_str().unwrap().contains('<'), "{value}");
    assert!(value["blocks"].as_array().unwrap().iter().all(|block| block["type"] == "rich_text"));
    let mut kinds = Vec::new();
    for section in value["blocks"][0]["elements"].as_array().unwrap() {
        for element in section["elements"].as_array().unwrap() {
            kinds.push(element["type"].as_str().unwrap().to_owned());
        }
    }
    assert!(kinds.iter().all(|kind| kind == "text" || kind == "link"), "{kinds:?}");
}

#[test]
fn teams_interprets_nothing_of_a_hostile_text() {
    let value = json(&hostile(), Format::Teams);
    let body = &value["attachments"][0]["content"]["body"];
    for block in body.as_array().unwrap() {
        assert_eq!(block["type"], "RichTextBlock");
        for run in block["inlines"].as_array().unwrap() {
            assert_eq!(run["type"], "TextRun");
        }
    }
}

#[test]
fn only_ordinary_addresses_become_links_and_hidden_characters_go() {
    for format in [Format::Slack, Format::Discord, Format::Teams] {
        let text = render(&hostile(), format);
        assert!(!text.contains("javascript:"), "{text}");
        assert!(!text.contains("password"), "{text}");
        assert!(!text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn long_texts_are_cut_to_what_receivers_take() {
    let long = Some("_".repeat(100_000));
    let message = Message {
        who: long.clone(),
        reason: long.clone(),
        cause: long.clone(),
        next_step: long,
        ..message()
    };
    let discord = json(&message, Format::Discord);
    let embed = &discord["embeds"][0];
    let chars = |value: &Value| value.as_str().unwrap().chars().count();
    let mut sum = chars(&embed["title"]);
    for field in embed["fields"].as_array().unwrap() {
        assert!(chars(&field["value"]) <= 1024, "{field}");
        sum += chars(&field["value"]) + chars(&field["name"]);
    }
    assert!(sum <= 6000, "{sum}");
    assert!(render(&message, Format::Teams).len() < 28_000);
    assert!(render(&message, Format::Slack).len() < 28_000);
}

#[test]
fn names_of_formats_and_kinds_are_read() {
    assert_eq!(Format::from_str("Teams"), Ok(Format::Teams));
    assert_eq!(Kind::from_str("rolledBack"), Ok(Kind::RolledBack));
    assert!(Kind::from_str("exploded").is_err());
}

#[test]
fn own_texts_stand_in_place_of_the_usual_ones_and_are_not_interpreted() {
    let message = Message {
        title: Some("web\nis <!here> @everyone".to_owned()),
        text: Some(format!("first *line*\n{HOSTILE}")),
        ..message()
    };
    assert_snapshot!(pretty(&message, Format::Slack));
    let discord = json(&message, Format::Discord);
    assert!(discord["embeds"][0]["description"].as_str().unwrap().starts_with(r"first \*line\*"));
    assert!(
        discord["embeds"][0]["fields"].as_array().unwrap().iter().all(|f| f["name"] == "Links")
    );
    let teams = render(&message, Format::Teams);
    assert!(teams.contains("web is <!here>") && teams.contains("first *line*"), "{teams}");
    assert!(!teams.contains("Next step"), "{teams}");
    let generic = json(&message, Format::Generic);
    assert!(generic["message"]["text"].as_str().unwrap().starts_with("first"));
}

#[test]
fn own_texts_are_cut_to_what_receivers_take() {
    let long = Some("@_".repeat(100_000));
    let message = Message { title: long.clone(), text: long, ..message() };
    let discord = json(&message, Format::Discord);
    let length = |value: &Value| value.as_str().unwrap().chars().count();
    assert!(length(&discord["embeds"][0]["description"]) <= 4096);
    assert!(length(&discord["embeds"][0]["title"]) <= 256);
    assert!(render(&message, Format::Teams).len() < 28_000);
    assert!(render(&message, Format::Slack).len() < 28_000);
}

#[test]
fn an_empty_own_text_leaves_the_usual_one() {
    let own = Message { title: Some(" \n".to_owned()), text: Some(String::new()), ..message() };
    for format in [Format::Slack, Format::Discord, Format::Teams] {
        assert_eq!(render(&own, format), render(&message(), format));
    }
}
