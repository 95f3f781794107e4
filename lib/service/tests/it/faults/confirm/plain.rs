//! The calls of a confirm that copies to a free key.

use draftstore_storage::Operation;
use draftstore_testing::proxy::FaultReply::{Closed, Error as Answer, ErrorInOk, Nothing, Reset};
use draftstore_testing::proxy::InjectedFault::{After, Before, CutOff, Truncated};
use draftstore_testing::proxy::{RequestFilter, RequestRange};

use super::super::{CONFLICT, EXPIRED, INTERNAL_ERROR, NOT_FOUND, PRECONDITION, SKEWED, SLOW_DOWN};
use super::outcome::{
    COPIED_CHANGED, COPIED_CREDENTIALS, COPIED_INTERNAL, COPIED_UNAVAILABLE, CREDENTIALS, INTERNAL, KEPT, LEFT,
    NO_DRAFT, UNAVAILABLE,
};
use super::{Call, Kind, Row};

pub(super) const CALLS: [Call; 4] = [
    Call {
        kind: Kind::Plain,
        name: "HEAD of the draft",
        target: |buckets| RequestFilter::of(Operation::HeadObject).on(buckets.draft.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE,
        rows: &LOOK_AT_DRAFT,
    },
    Call {
        kind: Kind::Plain,
        name: "copy",
        target: |buckets| RequestFilter::of(Operation::CopyObject).on(buckets.main.name()),
        requests: RequestRange::from(1),
        gone: UNAVAILABLE,
        rows: &COPY,
    },
    Call {
        kind: Kind::Plain,
        name: "HEAD of main after the copy",
        target: |buckets| RequestFilter::of(Operation::HeadObject).on(buckets.main.name()),
        requests: RequestRange::from(1),
        gone: COPIED_UNAVAILABLE,
        rows: &READ_BACK,
    },
    Call {
        kind: Kind::Plain,
        name: "delete of the draft",
        target: |buckets| RequestFilter::of(Operation::DeleteObjects).on(buckets.draft.name()),
        requests: RequestRange::from(1),
        gone: LEFT,
        rows: &DELETE,
    },
];

const LOOK_AT_DRAFT: [Row; 12] = [
    (Before(Closed), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Reset), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Nothing), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE]),
    (Before(Answer(EXPIRED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
    (Before(Answer(SKEWED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
    (Before(Answer(NOT_FOUND)), [NO_DRAFT, NO_DRAFT, NO_DRAFT]),
    (Before(Answer(CONFLICT)), [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]),
    (Before(Answer(PRECONDITION)), [INTERNAL, INTERNAL, INTERNAL]),
    (Before(ErrorInOk), [INTERNAL, INTERNAL, INTERNAL]),
    (After(Reset), [KEPT, KEPT, UNAVAILABLE]),
];

/// The outcomes of every copy that creates the object, whole or staged. The confirm reads main to find its result.
pub(super) const COPY: [Row; 22] = [
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
    // The marker shows that the copy succeeded, so that there is no second request.
    (After(Closed), [KEPT, KEPT, KEPT]),
    (After(Reset), [KEPT, KEPT, KEPT]),
    (After(Nothing), [KEPT, KEPT, KEPT]),
    (After(Answer(INTERNAL_ERROR)), [KEPT, KEPT, KEPT]),
    (After(Answer(SLOW_DOWN)), [KEPT, KEPT, KEPT]),
    (
        After(Answer(EXPIRED)),
        [COPIED_CREDENTIALS, COPIED_CREDENTIALS, COPIED_CREDENTIALS],
    ),
    (After(Answer(CONFLICT)), [KEPT, KEPT, KEPT]),
    (After(Answer(PRECONDITION)), [KEPT, KEPT, KEPT]),
    (After(ErrorInOk), [KEPT, KEPT, KEPT]),
    (Truncated, [KEPT, KEPT, KEPT]),
    (CutOff, [KEPT, KEPT, KEPT]),
];

pub(super) const READ_BACK: [Row; 12] = [
    (Before(Closed), [KEPT, KEPT, COPIED_UNAVAILABLE]),
    (Before(Reset), [KEPT, KEPT, COPIED_UNAVAILABLE]),
    (Before(Nothing), [KEPT, KEPT, COPIED_UNAVAILABLE]),
    (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, COPIED_UNAVAILABLE]),
    (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, COPIED_UNAVAILABLE]),
    (
        Before(Answer(EXPIRED)),
        [COPIED_CREDENTIALS, COPIED_CREDENTIALS, COPIED_CREDENTIALS],
    ),
    (
        Before(Answer(SKEWED)),
        [COPIED_CREDENTIALS, COPIED_CREDENTIALS, COPIED_CREDENTIALS],
    ),
    (
        Before(Answer(NOT_FOUND)),
        [COPIED_CHANGED, COPIED_CHANGED, COPIED_CHANGED],
    ),
    (
        Before(Answer(CONFLICT)),
        [COPIED_UNAVAILABLE, COPIED_UNAVAILABLE, COPIED_UNAVAILABLE],
    ),
    (
        Before(Answer(PRECONDITION)),
        [COPIED_INTERNAL, COPIED_INTERNAL, COPIED_INTERNAL],
    ),
    (Before(ErrorInOk), [COPIED_INTERNAL, COPIED_INTERNAL, COPIED_INTERNAL]),
    (After(Reset), [KEPT, KEPT, COPIED_UNAVAILABLE]),
];

const DELETE: [Row; 18] = [
    (Before(Closed), [KEPT, KEPT, LEFT]),
    (Before(Reset), [KEPT, KEPT, LEFT]),
    (Before(Nothing), [KEPT, KEPT, LEFT]),
    (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, LEFT]),
    (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, LEFT]),
    (Before(Answer(EXPIRED)), [LEFT, LEFT, LEFT]),
    (Before(Answer(SKEWED)), [LEFT, LEFT, LEFT]),
    (Before(Answer(NOT_FOUND)), [LEFT, LEFT, LEFT]),
    (Before(Answer(CONFLICT)), [LEFT, LEFT, LEFT]),
    (Before(Answer(PRECONDITION)), [LEFT, LEFT, LEFT]),
    (Before(ErrorInOk), [KEPT, KEPT, LEFT]),
    (After(Reset), [KEPT, KEPT, KEPT]),
    (After(Nothing), [KEPT, KEPT, KEPT]),
    (After(Answer(INTERNAL_ERROR)), [KEPT, KEPT, KEPT]),
    (After(Answer(SLOW_DOWN)), [KEPT, KEPT, KEPT]),
    (After(Answer(EXPIRED)), [KEPT, KEPT, KEPT]),
    (After(Answer(NOT_FOUND)), [KEPT, KEPT, KEPT]),
    (After(Answer(PRECONDITION)), [KEPT, KEPT, KEPT]),
];
