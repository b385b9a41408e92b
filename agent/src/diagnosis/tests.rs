//! Objects as clusters have them, and what is told of them.

use insta::assert_snapshot;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::core::DynamicObject;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::protocol::{AppKey, AppState, Word, Workload};

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A pod with one container whose status is given.
fn pod(status: &Value) -> Pod {
    let mut container = json!({
        "name": "app", "image": "registry.example/web:9", "imageID": "", "ready": false,
        "restartCount": 0, "started": false
    });
    for (key, value) in status.as_object().unwrap() {
        container[key] = value.clone();
    }
    read(json!({
        "metadata": {"name": "web-7c-x2"},
        "status": {"phase": "Pending", "containerStatuses": [container]}
    }))
}

fn waiting(reason: &str, message: &str) -> Pod {
    pod(&json!({"state": {"waiting": {"reason": reason, "message": message}}}))
}

fn crashing(last: &Value) -> Pod {
    pod(&json!({
        "restartCount": 4,
        "state": {"waiting": {
            "reason": "CrashLoopBackOff",
            "message": "back-off 1m20s restarting failed container=app pod=web-7c-x2_shop(1)"
        }},
        "lastState": {"terminated": last}
    }))
}

fn told(trouble: Option<Trouble>) -> String {
    let Some(Trouble { lasting, cause }) = trouble else { return "nothing".into() };
    let stays = if lasting { "lasting" } else { "passing" };
    format!("{} ({stays})\n{}\n-> {}", cause.reason, cause.message, cause.next_step)
}

fn verdict((word, cause): (Word, Option<Cause>)) -> String {
    let cause = cause
        .map_or_else(String::new, |c| format!(": {}\n{}\n-> {}", c.reason, c.message, c.next_step));
    format!("{word:?}{cause}")
}

#[test]
fn an_image_that_is_not_there_is_told_in_the_registrys_words() {
    let pod = waiting(
        "ImagePullBackOff",
        "Back-off pulling image \"registry.example/web:9\": ErrImagePull: rpc error: code = NotFound \
         desc = failed to resolve reference \"registry.example/web:9\": not found",
    );
    assert_snapshot!(told(pod_trouble(&pod)));
}

#[test]
fn an_older_kubelet_has_the_registrys_words_in_an_event() {
    let pod = waiting("ImagePullBackOff", "Back-off pulling image \"registry.example/web:9\"");
    let event = "Failed to pull image \"registry.example/web:9\": rpc error: code = Unknown desc = \
                 failed to authorize: unexpected status: 401 Unauthorized";
    assert_snapshot!(told(with_event("web-7c-x2", pod_trouble(&pod), "Failed", event)));
}

#[test]
fn a_crash_loop_has_its_exit_code_and_last_words() {
    let last = json!({"exitCode": 1, "reason": "Error", "message": "panic: no DATABASE_URL\n"});
    assert_snapshot!(told(pod_trouble(&crashing(&last))));
    assert_snapshot!(told(pod_trouble(&crashing(&json!({"exitCode": 127, "reason": "Error"})))));
}

#[test]
fn a_crash_loop_for_want_of_memory_says_so() {
    let last = json!({"exitCode": 137, "reason": "OOMKilled"});
    assert_snapshot!(told(pod_trouble(&crashing(&last))));
}

#[test]
fn a_secret_that_is_missing_is_named() {
    let pod = waiting("CreateContainerConfigError", "secret \"db-password\" not found");
    assert_snapshot!(told(pod_trouble(&pod)));
}

#[test]
fn a_pod_that_no_node_takes_has_the_schedulers_words() {
    let pod: Pod = read(json!({
        "metadata": {"name": "web-7c-x2"},
        "status": {"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are \
                        available: 3 No preemption victims found for incoming pod."
        }]}
    }));
    assert_snapshot!(told(pod_trouble(&pod)));
}

#[test]
fn a_probe_that_fails_is_told_with_its_answer() {
    let running =
        json!({"started": true, "state": {"running": {"startedAt": "2026-03-01T10:00:00Z"}}});
    let trouble = pod_trouble(&pod(&running));
    let event = "Readiness probe failed: HTTP probe failed with statuscode: 503";
    assert_snapshot!(told(with_event("web-7c-x2", trouble, "Unhealthy", event)));
    let slow = json!({"started": false, "state": {"running": {}}});
    assert_snapshot!(told(pod_trouble(&pod(&slow))));
}

#[test]
fn a_volume_that_cannot_be_mounted_is_known_from_events_alone() {
    let creating = waiting("ContainerCreating", "");
    assert_eq!(pod_trouble(&creating), None);
    let event = "MountVolume.SetUp failed for volume \"tls\" : secret \"web-tls\" not found";
    assert_snapshot!(told(with_event("web-7c-x2", None, "FailedMount", event)));
}

#[test]
fn an_evicted_pod_says_what_the_node_ran_short_of() {
    let pod: Pod = read(json!({
        "metadata": {"name": "web-7c-x2"},
        "status": {"phase": "Failed", "reason": "Evicted",
                   "message": "The node was low on resource: ephemeral-storage."}
    }));
    assert_snapshot!(told(pod_trouble(&pod)));
}

#[test]
fn pods_that_are_fine_or_leave_have_no_trouble() {
    let ready = json!({"ready": true, "started": true, "state": {"running": {}}});
    assert_eq!(pod_trouble(&pod(&ready)), None);
    let mut leaving = crashing(&json!({"exitCode": 1}));
    leaving.metadata.deletion_timestamp = Some(read(json!("2026-03-01T10:00:00Z")));
    assert_eq!(pod_trouble(&leaving), None);
    let mut done = pod(&json!({"state": {"terminated": {"exitCode": 0}}}));
    done.status.as_mut().unwrap().phase = Some("Succeeded".into());
    assert_eq!(pod_trouble(&done), None);
}

fn deployment(status: &Value) -> Rollout {
    let object: Deployment = read(json!({
        "metadata": {"name": "web", "generation": 2},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [
                {"name": "app", "image": "web:1"}, {"name": "proxy", "image": "proxy:2"},
                {"name": "metrics", "image": "proxy:2"}
            ]}}
        },
        "status": status
    }));
    Rollout::deployment(&object)
}

#[test]
fn a_deployment_is_healthy_once_all_replicas_are_of_the_present_version() {
    let old = deployment(&json!({
        "observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        "updatedReplicas": 3
    }));
    assert_eq!((old.ready, old.done, old.is_done()), (3, 0, false));
    let new = deployment(&json!({
        "observedGeneration": 2, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3,
        "updatedReplicas": 3
    }));
    assert_eq!(new.images, ["web:1", "proxy:2"]);
    assert_eq!(verdict(judge(&new, [])), "Healthy");
    let half = json!({"observedGeneration": 2, "availableReplicas": 3, "updatedReplicas": 1});
    assert_snapshot!(verdict(judge(&deployment(&half), [])));
}

#[test]
fn what_keeps_the_pods_says_more_than_that_the_deadline_is_over() {
    let over = deployment(&json!({
        "observedGeneration": 2, "availableReplicas": 2, "updatedReplicas": 1,
        "conditions": [{
            "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
            "message": "ReplicaSet \"web-7c\" has timed out progressing."
        }]
    }));
    assert_snapshot!(verdict(judge(&over, [])));
    let running = json!({"started": true, "state": {"running": {}}});
    let trouble = pod_trouble(&pod(&running)).unwrap();
    let (word, cause) = judge(&over, [&trouble]);
    assert_eq!((word, cause.unwrap().reason.as_str()), (Word::Failed, "NotReady"));
}

#[test]
fn a_quota_keeps_a_deployment_until_its_deadline() {
    let refused = deployment(&json!({
        "observedGeneration": 2,
        "conditions": [{
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
            "message": "pods \"web-7c-x2\" is forbidden: exceeded quota: team, requested: \
                        requests.cpu=1, used: requests.cpu=4, limited: requests.cpu=4"
        }]
    }));
    assert_snapshot!(verdict(judge(&refused, [])));
}

#[test]
fn old_pods_that_still_serve_do_not_make_a_rollout_done() {
    let rollout = |replicas: i32, updated: i32, available: i32| {
        let object: Deployment = read(json!({
            "metadata": {}, "spec": {"replicas": 1, "selector": {}, "template": {}},
            "status": {"replicas": replicas, "updatedReplicas": updated,
                       "readyReplicas": available, "availableReplicas": available}
        }));
        Rollout::deployment(&object).is_done()
    };
    assert!(!rollout(2, 1, 1), "the new pod does not start, and the old one stays");
    assert!(rollout(2, 1, 2), "the new pod serves, and the old one is about to go");
    assert!(rollout(1, 1, 1));
    assert!(!rollout(1, 0, 1) && !rollout(1, 1, 0));
}

#[test]
fn a_lasting_trouble_fails_a_rollout_at_once() {
    let half = json!({"observedGeneration": 2, "availableReplicas": 3, "updatedReplicas": 1});
    let passing = pod_trouble(&pod(&json!({"started": true, "state": {"running": {}}}))).unwrap();
    let lasting = pod_trouble(&waiting("InvalidImageName", "couldn't parse image name")).unwrap();
    let (word, cause) = judge(&deployment(&half), [&passing, &lasting]);
    assert_eq!((word, cause.unwrap().reason.as_str()), (Word::Failed, "InvalidImageName"));
}

#[test]
fn a_stateful_set_that_is_updated_by_hand_or_in_part_is_done_with_old_pods() {
    let set = |strategy: &Value| {
        let object: StatefulSet = read(json!({
            "metadata": {"generation": 1},
            "spec": {"replicas": 3, "selector": {}, "template": {}, "updateStrategy": strategy},
            "status": {"observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 1}
        }));
        Rollout::stateful_set(&object).done
    };
    assert_eq!(set(&json!({"type": "RollingUpdate"})), 1);
    assert_eq!(set(&json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})), 3);
    assert_eq!(set(&json!({"type": "OnDelete"})), 3);
}

#[test]
fn a_daemon_set_wants_a_pod_on_each_node() {
    let object: DaemonSet = read(json!({
        "metadata": {"generation": 1},
        "spec": {"selector": {}, "template": {}},
        "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 4, "currentNumberScheduled": 4,
            "numberMisscheduled": 0, "numberReady": 4, "updatedNumberScheduled": 3
        }
    }));
    let rollout = Rollout::daemon_set(&object);
    assert_eq!((rollout.wanted, rollout.ready, rollout.done), (4, 4, 3));
}

#[test]
fn a_job_ends_well_or_says_why_not() {
    let job = |conditions: &Value| {
        read::<Job>(json!({"spec": {"template": {}}, "status": {"conditions": conditions}}))
    };
    let done = job(&json!([{"type": "Complete", "status": "True"}]));
    assert_eq!(job_outcome(&done, []).word, Word::Healthy);
    let failed = job(&json!([{
        "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit"
    }]));
    let ended = pod(
        &json!({"state": {"terminated": {"exitCode": 3, "reason": "Error", "message": "no table"}}}),
    );
    let trouble = pod_trouble(&ended).unwrap();
    let outcome = job_outcome(&failed, [&trouble]);
    assert_snapshot!(verdict((outcome.word, outcome.cause)));
    let late = job(&json!([{
        "type": "Failed", "status": "True", "reason": "DeadlineExceeded",
        "message": "Job was active longer than specified deadline"
    }]));
    let outcome = job_outcome(&late, []);
    assert_snapshot!(verdict((outcome.word, outcome.cause)));
    assert_eq!(job_outcome(&job(&json!([])), []).word, Word::Progressing);
}

fn flux(kind: &str, spec: &Value, status: &Value) -> crate::protocol::FluxItem {
    let object: DynamicObject = read(json!({
        "metadata": {"name": "prod-web", "namespace": "flux-system", "generation": 3},
        "spec": spec, "status": status
    }));
    flux_item(kind, &object)
}

#[test]
fn flux_failing_is_told_with_the_next_step() {
    let failed = flux(
        "Kustomization",
        &json!({}),
        &json!({
            "lastAppliedRevision": "main@sha1:aaa", "lastAttemptedRevision": "main@sha1:bbb",
            "conditions": [{
                "type": "Ready", "status": "False", "reason": "BuildFailed", "observedGeneration": 3,
                "message": "kustomize build failed: accumulating resources"
            }]
        }),
    );
    assert_eq!(failed.last_attempted_revision.as_deref(), Some("main@sha1:bbb"));
    assert_snapshot!(verdict(flux_verdict(&failed)));
    let suspended = flux("HelmRelease", &json!({"suspend": true}), &json!({}));
    assert_snapshot!(verdict(flux_verdict(&suspended)));
}

#[test]
fn flux_looking_again_is_no_news_but_a_new_revision_is() {
    let status = |applied: &str, tried: &str| {
        json!({
            "lastAppliedRevision": applied, "lastAttemptedRevision": tried,
            "conditions": [{
                "type": "Ready", "status": "Unknown", "reason": "Progressing", "observedGeneration": 3,
                "message": "Reconciliation in progress"
            }]
        })
    };
    let word = |status: Value| flux_verdict(&flux("Kustomization", &json!({}), &status)).0;
    assert_eq!(word(status("main@sha1:a", "main@sha1:a")), Word::Healthy);
    assert_eq!(word(status("main@sha1:a", "main@sha1:b")), Word::Progressing);
    assert_eq!(word(json!({})), Word::Progressing);
    let old = json!({"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]});
    assert_eq!(flux("Kustomization", &json!({}), &old).ready, None);
}

#[test]
fn a_source_says_what_it_fetched() {
    let source = flux(
        "GitRepository",
        &json!({}),
        &json!({"artifact": {"revision": "main@sha1:abc"},
                "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 3}]}),
    );
    assert_eq!(source.last_applied_revision.as_deref(), Some("main@sha1:abc"));
    assert_eq!(flux_verdict(&source), (Word::Healthy, None));
}

#[test]
fn an_app_is_as_bad_as_its_worst_part() {
    let workload = |name: &str, word: Word| Workload {
        kind: "Deployment".into(),
        name: name.into(),
        wanted: 1,
        ready: 1,
        updated: 1,
        available: 1,
        images: Vec::new(),
        autoscalers: Vec::new(),
        cron: None,
        word,
        cause: (word != Word::Healthy).then(|| cause("Why", "message".into(), "step")),
    };
    let mut app = AppState::new(AppKey::new("shop", "web"));
    app.sum_up();
    assert_eq!(app.word, Word::Unknown);
    app.workloads = vec![workload("a", Word::Healthy)];
    app.sum_up();
    assert_eq!((app.word, &app.cause), (Word::Healthy, &None));
    app.workloads.push(workload("b", Word::Progressing));
    app.workloads.push(workload("c", Word::Failed));
    app.sum_up();
    assert_eq!(app.word, Word::Failed);
    assert_eq!(app.cause.unwrap().message, "Deployment c: message");
}
