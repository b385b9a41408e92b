//! Whether the API server can be reached, agrees about the time, and lets the person do things.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use kube::client::Body;

use crate::access::{self, Right};
use crate::cluster::Cluster;
use crate::command::check::Check;
use crate::output::duration;

/// Difference of the clocks from which on times of locks and windows are no more what people think.
const DOUBTFUL_SKEW: i64 = 5;
/// Difference of the clocks from which on tokens and certificates are refused.
const WRONG_SKEW: i64 = 60;

/// Asks the server for anything, and reads the clock off the answer; tells whether it answered.
pub(super) async fn examine(cluster: &Cluster) -> (Vec<Check>, bool) {
    let request = match http::Request::get("/version").body(Body::empty()) {
        Ok(request) => request,
        Err(error) => return (vec![Check::unknown("cluster", error.to_string())], false),
    };
    let (before, started) = (Timestamp::now(), Instant::now());
    match cluster.client.send(request).await {
        Ok(answer) => {
            let took = started.elapsed();
            let said = format!("{} answers in {} ms", cluster.server(), took.as_millis());
            let date = answer.headers().get(http::header::DATE).and_then(|d| d.to_str().ok());
            (vec![Check::fine("cluster", said), clock(date, before, took)], true)
        }
        Err(error) => {
            let error = cluster.request("get", "version", None).failed(&error);
            let next = error.next().unwrap_or("kubectl cluster-info");
            (vec![Check::wrong("cluster", error.message(), next)], false)
        }
    }
}

/// Compares the server's clock with this machine's: its Date lies between question and answer.
fn clock(date: Option<&str>, asked: Timestamp, took: Duration) -> Check {
    let parsed = date.and_then(|date| rfc2822::parse(date).ok());
    let Some(theirs) = parsed.map(|zoned| zoned.timestamp()) else {
        return Check::unknown("clock", "the server does not say what time it has");
    };
    // Dates have whole seconds; a request that takes long says little.
    let took = i64::try_from(took.as_secs()).unwrap_or(i64::MAX);
    let differs = theirs.duration_since(asked).as_secs();
    let skew = if differs < 0 { (-differs - 1).max(0) } else { (differs - took).max(0) };
    let said = format!("this machine's clock and the server's differ by {}", duration(skew));
    let next = "synchronise the clocks: timedatectl status, here and on the nodes";
    match skew {
        ..DOUBTFUL_SKEW => Check::fine("clock", "this machine's clock and the server's agree"),
        DOUBTFUL_SKEW..WRONG_SKEW => Check::doubtful("clock", said, next),
        _ => Check::wrong("clock", said, next),
    }
}

/// Asks who the person is.
pub(super) async fn person(cluster: &Cluster) -> Check {
    match cluster.who().await {
        Ok(who) => {
            let who = who.unwrap_or_default();
            let name = who.username.unwrap_or_default();
            if name.is_empty() || name == "system:anonymous" {
                let next = "sign in: gimlet login URL, or see your kubeconfig";
                return Check::wrong("you", "the cluster does not know who you are", next);
            }
            let groups = who.groups.unwrap_or_default().join(", ");
            Check::fine("you", format!("{name} (groups {groups})"))
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
            Check::unknown("you", "the server does not tell who you are")
        }
        Err(error) => {
            let error = cluster.request("create", "selfsubjectreviews", None).failed(&error);
            Check::wrong("you", error.message(), error.next().unwrap_or("gimlet whoami"))
        }
    }
}

/// Asks what the person may do.
pub(super) async fn rights(cluster: &Cluster) -> Vec<Check> {
    match access::rights(cluster).await {
        Ok(rights) => judge_rights(&rights, &cluster.namespace),
        Err(_) => vec![Check::unknown("rights", "the server does not tell what you may do")],
    }
}

fn judge_rights(rights: &[Right], namespace: &str) -> Vec<Check> {
    let may = |kind: &str, verb: &str| {
        rights.iter().any(|right| right.kind == kind && right.verb == verb && right.allowed)
    };
    let unread: Vec<&str> = access::KINDS.into_iter().filter(|kind| !may(kind, "list")).collect();
    let ask = |role: &str| {
        format!(
            "kubectl create rolebinding NAME -n {namespace} --clusterrole={role} --user=YOU (an \
             administrator of the namespace)"
        )
    };
    if !unread.is_empty() {
        let said = format!("you may not read {} in namespace {namespace}", unread.join(", "));
        return vec![Check::wrong("rights", said, ask("gimlet-viewer"))];
    }
    if !may("releases", "create") {
        let said =
            format!("you may look at everything in namespace {namespace}, and release nothing");
        return vec![Check::doubtful("rights", said, ask("gimlet-releaser"))];
    }
    let approves = if may("approvals", "create") { " and approve" } else { "" };
    vec![Check::fine("rights", format!("you may release{approves} in namespace {namespace}"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::check::State;

    #[test]
    fn clocks_that_differ_are_told_by_how_much() {
        let asked: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let state = |date: Option<&str>| clock(date, asked, Duration::from_millis(40)).state;
        assert_eq!(state(Some("Thu, 01 Jan 2026 12:00:00 GMT")), State::Fine);
        assert_eq!(state(Some("Thu, 01 Jan 2026 11:59:58 GMT")), State::Fine);
        assert_eq!(state(Some("Thu, 01 Jan 2026 12:00:20 GMT")), State::Doubtful);
        assert_eq!(state(Some("Thu, 01 Jan 2026 11:50:00 GMT")), State::Wrong);
        assert_eq!(state(Some("yesterday")), State::Unknown);
        assert_eq!(state(None), State::Unknown);
        let slow = clock(Some("Thu, 01 Jan 2026 12:00:08 GMT"), asked, Duration::from_secs(9));
        assert_eq!(slow.state, State::Fine, "the answer took as long");
        let wrong = clock(Some("Thu, 01 Jan 2026 12:10:00 GMT"), asked, Duration::ZERO);
        assert!(wrong.said.contains("10m"), "{}", wrong.said);
    }

    #[test]
    fn missing_rights_are_named_with_the_role_that_gives_them() {
        let all = |allowed: fn(&str, &str) -> bool| -> Vec<Right> {
            access::KINDS
                .into_iter()
                .flat_map(|kind| access::VERBS.map(|verb| (kind, verb)))
                .map(|(kind, verb)| Right { kind, verb, allowed: allowed(kind, verb) })
                .collect()
        };
        let nothing = &judge_rights(&all(|_, _| false), "team")[0];
        assert_eq!(nothing.state, State::Wrong);
        assert!(nothing.next.as_ref().unwrap().contains("gimlet-viewer"), "{nothing:?}");
        let reads = &judge_rights(&all(|_, verb| verb == "list"), "team")[0];
        assert_eq!(reads.state, State::Doubtful);
        let everything = &judge_rights(&all(|_, _| true), "team")[0];
        assert_eq!(everything.said, "you may release and approve in namespace team");
    }
}
