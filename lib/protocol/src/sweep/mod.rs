//! The sweep: removes what has expired from the draft bucket, and nothing else from anywhere.
//!
//! - It deletes nothing in main. All that it knows of main are multipart uploads in progress, of which it aborts those that
//!   a confirm began and a crash left, by the notes that the confirm put into the draft bucket.
//! - A unique draft says by its ID when it expires, and a shard of them is read only up to the first that has not: the
//!   cost of a sweep follows what has expired, not what is stored.
//! - It judges the age of everything else by the store's own clock, as the store tells it with each page, so that a
//!   cleaner whose clock runs ahead deletes nothing early.
//! - It deletes only the version that it listed; a draft uploaded again in between stays. Where the store ignores that
//!   condition it looks again just before; expired unique drafts need neither, since no URL can write to them any more.
//! - A named multipart object lives twice as long: many stores date it by when its upload was *begun*, and an upload may
//!   take a whole lifetime before it is aborted.
//! - It reads pages side by side and deletes beside that, and of both there is only so much under way: memory does not grow
//!   with the bucket.
//! - Several sweeps can share a bucket, each its [`Part`]. Together they do what one does.
//!
//! `pass` holds these rules, `walk` the order in which keys are read.

mod bounds;
mod brakes;
mod effect;
mod expiry;
mod part;
mod pass;
mod rules;
mod summary;
#[cfg(test)]
mod tests;
mod walk;

pub use bounds::Bounds;
pub use brakes::{Brakes, Fraction, InvalidFraction};
pub use effect::{Answer, Effect, Found, Job, Next, Stop};
pub use expiry::{Expiry, expires_at};
pub use part::Part;
pub use pass::Pass;
pub use rules::{Mode, Rules};
pub use summary::{Brake, Summary};
