//! The random name of a blob, and where its file lies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 128 random bits; never reused, never derived from a key or from content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct BlobId(u128);

impl BlobId {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// The number that is its key in the index.
    pub(crate) fn number(self) -> u128 {
        self.0
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let canonical = name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        canonical
            .then(|| u128::from_str_radix(name, 16).ok().map(Self))
            .flatten()
    }

    /// Names of the directories that share out the files: 256, by the first byte.
    pub(super) fn shards() -> impl Iterator<Item = String> {
        (0..=u8::MAX).map(|byte| format!("{byte:02x}"))
    }

    pub(super) fn shard(self) -> String {
        format!("{:02x}", self.0 >> 120)
    }

    pub(super) fn path(self) -> String {
        format!("{}/{self}", self.shard())
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_lies_in_its_shard() {
        let id = BlobId::random();
        assert_eq!(BlobId::parse(&id.to_string()), Some(id));
        assert!(BlobId::shards().any(|shard| shard == id.shard()));
        assert_eq!(BlobId::parse("0"), None);
        assert_eq!(BlobId::parse(&"+".repeat(32)), None);
    }
}
