//! Why nothing was rendered.

use gimlet_manifest::RenderReason;

use super::budget::Budget;
use crate::error::Retry;

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderFault {
    /// The manifest or the chart is at fault.
    #[error("{message}")]
    Refused {
        /// Why.
        reason: RenderReason,
        /// What is wrong, and where.
        message: String,
    },
    /// It took more than it may.
    #[error(
        "rendering took more than the {budget} that it may: simplify the chart or its values, or \
         raise {flag} of the operator"
    )]
    Budget {
        /// How much of what it may take.
        budget: String,
        /// What changes that.
        flag: &'static str,
    },
    /// A fresh worker was killed from outside.
    #[error(
        "rendering was killed, probably because memory ran short: give the operator more memory, or \
         lower --render-memory"
    )]
    Killed,
    /// A fresh worker ended for a reason of its own.
    #[error(
        "rendering ended with {how}, which is a fault of Gimlet: please report it, with the chart \
         and the values"
    )]
    Crashed {
        /// How it ended, and its last words.
        how: String,
    },
    /// There is no worker to be had, or it does not answer as it must.
    #[error("there is no process to render in: {0}")]
    Worker(#[from] std::io::Error),
    /// The chart has left the cache between its fetching and its rendering.
    #[error("the chart is not in the cache folder any more: is the disk full?")]
    ChartGone,
}

impl RenderFault {
    pub(super) fn memory(budget: Budget) -> Self {
        let budget = format!("{} MiB of memory", budget.render_memory);
        Self::Budget { budget, flag: "--render-memory" }
    }

    pub(super) fn processor(budget: Budget) -> Self {
        let budget = format!("{} s of processor time", budget.render_seconds);
        Self::Budget { budget, flag: "--render-seconds" }
    }

    pub(super) fn patience(budget: Budget) -> Self {
        let budget = format!("{} s", budget.patience().as_secs());
        Self::Budget { budget, flag: "--render-seconds" }
    }

    /// Returns one word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Refused { reason, .. } => reason.into(),
            Self::Budget { .. } => "RenderBudgetExceeded",
            Self::Crashed { .. } => "RenderCrashed",
            Self::Killed | Self::Worker(_) | Self::ChartGone => "Interrupted",
        }
    }

    /// Tells whether trying again helps.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Refused { .. } | Self::Budget { .. } | Self::Crashed { .. } => Retry::Stalled,
            Self::Killed | Self::Worker(_) | Self::ChartGone => Retry::Backoff,
        }
    }
}
