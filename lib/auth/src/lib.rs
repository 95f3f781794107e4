//! Authentication: finds the caller of a request by its credentials.
//!
//! The crate knows neither HTTP nor gRPC. Authorization, which decides what a caller may do, is up to the service.

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
