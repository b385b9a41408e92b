//! Whether a policy and its binding are what `config/admission` has: pure.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde::Deserialize as _;

use super::NAME;

/// What people install.
const INSTALLED: &str = include_str!("../../../config/admission/created-by.yaml");

/// Says since when both are there as they were installed, or what is wrong.
pub(super) fn since(
    policy: Option<&ValidatingAdmissionPolicy>,
    binding: Option<&ValidatingAdmissionPolicyBinding>,
) -> Result<Timestamp, String> {
    let policy = policy.ok_or_else(|| format!("there is no ValidatingAdmissionPolicy {NAME}"))?;
    let binding =
        binding.ok_or_else(|| format!("there is no ValidatingAdmissionPolicyBinding {NAME}"))?;
    let spec = policy.spec.as_ref();
    let weak = match spec.zip(installed()) {
        Some((found, wanted)) => weakness(found, &wanted),
        None => Some("spec"),
    };
    if let Some(field) = weak {
        return Err(format!("{field} of the ValidatingAdmissionPolicy {NAME} was changed"));
    }
    if let Some(field) = loose(binding) {
        return Err(format!("{field} of the ValidatingAdmissionPolicyBinding {NAME} was changed"));
    }
    let (policy, binding) = (touched(&policy.metadata), touched(&binding.metadata));
    let last = policy.zip(binding).map(|(policy, binding)| policy.max(binding));
    last.ok_or_else(|| format!("nobody knows since when the policy {NAME} is there"))
}

/// Says when an object was made or last changed: before that it may have let anything through.
fn touched(metadata: &ObjectMeta) -> Option<Timestamp> {
    let made = metadata.creation_timestamp.as_ref()?.0;
    let entries = metadata.managed_fields.iter().flatten();
    // What the API server found out about it is no change.
    let changes = entries.filter(|entry| entry.subresource.as_deref().is_none_or(str::is_empty));
    Some(changes.filter_map(|entry| Some(entry.time.as_ref()?.0)).fold(made, Timestamp::max))
}

/// Reads the policy that people install.
fn installed() -> Option<ValidatingAdmissionPolicySpec> {
    let documents = INSTALLED.split("\n---\n");
    let mut policies = documents.filter(|text| text.contains("kind: ValidatingAdmissionPolicy\n"));
    let read = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).ok();
    let policy = policies.find_map(read)?;
    ValidatingAdmissionPolicy::deserialize(policy).ok()?.spec
}

/// Names the first field by which a policy lets more through.
fn weakness(
    found: &ValidatingAdmissionPolicySpec,
    wanted: &ValidatingAdmissionPolicySpec,
) -> Option<&'static str> {
    let ValidatingAdmissionPolicySpec {
        audit_annotations: _,
        failure_policy,
        match_conditions,
        match_constraints,
        param_kind,
        validations,
        variables,
    } = found;
    let expressions = |spec: &ValidatingAdmissionPolicySpec| {
        let all = spec.validations.iter().flatten();
        all.map(|validation| validation.expression.clone()).collect::<Vec<_>>()
    };
    let rules = |spec: &ValidatingAdmissionPolicySpec| {
        let resources = spec.match_constraints.as_ref();
        let rules = resources.and_then(|resources| resources.resource_rules.as_ref());
        rules.into_iter().flatten().map(everywhere).collect::<Vec<_>>()
    };
    let there = rules(found);
    let checks = expressions(found);
    // None stands for `Fail`.
    if failure_policy.as_deref().is_some_and(|policy| policy != "Fail") {
        Some("failurePolicy")
    } else if match_conditions.iter().flatten().next().is_some() {
        Some("matchConditions")
    } else if param_kind.is_some() {
        Some("paramKind")
    } else if match_constraints.as_ref().is_none_or(narrows)
        || rules(wanted).iter().any(|rule| !there.contains(rule))
    {
        Some("matchConstraints")
    } else if *variables != wanted.variables {
        Some("variables")
    } else if validations.is_none()
        || expressions(wanted).iter().any(|check| !checks.contains(check))
    {
        Some("validations")
    } else {
        None
    }
}

/// Names the first field by which a binding does not enforce its policy everywhere.
fn loose(binding: &ValidatingAdmissionPolicyBinding) -> Option<&'static str> {
    let spec = &binding.spec;
    let denies = spec.validation_actions.iter().any(|action| action == "Deny");
    if spec.policy_name != NAME {
        Some("policyName")
    } else if !denies {
        Some("validationActions")
    } else if spec.param_ref.is_some() {
        Some("paramRef")
    } else if spec.match_resources.as_ref().is_some_and(|resources| {
        narrows(resources) || resources.resource_rules.iter().flatten().next().is_some()
    }) {
        Some("matchResources")
    } else {
        None
    }
}

/// Tells whether some objects, or some namespaces, are left out.
fn narrows(resources: &MatchResources) -> bool {
    let MatchResources {
        exclude_resource_rules,
        match_policy,
        namespace_selector,
        object_selector,
        resource_rules: _,
    } = resources;
    let selects = |selector: &Option<LabelSelector>| {
        selector.as_ref().is_some_and(|selector| *selector != LabelSelector::default())
    };
    exclude_resource_rules.iter().flatten().next().is_some()
        || match_policy.as_deref().is_some_and(|policy| policy != "Equivalent")
        || selects(namespace_selector)
        || selects(object_selector)
}

/// Writes out what the API server adds to a rule.
fn everywhere(rule: &NamedRuleWithOperations) -> NamedRuleWithOperations {
    let mut rule = rule.clone();
    rule.scope.get_or_insert_with(|| "*".into());
    rule
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The policy and its binding as the API server gives them back.
    fn both() -> (Value, Value) {
        let documents: Vec<Value> = INSTALLED
            .split("\n---\n")
            .map(|text| serde_saphyr::from_str(text).unwrap())
            .filter(|object: &Value| {
                object["kind"].as_str().unwrap().starts_with("ValidatingAdmissionPolicy")
            })
            .collect();
        let [mut policy, mut binding] = documents.try_into().unwrap();
        policy["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        binding["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:05Z");
        let constraints = &mut policy["spec"]["matchConstraints"];
        constraints["matchPolicy"] = json!("Equivalent");
        constraints["namespaceSelector"] = json!({});
        constraints["objectSelector"] = json!({});
        constraints["resourceRules"][0]["scope"] = json!("*");
        (policy, binding)
    }

    fn judged(policy: Value, binding: Value) -> Result<Timestamp, String> {
        let policy = serde_json::from_value(policy).map_err(|error| error.to_string())?;
        let binding = serde_json::from_value(binding).map_err(|error| error.to_string())?;
        since(Some(&policy), Some(&binding))
    }

    #[test]
    fn what_is_installed_counts_from_when_both_are_there() {
        let (policy, binding) = both();
        let (typed, bound) = (
            serde_json::from_value(policy.clone()).unwrap(),
            serde_json::from_value(binding.clone()).unwrap(),
        );
        assert_eq!(judged(policy, binding), Ok("2026-01-01T00:00:05Z".parse().unwrap()));
        let told = since(None, Some(&bound)).unwrap_err();
        assert_eq!(told, "there is no ValidatingAdmissionPolicy gimlet-created-by");
        let told = since(Some(&typed), None).unwrap_err();
        assert_eq!(told, "there is no ValidatingAdmissionPolicyBinding gimlet-created-by");
    }

    #[test]
    fn what_was_changed_and_put_back_counts_from_then_on() {
        let entry = |time: &str, subresource: &str| json!({"manager": "m", "operation": "Update", "time": time, "subresource": subresource});
        let (mut policy, binding) = both();
        policy["metadata"]["managedFields"] = json!([
            entry("2026-01-02T00:00:00Z", ""),
            entry("2026-01-01T12:00:00Z", ""),
            entry("2026-01-03T00:00:00Z", "status"),
        ]);
        let changed = Ok("2026-01-02T00:00:00Z".parse().unwrap());
        assert_eq!(judged(policy.clone(), binding.clone()), changed);
        let (unchanged, mut binding) = both();
        binding["metadata"]["managedFields"] = json!([entry("2026-01-02T00:00:00Z", "")]);
        assert_eq!(judged(unchanged, binding.clone()), changed);
        binding["metadata"].as_object_mut().unwrap().remove("creationTimestamp");
        assert!(judged(policy, binding).unwrap_err().contains("nobody knows since when"));
    }

    #[test]
    fn a_policy_that_lets_more_through_does_not_count() {
        let rule = |resources: Value, operations: Value| {
            json!([{"apiGroups": ["gimlet.io"], "apiVersions": ["*"], "operations": operations,
                "resources": resources}])
        };
        let kinds = || json!(["releases", "releasesets", "approvals", "configchanges"]);
        let some = json!({"matchLabels": {"a": "b"}});
        let (all, _) = both();
        let variable = |expression: &str| {
            let mut variables = all["spec"]["variables"].clone();
            variables[0]["expression"] = json!(expression);
            variables
        };
        for (path, value, named) in [
            ("/failurePolicy", json!("Ignore"), "failurePolicy"),
            (
                "/matchConditions",
                json!([{"name": "n", "expression": "request.userInfo.username != 'eve'"}]),
                "matchConditions",
            ),
            ("/paramKind", json!({"apiVersion": "v1", "kind": "ConfigMap"}), "paramKind"),
            ("/matchConstraints", Value::Null, "matchConstraints"),
            ("/matchConstraints/namespaceSelector", some.clone(), "matchConstraints"),
            ("/matchConstraints/objectSelector", some, "matchConstraints"),
            ("/matchConstraints/matchPolicy", json!("Exact"), "matchConstraints"),
            (
                "/matchConstraints/excludeResourceRules",
                rule(json!(["approvals"]), json!(["CREATE"])),
                "matchConstraints",
            ),
            (
                "/matchConstraints/resourceRules",
                rule(json!(["releases"]), json!(["CREATE", "UPDATE"])),
                "matchConstraints",
            ),
            (
                "/matchConstraints/resourceRules",
                rule(kinds(), json!(["CREATE"])),
                "matchConstraints",
            ),
            ("/variables", variable("'eve'"), "variables"),
            ("/validations", json!([{"expression": "true"}]), "validations"),
            ("/validations", Value::Null, "validations"),
        ] {
            let (mut policy, binding) = both();
            let (parent, field) = path.rsplit_once('/').unwrap();
            policy["spec"].pointer_mut(parent).unwrap()[field] = value;
            let told = judged(policy, binding).unwrap_err();
            assert_eq!(
                told,
                format!("{named} of the ValidatingAdmissionPolicy gimlet-created-by was changed")
            );
        }
    }

    #[test]
    fn a_policy_that_is_not_enforced_everywhere_does_not_count() {
        for (field, value) in [
            ("policyName", json!("another")),
            ("validationActions", json!(["Warn", "Audit"])),
            ("paramRef", json!({"name": "p"})),
            ("matchResources", json!({"namespaceSelector": {"matchLabels": {"a": "b"}}})),
            (
                "matchResources",
                json!({"resourceRules": [{"apiGroups": ["gimlet.io"], "apiVersions": ["*"],
                    "operations": ["CREATE"], "resources": ["releases"]}]}),
            ),
        ] {
            let (policy, mut binding) = both();
            binding["spec"][field] = value;
            let told = judged(policy, binding).unwrap_err();
            assert!(told.starts_with(&format!("{field} of the ValidatingAdmissionPolicyBinding")));
        }
    }

    #[test]
    fn what_only_forbids_more_counts() {
        let (mut policy, mut binding) = both();
        let checks = policy["spec"]["validations"].as_array_mut().unwrap();
        checks.insert(0, json!({"expression": "object.metadata.name != 'x'"}));
        binding["spec"]["validationActions"] = json!(["Deny", "Audit"]);
        assert!(judged(policy, binding).is_ok());
    }
}
