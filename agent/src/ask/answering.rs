//! How an answer goes back: in parts, and not faster than it is read.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::refused::Refused;
use crate::protocol::{Answer, FIRST_CREDIT, FromAgent, Refusal};

/// Parts that may be allowed in advance; more is as good as no limit.
const MOST: usize = 10_000;

/// How many more parts the dashboard takes.
#[derive(Clone, Debug)]
pub(super) struct Credit(Arc<Semaphore>);

impl Credit {
    /// Allows more.
    pub(super) fn add(&self, chunks: u32) {
        let chunks = usize::try_from(chunks).unwrap_or(MOST);
        self.0.add_permits(chunks.min(MOST.saturating_sub(self.0.available_permits())));
    }
}

/// An answer in the making.
#[derive(Debug)]
pub(super) struct Answering {
    id: u64,
    credit: Credit,
    tell: mpsc::Sender<FromAgent>,
}

impl Answering {
    /// Begins an answer.
    pub(super) fn begin(id: u64, tell: mpsc::Sender<FromAgent>) -> (Credit, Self) {
        let first = usize::try_from(FIRST_CREDIT).unwrap_or(MOST);
        let credit = Credit(Arc::new(Semaphore::new(first)));
        (credit.clone(), Self { id, credit, tell })
    }

    /// Sends parts, each once there is room for it.
    pub(super) async fn send(
        &self,
        parts: impl IntoIterator<Item = Answer>,
    ) -> Result<(), Refused> {
        let over = || Refused::new(Refusal::Failed, "the connection is over");
        for answer in parts {
            self.credit.0.acquire().await.map_err(|_| over())?.forget();
            let chunk = FromAgent::Chunk { id: self.id, answer };
            self.tell.send(chunk).await.map_err(|_| over())?;
        }
        Ok(())
    }

    /// Ends it.
    pub(super) async fn end(self, done: Result<(), Refused>) {
        let end = match done {
            Ok(()) => FromAgent::End { id: self.id },
            Err(refused) => refused.answer(self.id),
        };
        // Where nobody hears it, nobody waits for it.
        let _ = self.tell.send(end).await;
    }
}
