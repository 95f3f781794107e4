//! Where a request comes from.

use std::net::SocketAddr;

/// The other end of a request's connection: a client, or a proxy before it. A request carries it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);
