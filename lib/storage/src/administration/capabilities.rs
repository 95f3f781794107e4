//! The conditions that a store really enforces, whatever it answers.

use std::fmt;

/// A condition that DraftStore sends with a call, and that a store may ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// An upload only where nothing is: `PutObject` with `If-None-Match: *`.
    UploadOnce,
    /// A copy only of the version looked at: `CopyObject` with `x-amz-copy-source-if-match`.
    CopySource,
    /// A copy only to where nothing is: `CopyObject` with `If-None-Match: *`.
    CopyToAbsent,
    /// A copy only over the version looked at: `CopyObject` with `If-Match`.
    CopyOver,
    /// A part only of the version looked at: `UploadPartCopy` with `x-amz-copy-source-if-match`.
    PartSource,
    /// An assembled copy only to where nothing is: `CompleteMultipartUpload` with `If-None-Match: *`.
    CompleteToAbsent,
    /// An assembled copy only over the version looked at: `CompleteMultipartUpload` with `If-Match`.
    CompleteOver,
    /// A delete only of the version looked at: `DeleteObject` with `If-Match`.
    Delete,
    /// A delete of many keys, each only of the version looked at: `DeleteObjects` with an `ETag` each.
    DeleteMany,
}

impl Condition {
    /// Every condition, in the order of the table that doctor prints.
    pub const ALL: [Self; 9] = [
        Self::UploadOnce,
        Self::CopySource,
        Self::CopyToAbsent,
        Self::CopyOver,
        Self::PartSource,
        Self::CompleteToAbsent,
        Self::CompleteOver,
        Self::Delete,
        Self::DeleteMany,
    ];
}

impl fmt::Display for Condition {
    /// Writes S3's names, such as "`CopyObject` with If-Match".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UploadOnce => "PutObject with If-None-Match",
            Self::CopySource => "CopyObject with x-amz-copy-source-if-match",
            Self::CopyToAbsent => "CopyObject with If-None-Match",
            Self::CopyOver => "CopyObject with If-Match",
            Self::PartSource => "UploadPartCopy with x-amz-copy-source-if-match",
            Self::CompleteToAbsent => "CompleteMultipartUpload with If-None-Match",
            Self::CompleteOver => "CompleteMultipartUpload with If-Match",
            Self::Delete => "DeleteObject with If-Match",
            Self::DeleteMany => "DeleteObjects with an ETag per key",
        })
    }
}

/// The behaviour of a store with a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Support {
    /// The call is done where the condition holds, and changes nothing where it does not.
    Honoured,
    /// The call is done whether the condition holds or not.
    Ignored,
    /// The call is not done at all where the condition is sent, even if it holds.
    Refused,
}

/// The behaviour of a store with each condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capabilities([Support; Condition::ALL.len()]);

impl Capabilities {
    /// A store that honours everything.
    pub const ALL: Self = Self([Support::Honoured; Condition::ALL.len()]);

    /// A store that honours nothing, which must be assumed of one that was not probed.
    pub const NONE: Self = Self([Support::Ignored; Condition::ALL.len()]);

    /// Returns these, but for one condition.
    #[must_use]
    pub const fn with(mut self, condition: Condition, support: Support) -> Self {
        self.0[condition as usize] = support;
        self
    }

    /// Returns the behaviour with a condition.
    pub fn of(&self, condition: Condition) -> Support {
        self.0[condition as usize]
    }

    /// Returns `true` if the store can be relied on for a condition.
    pub fn honours(&self, condition: Condition) -> bool {
        self.of(condition) == Support::Honoured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_kept_apart() {
        for (place, condition) in Condition::ALL.into_iter().enumerate() {
            assert_eq!(condition as usize, place);
            let lacking = Capabilities::ALL.with(condition, Support::Ignored);
            for other in Condition::ALL {
                assert_eq!(lacking.honours(other), other != condition);
            }
        }
    }
}
