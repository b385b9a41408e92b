//! A chart's hooks: which of them become ordinary objects.
//!
//! A gitops repository has no one who runs a hook at its event. An object in it is applied with all
//! others, at once and again after every change, so only hooks that Helm would run while a release
//! is installed or upgraded can be among them.

use gimlet_crds::HookPolicy;
use gimlet_helm::Hook;
use serde_json::Value;

use crate::object::Object;

/// Hooks that a warning names.
const LISTED: usize = 5;
/// Annotations that say what is no longer so.
const ANNOTATIONS: [&str; 4] = [
    "helm.sh/hook",
    "helm.sh/hook-weight",
    "helm.sh/hook-delete-policy",
    "helm.sh/hook-output-log-policy",
];
/// Lets Flux replace an object that cannot be changed, as Helm replaces a hook of before.
const FORCE: &str = "kustomize.toolkit.fluxcd.io/force";

/// Selects the hooks that become objects, and says what becomes of the others.
pub(crate) fn select<'a>(
    hooks: &'a [Hook],
    policy: HookPolicy,
    warnings: &mut Vec<String>,
) -> Vec<&'a Hook> {
    let is_test = |hook: &&Hook| hook.events.iter().all(|event| event == "test");
    let (_, real): (Vec<&Hook>, Vec<&Hook>) = hooks.iter().partition(is_test);
    let (applied, later): (Vec<&Hook>, Vec<&Hook>) =
        real.into_iter().partition(|hook| hook.events.iter().any(|event| is_of_a_release(event)));
    if !later.is_empty() {
        warnings.push(format!(
            "left out: hooks {}: nothing runs them when the app goes or is rolled back",
            listed(&later)
        ));
    }
    match policy {
        _ if applied.is_empty() => applied,
        HookPolicy::Keep => {
            warnings.push(format!(
                "kept as ordinary objects: hooks {}: they run with all else, not before or after it",
                listed(&applied)
            ));
            applied
        }
        HookPolicy::Drop => {
            warnings.push(format!(
                "left out: hooks {}: Flux runs no hooks; chart.hookPolicy: Keep makes them ordinary \
                 objects",
                listed(&applied)
            ));
            Vec::new()
        }
    }
}

/// Tells whether Helm runs hooks of an event while a release comes about.
///
/// A hook of such an event that is also one for deletes or rollbacks can run at once: it does so
/// with Helm.
fn is_of_a_release(event: &str) -> bool {
    matches!(event, "pre-install" | "post-install" | "pre-upgrade" | "post-upgrade")
}

fn listed(hooks: &[&Hook]) -> String {
    let mut texts: Vec<String> = hooks
        .iter()
        .take(LISTED)
        .map(|hook| format!("{} {:?} ({})", hook.kind, hook.name, hook.events.join(", ")))
        .collect();
    if hooks.len() > LISTED {
        texts.push(format!("and {} more", hooks.len() - LISTED));
    }
    texts.join(", ")
}

/// Makes an ordinary object of a hook's.
pub(crate) fn convert(object: &mut Object, warnings: &mut Vec<String>) {
    let is_run = matches!((object.group(), object.kind()), ("batch", "Job") | ("", "Pod"));
    let spec = object.value().get("spec");
    if is_run && spec.is_some_and(|spec| spec.get("ttlSecondsAfterFinished").is_some()) {
        warnings.push(format!(
            "{object} has ttlSecondsAfterFinished: whenever it is gone Flux makes it again, and it \
             runs again"
        ));
    }
    let metadata = object.metadata_mut();
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        for annotation in ANNOTATIONS {
            annotations.shift_remove(annotation);
        }
        if is_run {
            annotations.entry(FORCE).or_insert_with(|| "Enabled".into());
        }
        if annotations.is_empty() {
            metadata.shift_remove("annotations");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(name: &str, events: &[&str]) -> Hook {
        Hook {
            source: "c/templates/h.yaml".into(),
            content: String::new(),
            name: name.into(),
            kind: "Job".into(),
            events: events.iter().map(|&event| event.to_owned()).collect(),
            weight: 0,
        }
    }

    fn selected(hooks: &[Hook], policy: HookPolicy) -> (Vec<&str>, Vec<String>) {
        let mut warnings = Vec::new();
        let found = select(hooks, policy, &mut warnings);
        (found.into_iter().map(|hook| hook.name.as_str()).collect(), warnings)
    }

    #[test]
    fn only_hooks_that_helm_runs_while_it_releases_can_be_kept() {
        let hooks = [
            hook("migrate", &["pre-install", "pre-upgrade"]),
            hook("probe", &["test"]),
            hook("bye", &["pre-delete"]),
            hook("back", &["post-rollback", "test"]),
            hook("both", &["post-upgrade", "post-delete"]),
        ];
        let (kept, warnings) = selected(&hooks, HookPolicy::Keep);
        assert_eq!(kept, ["migrate", "both"]);
        insta::assert_snapshot!(warnings.join("\n"), @r#"
        left out: hooks Job "bye" (pre-delete), Job "back" (post-rollback, test): nothing runs them when the app goes or is rolled back
        kept as ordinary objects: hooks Job "migrate" (pre-install, pre-upgrade), Job "both" (post-upgrade, post-delete): they run with all else, not before or after it
        "#);
        let (kept, warnings) = selected(&hooks, HookPolicy::Drop);
        assert!(kept.is_empty());
        assert_eq!(
            warnings[1],
            "left out: hooks Job \"migrate\" (pre-install, pre-upgrade), Job \"both\" (post-upgrade, \
             post-delete): Flux runs no hooks; chart.hookPolicy: Keep makes them ordinary objects"
        );
    }

    #[test]
    fn test_hooks_are_left_out_without_a_word() {
        let hooks = [hook("probe", &["test"])];
        assert_eq!(selected(&hooks, HookPolicy::Keep), (Vec::new(), Vec::new()));
        assert_eq!(selected(&hooks, HookPolicy::Drop), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_warning_about_many_hooks_stays_short() {
        let hooks: Vec<Hook> = (0..7).map(|n| hook(&format!("h{n}"), &["post-install"])).collect();
        let (_, warnings) = selected(&hooks, HookPolicy::Drop);
        assert!(warnings[0].contains("(post-install), and 2 more: Flux"), "{}", warnings[0]);
    }

    #[test]
    fn a_kept_job_can_be_replaced_and_says_nothing_of_hooks() {
        let job = |spec: Value| {
            let annotations =
                json!({"a": "b", "helm.sh/hook": "pre-install", "helm.sh/hook-weight": "1"});
            Object::new(json!({
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": {"name": "j", "annotations": annotations}, "spec": spec,
            }))
            .unwrap()
        };
        let mut warnings = Vec::new();
        let mut object = job(json!({}));
        convert(&mut object, &mut warnings);
        let annotations = &object.value()["metadata"]["annotations"];
        assert_eq!(*annotations, json!({"a": "b", FORCE: "Enabled"}));
        assert!(warnings.is_empty());
        convert(&mut job(json!({"ttlSecondsAfterFinished": 60})), &mut warnings);
        assert!(warnings[0].starts_with("Job \"j\" has ttlSecondsAfterFinished"), "{warnings:?}");
        let mut account = Object::new(json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "s", "annotations": {"helm.sh/hook": "pre-install"}},
        }))
        .unwrap();
        convert(&mut account, &mut warnings);
        assert_eq!(account.value()["metadata"], json!({"name": "s"}));
    }
}
