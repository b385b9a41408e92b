//! What the API server makes of an object that it takes, and how it is found.

use anyhow::ensure;
use kube::ResourceExt;
use kube::api::ListParams;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_gets_its_default() -> Result<()> {
    let place = place().await?;
    let made = place.make::<Environment>("staging", environment(&json!({}), &[])).await?;
    let spec = &made.data["spec"];
    assert_eq!(
        spec["gitops"],
        json!({
            "url": "https://git.example.com/a/b.git", "branch": "main", "path": "",
            "createBranch": true, "push": "Commit", "author": {"name": "Gimlet", "email": "gimlet@localhost"},
        })
    );
    assert_eq!(
        spec["flux"],
        json!({
            "kustomizationPerApp": true, "wait": true, "interval": "1m", "timeout": "5m",
            "namespace": "flux-system",
        })
    );
    assert_eq!(spec["retention"], json!({"releasesPerApp": 10}));
    assert_eq!(spec["suspend"], false);
    assert_eq!(spec["render"], json!({"allowSecrets": false}));
    let made = place.make::<Release>("r", release(&[])).await?;
    let spec = &made.data["spec"];
    assert_eq!((&spec["cancel"], &spec["planOnly"]), (&json!(false), &json!(false)));
    let spec = json!({"app": "shop", "environment": "staging"});
    let made = place.make::<App>("shop.staging", spec).await?;
    assert_eq!(made.data["spec"]["deletionPolicy"], "Remove");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_found_by_app_and_environment() -> Result<()> {
    let place = place().await?;
    for (name, app, environment) in
        [("a", "shop", "staging"), ("b", "shop", "production"), ("c", "cart", "staging")]
    {
        let spec = release(&[("app", json!(app)), ("environment", json!(environment))]);
        place.make::<Release>(name, spec).await?;
        let spec = json!({"app": app, "environment": environment});
        place.make::<App>(&format!("{app}.{environment}"), spec).await?;
    }
    let found = async |api: Api<DynamicObject>, fields: &str| -> Result<Vec<String>> {
        let list = api.list(&ListParams::default().fields(fields)).await?;
        Ok(list.iter().map(ResourceExt::name_any).collect())
    };
    let (releases, apps) = (place.api::<Release>(), place.api::<App>());
    assert_eq!(found(releases.clone(), "spec.app=shop").await?, ["a", "b"]);
    let one = "spec.app=shop,spec.environment=staging";
    assert_eq!(found(releases, one).await?, ["a"]);
    let staging = found(apps, "spec.environment=staging").await?;
    assert_eq!(staging, ["cart.staging", "shop.staging"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_knows_short_names_columns_and_explanations() -> Result<()> {
    let place = place().await?;
    place.make::<Environment>("staging", environment(&json!({}), &[])).await?;
    place.make::<App>("shop.staging", json!({"app": "shop", "environment": "staging"})).await?;
    place.make::<Release>("r", release(&[("requestedBy", json!("ada"))])).await?;
    place.make::<ReleaseSet>("s", set(&[])).await?;
    let ns = place.namespace.name();
    let get = |what: &str| place.cluster.kubectl(["get", what, "-n", ns, "-o", "wide"]);
    for (short, columns) in [
        ("rel", "NAME APP ENVIRONMENT VERSION PHASE COMMIT STATUS AGE BY REASON"),
        ("relset", "NAME ENVIRONMENT APPS READY PHASE COMMIT STATUS AGE BY REASON"),
        (
            "gapp",
            "NAME APP ENVIRONMENT VERSION READY STATUS HOLD AGE BRANCH URL EXPIRES RELEASE COMMIT",
        ),
        ("genv", "NAME READY STATUS APPS HEAD LOCK AGE PROMOTES FROM REPOSITORY"),
        ("env", "NAME READY STATUS APPS HEAD LOCK AGE PROMOTES FROM REPOSITORY"),
    ] {
        let table = get(short)?;
        let header = table.lines().next().context("kubectl prints nothing")?;
        assert_eq!(header.split_whitespace().collect::<Vec<_>>().join(" "), columns);
    }
    assert!(get("rel")?.contains("ada"), "the person is not in the wide table");
    let all = get("gimlet")?;
    for name in ["environment.gimlet.io/staging", "app.gimlet.io/shop.staging"] {
        assert!(all.contains(name), "{all}");
    }
    let text = place.cluster.kubectl(["explain", "releases.gimlet.io.spec"])?;
    for text_of in ["Name of the environment, in the same namespace", "Optimistic lock"] {
        assert!(text.contains(text_of), "{text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_managers_of_one_field_are_told_of_each_other() -> Result<()> {
    let place = place().await?;
    let api = place.api::<Environment>();
    let lock = |reason: &str| -> Result<Patch<DynamicObject>> {
        let spec = environment(&json!({}), &[("lock", json!({"reason": reason}))]);
        Ok(Patch::Apply(object::<Environment>("staging", &spec)?))
    };
    api.patch("staging", &PatchParams::apply("one"), &lock("freeze")?).await?;
    let told = api.patch("staging", &PatchParams::apply("two"), &lock("party")?).await;
    let Err(kube::Error::Api(status)) = told else { bail!("there is no conflict") };
    ensure!(status.code == 409, "{status:?}");
    assert!(status.message.contains(".spec.lock.reason"), "{status:?}");
    api.patch("staging", &PatchParams::apply("two"), &lock("freeze")?).await?;
    Ok(())
}
