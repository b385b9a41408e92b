//! Who may do things in an environment, read from roles and bindings as the caller.
//!
//! Kubernetes has no such question: it answers only for one person. What is read here are its own rules, as far as the
//! caller may see them, and what could not be read is said.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::http::Dashboard;
use crate::problem::Problem;

/// Objects of a kind that are read.
const MOST: u32 = 5000;

/// What is asked about: a word for it, and the right behind it.
const ACTIONS: [(&str, &str, &str); 6] = [
    ("release, promote, roll back", "create", "releases"),
    ("approve and reject", "create", "approvals"),
    ("cancel and confirm", "patch", "releases"),
    ("configure apps", "create", "configchanges"),
    ("uninstall apps", "delete", "apps"),
    ("lock and change it", "patch", "environments"),
];

/// The environment that is asked about.
#[derive(Deserialize)]
pub(crate) struct Place {
    namespace: String,
    environment: String,
}

/// Roles and bindings, as far as they could be read.
#[derive(Default)]
struct Seen {
    bindings: Vec<Binding>,
    /// Rules by the kind and the name of their role.
    rules: HashMap<(&'static str, String), Vec<PolicyRule>>,
    /// What the caller may not list.
    missing: Vec<String>,
}

struct Binding {
    kind: &'static str,
    name: String,
    role: RoleRef,
    subjects: Vec<Subject>,
}

/// Who may do what.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Access {
    actions: Vec<Action>,
    /// Rights that the caller lacks for the whole answer.
    missing: Vec<String>,
    /// Bindings whose role could not be read.
    unread: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Action {
    text: &'static str,
    right: String,
    subjects: Vec<Holder>,
}

/// Somebody, and the bindings that give them the right.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Holder {
    kind: String,
    name: String,
    through: Vec<String>,
}

/// Tells who may do things in an environment.
pub(crate) async fn access(
    State(dashboard): State<Dashboard>,
    caller: Caller,
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Json<Access>, Problem> {
    let Query(place) = place.map_err(|error| Problem::bad_request(error.body_text()))?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if place.namespace.is_empty() || !place.namespace.bytes().all(plain) {
        return Err(Problem::bad_request("namespace is no name of a namespace"));
    }
    let seen = look(&caller.client(&dashboard), &place.namespace).await?;
    Ok(Json(who_may(&seen, &place.environment)))
}

/// Reads what the caller may see.
async fn look(client: &Client, namespace: &str) -> Result<Seen, Problem> {
    let mut seen = Seen::default();
    let here = format!("in namespace `{namespace}`");
    let bindings: Api<RoleBinding> = Api::namespaced(client.clone(), namespace);
    for RoleBinding { metadata, role_ref, subjects } in
        list(&bindings, "rolebindings", &here, &mut seen.missing).await?
    {
        let name = metadata.name.unwrap_or_default();
        let subjects = subjects.unwrap_or_default();
        seen.bindings.push(Binding { kind: "RoleBinding", name, role: role_ref, subjects });
    }
    let all = "in the cluster";
    let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
    for ClusterRoleBinding { metadata, role_ref, subjects } in
        list(&bindings, "clusterrolebindings", all, &mut seen.missing).await?
    {
        let name = metadata.name.unwrap_or_default();
        let subjects = subjects.unwrap_or_default();
        seen.bindings.push(Binding { kind: "ClusterRoleBinding", name, role: role_ref, subjects });
    }
    let roles: Api<Role> = Api::namespaced(client.clone(), namespace);
    for role in list(&roles, "roles", &here, &mut seen.missing).await? {
        seen.rules.insert(("Role", role.name_any()), role.rules.unwrap_or_default());
    }
    let roles: Api<ClusterRole> = Api::all(client.clone());
    for role in list(&roles, "clusterroles", all, &mut seen.missing).await? {
        seen.rules.insert(("ClusterRole", role.name_any()), role.rules.unwrap_or_default());
    }
    Ok(seen)
}

/// Lists a kind; where the caller may not, that is noted.
async fn list<K: Clone + Debug + DeserializeOwned>(
    api: &Api<K>,
    kind: &str,
    place: &str,
    missing: &mut Vec<String>,
) -> Result<Vec<K>, Problem> {
    match api.list(&ListParams::default().limit(MOST)).await {
        Ok(found) => {
            if found.metadata.continue_.is_some_and(|more| !more.is_empty()) {
                missing.push(format!("see more than {MOST} {kind} {place} here"));
            }
            Ok(found.items)
        }
        Err(kube::Error::Api(status)) if status.code == 403 => {
            missing.push(format!("list {kind} {place}"));
            Ok(Vec::new())
        }
        Err(error) => Err(Problem::of_api("read roles", &error)),
    }
}

/// Finds out who may do what, from rules and bindings alone.
fn who_may(seen: &Seen, environment: &str) -> Access {
    let Seen { bindings, rules, missing } = seen;
    let rules_of = |role: &RoleRef| {
        let kind = if role.kind == "Role" { "Role" } else { "ClusterRole" };
        rules.get(&(kind, role.name.clone()))
    };
    let words = |binding: &Binding| {
        let Binding { kind, name, role, .. } = binding;
        format!("{kind} {name}, {} {}", role.kind, role.name)
    };
    let mut unread = Vec::new();
    for binding in bindings.iter().filter(|binding| !binding.subjects.is_empty()) {
        if rules_of(&binding.role).is_none() {
            unread.push(words(binding));
        }
    }
    let actions = ACTIONS.into_iter().map(|(text, verb, resource)| {
        let mut holders: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for binding in bindings {
            let granted = rules_of(&binding.role).is_some_and(|rules| {
                rules.iter().any(|rule| grants(rule, verb, resource, environment))
            });
            for subject in binding.subjects.iter().filter(|_| granted) {
                holders.entry(named(subject)).or_default().push(words(binding));
            }
        }
        let subjects = holders
            .into_iter()
            .map(|((kind, name), through)| Holder { kind, name, through })
            .collect();
        Action { text, right: format!("{verb} {resource}"), subjects }
    });
    Access { actions: actions.collect(), missing: missing.clone(), unread }
}

/// Names a subject as people do; an account of the cluster with its namespace.
fn named(subject: &Subject) -> (String, String) {
    let name = match &subject.namespace {
        Some(namespace) if subject.kind == "ServiceAccount" => {
            format!("{namespace}/{}", subject.name)
        }
        _ => subject.name.clone(),
    };
    (subject.kind.clone(), name)
}

/// Tells whether a rule gives a right, as Kubernetes decides it.
fn grants(rule: &PolicyRule, verb: &str, resource: &str, environment: &str) -> bool {
    let has = |list: Option<&Vec<String>>, wanted: &str| {
        list.is_some_and(|list| list.iter().any(|one| one == "*" || one == wanted))
    };
    let names = rule.resource_names.as_deref().unwrap_or_default();
    // Names say nothing of what has none yet, and only the environment's own is asked for.
    let applies = names.is_empty()
        || (resource == "environments" && names.iter().any(|name| name == environment));
    applies
        && rule.verbs.iter().any(|one| one == "*" || one == verb)
        && has(rule.api_groups.as_ref(), gimlet_crds::GROUP)
        && has(rule.resources.as_ref(), resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn seen(roles: Value, bindings: Value) -> Seen {
        let roles: Vec<(String, String, Vec<PolicyRule>)> = serde_json::from_value(roles).unwrap();
        let bindings: Vec<(String, RoleRef, Vec<Subject>)> =
            serde_json::from_value(bindings).unwrap();
        let kind = |kind: &str| if kind == "Role" { "Role" } else { "ClusterRole" };
        Seen {
            bindings: bindings
                .into_iter()
                .map(|(name, role, subjects)| Binding { kind: "RoleBinding", name, role, subjects })
                .collect(),
            rules: roles.into_iter().map(|(of, name, rules)| ((kind(&of), name), rules)).collect(),
            missing: Vec::new(),
        }
    }

    fn rule(resources: &[&str], verbs: &[&str]) -> Value {
        json!({"apiGroups": ["gimlet.io"], "resources": resources, "verbs": verbs})
    }

    fn role(kind: &str, name: &str) -> Value {
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
    }

    fn group(name: &str) -> Value {
        json!({"kind": "Group", "name": name})
    }

    fn holders<'a>(access: &'a Access, right: &str) -> Vec<&'a str> {
        let action = access.actions.iter().find(|action| action.right == right).unwrap();
        action.subjects.iter().map(|holder| holder.name.as_str()).collect()
    }

    #[test]
    fn whoever_is_bound_to_a_role_that_has_the_right_may_do_it() {
        let seen = seen(
            json!([
                ["ClusterRole", "releaser", [rule(&["releases", "releasesets"], &["create", "patch"])]],
                ["ClusterRole", "view", [rule(&["*"], &["get", "list", "watch"])]],
                ["Role", "releaser", [rule(&["approvals"], &["create"])]],
                ["ClusterRole", "root", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]],
            ]),
            json!([
                ["ship", role("ClusterRole", "releaser"), [group("dev"),
                    {"kind": "ServiceAccount", "name": "ci", "namespace": "build"}]],
                ["look", role("ClusterRole", "view"), [group("all")]],
                ["agree", role("Role", "releaser"), [group("leads")]],
                ["all", role("ClusterRole", "root"), [{"kind": "User", "name": "ada"}]],
                ["more", role("ClusterRole", "root"), [group("dev")]],
            ]),
        );
        let access = who_may(&seen, "prod");
        assert_eq!(holders(&access, "create releases"), ["dev", "build/ci", "ada"]);
        assert_eq!(holders(&access, "create approvals"), ["dev", "leads", "ada"]);
        assert_eq!(holders(&access, "patch environments"), ["dev", "ada"]);
        let dev = &access.actions[0].subjects[0];
        assert_eq!(
            dev.through,
            ["RoleBinding ship, ClusterRole releaser", "RoleBinding more, ClusterRole root"]
        );
        assert!(access.unread.is_empty());
    }

    #[test]
    fn a_rule_of_names_other_groups_or_other_verbs_gives_nothing() {
        let names = json!({"apiGroups": ["gimlet.io"], "resources": ["environments", "releases"],
            "verbs": ["patch", "create"], "resourceNames": ["prod"]});
        let other = json!({"apiGroups": ["apps"], "resources": ["releases"], "verbs": ["create"]});
        let seen = seen(
            json!([["ClusterRole", "some", [names, other, rule(&["releases"], &["get"])]]]),
            json!([["some", role("ClusterRole", "some"), [group("dev")]]]),
        );
        assert_eq!(holders(&who_may(&seen, "prod"), "patch environments"), ["dev"]);
        assert!(holders(&who_may(&seen, "staging"), "patch environments").is_empty());
        assert!(holders(&who_may(&seen, "prod"), "create releases").is_empty());
    }

    #[test]
    fn a_binding_whose_role_is_not_seen_is_said() {
        let seen = seen(
            json!([]),
            json!([
                ["ship", role("ClusterRole", "releaser"), [group("dev")]],
                ["none", role("ClusterRole", "releaser"), []]
            ]),
        );
        let access = who_may(&seen, "prod");
        assert_eq!(access.unread, ["RoleBinding ship, ClusterRole releaser"]);
        assert!(access.actions.iter().all(|action| action.subjects.is_empty()));
    }
}
