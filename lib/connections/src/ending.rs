//! How a server takes leave of its clients.

use tokio_util::sync::CancellationToken;

/// First the clients are told to leave, then the door is closed. Clones share it.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Clients are sent away as they are answered; whoever comes is served still.
    pub leaving: CancellationToken,
    /// Nobody is accepted any more, and connections end. Implies the other.
    pub end: CancellationToken,
}

impl Default for Ending {
    fn default() -> Self {
        let end = CancellationToken::new();
        let leaving = end.child_token();
        Self { leaving, end }
    }
}

impl Ending {
    /// Waits until a connection accepted now is to be told that it ends. One that is open as the leaving begins is told
    /// then; what comes later would but come again, and is told at the end.
    pub(super) async fn takes_leave(&self, is_new: bool, can_be_told: impl Fn() -> bool) {
        if !is_new {
            self.leaving.cancelled().await;
            if can_be_told() {
                return;
            }
        }
        self.end.cancelled().await;
    }
}
