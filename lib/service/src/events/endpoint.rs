//! The endpoints that events are sent to.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use draftstore_protocol::events::{EndpointName, EventId, Outcome};

use super::event::EventKind;
use crate::caller::Tenant;

/// The current endpoints. A reload creates new ones, whose state begins anew.
pub type Endpoints = Arc<[Arc<dyn Endpoint>]>;

/// The source of the endpoints, which may change while the server runs.
pub trait EndpointSource: fmt::Debug + Send + Sync {
    /// Returns the current endpoints.
    fn endpoints(&self) -> Endpoints;

    /// Returns the tenant of a draft by its name, for an event without a caller. `None` if the source knows no such tenant.
    fn tenant_of(&self, name: &str) -> Option<Tenant>;
}

/// An endpoint that events are sent to.
#[async_trait]
pub trait Endpoint: fmt::Debug + Send + Sync {
    /// Returns the name of the endpoint, which no other endpoint has.
    fn name(&self) -> &EndpointName;

    /// Returns true if the endpoint wants events of this kind, of some callers.
    fn names(&self, kind: EventKind) -> bool;

    /// Returns true if the endpoint wants events of this kind, of callers in this tenant.
    fn wants(&self, kind: EventKind, tenant: Option<&Tenant>) -> bool;

    /// Returns the maximum number of events that are sent to the endpoint at a time.
    fn concurrency(&self) -> usize;

    /// Sends an event once, and waits for the answer.
    async fn send(&self, id: EventId, json: Bytes, now: SystemTime) -> Outcome;
}
