//! Requests against an API server that says who asked it for what.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use kube::Config;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::cluster::testing;
use crate::protocol::{Answer, FIRST_CREDIT, LogLine, Logs, ObjectName, PodUsage};

/// What an API server was asked: by whom, for what, with which body.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<Mutex<Vec<(String, String, String)>>>);

impl Asked {
    /// Returns the bodies of requests whose path holds this, and who made them.
    fn of(&self, path: &str) -> Vec<(String, String)> {
        let asked = self.0.lock().unwrap();
        let found = asked.iter().filter(|(_, target, _)| target.contains(path));
        found.map(|(user, _, body)| (user.clone(), body.clone())).collect()
    }
}

async fn answer(State(asked): State<Asked>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header = |name: &str| {
        let value = head.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let user = format!("{} of {}", header("impersonate-user"), header("impersonate-group"));
    let (target, path) = (format!("{} {}", head.method, head.uri), head.uri.path());
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    asked.0.lock().unwrap().push((user.clone(), target.clone(), body));
    let refuse = |message: &str| {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": "Forbidden", "code": 403, "message": message});
        let answer = Response::builder().status(StatusCode::FORBIDDEN);
        answer.body(Body::from(status.to_string())).unwrap()
    };
    if user.starts_with("eve") {
        return refuse("pods is forbidden: User \"eve\" cannot get it");
    }
    if user.starts_with("nobody") {
        return refuse("users \"nobody\" is forbidden: cannot impersonate resource \"users\"");
    }
    if user.starts_with("carl") && path.ends_with("/namespaces/shop/pods") {
        return refuse("pods.metrics.k8s.io is forbidden: User \"carl\" cannot list it");
    }
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "managedFields": [{"manager": "flux"}]},
        "spec": {"replicas": 1}});
    let body = match path {
        "/api/v1/namespaces/shop/pods/web-1/log" if target.contains("follow=true") => {
            let lines = futures::stream::repeat_with(|| {
                Ok::<_, Infallible>(format!("2026-03-01T10:00:00Z {}\n", "x".repeat(8_000)))
            });
            Body::from_stream(lines)
        }
        "/api/v1/namespaces/shop/pods/web-1/log" => {
            Body::from("2026-03-01T10:00:00Z one\n2026-03-01T10:00:01Z two\n")
        }
        "/api/v1/namespaces/shop/pods/web-2/log" => Body::from("2026-03-01T10:00:02Z three\n"),
        "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods" if !user.starts_with("bob") => {
            let container = |cpu: &str, memory: &str| json!({"name": "c", "usage": {"cpu": cpu, "memory": memory}});
            let pod = |name: &str| {
                json!({"metadata": {"name": name, "namespace": "shop"}, "window": "15s", "containers": [
                    container("12345678n", "20Mi"), container("250m", "1024Ki")]})
            };
            Body::from(
                json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {},
                    "items": [pod("other-1"), pod("web-1")]})
                .to_string(),
            )
        }
        "/api/v1/namespaces/shop/events" => Body::from(events().to_string()),
        "/apis/apps/v1" => Body::from(
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "apps/v1",
                "resources": [{"name": "deployments", "singularName": "", "namespaced": true,
                               "kind": "Deployment", "verbs": ["get", "patch"]}]})
            .to_string(),
        ),
        "/apis/kustomize.toolkit.fluxcd.io/v1" => Body::from(
            json!({"kind": "APIResourceList", "apiVersion": "v1",
                "groupVersion": "kustomize.toolkit.fluxcd.io/v1",
                "resources": [{"name": "kustomizations", "singularName": "", "namespaced": true,
                               "kind": "Kustomization", "verbs": ["get", "patch"]}]})
            .to_string(),
        ),
        "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/prod-web" => {
            Body::from(object.to_string())
        }
        "/apis/apps/v1/namespaces/shop/deployments/web" => Body::from(object.to_string()),
        _ => {
            return Response::builder()
                .status(404)
                .body(Body::from("404 page not found\n"))
                .unwrap();
        }
    };
    Response::new(body)
}

fn events() -> Value {
    let event = |name: &str, object: &str, time: &str| {
        json!({"metadata": {"name": name, "namespace": "shop"}, "type": "Warning", "reason": name,
            "message": "it is so", "count": 3, "lastTimestamp": time,
            "involvedObject": {"kind": "Deployment", "namespace": "shop", "name": object}})
    };
    json!({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": [
        event("Later", "web", "2026-03-01T10:00:02Z"),
        event("Foreign", "other", "2026-03-01T10:00:01Z"),
        event("Earlier", "web", "2026-03-01T10:00:00Z"),
    ]})
}

/// A desk of an agent that may do everything, and what its API server was asked.
async fn desk() -> (Desk, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let router = Router::new().fallback(answer).with_state(asked.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let cluster = testing::settled(&["web"]);
    testing::pod(&cluster, "web", "web-1");
    let powers = Powers {
        allowed: crate::args::capabilities(&[crate::args::OnDemand::All]),
        people: Arc::new(People::new(Config::new(format!("http://{address}").parse().unwrap()))),
        cluster,
        metrics: Metrics::new().unwrap(),
    };
    (Desk::new(powers), asked)
}

fn person(user: &str) -> Person {
    Person { user: user.into(), groups: vec!["shop".into()], extra: BTreeMap::new() }
}

fn logs(follow: bool) -> Query {
    let containers = vec!["app".to_owned()];
    Query::Logs(Logs { app: "web".into(), follow, containers, ..Logs::default() })
}

fn object(kind: &str, name: &str) -> ObjectName {
    ObjectName {
        api_version: "apps/v1".into(),
        object_kind: kind.into(),
        namespace: "shop".into(),
        name: name.into(),
    }
}

async fn next(desk: &mut Desk) -> FromAgent {
    timeout(Duration::from_secs(20), desk.next()).await.expect("it is answered")
}

/// Asks, and returns the parts of the answer and how it ended.
async fn ask(desk: &mut Desk, user: &str, query: Query) -> (Vec<Answer>, Result<(), String>) {
    let mut parts = Vec::new();
    let mut came = desk.ask(1, person(user), query);
    loop {
        let frame = match came.take() {
            Some(frame) => frame,
            None => next(desk).await,
        };
        match frame {
            FromAgent::Chunk { answer, .. } => parts.push(answer),
            FromAgent::End { .. } => return (parts, Ok(())),
            FromAgent::Failed { reason, message, .. } => {
                return (parts, Err(format!("{reason:?}: {message}")));
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn refused(desk: &mut Desk, user: &str, query: Query) -> String {
    ask(desk, user, query).await.1.expect_err("it is refused")
}

#[tokio::test]
async fn logs_are_read_as_the_person_who_asks() {
    let (mut desk, asked) = desk().await;
    let (parts, end) = ask(&mut desk, "ada", logs(false)).await;
    assert_eq!(end, Ok(()));
    let line = |time: &str, text: &str| LogLine {
        pod: "web-1".into(),
        container: "app".into(),
        time: Some(time.parse().unwrap()),
        text: text.into(),
    };
    let lines = vec![line("2026-03-01T10:00:00Z", "one"), line("2026-03-01T10:00:01Z", "two")];
    assert_eq!(parts, [Answer::Lines { lines, dropped: 0 }]);
    assert_eq!(asked.of("/log")[0].0, "ada of shop");
    assert_eq!(asked.of("tailLines=1000").len(), 1);
}

#[tokio::test]
async fn logs_of_several_pods_and_containers_are_read_at_once_as_far_back_as_is_asked() {
    let (mut desk, asked) = desk().await;
    testing::pod(&desk.powers.cluster, "web", "web-2");
    let wanted = Logs {
        app: "web".into(),
        pods: vec!["web-1".into(), "web-2".into()],
        previous: true,
        tail: Some(7),
        since: Some("2026-03-01T09:00:00Z".parse().unwrap()),
        ..Logs::default()
    };
    let (parts, end) = ask(&mut desk, "ada", Query::Logs(wanted)).await;
    assert_eq!(end, Ok(()));
    let lines = parts.iter().flat_map(|part| match part {
        Answer::Lines { lines, .. } => lines.as_slice(),
        other => panic!("{other:?}"),
    });
    let mut said: Vec<_> =
        lines.map(|line| format!("{} {} {}", line.pod, line.container, line.text)).collect();
    said.sort();
    let expected = [
        "web-1 app one",
        "web-1 app two",
        "web-1 sidecar one",
        "web-1 sidecar two",
        "web-2 app three",
        "web-2 sidecar three",
    ];
    assert_eq!(said, expected);
    for wanted in ["previous=true", "tailLines=7", "sinceTime=2026-03-01T09"] {
        assert_eq!(asked.of(wanted).len(), 4, "{wanted}");
    }
}

#[tokio::test]
async fn who_has_no_right_in_the_cluster_is_refused_in_its_words() {
    let (mut desk, _) = desk().await;
    let said = refused(&mut desk, "eve", logs(false)).await;
    assert!(said.starts_with("Forbidden") && said.contains("cannot get it"), "{said}");
    let said = refused(&mut desk, "nobody", logs(false)).await;
    assert!(said.starts_with("Off") && said.contains("config/agent-on-demand"), "{said}");
}

#[tokio::test]
async fn what_is_off_unknown_or_too_much_is_refused_at_once() {
    let (mut desk, asked) = desk().await;
    let said = refused(&mut desk, "ada", Query::Unknown).await;
    assert!(said.starts_with("Unsupported"), "{said}");
    for id in 0..MOST as u64 {
        assert_eq!(desk.ask(id + 10, person("ada"), logs(true)), None);
    }
    let again = desk.ask(10, person("ada"), logs(true));
    assert!(matches!(again, Some(FromAgent::Failed { reason: Refusal::Invalid, .. })), "{again:?}");
    let more = desk.ask(99, person("ada"), logs(true));
    assert!(matches!(more, Some(FromAgent::Failed { reason: Refusal::Busy, .. })), "{more:?}");
    desk.powers.allowed = vec![Capability::Events];
    let off = desk.ask(98, person("ada"), Query::Restart(object("Deployment", "web")));
    assert!(matches!(off, Some(FromAgent::Failed { reason: Refusal::Off, .. })), "{off:?}");
    assert!(asked.of("PATCH").is_empty());
}

#[tokio::test]
async fn a_log_that_nobody_reads_on_is_not_read_on_and_ends_when_it_is_given_up() {
    let (mut desk, _) = desk().await;
    desk.ask(1, person("ada"), logs(true));
    for _ in 0..FIRST_CREDIT {
        assert!(matches!(next(&mut desk).await, FromAgent::Chunk { .. }));
    }
    let more = timeout(Duration::from_millis(500), desk.next()).await;
    assert!(more.is_err(), "nothing more was allowed: {more:?}");
    desk.allow(1, 2);
    for _ in 0..2 {
        assert!(matches!(next(&mut desk).await, FromAgent::Chunk { .. }));
    }
    desk.allow(1, u32::MAX);
    desk.cancel(1);
    let more = timeout(Duration::from_millis(500), desk.next()).await;
    assert!(more.is_err(), "it was given up: {more:?}");
}

#[tokio::test]
async fn logs_of_what_is_not_there_and_of_what_makes_no_sense_are_refused() {
    let (mut desk, _) = desk().await;
    let query = |logs| Query::Logs(Logs { app: "web".into(), ..logs });
    let said = refused(&mut desk, "ada", query(Logs { pods: vec!["x".into()], ..Logs::default() }));
    assert!(said.await.starts_with("NotFound"));
    let both = Logs { follow: true, previous: true, ..Logs::default() };
    assert!(refused(&mut desk, "ada", query(both)).await.starts_with("Invalid"));
}

#[tokio::test]
async fn events_are_those_of_the_apps_objects_and_the_oldest_comes_first() {
    let (mut desk, asked) = desk().await;
    let query = Query::Events { namespace: "shop".into(), app: "web".into() };
    let (parts, end) = ask(&mut desk, "ada", query).await;
    assert_eq!(end, Ok(()));
    let [Answer::Events { events }] = parts.as_slice() else { panic!("{parts:?}") };
    let reasons: Vec<_> = events.iter().map(|event| event.reason.as_str()).collect();
    assert_eq!(reasons, ["Earlier", "Later"]);
    assert_eq!((events[0].object.as_str(), events[0].count), ("Deployment/web", 3));
    assert_eq!(asked.of("/events")[0].0, "ada of shop");
    let query = Query::Events { namespace: "shop".into(), app: "nothing".into() };
    assert!(refused(&mut desk, "ada", query).await.starts_with("NotFound"));
}

#[tokio::test]
async fn an_object_is_shown_with_its_events_and_only_one_of_the_environment() {
    let (mut desk, asked) = desk().await;
    let (parts, end) = ask(&mut desk, "ada", Query::Describe(object("Deployment", "web"))).await;
    assert_eq!(end, Ok(()));
    let [Answer::Object { yaml, cut: false }, Answer::Events { events }] = parts.as_slice() else {
        panic!("{parts:?}")
    };
    assert!(yaml.contains("replicas: 1") && !yaml.contains("managedFields"), "{yaml}");
    assert_eq!(events.len(), 2);
    let before = asked.0.lock().unwrap().len();
    let secret = refused(&mut desk, "ada", Query::Describe(object("Secret", "web"))).await;
    assert!(secret.starts_with("Forbidden"), "{secret}");
    let other = refused(&mut desk, "ada", Query::Describe(object("Deployment", "other"))).await;
    assert!(other.starts_with("NotFound"), "{other}");
    assert_eq!(asked.0.lock().unwrap().len(), before);
}

#[tokio::test]
async fn flux_is_asked_to_look_by_the_person_who_wants_it() {
    let (mut desk, asked) = desk().await;
    testing::kustomization(&desk.powers.cluster, "web", "prod-web");
    let root = ObjectName {
        api_version: "kustomize.toolkit.fluxcd.io/v1".into(),
        namespace: "flux-system".into(),
        ..object("Kustomization", "prod-web")
    };
    let (parts, end) = ask(&mut desk, "ada", Query::ReconcileFlux(root.clone())).await;
    assert_eq!(end, Ok(()));
    assert!(matches!(parts.as_slice(), [Answer::Done { .. }]), "{parts:?}");
    let (user, body) = asked.of("PATCH").remove(0);
    assert_eq!(user, "ada of shop");
    assert!(body.contains("reconcile.fluxcd.io/requestedAt"), "{body}");
    let said = refused(&mut desk, "eve", Query::ReconcileFlux(root)).await;
    assert!(said.starts_with("Forbidden"), "{said}");
}

#[tokio::test]
async fn flux_goes_on_with_what_was_suspended_by_the_wish_of_a_person() {
    let (mut desk, asked) = desk().await;
    testing::kustomization(&desk.powers.cluster, "web", "prod-web");
    let name = |name: &str| ObjectName {
        api_version: "kustomize.toolkit.fluxcd.io/v1".into(),
        namespace: "flux-system".into(),
        ..object("Kustomization", name)
    };
    let (parts, end) = ask(&mut desk, "ada", Query::ResumeFlux(name("prod-web"))).await;
    assert_eq!(end, Ok(()));
    assert!(matches!(parts.as_slice(), [Answer::Done { .. }]), "{parts:?}");
    let expected = ("ada of shop".to_owned(), r#"{"spec":{"suspend":false}}"#.to_owned());
    assert_eq!(asked.of("PATCH"), [expected]);
    for (user, query, why) in [
        ("eve", Query::ResumeFlux(name("prod-web")), "Forbidden"),
        ("ada", Query::ResumeFlux(name("prod-other")), "NotFound"),
        ("ada", Query::ResumeFlux(object("Deployment", "web")), "Invalid"),
    ] {
        let said = refused(&mut desk, user, query).await;
        assert!(said.starts_with(why), "{said}");
    }
    desk.powers.allowed = vec![Capability::ReconcileFlux];
    let said = refused(&mut desk, "ada", Query::ResumeFlux(name("prod-web"))).await;
    assert!(said.starts_with("Off"), "{said}");
}

#[tokio::test]
async fn what_pods_use_is_told_of_the_app_alone_and_nothing_where_nobody_measures_it() {
    let (mut desk, asked) = desk().await;
    let query = |app: &str| Query::Usage { namespace: "shop".into(), app: app.into() };
    let (parts, end) = ask(&mut desk, "ada", query("web")).await;
    assert_eq!(end, Ok(()));
    let used = PodUsage { pod: "web-1".into(), cpu: 262, memory: 21 << 20 };
    assert_eq!(parts, [Answer::Usage { pods: vec![used] }]);
    assert_eq!(asked.of("metrics.k8s.io")[0].0, "ada of shop");
    // As if the cluster of these two had no metrics server: one may list all there is, the other may not.
    assert_eq!(ask(&mut desk, "bob", query("web")).await, (Vec::new(), Ok(())));
    assert_eq!(ask(&mut desk, "carl", query("web")).await, (Vec::new(), Ok(())));
    assert!(refused(&mut desk, "eve", query("web")).await.starts_with("Forbidden"));
    assert!(refused(&mut desk, "ada", query("nothing")).await.starts_with("NotFound"));
}

#[tokio::test]
async fn pods_are_started_again_as_kubectl_does_it() {
    let (mut desk, asked) = desk().await;
    let (parts, end) = ask(&mut desk, "ada", Query::Restart(object("Deployment", "web"))).await;
    assert_eq!(end, Ok(()));
    assert!(matches!(parts.as_slice(), [Answer::Done { .. }]), "{parts:?}");
    let (user, body) = asked.of("PATCH").remove(0);
    assert_eq!(user, "ada of shop");
    assert!(body.contains("kubectl.kubernetes.io/restartedAt"), "{body}");
    let said = refused(&mut desk, "ada", Query::Restart(object("Pod", "web-1"))).await;
    assert!(said.starts_with("Invalid"), "{said}");
    let said = refused(&mut desk, "ada", Query::ReconcileFlux(object("Deployment", "web"))).await;
    assert!(said.starts_with("Invalid") && asked.of("PATCH").len() == 1, "{said}");
}
