//! How the agent becomes the person who asked.
//!
//! The management cluster says who that is. What is built into Kubernetes has the same name in every
//! cluster and means somebody else in each: `system:serviceaccount:default:ci` here is not the one
//! there, and `system:masters` may do everything. Such names are therefore given a prefix, under which
//! the workload cluster knows nobody unless somebody binds a role to it.

use kube::{Client, Config};

use super::refused::Refused;
use crate::protocol::{Person, Refusal};

/// What stands before names that are built into the management cluster.
const PREFIX: &str = "management:";
/// Groups of a person; who has more is not let in with fewer rights than they have.
const MOST_GROUPS: usize = 200;

/// An attribute of `OpenShift` that limits what a token may do.
const SCOPES: &str = "scopes.authorization.openshift.io";

/// Becomes people, with the agent's right to do so.
#[derive(Debug)]
pub struct People(Config);

/// What a person is called in the workload cluster.
#[derive(Debug, PartialEq, Eq)]
struct Impersonated {
    user: String,
    groups: Vec<String>,
}

impl People {
    /// Uses the way to the cluster that the agent itself has.
    pub fn new(config: Config) -> Self {
        Self(config)
    }

    /// Makes a client that acts as a person.
    pub(super) fn become_one(&self, person: &Person) -> Result<Client, Refused> {
        let Impersonated { user, groups } = impersonated(person)?;
        let mut config = self.0.clone();
        config.auth_info.impersonate = Some(user);
        config.auth_info.impersonate_groups = Some(groups);
        // Somebody waits for the answer, and can ask again.
        config.default_retry = false;
        gimlet_process::client(config).map_err(Refused::from)
    }
}

fn impersonated(person: &Person) -> Result<Impersonated, Refused> {
    let invalid = |why: &str| Refused::new(Refusal::Invalid, format!("{why}: nothing is done"));
    let printable =
        |name: &str| !name.is_empty() && name.bytes().all(|b| (b' '..=b'~').contains(&b));
    if person.user == "system:anonymous" || !printable(&person.user) {
        return Err(invalid("the dashboard does not say who asks"));
    }
    if person.groups.len() > MOST_GROUPS || !person.groups.iter().all(|group| printable(group)) {
        return Err(invalid("the groups of who asks cannot be passed on"));
    }
    // Attributes are not passed on, so one that takes rights away must not be lost.
    let mut scopes = person.extra.get(SCOPES).into_iter().flatten();
    if scopes.any(|scope| scope != "user:full") {
        return Err(invalid(
            "the token of who asks is limited to scopes, which cannot be passed on",
        ));
    }
    let foreign = |name: &str| {
        // A name with the prefix is somebody's own invention, and gets another one.
        if name.starts_with("system:") || name.starts_with(PREFIX) {
            format!("{PREFIX}{name}")
        } else {
            name.to_owned()
        }
    };
    // The API server adds this one to everybody by itself.
    let groups = person.groups.iter().filter(|group| *group != "system:authenticated");
    Ok(Impersonated {
        user: foreign(&person.user),
        groups: groups.map(|group| foreign(group)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(user: &str, groups: &[&str]) -> Person {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Person { user: user.to_owned(), groups, extra: std::collections::BTreeMap::new() }
    }

    #[test]
    fn people_keep_their_names_and_groups() {
        let ada = impersonated(&person("ada@example.com", &["team-shop", "system:authenticated"]));
        let expected =
            Impersonated { user: "ada@example.com".into(), groups: vec!["team-shop".into()] };
        assert_eq!(ada, Ok(expected));
    }

    #[test]
    fn what_is_built_into_one_cluster_is_nobody_in_another() {
        let account = "system:serviceaccount:kube-system:admin";
        let made = impersonated(&person(account, &["system:masters", "management:x"])).unwrap();
        assert_eq!(made.user, format!("management:{account}"));
        assert_eq!(made.groups, ["management:system:masters", "management:management:x"]);
    }

    #[test]
    fn attributes_are_not_passed_on_and_one_that_limits_rights_is_not_lost() {
        let mut ada = person("ada", &[]);
        ada.extra.insert("authentication.kubernetes.io/pod-name".into(), vec!["web-1".into()]);
        ada.extra.insert(SCOPES.into(), vec!["user:full".into()]);
        assert_eq!(impersonated(&ada), impersonated(&person("ada", &[])));
        ada.extra.insert(SCOPES.into(), vec!["user:full".into(), "user:info".into()]);
        assert!(impersonated(&ada).is_err());
    }

    #[test]
    fn nobody_is_not_let_in() {
        for user in ["", "system:anonymous", "a\nb", "ä"] {
            assert!(impersonated(&person(user, &[])).is_err(), "{user}");
        }
        assert!(impersonated(&person("ada", &["a\nb"])).is_err());
        assert!(impersonated(&person("ada", &vec!["g"; MOST_GROUPS + 1])).is_err());
    }
}
