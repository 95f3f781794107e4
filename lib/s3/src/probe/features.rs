//! The features of the store, found by copies, because a confirm copies.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::operation::copy_object::CopyObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{MetadataDirective, ObjectLockLegalHoldStatus, TaggingDirective};
use draftstore_storage::{
    BucketName, DraftBucket, Encryption, Error, ErrorKind, Feature, Features, MainBucket, ObjectKey, Operation,
    Retention, RetentionMode, StorageOptions, VersionId,
};
use tokio::time::sleep;

use super::scratch::{Scratch, answer};
use crate::S3Storage;
use crate::calls::{self, option_headers, with_headers};
use crate::copy_source::copy_source;
use crate::error::Call;

/// A class that every store with classes has, and that has no fee for an early delete.
const CLASS: &str = "REDUCED_REDUNDANCY";

/// The retention of the copy in a bucket with a default retention. Longer than clocks differ, and short enough to wait for.
const SHORT_RETENTION: Duration = Duration::from_secs(5);

/// The resolution of the store's times.
const STORE_TICK: Duration = Duration::from_secs(1);

/// Copies an object with each option, and checks the options of the copy.
pub(crate) async fn features(
    s3: &S3Storage,
    draft: &DraftBucket,
    main: &MainBucket,
    prefix: &ObjectKey,
) -> Result<Features, Error> {
    let scratch = Scratch::new(s3, draft, format!("{prefix}/features"));
    let found = find_out(&scratch, main).await;
    scratch.clear().await;
    found
}

async fn find_out(scratch: &Scratch<'_>, main: &MainBucket) -> Result<Features, Error> {
    let (source, _) = scratch.object("source", b"source").await?;
    let source = Source { scratch, key: source };
    let lock = bucket_lock(scratch.s3, main).await?;
    Ok(Features::default()
        .with(Feature::Tags, source.gives_tag().await?)
        .with(Feature::StorageClasses, source.gives_class().await?)
        .with(Feature::Encryption, source.is_encrypted().await?)
        .with(
            Feature::ObjectLock,
            match lock {
                Some(lock) => source.is_held(main, lock).await?,
                None => false,
            },
        ))
}

/// The object lock of a bucket.
#[derive(Debug, Clone, Copy)]
struct BucketLock {
    /// Set if the bucket gives a retention to objects that have none.
    has_default: bool,
}

async fn bucket_lock(s3: &S3Storage, main: &MainBucket) -> Result<Option<BucketLock>, Error> {
    let call = Call::on_bucket(Operation::GetObjectLockConfiguration, main.name());
    let request = s3.client.get_object_lock_configuration().bucket(main.name().as_str());
    // A refusal says that there is no configuration, or no such call.
    let found = answer(call, request.send().await)?;
    let lock = found.and_then(|found| found.object_lock_configuration);
    let lock = lock.filter(|lock| lock.object_lock_enabled().is_some());
    Ok(lock.map(|lock| BucketLock {
        has_default: lock.rule().is_some_and(|rule| rule.default_retention().is_some()),
    }))
}

/// An object without options, to be copied.
struct Source<'a> {
    scratch: &'a Scratch<'a>,
    key: ObjectKey,
}

impl Source<'_> {
    async fn gives_tag(&self) -> Result<bool, Error> {
        let options = StorageOptions {
            tags: [("probe".to_owned(), "1".to_owned())].into(),
            ..StorageOptions::NONE
        };
        let Some(key) = self.copy("tags", &options).await? else {
            return Ok(false);
        };
        let tags = self.scratch.s3.client.get_object_tagging();
        let tags = tags.bucket(self.scratch.bucket()).key(key.as_str()).send().await;
        let tags = answer(self.scratch.call(Operation::GetObjectTagging, &key), tags)?;
        Ok(tags.is_some_and(|tags| {
            tags.tag_set()
                .iter()
                .any(|tag| tag.key() == "probe" && tag.value() == "1")
        }))
    }

    async fn gives_class(&self) -> Result<bool, Error> {
        let options = StorageOptions {
            storage_class: Some(CLASS.to_owned()),
            ..StorageOptions::NONE
        };
        let Some(key) = self.copy("class", &options).await? else {
            return Ok(false);
        };
        let head = head(self.scratch.s3, self.scratch.bucket_name(), &key, None).await?;
        Ok(head.is_some_and(|head| head.storage_class().is_some_and(|class| class.as_str() == CLASS)))
    }

    async fn is_encrypted(&self) -> Result<bool, Error> {
        let options = StorageOptions {
            encryption: Some(Encryption::Store),
            ..StorageOptions::NONE
        };
        let encrypted = match self.copy("encryption", &options).await {
            // A store without keys, such as SeaweedFS, answers 500. If it copies the object as it is, only that does not work.
            Err(error) if error.kind == ErrorKind::Unavailable => {
                self.copy("plain", &StorageOptions::NONE).await?;
                None
            }
            encrypted => encrypted?,
        };
        let Some(key) = encrypted else {
            return Ok(false);
        };
        let head = head(self.scratch.s3, self.scratch.bucket_name(), &key, None).await?;
        Ok(head.is_some_and(|head| head.server_side_encryption().is_some()))
    }

    /// Copies the object to main under a legal hold, and checks the hold. SeaweedFS 4.48 keeps the lock of a PUT, and drops
    /// that of a copy.
    ///
    /// If the bucket has a default retention, the copy has a short one of its own, and is deleted after its end.
    async fn is_held(&self, main: &MainBucket, lock: BucketLock) -> Result<bool, Error> {
        let retention = lock.has_default.then(|| Retention {
            mode: RetentionMode::Governance,
            until: SystemTime::now() + SHORT_RETENTION,
        });
        let options = StorageOptions {
            legal_hold: Some(true),
            retention,
            ..StorageOptions::NONE
        };
        let (s3, key) = (self.scratch.s3, &self.key);
        let copied = self.copy_to(main.name(), key, &options).await?;
        let Some(version) = copied.and_then(|copied| copied.version_id).map(VersionId::new) else {
            return Ok(false);
        };
        let head = head(s3, main.name(), key, Some(&version)).await;
        // A store that has dropped the hold may refuse to release it.
        let released = calls::put_legal_hold(s3, main, key, &version, false).await;
        if lock.has_default {
            sleep(SHORT_RETENTION + STORE_TICK).await;
        }
        if let Err(error) = calls::delete_one_version(s3, main, key, &version).await {
            tracing::warn!(object.key = %key, %error, is_released = released.is_ok(), "probe left an object in main");
        }
        Ok(head?.is_some_and(|head| head.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On)))
    }

    /// Copies the object within its bucket. Returns `None` where the store refuses that.
    async fn copy(&self, name: &str, options: &StorageOptions) -> Result<Option<ObjectKey>, Error> {
        let key = self.scratch.key(name)?;
        let copied = self.copy_to(self.scratch.bucket_name(), &key, options).await?;
        Ok(copied.map(|_| key))
    }

    async fn copy_to(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        options: &StorageOptions,
    ) -> Result<Option<CopyObjectOutput>, Error> {
        let headers = option_headers(options);
        let request = self
            .scratch
            .s3
            .client
            .copy_object()
            .bucket(bucket.as_str())
            .key(key.as_str())
            .copy_source(copy_source(self.scratch.bucket_name(), &self.key))
            .metadata_directive(MetadataDirective::Replace)
            .set_tagging_directive((!options.tags.is_empty()).then_some(TaggingDirective::Replace));
        let copied = request
            .customize()
            .map_request(move |request| with_headers(request, &headers))
            .send()
            .await;
        answer(Call::on_key(Operation::CopyObject, bucket, key), copied)
    }
}

async fn head(
    s3: &S3Storage,
    bucket: &BucketName,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<Option<HeadObjectOutput>, Error> {
    let request = s3.client.head_object().bucket(bucket.as_str()).key(key.as_str());
    let request = request.set_version_id(version.map(ToString::to_string));
    answer(Call::on_key(Operation::HeadObject, bucket, key), request.send().await)
}
