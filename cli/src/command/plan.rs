//! What a release changes, from its status.

use std::fmt::Write as _;

use clap::builder::styling::AnsiColor;
use gimlet_crds::{PlanStatus, Release};

use crate::output::Cell;

/// Tells whether a plan changes nothing.
pub(super) fn is_unchanged(plan: &PlanStatus) -> bool {
    plan.added + plan.changed + plan.removed == 0
}

/// Returns the plan of a release: a summary, then the objects.
pub(super) fn text(release: &Release) -> String {
    let Some(plan) = release.status.as_ref().and_then(|status| status.plan.as_ref()) else {
        return String::new();
    };
    let spec = &release.spec;
    let mut text = String::new();
    let base =
        plan.base.as_deref().map_or("an empty repository", |base| base.get(..7).unwrap_or(base));
    // Writing to a String cannot fail.
    let _ = if is_unchanged(plan) {
        writeln!(text, "{} in {}: no differences to {base}", spec.app, spec.environment)
    } else {
        writeln!(
            text,
            "{} in {}: {} added, {} changed, {} removed, against {base}",
            spec.app, spec.environment, plan.added, plan.changed, plan.removed
        )
    };
    for object in &plan.objects {
        let cell = match object.chars().next() {
            Some('+') => Cell::colored(object, AnsiColor::Green),
            Some('-') => Cell::colored(object, AnsiColor::Red),
            Some('~') => Cell::colored(object, AnsiColor::Yellow),
            _ => Cell::from(object.as_str()),
        };
        let _ = writeln!(text, "  {}", cell.styled());
    }
    let listed = plan.objects.iter().filter(|object| !object.starts_with('…')).count();
    let total = usize::try_from(plan.added + plan.changed + plan.removed).unwrap_or_default();
    if total > listed && listed == plan.objects.len() {
        let _ = writeln!(text, "  … and {} more", total - listed);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    fn told(plan: &serde_json::Value) -> String {
        let release: Release = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release", "metadata": {"name": "r"},
            "spec": {"app": "shop", "environment": "staging"},
            "status": {"phase": "Planned", "plan": plan},
        }))
        .unwrap();
        anstream::adapter::strip_str(&text(&release)).to_string()
    }

    #[test]
    fn a_plan_lists_what_differs_and_counts_the_rest() {
        let plan = json!({"digest": "d", "tree": "t", "base": "4e1f09c0aa", "added": 1, "changed": 2,
            "removed": 1, "objects": ["+ ConfigMap/shop", "~ Deployment/shop", "- Ingress/shop"]});
        assert_snapshot!(told(&plan));
    }

    #[test]
    fn a_plan_without_differences_says_so() {
        let plan = json!({"digest": "d", "tree": "t", "added": 0, "changed": 0, "removed": 0});
        assert_snapshot!(told(&plan));
    }
}
