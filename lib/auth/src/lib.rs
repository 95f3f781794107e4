//! Who is asking: from the credentials of a request to a caller.
//!
//! Knows neither HTTP nor gRPC; what a caller may do is the service's matter.

mod authenticator;
mod ticket;
mod watched;

pub use authenticator::{Authenticator, PeerCertificate, Presented};
pub use ticket::{Minted, TICKET_PREFIX, TicketKey, TicketKeys, TicketOrder, Tickets};
pub use watched::{FileError, Parse, Watched};
