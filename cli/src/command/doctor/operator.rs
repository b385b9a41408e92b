//! Whether an operator works, and what it serves.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::MutatingAdmissionPolicy;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use kube::api::{Api, ListParams};

use super::places::Seen;
use crate::cluster::Cluster;
use crate::command::check::Check;
use crate::output::duration;

/// Name of the policy that writes down who created an object.
const POLICY: &str = "gimlet-created-by";
/// Label of the operator's Deployment.
const OPERATOR: &str = "app.kubernetes.io/name=gimlet-operator";

/// Looks at the Lease: a leader renews it all the time.
pub(super) async fn lease(cluster: &Cluster, namespace: &str, name: &str) -> Check {
    let api: Api<Lease> = Api::namespaced(cluster.client.clone(), namespace);
    match api.get_opt(name).await {
        Ok(found) => judge_lease(found.as_ref(), namespace, name, Timestamp::now()),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Check::unknown(
            "operator",
            format!("you may not see the Lease in namespace {namespace}"),
        ),
        Err(error) => {
            let error = cluster.request("get", "leases", Some(name)).failed(&error);
            Check::unknown("operator", error.message())
        }
    }
}

fn judge_lease(lease: Option<&Lease>, namespace: &str, name: &str, now: Timestamp) -> Check {
    let next =
        format!("kubectl get pods -n {namespace} && kubectl logs -n {namespace} -l {OPERATOR}");
    let Some(spec) = lease.and_then(|lease| lease.spec.as_ref()) else {
        let said =
            format!("no operator has ever led: there is no Lease {name} in namespace {namespace}");
        return Check::wrong(
            "operator",
            said,
            format!("kubectl apply -k config, or name its place with --operator-namespace; {next}"),
        );
    };
    let holder = spec.holder_identity.clone().unwrap_or_default();
    let age = spec.renew_time.as_ref().map(|time| now.duration_since(time.0).as_secs());
    let lasts = i64::from(spec.lease_duration_seconds.unwrap_or_default());
    match age {
        _ if holder.is_empty() => Check::wrong("operator", "no operator leads", next),
        // A clock that differs may make it older or younger by some seconds.
        Some(age) if age <= lasts + 5 => {
            Check::fine("operator", format!("{holder} leads, seen {} ago", duration(age)))
        }
        Some(age) => Check::wrong(
            "operator",
            format!("no operator leads: {holder} was last seen {} ago", duration(age)),
            next,
        ),
        None => Check::wrong("operator", "no operator leads", next),
    }
}

/// Looks at what the environments need of the installation.
pub(super) async fn features(cluster: &Cluster, namespace: &str, seen: &Seen) -> Vec<Check> {
    let mut checks = Vec::new();
    if seen.environments.iter().any(|environment| environment.spec.approval.is_some()) {
        let api: Api<MutatingAdmissionPolicy> = Api::all(cluster.client.clone());
        let found = api.get_opt(POLICY).await;
        checks.push(match found {
            Ok(Some(_)) => {
                Check::fine("approvals", "the cluster writes down who created an object")
            }
            Ok(None) => Check::wrong(
                "approvals",
                "no approval counts: the policy that writes down who created it is not installed",
                "kubectl apply --server-side -f config/admission",
            ),
            Err(_) => Check::unknown("approvals", "you may not see whether approvals count"),
        });
    }
    let hooked: Vec<String> = seen
        .repositories
        .iter()
        .filter(|repository| repository.spec.webhook_secret_ref.is_some())
        .map(ResourceExt::name_any)
        .collect();
    let api: Api<Deployment> = Api::namespaced(cluster.client.clone(), namespace);
    let found = api.list(&ListParams::default().labels(OPERATOR)).await;
    if let Some(deployment) = found.ok().and_then(|list| list.items.into_iter().next()) {
        checks.extend(judge_features(&deployment, &hooked));
    }
    checks
}

fn judge_features(deployment: &Deployment, hooked: &[String]) -> Vec<Check> {
    let name = deployment.name_any();
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let mut checks = vec![if ready >= wanted {
        Check::fine("replicas", format!("{ready} of {wanted} are ready"))
    } else {
        let namespace = deployment.namespace().unwrap_or_default();
        Check::doubtful(
            "replicas",
            format!("{ready} of {wanted} are ready"),
            format!("kubectl describe deployment {name} -n {namespace}"),
        )
    }];
    let serves = |flag: &str, variable: &str| given(deployment, flag, variable);
    let views = serves("--views", "GIMLET_VIEWS");
    checks.push(if views {
        Check::fine("views", "the operator serves them")
    } else {
        Check::fine("views", "off (the operator's flag --views)")
    });
    let webhooks = serves("--webhooks", "GIMLET_WEBHOOKS");
    checks.push(match (webhooks, hooked) {
        (true, _) => Check::fine("webhooks", "the operator takes them"),
        (false, []) => Check::fine("webhooks", "off (the operator's flag --webhooks)"),
        (false, names) => Check::wrong(
            "webhooks",
            format!("{} expects webhooks, and the operator takes none", names.join(", ")),
            format!("give the operator the flag --webhooks: kubectl edit deployment {name}"),
        ),
    });
    checks
}

/// Tells whether a flag or its variable is given to the operator.
fn given(deployment: &Deployment, flag: &str, variable: &str) -> bool {
    let pod = deployment.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    pod.into_iter().flat_map(|pod| &pod.containers).any(|container| {
        let mut words = container.command.iter().chain(&container.args).flatten();
        let assigned = format!("{flag}=");
        words.any(|word| word == flag || word.starts_with(&assigned))
            || container.env.iter().flatten().any(|set| set.name == variable)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::check::State;
    use serde_json::{Value, json};

    #[test]
    fn a_lease_that_is_not_renewed_has_no_leader() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let judge = |spec: Value| {
            let lease: Lease =
                serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap();
            judge_lease(Some(&lease), "gimlet-system", "gimlet-operator", now)
        };
        let spec = |renewed: &str| json!({"holderIdentity": "pod-1", "leaseDurationSeconds": 15, "renewTime": renewed});
        let fresh = judge(spec("2026-01-01T11:59:50.000000Z"));
        assert_eq!((fresh.state, fresh.said.as_str()), (State::Fine, "pod-1 leads, seen 10s ago"));
        let stale = judge(spec("2026-01-01T11:50:00.000000Z"));
        assert_eq!(stale.state, State::Wrong);
        assert!(stale.said.contains("pod-1 was last seen 10m ago"), "{}", stale.said);
        assert_eq!(judge(json!({"leaseDurationSeconds": 15})).state, State::Wrong);
        let none = judge_lease(None, "gimlet-system", "gimlet-operator", now);
        assert!(none.next.unwrap().contains("--operator-namespace"));
    }

    #[test]
    fn webhooks_that_nobody_takes_are_told() {
        let deployment = |args: Value| -> Deployment {
            serde_json::from_value(json!({"metadata": {"name": "gimlet-operator", "namespace": "gimlet-system"},
                "spec": {"replicas": 2, "selector": {}, "template": {"spec": {"containers":
                    [{"name": "operator", "args": args, "env": [{"name": "GIMLET_VIEWS", "value": "x"}]}]}}},
                "status": {"readyReplicas": 1}}))
            .unwrap()
        };
        let state = |args: Value, hooked: &[String]| {
            let checks = judge_features(&deployment(args), hooked);
            checks.into_iter().find(|check| check.what == "webhooks").unwrap().state
        };
        let hooked = ["shop".to_owned()];
        assert_eq!(state(json!(["--listen=0.0.0.0:8080"]), &hooked), State::Wrong);
        assert_eq!(state(json!(["--webhooks=0.0.0.0:9000"]), &hooked), State::Fine);
        assert_eq!(state(json!([]), &[]), State::Fine);
        let checks = judge_features(&deployment(json!([])), &[]);
        assert_eq!(checks[0].state, State::Doubtful, "one of two is ready");
        assert!(checks.iter().any(|check| check.said == "the operator serves them"));
    }
}
