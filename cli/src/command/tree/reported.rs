//! The tree of an app as the agent of its cluster said it last.

use gimlet_agent::protocol::{AppState, Cause, FluxItem, Word};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::TreeArgs;
use crate::error::{CommandError, Finish};
use crate::live::{Health, Running, State};
use crate::output::{self, Cell, Format, since};

/// Shows what an agent said.
pub(super) fn show(args: &TreeArgs, running: &Running) -> Result<Finish, CommandError> {
    if let Some(stale) = running.stale() {
        output::note(&stale);
    }
    let state = &running.state;
    let text = match args.output {
        Format::Json | Format::Yaml => output::object(state, args.output)?,
        Format::Name => output::lines(
            state
                .workloads
                .iter()
                .map(|workload| format!("{}/{}", workload.kind.to_lowercase(), workload.name)),
        ),
        Format::Table | Format::Wide => {
            let headers: &[&str] = &["OBJECT", "STATE", "AGE", "MESSAGE"];
            let rows = rows(state, Timestamp::now());
            output::table((!args.no_headers).then_some(headers), &rows)
        }
    };
    output::print(&text)?;
    Ok(Finish::Done)
}

fn rows(app: &AppState, now: Timestamp) -> Vec<Vec<Cell>> {
    let row = |name: String, state: &State, created: Option<Timestamp>| {
        let age = created.map(|time| since(&Time(time), now)).unwrap_or_default();
        vec![name.into(), state.cell(), age.into(), state.message.as_str().into()]
    };
    let mut rows: Vec<_> = app
        .flux
        .iter()
        .map(|item| row(format!("{}/{}", item.kind, item.name), &of_flux(item), None))
        .collect();
    for (index, workload) in app.workloads.iter().enumerate() {
        let last = index + 1 == app.workloads.len();
        let (branch, trunk) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let object = format!("{}/{}", workload.kind, workload.name);
        let ready = match (workload.ready, workload.wanted) {
            (0, 0) => String::new(),
            (ready, wanted) => format!("{ready}/{wanted} replicas are ready"),
        };
        let state = of_word(workload.word, workload.cause.as_ref(), &ready);
        let own = |name: &str| *name == workload.name || *name == object;
        let pods: Vec<_> = app.pods.iter().filter(|pod| own(&pod.workload)).collect();
        rows.push(row(format!("{branch}{object}"), &state, None));
        for (index, pod) in pods.iter().enumerate() {
            let branch = if index + 1 == pods.len() { "└─ " } else { "├─ " };
            let word = match (&pod.cause, pod.ready || pod.phase == "Succeeded") {
                (Some(_), _) => Word::Failed,
                (None, true) => Word::Healthy,
                (None, false) => Word::Progressing,
            };
            let state = of_word(word, pod.cause.as_ref(), &pod.phase);
            rows.push(row(format!("{trunk}{branch}Pod/{}", pod.name), &state, pod.created));
        }
    }
    rows
}

fn of_flux(item: &FluxItem) -> State {
    let revision = item.last_applied_revision.as_deref().unwrap_or("nothing was applied yet");
    match item.ready {
        _ if item.suspended => State::progressing("suspended: Flux does not apply anything"),
        Some(true) => State::new(Health::Ready, format!("applied {revision}")),
        Some(false) => State::new(Health::Failed, item.message.clone()),
        None => State::progressing(item.message.clone()),
    }
}

fn of_word(word: Word, cause: Option<&Cause>, otherwise: &str) -> State {
    let health = match word {
        Word::Healthy => Health::Ready,
        Word::Progressing => Health::Progressing,
        Word::Failed => Health::Failed,
        Word::Unknown => Health::Unknown,
    };
    let message = cause.map_or_else(
        || otherwise.to_owned(),
        |Cause { reason, message, next_step }| {
            let next =
                if next_step.is_empty() { String::new() } else { format!(" → {next_step}") };
            format!("{reason}: {message}{next}")
        },
    );
    State::new(health, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    #[test]
    fn what_is_no_news_says_so() {
        let running = |rest: serde_json::Value| {
            let mut running =
                json!({"state": {"namespace": "shop", "app": "web", "word": "Healthy"}});
            running.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            serde_json::from_value::<Running>(running).unwrap().stale()
        };
        let blind = json!({"since": "2026-01-01T12:00:00Z", "message": "connection refused"});
        assert_eq!(running(json!({})), None);
        assert_eq!(
            running(json!({"blind": blind})).unwrap(),
            "the agent does not see its cluster: connection refused; this is how it was at \
             2026-01-01T12:00:00Z"
        );
        let silent = running(json!({"blind": blind, "silent": "2026-01-01T12:05:00Z"})).unwrap();
        assert!(silent.starts_with("the agent is not connected"), "{silent}");
    }

    #[test]
    fn a_tree_has_the_pods_below_their_workload_and_says_why() {
        let cause = json!({"reason": "CrashLoopBackOff", "message": "exit code 1", "nextStep": "read its log"});
        let app: AppState = serde_json::from_value(json!({
            "namespace": "shop", "app": "web", "word": "Failed",
            "flux": [{"kind": "Kustomization", "namespace": "flux-system", "name": "prod-web", "ready": true,
                "lastAppliedRevision": "main@sha1:4e1f09c"}],
            "workloads": [
                {"kind": "Deployment", "name": "web", "wanted": 2, "ready": 1, "updated": 2, "images": [],
                    "word": "Failed", "cause": cause},
                {"kind": "CronJob", "name": "report", "wanted": 0, "ready": 0, "updated": 0, "images": [],
                    "word": "Healthy"},
            ],
            "pods": [
                {"name": "web-b", "workload": "Deployment/web", "phase": "Running", "ready": false, "restarts": 3,
                    "created": "2026-01-01T11:59:00Z", "cause": cause},
                {"name": "web-a", "workload": "Deployment/web", "phase": "Running", "ready": true, "restarts": 0},
            ],
        }))
        .unwrap();
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let text = output::table(None, &rows(&app, now));
        assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r"
        Kustomization/prod-web   ✓ Ready    -     applied main@sha1:4e1f09c
        ├─ Deployment/web        ✕ Failed   -     CrashLoopBackOff: exit code 1 → read its log
        │  ├─ Pod/web-b          ✕ Failed   60s   CrashLoopBackOff: exit code 1 → read its log
        │  └─ Pod/web-a          ✓ Ready    -     Running
        └─ CronJob/report        ✓ Ready    -     -
        ");
    }
}
