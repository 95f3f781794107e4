//! Events: their IDs, the objects that store unacknowledged events, and the time of the next attempt.
//!
//! - An act is answered with success only after each endpoint has acknowledged its event, or has an object with it in the
//!   draft bucket. So nothing that a crash can lose, and no upload, overwrite or delete that follows, takes an event away.
//! - The ID of an event comes from the object that the act has left, and is the same whoever makes it: a repeat of the
//!   call, or another server.
//! - An act that a repeat could not recognise, such as a delete, is stored in a note before it happens: see [`ActNote`].
//! - The key of an object comes from the endpoint and the event. It is deleted when the endpoint has acknowledged the
//!   event. After three days the event is given up: a server makes it a dead letter, which is kept for 30 days more.
//! - The feed has each event for readers, and is written before the act is answered, like an endpoint: see [`FeedWrite`].

mod act;
mod dead;
mod delivery;
mod endpoint;
mod feed;
mod id;
mod pending;
#[cfg(test)]
mod tests;
mod wanted;

pub use act::{ActEnd, ActNote, ActStep, Trace};
pub use dead::DeadLetter;
pub use delivery::{Publication, PublishStep, ReadOutcome, RedeliverStep, Redelivery};
pub use endpoint::{EndpointState, Outcome};
pub use feed::{FeedEntry, FeedPage, FeedPosition, FeedStep, FeedWrite};
pub use id::{EventId, InvalidEventId};
pub use pending::{EndpointName, InvalidEndpointName, KEPT_FOR, PendingEvent, attempt_interval};
pub use wanted::WantedNote;
