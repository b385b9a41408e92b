//! When something happens by itself: policies of manifests, deploy windows.

use std::collections::BTreeSet;

use gimlet_crds::ArtifactEvent;
use gimlet_manifest::file::parse_files;
use gimlet_manifest::policy::{Changes, Facts, Pattern, Verdict, judge_preview};
use gimlet_schedule::{State, WindowSpec, Windows};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::{explained, parts};

/// The conditions of a policy, and what they are held against.
pub fn policies(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let [conditions, facts, paths] = parts(&text);
    let changes = if paths.is_empty() {
        Changes::Unknown("nobody looked".into())
    } else {
        let paths: BTreeSet<String> = paths.lines().map(str::to_owned).collect();
        Changes::Since { commit: "4e1f09c0a1".into(), paths }
    };
    let mut facts = facts.lines();
    let mut fact = || facts.next().filter(|fact| !fact.is_empty());
    let event = match fact() {
        Some("tag") => ArtifactEvent::Tag,
        Some("pr") => ArtifactEvent::PullRequest,
        _ => ArtifactEvent::Push,
    };
    let (branch, tag, message) = (fact(), fact(), fact());
    let facts = Facts { event, branch, tag, message, changes: &changes };
    match parse_files(&file(conditions).to_string()) {
        Ok(files) => {
            for file in &files {
                if let Some(policy) = &file.policy {
                    let verdict = policy.judge(facts);
                    assert_eq!(verdict, policy.judge(facts));
                    let matched = matches!(verdict, Verdict::Matched(_));
                    assert!(!matched || policy.event() == event, "an event of another kind");
                    told(&verdict);
                }
                told(&judge_preview(facts, Some("main"), false));
                let bound = file.cleanup.as_ref().and_then(|cleanup| cleanup.bound.as_ref());
                let _ = bound.is_some_and(|bound| bound.matches(branch.unwrap_or_default()));
            }
        }
        Err(error) => {
            explained(&error);
        }
    }
    for pattern in conditions.lines() {
        negated(pattern, branch.unwrap_or_default());
    }
}

/// A file with these conditions: each line is a field, `=` and a value. JSON is YAML too, and in it a
/// text is what it is.
fn file(conditions: &str) -> Json {
    let (mut deploy, mut cleanup) = (Map::new(), Map::new());
    for line in conditions.lines().take(80) {
        let (field, value) = line.split_once('=').unwrap_or((line, ""));
        match field {
            "commitMessagePatterns" | "paths" => {
                let list = deploy.entry(field).or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(json!(value));
                }
            }
            "event" | "branch" | "tag" => {
                deploy.insert(field.to_owned(), json!(value));
            }
            field => {
                let field = field.strip_prefix("cleanup.").unwrap_or(field);
                cleanup.insert(field.to_owned(), json!(value));
            }
        }
    }
    let mut file =
        json!({"app": "web", "env": "staging", "namespace": "shop", "chart": {"name": "app"}});
    for (field, value) in [("deploy", deploy), ("cleanup", cleanup)] {
        if !value.is_empty() {
            file[field] = Json::Object(value);
        }
    }
    file
}

fn told(verdict: &Verdict) {
    let (Verdict::Matched(text) | Verdict::NotMatched(text)) = verdict;
    explained(text);
}

/// What a pattern matches, the same one after a `!` does not.
fn negated(pattern: &str, name: &str) {
    match (Pattern::parse(pattern), Pattern::parse(&format!("!{pattern}"))) {
        (Ok(plain), Ok(not)) if !pattern.starts_with('!') => {
            assert_ne!(plain.matches(name), not.matches(name), "{pattern:?} and {name:?}");
            let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
            if pattern.chars().all(usual) {
                assert_eq!(plain.matches(name), pattern == name, "{pattern:?} and {name:?}");
            }
        }
        (plain, _) => {
            if let Err(error) = plain {
                explained(&error);
            }
        }
    }
}

/// Deploy windows, one on each line: allow or deny, cron or rule, start, duration, time zone, with tabs
/// between them; and before them the second since 1970 that they are held against.
pub fn schedules(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let second = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(1_800_000_000);
    let now = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    for line in lines.take(4) {
        let mut words = line.split('\t');
        let mut word = || words.next().filter(|word| !word.is_empty()).map(str::to_owned);
        let (side, opens, start) = (word(), word(), word());
        let (duration, time_zone) = (word().unwrap_or_default(), word());
        let (cron, rrule) = if start.is_some() { (None, opens) } else { (opens, None) };
        let spec = WindowSpec { cron, rrule, start, duration, time_zone };
        if side.as_deref() == Some("deny") { deny.push(spec) } else { allow.push(spec) }
    }
    match Windows::parse(&allow, &deny) {
        Ok(windows) => {
            let state = windows.state(now);
            assert_eq!(state, windows.state(now));
            let (State::Open { until } | State::Closed { until, .. }) = &state;
            if let Some(until) = until {
                assert!(*until > now, "{state:?} at {now}");
                let then = windows.state(*until);
                let turned = matches!(
                    (&state, &then),
                    (State::Open { .. }, State::Closed { .. })
                        | (State::Closed { .. }, State::Open { .. })
                );
                assert!(turned, "{state:?} at {now} becomes {then:?}");
            }
        }
        Err(error) => {
            explained(&error);
        }
    }
}
