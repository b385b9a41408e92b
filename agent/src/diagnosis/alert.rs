//! What people are warned of: after a while, and no longer than it lasts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::protocol::{Alert, AlertPhase, AppState, Cause, Container, ContainerState, Pod, Word};

/// For how long something has to be gone before it counts as over: crash loops come and go.
const CALM: SignedDuration = SignedDuration::from_secs(60);
/// For how long it is told that something is over.
const KEEP: SignedDuration = SignedDuration::from_mins(15);
/// Alerts of one app; more are no news.
const MOST: usize = 50;

/// The alerts of an app, and what they wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    held: BTreeMap<Subject, Held>,
}

/// What an alert is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    rule: &'static str,
    object: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    phase: Phase,
    since: Timestamp,
    /// When it was seen last.
    seen: Timestamp,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Pending,
    Firing,
    Resolved,
}

/// A reason to warn, as it is seen now.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Symptom {
    subject: Subject,
    /// How long it has to last.
    patience: SignedDuration,
    message: String,
}

impl Alerts {
    /// Takes in how an app is now, and returns the alerts.
    pub fn observe(&mut self, app: &AppState, now: Timestamp) -> Vec<Alert> {
        for symptom in symptoms(app) {
            self.see(symptom, now);
        }
        self.held.retain(|_, held| held.pass(now));
        self.held
            .iter()
            .map(|(subject, held)| Alert {
                rule: subject.rule.to_owned(),
                object: subject.object.clone(),
                phase: match held.phase {
                    Phase::Pending => AlertPhase::Pending,
                    Phase::Firing => AlertPhase::Firing,
                    Phase::Resolved => AlertPhase::Resolved,
                },
                since: held.since,
                message: held.message.clone(),
            })
            .collect()
    }

    /// Tells whether time alone can change something.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn see(&mut self, symptom: Symptom, now: Timestamp) {
        let Symptom { subject, patience, message } = symptom;
        let full = self.held.len() >= MOST;
        let held = match self.held.get_mut(&subject) {
            Some(held) => held,
            None if full => return,
            None => self.held.entry(subject).or_insert_with(|| Held {
                phase: Phase::Pending,
                since: now,
                seen: now,
                message: String::new(),
            }),
        };
        held.seen = now;
        held.message = message;
        let ripe = held.phase == Phase::Pending && now.duration_since(held.since) >= patience;
        if ripe || held.phase == Phase::Resolved {
            (held.phase, held.since) = (Phase::Firing, now);
        }
    }
}

impl Held {
    /// Lets time pass; false when there is nothing to tell any more.
    fn pass(&mut self, now: Timestamp) -> bool {
        let gone = now.duration_since(self.seen);
        match self.phase {
            Phase::Pending => gone < CALM,
            Phase::Firing => {
                if gone >= CALM {
                    (self.phase, self.since) = (Phase::Resolved, now);
                }
                true
            }
            Phase::Resolved => now.duration_since(self.since) < KEEP,
        }
    }
}

/// Tells what is a reason to warn in an app.
fn symptoms(app: &AppState) -> Vec<Symptom> {
    let mut seen = Vec::new();
    let mut add = |rule, object: String, minutes, message: String| {
        let subject = Subject { rule, object };
        let patience = SignedDuration::from_mins(minutes);
        seen.push(Symptom { subject, patience, message });
    };
    for workload in &app.workloads {
        let object = format!("{}/{}", workload.kind, workload.name);
        let message = |cause: &Cause| format!("{} — {}", cause.message, cause.next_step);
        match (&workload.cause, workload.word) {
            (Some(cause), Word::Failed) => {
                add(rule_of(&cause.reason), object.clone(), 1, message(cause));
            }
            (Some(cause), _) if cause.reason == "Unschedulable" => {
                add("Unschedulable", object.clone(), 3, message(cause));
            }
            (Some(cause), _) if cause.reason == "QuotaExceeded" => {
                add("QuotaExceeded", object.clone(), 1, message(cause));
            }
            // A Job may run for as long as it likes.
            (Some(cause), Word::Progressing) if workload.kind != "Job" => {
                add("NotReady", object.clone(), 15, message(cause));
            }
            _ => {}
        }
        for autoscaler in &workload.autoscalers {
            let scaler = format!("HorizontalPodAutoscaler/{}", autoscaler.name);
            if !autoscaler.message.is_empty() {
                add("CannotScale", scaler, 5, autoscaler.message.clone());
            } else if autoscaler.max > autoscaler.min && autoscaler.desired >= autoscaler.max {
                let message = format!(
                    "{object} has all {} replicas that it may have, and may want more",
                    autoscaler.max
                );
                add("AtMaximum", scaler, 15, message);
            }
        }
    }
    for pod in app.pods.iter().filter(|pod| app.workloads.is_empty() || !pod.workload.is_empty()) {
        for container in &pod.containers {
            if let Some(message) = out_of_memory(pod, container) {
                add("OutOfMemory", pod.workload.clone(), 0, message);
            }
        }
    }
    for item in &app.flux {
        let (word, cause) = super::flux_verdict(item);
        if let (Word::Failed, Some(cause)) = (word, cause) {
            let object = format!("{}/{}", item.kind, item.name);
            add("FluxFailed", object, 3, format!("{} — {}", cause.message, cause.next_step));
        }
    }
    seen
}

/// Names the rule of a cause; the names are few, for they are what people filter by.
fn rule_of(reason: &str) -> &'static str {
    match reason {
        "CrashLoopBackOff" => "CrashLoop",
        "OOMKilled" => "OutOfMemory",
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => "ImagePull",
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "StartError" => "ConfigError",
        "Unschedulable" => "Unschedulable",
        "QuotaExceeded" => "QuotaExceeded",
        "BackoffLimitExceeded" | "DeadlineExceeded" | "PodFailurePolicy" => "JobFailed",
        _ => "Failed",
    }
}

/// Tells that a container ran out of memory, whether or not it was started again.
fn out_of_memory(pod: &Pod, container: &Container) -> Option<String> {
    let killed = match &container.state {
        ContainerState::Terminated(end) if end.reason == "OOMKilled" => true,
        // It runs again; it is over once it did for as long as the kubelet doubts it.
        ContainerState::Waiting { .. } => {
            container.last.as_ref().is_some_and(|end| end.reason == "OOMKilled")
        }
        _ => false,
    };
    killed.then(|| {
        format!(
            "pod {}, container {} took more memory than its limit — raise the limit, or find what takes the memory",
            pod.name, container.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::cause;
    use crate::protocol::{AppKey, Autoscaler, Terminated, Workload};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_770_000_000 + seconds).unwrap()
    }

    fn app(word: Word, reason: &str) -> AppState {
        let mut app = AppState::new(AppKey::new("shop", "web"));
        app.workloads = vec![Workload {
            kind: "Deployment".into(),
            name: "web".into(),
            wanted: 1,
            ready: 0,
            updated: 1,
            available: 0,
            images: Vec::new(),
            autoscalers: Vec::new(),
            cron: None,
            word,
            cause: (word != Word::Healthy).then(|| cause(reason, "why".into(), "do it")),
        }];
        app
    }

    fn told(alerts: &[Alert]) -> String {
        let lines = alerts.iter().map(|alert| {
            let since = alert.since.as_second() - 1_770_000_000;
            format!("{} {} {:?} since {since}", alert.rule, alert.object, alert.phase)
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn an_alert_waits_fires_and_resolves() {
        let (bad, good) = (app(Word::Failed, "CrashLoopBackOff"), app(Word::Healthy, ""));
        let mut alerts = Alerts::default();
        let mut see = |app: &AppState, seconds| told(&alerts.observe(app, at(seconds)));
        assert_eq!(see(&bad, 0), "CrashLoop Deployment/web Pending since 0");
        assert_eq!(see(&bad, 59), "CrashLoop Deployment/web Pending since 0");
        assert_eq!(see(&bad, 60), "CrashLoop Deployment/web Firing since 60");
        assert_eq!(see(&good, 90), "CrashLoop Deployment/web Firing since 60");
        assert_eq!(see(&good, 120), "CrashLoop Deployment/web Resolved since 120");
        assert_eq!(see(&good, 1000), "CrashLoop Deployment/web Resolved since 120");
        assert_eq!(see(&good, 1020), "");
        assert!(alerts.is_empty());
    }

    #[test]
    fn what_passes_by_itself_is_never_told_as_firing() {
        let mut alerts = Alerts::default();
        alerts.observe(&app(Word::Failed, "ErrImagePull"), at(0));
        assert_eq!(told(&alerts.observe(&app(Word::Healthy, ""), at(70))), "");
    }

    #[test]
    fn a_loop_that_comes_and_goes_is_one_alert() {
        let mut alerts = Alerts::default();
        let mut last = String::new();
        for seconds in (0..600).step_by(20) {
            let word = if seconds % 40 == 0 { Word::Failed } else { Word::Healthy };
            last = told(&alerts.observe(&app(word, "CrashLoopBackOff"), at(seconds)));
        }
        assert_eq!(last, "CrashLoop Deployment/web Firing since 80");
    }

    #[test]
    fn what_comes_back_fires_again_at_once() {
        let (bad, good) = (app(Word::Failed, "OOMKilled"), app(Word::Healthy, ""));
        let mut alerts = Alerts::default();
        alerts.observe(&bad, at(0));
        alerts.observe(&bad, at(60));
        alerts.observe(&good, at(130));
        let back = told(&alerts.observe(&bad, at(200)));
        assert_eq!(back, "OutOfMemory Deployment/web Firing since 200");
    }

    #[test]
    fn a_clock_that_jumps_back_breaks_nothing() {
        let mut alerts = Alerts::default();
        alerts.observe(&app(Word::Failed, "CrashLoopBackOff"), at(0));
        let told = told(&alerts.observe(&app(Word::Failed, "CrashLoopBackOff"), at(-9000)));
        assert_eq!(told, "CrashLoop Deployment/web Pending since 0");
    }

    #[test]
    fn an_autoscaler_at_its_maximum_and_memory_that_ran_out_are_told() {
        let mut app = app(Word::Healthy, "");
        app.workloads[0].autoscalers = vec![Autoscaler {
            name: "web".into(),
            min: 1,
            max: 4,
            current: 4,
            desired: 4,
            message: String::new(),
        }];
        let end = Terminated {
            exit_code: 137,
            reason: "OOMKilled".into(),
            message: String::new(),
            at: None,
        };
        let container = Container {
            name: "app".into(),
            init: false,
            ready: false,
            restarts: 1,
            state: ContainerState::Terminated(end),
            last: None,
        };
        app.pods = vec![Pod {
            workload: "Deployment/web".into(),
            containers: vec![container],
            ..Pod::named("web-1")
        }];
        let mut alerts = Alerts::default();
        assert_eq!(
            told(&alerts.observe(&app, at(0))),
            "AtMaximum HorizontalPodAutoscaler/web Pending since 0; OutOfMemory Deployment/web Firing since 0"
        );
    }

    #[test]
    fn an_app_has_no_more_alerts_than_people_read() {
        let mut app = app(Word::Failed, "CrashLoopBackOff");
        let one = app.workloads.remove(0);
        app.workloads =
            (0..200).map(|n| Workload { name: format!("web-{n}"), ..one.clone() }).collect();
        assert_eq!(Alerts::default().observe(&app, at(0)).len(), MOST);
    }
}
