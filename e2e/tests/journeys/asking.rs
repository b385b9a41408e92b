//! What people ask agents for, through the dashboard.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use gimlet_agent::protocol::{
    Answer, EventLine, FromAgent, FromDashboard, LogLine, ObjectName, Person, Query, Refusal, Word,
};
use gimlet_e2e::{Answer as Said, ControlPlane, Dashboard, control_plane, wait_until};
use serde_json::{Value, json};

use crate::agents::identity;
use crate::dashboard::{connect, hear, say};
use crate::gateway::{Speaker, app, environment, root, state};

const SOON: Duration = Duration::from_secs(30);

fn person(cluster: &ControlPlane, ns: &str, name: &str, role: Option<&str>) -> Result<String> {
    cluster.kubectl(["create", "serviceaccount", name, "-n", ns])?;
    if let Some(role) = role {
        let role = format!("--clusterrole={role}");
        let subject = format!("--serviceaccount={ns}:{name}");
        cluster.kubectl(["create", "rolebinding", name, "-n", ns, &role, &subject])?;
    }
    Ok(format!("Bearer {}", cluster.token(ns, name)?))
}

impl Speaker {
    /// Waits for a question.
    async fn asked(&mut self) -> Result<(u64, Person, Query)> {
        loop {
            if let FromDashboard::Request { id, person, query } = self.hear().await? {
                return Ok((id, person, query));
            }
        }
    }

    /// Answers a question with parts, and ends.
    async fn answer(&mut self, id: u64, answers: Vec<Answer>) -> Result<()> {
        for answer in answers {
            self.say(&FromAgent::Chunk { id, answer }).await?;
        }
        self.say(&FromAgent::End { id }).await
    }
}

/// Asks the dashboard, while the agent answers.
fn while_answering(
    dashboard: &Dashboard,
    token: &str,
    (method, path, body): (&str, &str, Option<&Value>),
    answer: impl Future<Output = Result<()>>,
) -> Result<Said> {
    let headers = [("Authorization", token)];
    let asking = std::thread::scope(|scope| {
        let asking = scope.spawn(|| dashboard.ask(method, path, &headers, body));
        let answered =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(answer));
        let said = asking.join();
        answered.map(|()| said)
    })?;
    asking.map_err(|_| anyhow::anyhow!("the question panicked"))?
}

fn line(text: &str) -> LogLine {
    LogLine { pod: "web-1".into(), container: "app".into(), time: None, text: text.into() }
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"})
}

fn what_the_dashboard_refuses_never_reaches_the_agent(
    dashboard: &Dashboard,
    ns: &str,
    ada: &str,
    stranger: &str,
) -> Result<()> {
    let all = format!("/api/agents/{ns}/prod/apps/web");
    let (logs, restart) = (format!("{all}/logs"), format!("/api/agents/{ns}/prod/restart"));
    let web = deployment();
    let here = format!("/api/agents/{ns}/here/apps/web/events");
    let reconcile = format!("/api/agents/{ns}/prod/reconcile");
    for (token, method, path, status, reason) in [
        (stranger, "GET", &logs, 403, "Forbidden"),
        (stranger, "POST", &restart, 403, "Forbidden"),
        (ada, "GET", &here, 409, "NotByAgent"),
        (ada, "POST", &reconcile, 501, "Unable"),
        (ada, "GET", &format!("{all}x/logs"), 404, "NotFound"),
        (ada, "GET", &format!("{all}/logs?mood=good"), 400, "BadRequest"),
    ] {
        let body = (method == "POST").then_some(&web);
        let said = dashboard.ask(method, path, &[("Authorization", token)], body)?;
        assert_eq!(
            (said.status, &said.body["reason"]),
            (status, &json!(reason)),
            "{path}: {said:?}"
        );
    }
    Ok(())
}

async fn who_stops_looking_stops_the_agent(
    dashboard: &Dashboard,
    agent: &mut Speaker,
    ada: &str,
    all: &str,
) -> Result<()> {
    let address = dashboard.origin().replacen("http://", "", 1);
    let mut viewer = TcpStream::connect(&address)?;
    write!(
        viewer,
        "GET {all}/logs?follow=true HTTP/1.1\r\nHost: {address}\r\nAuthorization: {ada}\r\n\r\n"
    )?;
    let (id, _, _) = agent.asked().await?;
    for answer in Answer::lines([line("first")], 0) {
        agent.say(&FromAgent::Chunk { id, answer }).await?;
    }
    let mut seen = BufReader::new(viewer.try_clone()?).lines();
    let first = seen.find(|line| line.as_ref().is_ok_and(|line| line.contains("first")));
    first.context("the log ends")??;
    drop((seen, viewer));
    while agent.hear().await? != (FromDashboard::Cancel { id }) {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_ask_the_agent_through_the_dashboard_and_are_named_to_it() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("asking").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let client = cluster.client().await?;
    environment(&client, ns, "prod", "Agent").await?;
    environment(&client, ns, "here", "Operator").await?;
    app(&client, ns, "web").await?;
    let token = identity(&cluster, ns, "prod").await?;
    let ada = person(&cluster, ns, "ada", Some("gimlet-viewer"))?;
    let stranger = person(&cluster, ns, "stranger", None)?;
    let all = format!("/api/agents/{ns}/prod/apps/web");
    let logs = format!("{all}/logs?tail=10&pods=web-1&sinceSeconds=60");

    let as_ada = [("Authorization", ada.as_str())];
    let early = dashboard.ask("GET", &all, &as_ada, None)?;
    assert_eq!((early.status, &early.body["running"]), (200, &Value::Null), "{early:?}");
    let mut agent = Speaker::welcome(&dashboard, &token, &format!("{ns}/prod")).await?;
    agent
        .tell(FromAgent::snapshot(1, root("aaaaaaa"), [state("web", Word::Healthy, "aaaaaaa")]))
        .await?;

    let running = wait_until("what runs", SOON, async || {
        let shown = dashboard.ask("GET", &all, &as_ada, None)?;
        ensure!(shown.body["running"].is_object(), "{shown:?}");
        Ok(shown.body["running"].clone())
    })
    .await?;
    assert_eq!(running["state"]["workloads"][0]["name"], "web", "{running}");
    assert_eq!(running["silent"], Value::Null, "{running}");
    assert_eq!(running["can"], json!(["logs", "events", "restart"]), "{running}");

    // Lines, with what was left out before them.
    let said = while_answering(&dashboard, &ada, ("GET", &logs, None), async {
        let (id, person, query) = agent.asked().await?;
        ensure!(person.user == format!("system:serviceaccount:{ns}:ada"), "{person:?}");
        ensure!(person.groups.contains(&"system:serviceaccounts".to_owned()), "{person:?}");
        let Query::Logs(logs) = query else { bail!("{query:?}") };
        ensure!(logs.namespace == "shop" && logs.app == "web" && logs.tail == Some(10));
        ensure!(logs.pods == ["web-1"] && logs.since.is_some() && !logs.follow, "{logs:?}");
        agent.answer(id, Answer::lines([line("one"), line("two")], 7)).await
    })?;
    let text = said.body.as_str().context("no text")?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(lines[0], json!({"dropped": 7}));
    assert_eq!((&lines[1]["text"], &lines[2]["text"]), (&json!("one"), &json!("two")));

    let said = while_answering(&dashboard, &ada, ("GET", &format!("{all}/events"), None), async {
        let (id, _, query) = agent.asked().await?;
        ensure!(query == Query::Events { namespace: "shop".into(), app: "web".into() });
        let event = EventLine {
            time: None,
            warning: true,
            reason: "BackOff".into(),
            object: "Pod/web-1".into(),
            message: "again".into(),
            count: 3,
        };
        agent.answer(id, Answer::events([event])).await
    })?;
    assert_eq!(said.body["items"][0]["reason"], "BackOff", "{said:?}");

    // What the other cluster refuses has a status of its own.
    let restart = format!("/api/agents/{ns}/prod/restart");
    let web =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web"});
    let said = while_answering(&dashboard, &ada, ("POST", &restart, Some(&web)), async {
        let (id, _, query) = agent.asked().await?;
        let Query::Restart(ObjectName { object_kind, name, .. }) = query else {
            bail!("{query:?}")
        };
        ensure!(object_kind == "Deployment" && name == "web");
        let message = "ada may not patch deployments in shop".into();
        agent.say(&FromAgent::Failed { id, reason: Refusal::Forbidden, message }).await
    })?;
    assert_eq!((said.status, &said.body["reason"]), (403, &json!("Forbidden")), "{said:?}");
    assert_eq!(said.body["detail"], "ada may not patch deployments in shop");

    what_the_dashboard_refuses_never_reaches_the_agent(&dashboard, ns, &ada, &stranger)?;
    let shows = Dashboard::start(&cluster, ns, &["--read-only"]).await?;
    let said = shows.ask("POST", &restart, &as_ada, Some(&web))?;
    assert_eq!((said.status, &said.body["reason"]), (403, &json!("ReadOnly")), "{said:?}");

    who_stops_looking_stops_the_agent(&dashboard, &mut agent, &ada, &all).await?;
    drop(agent);
    let gone = wait_until("the agent to be gone", SOON, async || {
        let said = dashboard.ask("GET", &logs, &as_ada, None)?;
        ensure!(said.status == 503, "{said:?}");
        Ok(said)
    })
    .await?;
    assert_eq!(gone.body["reason"], "NoAgent", "{gone:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_is_on_the_page_at_once_and_stays_there_as_old_when_it_goes()
-> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("running").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    let client = cluster.client().await?;
    environment(&client, ns, "prod", "Agent").await?;
    app(&client, ns, "web").await?;
    let token = identity(&cluster, ns, "prod").await?;
    let ada = person(&cluster, ns, "ada", Some("gimlet-viewer"))?;
    let mut agent = Speaker::welcome(&dashboard, &token, &format!("{ns}/prod")).await?;
    agent
        .tell(FromAgent::snapshot(1, root("aaaaaaa"), [state("web", Word::Healthy, "aaaaaaa")]))
        .await?;

    let mut page = connect(&dashboard, &[("authorization", &ada)]).await?;
    let scope = json!({"kind": "app", "namespace": ns, "environment": "prod", "name": "web"});
    say(&mut page, &json!({"op": "sub", "id": "app", "scope": scope})).await?;
    let key = json!(format!("running:{ns}/web.prod"));
    let mut running = async |what: &str, wanted: &dyn Fn(&Value) -> bool| -> Result<()> {
        loop {
            let frame = hear(&mut page).await.with_context(|| format!("waiting for {what}"))?;
            let all = ["snapshot", "upserts"].map(|part| frame[part].as_array().cloned());
            let mut entries = all.into_iter().flatten().flatten();
            if entries.any(|entry| entry["key"] == key && wanted(&entry["value"])) {
                return Ok(());
            }
        }
    };
    running("the first state", &|value| value["state"]["word"] == "Healthy").await?;
    let begun = std::time::Instant::now();
    agent.tell(FromAgent::deltas(5, [state("web", Word::Failed, "aaaaaaa")], Vec::new())).await?;
    running("a change", &|value| value["state"]["workloads"][0]["ready"] == 1).await?;
    ensure!(begun.elapsed() < Duration::from_secs(1), "it took {:?}", begun.elapsed());
    drop(agent);
    running("silence", &|value| value["silent"].is_string() && value["state"]["word"] == "Failed")
        .await
}
