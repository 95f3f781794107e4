//! Buckets, their rules, and the probe.

use async_trait::async_trait;
use draftstore_storage::{
    Administration, BucketName, Capabilities, CorsRule, Created, DraftBucket, Error, Features, Lifecycle, MainBucket,
    NoncurrentRule, ObjectKey, Transition,
};

use crate::{S3Storage, calls, probe};

#[async_trait]
impl Administration for S3Storage {
    async fn create_bucket(&self, bucket: &BucketName) -> Result<Created, Error> {
        calls::create_bucket(self, bucket).await
    }

    async fn put_cors(&self, bucket: &BucketName, rule: &CorsRule) -> Result<(), Error> {
        calls::put_cors(self, bucket, rule).await
    }

    async fn has_versions(&self, bucket: &MainBucket) -> Result<bool, Error> {
        calls::has_versions(self, bucket).await
    }

    async fn get_lifecycle(&self, bucket: &DraftBucket) -> Result<Lifecycle, Error> {
        calls::get_lifecycle(self, bucket).await
    }

    async fn noncurrent_rules(&self, bucket: &MainBucket) -> Result<Vec<NoncurrentRule>, Error> {
        calls::noncurrent_rules(self, bucket).await
    }

    async fn put_lifecycle(&self, bucket: &DraftBucket, lifecycle: &Lifecycle) -> Result<(), Error> {
        calls::put_lifecycle(self, bucket, lifecycle).await
    }

    async fn transitions(&self, bucket: &MainBucket) -> Result<Vec<Transition>, Error> {
        calls::transitions(self, bucket).await
    }

    async fn put_transitions(&self, bucket: &MainBucket, transitions: &[Transition]) -> Result<(), Error> {
        calls::put_transitions(self, bucket, transitions).await
    }

    async fn probe(&self, bucket: &DraftBucket, prefix: &ObjectKey) -> Result<Capabilities, Error> {
        probe::probe(self, bucket, prefix).await
    }

    async fn features(&self, draft: &DraftBucket, main: &MainBucket, prefix: &ObjectKey) -> Result<Features, Error> {
        probe::features(self, draft, main, prefix).await
    }
}
