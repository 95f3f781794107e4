//! Events, which are sent to the endpoints of the policy.
//!
//! `event` makes an event, `delivery` sends it before its act is answered, and `pending` sends it later if an endpoint has
//! not acknowledged it by then. `feed` keeps each event for readers. `act` keeps the events of acts that a crash may interrupt,
//! and `uploaded` has those of uploads. This module knows neither URLs nor signatures: an [`Endpoint`] has them.

mod act;
mod dead;
mod delivery;
mod endpoint;
mod event;
mod feed;
mod pending;
mod uploaded;

pub(crate) use act::{Act, NewAct, TraceAt};
pub(crate) use delivery::{Courier, Events};
pub use draftstore_protocol::events::{EndpointName, EventId, InvalidEndpointName, Outcome};
pub use endpoint::{Endpoint, EndpointSource, Endpoints};
pub(crate) use event::Event;
pub(crate) use event::{EventFacts, Fields, object_fields};
pub use event::{EventKind, UnknownEventKind};
