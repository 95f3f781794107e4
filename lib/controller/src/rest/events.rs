//! The responses of a stream as Server-Sent Events.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use draftstore_service::Error;
use futures::stream::StreamExt as _;

use super::problem;
use crate::api::{StreamMapping, Updates};
use crate::errors::Failure;

/// The header with the ID of the last event that the client has. `EventSource` sends it when it connects again.
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The header by which a server tells nginx, and proxies like it, to pass each event on at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The name of the event with the error that ends a stream. Other events have no name, so that pages get them as `message`.
pub(crate) const PROBLEM: &str = "problem";

/// The pause after which a comment shows that the stream is alive. Proxies close connections that are silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Returns the response with an event for each update. The last one has the error, if there is one.
pub(super) fn events<R: StreamMapping>(updates: Updates<R::Response>) -> Response {
    let events = updates.map(|update| {
        let event = update.and_then(|response: R::Response| {
            let json = serde_json::to_string(&response).map_err(|error| Error::Internal(Box::new(error)))?;
            Ok(Event::default().id(R::id(&response)).data(json))
        });
        Ok::<_, Infallible>(event.unwrap_or_else(|failure: Failure| last_event(&failure)))
    });
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    ([(BUFFERING, HeaderValue::from_static("no"))], events).into_response()
}

fn last_event(failure: &Failure) -> Event {
    Event::default().event(PROBLEM).data(problem::text(failure))
}
