//! The settlement of an atomic batch, an object which shows that the batch undoes nothing any more.
//!
//! The settlement is the point of no return. Before it, the batch may undo its objects in main. After it, other confirms
//! may report success by them. It is needed until the batch's deadline, and is then swept like any expired object.

use draftstore_storage::ObjectKey;

use super::marker::BatchId;
use crate::keys::RESERVED_PREFIX;

/// The prefix of settlements. It sorts after every shard of unique drafts.
const SETTLED_PREFIX: &str = "settled/";

/// Returns the key of a batch's settlement: `.drafts/settled/<batch>`.
///
/// # Panics
/// Never: such a key has 42 bytes.
pub fn settlement_key(batch: BatchId) -> ObjectKey {
    let key = format!("{RESERVED_PREFIX}{SETTLED_PREFIX}{batch}");
    ObjectKey::new(key).expect("the key is short, of letters and digits")
}
