//! The rules that one sweep goes by.

use draftstore_storage::Capabilities;

use super::bounds::Bounds;
use super::brakes::Brakes;
use super::part::Part;
use crate::Policy;

/// The rules that one sweep goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// The mode, which decides whether expired drafts are removed.
    pub mode: Mode,
    /// The part of the draft bucket that it is for.
    pub part: Part,
    /// How long drafts live.
    pub policy: Policy,
    /// How much it may remove.
    pub brakes: Brakes,
    /// The conditions that the store honours.
    pub capabilities: Capabilities,
    /// How much it may have under way.
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
