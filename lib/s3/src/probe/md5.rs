//! `ETag`s that are the MD5 of the bytes, by which a copy of another version is found.

use draftstore_storage::{ETag, Error, Operation};
use md5::{Digest as _, Md5};

use super::scratch::Scratch;
use super::{Seen, copy, multipart};
use crate::calls;

/// Compares the `ETag`s of a copy and of a copied part with the MD5 of the bytes. An `ETag` of another form is never taken for
/// an MD5.
pub(super) async fn of_copies(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (target, in_parts) = (scratch.key("target")?, scratch.key("in-parts")?);
    let (source, _) = scratch.object("source", b"bytes").await?;
    let mut all_are = true;
    if copy::copy(scratch, &source, &target, |copy| copy).await? {
        let copied = calls::head(scratch.s3, scratch.bucket_name(), &target).await?;
        all_are &= copied.etag.as_str() == hex(b"bytes");
    }
    let call = scratch.call(Operation::UploadPartCopy, &in_parts);
    for size in multipart::SIZES {
        let (bytes, _) = multipart::put_bytes(scratch, &source, b"bytes", size).await?;
        let upload_id = scratch.upload(&in_parts).await?;
        if let Some(etag) = multipart::copy_part(scratch, &source, None, &in_parts, &upload_id).await? {
            let etag: ETag = etag.parse().map_err(|error| call.unexpected(format!("{error}")))?;
            all_are &= !etag.may_be_md5() || etag.as_str() == hex(&bytes);
            break;
        }
    }
    Ok(Seen {
        held_back: all_are,
        done: all_are,
    })
}

fn hex(bytes: &[u8]) -> String {
    let digits = Md5::digest(bytes).into_iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}
