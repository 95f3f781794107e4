//! The mapping of the contract's messages to the service's requests and back, shared by both fronts.

mod archive;
mod checks;
mod confirm;
mod drafts;
mod events;
mod issue;
mod multipart;
mod objects;
mod options;
mod sign;
mod tickets;
mod transfers;
mod usage;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use draftstore_auth::Authenticator;
use draftstore_service::draft::DraftName;
use draftstore_service::{Caller, Drafts, Error, ObjectHeader, Policy};
use futures::stream::BoxStream;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::audit::Outcome;
use crate::errors::Failure;
use crate::gate::{Admitted, Gate};

/// The calls of the contract. Clones share it.
#[derive(Debug, Clone)]
pub struct Api(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    drafts: Drafts,
    gate: Gate,
}

/// A request message that the service can process.
pub(crate) trait Mapping: Message + Default + DeserializeOwned + Sized + 'static {
    /// The response message.
    type Response: Message + Serialize + 'static;

    /// Processes the request.
    fn call(self, api: &Api, admitted: &Admitted) -> impl Future<Output = Result<Self::Response, Failure>> + Send;

    /// Returns the outcomes for the request's drafts, for the audit. Empty if all of them succeeded.
    fn outcomes(_: &Self::Response) -> Vec<Outcome> {
        Vec::new()
    }

    /// Returns the headers of each signed request in the response.
    fn signed_headers(_: &mut Self::Response) -> Vec<&mut BTreeMap<String, String>> {
        Vec::new()
    }

    /// Returns the idempotency key, if the message has such a field. A header can set it.
    fn idempotency_key(&mut self) -> Option<&mut Option<String>> {
        None
    }
}

/// A request message that the service answers with a stream of responses.
pub(crate) trait StreamMapping: Message + Default + DeserializeOwned + Sized + 'static {
    /// The response message.
    type Response: Message + Serialize + 'static;

    /// Begins the stream. Returns `None` if the caller has every response already.
    fn open(
        self,
        api: &Api,
        admitted: &Admitted,
    ) -> impl Future<Output = Result<Option<Updates<Self::Response>>, Failure>> + Send;

    /// Returns the ID with which a caller continues the stream after this response.
    fn id(response: &Self::Response) -> &str;

    /// Sets the ID of the last response that the caller has.
    fn set_last_id(&mut self, id: String);
}

/// A stream of responses, which ends after a failure.
pub(crate) type Updates<R> = BoxStream<'static, Result<R, Failure>>;

/// The signed headers that browsers set themselves, and that a page must not set.
///
/// Source: <https://fetch.spec.whatwg.org/#forbidden-request-header>
const SET_BY_BROWSERS: [&str; 2] = ["content-length", "host"];

/// Removes the headers that browsers set themselves from the response, if a browser sent the request for a page: every POST of a
/// page has an `Origin`.
pub(crate) fn omit_browser_headers<R: Mapping>(request: &HeaderMap, response: &mut R::Response) {
    if request.contains_key(header::ORIGIN) {
        for headers in R::signed_headers(response) {
            headers.retain(|name, _| !SET_BY_BROWSERS.contains(&name.as_str()));
        }
    }
}

impl Api {
    /// Creates the calls of this service behind the gate, which counts confirms and mints tickets.
    pub fn new(drafts: Drafts, gate: Gate) -> Self {
        Self(Arc::new(Inner { drafts, gate }))
    }

    /// Returns the lifetimes of URLs and drafts.
    pub(crate) fn policy(&self) -> Policy {
        self.0.drafts.policy()
    }

    /// Returns the name of the draft bucket.
    pub(crate) fn draft_bucket(&self) -> String {
        self.0.drafts.draft_bucket().to_string()
    }

    /// Returns the unique draft with this key in the store.
    pub(crate) fn of_whole_key(&self, caller: &Arc<Caller>, key: &str) -> Result<DraftName, Error> {
        self.of_caller(caller).of_whole_key(key)
    }

    /// Returns the key of a draft in the store.
    pub(crate) fn whole_key(&self, caller: &Arc<Caller>, draft: &DraftName) -> Result<String, Error> {
        self.of_caller(caller).whole_key(draft)
    }

    /// Returns the unsigned URL of a draft, which does not allow reading it.
    pub(crate) async fn unsigned_url(&self, caller: &Arc<Caller>, draft: &DraftName) -> Result<String, Error> {
        self.of_caller(caller).unsigned_url(draft).await
    }

    /// Looks at an object that the store calls new. Returns true if nothing more is to be done for it by `until`.
    pub(crate) async fn look_at(&self, bucket: &str, key: &str, until: Instant) -> Result<bool, Failure> {
        Ok(self.0.drafts.look_at(bucket, key, until).await?)
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        self.0.gate.authenticator()
    }

    fn drafts(&self, admitted: &Admitted) -> Drafts {
        let place = Arc::clone(&admitted.place);
        self.of_caller(&admitted.caller).keeping(place)
    }

    fn of_caller(&self, caller: &Arc<Caller>) -> Drafts {
        self.0.drafts.for_caller(Arc::clone(caller))
    }

    fn take_confirms(&self, caller: &Caller, confirms: usize) -> Result<(), Failure> {
        Ok(self.0.gate.take_confirms(caller, confirms)?)
    }
}

/// Returns the headers that a request sets, from the fields in the order of [`ObjectHeader::ALL`].
fn headers(values: [Option<String>; ObjectHeader::ALL.len()]) -> BTreeMap<ObjectHeader, String> {
    let headers = ObjectHeader::ALL.iter().zip(values);
    headers.filter_map(|(header, value)| Some((*header, value?))).collect()
}

/// Converts a size to the contract's type. No object has 2^63 bytes.
pub(crate) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
