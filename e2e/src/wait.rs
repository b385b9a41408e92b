//! Waiting for what happens soon, without sleeping for a guessed time.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep, timeout_at};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Calls `probe` until it succeeds and gives what it found.
///
/// An error of the probe means "not yet" and says what was seen; the last one is in the error
/// that ends a wait which took longer than `deadline`. Use `anyhow::ensure!` in the probe:
///
/// ```
/// # use std::time::Duration;
/// # async fn example() -> anyhow::Result<()> {
/// let mut seen = 0;
/// let found = gimlet_e2e::wait_until("the third try", Duration::from_secs(5), async || {
///     seen += 1;
///     anyhow::ensure!(seen == 3, "this is try {seen}");
///     Ok(seen)
/// })
/// .await?;
/// assert_eq!(found, 3);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
pub async fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let begun = Instant::now();
    let end = begun + deadline;
    let mut pause = FIRST_PAUSE;
    let mut last = anyhow!("nothing: the first look did not come back");
    loop {
        match timeout_at(end, probe()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(seen)) => last = seen,
            Err(_) => break,
        }
        if Instant::now() + pause >= end {
            break;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Err(anyhow!("{what}: not after {:?}; last seen: {last:#}", begun.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_wait_that_fails_says_what_was_seen_last() {
        let waited =
            wait_until("the moon", SHORT, async || -> Result<()> { anyhow::bail!("it is cloudy") });
        let message = waited.await.unwrap_err().to_string();
        assert!(message.starts_with("the moon: not after"), "{message}");
        assert!(message.ends_with("last seen: it is cloudy"), "{message}");
    }

    #[tokio::test]
    async fn a_probe_that_hangs_does_not_outlive_the_deadline() {
        let waited =
            wait_until("an answer", SHORT, async || -> Result<()> { std::future::pending().await });
        let message = waited.await.unwrap_err().to_string();
        assert!(message.ends_with("the first look did not come back"), "{message}");
    }
}
