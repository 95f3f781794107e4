//! Trying again: how often, and after how long.

use std::time::Duration;

use crate::output::Output;

/// The first wait; each one after is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// No wait is longer, unless the other side asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The longest wait that the other side may ask for.
const LONGEST_ASKED_WAIT: Duration = Duration::from_secs(60);

/// The retries that one call or transfer has left.
#[derive(Debug)]
pub(crate) struct Retries<'a> {
    output: &'a Output,
    left: u32,
    next: Duration,
}

impl<'a> Retries<'a> {
    pub(crate) fn new(output: &'a Output, retries: u32) -> Self {
        Self {
            output,
            left: retries,
            next: FIRST_WAIT,
        }
    }

    /// Waits, at least as long as the other side asks for, and says so; false, at once, when no retry is left.
    pub(crate) async fn wait(&mut self, why: &str, at_least: Option<Duration>) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        // Clients that failed together must not come back together.
        let wait = self.next.mul_f64(rand::random_range(0.5..1.0));
        let wait = wait.max(at_least.unwrap_or_default().min(LONGEST_ASKED_WAIT));
        self.next = (self.next * 2).min(LONGEST_WAIT);
        let seconds = wait.as_secs_f64();
        self.output.notice(&format!(
            "{why}; trying again in {seconds:.1} s ({left} more after that)"
        ));
        tokio::time::sleep(wait).await;
        true
    }
}
