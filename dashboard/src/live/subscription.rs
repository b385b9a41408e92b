//! One thing that a page follows, and what it was told of it.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::scope::{Scope, Value};
use crate::caller::Caller;
use crate::http::Dashboard;
use crate::problem::Problem;
use crate::sight::Sight;

/// Something that a page follows.
pub(super) struct Subscription {
    scope: Scope,
    /// None while it is not known what may be shown: then nothing is.
    sight: Option<Sight>,
    told: HashMap<Arc<str>, Value>,
    seq: u64,
    fresh: bool,
}

#[derive(Serialize)]
struct Entry<'a> {
    key: &'a str,
    value: &'a Value,
}

#[derive(Serialize)]
struct Frame<'a> {
    sub: &'a str,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<Vec<Entry<'a>>>,
    upserts: Vec<Entry<'a>>,
    deletes: Vec<&'a str>,
}

impl Subscription {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, sight: None, told: HashMap::new(), seq: 0, fresh: true }
    }

    /// Tells whether it shows what is not watched in the cluster.
    pub(super) fn shows_reports(&self) -> bool {
        self.scope.shows_reports()
    }

    /// Asks what may be shown. Where that cannot be found out, nothing is until it can.
    pub(super) async fn look(
        &mut self,
        dashboard: &Dashboard,
        caller: &Caller,
    ) -> Result<(), Problem> {
        let kinds = self.scope.kinds();
        let sight = Sight::of(dashboard, caller, "watch", self.scope.namespace(), kinds).await;
        let refused = match sight {
            Ok(sight) if sight.is_blind() => sight.refusal("watch", kinds[0]),
            Ok(sight) => {
                self.sight = Some(sight);
                return Ok(());
            }
            Err(problem) => problem,
        };
        self.sight = None;
        self.told.clear();
        self.fresh = true;
        Err(refused)
    }

    /// Returns what the page has to be told now, if anything.
    pub(super) fn frame(&mut self, sub: &str, dashboard: &Dashboard) -> Option<String> {
        let sight = self.sight.as_ref()?;
        // Nothing is known before everything was read once, which is not the same as nothing.
        dashboard.watched.board()?;
        let now = self.scope.entries(dashboard, sight);
        self.compare(sub, now)
    }

    fn compare(&mut self, sub: &str, now: Vec<(Arc<str>, Value)>) -> Option<String> {
        let changed =
            now.iter().filter(|(key, value)| self.told.get(key).is_none_or(|told| !told.is(value)));
        let changed: Vec<_> = changed.map(|(key, value)| Entry { key, value }).collect();
        let (snapshot, upserts, deletes) = if self.fresh {
            (Some(changed), Vec::new(), Vec::new())
        } else {
            let there: std::collections::HashSet<_> = now.iter().map(|(key, _)| key).collect();
            let gone = self.told.keys().filter(|key| !there.contains(key));
            (None, changed, gone.map(|key| &**key).collect())
        };
        if snapshot.is_none() && upserts.is_empty() && deletes.is_empty() {
            return None;
        }
        self.seq += 1;
        let frame = Frame { sub, seq: self.seq, snapshot, upserts, deletes };
        let text = serde_json::to_string(&frame).ok();
        self.told = now.into_iter().collect();
        self.fresh = false;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watched::Row;
    use serde_json::{Value as Json, json};

    fn entry(app: &str) -> (Arc<str>, Value) {
        let row = Row::new("ns".into(), app.into());
        (Arc::clone(&row.id), Value::Row(Arc::new(row)))
    }

    #[test]
    fn a_page_is_told_everything_first_and_then_what_changes() {
        let mut subscription = Subscription::new(Scope::Overview { namespace: None });
        let mut told = |now: &[(Arc<str>, Value)]| -> Option<Json> {
            let text = subscription.compare("s", now.to_vec())?;
            Some(serde_json::from_str(&text).unwrap())
        };
        let (a, b) = (entry("a"), entry("b"));
        let first = told(&[a.clone(), b.clone()]).unwrap();
        assert_eq!((&first["seq"], first["snapshot"].as_array().unwrap().len()), (&json!(1), 2));
        assert_eq!(told(&[a.clone(), b.clone()]), None, "nothing changed");
        let second = told(&[entry("a"), b]).unwrap();
        assert_eq!(second["seq"], 2);
        assert_eq!(second["upserts"][0]["key"], "row:ns/a");
        assert_eq!(second["upserts"].as_array().unwrap().len(), 1);
        let third = told(&[a]).unwrap();
        assert_eq!(third["deletes"], json!(["row:ns/b"]));
    }

    #[test]
    fn an_empty_scope_is_told_to_be_empty() {
        let mut subscription = Subscription::new(Scope::Overview { namespace: None });
        let text = subscription.compare("s", Vec::new()).unwrap();
        assert!(text.contains(r#""snapshot":[]"#), "{text}");
    }
}
