//! The random ID of a blob, and the path of its file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 128 random bits. IDs are never reused and never derived from a key or from content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct BlobId(u128);

impl BlobId {
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// The number that is the blob's key in the index.
    pub(crate) fn number(self) -> u128 {
        self.0
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        let canonical = name.len() == 32 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        canonical
            .then(|| u128::from_str_radix(name, 16).ok().map(Self))
            .flatten()
    }

    /// The names of the 256 directories that the files are spread over, by the first byte of their IDs.
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
    fn id_parses_back_and_belongs_to_its_shard() {
        let id = BlobId::random();
        assert_eq!(BlobId::parse(&id.to_string()), Some(id));
        assert!(BlobId::shards().any(|shard| shard == id.shard()));
        assert_eq!(BlobId::parse("0"), None);
        assert_eq!(BlobId::parse(&"+".repeat(32)), None);
    }
}
