//! The graceful shutdown of connections.

use tokio_util::sync::CancellationToken;

/// The steps of a shutdown. Clones share them.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Cancelled when the server drains: clients are asked to disconnect, and new connections are still served.
    pub draining: CancellationToken,
    /// Cancelled when the server stops: it accepts no connection, and open connections close. Cancels `draining` too.
    pub end: CancellationToken,
    /// Cancelled to close every connection at once, whatever is in flight.
    pub abort: CancellationToken,
}

impl Default for Ending {
    fn default() -> Self {
        let end = CancellationToken::new();
        let draining = end.child_token();
        Self {
            draining,
            end,
            abort: CancellationToken::new(),
        }
    }
}

impl Ending {
    /// Waits until a connection is to close. A connection that was open before the server began to drain closes then,
    /// if the protocol can tell its client. A newer one closes when the server stops, because its client would only
    /// connect again.
    pub(super) async fn close_requested(&self, is_new: bool, can_be_told: impl Fn() -> bool) {
        if !is_new {
            self.draining.cancelled().await;
            if can_be_told() {
                return;
            }
        }
        self.end.cancelled().await;
    }
}
