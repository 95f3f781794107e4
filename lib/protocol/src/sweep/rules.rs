//! The parameters of a sweep.

use draftstore_storage::Capabilities;

use super::bounds::Bounds;
use super::brakes::Brakes;
use super::slice::Slice;
use crate::Policy;

/// The parameters of one sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// The mode, which decides whether expired drafts are removed.
    pub mode: Mode,
    /// The slice of the draft bucket to sweep.
    pub slice: Slice,
    /// The lifetimes of drafts.
    pub policy: Policy,
    /// The limits on removals.
    pub brakes: Brakes,
    /// The conditions that the store honours.
    pub capabilities: Capabilities,
    /// The limits on concurrency.
    pub bounds: Bounds,
}

/// The mode of a sweep: it removes what has expired, or only reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Removes what has expired.
    Delete,
    /// Only reports what has expired.
    DryRun,
}
