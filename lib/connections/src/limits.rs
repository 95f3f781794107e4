//! The limits of connections.

use std::time::Duration;

use draftstore_config::{parse, settings};

settings! {
    /// The limits of connections, for both ports together.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ConnectionLimits in "Connections" {
        /// Seconds for a TLS handshake, for the head of a request, and for the answer to an HTTP/2 ping.
        pub header_timeout: Duration = "HEADER_TIMEOUT", default "10", parse::timeout;
        /// Seconds after which a client that does not read is disconnected.
        pub write_timeout: Duration = "WRITE_TIMEOUT", default "30", parse::timeout;
        // Longer than the 60 seconds of most load balancers, which must not reuse a connection that is being closed.
        /// Seconds that a connection is kept without a request.
        pub idle_timeout: Duration = "IDLE_TIMEOUT", default "75", parse::timeout;
        // Each takes a descriptor, and some tens of KiB while it is busy.
        /// The maximum number of connections to both ports together; more are closed at once.
        pub max_connections: usize = "MAX_CONNECTIONS", default "4096", parse::count;
    }
}
