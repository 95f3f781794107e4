//! The audit: one event for each decision, on a target of its own.
//!
//! An event has the caller, its kind of credentials, the call, the draft and the outcome. It contains object names, but no
//! credentials, URLs or upload IDs. It must not be guarded by `tracing::enabled!`: after such a query without an event, a
//! subscriber with per-layer filters may drop the next event.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use draftstore_auth::{PeerCertificate, TICKET_PREFIX};
use draftstore_connections::Client;
use draftstore_service::{AutoConfirmed, Caller, EventGivenUp};

use crate::errors::Failure;
use crate::path_ticket::PathTicket;

/// The target of the audit's events. Their level is `info`.
pub const AUDIT_TARGET: &str = "audit";

/// The header with the request's ID, which the caller sends or the server generates. The response has it too.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outcome of a successful call.
const OK: &str = "OK";

/// The properties of a request that are known before authentication.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    request_id: Option<String>,
    peer: Option<IpAddr>,
    credentials: &'static str,
}

/// A draft, an object or an event that a request is about, as the caller names it.
#[derive(Debug, Clone, Default)]
pub(crate) struct DraftRef {
    pub(crate) object_name: Option<String>,
    pub(crate) draft_id: Option<String>,
    /// The name of the object that the call makes of it.
    pub(crate) destination_name: Option<String>,
    /// The destination of the policy.
    pub(crate) destination: Option<String>,
    pub(crate) version_id: Option<String>,
    /// The name of the webhook that lacks events.
    pub(crate) webhook: Option<String>,
    pub(crate) event_id: Option<String>,
}

/// The outcome for one draft, as far as the response contains it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) draft_id: Option<String>,
    /// The reason of a refusal, or `None` for success.
    pub(crate) refused: Option<String>,
    pub(crate) ticket_id: Option<String>,
}

impl Outcome {
    /// Creates the outcome of an upload that was issued.
    pub(crate) fn issued(draft_id: Option<&String>) -> Self {
        Self {
            draft_id: draft_id.cloned(),
            ..Self::default()
        }
    }

    /// Creates the outcome of an upload that was refused.
    pub(crate) fn refused(reason: &str) -> Self {
        Self {
            refused: Some(reason.to_owned()),
            ..Self::default()
        }
    }
}

impl RequestContext {
    pub(crate) fn new(request: &Request) -> Self {
        let header = |name| {
            let value: Option<&HeaderValue> = request.headers().get(name);
            value.and_then(|value| value.to_str().ok())
        };
        let extensions = request.extensions();
        let bearer = header(header::AUTHORIZATION)
            .and_then(|value| value.split_once(' '))
            .map(|(_, token)| token.trim());
        let credentials = match bearer {
            _ if extensions.get::<PathTicket>().is_some() => "ticket in path",
            Some(ticket) if ticket.starts_with(TICKET_PREFIX) => "ticket",
            Some(_) => "token",
            None if extensions.get::<PeerCertificate>().is_some() => "certificate",
            None => "none",
        };
        Self {
            request_id: header(REQUEST_ID).map(ToOwned::to_owned),
            peer: extensions.get().map(|client: &Client| client.peer().ip()),
            credentials,
        }
    }

    /// Writes that a call was refused or timed out.
    pub(crate) fn refused(&self, rpc: &str, caller: Option<&Caller>, failure: &Failure) {
        self.write(rpc, caller, &DraftRef::default(), failure.row().reason.name, None);
    }

    /// Writes the outcome of a call for each of its drafts.
    pub(crate) fn decided(
        &self,
        rpc: &str,
        caller: &Caller,
        drafts: &[DraftRef],
        result: Result<Vec<Outcome>, &Failure>,
    ) {
        let none = [DraftRef::default()];
        // A batch that was refused as a whole is one decision.
        let is_whole = result.is_err() && drafts.len() > 1;
        let drafts = if drafts.is_empty() || is_whole { &none } else { drafts };
        let reason = result.as_ref().map_or_else(|failure| failure.row().reason.name, |_| OK);
        let mut outcomes = result.unwrap_or_default().into_iter();
        for draft in drafts {
            let outcome = outcomes.next().unwrap_or_default();
            let draft = DraftRef {
                draft_id: outcome.draft_id.or_else(|| draft.draft_id.clone()),
                ..draft.clone()
            };
            let reason = outcome.refused.as_deref().unwrap_or(reason);
            self.write(rpc, Some(caller), &draft, reason, outcome.ticket_id.as_deref());
        }
    }

    /// Writes the outcome of a notification of the store.
    pub(crate) fn notified(&self, rpc: &str, result: Result<(), &Failure>) {
        let outcome = result.map_or_else(|failure| failure.row().reason.name, |()| OK);
        self.write(rpc, None, &DraftRef::default(), outcome, None);
    }

    fn write(&self, rpc: &str, caller: Option<&Caller>, draft: &DraftRef, outcome: &str, ticket_id: Option<&str>) {
        let tenant = caller
            .and_then(|caller| caller.tenant.as_ref())
            .map(ToString::to_string);
        tracing::info!(
            target: AUDIT_TARGET,
            rpc,
            caller = caller.map(|caller| shortened(&caller.name)),
            tenant = tenant.as_deref().map(shortened),
            credentials = self.credentials,
            object_name = draft.object_name.as_deref().map(shortened),
            draft_id = draft.draft_id.as_deref().map(shortened),
            destination_name = draft.destination_name.as_deref().map(shortened),
            destination = draft.destination.as_deref().map(shortened),
            version_id = draft.version_id.as_deref().map(shortened),
            webhook = draft.webhook.as_deref().map(shortened),
            event_id = draft.event_id.as_deref().map(shortened),
            ticket_id,
            outcome,
            request_id = self.request_id,
            peer = self.peer.map(tracing::field::display),
            "decided"
        );
    }
}

/// Writes that a draft confirmed itself, or could not. Its caller is `auto_confirm`.
pub fn audit_auto_confirm(confirm: AutoConfirmed) {
    let context = RequestContext {
        request_id: None,
        peer: None,
        credentials: "none",
    };
    let draft = DraftRef {
        object_name: Some(confirm.object_name),
        draft_id: confirm.draft_id,
        destination: confirm.caller.profile.auto_confirm_destination.clone(),
        ..DraftRef::default()
    };
    let failure = confirm.result.err().map(Failure::from);
    let outcome = failure.as_ref().map_or(OK, |failure| failure.row().reason.name);
    context.write("ConfirmUpload", Some(&confirm.caller), &draft, outcome, None);
}

/// Writes that an event was given up. Its line names the endpoint and the kind of the event.
pub fn audit_given_up(event: EventGivenUp) {
    tracing::info!(
        target: AUDIT_TARGET,
        rpc = "DeliverEvent",
        caller = event.endpoint,
        tenant = event.tenant.map(|tenant| tenant.to_string()),
        credentials = "none",
        object_name = shortened(&event.object_name),
        event_id = event.event_id,
        event_type = event.kind.as_str(),
        outcome = "GIVEN_UP",
        "decided"
    );
}

/// The maximum length of a text in the audit, in bytes. Every valid name fits.
const MAX_TEXT: usize = 1024;

/// Returns the text, or its beginning if it is too long. Most texts are what a caller sent, valid or not.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}
