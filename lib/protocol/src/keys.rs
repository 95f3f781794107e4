//! The keys of both buckets that are reserved for the server.

/// The prefix of every key that the server creates in the draft bucket. Object names must not begin with it.
///
/// In the order of keys, it contains 256 shards of unique drafts, the settlements of batches, the notes about
/// staged copies, the plans of uploads, the inventories of both buckets, the verdicts of checks, the notes about rejected
/// drafts, the events that endpoints lack, and the feed.
pub const RESERVED_PREFIX: &str = ".drafts/";

/// The prefix of the copies of objects in main that were replaced or deleted. Object names must not begin with it.
pub const REPLACED_PREFIX: &str = ".replaced/";

/// The number of the last shard.
pub(crate) const LAST_SHARD: u8 = u8::MAX;

/// Returns the prefix of a shard's keys.
pub(crate) fn shard_prefix(shard: u8) -> String {
    format!("{RESERVED_PREFIX}{shard:02x}/")
}
