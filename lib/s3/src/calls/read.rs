//! `GetObject`, for ranges of drafts.

use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use draftstore_storage::{ETag, Error, ErrorKind, Operation, ReadDraft};
use tokio::time::timeout;

use crate::S3Storage;
use crate::error::Call;

/// Reads a range. The body has a timeout of its own, that of a whole call: the SDK's ends with the head of the response.
pub(crate) async fn read_draft(s3: &S3Storage, read: &ReadDraft<'_>) -> Result<Vec<u8>, Error> {
    let call = Call::on_key(Operation::GetObject, read.bucket.name(), read.key);
    let len = read.range.end.checked_sub(read.range.start);
    let Some(len) = len.filter(|len| (1..=ReadDraft::MAX_BYTES).contains(len)) else {
        return Err(call.unexpected(format!("a range must have 1 to {} bytes", ReadDraft::MAX_BYTES)));
    };
    let request = s3
        .client
        .get_object()
        .bucket(read.bucket.name().as_str())
        .key(read.key.as_str())
        .if_match(read.etag.quoted())
        .range(format!("bytes={}-{}", read.range.start, read.range.end - 1));
    let answer = request.send().await.map_err(|error| failed(call, &error))?;
    let etag: Option<ETag> = answer.e_tag().and_then(|etag| etag.parse().ok());
    match etag {
        Some(etag) if etag == *read.etag => {}
        Some(_) => return Err(call.changed("the answer is of another version")),
        None => return Err(call.unexpected("the answer lacks an ETag")),
    }
    if !is_of_range(&answer, read, len) {
        return Err(call.unexpected("the answer is not the range that was asked for"));
    }
    let body = timeout(s3.timeouts.call, body(call, answer.body, len)).await;
    body.unwrap_or_else(|_| Err(call.cut_short("the body did not arrive in time")))
}

/// Returns `true` if the answer has exactly the range. A store may leave out the description of one that is the whole draft.
fn is_of_range(answer: &GetObjectOutput, read: &ReadDraft<'_>, len: u64) -> bool {
    let is_whole = read.range.start == 0;
    let described = format!("bytes {}-{}/", read.range.start, read.range.end - 1);
    answer.content_length().and_then(|bytes| u64::try_from(bytes).ok()) == Some(len)
        && answer
            .content_range()
            .map_or(is_whole, |range| range.starts_with(&described))
}

/// Collects the body, and never holds more than the range, whatever the store sends.
async fn body(call: Call<'_>, mut stream: ByteStream, len: u64) -> Result<Vec<u8>, Error> {
    let len = usize::try_from(len).map_err(|_| call.unexpected("the range does not fit in memory"))?;
    let mut bytes = Vec::with_capacity(len);
    while let Some(chunk) = stream.try_next().await.map_err(|error| call.broken_off(&error))? {
        if chunk.len() > len - bytes.len() {
            return Err(call.unexpected("the answer is longer than the range"));
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.len() < len {
        return Err(call.cut_short("the answer is shorter than the range"));
    }
    Ok(bytes)
}

/// Returns the error of a read. A missing draft is an error of S3's model, and a range beyond the end is unexpected.
fn failed(call: Call<'_>, error: &SdkError<GetObjectError>) -> Error {
    let mut failed = call.failed(error);
    if error.as_service_error().and_then(GetObjectError::code) == Some("InvalidRange") {
        failed.kind = ErrorKind::Unexpected;
    }
    failed
}
