//! What is said, and what becomes of it when the dashboard misbehaves.

use std::collections::BTreeMap;
use std::time::Instant;

use super::*;
use crate::protocol::{Person, Query, Refusal};

#[tokio::test]
async fn an_agent_says_who_it_is_then_all_there_is_then_what_changes() {
    let mut dashboard = Dashboard::start().await;
    let agent = Agent::start(dashboard.address, testing::settled(&["a", "b"]));
    let mut peer = dashboard.peer().await;
    assert_eq!(peer.authorization, "Bearer one");
    let hello = peer.welcome(10).await;
    let FromAgent::Hello { protocol, cluster, environment, capabilities, .. } = hello else {
        panic!("{hello:?}")
    };
    assert_eq!((protocol, cluster.as_str(), environment.as_str()), (1, "uid-1", "team/prod"));
    assert_eq!(capabilities, []);

    let mut mirror = Mirror::default();
    peer.until(&mut mirror, |mirror| mirror.apps().len() == 2).await;
    assert!(agent.measured("gimlet_agent_has_dashboard 1"));
    testing::add(&agent.cluster, "c");
    testing::remove(&agent.cluster, "a");
    peer.until(&mut mirror, |mirror| {
        mirror.apps().keys().map(|key| key.app.as_str()).eq(["b", "c"])
    })
    .await;

    agent.stop.cancel();
    assert!(matches!(peer.socket.next().await, Some(Ok(Message::Close(_)))));
    drop(peer);
    tokio::time::timeout(Duration::from_secs(10), agent.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn nothing_is_told_before_everything_was_read_but_that_the_agent_is_there() {
    let mut dashboard = Dashboard::start().await;
    let _agent = Agent::start(dashboard.address, Cluster::new("prod", None));
    let mut peer = dashboard.peer().await;
    peer.welcome(1).await;
    assert!(matches!(peer.hear().await, FromAgent::Heartbeat { seq: 0, .. }));
}

#[tokio::test]
async fn what_is_no_frame_is_answered_and_the_connection_stays() {
    let mut dashboard = Dashboard::start().await;
    let agent = Agent::start(dashboard.address, testing::settled(&["a"]));
    let mut peer = dashboard.peer().await;
    peer.welcome(10).await;
    let mut mirror = Mirror::default();
    peer.until(&mut mirror, |mirror| mirror.apps().len() == 1).await;
    for (nonsense, words) in [
        (Message::text("{"), "malformed"),
        (Message::text(r#"{"kind": "resync", "kind": 1}"#), "malformed"),
        (Message::text(r#"{"kind": "dance"}"#), "dance"),
        (Message::binary(vec![0, 1, 2]), "malformed"),
    ] {
        peer.send(nonsense).await;
        let answer = peer.hear().await;
        let FromAgent::Error { message } = answer else { panic!("{answer:?}") };
        assert!(message.contains(words), "{message}");
    }
    assert!(agent.measured("gimlet_agent_frames_malformed_total 4"));
    // A complaint is not answered, or there would be no end of it.
    peer.say(&FromDashboard::Error { message: "what?".into() }).await;
    peer.say(&FromDashboard::Resync).await;
    let mut anew = Mirror::default();
    peer.until(&mut anew, |mirror| mirror.apps().len() == 1).await;
    assert!(agent.measured("gimlet_agent_snapshots_asked_total 1"));
}

#[tokio::test]
async fn a_request_is_refused_with_words() {
    let mut dashboard = Dashboard::start().await;
    let _agent = Agent::start(dashboard.address, Cluster::new("prod", None));
    let mut peer = dashboard.peer().await;
    peer.welcome(10).await;
    let person = Person { user: "ada".into(), groups: Vec::new(), extra: BTreeMap::new() };
    let query = Query::Events { namespace: "shop".into(), app: "web".into() };
    peer.say(&FromDashboard::Request { id: 7, person, query }).await;
    let answer = peer.hear().await;
    assert!(matches!(answer, FromAgent::Failed { id: 7, reason: Refusal::Off, .. }), "{answer:?}");
}

#[tokio::test]
async fn a_dashboard_that_is_silent_is_given_up_and_found_again() {
    let mut dashboard = Dashboard::start().await;
    let agent = Agent::start(dashboard.address, testing::settled(&["a"]));
    let mut silent = dashboard.peer().await;
    silent.welcome(1).await;
    let begun = Instant::now();
    let mut peer = dashboard.peer().await;
    assert!(begun.elapsed() >= Duration::from_secs(3));
    assert!(agent.measured(r#"gimlet_agent_connections_total{end="lost"} 1"#));
    // The new connection begins with everything, whatever the old one had told.
    peer.welcome(10).await;
    peer.until(&mut Mirror::default(), |mirror| mirror.apps().len() == 1).await;
}

#[tokio::test]
async fn a_dashboard_that_pings_is_not_silent() {
    let mut dashboard = Dashboard::start().await;
    let _agent = Agent::start(dashboard.address, Cluster::new("prod", None));
    let mut peer = dashboard.peer().await;
    peer.welcome(1).await;
    for _ in 0..5 {
        assert!(matches!(peer.hear().await, FromAgent::Heartbeat { .. }));
        peer.send(Message::Ping(Vec::new().into())).await;
    }
}

#[tokio::test]
async fn a_dashboard_that_was_away_is_told_all_that_happened_meanwhile() {
    let mut dashboard = Dashboard::start().await;
    let agent = Agent::start(dashboard.address, testing::settled(&["a", "b"]));
    let mut peer = dashboard.peer().await;
    peer.welcome(10).await;
    let mut mirror = Mirror::default();
    peer.until(&mut mirror, |mirror| mirror.apps().len() == 2).await;
    drop(peer);
    let address = dashboard.stop().await;
    // Once it has tried in vain, it waits for longer each time and has forgotten the old connection.
    let lost =
        |n: u32| agent.measured(&format!(r#"gimlet_agent_connections_total{{end="lost"}} {n}"#));
    let tried = tokio::time::timeout(Duration::from_secs(20), async {
        while !lost(3) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    tried.await.expect("it tries again");
    testing::add(&agent.cluster, "c");
    testing::remove(&agent.cluster, "a");
    assert!(!agent.cluster.progress().borrow().pending, "it is kept for nobody");
    let mut dashboard = Dashboard::at(address).await;
    let mut peer = dashboard.peer().await;
    peer.welcome(10).await;
    mirror.disconnect();
    peer.until(&mut mirror, |mirror| {
        mirror.apps().keys().map(|key| key.app.as_str()).eq(["b", "c"])
    })
    .await;
}

#[tokio::test]
async fn a_new_token_makes_a_new_connection_at_once() {
    let mut dashboard = Dashboard::start().await;
    let agent = Agent::start(dashboard.address, testing::settled(&["a"]));
    let mut peer = dashboard.peer().await;
    peer.welcome(10).await;
    agent.exchange("two");
    let mut second = dashboard.peer().await;
    assert_eq!(second.authorization, "Bearer two");
    second.welcome(10).await;
    second.until(&mut Mirror::default(), |mirror| mirror.apps().len() == 1).await;
    assert!(agent.measured(r#"gimlet_agent_connections_total{end="rotated"} 1"#));
}

#[tokio::test]
async fn who_is_sent_away_because_the_token_has_expired_comes_back_with_the_new_one() {
    let mut dashboard = Dashboard::start().await;
    let agent = Agent::start(dashboard.address, testing::settled(&["a"]));
    let mut peer = dashboard.peer().await;
    peer.welcome(10).await;
    peer.until(&mut Mirror::default(), |mirror| mirror.apps().len() == 1).await;
    agent.exchange("two");
    peer.say(&FromDashboard::Error { message: "the token has expired".into() }).await;
    peer.send(Message::Close(None)).await;
    drop(peer);
    // The agent may have begun to dial before it saw the file.
    let mut second = dashboard.peer().await;
    if second.authorization == "Bearer one" {
        second = dashboard.peer().await;
    }
    assert_eq!(second.authorization, "Bearer two");
    second.welcome(10).await;
    second.until(&mut Mirror::default(), |mirror| mirror.apps().len() == 1).await;
}

#[tokio::test]
async fn a_version_that_the_agent_does_not_speak_ends_the_connection() {
    let mut dashboard = Dashboard::start().await;
    let _agent = Agent::start(dashboard.address, testing::settled(&["a"]));
    let mut peer = dashboard.peer().await;
    peer.hear().await;
    peer.say(&FromDashboard::Welcome { protocol: 99, heartbeat_seconds: 10 }).await;
    let end = tokio::time::timeout(Duration::from_secs(10), peer.socket.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
}

#[tokio::test]
async fn a_dashboard_that_reads_slowly_gets_the_newest_states_and_no_gap() {
    const ROUNDS: i32 = 40;
    let image = "i".repeat(10_000);
    let apps: Vec<_> = (0..50).map(|n| format!("app-{n}")).collect();
    let cluster = testing::settled(&[]);
    let mut dashboard = Dashboard::start().await;
    let agent = Agent::start(dashboard.address, cluster.clone());
    let mut peer = dashboard.peer().await;
    peer.welcome(60).await;
    for round in 1..=ROUNDS {
        for app in &apps {
            testing::run(&agent.cluster, app, round, &image);
        }
        tokio::task::yield_now().await;
    }
    // Twenty megabytes have changed; nobody has read a byte of them, and nobody holds them.
    let (mut mirror, mut bytes) = (Mirror::default(), 0);
    let newest = |mirror: &Mirror| {
        let states: Vec<_> = mirror.apps().values().map(|app| app.workloads[0].wanted).collect();
        states.len() == apps.len() && states.iter().all(|wanted| *wanted == ROUNDS)
    };
    while !newest(&mirror) {
        let frame = peer.hear().await;
        bytes += encode(&frame).unwrap().len();
        let applied = mirror.apply(frame);
        assert!(!matches!(applied, Applied::Gap | Applied::TooMany), "{applied:?}");
    }
    let all = usize::try_from(ROUNDS).unwrap() * apps.len() * image.len();
    assert!(bytes < all * 3 / 4, "{bytes} of {all} bytes were sent");
}
