//! Buckets and their rules, and what a store enforces.

mod capabilities;
mod cors;
mod lifecycle;

use std::fmt;

use async_trait::async_trait;

use crate::{BucketName, DraftBucket, Error, ObjectKey};

pub use capabilities::{Capabilities, Condition, Support};
pub use cors::CorsRule;
pub use lifecycle::Lifecycle;

/// The buckets of a store and the rules on them.
#[async_trait]
pub trait Administration: Send + Sync + fmt::Debug {
    /// Makes the bucket where it is missing. Idempotent.
    async fn create_bucket(&self, bucket: &BucketName) -> Result<Created, Error>;

    /// Replaces the bucket's CORS rules by this one. Idempotent. Kind `Unsupported` where the store has no such call.
    async fn put_cors(&self, bucket: &BucketName, rule: &CorsRule) -> Result<(), Error>;

    /// Returns what the store removes from the draft bucket by itself. Kind `Unsupported` where the store has no such
    /// call.
    async fn get_lifecycle(&self, bucket: &DraftBucket) -> Result<Lifecycle, Error>;

    /// Sets the ages at which the store removes things by itself, and keeps the other rules of the bucket. Idempotent.
    /// Kind `Unsupported` where the store has no such call.
    async fn put_lifecycle(&self, bucket: &DraftBucket, lifecycle: &Lifecycle) -> Result<(), Error>;

    /// Finds out which conditions the store enforces, judging by the bytes that result.
    ///
    /// Works in the draft bucket alone, on keys of its own under the prefix, which nothing else may use meanwhile, and
    /// cleans up after itself on a best-effort basis. From then on no call carries a condition that was found
    /// [`Support::Refused`]; before, all are sent.
    ///
    /// Kind `BucketNotFound` when the bucket is missing, `CredentialsRefused` when the store forbids one of the calls,
    /// `Unavailable` when it fails. Nothing new is known then, and what was known stays.
    async fn probe(&self, bucket: &DraftBucket, prefix: &ObjectKey) -> Result<Capabilities, Error>;
}

/// The outcome of [`Administration::create_bucket`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The bucket was made.
    Now,
    /// The bucket was there, and our credentials may use it.
    Before,
}
