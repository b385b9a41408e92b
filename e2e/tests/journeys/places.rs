//! Where environments are in repositories, beside what belongs to people.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use anyhow::Result;
use gimlet_crds::Phase;
use gimlet_e2e::Stage;
use kube::ResourceExt;
use kube::api::DeleteParams;
use serde_json::json;

use crate::release::{commit, status};

#[tokio::test(flavor = "multi_thread")]
async fn two_environments_share_a_repository_without_touching_each_other() -> Result<()> {
    let stage = Stage::bare("shared").await?;
    for name in ["staging", "production"] {
        stage.environment(name, name, json!({})).await?;
    }
    for name in ["staging", "production"] {
        stage.environment_ready(name).await?;
    }
    let manifest = |tag: &str| json!({"manifest": stage.web(tag)});
    let one = stage.create_in("staging", "web", manifest("s1")).await?;
    let two = stage.create_in("production", "web", manifest("p1")).await?;
    let one = stage.ended(&one.name_any()).await?;
    let two = stage.ended(&two.name_any()).await?;
    assert_ne!(commit(&one)?, commit(&two)?);

    let of = |files: &std::collections::BTreeMap<String, String>, folder: &str| {
        let inside = files.iter().filter(|(path, _)| path.starts_with(&format!("{folder}/")));
        inside.map(|(path, text)| (path.clone(), text.clone())).collect::<Vec<_>>()
    };
    let before = stage.files()?;
    assert!(before["staging/web/deployment-web.yaml"].contains("example/web:s1"));
    assert!(before["production/web/deployment-web.yaml"].contains("example/web:p1"));
    assert!(before["production/flux/root.yaml"].contains("./production/flux"));
    let next = stage.create_in("staging", "web", manifest("s2")).await?;
    stage.ended(&next.name_any()).await?;
    let after = stage.files()?;
    assert_eq!(of(&after, "production"), of(&before, "production"));
    assert_ne!(of(&after, "staging"), of(&before, "staging"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_of_its_own_has_the_apps_at_the_top() -> Result<()> {
    let stage = Stage::bare("own").await?;
    stage.environment("production", "", json!({})).await?;
    stage.environment_ready("production").await?;
    let spec = json!({"manifest": stage.web("1")});
    let release = stage.create_in("production", "web", spec).await?;
    let release = stage.ended(&release.name_any()).await?;
    assert_eq!(status(&release)?.phase, Phase::Committed);
    assert_eq!(status(&release)?.commit.as_ref().map(|c| c.path.as_str()), Some("web"));
    let files = stage.files()?;
    for path in ["flux/app-web.yaml", "flux/gitrepository.yaml", "flux/root.yaml"] {
        assert!(files.contains_key(path), "{:?}", files.keys());
    }
    assert!(files["flux/root.yaml"].contains("path: ./flux\n"), "{}", files["flux/root.yaml"]);
    assert!(files["web/deployment-web.yaml"].contains("example/web:1"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_people_stay_byte_for_byte() -> Result<()> {
    const MINE: [(&str, &str); 7] = [
        ("README.md", "# Ours\r\nwith trailing spaces   \n\n\n"),
        (".gitattributes", "*.txt text eol=crlf\n"),
        (".github/workflows/check.yaml", "on: push"),
        ("staging/notes.txt", "no newline at the end"),
        ("staging/flux/mine.yaml", "kind: ConfigMap # ours\n"),
        ("staging/webby/deployment-web.yaml", "kind: Deployment # not Gimlet's app\n"),
        ("zz/ä ü/file with spaces", "\u{feff}text\n"),
    ];
    let stage = Stage::open("people").await?;
    let checkout = stage.repository.checkout()?;
    for (path, text) in MINE {
        checkout.write(path, text)?;
    }
    let script = checkout.write("run.sh", "#!/bin/sh\n")?;
    std::fs::set_permissions(script, Permissions::from_mode(0o755))?;
    checkout.commit_and_push("ours")?;
    let ours = || -> Result<String> {
        let list = stage.repository.checkout()?.git(["ls-tree", "-r", "HEAD"])?;
        let written = |line: &&str| {
            !line.contains("\tstaging/web/") && !line.ends_with("\tstaging/flux/app-web.yaml")
        };
        Ok(list.lines().filter(written).collect::<Vec<_>>().join("\n"))
    };
    let before = ours()?;
    assert!(before.contains("100755 blob"), "{before}");
    assert_eq!(before.lines().count(), MINE.len() + 3, "{before}");

    for tag in ["1", "2"] {
        let release = stage.release("web", stage.web(tag)).await?;
        stage.ended(&release.name_any()).await?;
        assert_eq!(ours()?, before);
    }
    stage.apps().delete("web.staging", &DeleteParams::default()).await?;
    stage.app_gone("web").await?;
    assert_eq!(ours()?, before);
    stage.end().await
}
