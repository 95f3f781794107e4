//! `DeleteObject` and `DeleteObjects`.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use draftstore_storage::{ETag, Error, ObjectKey, Operation};

use super::Seen;
use super::scratch::{Scratch, answer, is_trouble};
use crate::error::kind_of_code;

/// Tries `If-Match`.
pub(super) async fn one(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (replaced, meant, other, etag) = objects(scratch).await?;
    for (key, etag) in [(&replaced, &other), (&meant, &etag)] {
        delete(scratch, key, etag).await?;
    }
    seen(scratch, &replaced, &meant).await
}

/// Tries an `ETag` for each key.
pub(super) async fn many(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (replaced, meant, other, etag) = objects(scratch).await?;
    for (key, etag) in [(&replaced, &other), (&meant, &etag)] {
        delete_listed(scratch, key, Some(etag)).await?;
    }
    seen(scratch, &replaced, &meant).await
}

/// Creates two objects, and returns them with an `ETag` that the first does not have, and that of the second.
async fn objects(scratch: &mut Scratch<'_>) -> Result<(ObjectKey, ObjectKey, ETag, ETag), Error> {
    let (replaced, other) = scratch.object("replaced", b"before").await?;
    scratch.put(&replaced, b"now").await?;
    let (meant, etag) = scratch.object("meant", b"old").await?;
    Ok((replaced, meant, other, etag))
}

async fn seen(scratch: &Scratch<'_>, replaced: &ObjectKey, meant: &ObjectKey) -> Result<Seen, Error> {
    Ok(Seen {
        held_back: scratch.holds(replaced, b"now").await?,
        done: scratch.is_absent(meant).await?,
    })
}

pub(super) async fn delete(scratch: &Scratch<'_>, key: &ObjectKey, etag: &ETag) -> Result<(), Error> {
    let request = scratch.s3.client.delete_object();
    let request = request.bucket(scratch.bucket()).key(key.as_str());
    let deleted = request.if_match(etag.quoted()).send().await;
    answer(scratch.call(Operation::DeleteObject, key), deleted)?;
    Ok(())
}

pub(super) async fn delete_listed(scratch: &Scratch<'_>, key: &ObjectKey, etag: Option<&ETag>) -> Result<(), Error> {
    let call = scratch.call(Operation::DeleteObjects, key);
    let listed = ObjectIdentifier::builder()
        .key(key.as_str())
        .set_e_tag(etag.map(ETag::quoted));
    let listed = listed.build().map_err(|error| call.unexpected(error.to_string()))?;
    let delete = Delete::builder().objects(listed).quiet(true).build();
    let delete = delete.map_err(|error| call.unexpected(error.to_string()))?;
    let request = scratch.s3.client.delete_objects().bucket(scratch.bucket());
    let Some(deleted) = answer(call, request.delete(delete).send().await)? else {
        return Ok(());
    };
    for error in deleted.errors() {
        let code = error.code().unwrap_or_default();
        if let Some(kind) = kind_of_code(code).filter(|kind| is_trouble(*kind)) {
            return Err(call.refused_key(kind, code, error.message().unwrap_or_default()));
        }
    }
    Ok(())
}
