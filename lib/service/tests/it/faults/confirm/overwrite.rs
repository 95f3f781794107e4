//! The calls that differ if a confirm replaces an object.

use draftstore_storage::Operation;
use draftstore_testing::proxy::FaultReply::{Closed, Error as Answer, ErrorInOk, Nothing, Reset};
use draftstore_testing::proxy::InjectedFault::{After, Before};
use draftstore_testing::proxy::{RequestFilter, RequestRange};

use super::super::{CONFLICT, EXPIRED, INTERNAL_ERROR, NOT_FOUND, PRECONDITION, SKEWED, SLOW_DOWN};
use super::outcome::{COPIED_UNAVAILABLE, CREDENTIALS, INTERNAL, KEPT, MAIN_CHANGED, UNAVAILABLE};
use super::plain::{COPY, READ_BACK};
use super::{Call, Kind, Row};

pub(super) const CALLS: [Call; 3] = [
    Call {
        kind: Kind::Overwrite,
        name: "HEAD of main before the copy",
        target: |buckets| RequestFilter::of(Operation::HeadObject).on(buckets.main.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE,
        rows: &LOOK_AT_MAIN,
    },
    Call {
        kind: Kind::Overwrite,
        name: "copy",
        target: |buckets| RequestFilter::of(Operation::CopyObject).on(buckets.main.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE,
        rows: &COPY,
    },
    Call {
        kind: Kind::Overwrite,
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
    // The first fault hides the object to replace, so that the copy fails and main then differs from what was read. The
    // second fault also hides that object, so that the confirm starts again and then reads it.
    (Before(Answer(NOT_FOUND)), [MAIN_CHANGED, KEPT, UNAVAILABLE]),
    (Before(Answer(CONFLICT)), [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]),
    (Before(Answer(PRECONDITION)), [INTERNAL, INTERNAL, INTERNAL]),
    (Before(ErrorInOk), [INTERNAL, INTERNAL, INTERNAL]),
    (After(Reset), [KEPT, KEPT, UNAVAILABLE]),
];
