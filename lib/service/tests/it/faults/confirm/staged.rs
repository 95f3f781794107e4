//! The calls that differ if a confirm copies in parts.
//!
//! Each attempt that fails before the copy can be completed may leave a note. It is then unknown if an upload was begun
//! in main, and the sweep finds it by the note.

use draftstore_storage::Operation;
use draftstore_testing::proxy::FaultReply::{Closed, Error as Answer, ErrorInOk, Nothing, Reset};
use draftstore_testing::proxy::InjectedFault::{After, Before, CutOff, Truncated};
use draftstore_testing::proxy::{RequestFilter, RequestRange};

use super::super::{CONFLICT, EXPIRED, INTERNAL_ERROR, NOT_FOUND, PRECONDITION, SKEWED, SLOW_DOWN};
use super::outcome::{
    COPIED_CHANGED, COPIED_UNAVAILABLE, COPIED_UNAVAILABLE_NOTE, CREDENTIALS, CREDENTIALS_NOTE, CREDENTIALS_UPLOAD,
    INTERNAL, KEPT, KEPT_NOTE, KEPT_UPLOAD, UNAVAILABLE, UNAVAILABLE_NOTE, UNAVAILABLE_UPLOAD,
};
use super::plain::{COPY, READ_BACK};
use super::{Call, Kind, Row};

pub(super) const CALLS: [Call; 7] = [
    Call {
        kind: Kind::Staged,
        name: "HEAD of main before the copy",
        target: |buckets| RequestFilter::of(Operation::HeadObject).on(buckets.main.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE,
        rows: &LOOK_AT_MAIN,
    },
    Call {
        kind: Kind::Staged,
        name: "note",
        target: |buckets| RequestFilter::of(Operation::PutObject).on(buckets.draft.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE,
        rows: &NOTE,
    },
    Call {
        kind: Kind::Staged,
        name: "beginning of the upload",
        target: |buckets| RequestFilter::of(Operation::CreateMultipartUpload).on(buckets.main.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE_NOTE,
        rows: &BEGIN,
    },
    Call {
        kind: Kind::Staged,
        name: "copy of a part",
        target: |buckets| RequestFilter::of(Operation::UploadPartCopy).on(buckets.main.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE_UPLOAD,
        rows: &COPY_PART,
    },
    Call {
        kind: Kind::Staged,
        name: "completion",
        target: |buckets| RequestFilter::of(Operation::CompleteMultipartUpload).on(buckets.main.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE_UPLOAD,
        rows: &COPY,
    },
    Call {
        kind: Kind::Staged,
        name: "delete of the note",
        target: |buckets| RequestFilter::of(Operation::DeleteObject).on(buckets.draft.name()),
        requests: RequestRange::from(1),
        gone: COPIED_UNAVAILABLE_NOTE,
        rows: &FORGET_NOTE,
    },
    Call {
        kind: Kind::Staged,
        name: "HEAD of main after the copy",
        target: |buckets| RequestFilter::of(Operation::HeadObject).on(buckets.main.name()),
        requests: RequestRange::from(2),
        gone: COPIED_UNAVAILABLE,
        rows: &READ_BACK,
    },
];

const LOOK_AT_MAIN: [Row; 12] = [
    (Before(Closed), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Reset), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Nothing), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(EXPIRED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
    (Before(Answer(SKEWED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
    // The second fault hides from the confirm the object that it has just copied.
    (Before(Answer(NOT_FOUND)), [KEPT, COPIED_CHANGED, COPIED_CHANGED]),
    (Before(Answer(CONFLICT)), [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]),
    (Before(Answer(PRECONDITION)), [INTERNAL, INTERNAL, INTERNAL]),
    (Before(ErrorInOk), [INTERNAL, INTERNAL, INTERNAL]),
    (After(Reset), [KEPT, KEPT, UNAVAILABLE]),
];

const NOTE: [Row; 21] = [
    (Before(Closed), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Reset), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Nothing), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(EXPIRED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
    (Before(Answer(SKEWED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
    (Before(Answer(NOT_FOUND)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(CONFLICT)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(PRECONDITION)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(ErrorInOk), [KEPT, KEPT, UNAVAILABLE]),
    // The client writes the same note again.
    (After(Closed), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Reset), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Nothing), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (
        After(Answer(EXPIRED)),
        [CREDENTIALS_NOTE, CREDENTIALS_NOTE, CREDENTIALS_NOTE],
    ),
    // The confirm writes another note.
    (After(Answer(NOT_FOUND)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (After(Answer(CONFLICT)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (After(Answer(PRECONDITION)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (After(ErrorInOk), [KEPT, KEPT, UNAVAILABLE_NOTE]),
];

/// The outcomes of a request that is sent once per attempt: a repeated start could leave a second upload without a
/// note.
const BEGIN: [Row; 23] = [
    (Before(Closed), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(Reset), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(Nothing), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(Answer(INTERNAL_ERROR)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(Answer(SLOW_DOWN)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (
        Before(Answer(EXPIRED)),
        [CREDENTIALS_NOTE, CREDENTIALS_NOTE, CREDENTIALS_NOTE],
    ),
    (
        Before(Answer(SKEWED)),
        [CREDENTIALS_NOTE, CREDENTIALS_NOTE, CREDENTIALS_NOTE],
    ),
    (Before(Answer(NOT_FOUND)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(Answer(CONFLICT)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(Answer(PRECONDITION)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(ErrorInOk), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (After(Closed), [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
    (After(Reset), [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
    (After(Nothing), [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
    (
        After(Answer(INTERNAL_ERROR)),
        [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD],
    ),
    (After(Answer(SLOW_DOWN)), [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
    (
        After(Answer(EXPIRED)),
        [CREDENTIALS_UPLOAD, CREDENTIALS_UPLOAD, CREDENTIALS_UPLOAD],
    ),
    (After(Answer(NOT_FOUND)), [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
    (After(Answer(CONFLICT)), [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
    (
        After(Answer(PRECONDITION)),
        [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD],
    ),
    (After(ErrorInOk), [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
    (Truncated, [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
    (CutOff, [KEPT_UPLOAD, KEPT_UPLOAD, UNAVAILABLE_UPLOAD]),
];

/// The outcomes if the started upload is aborted.
const COPY_PART: [Row; 23] = [
    (Before(Closed), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (Before(Reset), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (Before(Nothing), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (
        Before(Answer(EXPIRED)),
        [CREDENTIALS_NOTE, CREDENTIALS_NOTE, CREDENTIALS_NOTE],
    ),
    (
        Before(Answer(SKEWED)),
        [CREDENTIALS_NOTE, CREDENTIALS_NOTE, CREDENTIALS_NOTE],
    ),
    (Before(Answer(NOT_FOUND)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(Answer(CONFLICT)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(Answer(PRECONDITION)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (Before(ErrorInOk), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Closed), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Reset), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Nothing), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (After(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (
        After(Answer(EXPIRED)),
        [CREDENTIALS_NOTE, CREDENTIALS_NOTE, CREDENTIALS_NOTE],
    ),
    (After(Answer(NOT_FOUND)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (After(Answer(CONFLICT)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (After(Answer(PRECONDITION)), [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (After(ErrorInOk), [KEPT, KEPT, UNAVAILABLE_NOTE]),
    (Truncated, [KEPT_NOTE, KEPT_NOTE, UNAVAILABLE_NOTE]),
    (CutOff, [KEPT, KEPT, UNAVAILABLE_NOTE]),
];

const FORGET_NOTE: [Row; 18] = [
    (Before(Closed), [KEPT, KEPT, KEPT_NOTE]),
    (Before(Reset), [KEPT, KEPT, KEPT_NOTE]),
    (Before(Nothing), [KEPT, KEPT, KEPT_NOTE]),
    (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, KEPT_NOTE]),
    (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, KEPT_NOTE]),
    (Before(Answer(EXPIRED)), [KEPT_NOTE, KEPT_NOTE, KEPT_NOTE]),
    (Before(Answer(SKEWED)), [KEPT_NOTE, KEPT_NOTE, KEPT_NOTE]),
    (Before(Answer(NOT_FOUND)), [KEPT_NOTE, KEPT_NOTE, KEPT_NOTE]),
    (Before(Answer(CONFLICT)), [KEPT_NOTE, KEPT_NOTE, KEPT_NOTE]),
    (Before(Answer(PRECONDITION)), [KEPT_NOTE, KEPT_NOTE, KEPT_NOTE]),
    (Before(ErrorInOk), [KEPT, KEPT, KEPT_NOTE]),
    (After(Reset), [KEPT, KEPT, KEPT]),
    (After(Nothing), [KEPT, KEPT, KEPT]),
    (After(Answer(INTERNAL_ERROR)), [KEPT, KEPT, KEPT]),
    (After(Answer(SLOW_DOWN)), [KEPT, KEPT, KEPT]),
    (After(Answer(EXPIRED)), [KEPT, KEPT, KEPT]),
    (After(Answer(NOT_FOUND)), [KEPT, KEPT, KEPT]),
    (After(Answer(PRECONDITION)), [KEPT, KEPT, KEPT]),
];
