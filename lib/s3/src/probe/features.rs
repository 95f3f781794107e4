//! The features that the store has, by the objects that result.

use draftstore_storage::StorageOptions;
use draftstore_storage::{
    DraftBucket, Encryption, Error, ErrorKind, Feature, Features, MainBucket, ObjectKey, Operation,
};

use super::scratch::{Scratch, answer};
use crate::S3Storage;
use crate::calls::{option_headers, with_headers};
use crate::error::Call;

/// A class that every store with classes has, and that costs nothing to leave.
const CLASS: &str = "REDUCED_REDUNDANCY";

/// Puts an object with each option, and looks at what became of it.
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
    let tags = StorageOptions {
        tags: [("probe".to_owned(), "1".to_owned())].into(),
        ..StorageOptions::NONE
    };
    let class = StorageOptions {
        storage_class: Some(CLASS.to_owned()),
        ..StorageOptions::NONE
    };
    let encryption = StorageOptions {
        encryption: Some(Encryption::Store),
        ..StorageOptions::NONE
    };
    Ok(Features::default()
        .with(Feature::Tags, has_tag(scratch, &tags).await?)
        .with(Feature::StorageClasses, has_class(scratch, &class).await?)
        .with(Feature::Encryption, is_encrypted(scratch, &encryption).await?)
        .with(Feature::ObjectLock, has_object_lock(scratch.s3, main).await?))
}

/// Puts an object with these options. Returns `None` where the store refuses that.
async fn put(scratch: &Scratch<'_>, name: &str, options: &StorageOptions) -> Result<Option<ObjectKey>, Error> {
    let key = scratch.key(name)?;
    let headers = option_headers(options);
    let put = scratch
        .s3
        .client
        .put_object()
        .bucket(scratch.bucket())
        .key(key.as_str());
    let put = put
        .customize()
        .map_request(move |request| with_headers(request, &headers))
        .send()
        .await;
    let put = answer(scratch.call(Operation::PutObject, &key), put)?;
    Ok(put.map(|_| key))
}

async fn has_tag(scratch: &Scratch<'_>, options: &StorageOptions) -> Result<bool, Error> {
    let Some(key) = put(scratch, "tags", options).await? else {
        return Ok(false);
    };
    let tags = scratch.s3.client.get_object_tagging();
    let tags = tags.bucket(scratch.bucket()).key(key.as_str()).send().await;
    let tags = answer(scratch.call(Operation::GetObjectTagging, &key), tags)?;
    Ok(tags.is_some_and(|tags| {
        tags.tag_set()
            .iter()
            .any(|tag| tag.key() == "probe" && tag.value() == "1")
    }))
}

async fn has_class(scratch: &Scratch<'_>, options: &StorageOptions) -> Result<bool, Error> {
    let Some(key) = put(scratch, "class", options).await? else {
        return Ok(false);
    };
    let head = scratch.s3.client.head_object();
    let head = head.bucket(scratch.bucket()).key(key.as_str()).send().await;
    let head = answer(scratch.call(Operation::HeadObject, &key), head)?;
    Ok(head.is_some_and(|head| head.storage_class().is_some_and(|class| class.as_str() == CLASS)))
}

async fn is_encrypted(scratch: &Scratch<'_>, options: &StorageOptions) -> Result<bool, Error> {
    let encrypted = match put(scratch, "encryption", options).await {
        // A store without keys, such as SeaweedFS, answers 500. If it stores the object as it is, only that does not work.
        Err(error) if error.kind == ErrorKind::Unavailable => {
            put(scratch, "plain", &StorageOptions::NONE).await?;
            None
        }
        encrypted => encrypted?,
    };
    let Some(key) = encrypted else {
        return Ok(false);
    };
    let head = scratch.s3.client.head_object();
    let head = head.bucket(scratch.bucket()).key(key.as_str()).send().await;
    let head = answer(scratch.call(Operation::HeadObject, &key), head)?;
    Ok(head.is_some_and(|head| head.server_side_encryption().is_some()))
}

async fn has_object_lock(s3: &S3Storage, main: &MainBucket) -> Result<bool, Error> {
    let call = Call::on_bucket(Operation::GetObjectLockConfiguration, main.name());
    let request = s3.client.get_object_lock_configuration().bucket(main.name().as_str());
    match request.send().await {
        Ok(found) => {
            let lock = found.object_lock_configuration();
            Ok(lock.is_some_and(|lock| lock.object_lock_enabled().is_some()))
        }
        Err(error) => match call.failed(&error) {
            error
                if matches!(
                    error.kind,
                    ErrorKind::Unavailable | ErrorKind::BucketNotFound | ErrorKind::CredentialsRefused
                ) =>
            {
                Err(error)
            }
            // There is no configuration, or no such call.
            _ => Ok(false),
        },
    }
}
