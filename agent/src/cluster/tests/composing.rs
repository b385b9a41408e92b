//! What is told of an app.

use super::*;
use crate::cluster::fact;
use crate::protocol::Word;

fn words(app: &AppState) -> String {
    let cause = app.cause.as_ref().map_or(String::new(), |cause| format!(" {}", cause.reason));
    format!("{:?}{cause}", app.word)
}

#[test]
fn an_app_whose_replicas_are_there_is_healthy_and_tells_what_runs() {
    let mut index = index();
    fill(&mut index, [deployment(2, 2), replica_set("web-a", "1"), pod("web-a-1", "web-a", None)]);
    let app = app(&index, "web");
    assert_eq!((app.key.namespace.as_str(), words(&app)), ("shop", "Healthy".to_owned()));
    assert_eq!(app.workloads[0].images, ["shop/web:1"]);
    assert_eq!((app.pods[0].workload.as_str(), app.pods[0].ready), ("Deployment/web", true));
    assert_eq!(app.pods[0].owner, "ReplicaSet/web-a");
}

#[test]
fn what_the_apps_own_kustomization_has_applied_is_told_and_not_what_is_of_all_apps() {
    let mut index = index();
    let entries = json!({"inventory": {"entries": [
        {"id": "shop_web_apps_Deployment", "v": "v1"}, {"id": "shop_web__ConfigMap", "v": "v1"}]}});
    let own = make(Kind::Kustomization, "prod-web")
        .within("flux-system")
        .of("web", "prod")
        .with("status", entries.clone());
    let root = make(Kind::Kustomization, "gimlet-prod")
        .within("flux-system")
        .label("gimlet.io/environment", "prod")
        .with("status", entries);
    let by_hand = make(Kind::StatefulSet, "db")
        .of("web", "prod")
        .with("spec", json!({"replicas": 1, "selector": {}, "template": {}, "serviceName": "db"}));
    let alone = make(Kind::Pod, "db-0").owned(Kind::StatefulSet, "db");
    assert!(format!("{:?}", root.seen().fact).contains("entries: None"));
    fill(&mut index, [own, by_hand, alone]);
    let app = app(&index, "web");
    let [told] = app.inventories.as_slice() else { panic!("{:?}", app.inventories) };
    assert_eq!((told.kind.as_str(), told.name.as_str()), ("Kustomization", "prod-web"));
    let kinds: Vec<_> = told.objects.iter().map(|object| object.kind.as_str()).collect();
    assert_eq!(kinds, ["Deployment", "ConfigMap"]);
    assert_eq!((app.pods[0].workload.as_str(), app.pods[0].owner.as_str()), ("StatefulSet/db", ""));
}

#[test]
fn only_pods_of_the_present_version_say_why_a_rollout_is_stuck() {
    let mut index = index();
    let pull = Some(("ImagePullBackOff", "shop/web:2: not found"));
    let crash = Some(("CrashLoopBackOff", "back-off 5m0s"));
    fill(
        &mut index,
        [
            deployment(2, 1),
            replica_set("web-a", "1"),
            replica_set("web-b", "2"),
            pod("web-a-1", "web-a", crash),
            pod("web-b-1", "web-b", None),
        ],
    );
    assert_eq!(words(&app(&index, "web")), "Progressing Progressing");
    fill(&mut index, [pod("web-b-1", "web-b", pull)]);
    let app = app(&index, "web");
    assert_eq!(words(&app), "Failed ImagePullBackOff");
    assert!(app.cause.unwrap().message.contains("shop/web:2: not found"));
}

#[test]
fn pods_with_trouble_come_first_and_those_that_are_over_last() {
    let mut index = index();
    let over = pod("a-over", "web-a", None).with("status", json!({"phase": "Succeeded"}));
    let crash = Some(("CrashLoopBackOff", "back-off"));
    fill(
        &mut index,
        [
            deployment(3, 1),
            replica_set("web-a", "1"),
            over,
            pod("b-fine", "web-a", None),
            pod("c-bad", "web-a", crash),
        ],
    );
    let pods: Vec<_> = app(&index, "web").pods.into_iter().map(|pod| pod.name).collect();
    assert_eq!(pods, ["c-bad", "b-fine", "a-over"]);
}

#[test]
fn an_event_says_that_no_pods_can_be_made_as_long_as_it_is_fresh() {
    let mut index = index();
    fill(
        &mut index,
        [make(Kind::StatefulSet, "db").of("web", "prod").with(
            "spec",
            json!({"replicas": 1, "selector": {}, "template": {}, "serviceName": "db"}),
        )],
    );
    let event = read(json!({
        "metadata": {}, "type": "Warning", "reason": "FailedCreate", "lastTimestamp": at(0),
        "message": "pods \"db-0\" is forbidden: exceeded quota: small",
        "involvedObject": {"kind": "StatefulSet", "namespace": "shop", "name": "db"},
    }));
    index.note(fact::note(&event).unwrap());
    assert_eq!(words(&app(&index, "web")), "Progressing QuotaExceeded");
    let later = index.compose("web", at(3600)).unwrap();
    assert_eq!(words(&later), "Progressing Progressing");
}

#[test]
fn an_event_gives_a_failing_probe_its_words() {
    let mut index = index();
    let late = pod("web-a-1", "web-a", None).with(
        "status",
        json!({"phase": "Running", "containerStatuses": [{"name": "app", "image": "i", "imageID": "",
            "ready": false, "restartCount": 0, "started": true, "state": {"running": {}}}]}),
    );
    fill(&mut index, [deployment(1, 0), replica_set("web-a", "1"), late]);
    let event = read(json!({
        "metadata": {}, "reason": "Unhealthy", "message": "HTTP probe failed with statuscode: 503",
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-a-1"},
    }));
    index.note(fact::note(&event).unwrap());
    let app = app(&index, "web");
    assert_eq!(words(&app), "Progressing NotReady");
    assert!(app.pods[0].cause.as_ref().unwrap().message.ends_with("statuscode: 503"));
}

#[test]
fn a_cron_job_is_judged_by_the_last_of_its_jobs_that_ended() {
    let mut index = index();
    let cron = make(Kind::CronJob, "nightly").of("web", "prod").with(
        "spec",
        json!({"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": {"spec":
            {"containers": [{"name": "app", "image": "shop/job:1"}]}}}}}),
    );
    let job = |name: &str, condition: &str, made| {
        make(Kind::Job, name)
            .owned(Kind::CronJob, "nightly")
            .made(at(made))
            .with("spec", json!({"template": {}}))
            .with("status", json!({"conditions": [{"type": condition, "status": "True"}]}))
    };
    fill(&mut index, [cron, job("nightly-1", "Failed", 1)]);
    let failed = app(&index, "web");
    assert_eq!(words(&failed), "Failed Failed");
    assert!(failed.cause.unwrap().message.contains("Job nightly-1"));
    assert_eq!(failed.workloads.len(), 1);
    fill(&mut index, [job("nightly-2", "Complete", 2)]);
    assert_eq!(words(&app(&index, "web")), "Healthy");
}

#[test]
fn a_cron_job_tells_when_it_runs_and_whether_it_is_suspended() {
    let mut index = index();
    let cron = |suspend: bool, status: Value| {
        make(Kind::CronJob, "nightly")
            .of("web", "prod")
            .with(
                "spec",
                json!({"schedule": "0 2 * * *", "timeZone": "Europe/Vienna", "suspend": suspend,
                       "jobTemplate": {"spec": {"template": {}}}}),
            )
            .with("status", status)
    };
    fill(
        &mut index,
        [cron(false, json!({"lastScheduleTime": at(5), "lastSuccessfulTime": at(9)}))],
    );
    let told = app(&index, "web").workloads.remove(0).cron.unwrap();
    assert_eq!((told.schedule.as_str(), told.time_zone.as_str()), ("0 2 * * *", "Europe/Vienna"));
    assert_eq!((told.last_schedule, told.last_success), (Some(at(5)), Some(at(9))));
    assert!(!told.suspended);
    fill(&mut index, [cron(true, json!({}))]);
    let told = app(&index, "web").workloads.remove(0).cron.unwrap();
    assert!(told.suspended && told.last_schedule.is_none());
}

#[test]
fn autoscalers_and_addresses_are_told_with_the_app() {
    let mut index = index();
    let scaler = make(Kind::Autoscaler, "web")
        .with(
            "spec",
            json!({"minReplicas": 2, "maxReplicas": 5, "scaleTargetRef":
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}),
        )
        .with(
            "status",
            json!({"currentReplicas": 2, "desiredReplicas": 3, "conditions": [
                {"type": "ScalingActive", "status": "False", "message": "no metrics"}]}),
        );
    let ingress = make(Kind::Ingress, "web").of("web", "prod").with(
        "spec",
        json!({"tls": [{"hosts": ["*.example.com"]}], "rules": [{"host": "shop.example.com",
            "http": {"paths": [{"path": "/cart/", "pathType": "Prefix", "backend": {}}]}}]}),
    );
    let route = make(Kind::HttpRoute, "web").of("web", "prod").with(
        "spec",
        json!({"hostnames": ["api.example.com"], "parentRefs": [{"name": "g", "port": 80}]}),
    );
    fill(&mut index, [deployment(2, 2), scaler, ingress, route]);
    let app = app(&index, "web");
    let scaler = &app.workloads[0].autoscalers[0];
    assert_eq!((scaler.min, scaler.max, scaler.message.as_str()), (2, 5, "no metrics"));
    let links: Vec<_> = app.links.iter().map(|link| link.url.as_str()).collect();
    assert_eq!(links, ["https://shop.example.com/cart", "http://api.example.com"]);
}

#[test]
fn the_words_of_flux_count_where_nothing_runs_yet() {
    let mut index = index();
    let failed = make(Kind::Kustomization, "web")
        .within("flux-system")
        .of("web", "prod")
        .with("spec", json!({"targetNamespace": "shop"}))
        .with(
            "status",
            json!({"conditions": [{"type": "Ready", "status": "False", "reason": "BuildFailed",
                "message": "kustomization.yaml is broken"}]}),
        );
    fill(&mut index, [failed]);
    let app = app(&index, "web");
    assert_eq!(
        (app.key.namespace.as_str(), words(&app)),
        ("shop", "Failed BuildFailed".to_owned())
    );
    assert_eq!(app.word, Word::Failed);
}
