use async_trait::async_trait;

use super::*;
use crate::change::tests::change;
use crate::engine::Objects;

/// A repository in which nothing is.
struct Nothing;

#[async_trait]
impl Objects for Nothing {
    async fn object(&self, _: ObjectId) -> Result<Option<Object>, GitError> {
        Ok(None)
    }

    async fn info(&self, _: ObjectId) -> Result<Option<(ObjectKind, u64)>, GitError> {
        Ok(None)
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

#[tokio::test]
async fn of_the_folders_above_only_those_of_the_head_are_kept() {
    let release = |at: &str| {
        let files = [(path("all.yaml"), at.as_bytes().to_vec())].into();
        change(at, vec![Edit::Folder { path: path(&format!("apps/{at}")), files }])
    };
    let mut refused = release("late");
    refused.edits.push(Edit::WriteFile { path: path("apps/a"), data: Vec::new() });
    let changes = [release("a"), release("b"), release("c"), refused];
    let store = Store::new(Arc::new(Nothing));
    let index = Index::default();
    let planner = Planner::start(&store, &index, None, None).await.unwrap();
    let plan = planner.plan(changes.iter()).await.unwrap();
    let Some(Verdict::Commit { commit: head, .. }) = plan.verdicts.get(2) else {
        panic!("{:?}", plan.verdicts)
    };
    assert!(matches!(plan.verdicts[3], Verdict::Refused(_)));
    assert_eq!(plan.head, Some(*head));
    let [(apps, folder), (_, root)] = plan.trees.as_slice() else { panic!("{:?}", plan.trees) };
    assert_eq!(folder.entries().count(), 3);
    assert_eq!(root.get("apps").map(|entry| entry.id()), Some(*apps));
}
