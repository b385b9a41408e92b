//! The kinds as the API server serves them; no operator looks at these objects.

#[path = "kinds/served.rs"]
mod served;

use anyhow::{Context, Result, bail};
use gimlet_crds::{App, Approval, Artifact, ConfigChange, Environment, Release, ReleaseSet};
use gimlet_e2e::{ControlPlane, Namespace, control_plane, install};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde_json::{Value, json};

struct Place {
    cluster: ControlPlane,
    namespace: Namespace,
    client: Client,
}

async fn place() -> Result<Place> {
    let cluster = control_plane()?;
    install(&cluster)?;
    let namespace = cluster.namespace("kinds").await?;
    Ok(Place { client: cluster.client().await?, namespace, cluster })
}

impl Place {
    fn api<K: Resource<DynamicType = ()>>(&self) -> Api<DynamicObject> {
        let resource = kube::api::ApiResource::erase::<K>(&());
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    async fn make<K: Resource<DynamicType = ()>>(
        &self,
        name: &str,
        spec: Value,
    ) -> Result<DynamicObject> {
        let made = self.api::<K>().create(&PostParams::default(), &object::<K>(name, &spec)?).await;
        made.with_context(|| format!("{name} can not be created"))
    }

    /// Tells why an object is refused; nothing is kept where it is not.
    async fn refusal<K: Resource<DynamicType = ()>>(
        &self,
        name: &str,
        spec: Value,
    ) -> Result<String> {
        let params = PostParams { dry_run: true, field_manager: None };
        let told = self.api::<K>().create(&params, &object::<K>(name, &spec)?).await;
        refusal(told).with_context(|| format!("{name}: {spec}"))
    }

    /// Tells why a change of an object's spec is refused.
    async fn refused_change<K: Resource<DynamicType = ()>>(
        &self,
        name: &str,
        spec: Value,
    ) -> Result<String> {
        let patch = Patch::Merge(json!({"spec": spec}));
        let told = self.api::<K>().patch(name, &PatchParams::default(), &patch).await;
        refusal(told).with_context(|| format!("{name}: {spec}"))
    }
}

fn object<K: Resource<DynamicType = ()>>(name: &str, spec: &Value) -> Result<DynamicObject> {
    Ok(serde_json::from_value(json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()),
        "metadata": {"name": name}, "spec": spec,
    }))?)
}

fn refusal(told: kube::Result<DynamicObject>) -> Result<String> {
    match told {
        Err(kube::Error::Api(status)) if status.code == 422 => Ok(status.message),
        Err(error) => Err(error.into()),
        Ok(_) => bail!("it is not refused"),
    }
}

fn release(changes: &[(&str, Value)]) -> Value {
    let mut spec = json!({
        "app": "shop", "environment": "staging",
        "manifest": {"namespace": "shop", "chart": {"name": "app"}},
    });
    for (field, value) in changes {
        spec[*field] = value.clone();
    }
    spec
}

fn rollback(changes: &[(&str, Value)]) -> Value {
    let mut spec = json!({
        "app": "shop", "environment": "staging", "reason": "it fails",
        "rollbackTo": {"release": "shop.staging-1"},
    });
    for (field, value) in changes {
        spec[*field] = value.clone();
    }
    spec
}

fn environment(gitops: &Value, rest: &[(&str, Value)]) -> Value {
    let mut spec = json!({"gitops": {"url": "https://git.example.com/a/b.git"}});
    for (field, value) in gitops.as_object().into_iter().flatten() {
        spec["gitops"][field] = value.clone();
    }
    for (field, value) in rest {
        spec[*field] = value.clone();
    }
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_makes_no_sense_is_refused_with_what_to_do() -> Result<()> {
    let place = place().await?;
    let both = release(&[("rollbackTo", json!({"release": "x"})), ("reason", json!("x"))]);
    let long = release(&[("app", json!("a".repeat(53))), ("environment", json!("e".repeat(10)))]);
    let manifest = |manifest: Value| release(&[("manifest", manifest)]);
    let table = [
        (json!({"app": "shop", "environment": "staging"}), "exactly one source"),
        (both, "exactly one source"),
        (rollback(&[("reason", json!(""))]), "a rollback needs a reason"),
        (rollback(&[("vars", json!({"A": "1"}))]), "vars have no meaning"),
        (rollback(&[("rollbackTo", json!({}))]), "rollbackTo names exactly one"),
        (release(&[("artifact", json!({"name": "a"}))]), "exactly one source"),
        (
            json!({"app": "shop", "environment": "staging", "promoteFrom": {"environment": "staging"}}),
            "names the Release's own environment",
        ),
        (
            json!({"app": "shop", "environment": "staging", "adopt": {"commit": "abcdef0"}}),
            "needs a reason",
        ),
        (
            json!({
                "app": "shop", "environment": "staging", "artifact": {"name": "a"},
                "version": {"sha": "abcdef0"},
            }),
            "remove version",
        ),
        (
            rollback(&[("rollbackTo", json!({"release": "x", "commit": "abcdef0"}))]),
            "rollbackTo names exactly one",
        ),
        (rollback(&[("rollbackTo", json!({"commit": "HEAD"}))]), "spec.rollbackTo.commit"),
        (release(&[("app", json!("flux"))]), "an app cannot be named flux"),
        (release(&[("app", json!("../x"))]), "spec.app"),
        (release(&[("app", json!("Shop"))]), "spec.app"),
        (release(&[("environment", json!("a/b"))]), "spec.environment"),
        (release(&[("expectedBase", json!("main"))]), "spec.expectedBase"),
        (long, "too long for Flux' labels"),
        (
            manifest(json!({"app": "other", "namespace": "x", "chart": {"name": "app"}})),
            "manifest.app is another app",
        ),
        (
            manifest(json!({"env": "other", "namespace": "x", "chart": {"name": "app"}})),
            "manifest.env is another environment",
        ),
        (manifest(json!({"namespace": "x"})), "a manifest needs a chart or raw manifests"),
        (
            manifest(json!({"namespace": "x", "manifests": "y", "values": {"a": 1}})),
            "values go to a chart",
        ),
        (manifest(json!({"manifests": "y"})), "spec.manifest.namespace"),
    ];
    for (spec, expected) in table {
        let told = place.refusal::<Release>("shop.staging-2", spec.clone()).await?;
        assert!(told.contains(expected), "{spec}: {told}");
    }
    let told = place.refusal::<Release>(&"n".repeat(201), release(&[])).await?;
    assert!(told.contains("at most 200 characters"), "{told}");
    place.make::<Release>("fine", release(&[])).await?;
    place.make::<Release>("fine-too", rollback(&[])).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_makes_no_sense_is_refused_with_what_to_do() -> Result<()> {
    let place = place().await?;
    let gitops = |field: &str, value: &str| environment(&json!({field: value}), &[]);
    let table = [
        (gitops("url", "git.example.com/a/b"), "url is not a git address"),
        (gitops("url", "file:///etc"), "url is not a git address"),
        (gitops("url", "ext::sh -c id"), "url is not a git address"),
        (gitops("url", "https://me:secret@git.example.com/a"), "url holds credentials"),
        (gitops("branch", "a..b"), "branch is not a valid branch name"),
        (gitops("branch", "-x"), "branch is not a valid branch name"),
        (gitops("path", "/staging"), "path is a folder such as"),
        (gitops("path", "a/../b"), "path is a folder such as"),
        (gitops("path", ".git"), "path is a folder such as"),
        (gitops("path", "a/b/c/d/e"), "path is a folder such as"),
        (gitops("createRepository", "Private"), "a repository is made by the API of its host"),
        (
            environment(
                &json!({"createRepository": "Private", "provider": "Gitea", "createBranch": false}),
                &[],
            ),
            "leave createBranch true",
        ),
        (
            gitops("provider", "Gitea"),
            "provider and apiUrl are for pull requests and createRepository",
        ),
        (gitops("autoMerge", "Merge"), "autoMerge is for pull requests"),
        (environment(&json!({}), &[("flux", json!({"interval": "soon"}))]), "use a duration"),
        (environment(&json!({}), &[("flux", json!({"timeout": "5"}))]), "use a duration"),
        (
            environment(&json!({}), &[("render", json!({"kubernetesVersion": "latest"}))]),
            "use a version such as",
        ),
        (environment(&json!({}), &[("domain", json!("*.example.com"))]), "domain is a DNS name"),
        (environment(&json!({}), &[("domain", json!("https://a.b"))]), "domain is a DNS name"),
        (environment(&json!({}), &[("domain", json!("a.b:80"))]), "domain is a DNS name"),
        (environment(&json!({}), &[("lock", json!({"reason": ""}))]), "spec.lock.reason"),
        (
            environment(&json!({}), &[("retention", json!({"releasesPerApp": 0}))]),
            "spec.retention.releasesPerApp",
        ),
    ];
    for (spec, expected) in table {
        let told = place.refusal::<Environment>("staging", spec.clone()).await?;
        assert!(told.contains(expected), "{spec}: {told}");
    }
    for name in ["eu.staging".to_owned(), "e".repeat(41)] {
        let told = place.refusal::<Environment>(&name, environment(&json!({}), &[])).await?;
        assert!(told.contains("the name of an environment becomes a label"), "{told}");
    }
    for url in ["ssh://git@git.example.com/a.git", "git@git.example.com:a.git", "http://h/a"] {
        let name = gimlet_e2e::unique("env");
        place.make::<Environment>(&name, gitops("url", url)).await?;
    }
    Ok(())
}

fn artifact(changes: &[(&str, Value)]) -> Value {
    let mut spec = json!({
        "version": {"repository": "acme/shop", "sha": "abcdef0", "branch": "main"},
        "manifests": [{"path": ".gimlet/a.yaml", "content": "app: shop"}],
    });
    for (field, value) in changes {
        spec[*field] = value.clone();
    }
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_that_makes_no_sense_is_refused_and_none_ever_changes() -> Result<()> {
    let place = place().await?;
    let file = |path: &str, size: usize| json!({"path": path, "content": "x".repeat(size)});
    let table = [
        (
            artifact(&[("version", json!({"repository": "a/b", "branch": "main"}))]),
            "version.sha is missing",
        ),
        (
            artifact(&[("version", json!({"sha": "abcdef0", "branch": "main"}))]),
            "version.repository is missing",
        ),
        (
            artifact(&[("version", json!({"sha": "abcdef0", "repository": "a/b"}))]),
            "names its branch",
        ),
        (artifact(&[("event", json!("Tag"))]), "names it: set version.tag"),
        (artifact(&[("event", json!("Pull"))]), "supported values"),
        (artifact(&[("manifests", json!([]))]), "should have at least 1 items"),
        (artifact(&[("manifests", json!([file("../x.yaml", 1)]))]), "inside of the repository"),
        (artifact(&[("manifests", json!([file("/etc/x.yaml", 1)]))]), "inside of the repository"),
        (artifact(&[("manifests", json!([file("a", 1), file("a", 2)]))]), "Duplicate value"),
        (
            artifact(&[("manifests", json!([file("a", 200_000), file("b", 62_145)]))]),
            "more than 256 KiB together",
        ),
        (
            // Bytes count, not characters.
            artifact(&[("manifests", json!([{"path": "a", "content": "ä".repeat(131_073)}]))]),
            "more than 256 KiB together",
        ),
        (artifact(&[("manifests", json!([file("a\n/b", 1)]))]), "inside of the repository"),
        (artifact(&[("manifests", json!([file("a//b", 1)]))]), "inside of the repository"),
    ];
    for (spec, why) in table {
        let told = place.refusal::<Artifact>("a", spec).await?;
        assert!(told.contains(why), "{why}: {told}");
    }
    let strange = file(".gimlet/größe +1.yaml", 62_144);
    let most = artifact(&[("manifests", json!([file("a", 200_000), strange]))]);
    place.make::<Artifact>("a", most).await?;
    let told = place.refused_change::<Artifact>("a", json!({"vars": {"A": "1"}})).await?;
    assert!(told.contains("an Artifact is immutable"), "{told}");
    Ok(())
}

fn set(changes: &[(&str, Value)]) -> Value {
    let mut spec = json!({"environment": "staging", "artifact": {"name": "shop-1"}});
    for (field, value) in changes {
        spec[field] = value.clone();
    }
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_makes_no_sense_is_refused_and_only_cancelled_or_confirmed() -> Result<()> {
    let place = place().await?;
    let back = json!({"commit": "abcdef0"});
    let many: Vec<String> = (0..257).map(|n| format!("app-{n}")).collect();
    for (spec, hint) in [
        (json!({"environment": "staging"}), "set artifact or rollbackTo"),
        (
            set(&[("rollbackTo", back.clone()), ("reason", json!("x"))]),
            "set artifact or rollbackTo",
        ),
        (json!({"environment": "staging", "rollbackTo": back.clone()}), "needs a reason"),
        (
            json!({"environment": "staging", "rollbackTo": {}, "reason": "x"}),
            "exactly one: a commit or a time",
        ),
        (
            json!({"environment": "s", "rollbackTo": back, "reason": "x", "vars": {"A": "1"}}),
            "vars have no meaning here",
        ),
        (set(&[("apps", json!(["web", "web"]))]), "Duplicate value"),
        (set(&[("apps", json!(["Web"]))]), "should match"),
        (set(&[("apps", json!(["flux"]))]), "cannot be named flux"),
        (
            set(&[("apps", json!(["a".repeat(53), "b"])), ("environment", json!("e".repeat(10)))]),
            "at most 62",
        ),
        (set(&[("apps", json!(many))]), "at most 256"),
        (set(&[("trigger", json!("Magic"))]), "Unsupported value"),
    ] {
        let told = place.refusal::<ReleaseSet>("s", spec.clone()).await?;
        assert!(told.contains(hint), "{spec}: {told}");
    }
    let told = place.refusal::<ReleaseSet>(&"s".repeat(201), set(&[])).await?;
    assert!(told.contains("at most 200 characters"), "{told}");

    place.make::<ReleaseSet>("s", set(&[("apps", json!(["web"]))])).await?;
    for change in [
        json!({"environment": "other"}),
        json!({"apps": ["web", "api"]}),
        json!({"apps": null}),
        json!({"artifact": {"name": "shop-2"}}),
        json!({"artifact": null, "rollbackTo": {"commit": "abcdef0"}, "reason": "x"}),
        json!({"vars": {"A": "1"}}),
        json!({"reason": "an afterthought"}),
        json!({"requestedBy": "eve"}),
        json!({"planOnly": true}),
        json!({"trigger": "Policy"}),
    ] {
        let told = place.refused_change::<ReleaseSet>("s", change.clone()).await?;
        assert!(told.contains("a ReleaseSet is immutable"), "{change}: {told}");
    }
    let both = Patch::Merge(json!({"spec": {"cancel": true, "confirm": true}}));
    place.api::<ReleaseSet>().patch("s", &PatchParams::default(), &both).await?;
    let told = place.refused_change::<ReleaseSet>("s", json!({"cancel": false})).await?;
    assert!(told.contains("stays so"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_says_why_it_rejects_and_never_changes() -> Result<()> {
    let place = place().await?;
    let spec = |decision: &str| json!({"release": "r", "digest": "sha256:1", "decision": decision});
    let told = place.refusal::<Approval>("a", spec("Reject")).await?;
    assert!(told.contains("says why: set comment"), "{told}");
    place.make::<Approval>("a", spec("Approve")).await?;
    let told = place.refused_change::<Approval>("a", json!({"comment": "no"})).await?;
    assert!(told.contains("cannot be changed"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_file_says_what_it_was_made_from_and_never_changes() -> Result<()> {
    let place = place().await?;
    let spec = |fields: &[(&str, Value)]| {
        let mut spec = json!({"repository": "shop", "path": ".gimlet/a.yaml", "message": "m",
            "content": "app: a"});
        for (name, value) in fields {
            spec[*name] = value.clone();
        }
        spec
    };
    let blob = json!("1".repeat(40));
    for (fields, hint) in [
        (vec![("path", json!("README.md"))], "directly in .gimlet/"),
        (vec![("path", json!(".gimlet/../a.yaml"))], "directly in .gimlet/"),
        (vec![("path", json!(".gimlet/x/a.yaml"))], "directly in .gimlet/"),
        (vec![("path", json!(".gimlet/a.txt"))], "directly in .gimlet/"),
        (vec![("branch", json!("-x"))], "not the name of a branch"),
        (vec![("branch", json!("a b"))], "not the name of a branch"),
        (vec![("baseBlob", json!("abc"))], "a whole git id"),
        (vec![("content", Value::Null)], "with content, or delete: true"),
        (vec![("delete", json!(true)), ("baseBlob", blob.clone())], "with content, or delete"),
        (vec![("content", Value::Null), ("delete", json!(true))], "needs baseBlob"),
        (
            vec![("content", Value::Null), ("delete", json!(false)), ("baseBlob", blob.clone())],
            "delete is true or left out",
        ),
        (vec![("mode", json!("Push"))], "Unsupported value"),
        (vec![("message", json!(""))], "at least 1"),
    ] {
        let told = place.refusal::<ConfigChange>("c", spec(&fields)).await?;
        assert!(told.contains(hint), "{fields:?}: {told}");
    }
    place.make::<ConfigChange>("c", spec(&[("baseBlob", blob)])).await?;
    for change in
        [json!({"content": "app: b"}), json!({"mode": "PullRequest"}), json!({"message": "n"})]
    {
        let told = place.refused_change::<ConfigChange>("c", change.clone()).await?;
        assert!(told.contains("cannot be changed"), "{change}: {told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_named_after_what_it_is() -> Result<()> {
    let place = place().await?;
    let spec = json!({"app": "shop", "environment": "staging"});
    let told = place.refusal::<App>("shop", spec.clone()).await?;
    assert!(told.contains("an App is named <app>.<environment>"), "{told}");
    let flux = json!({"app": "flux", "environment": "staging"});
    let told = place.refusal::<App>("flux.staging", flux).await?;
    assert!(told.contains("an app cannot be named flux"), "{told}");
    let of = json!({"repository": "acme/shop", "branch": "fix", "after": "3d"});
    let preview = json!({"app": "shop", "environment": "staging", "preview": of});
    let told = place.refusal::<App>("shop.staging", preview).await?;
    assert!(told.contains("use a duration"), "{told}");
    place.make::<App>("shop.staging", spec).await?;
    let told = place.refused_change::<App>("shop.staging", json!({"environment": "prod"})).await?;
    assert!(told.contains("app and environment cannot change"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_stays_where_it_is() -> Result<()> {
    let place = place().await?;
    place.make::<Environment>("staging", environment(&json!({"path": "staging"}), &[])).await?;
    for (field, value) in [("url", "https://other/a"), ("branch", "other"), ("path", "other")] {
        let change = json!({"gitops": {field: value}});
        let told = place.refused_change::<Environment>("staging", change).await?;
        assert!(told.contains("create another Environment"), "{field}: {told}");
    }
    let allowed = Patch::Merge(json!({"spec": {"gitops": {"secretRef": {"name": "other"}}}}));
    place.api::<Environment>().patch("staging", &PatchParams::default(), &allowed).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_never_changes_except_that_it_can_be_cancelled() -> Result<()> {
    let place = place().await?;
    let manifest = json!({
        "namespace": "shop", "chart": {"name": "app"},
        "values": {"image": {"tag": "1"}, "list": [1, {"deep": "x"}]},
    });
    let spec = release(&[
        ("manifest", manifest),
        ("vars", json!({"A": "1"})),
        ("version", json!({"name": "v1"})),
        ("requestedBy", json!("ada")),
    ]);
    place.make::<Release>("r", spec).await?;
    let changes = [
        json!({"app": "other"}),
        json!({"environment": "other"}),
        json!({"manifest": {"namespace": "other"}}),
        json!({"manifest": {"values": {"image": {"tag": "2"}}}}),
        json!({"manifest": {"values": {"image": {"more": true}}}}),
        json!({"manifest": {"values": {"list": [1, {"deep": "y"}]}}}),
        json!({"manifest": {"values": null}}),
        json!({"manifest": null, "rollbackTo": {"release": "x"}, "reason": "x", "vars": null}),
        json!({"vars": {"A": "2"}}),
        json!({"vars": {"B": "2"}}),
        json!({"vars": null}),
        json!({"version": {"name": "v2"}}),
        json!({"version": null}),
        json!({"requestedBy": "eve"}),
        json!({"reason": "an afterthought"}),
        json!({"planOnly": true}),
        json!({"expectedBase": "abcdef0"}),
        json!({"set": "all"}),
    ];
    for change in changes {
        let told = place.refused_change::<Release>("r", change.clone()).await?;
        assert!(told.contains("a Release is immutable"), "{change}: {told}");
    }
    let api = place.api::<Release>();
    let params = PatchParams::default();
    let label = Patch::Merge(json!({"metadata": {"labels": {"team": "a"}}}));
    api.patch("r", &params, &label).await?;
    api.patch("r", &params, &Patch::Merge(json!({"spec": {"cancel": true}}))).await?;
    api.patch("r", &params, &Patch::Merge(json!({"spec": {"confirm": true}}))).await?;
    for back in [json!({"cancel": false}), json!({"confirm": false})] {
        let told = place.refused_change::<Release>("r", back).await?;
        assert!(told.contains("what was cancelled or confirmed stays so"), "{told}");
    }
    Ok(())
}
