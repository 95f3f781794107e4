//! The keys that the server has to itself in the draft bucket.

/// The prefix of every key that the server makes in the draft bucket. Object names cannot begin with it.
///
/// The prefix holds, in the order of keys: 256 shards of unique drafts, then the settlements of batches and the notes on staged copies.
pub const RESERVED_PREFIX: &str = ".drafts/";

/// The last of the shards.
pub(crate) const LAST_SHARD: u8 = u8::MAX;

/// Returns the prefix of a shard's keys.
pub(crate) fn shard_prefix(shard: u8) -> String {
    format!("{RESERVED_PREFIX}{shard:02x}/")
}
