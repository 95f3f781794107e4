//! Outgoing webhooks: JSON posted to a URL of the configuration, and signed by Standard Webhooks.
//!
//! The crate owns the signature, the rules for URLs and addresses, and the limits of a response. It knows neither what a
//! message is about nor when to send it again.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

mod address;
mod client;
mod destination;
mod message;
mod secret;
mod signature;

pub use client::{Client, Reply, SendError};
pub use destination::{Destination, InvalidDestination, InvalidPrivateHost, PrivateHosts};
pub use message::{InvalidMessageId, Message, MessageId};
pub use secret::{InvalidSecret, InvalidSecrets, Secret, Secrets};
pub use signature::{ID_HEADER, MAX_AGE, NotVerified, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER};
