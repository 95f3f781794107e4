//! The audit: one event a decision, on a target of its own.
//!
//! It says who asked, by which kind of credentials, for what, about which draft, and what came of it. Names of objects are in
//! it; credentials, URLs and upload IDs are not. Which call asks is known to the [`crate::Api`]; what is around it, the request,
//! to the gate.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::Request;
use draftstore_auth::{PeerCertificate, TICKET_PREFIX};
use draftstore_proto::v1;
use draftstore_service::{Caller, Error};
use http::header;

use crate::error_table::row;
use crate::grpc::CALLS;
use crate::observe::REQUEST_ID;
use crate::peer::PeerAddress;
use crate::webapi::{InPath, ROUTES};

/// The target of its events, for whoever writes them down. They are at level `info`.
pub const AUDIT_TARGET: &str = "audit";

/// What is said of a call that was granted.
const OK: &str = "OK";

tokio::task_local! {
    static REQUEST: Asked;
}

/// What is known of a request before it is known who sends it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    request_id: Option<String>,
    peer: Option<IpAddr>,
    credentials: &'static str,
    path: String,
}

/// One draft of a call, as the caller names it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Which {
    object_name: Option<String>,
    draft_id: Option<String>,
}

/// What came of one draft, where the answer says it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    draft_id: Option<String>,
    /// None: it was granted.
    refused: Option<String>,
    ticket_id: Option<String>,
}

/// Which drafts a request is about; none: none in particular.
pub(crate) trait About {
    fn about(&self) -> Vec<Which> {
        Vec::new()
    }
}

/// What an answer says of each; none: nothing in particular.
pub(crate) trait Tells {
    fn tells(&self) -> Vec<Told> {
        Vec::new()
    }
}

/// Whether anybody listens. Not asked of the subscriber: after a question without an event, one with filters for its layers
/// may drop the next event for a layer that would not have had the one asked about.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// From now on, decisions of this process are put down: there is somebody who writes them.
pub fn start_audit() {
    IS_ON.store(true, Ordering::Relaxed);
}

pub(crate) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        let header = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value: &http::HeaderValue| value.to_str().ok())
        };
        let extensions = request.extensions();
        let bearer = header(header::AUTHORIZATION)
            .and_then(|value| value.split_once(' '))
            .map(|(_, token)| token.trim());
        let credentials = match bearer {
            _ if extensions.get::<InPath>().is_some() => "ticket in path",
            Some(ticket) if ticket.starts_with(TICKET_PREFIX) => "ticket",
            Some(_) => "token",
            None if extensions.get::<PeerCertificate>().is_some() => "certificate",
            None => "none",
        };
        Self {
            request_id: header(REQUEST_ID).map(ToOwned::to_owned),
            peer: extensions.get().map(|PeerAddress(address)| address.ip()),
            credentials,
            path: request.uri().path().to_owned(),
        }
    }

    /// What happens while the request is answered, is put down as its own.
    pub(crate) async fn during<T>(self, answering: impl Future<Output = T>) -> T {
        REQUEST.scope(self, answering).await
    }
}

/// Puts down that a call did not pass the gate, or was not answered in time.
pub(crate) fn refused(asked: &Asked, caller: Option<&Caller>, error: &Error) {
    let path = asked.path.as_str();
    let route = ROUTES.iter().find(|route| route.path == path);
    let rpc = route.map_or_else(|| path.strip_prefix(CALLS).unwrap_or("Uppy"), |route| route.rpc);
    write(asked, rpc, caller, &Which::default(), row(error).reason, None);
}

/// Puts down what came of a call, for each of its drafts.
pub(crate) fn decided<T: Tells>(rpc: &str, caller: &Caller, about: &[Which], result: &Result<T, Error>) {
    let asked = REQUEST.try_with(Clone::clone).unwrap_or_default();
    let none = [Which::default()];
    let about = if about.is_empty() { &none } else { about };
    let told = match result {
        Ok(answer) => answer.tells(),
        Err(error) => {
            for which in about {
                write(&asked, rpc, Some(caller), which, row(error).reason, None);
            }
            return;
        }
    };
    let mut told = told.into_iter();
    for which in about {
        let told = told.next().unwrap_or_default();
        let which = Which {
            draft_id: told.draft_id.or_else(|| which.draft_id.clone()),
            ..which.clone()
        };
        let outcome = told.refused.as_deref().unwrap_or(OK);
        write(&asked, rpc, Some(caller), &which, outcome, told.ticket_id.as_deref());
    }
}

fn write(asked: &Asked, rpc: &str, caller: Option<&Caller>, which: &Which, outcome: &str, ticket_id: Option<&str>) {
    tracing::info!(
        target: AUDIT_TARGET,
        rpc,
        caller = caller.map(|caller| caller.name.as_str()),
        tenant = caller.and_then(|caller| caller.tenant.as_ref()).map(tracing::field::display),
        credentials = asked.credentials,
        object_name = which.object_name,
        draft_id = which.draft_id,
        ticket_id,
        outcome,
        request_id = asked.request_id,
        peer = asked.peer.map(tracing::field::display),
        "decided"
    );
}

/// Requests that name one draft, unique ones by their ID.
macro_rules! about_a_draft {
    ($($request:ident)*) => {$(
        impl About for v1::$request {
            fn about(&self) -> Vec<Which> {
                vec![Which { object_name: Some(self.object_name.clone()), draft_id: self.draft_id.clone() }]
            }
        }
    )*};
}

/// Requests that name a draft that is yet to be.
macro_rules! about_a_name {
    ($($request:ident)*) => {$(
        impl About for v1::$request {
            fn about(&self) -> Vec<Which> {
                vec![Which { object_name: Some(self.object_name.clone()), draft_id: None }]
            }
        }
    )*};
}

about_a_draft! {
    GetDownloadUrlRequest ConfirmUploadRequest InspectDraftRequest DiscardDraftRequest SignPartsRequest ListPartsRequest
    CompleteMultipartUploadRequest AbortMultipartUploadRequest
}
about_a_name! { GetUploadUrlRequest CreateMultipartUploadRequest }

impl About for v1::CreateDraftBucketRequest {}
impl About for v1::ListDraftsRequest {}
impl About for v1::ListObjectsRequest {}

impl About for v1::BatchGetUploadUrLsRequest {
    fn about(&self) -> Vec<Which> {
        self.uploads.iter().flat_map(About::about).collect()
    }
}

impl About for v1::BatchConfirmUploadsRequest {
    fn about(&self) -> Vec<Which> {
        self.uploads.iter().flat_map(About::about).collect()
    }
}

impl About for v1::CreateTicketRequest {
    fn about(&self) -> Vec<Which> {
        let object_name = self.object_name.clone();
        vec![Which {
            object_name,
            draft_id: None,
        }]
    }
}

impl About for draftstore_service::draft::SignRequest {
    fn about(&self) -> Vec<Which> {
        let object_name = Some(self.object_name.clone());
        vec![Which {
            object_name,
            draft_id: None,
        }]
    }
}

/// Answers that say nothing besides.
macro_rules! tells_nothing {
    ($($answer:ty)*) => {$(impl Tells for $answer {})*};
}

tells_nothing! {
    String v1::CreateDraftBucketResponse v1::GetDownloadUrlResponse v1::ConfirmUploadResponse v1::InspectDraftResponse
    v1::DiscardDraftResponse v1::ListDraftsResponse v1::ListObjectsResponse v1::SignPartsResponse v1::ListPartsResponse
    v1::CompleteMultipartUploadResponse v1::AbortMultipartUploadResponse
}

impl Tells for v1::GetUploadUrlResponse {
    fn tells(&self) -> Vec<Told> {
        let draft_id = self.draft_id.clone();
        vec![Told {
            draft_id,
            ..Told::default()
        }]
    }
}

impl Tells for v1::CreateMultipartUploadResponse {
    fn tells(&self) -> Vec<Told> {
        let draft_id = self.draft_id.clone();
        vec![Told {
            draft_id,
            ..Told::default()
        }]
    }
}

impl Tells for v1::CreateTicketResponse {
    fn tells(&self) -> Vec<Told> {
        let ticket_id = Some(self.ticket_id.clone());
        vec![Told {
            ticket_id,
            ..Told::default()
        }]
    }
}

impl Tells for v1::BatchGetUploadUrLsResponse {
    fn tells(&self) -> Vec<Told> {
        use v1::upload_url_outcome::Outcome;
        let told = |one: &v1::UploadUrlOutcome| match &one.outcome {
            Some(Outcome::Issued(issued)) => issued.tells().pop().unwrap_or_default(),
            Some(Outcome::Error(error)) => because(error),
            None => Told::default(),
        };
        self.outcomes.iter().map(told).collect()
    }
}

impl Tells for v1::BatchConfirmUploadsResponse {
    fn tells(&self) -> Vec<Told> {
        use v1::confirm_outcome::Outcome;
        let told = |one: &v1::ConfirmOutcome| match &one.outcome {
            Some(Outcome::Error(error)) => because(error),
            Some(Outcome::Confirmed(_)) | None => Told::default(),
        };
        self.outcomes.iter().map(told).collect()
    }
}

fn because(error: &v1::UploadError) -> Told {
    Told {
        refused: Some(error.reason.clone()),
        ..Told::default()
    }
}
