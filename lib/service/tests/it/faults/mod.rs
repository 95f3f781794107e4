//! Every fault on the wire at every call of a confirm, a sweep and a multipart upload.
//!
//! Each cell checks the result, the objects that are left, and that a repeat completes the call. The tables list the
//! expected outcomes literally. A row is a fault, with its outcome if it affects the first request of the call, the
//! first two, or every request.
//!
//! The S3 client makes up to three attempts. It sends a copy only once, which the confirm repeats up to three times.
//! Nothing repeats the start and the completion of an upload. So one or two faults are mostly recovered from, and three
//! are not.

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

/// The columns of the tables: the requests of a call that the fault affects.
const COLUMNS: [Column; 3] = [
    ("the first request", |calls| calls.take(1)),
    ("the first two", |calls| calls.take(2)),
    ("every request", |calls| calls),
];

/// The name of a column, and its requests, counted from the first one of the call.
type Column = (&'static str, fn(RequestRange) -> RequestRange);
