//! `ListObjectsV2`.

use aws_sdk_s3::types::{CommonPrefix, EncodingType, Object};
use draftstore_storage::{BucketName, Error, ListObjects, ListedObject, ObjectPage, Operation};

use crate::S3Storage;
use crate::error::Call;
use crate::listing::{decoded, key, time};
use crate::store_time::StoreTime;

pub(crate) async fn list(s3: &S3Storage, bucket: &BucketName, request: &ListObjects) -> Result<ObjectPage, Error> {
    let call = Call::on_bucket(Operation::ListObjectsV2, bucket);
    let store_time = StoreTime::default();
    let page = s3
        .client
        .list_objects_v2()
        .bucket(bucket.as_str())
        .encoding_type(EncodingType::Url)
        .set_prefix(request.prefix.clone())
        .set_delimiter(request.delimiter.clone())
        .set_start_after(request.start_after.clone())
        .set_continuation_token(request.continuation.clone())
        .set_max_keys(request.max_keys.map(i32::from))
        .customize()
        .interceptor(store_time.clone())
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    // The parser accepts a truncated document.
    let said = page.key_count().and_then(|count| usize::try_from(count).ok());
    if said.is_some_and(|count| count > page.contents().len() + page.common_prefixes().len()) {
        return Err(call.unexpected("the list holds fewer keys than it says"));
    }
    let listed = |object: &Object| listed(call, page.encoding_type(), object);
    let objects = page.contents().iter().map(listed).collect::<Result<_, _>>()?;
    let next = match (page.is_truncated(), page.next_continuation_token()) {
        (Some(true), Some(token)) => Some(token.to_owned()),
        (Some(true), None) => return Err(call.unexpected("the list is cut and says not where to go on")),
        (Some(false) | None, _) => None,
    };
    let prefix = |common: &CommonPrefix| decoded(call, page.encoding_type(), common.prefix().unwrap_or_default());
    let prefixes = page.common_prefixes().iter().map(prefix).collect::<Result<_, _>>()?;
    Ok(ObjectPage {
        objects,
        prefixes,
        next,
        store_time: store_time.get(),
    })
}

fn listed(call: Call<'_>, encoding: Option<&EncodingType>, object: &Object) -> Result<ListedObject, Error> {
    let etag = object.e_tag().and_then(|etag| etag.parse().ok());
    let size = object.size().and_then(|size| size.try_into().ok());
    Ok(ListedObject {
        key: key(call, encoding, object.key())?,
        etag: etag.ok_or_else(|| call.unexpected("an entry of the list lacks a strong ETag"))?,
        size: size.ok_or_else(|| call.unexpected("an entry of the list lacks a size"))?,
        last_modified: time(call, object.last_modified())?,
        storage_class: object.storage_class().map(|class| class.as_str().to_owned()),
    })
}
