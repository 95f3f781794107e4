//! Administration of buckets, and the probe of a store.

mod capabilities;
mod cors;
mod features;
mod lifecycle;

use std::fmt;

use async_trait::async_trait;

use crate::{BucketName, DraftBucket, Error, MainBucket, ObjectKey};

pub use capabilities::{Capabilities, Condition, Support};
pub use cors::CorsRule;
pub use features::{Feature, Features};
pub use lifecycle::{Lifecycle, NoncurrentRule, Transition};

/// Creates and configures the buckets of a store, and probes the store.
#[async_trait]
pub trait Administration: Send + Sync + fmt::Debug {
    /// Creates the bucket if it does not exist. Idempotent.
    async fn create_bucket(&self, bucket: &BucketName) -> Result<Created, Error>;

    /// Replaces the bucket's CORS rules by one rule. Idempotent.
    ///
    /// Fails with kind `Unsupported` if the store does not implement the call.
    async fn put_cors(&self, bucket: &BucketName, rule: &CorsRule) -> Result<(), Error>;

    /// Returns true if main has, or once had, versioning.
    async fn has_versions(&self, bucket: &MainBucket) -> Result<bool, Error>;

    /// Returns the ages at which the store itself removes objects and uploads from the draft bucket.
    ///
    /// Fails with kind `Unsupported` if the store does not implement the call.
    async fn get_lifecycle(&self, bucket: &DraftBucket) -> Result<Lifecycle, Error>;

    /// Returns the rules by which the store removes older versions of objects in main.
    ///
    /// Fails with kind `Unsupported` if the store does not implement the call.
    async fn noncurrent_rules(&self, bucket: &MainBucket) -> Result<Vec<NoncurrentRule>, Error>;

    /// Sets the ages at which the store itself removes objects and uploads. Keeps the other rules of the bucket.
    /// Idempotent.
    ///
    /// Fails with kind `Unsupported` if the store does not implement the call.
    async fn put_lifecycle(&self, bucket: &DraftBucket, lifecycle: &Lifecycle) -> Result<(), Error>;

    /// Returns the rules by which the store itself moves objects in main to other storage classes. Rules that select by more than
    /// the prefix are left out.
    ///
    /// Fails with kind `Unsupported` if the store does not implement the call.
    async fn transitions(&self, bucket: &MainBucket) -> Result<Vec<Transition>, Error>;

    /// Replaces the rules that an earlier call has set. Keeps the other rules of the bucket. If there is nothing to change, makes
    /// no call that writes. Idempotent.
    ///
    /// Fails with kind `Unsupported` if the store does not implement the call.
    async fn put_transitions(&self, bucket: &MainBucket, transitions: &[Transition]) -> Result<(), Error>;

    /// Finds out which conditions the store enforces, from the objects that result and not from the responses. Each call
    /// is tried without a condition first, then with one, and then with one in races.
    ///
    /// The probe writes only to the draft bucket, to keys under the prefix. Nothing else may use that prefix during the
    /// probe. The probe removes its objects on a best-effort basis. After a probe, no call sends a condition that was
    /// found [`Support::Refused`] or [`Support::Failed`]. Before it, every condition is sent.
    ///
    /// Fails with kind `BucketNotFound` if the bucket does not exist, `CredentialsRefused` if the store forbids one of
    /// the calls, and `Unavailable` if the store fails. A failed probe changes nothing that was known before.
    async fn probe(&self, bucket: &DraftBucket, prefix: &ObjectKey) -> Result<Capabilities, Error>;

    /// Finds out which features the store has, from the objects that result: a store may ignore what it lacks. Writes to
    /// the draft bucket alone, as [`Administration::probe`] does. Reads if main has object lock.
    ///
    /// Its errors are those of [`Administration::probe`].
    async fn features(&self, draft: &DraftBucket, main: &MainBucket, prefix: &ObjectKey) -> Result<Features, Error>;
}

/// The outcome of [`Administration::create_bucket`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The call created the bucket.
    Now,
    /// The bucket existed before, and the credentials may use it.
    Before,
}
