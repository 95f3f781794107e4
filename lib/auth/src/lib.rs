//! Who is asking: from the credentials of a request to a caller.
//!
//! Knows neither HTTP nor gRPC; what a caller may do is the service's matter.

mod api_key;
mod authenticator;
mod certificate;
mod jwt;
mod policy;
mod reload;
mod ticket;
mod watched;
mod ways;

pub use api_key::ApiKey;
pub use authenticator::{Authenticator, PeerCertificate, Presented};
pub use policy::{CallerName, InvalidCallerName, InvalidPolicy, Profiles};
pub use reload::{Looked, Reloader};
pub use ticket::{Minted, TICKET_PREFIX, TicketKey, TicketKeys, TicketMint, TicketOrder, Tickets};
pub use watched::{FileError, Parse, Watched};
pub use ways::Ways;
