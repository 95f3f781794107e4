//! Observation of issued URLs, checks, confirms and events, for metrics.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use draftstore_storage::closed_set;

use crate::caller::Tenant;
use crate::events::EventKind;
use crate::{Caller, Error};

/// An observer of issued URLs, finished checks, finished confirms and deliveries. Must not block: it runs in the task of the call.
pub trait Observer: fmt::Debug + Send + Sync {
    /// Called after `count` URLs of one kind were signed for a caller.
    fn issued(&self, kind: UrlKind, count: usize);

    /// Called after each confirm, even if its caller has disconnected.
    fn confirmed(&self, ended: ConfirmEnded);

    /// Called after the drafts of confirms were deleted, or left to the sweep.
    fn removed(&self, outcome: RemovalOutcome, drafts: usize);

    /// Called after a draft has confirmed itself, or could not.
    fn auto_confirmed(&self, confirm: AutoConfirmed);

    /// Called after a call has completed a multipart upload whose client is gone.
    fn completed(&self);

    /// Called after the checks of a draft have ended, even if nobody waits for them.
    fn checked(&self, outcome: CheckOutcome);

    /// Called after a part of the checks of a draft has ended, such as one request to scanners.
    fn check_part_ended(&self, part: CheckPart, took: Duration);

    /// Called after each attempt to deliver an event, and after an event was stored.
    fn delivered(&self, outcome: DeliveryOutcome);

    /// Called after an event was given up, because its endpoint has not acknowledged it for three days.
    fn given_up(&self, event: EventGivenUp);

    /// Called after each listing of the stored events, with the age of the oldest one that is left.
    fn pending(&self, oldest: Option<Duration>);
}

closed_set! {
    /// The outcome of a delivery, as a label of metrics.
    pub enum DeliveryOutcome {
        /// The endpoint has acknowledged the event.
        Delivered = "delivered",
        /// The endpoint refused the event, or did not answer in time.
        Failed = "failed",
        /// The endpoint wants no events any more (410).
        Gone = "gone",
        /// The event was stored, to be sent later.
        Postponed = "postponed",
        /// The event was given up, and is a dead letter.
        GivenUp = "given_up",
    }
}

/// An event that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventGivenUp {
    /// The name of the endpoint.
    pub endpoint: String,
    /// The ID of the event.
    pub event_id: String,
    /// The kind of the event.
    pub kind: EventKind,
    /// The tenant of the event.
    pub tenant: Option<Tenant>,
    /// The name of the draft or the object.
    pub object_name: String,
}

/// A draft that confirmed itself, or could not.
#[derive(Debug)]
pub struct AutoConfirmed {
    /// The caller of the confirm, with the tenant and the profile of the upload.
    pub caller: Arc<Caller>,
    /// The object name of the draft.
    pub object_name: String,
    /// The ID of a unique draft.
    pub draft_id: Option<String>,
    /// The result of the confirm.
    pub result: Result<(), Error>,
}

closed_set! {
    /// A part of the checks of a draft, as a label of metrics and a field of spans.
    pub enum CheckPart {
        /// The checks that read ranges of the draft: the type, the image, the archive.
        Inspection = "inspection",
        /// The scan by clamd.
        Clamd = "clamd",
        /// The lookup of the tag of a scanner.
        Tag = "tag",
        /// The requests to scanners over HTTP.
        Webhook = "webhook",
    }
}

closed_set! {
    /// The outcome of the checks of a draft, as a label of metrics.
    pub enum CheckOutcome {
        /// Every check accepts the draft.
        Accepted = "accepted",
        /// A check rejects the draft.
        Rejected = "rejected",
        /// The draft was uploaded again meanwhile, or is gone.
        Changed = "changed",
        /// No scanner scanned the draft in time.
        ScannerUnavailable = "scanner_unavailable",
        /// The object in the place of the verdict cannot be read.
        Unreadable = "unreadable",
        /// The store failed, or the checks took too long.
        Failed = "failed",
    }
}

closed_set! {
    /// The outcome of the delete of a confirmed draft, as a label of metrics.
    pub enum RemovalOutcome {
        /// The draft was deleted, or was gone.
        Deleted = "deleted",
        /// The draft was uploaded again after its confirm, and stays.
        Replaced = "replaced",
        /// The store failed, or refused. The draft is left to the sweep.
        Failed = "failed",
        /// Too many drafts were waiting. The draft is left to the sweep.
        QueueFull = "queue_full",
    }
}

closed_set! {
    /// The kind of a signed URL.
    pub enum UrlKind {
        /// An upload by a single `PUT`.
        Put = "put",
        /// An upload by a form.
        Form = "form",
        /// The upload of a part.
        Part = "part",
        /// A single request of a client that speaks S3 itself.
        Step = "step",
        /// A download of an object.
        Download = "download",
    }
}

/// The result of a finished confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfirmEnded {
    /// The outcome of the confirm.
    pub outcome: ConfirmOutcome,
    /// The bytes that the confirm copied into main.
    pub bytes: u64,
}

closed_set! {
    /// The outcome of a confirm, as a label of metrics.
    pub enum ConfirmOutcome {
        /// The draft was copied into main.
        Kept = "kept",
        /// An earlier confirm had copied the draft into main.
        Replayed = "replayed",
        /// The draft does not exist.
        NotFound = "not_found",
        /// Main holds another object under the name.
        AlreadyExists = "already_exists",
        /// The draft, or the object to replace, does not match the caller's pins.
        PinMismatch = "pin_mismatch",
        /// The idempotency key was already used for another request.
        KeyReused = "key_reused",
        /// Another draft of the atomic batch could not be confirmed.
        RolledBack = "rolled_back",
        /// The checks reject the draft.
        Rejected = "rejected",
        /// The checks of the draft have not ended yet.
        ChecksPending = "checks_pending",
        /// No scanner scanned the draft in time.
        ScannerUnavailable = "scanner_unavailable",
        /// The store failed, or the confirm timed out.
        StoreUnavailable = "store_unavailable",
        /// The store refused this server's credentials.
        StoreCredentials = "store_credentials",
        /// The request was invalid, or the server has a bug.
        Other = "other",
    }
}
