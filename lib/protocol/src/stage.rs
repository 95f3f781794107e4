//! The two stages of an object.

use serde::{Deserialize, Serialize};

/// The stage of an object, which decides its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Uploaded and not confirmed: in the draft bucket.
    Draft,
    /// Confirmed: in the main bucket.
    Main,
}
