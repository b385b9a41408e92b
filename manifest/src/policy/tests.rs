use super::*;

const NOTHING: &Changes = &Changes::Unknown(String::new());

fn policy(conditions: Conditions) -> Policy {
    Policy::parse(conditions).unwrap().unwrap()
}

fn facts<'a>(event: ArtifactEvent, branch: Option<&'a str>, tag: Option<&'a str>) -> Facts<'a> {
    Facts { event, branch, tag, message: None, changes: NOTHING }
}

fn matches(policy: &Policy, facts: Facts<'_>) -> bool {
    matches!(policy.judge(facts), Verdict::Matched(_))
}

fn on_branch(pattern: &str) -> Policy {
    policy(Conditions { branch: Some(pattern.into()), ..Conditions::default() })
}

fn on_tag(pattern: &str) -> Policy {
    policy(Conditions { tag: Some(pattern.into()), ..Conditions::default() })
}

fn push(branch: &str) -> Facts<'_> {
    facts(ArtifactEvent::Push, Some(branch), None)
}

fn tag(tag: &str) -> Facts<'_> {
    facts(ArtifactEvent::Tag, None, Some(tag))
}

#[test]
fn a_branch_matches_by_its_glob() {
    for (pattern, branch, expected) in [
        ("main", "main", true),
        ("main", "main2", false),
        ("feature/*", "feature/a/b", true),
        ("{main,master}", "master", true),
        ("release-[0-9]", "release-7", true),
        ("!main", "main", false),
        ("!main", "feature/x", true),
        ("!{main,master}", "master", false),
        ("!{main,master}", "dev", true),
        ("*", "anything/at/all", true),
        ("größe/*", "größe/ä", true),
        ("{ä,ö}-*", "ö-1", true),
        ("!!main", "main", true),
    ] {
        assert_eq!(matches(&on_branch(pattern), push(branch)), expected, "{pattern} {branch}");
    }
}

#[test]
fn a_negated_tag_is_compared_with_the_tag() {
    assert!(matches(&on_tag("v*"), tag("v1.2.3")));
    assert!(!matches(&on_tag("!v*"), tag("v1.2.3")));
    assert!(matches(&on_tag("!v*-rc*"), tag("v1.2.3")));
    assert!(!matches(&on_tag("!v*-rc*"), tag("v1.2.3-rc1")));
}

#[test]
fn the_event_has_to_be_the_policys() {
    let pull_requests = policy(Conditions {
        event: Some(ArtifactEvent::PullRequest),
        branch: Some("*".into()),
        ..Conditions::default()
    });
    assert!(!matches(&pull_requests, push("main")));
    assert!(matches(&pull_requests, facts(ArtifactEvent::PullRequest, Some("fix"), None)));
    assert!(!matches(&on_branch("*"), tag("v1")));
    assert!(!matches(&on_tag("*"), push("main")));
    assert_eq!(
        on_branch("main").judge(tag("v1")),
        Verdict::NotMatched(
            "the policy is for the event push, the artifact was made by tag".into()
        )
    );
}

#[test]
fn what_did_not_match_is_told_with_its_value() {
    assert_eq!(
        on_branch("main").judge(push("dev")),
        Verdict::NotMatched("branch \"dev\" does not match \"main\"".into())
    );
    assert_eq!(
        on_branch("main").judge(push("main")),
        Verdict::Matched("event push, branch \"main\" matches \"main\"".into())
    );
    assert_eq!(
        on_branch("main").judge(facts(ArtifactEvent::Push, None, None)),
        Verdict::NotMatched("the policy is for branch \"main\", the artifact has no branch".into())
    );
}

#[test]
fn any_pattern_of_messages_is_enough_and_brackets_are_literal() {
    let policy = policy(Conditions {
        branch: Some("main".into()),
        messages: vec!["*[deploy]*".into(), "fix: *".into()],
        ..Conditions::default()
    });
    for (message, expected) in [
        ("a change [deploy] now", true),
        ("fix: this\n\nand that", true),
        ("a change d", false),
        ("a change\n\n[deploy]", true),
        ("chore [DEPLOY: ALL]", true),
        ("", false),
    ] {
        let facts = Facts { message: Some(message), ..push("main") };
        assert_eq!(matches(&policy, facts), expected, "{message:?}");
    }
    // They may be escaped all the same, as they are in other globs.
    for (pattern, message, expected) in [
        ("*\\[deploy\\]*", "a [deploy] b", true),
        ("*\\[deploy\\]*", "a d b", false),
        ("*\\\\[x]", "a\\[x]", true),
        ("fix: ä*", "fix: änderung\r\nmehr", true),
    ] {
        let messages = vec![pattern.to_owned()];
        let policy = self::policy(Conditions { messages, ..Conditions::default() });
        let facts = Facts { message: Some(message), ..push("main") };
        assert_eq!(matches(&policy, facts), expected, "{pattern:?} {message:?}");
    }
    // It passes the patterns for messages, and nothing else.
    let elsewhere = Facts { message: Some("[DEPLOY: ALL]"), ..push("dev") };
    assert!(!matches(&policy, elsewhere));
}

#[test]
fn paths_select_the_apps_of_a_repository_that_changed() {
    let with = |paths: &[&str]| {
        policy(Conditions {
            branch: Some("main".into()),
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
            ..Conditions::default()
        })
    };
    let changes = |paths: &[&str]| Changes::Since {
        commit: "0123456789".into(),
        paths: paths.iter().map(|&path| path.to_owned()).collect(),
    };
    for (patterns, changed, expected) in [
        (&["services/shop"][..], &["services/shop/main.rs"][..], true),
        (&["services/shop/"], &["services/shop/a/b.rs"], true),
        (&["services/shop"], &["services/shopping/main.rs"], false),
        (&["services/*/src"], &["services/shop/src/main.rs"], true),
        (&["*.md"], &["docs/a.md"], false),
        (&["**/*.md"], &["docs/a.md", "README.md"], true),
        (&["!docs"], &["docs/a.md"], false),
        (&["!docs"], &["docs/a.md", "src/a.rs"], true),
        (&["src", "!src/*.md"], &["src/a.md"], false),
        (&["src"], &[], false),
    ] {
        let changes = changes(changed);
        let facts = Facts { changes: &changes, ..push("main") };
        assert_eq!(matches(&with(patterns), facts), expected, "{patterns:?} {changed:?}");
    }
    for bad in [".", "./", "/", "!", "a/../b", "!./..", "a/./b"] {
        let paths = vec!["src".to_owned(), bad.to_owned()];
        let error = Policy::parse(Conditions { paths, ..Conditions::default() }).unwrap_err();
        assert!(error.starts_with("deploy.paths: the pattern"), "{bad}: {error}");
    }
    let unknown = Changes::Unknown("the app was never released".into());
    let verdict = with(&["src"]).judge(Facts { changes: &unknown, ..push("main") });
    assert!(
        matches!(verdict, Verdict::Matched(why) if why.ends_with("the app was never released"))
    );
}

#[test]
fn no_condition_is_no_policy() {
    assert_eq!(Policy::parse(Conditions::default()), Ok(None));
}

#[test]
fn conditions_that_exclude_each_other_are_refused() {
    let refused = |conditions| Policy::parse(conditions).unwrap_err();
    let both =
        Conditions { branch: Some("main".into()), tag: Some("v*".into()), ..Conditions::default() };
    assert!(refused(both).contains("exclude each other"));
    let branch_of_tag = Conditions {
        event: Some(ArtifactEvent::Tag),
        branch: Some("main".into()),
        ..Conditions::default()
    };
    assert!(refused(branch_of_tag).contains("use deploy.tag"));
    let many = || vec!["src".to_owned(); MAX_PATTERNS + 1];
    let paths = Conditions { paths: many(), ..Conditions::default() };
    assert!(refused(paths).starts_with("deploy.paths has 65 patterns"));
    let messages = Conditions { messages: many(), ..Conditions::default() };
    assert!(refused(messages).starts_with("deploy.commitMessagePatterns has 65 patterns"));
}

#[test]
fn a_glob_that_is_not_valid_is_named_and_ends_nothing() {
    for (pattern, why) in [
        ("[a", "unclosed"),
        ("{a", "unclosed"),
        ("!", "empty"),
        ("", "empty"),
        ("a\\", "dangling"),
        ("[z-a]", "invalid range"),
        ("v[äö]*", "write {ä,ö}"),
        ("[\\]ä]", "write {ä,ö}"),
    ] {
        let conditions = Conditions { branch: Some(pattern.into()), ..Conditions::default() };
        let error = Policy::parse(conditions).unwrap_err();
        assert!(error.starts_with("deploy.branch: the pattern"), "{error}");
        assert!(error.contains(why), "{pattern}: {error}");
    }
}

#[test]
fn a_cleanup_with_a_negated_branch_spares_that_branch() {
    let limits = Limits::default();
    let cleanup = Cleanup::of_app("shop-{{ .BRANCH }}".into(), "!main", limits).unwrap();
    let cleanup = cleanup.bound.unwrap();
    assert!(!cleanup.matches("main"));
    assert!(cleanup.matches("feature/x"));
    assert!(!cleanup.matches("main"), "and again: nothing was changed by the question");
}

#[test]
fn a_preview_without_a_policy_is_for_every_branch_but_the_default_one() {
    let request = |branch| facts(ArtifactEvent::PullRequest, Some(branch), None);
    for (facts, default, pushed, expected) in [
        (push("fix"), Some("main"), false, "Matched preview of branch \"fix\""),
        (push("fix"), Some("main"), true, "Matched preview"),
        (push("main"), Some("main"), false, "NotMatched a preview without deploy is for every"),
        (push("master"), Some("main"), false, "Matched preview"),
        (
            push("fix"),
            None,
            false,
            "NotMatched a preview without deploy is for every branch but the default one, and it is not",
        ),
        (request("fix"), Some("main"), false, "Matched preview"),
        (request("fix"), Some("main"), true, "NotMatched the push of the same commit"),
        (tag("v1"), Some("main"), false, "NotMatched a preview is for branches"),
    ] {
        let told = match judge_preview(facts, default, pushed) {
            Verdict::Matched(why) => format!("Matched {why}"),
            Verdict::NotMatched(why) => format!("NotMatched {why}"),
        };
        assert!(told.starts_with(expected), "{told:?} for {facts:?}");
    }
}
