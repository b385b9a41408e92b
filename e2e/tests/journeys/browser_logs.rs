//! The log of an app beside the page, read by the agent of its cluster for the person who looks.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{Agent, Dashboard, Person, control_plane};
use jiff::Timestamp;
use serde_json::json;

use crate::agent_reports::run;
use crate::agents::{identity, make};
use crate::browser::{AT_ONCE, text};
use crate::on_demand::{impersonation, log_from};

/// Where the lines of a log are.
const LINES: &str = ".logs-line";

/// Logs lines, as a container does.
fn log(file: &Path, lines: &[&str]) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    for line in lines {
        writeln!(file, "{:.9} stdout F {line}", Timestamp::now())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_filtered_and_held_beside_the_page() -> Result<()> {
    let cluster = control_plane()?;
    let namespace = cluster.namespace("log-page").await?;
    let ns = namespace.name();
    let dashboard = Dashboard::start(&cluster, ns, &[]).await?;
    cluster.kubectl(["create", "serviceaccount", "ada", "-n", ns])?;
    let subject = format!("--serviceaccount={ns}:ada");
    let viewer = "--clusterrole=gimlet-viewer";
    cluster.kubectl(["create", "rolebinding", "ada", "-n", ns, viewer, &subject])?;
    let (page, ada) = (format!("/?ns={ns}"), cluster.token(ns, "ada")?);
    let Some(ada) = Person::sign_in("ada", &dashboard, &page, &ada).await? else {
        return Ok(());
    };
    make(&cluster.client().await?, ns, ns).await?;
    run(&cluster, ns, "shop/web:1")?;
    let token = identity(&cluster, ns, ns).await?;
    let (environment, args) = (format!("{ns}/{ns}"), ["--on-demand=all"]);
    let agent = Agent::start_with(&cluster, ns, &dashboard.origin(), &environment, &token, &args)?;
    impersonation(&cluster, ns)?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("log");
    log(&file, &["hello from the log", "debug: cache is warm"])?;
    log_from(&cluster, ns, &file).await?;
    agent.ready().await?;

    // She may see the App here, and no log there, until somebody gives her a role in that cluster.
    ada.see(".matrix-cell", ns).await?;
    let told = ada.act("be refused the log", json!({})).await?;
    ensure!(text(&told, "why")?.contains("pods/log"), "{told}");
    let name = format!("--user=management:system:serviceaccount:{ns}:ada");
    cluster.kubectl(["create", "rolebinding", "see", "-n", ns, "--clusterrole=view", &name])?;
    ada.act("try again", json!({})).await?;
    ada.see(LINES, "hello from the log").await?;

    log(&file, &["order 1 is taken"])?;
    let begun = Instant::now();
    ada.see(LINES, "order 1 is taken").await?;
    ensure!(begun.elapsed() < AT_ONCE, "a line is shown after {:?}", begun.elapsed());

    let filter = json!({"words": "order -debug", "without": "hello"});
    let told = ada.act("filter the log", filter).await?;
    ensure!(told["lines"] == json!(["order 1 is taken"]), "{told}");
    log(&file, &["debug: order 2 is slow", "order 3 is taken"])?;
    ada.see(LINES, "order 3 is taken").await?;

    ada.act("hold the log", json!({})).await?;
    ada.act("look", json!({"name": "logs"})).await?;
    log(&file, &["order 4 is taken"])?;
    let held = ada.act("follow the log", json!({"newer": 1})).await?;
    ensure!(held["before"] == json!(["order 1 is taken", "order 3 is taken"]), "{held}");
    ada.see(LINES, "order 4 is taken").await?;

    // The address alone brings back what was chosen.
    let address = text(&told, "address")?;
    let path = address.strip_prefix(&dashboard.origin()).context("it is another address")?;
    ada.go(path).await?;
    ada.see(LINES, "order 4 is taken").await?;
    ada.act("close the log", json!({})).await?;
    cluster.kubectl(["delete", "clusterrolebinding", &format!("{ns}-impersonation")])?;
    Ok(())
}
