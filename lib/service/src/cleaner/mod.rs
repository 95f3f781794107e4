//! The sweep: removes what has expired from the draft bucket, and nothing else from anywhere.
//!
//! - It never names the main bucket: [`Cleaner`] has none.
//! - A unique draft says by its ID when it expires, and a shard of them is read only up to the first that has not: the
//!   cost of a sweep follows what has expired, not what is stored.
//! - It judges the age of everything else by the store's own clock, as the store tells it with each page, so that a cleaner whose clock runs
//!   ahead deletes nothing early.
//! - It deletes only the version that it listed; a draft uploaded again in between stays.
//! - A named multipart object lives twice as long: many stores date it by when its upload was *begun*, and an upload may
//!   take a whole lifetime before it is aborted.
//! - It reads a page at a time, so memory does not grow with the bucket.

mod brakes;
mod expiry;
mod summary;
mod sweep;

pub use brakes::{Brakes, Fraction, InvalidFraction};
pub use expiry::Expiry;
pub use summary::Summary;
pub use sweep::{Cleaner, Expired, Mode, SweepError};
