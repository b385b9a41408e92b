//! Signing in to the dashboard at an OIDC provider that the API server trusts, too.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gimlet_e2e::{Browser, ControlPlane, Dashboard, IdentityProvider, root, wait_until};
use serde_json::{Value, json};

use crate::gateway::environment;

const SOON: Duration = Duration::from_mins(1);
/// How long an ID token is good: short, so that sessions are renewed while the test looks on.
const SECONDS: u32 = 12;

/// Reads the configuration of the API server that the page tells, so that what people copy is tested.
fn authentication(provider: &IdentityProvider) -> Result<Value> {
    let page = std::fs::read_to_string(root()?.join("docs/dashboard.md"))?;
    let mut blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    let block = blocks.find(|(text, _)| text.contains("kind: AuthenticationConfiguration"));
    let (text, _) = block.context("the page has no configuration of the API server")?;
    let mut config: Value = serde_saphyr::from_str(text)?;
    config["jwt"][0]["issuer"]["url"] = provider.url().into();
    config["jwt"][0]["issuer"]["certificateAuthority"] = provider.certificate.as_str().into();
    Ok(config)
}

/// Signs somebody in with a browser of their own, and gives it and the address at which it ended.
fn visit(dashboard: &Dashboard, person: &str, to: &str) -> Result<(Browser, String)> {
    let mut browser = Browser::new();
    if !person.is_empty() {
        browser.keep("person", person);
    }
    let (end, _) = browser.open(&format!("{}/auth/login?to={to}", dashboard.origin()))?;
    Ok((browser, end))
}

fn read(dashboard: &Dashboard, browser: &mut Browser, path: &str) -> Result<Value> {
    let answer = browser.ask("GET", &format!("{}{path}", dashboard.origin()), &[])?;
    ensure!(answer.status == 200, "{path}: {answer:?}");
    Ok(answer.body)
}

/// Gives the reason that the page tells after a sign-in that failed.
fn why(dashboard: &Dashboard, browser: &mut Browser) -> Result<(String, String)> {
    let said = read(dashboard, browser, "/api/v1/config")?;
    let text = |field: &str| said["refused"][field].as_str().map(str::to_owned);
    let reason = text("reason").with_context(|| format!("nothing was refused: {said}"))?;
    Ok((reason, text("detail").unwrap_or_default()))
}

fn renewals(dashboard: &Dashboard) -> Result<u32> {
    let metrics = dashboard.probe("/metrics")?;
    let text = metrics.body.as_str().context("no metrics")?.to_owned();
    let line = "gimlet_sign_ins_total{result=\"Succeeded\",way=\"renewal\"} ";
    let count = text.lines().find_map(|found| found.strip_prefix(line));
    Ok(count.map_or(Ok(0), str::parse)?)
}

/// Signs somebody out here and, as people do who are asked there whether they want to, at the provider; and finds that they
/// are nobody there afterwards.
fn leave(provider: &IdentityProvider, browser: &mut Browser, origin: &str) -> Result<()> {
    let out = browser.ask("DELETE", &format!("{origin}/api/v1/session"), &[("Origin", origin)])?;
    ensure!(out.status == 200, "{out:?}");
    let me = browser.ask("GET", &format!("{origin}/api/v1/me"), &[])?;
    ensure!(me.status == 401, "{me:?}");
    let next = out.body["next"].as_str().context("nothing is said of the provider")?;
    ensure!(next.starts_with(&provider.url()) && !next.contains("eyJ"), "{next}");
    browser.keep("person", "");
    let login = format!("{origin}/auth/login?to=/");
    let (_, page) = browser.open(next)?;
    let text = page.body.as_str().context("the provider shows no page")?;
    let secret =
        text.split("name=\"xsrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let form = format!("xsrf={}&logout=yes", secret.context("the provider asks nothing")?);
    let back = browser.fill(&format!("{}/session/end/confirm", provider.url()), &form)?;
    let to = back.header("location").context("the provider sends nobody back")?.to_owned();
    ensure!(to == format!("{origin}/auth/callback"), "{to}");
    let (end, there) = browser.open(&to)?;
    ensure!(end == format!("{origin}/") && there.status == 200, "{end}: {}", there.status);
    browser.open(&login)?;
    let me = browser.ask("GET", &format!("{origin}/api/v1/me"), &[])?;
    ensure!(me.status == 401, "the provider still knows them: {me:?}");
    Ok(())
}

async fn dashboard(
    cluster: &ControlPlane,
    provider: &IdentityProvider,
    client: &str,
    secret: &str,
) -> Result<Dashboard> {
    let args = [
        "--oidc-issuer",
        &provider.url(),
        "--oidc-ca",
        &provider.authority(),
        "--oidc-client-id",
        client,
        "--oidc-client-secret-file",
        secret,
        "--oidc-name",
        "Acme",
    ];
    Dashboard::start(cluster, "team", &args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_at_a_provider_and_act_as_the_api_server_knows_them() -> Result<()> {
    let mut provider = IdentityProvider::new()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("authentication.yaml");
    std::fs::write(&file, authentication(&provider)?.to_string())?;
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "hush\n")?;
    let secret = secret.to_string_lossy();
    let file = file.to_string_lossy();
    let cluster = ControlPlane::own_with("sso", &[("AUTHENTICATION_CONFIG", &file)])?;
    cluster.kubectl(["create", "namespace", "team"])?;
    let door = dashboard(&cluster, &provider, "gimlet", &secret).await?;
    environment(&cluster.client().await?, "team", "prod", "Agent").await?;
    cluster.kubectl([
        "create",
        "rolebinding",
        "developers",
        "-n",
        "team",
        "--clusterrole=gimlet-releaser",
        "--group=sso:dev",
    ])?;

    // While the provider is away, the page says so.
    let (mut early, end) = visit(&door, "ada", "/audit")?;
    ensure!(end == format!("{}/audit", door.origin()), "{end}");
    let (reason, detail) = why(&door, &mut early)?;
    ensure!(
        reason == "IssuerUnreachable" && detail.contains(&provider.url()),
        "{reason}: {detail}"
    );

    let stranger = dashboard(&cluster, &provider, "stranger", &secret).await?;
    let back = [&door, &stranger].map(|each| format!("{}/auth/callback", each.origin()));
    provider.start(SECONDS, &back)?;

    // The API server fetches the keys of the issuer some time after it has started.
    let mut ada = wait_until("the API server knows the issuer", SOON, async || {
        let (mut browser, end) = visit(&door, "ada", "/audit?env=prod")?;
        ensure!(end == format!("{}/audit?env=prod", door.origin()), "{end}");
        let said = read(&door, &mut browser, "/api/v1/me");
        said.map_err(|error| error.context(format!("{:?}", why(&door, &mut browser))))?;
        Ok(browser)
    })
    .await?;
    let me = read(&door, &mut ada, "/api/v1/me")?;
    assert_eq!(me["user"], "ada@example.com", "{me}");
    let groups = me["groups"].as_array().context("no groups")?;
    assert!(groups.contains(&json!("sso:dev")) && groups.contains(&json!("sso:ada")), "{me}");
    assert_eq!(me["missingClaim"], Value::Null, "{me}");
    let config = read(&door, &mut ada, "/api/v1/config")?;
    assert_eq!(config["provider"], "Acme", "{config}");
    let namespaces = read(&door, &mut ada, "/api/v1/namespaces")?;
    assert_eq!(namespaces["namespaces"], json!(["team"]), "{namespaces}");
    let releases = "/apis/gimlet.io/v1alpha1/namespaces/team/releases";
    read(&door, &mut ada, releases)?;

    // The session outlives the token: the dashboard gets a new one before it ends.
    let begun = renewals(&door)?;
    wait_until("two renewals", SOON, async || {
        read(&door, &mut ada, "/api/v1/me")?;
        ensure!(renewals(&door)? >= begun + 2, "not yet");
        Ok(())
    })
    .await?;
    read(&door, &mut ada, releases)?;

    // Who has no groups may sign in, and is told what is missing.
    let (mut nobody, _) = visit(&door, "nobody", "/")?;
    let me = read(&door, &mut nobody, "/api/v1/me")?;
    assert_eq!(
        (&me["user"], &me["missingClaim"]),
        (&json!("nobody@example.com"), &json!("groups"))
    );
    let overview = nobody.ask("GET", &format!("{}/api/v1/overview", door.origin()), &[])?;
    assert_eq!(overview.status, 403, "{overview:?}");

    // The provider refuses, and its words are told.
    let (mut refused, _) = visit(&door, "", "/")?;
    let (reason, detail) = why(&door, &mut refused)?;
    assert_eq!(reason, "ProviderRefused", "{detail}");
    assert!(detail.contains("nobody is signed in at the provider"), "{detail}");

    // A token that is for somebody else is none for the API server.
    let (mut wrong, _) = visit(&stranger, "ada", "/")?;
    let (reason, detail) = why(&stranger, &mut wrong)?;
    assert_eq!(reason, "TokenNotTaken", "{detail}");
    assert!(detail.contains("audience stranger"), "{detail}");

    // A sign-in that this browser has not begun is none, wherever its code comes from.
    let (_, forged) = Browser::new()
        .open(&format!("{}/auth/callback?code=x&state=", door.origin()))
        .map(|(end, answer)| (end, answer.status))?;
    assert_eq!(forged, 200, "it is sent to the page, which asks to sign in");
    let mut other = Browser::new();
    other.open(&format!("{}/auth/callback?code=x&state=y", door.origin()))?;
    assert_eq!(why(&door, &mut other)?.0, "NotBegun");
    let me = other.ask("GET", &format!("{}/api/v1/me", door.origin()), &[])?;
    assert_eq!(me.status, 401, "{me:?}");

    // Signing out ends it, and leads to where the session at the provider ends.
    let origin = door.origin();
    leave(&provider, &mut ada, &origin)?;

    // Who can no longer be renewed is asked to sign in again once the token is over.
    let (mut ada, _) = visit(&door, "ada", "/")?;
    read(&door, &mut ada, "/api/v1/me")?;
    provider.stop()?;
    wait_until("the token to be over", SOON, async || {
        let me = ada.ask("GET", &format!("{origin}/api/v1/me"), &[])?;
        ensure!(me.status == 503 && me.body["reason"] == "IssuerUnreachable", "{me:?}");
        Ok(())
    })
    .await?;

    // To be forgotten takes no new token.
    let out = ada.ask("DELETE", &format!("{origin}/api/v1/session"), &[("Origin", &origin)])?;
    ensure!(matches!(out.status, 200 | 204), "{out:?}");
    assert_eq!(ada.ask("GET", &format!("{origin}/api/v1/me"), &[])?.status, 401);
    let log = door.log();
    assert!(!log.contains("eyJ") && !log.contains("hush"), "a secret is in the log");
    Ok(())
}
