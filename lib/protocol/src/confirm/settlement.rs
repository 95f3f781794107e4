//! The object by which an atomic batch says that it takes nothing back any more.
//!
//! It is the point of no return: before it, what the batch put into main may go again; after it, anybody may be answered by
//! it. It is needed for as long as the batch could have taken something back, and swept like any old object.

use draftstore_storage::ObjectKey;

use super::marker::BatchId;
use crate::keys::RESERVED_PREFIX;

/// Behind every shard of unique drafts in the order of keys.
const SETTLED_PREFIX: &str = "settled/";

/// Returns the key of a batch's settlement: `.drafts/settled/<batch>`.
///
/// # Panics
/// Never: such a key has 42 bytes.
pub fn settlement_key(batch: BatchId) -> ObjectKey {
    let key = format!("{RESERVED_PREFIX}{SETTLED_PREFIX}{batch}");
    ObjectKey::new(key).expect("a short key of letters and digits")
}
