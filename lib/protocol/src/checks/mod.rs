//! The checks of a draft before a confirm keeps it, and the verdicts that they end in.
//!
//! A verdict belongs to the bytes that were read, by the `ETag` of the draft, and to the settings of the checks. It is a
//! small object in the draft bucket under a name of its own for each of both (`verdict`), so that every server uses it,
//! and nobody finds it for other bytes or settings. `machine` has the rules of one check, `quorum` that of several scanners.
//! `rejection` has the notes by which a sweep removes what was rejected.
//!
//! No answer is ever taken for a yes: a check that fails, is cut off, or finds the draft changed ends without a verdict.

mod machine;
mod quorum;
mod rejection;
mod verdict;

pub use machine::{Check, CheckAnswer, CheckEffect, CheckError, CheckStep, Recorded, Scan, Scanning};
pub use quorum::quorum;
pub use rejection::{REJECTED_METADATA, RejectedDraft, RejectionNote};
pub use verdict::{
    NoVerdict, Reason, SilentScanner, VERDICT_METADATA, Verdict, answer_parts, verdict_key, verdict_parts,
};
