//! The inventory of the buckets: objects and bytes by stage, bucket, tenant and storage class.
//!
//! - A count lists the draft bucket, main and the buckets of destinations in pages, in the order of keys. It needs one list for 1,000 objects, and
//!   its memory does not grow with the buckets.
//! - Its state is saved in the draft bucket, so that the next sweep continues a count where the last one stopped. The
//!   figures of the last whole count stay until the next one ends.
//! - Every save is a new object under a new generation, written only if there is none yet: of two sweeps that count the
//!   same slice one continues, and no save is torn or mixed.
//! - Each slice of the sweep has an inventory of its own. The figures of all slices together are those of the buckets.
//!
//! The figures are those of a moving target: an object that is written, confirmed or deleted during a count may be counted
//! or not, or in both stages.

mod counts;
mod inventory;
mod inventory_key;
#[cfg(test)]
mod tests;

pub use counts::{Counts, Group, MAX_GROUPS, MAX_SEGMENTS, Usage};
pub use inventory::{Census, CountedBucket, InvalidInventory, Inventory};
pub use inventory_key::InventoryKey;
