//! `PutObject`.

use aws_sdk_s3::primitives::ByteStream;
use draftstore_storage::{Error, ObjectKey, Operation};

use super::Seen;
use super::scratch::{Scratch, answer};

/// Tries `If-None-Match: *`.
pub(super) async fn once(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (taken, _) = scratch.object("taken", b"old").await?;
    put(scratch, &taken, b"new").await?;
    let free = scratch.key("free")?;
    put(scratch, &free, b"new").await?;
    Ok(Seen {
        held_back: scratch.holds(&taken, b"old").await?,
        done: scratch.holds(&free, b"new").await?,
    })
}

/// Returns `true` if the store reports that it stored the object.
pub(super) async fn put(scratch: &Scratch<'_>, key: &ObjectKey, bytes: &'static [u8]) -> Result<bool, Error> {
    let request = scratch
        .s3
        .client
        .put_object()
        .bucket(scratch.bucket())
        .key(key.as_str());
    let request = request.body(ByteStream::from_static(bytes)).if_none_match("*");
    let put = answer(scratch.call(Operation::PutObject, key), request.send().await)?;
    Ok(put.is_some())
}
