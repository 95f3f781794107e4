//! `CopyObject`.

use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use draftstore_storage::{Error, ObjectKey, Operation};

use super::Seen;
use super::scratch::{Scratch, answer};
use crate::copy_source::copy_source;

/// Tries `x-amz-copy-source-if-match`.
pub(super) async fn source(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (source, before) = scratch.object("source", b"before").await?;
    let now = scratch.put(&source, b"now").await?;
    let (of_before, of_now) = (scratch.key("of-before")?, scratch.key("of-now")?);
    for (target, etag) in [(&of_before, before), (&of_now, now)] {
        copy(scratch, &source, target, |copy| {
            copy.copy_source_if_match(etag.quoted())
        })
        .await?;
    }
    Ok(Seen {
        held_back: scratch.is_absent(&of_before).await?,
        done: scratch.holds(&of_now, b"now").await?,
    })
}

/// Tries `If-None-Match: *`.
pub(super) async fn to_absent(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (source, _) = scratch.object("source", b"new").await?;
    let (taken, _) = scratch.object("taken", b"old").await?;
    let free = scratch.key("free")?;
    for target in [&taken, &free] {
        copy(scratch, &source, target, |copy| copy.if_none_match("*")).await?;
    }
    Ok(Seen {
        held_back: scratch.holds(&taken, b"old").await?,
        done: scratch.holds(&free, b"new").await?,
    })
}

/// Tries `If-Match`: over another version, over nothing, over the right version.
pub(super) async fn over(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (source, other) = scratch.object("source", b"new").await?;
    let (replaced, _) = scratch.object("replaced", b"old").await?;
    let gone = scratch.key("gone")?;
    let (meant, etag) = scratch.object("meant", b"old").await?;
    for (target, etag) in [(&replaced, &other), (&gone, &other), (&meant, &etag)] {
        copy(scratch, &source, target, |copy| copy.if_match(etag.quoted())).await?;
    }
    Ok(Seen {
        held_back: scratch.holds(&replaced, b"old").await? && scratch.is_absent(&gone).await?,
        done: scratch.holds(&meant, b"new").await?,
    })
}

/// Returns `true` if the store reports that it made the copy.
pub(super) async fn copy(
    scratch: &Scratch<'_>,
    source: &ObjectKey,
    target: &ObjectKey,
    under_condition: impl FnOnce(CopyObjectFluentBuilder) -> CopyObjectFluentBuilder,
) -> Result<bool, Error> {
    let request = scratch
        .s3
        .client
        .copy_object()
        .bucket(scratch.bucket())
        .key(target.as_str())
        .copy_source(copy_source(scratch.bucket_name(), source));
    let request = under_condition(request);
    let copied = answer(scratch.call(Operation::CopyObject, target), request.send().await)?;
    Ok(copied.is_some())
}
