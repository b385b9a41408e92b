//! Policies: when an artifact releases a manifest, or the end of a branch removes it, by itself.

mod cleanup;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use gimlet_crds::ArtifactEvent;

pub use cleanup::Cleanup;
pub(crate) use cleanup::{Limits, is_limit};
pub use pattern::{InvalidPattern, Pattern};
use pattern::{MessagePattern, PathPatterns};

/// A commit message with this in it passes every pattern for messages.
const DEPLOY_ALL: &str = "[DEPLOY: ALL]";
/// The most patterns of one kind.
const MAX_PATTERNS: usize = 64;
/// Longest part of a value that is quoted.
const QUOTED: usize = 80;

/// When an artifact releases a manifest by itself; all conditions have to match.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    event: ArtifactEvent,
    branch: Option<Pattern>,
    tag: Option<Pattern>,
    messages: Vec<MessagePattern>,
    paths: Option<PathPatterns>,
}

/// What a policy is held against.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What made the version.
    pub event: ArtifactEvent,
    /// The branch; of a pull request, the one it comes from.
    pub branch: Option<&'a str>,
    /// The tag.
    pub tag: Option<&'a str>,
    /// The message of the commit.
    pub message: Option<&'a str>,
    /// What changed since the app's last release.
    pub changes: &'a Changes,
}

/// What changed in the application's repository since the app's last release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It is not known, for this reason. Then nothing is held back: a release too many does less
    /// harm than one that is missing.
    Unknown(String),
    /// These paths differ from the commit that the app was released from.
    Since {
        /// The commit that the app was released from.
        commit: String,
        /// The paths, relative to the repository.
        paths: BTreeSet<String>,
    },
}

/// What a policy came to; the text names the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All conditions match.
    Matched(String),
    /// One does not.
    NotMatched(String),
}

/// The conditions of a policy as a file holds them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) event: Option<ArtifactEvent>,
    pub(crate) branch: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) messages: Vec<String>,
    pub(crate) paths: Vec<String>,
}

impl Policy {
    /// Reads the conditions; none at all make no policy, so nothing is released by itself.
    pub(crate) fn parse(conditions: Conditions) -> Result<Option<Self>, String> {
        let Conditions { event, branch, tag, messages, paths } = conditions;
        if event.is_none()
            && branch.is_none()
            && tag.is_none()
            && messages.is_empty()
            && paths.is_empty()
        {
            return Ok(None);
        }
        if branch.is_some() && event == Some(ArtifactEvent::Tag) {
            return Err("deploy.branch goes with the event push or pr: use deploy.tag".into());
        }
        if tag.is_some() && event.is_some_and(|event| event != ArtifactEvent::Tag) {
            return Err("deploy.tag goes with the event tag: use deploy.branch".into());
        }
        if tag.is_some() && branch.is_some() {
            return Err("deploy.tag and deploy.branch exclude each other: keep one".into());
        }
        if messages.iter().any(String::is_empty) {
            return Err("deploy.commitMessagePatterns has an empty pattern: remove it".into());
        }
        for (field, count) in [("commitMessagePatterns", messages.len()), ("paths", paths.len())] {
            if count > MAX_PATTERNS {
                return Err(format!(
                    "deploy.{field} has {count} patterns, and at most {MAX_PATTERNS} are read: use \
                     wider ones"
                ));
            }
        }
        let one = |field: &str, text: Option<String>| {
            text.map(|text| Pattern::parse(&text).map_err(|error| format!("{field}: {error}")))
                .transpose()
        };
        // Without an event a tag says that tags are meant, and all else that pushes are.
        let by_field = if tag.is_some() { ArtifactEvent::Tag } else { ArtifactEvent::Push };
        let messages = messages.iter().map(|text| {
            MessagePattern::parse(text)
                .map_err(|error| format!("deploy.commitMessagePatterns: {error}"))
        });
        Ok(Some(Self {
            event: event.unwrap_or(by_field),
            branch: one("deploy.branch", branch)?,
            tag: one("deploy.tag", tag)?,
            messages: messages.collect::<Result<_, _>>()?,
            paths: PathPatterns::parse(&paths).map_err(|error| format!("deploy.paths: {error}"))?,
        }))
    }

    /// Returns the event that the policy is for.
    pub fn event(&self) -> ArtifactEvent {
        self.event
    }

    /// Tells whether the paths that changed matter, which costs somebody a look into git.
    pub fn asks_for_paths(&self) -> bool {
        self.paths.is_some()
    }

    /// Holds the policy against an artifact.
    pub fn judge(&self, facts: Facts<'_>) -> Verdict {
        let mut matched = Vec::new();
        let checks = [
            Some(self.check_event(facts)),
            self.branch.as_ref().map(|pattern| check("branch", pattern, facts.branch)),
            self.tag.as_ref().map(|pattern| check("tag", pattern, facts.tag)),
            self.check_message(facts),
            self.check_paths(facts),
        ];
        for check in checks.into_iter().flatten() {
            match check {
                Verdict::Matched(what) => matched.push(what),
                not_matched @ Verdict::NotMatched(_) => return not_matched,
            }
        }
        Verdict::Matched(matched.join(", "))
    }

    fn check_event(&self, facts: Facts<'_>) -> Verdict {
        let (wanted, is) = (self.event.as_policy(), facts.event.as_policy());
        if self.event == facts.event {
            Verdict::Matched(format!("event {is}"))
        } else {
            Verdict::NotMatched(format!(
                "the policy is for the event {wanted}, the artifact was made by {is}"
            ))
        }
    }

    fn check_message(&self, facts: Facts<'_>) -> Option<Verdict> {
        if self.messages.is_empty() {
            return None;
        }
        let message = facts.message.unwrap_or_default();
        if message.contains(DEPLOY_ALL) {
            return Some(Verdict::Matched(format!("message has {DEPLOY_ALL}")));
        }
        Some(match self.messages.iter().find(|pattern| pattern.matches(message)) {
            Some(pattern) => Verdict::Matched(format!("message matches {:?}", pattern.text())),
            None => Verdict::NotMatched(format!(
                "commit message {} matches none of {}",
                quoted(message.lines().next().unwrap_or_default()),
                listed(self.messages.iter().map(MessagePattern::text)),
            )),
        })
    }

    fn check_paths(&self, facts: Facts<'_>) -> Option<Verdict> {
        let patterns = self.paths.as_ref()?;
        Some(match facts.changes {
            Changes::Unknown(why) => Verdict::Matched(format!("paths not compared: {why}")),
            Changes::Since { commit, paths } => {
                let short = &commit[..commit.len().min(7)];
                match paths.iter().find(|path| patterns.matches(path)) {
                    Some(path) => {
                        Verdict::Matched(format!("{} changed since {short}", quoted(path)))
                    }
                    None => Verdict::NotMatched(format!(
                        "none of the {} paths that changed since {short} matches {}",
                        paths.len(),
                        listed(patterns.texts()),
                    )),
                }
            }
        })
    }
}

fn check(what: &str, pattern: &Pattern, value: Option<&str>) -> Verdict {
    let Some(value) = value else {
        return Verdict::NotMatched(format!(
            "the policy is for {what} {:?}, the artifact has no {what}",
            pattern.text()
        ));
    };
    if pattern.matches(value) {
        Verdict::Matched(format!("{what} {} matches {:?}", quoted(value), pattern.text()))
    } else {
        Verdict::NotMatched(format!("{what} {} does not match {:?}", quoted(value), pattern.text()))
    }
}

/// Judges a preview without a policy of its own: it is for every branch but the default one.
///
/// `pushed` tells that the push of the same commit made an artifact too: then its pull request adds
/// nothing.
pub fn judge_preview(facts: Facts<'_>, default_branch: Option<&str>, pushed: bool) -> Verdict {
    let not = |why: &str| Verdict::NotMatched(why.to_owned());
    let Some(branch) = facts.branch.filter(|_| facts.event != ArtifactEvent::Tag) else {
        return not("a preview is for branches, the artifact is of a tag");
    };
    let Some(default) = default_branch else {
        return not(
            "a preview without deploy is for every branch but the default one, and it is not \
                    known which that is: add a Repository, or deploy to the manifest",
        );
    };
    if branch == default {
        return Verdict::NotMatched(format!(
            "a preview without deploy is for every branch but the default one, {}",
            quoted(default)
        ));
    }
    if facts.event == ArtifactEvent::PullRequest && pushed {
        return not("the push of the same commit is what makes the preview");
    }
    Verdict::Matched(format!("preview of branch {}", quoted(branch)))
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

fn listed<'a>(patterns: impl Iterator<Item = &'a str>) -> String {
    patterns.map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ")
}
