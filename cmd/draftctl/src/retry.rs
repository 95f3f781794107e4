//! Retries with exponential backoff.

use std::time::Duration;

use crate::output::Output;

/// The first backoff. Each further one is twice as long.
const INITIAL_BACKOFF: Duration = Duration::from_millis(500);

/// The maximum backoff, unless the server or store asks for a longer one.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// The maximum backoff that the server or store may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The remaining retries of a call or transfer.
#[derive(Debug)]
pub(crate) struct Retries<'a> {
    output: &'a Output,
    remaining: u32,
    backoff: Duration,
}

impl<'a> Retries<'a> {
    pub(crate) fn new(output: &'a Output, retries: u32) -> Self {
        Self {
            output,
            remaining: retries,
            backoff: INITIAL_BACKOFF,
        }
    }

    /// Waits for the backoff, at least `at_least`, and prints a notice. Returns false without waiting if no retry is left.
    pub(crate) async fn wait(&mut self, message: &str, at_least: Option<Duration>) -> bool {
        let Some(left) = self.remaining.checked_sub(1) else {
            return false;
        };
        self.remaining = left;
        // Jitter, so that clients that failed together do not retry together.
        let wait = self.backoff.mul_f64(rand::random_range(0.5..1.0));
        let wait = wait.max(at_least.unwrap_or_default().min(MAX_RETRY_AFTER));
        self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
        let seconds = wait.as_secs_f64();
        self.output
            .notice(&format!("{message}; retrying in {seconds:.1} s (retries left: {left})"));
        tokio::time::sleep(wait).await;
        true
    }
}
