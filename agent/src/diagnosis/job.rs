//! What became of a Job.

use k8s_openapi::api::batch::v1::Job;

use super::{Trouble, cause};
use crate::protocol::{Cause, Word};

/// What became of a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOutcome {
    /// Completions that are asked for.
    pub wanted: i32,
    /// Completions that there are.
    pub succeeded: i32,
    /// Pods that run.
    pub active: i32,
    /// One word for it.
    pub word: Word,
    /// Why it is that word, where it is not Healthy.
    pub cause: Option<Cause>,
}

/// Reads a Job; the troubles of its pods say why it does not get on.
pub fn job_outcome<'a>(job: &Job, troubles: impl IntoIterator<Item = &'a Trouble>) -> JobOutcome {
    let spec = job.spec.as_ref();
    let status = job.status.clone().unwrap_or_default();
    let holds = |kind: &str| {
        let mut conditions = status.conditions.iter().flatten();
        conditions.find(|c| c.type_ == kind && c.status == "True")
    };
    let (word, cause) = if holds("Complete").is_some() || holds("SuccessCriteriaMet").is_some() {
        (Word::Healthy, None)
    } else if let Some(failed) = holds("Failed").or_else(|| holds("FailureTarget")) {
        let reason = failed.reason.as_deref().unwrap_or("Failed");
        let words = failed.message.as_deref().unwrap_or("the Job failed");
        let next_step = match reason {
            "DeadlineExceeded" => "raise the Job's activeDeadlineSeconds, or make it faster",
            _ => "read the log of its last pod, mend it, and release again",
        };
        // The pod's own words say more than that it was tried often enough.
        let message = troubles.into_iter().next().map_or_else(
            || words.to_owned(),
            |trouble| format!("{words}; {}", trouble.cause.message),
        );
        (Word::Failed, Some(cause(reason, message, next_step)))
    } else if holds("Suspended").is_some() {
        let message = "the Job is suspended".to_owned();
        (
            Word::Progressing,
            Some(cause("Suspended", message, "resume it: set spec.suspend to false")),
        )
    } else {
        let mut causes = troubles.into_iter().peekable();
        match causes.peek() {
            Some(trouble) if trouble.lasting => (Word::Failed, Some(trouble.cause.clone())),
            Some(trouble) => (Word::Progressing, Some(trouble.cause.clone())),
            None => (
                Word::Progressing,
                Some(cause("Running", "the Job runs".to_owned(), "wait until it ends")),
            ),
        }
    };
    JobOutcome {
        wanted: spec.and_then(|spec| spec.completions).unwrap_or(1),
        succeeded: status.succeeded.unwrap_or(0),
        active: status.active.unwrap_or(0),
        word,
        cause,
    }
}
