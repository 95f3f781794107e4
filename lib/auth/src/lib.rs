//! Who is asking: from the credentials of a request to a caller.
//!
//! Knows neither HTTP nor gRPC; what a caller may do is the service's matter.

mod api_key;
mod authenticator;
mod certificate;
mod jwt;
mod methods;
mod policy;
mod settings;
mod ticket;
mod unauthenticated;

pub use api_key::ApiKey;
pub use authenticator::{Authenticator, PeerCertificate, Presented};
pub use methods::AuthMethods;
pub use policy::{CallerName, InvalidCallerName, InvalidPolicy, PolicyFile, Profiles};
pub use settings::{Auth, AuthSettings};
pub use ticket::{
    InvalidTicketKeys, Minted, TICKET_PREFIX, TicketKey, TicketKeys, TicketKeysFile, TicketMint, TicketOrder, Tickets,
};
pub use unauthenticated::Unauthenticated;
