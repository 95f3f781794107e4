//! Every fault on the wire, at every call of a confirm, of a sweep and of an upload in parts: what is answered, what is left, and that a repeat
//! completes it.
//!
//! The tables say what is expected; nothing in them is computed. A row is a fault, with what comes of it when it meets
//! the first request of the call, the first two, and every one. The S3 client asks up to three times by itself, but for
//! a copy, which it asks once and the confirm up to three times, and for the beginning and the completion of an upload, which
//! nobody asks again: so one and two faults are mostly mended, and from three
//! on they show.

mod cell;
mod confirm;
mod multipart;
mod sweep;

use draftstore_testing::proxy::{InjectedError, RequestRange};

const INTERNAL_ERROR: InjectedError = InjectedError::InternalError;
const SLOW_DOWN: InjectedError = InjectedError::SlowDown;
const EXPIRED: InjectedError = InjectedError::ExpiredToken;
const SKEWED: InjectedError = InjectedError::RequestTimeTooSkewed;
const NOT_FOUND: InjectedError = InjectedError::NoSuchKey;
const CONFLICT: InjectedError = InjectedError::ConditionalRequestConflict;
const PRECONDITION: InjectedError = InjectedError::PreconditionFailed;

/// How many requests of a call meet the fault, in the order of the columns.
const COLUMNS: [Column; 3] = [
    ("the first request", |calls| calls.take(1)),
    ("the first two", |calls| calls.take(2)),
    ("every request", |calls| calls),
];

/// A name, and which of the requests from the call's first on are hit.
type Column = (&'static str, fn(RequestRange) -> RequestRange);
