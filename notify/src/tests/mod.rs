mod deliver;
mod filter;
mod form;

use jiff::Timestamp;

use crate::{Kind, Link, Message, PlanSize};

fn noon() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn link(text: &str, url: &str) -> Link {
    Link { text: text.to_owned(), url: Some(url.to_owned()) }
}

fn message() -> Message {
    Message {
        who: Some("jane@example.com".to_owned()),
        version: Some(link("v1.2.3", "https://git.example.com/web/commit/abc")),
        gitops_commit: Some(link("1f2e3d4", "https://git.example.com/gitops/commit/1f2e3d4")),
        plan: Some(PlanSize { added: 1, changed: 2, removed: 0 }),
        cause: Some("deployment web: 1 of 3 pods cannot pull their image".to_owned()),
        next_step: Some("check the image's name".to_owned()),
        links: vec![link("Release", "https://gimlet.example.com/releases/web-7")],
        ..Message::new(Kind::Failed, "web", "staging", noon())
    }
}
