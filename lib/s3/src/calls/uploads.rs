//! `ListMultipartUploads` and `AbortMultipartUpload`.

use aws_sdk_s3::types::{EncodingType, MultipartUpload};
use draftstore_storage::{
    BucketName, Error, ErrorKind, ListUploads, ListedUpload, ObjectKey, Operation, UploadCursor, UploadId, UploadPage,
};

use crate::S3Storage;
use crate::error::Call;
use crate::listing::{decoded, key, time};
use crate::store_time::StoreTime;

pub(crate) async fn list_uploads(
    s3: &S3Storage,
    bucket: &BucketName,
    request: &ListUploads,
) -> Result<UploadPage, Error> {
    let call = Call::on_bucket(Operation::ListMultipartUploads, bucket);
    let store_time = StoreTime::default();
    let after = request.after.clone();
    let page = s3
        .client
        .list_multipart_uploads()
        .bucket(bucket.as_str())
        .encoding_type(EncodingType::Url)
        .set_prefix(request.prefix.clone())
        .set_upload_id_marker(after.as_ref().and_then(|after| after.upload_id_marker.clone()))
        .set_key_marker(after.map(|after| after.key_marker))
        .set_max_uploads(request.max_uploads.map(i32::from))
        .customize()
        .interceptor(store_time.clone())
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let encoding = page.encoding_type();
    let uploads = page
        .uploads()
        .iter()
        .map(|upload| listed(call, encoding, upload))
        .collect::<Result<Vec<ListedUpload>, _>>()?;
    let next = match (page.is_truncated(), page.next_key_marker()) {
        (Some(true), Some(marker)) => Some(UploadCursor {
            key_marker: decoded(call, encoding, marker)?,
            upload_id_marker: page.next_upload_id_marker().map(ToOwned::to_owned),
        }),
        // SeaweedFS does not say where the next page begins: after the last upload.
        (Some(true), None) => match uploads.last() {
            Some(last) => Some(UploadCursor {
                key_marker: last.key.to_string(),
                upload_id_marker: Some(last.upload_id.as_str().to_owned()),
            }),
            None => return Err(call.unexpected("the list is cut and says not where to go on")),
        },
        (Some(false) | None, _) => None,
    };
    Ok(UploadPage {
        uploads,
        next,
        store_time: store_time.get(),
    })
}

fn listed(call: Call<'_>, encoding: Option<&EncodingType>, upload: &MultipartUpload) -> Result<ListedUpload, Error> {
    let upload_id = upload
        .upload_id()
        .ok_or_else(|| call.unexpected("an entry of the list lacks an upload ID"))?;
    Ok(ListedUpload {
        key: key(call, encoding, upload.key())?,
        upload_id: UploadId::new(upload_id),
        initiated: time(call, upload.initiated())?,
    })
}

pub(crate) async fn abort(
    s3: &S3Storage,
    bucket: &BucketName,
    key: &ObjectKey,
    upload_id: &UploadId,
) -> Result<(), Error> {
    let call = Call::on_key(Operation::AbortMultipartUpload, bucket, key);
    let request = s3
        .client
        .abort_multipart_upload()
        .bucket(bucket.as_str())
        .key(key.as_str());
    match request.upload_id(upload_id.as_str()).send().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = call.failed(&error);
            if error.kind == ErrorKind::NotFound {
                Ok(())
            } else {
                Err(error)
            }
        }
    }
}
