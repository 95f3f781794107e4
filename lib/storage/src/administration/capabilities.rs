//! Conditional requests, and how far a store enforces them.

use std::fmt;

/// A condition that DraftStore sends with a call, and that some stores ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// Upload only if the key is free: `PutObject` with `If-None-Match: *`.
    UploadOnce,
    /// Copy only an expected version of the source: `CopyObject` with `x-amz-copy-source-if-match`.
    CopySource,
    /// Copy only if the destination is free: `CopyObject` with `If-None-Match: *`.
    CopyToAbsent,
    /// Replace only an expected version of the destination: `CopyObject` with `If-Match`.
    CopyOver,
    /// Copy a part only of an expected version: `UploadPartCopy` with `x-amz-copy-source-if-match`.
    PartSource,
    /// Complete an upload only if the key is free: `CompleteMultipartUpload` with `If-None-Match: *`.
    CompleteToAbsent,
    /// Complete an upload only over an expected version: `CompleteMultipartUpload` with `If-Match`.
    CompleteOver,
    /// Delete only an expected version: `DeleteObject` with `If-Match`.
    Delete,
    /// Delete many keys, each only in an expected version: `DeleteObjects` with an `ETag` per key.
    DeleteMany,
    /// Copy a part of the named source and no other: `UploadPartCopy` of a key with a percent sign.
    ///
    /// Not a condition, but ignored like one: a store that decodes the source twice copies `a b` for `a%20b`.
    PartSourceKey,
    /// Give a copy, and each copied part, the MD5 of its bytes as `ETag`.
    ///
    /// Not a condition, but a proof: a copy of another version than the one meant is found by its `ETag`.
    CopyMd5,
    /// List the parts of an upload in progress: `ListParts`.
    ///
    /// Not a condition, but failed like a call: without the list no upload in parts can be completed.
    ListParts,
}

impl Condition {
    /// All conditions, in the order of the table that doctor prints.
    pub const ALL: [Self; 12] = [
        Self::UploadOnce,
        Self::CopySource,
        Self::CopyToAbsent,
        Self::CopyOver,
        Self::PartSource,
        Self::CompleteToAbsent,
        Self::CompleteOver,
        Self::Delete,
        Self::DeleteMany,
        Self::PartSourceKey,
        Self::CopyMd5,
        Self::ListParts,
    ];
}

impl fmt::Display for Condition {
    /// Formats the condition by S3's names, such as "`CopyObject` with If-Match".
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
            Self::PartSourceKey => "UploadPartCopy of a key with %",
            Self::CopyMd5 => "ETag of a copy is its MD5",
            Self::ListParts => "ListParts of an upload in progress",
        })
    }
}

/// The behaviour of a store with a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Support {
    /// The call takes effect if the condition holds, and changes nothing otherwise.
    Honoured,
    /// The call checks the condition before it acts: a change in between by another call goes unnoticed.
    NotAtomic,
    /// The call takes effect even if the condition does not hold.
    Ignored,
    /// The call fails if the condition is sent, even if it holds.
    Refused,
    /// The call fails, or does not do what it should, even without the condition.
    Failed,
}

/// The behaviour of a store with each condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capabilities([Support; Condition::ALL.len()]);

impl Capabilities {
    /// The capabilities of a store that honours every condition.
    pub const ALL: Self = Self([Support::Honoured; Condition::ALL.len()]);

    /// The capabilities of a store that honours no condition. Assumed of a store until it is probed.
    pub const NONE: Self = Self([Support::Ignored; Condition::ALL.len()]);

    /// Returns the capabilities with the support for one condition replaced.
    #[must_use]
    pub const fn with(mut self, condition: Condition, support: Support) -> Self {
        self.0[condition as usize] = support;
        self
    }

    /// Returns the store's behaviour with a condition.
    pub fn of(&self, condition: Condition) -> Support {
        self.0[condition as usize]
    }

    /// Returns `true` if the store honours the condition.
    pub fn honours(&self, condition: Condition) -> bool {
        self.of(condition) == Support::Honoured
    }

    /// Returns `true` if the call of the condition works, with or without it.
    pub fn works(&self, condition: Condition) -> bool {
        self.of(condition) != Support::Failed
    }

    /// Returns `true` if drafts of up to 5 GiB can be confirmed: by one copy of the version that was looked up, or in parts.
    pub fn can_confirm(&self) -> bool {
        self.honours(Condition::CopySource) || self.can_confirm_in_parts()
    }

    /// Returns `true` if drafts can be copied in parts.
    pub fn can_confirm_in_parts(&self) -> bool {
        self.works(Condition::PartSource) && self.works(Condition::CompleteToAbsent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_has_its_own_support() {
        for (place, condition) in Condition::ALL.into_iter().enumerate() {
            assert_eq!(condition as usize, place);
            let lacking = Capabilities::ALL.with(condition, Support::Ignored);
            for other in Condition::ALL {
                assert_eq!(lacking.honours(other), other != condition);
            }
        }
    }
}
