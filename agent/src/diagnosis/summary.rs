//! One word for an app.

use super::flux_verdict;
use crate::protocol::{AppState, Cause, FluxItem, Word, Workload};

/// Sums up what is known of an app: the worst of what runs it and of what applies it.
pub fn summarize(workloads: &[Workload], flux: &[FluxItem]) -> (Word, Option<Cause>) {
    let runs = workloads.iter().map(|workload| {
        let cause = workload.cause.as_ref().map(|cause| Cause {
            message: format!("{} {}: {}", workload.kind, workload.name, cause.message),
            ..cause.clone()
        });
        (workload.word, cause)
    });
    // What Flux leaves alone by somebody's wish runs on.
    let applies =
        flux.iter().filter(|item| !item.suspended || workloads.is_empty()).map(flux_verdict);
    // Of two that are as bad the first counts: what runs says more than what Flux saw of it.
    runs.chain(applies)
        .reduce(|worst, next| if severity(next.0) > severity(worst.0) { next } else { worst })
        .unwrap_or((Word::Unknown, None))
}

fn severity(word: Word) -> u8 {
    match word {
        Word::Healthy => 0,
        Word::Unknown => 1,
        Word::Progressing => 2,
        Word::Failed => 3,
    }
}

impl AppState {
    /// Sets the app's word and cause from what it consists of.
    pub fn sum_up(&mut self) {
        (self.word, self.cause) = summarize(&self.workloads, &self.flux);
    }
}
