//! The sweep, which removes expired drafts and uploads from the draft bucket, and nothing else.
//!
//! - It deletes nothing in main. In main it only aborts multipart uploads in progress that a confirm began and a crash
//!   left, by the notes of the confirm in the draft bucket.
//! - The ID of a unique draft contains its expiry, and a shard is read only up to the first draft that has not expired.
//!   The cost of a sweep depends on the number of expired drafts, not on the number of stored ones.
//! - The age of everything else is measured by the store's own clock, which the store sends with each page. A sweep on
//!   a machine whose clock runs ahead deletes nothing early.
//! - It deletes only the version that it listed. A draft that was uploaded again in between stays. If the store ignores
//!   that condition, it looks up the draft just before. Expired unique drafts need neither, since no URL can write to
//!   them any more.
//! - A named multipart object lives twice as long. Many stores give it the date at which its upload *began*, and an
//!   upload may take a whole lifetime before it is aborted.
//! - It lists and deletes concurrently, within bounds. Its memory does not grow with the bucket.
//! - Several sweeps can share a bucket, each with its own [`Slice`]. Together they do the work of one.
//!
//! `pass` has these rules, and `walk` has the order in which keys are read.

mod bounds;
mod brakes;
mod effect;
mod expiry;
mod pass;
mod rules;
mod slice;
mod summary;
#[cfg(test)]
mod tests;
mod walk;

pub use bounds::Bounds;
pub use brakes::{Brakes, Fraction, InvalidFraction};
pub use effect::{Answer, Effect, Found, Job, Next, Stop};
pub use expiry::{Expiry, expires_at};
pub use pass::Pass;
pub use rules::{Mode, Rules};
pub(crate) use slice::KeyRange;
pub use slice::Slice;
pub use summary::{Brake, Summary};
