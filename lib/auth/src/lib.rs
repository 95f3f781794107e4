//! Who is asking: from the credentials of a request to a caller.
//!
//! Knows neither HTTP nor gRPC; what a caller may do is the service's matter.

mod authenticator;

pub use authenticator::{Authenticator, PeerCertificate, Presented};
