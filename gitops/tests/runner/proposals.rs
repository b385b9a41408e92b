//! Changes on a branch of their own, for others to merge.

use gimlet_gitops::{BranchName, Change, CommitId, GitErrorKind, HistoryFilter, Outcome};

use crate::fixture::{Repo, change, commit_of, folder, path};

const ON: &str = "gimlet/main/staging/web";

fn on() -> BranchName {
    BranchName::parse(ON).unwrap()
}

fn release(id: &str, text: &str) -> Change {
    change(id, vec![folder("staging/web", &[("a.yaml", text)])])
}

#[tokio::test]
async fn a_proposal_is_one_commit_upon_the_head_and_a_newer_one_takes_its_place() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let before = repo.head();
    let first = commit_of(&writer.propose(&on(), release("r1", "1")).await);
    assert_eq!(repo.head(), before, "the branch itself stays");
    assert_eq!(repo.try_head(ON), Some(first.to_string()));
    assert_eq!(repo.git(&["rev-parse", &format!("{ON}^")]), before);
    assert_eq!(writer.find_release("r1").await.unwrap(), None, "it is not in the log");
    assert_eq!(commit_of(&writer.propose(&on(), release("r1", "1")).await), first);
    // Somebody else moved the base on meanwhile.
    let head = repo.person("main", &[("README.md", "more\n")]);
    let second = commit_of(&writer.propose(&on(), release("r2", "2")).await);
    assert_eq!(repo.try_head(ON), Some(second.to_string()));
    assert_eq!(repo.git(&["rev-parse", &format!("{ON}^")]), head);
    repo.fsck();
}

#[tokio::test]
async fn what_was_merged_is_found_and_not_proposed_again() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let proposed = commit_of(&writer.propose(&on(), release("r1", "1")).await);
    repo.git(&["update-ref", "refs/heads/main", &proposed.to_string()]);
    let again = writer.propose(&on(), release("r1", "1")).await;
    assert!(matches!(again, Ok(Outcome::Adopted { commit, .. }) if commit == proposed));
    assert_eq!(writer.find_release("r1").await.unwrap(), Some(proposed));
    let same = writer.propose(&on(), release("r2", "1")).await;
    assert!(matches!(same, Ok(Outcome::Unchanged { .. })), "{same:?}");
    // What is left of the branch is no work of anybody.
    let next = commit_of(&writer.propose(&on(), release("r3", "3")).await);
    assert_eq!(repo.try_head(ON), Some(next.to_string()));
}

#[tokio::test]
async fn the_work_of_others_on_the_branch_is_not_given_up() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    commit_of(&writer.propose(&on(), release("r1", "1")).await);
    let theirs = repo.person(ON, &[("staging/web/b.yaml", "mine")]);
    let error = writer.propose(&on(), release("r2", "2")).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::BranchTaken);
    assert!(error.to_string().contains("Person <p@example.com>"), "{error}");
    assert_eq!(repo.try_head(ON), Some(theirs));
    // Nor what they made of our commit.
    repo.git(&["update-ref", "-d", &format!("refs/heads/{ON}")]);
    let ours = commit_of(&writer.propose(&on(), release("r2", "2")).await).to_string();
    let tree = repo.git(&["rev-parse", &format!("{ours}^{{tree}}")]);
    let message = repo.git(&["log", "-1", "--format=%B", &ours]);
    let script = format!(
        "GIT_AUTHOR_NAME=Gimlet GIT_AUTHOR_EMAIL=gimlet@example.com git commit-tree {tree} -p main -m '{message}'"
    );
    let amended = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(repo.bare())
        .envs([("GIT_COMMITTER_NAME", "Person"), ("GIT_COMMITTER_EMAIL", "p@example.com")])
        .output()
        .unwrap();
    let amended = String::from_utf8(amended.stdout).unwrap();
    repo.git(&["update-ref", &format!("refs/heads/{ON}"), amended.trim()]);
    let error = writer.propose(&on(), release("r3", "3")).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::BranchTaken);
}

#[tokio::test]
async fn a_merge_of_the_base_into_the_branch_is_no_work_of_its_own() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let ours = commit_of(&writer.propose(&on(), release("r1", "1")).await).to_string();
    let base = repo.person("main", &[("README.md", "more\n")]);
    let tree = repo.git(&["merge-tree", "--write-tree", &ours, &base]);
    let merge = crate::fixture::git_in(
        &repo.bare(),
        &["commit-tree", &tree, "-p", &ours, "-p", &base, "-m", "Merge main"],
        "",
    );
    repo.git(&["update-ref", &format!("refs/heads/{ON}"), &merge]);
    let next = commit_of(&writer.propose(&on(), release("r2", "2")).await);
    assert_eq!(repo.try_head(ON), Some(next.to_string()));
}

#[tokio::test]
async fn a_branch_is_only_withdrawn_where_it_is_what_it_was() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let ours = commit_of(&writer.propose(&on(), release("r1", "1")).await);
    let theirs = CommitId::parse(&repo.person(ON, &[("x", "y")])).unwrap();
    assert!(!writer.withdraw(&on(), ours).await.unwrap());
    assert_eq!(repo.try_head(ON), Some(theirs.to_string()));
    assert!(writer.withdraw(&on(), theirs).await.unwrap());
    assert_eq!(repo.try_head(ON), None);
    assert!(!writer.withdraw(&on(), theirs).await.unwrap(), "it is gone already");
}

#[tokio::test]
async fn an_older_release_than_the_one_in_git_is_not_proposed() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let nth = |n: i64| Some(("staging/web".to_owned(), n, String::new()));
    let newer = Change { order: nth(2), ..release("r2", "2") };
    commit_of(&writer.commit(newer).await);
    let older = Change { order: nth(1), ..release("r1", "1") };
    let error = writer.propose(&on(), older).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Superseded);
    assert_eq!(repo.try_head(ON), None);
    let on = BranchName::parse("main").unwrap();
    let error = writer.propose(&on, release("r3", "3")).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Invalid);
}

#[tokio::test]
async fn a_squash_merge_is_the_release_that_its_record_names() {
    let repo = Repo::seeded();
    let writer = repo.writer();
    let record = r#"{"app": "web", "environment": "staging", "release": "web-1", "uid": "r1"}"#;
    let files = [("a.yaml", "1"), ("release.json", record)];
    commit_of(&writer.propose(&on(), change("r1", vec![folder("staging/web", &files)])).await);
    let squashed =
        repo.person("main", &[("staging/web/a.yaml", "1"), ("staging/web/release.json", record)]);
    writer.refresh().await.unwrap();
    let found = writer.find_release("r1").await.unwrap();
    assert_eq!(found.map(|commit| commit.to_string()), Some(squashed.clone()));
    let app = Some(("staging".to_owned(), "web".to_owned()));
    let filter = HistoryFilter { app, ..HistoryFilter::default() };
    let log = writer.history(filter).await.unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].trailers["Gimlet-Name"], "web-1");
    let touch = writer.last_touch(&path("staging/web")).await.unwrap();
    assert_eq!(touch.map(|commit| commit.to_string()), Some(squashed));
    // To copy the folder is no release.
    repo.person("main", &[("production/web/release.json", record)]);
    writer.refresh().await.unwrap();
    let all = writer.history(HistoryFilter::default()).await.unwrap();
    assert_eq!(all.len(), 1);
}
