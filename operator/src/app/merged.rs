//! Releases that were merged without leaving their record in git, as squashed rollbacks are.

use std::sync::Arc;

use gimlet_crds::condition::whole_second;
use gimlet_crds::{App, AppRelease, Release};
use gimlet_gitops::{CommitId, GitErrorKind, RepoPath, Writer};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::AppError;
use crate::origin;
use crate::release::source_gone_back_to;

/// Finds the newest release that is newer than what the release log has of the app, and not in it.
///
/// Such a merge left nothing of the release in git but the app's folder, so what the Releases and
/// the App itself remember is held against that.
pub(super) async fn newest(
    app: &App,
    releases: &[Arc<Release>],
    logged: Option<Timestamp>,
    folder: &RepoPath,
    writer: &Writer,
) -> Result<Option<AppRelease>, AppError> {
    for remembered in remembered(app, releases, logged) {
        let AppRelease { uid, commit, tree, .. } = &remembered;
        let Ok(id) = CommitId::parse(commit) else { continue };
        if writer.find_release(uid).await?.is_some() {
            continue;
        }
        match writer.tree(folder, Some(&id)).await {
            Ok(found) if found.is_some_and(|found| found.to_string() == *tree) => {}
            Ok(_) => continue,
            Err(error) if error.kind() == GitErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        }
        let release = releases.iter().find(|release| origin::uid(&release.metadata) == *uid);
        return Ok(Some(match release {
            Some(release) if remembered.source.is_none() => {
                let source = source_gone_back_to(release, folder, writer).await?;
                AppRelease { source, ..remembered }
            }
            _ => remembered,
        }));
    }
    Ok(None)
}

/// Lists what the App and the Releases remember of releases after a time, newest first.
fn remembered(app: &App, releases: &[Arc<Release>], logged: Option<Timestamp>) -> Vec<AppRelease> {
    let known = app.status.as_ref().and_then(|status| status.current.clone());
    // What the App remembers has its source already.
    let all = known.into_iter().chain(releases.iter().filter_map(|release| in_git(release)));
    let mut newer: Vec<_> =
        all.filter(|release| logged.is_none_or(|logged| release.time.0 > logged)).collect();
    newer.sort_by_key(|release| std::cmp::Reverse(release.time.0));
    newer
}

/// Describes a release as it came to git.
fn in_git(release: &Release) -> Option<AppRelease> {
    let status = release.status.as_ref()?;
    Some(AppRelease {
        name: release.name_any(),
        uid: origin::uid(&release.metadata),
        version: status.version.clone(),
        artifact: status.artifact.clone(),
        source: None,
        commit: status.commit.as_ref()?.sha.clone(),
        tree: status.plan.as_ref()?.tree.clone(),
        time: Time(whole_second(origin::created(&release.metadata)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(name: &str, second: i64, committed: bool) -> Arc<Release> {
        let commit =
            json!({"sha": "a".repeat(40), "short": "aaaaaaa", "branch": "main", "path": "x"});
        let release = json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
            "metadata": {"name": name, "uid": name,
                "creationTimestamp": Timestamp::from_second(second).unwrap()},
            "spec": {"app": "web", "environment": "staging"},
            "status": {
                "plan": {"digest": "d", "tree": "t", "added": 0, "changed": 0, "removed": 0},
                "commit": if committed { commit } else { json!(null) },
            },
        });
        Arc::new(serde_json::from_value(release).unwrap())
    }

    fn app(current: Option<&Release>) -> App {
        let mut app: App = serde_json::from_value(json!({
            "apiVersion": "gimlet.io/v1alpha1", "kind": "App", "metadata": {"name": "web.staging"},
            "spec": {"app": "web", "environment": "staging"}, "status": {},
        }))
        .unwrap();
        let current =
            current.and_then(in_git).map(|it| AppRelease { source: Some("s".into()), ..it });
        app.status.as_mut().unwrap().current = current;
        app
    }

    #[test]
    fn what_came_after_the_release_log_is_remembered_newest_first() {
        let all = [release("a", 1, true), release("b", 3, false), release("c", 4, true)];
        let names = |app: &App, releases: &[Arc<Release>], logged: Option<i64>| {
            let logged = logged.map(|second| Timestamp::from_second(second).unwrap());
            let found = remembered(app, releases, logged);
            found.into_iter().map(|it| (it.name, it.source.is_some())).collect::<Vec<_>>()
        };
        let of = |name: &str, known| (name.to_owned(), known);
        assert_eq!(names(&app(None), &all, Some(1)), [of("c", false)]);
        assert_eq!(names(&app(None), &all, None), [of("c", false), of("a", false)]);
        assert!(names(&app(None), &all, Some(4)).is_empty());
        // Also where the Release was pruned, and with what was found out of it before.
        let known = app(Some(&all[2]));
        assert_eq!(names(&known, &[], Some(1)), [of("c", true)]);
        assert_eq!(names(&known, &all, Some(1)), [of("c", true), of("c", false)]);
        assert!(names(&known, &all, Some(9)).is_empty());
    }
}
