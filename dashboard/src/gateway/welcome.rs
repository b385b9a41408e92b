//! Who speaks, and whether it may: pure, but for the questions to the API server.

use gimlet_agent::protocol::{Capability, FromAgent, VERSION};
use gimlet_crds::{Environment, GROUP, Observer, agent_account, agent_of};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};

use super::Place;
use crate::problem::Problem;
use crate::token::Token;

/// What an agent says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Introduction {
    pub(super) version: String,
    pub(super) cluster: String,
    pub(super) capabilities: Vec<Capability>,
}

/// Asks the API server for which environment a token speaks, and whether it may: the name of an account is
/// not enough, for whoever may create service accounts in a namespace chooses it.
pub(super) async fn identify(reviewer: &Client, token: &Token) -> Result<Place, Problem> {
    let review = TokenReview {
        spec: TokenReviewSpec { token: token.text().to_owned(), audiences: None },
        ..TokenReview::default()
    };
    let answer = Api::<TokenReview>::all(reviewer.clone())
        .create(&PostParams::default(), &review)
        .await
        .map_err(|error| Problem::of_api("ask whose token it is", &error))?;
    let status = answer.status.unwrap_or_default();
    if status.authenticated != Some(true) {
        return Err(Problem::unauthorized(
            "the API server does not know this token: it has expired, is of another cluster, or of \
             another audience than the API server's",
        ));
    }
    let user = status.user.unwrap_or_default();
    let place = place_of(user.username.as_deref().unwrap_or_default())?;
    if may_report(reviewer, user, &place).await? { Ok(place) } else { Err(no_role(&place)) }
}

/// Asks the API server whether somebody may say that the agent of an environment was heard.
async fn may_report(reviewer: &Client, user: UserInfo, place: &Place) -> Result<bool, Problem> {
    let UserInfo { username, groups, uid, extra } = user;
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: username,
            groups,
            uid,
            extra,
            resource_attributes: Some(ResourceAttributes {
                verb: Some("patch".into()),
                group: Some(GROUP.into()),
                resource: Some("environments".into()),
                subresource: Some("status".into()),
                namespace: Some(place.namespace.clone()),
                name: Some(place.environment.clone()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let answer = Api::<SubjectAccessReview>::all(reviewer.clone())
        .create(&PostParams::default(), &review)
        .await
        .map_err(|error| Problem::of_api("ask what the agent may", &error))?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

fn no_role(place: &Place) -> Problem {
    let (account, Place { namespace, .. }) = (agent_account(&place.environment), place);
    Problem::forbidden(format!(
        "the service account {account} may not report what runs in environment {place}: bind the role to \
         it with `kubectl create rolebinding {account} -n {namespace} \
         --clusterrole=gimlet-agent-identity --serviceaccount={namespace}:{account}`"
    ))
}

/// Reads the environment from the name of a token's owner.
fn place_of(user: &str) -> Result<Place, Problem> {
    let found = agent_of(user).map(|(namespace, name)| Place::new(namespace, name));
    found.ok_or_else(|| {
        Problem::forbidden(format!(
            "this is the token of {user}, which is no agent: an agent's service account is called {} \
             and is in the namespace of its environment",
            agent_account("<environment>")
        ))
    })
}

/// Judges the first frame, and gives the version of the protocol to speak.
pub(super) fn admit(
    first: FromAgent,
    place: &Place,
    environment: Option<&Environment>,
) -> Result<(Introduction, u32), String> {
    let FromAgent::Hello { protocol, version, cluster, environment: said, capabilities } = first
    else {
        return Err("the first frame has to be a hello".into());
    };
    if protocol == 0 {
        return Err(format!("there is no protocol 0: this side speaks 1 to {VERSION}"));
    }
    if said != place.to_string() {
        return Err(format!(
            "the agent says that it speaks for {said}, and its token is that of {place}: give it the \
             token of {}, or have it say {place}",
            said.split_once('/').map_or_else(
                || "its environment".to_owned(),
                |(namespace, name)| format!("{} in namespace {namespace}", agent_account(name))
            )
        ));
    }
    serves(place, environment)?;
    let introduction = Introduction { version, cluster, capabilities };
    Ok((introduction, protocol.min(VERSION)))
}

/// Tells why an environment takes no agent, where it does not.
pub(super) fn serves(place: &Place, environment: Option<&Environment>) -> Result<(), String> {
    match environment.map(|environment| environment.spec.observed_by) {
        Some(Observer::Agent) => Ok(()),
        Some(Observer::Operator) => Err(format!(
            "environment {place} is observed by the operator: set spec.observedBy to Agent, or \
             remove the agent"
        )),
        None => Err(format!(
            "there is no environment {place}: create it, with spec.observedBy set to Agent"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment(observer: &str) -> Environment {
        serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": "prod"},
            "spec": {"observedBy": observer, "gitops": {"url": "https://git.example.com/a/b.git"}},
        }))
        .unwrap()
    }

    fn hello(protocol: u32, environment: &str) -> FromAgent {
        FromAgent::Hello {
            protocol,
            version: "0.1.0".into(),
            cluster: "c".into(),
            environment: environment.into(),
            capabilities: vec![Capability::Logs],
        }
    }

    #[test]
    fn an_agent_is_known_by_the_name_of_its_account() {
        let place = place_of("system:serviceaccount:team:gimlet-agent-prod").unwrap();
        assert_eq!(place, Place::new("team", "prod"));
        let refused = place_of("ada").unwrap_err();
        assert_eq!(refused.status, 403);
        assert!(
            refused.detail.contains("the token of ada") && refused.detail.contains("is called")
        );
    }

    #[test]
    fn the_lower_version_of_both_sides_is_spoken() {
        let (place, environment) = (Place::new("team", "prod"), environment("Agent"));
        for (said, spoken) in [(VERSION, VERSION), (VERSION + 7, VERSION)] {
            let admitted = admit(hello(said, "team/prod"), &place, Some(&environment)).unwrap();
            assert_eq!(admitted.1, spoken);
        }
        assert!(admit(hello(0, "team/prod"), &place, Some(&environment)).is_err());
    }

    #[test]
    fn who_is_not_let_in_is_told_what_to_do() {
        let place = Place::new("team", "prod");
        let (agents, operators) = (environment("Agent"), environment("Operator"));
        for (first, environment, why) in [
            (
                hello(1, "team/staging"),
                Some(&agents),
                "give it the token of gimlet-agent-staging in namespace team",
            ),
            (hello(1, "other/prod"), Some(&agents), "its token is that of team/prod"),
            (hello(1, "team/prod"), Some(&operators), "set spec.observedBy to Agent"),
            (hello(1, "team/prod"), None, "there is no environment team/prod: create it"),
            (FromAgent::SnapshotBegin { seq: 1 }, Some(&agents), "has to be a hello"),
        ] {
            let told = admit(first, &place, environment).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}
