//! Conditions in races. A store that checks before it acts passes every try that comes alone.

use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use draftstore_storage::{Condition, ETag, Error, ErrorKind, ObjectKey, Operation};
use futures::future::try_join_all;

use super::scratch::{Scratch, answer};
use super::{copy, delete, multipart, upload};

/// The calls of a race for one key. Of these at most one may succeed. SeaweedFS answers the losers a second later, one after
/// the other.
const RACERS: usize = 4;

/// The races of completions, each of a few uploads for a key of its own. SeaweedFS 4.48 lets two uploads of a key succeed
/// in almost half of them.
const COMPLETIONS: usize = 10;

/// The uploads of a race of completions.
const COMPLETERS: usize = 3;

/// The races of two calls, each for a key of its own. A store that loses one in two is found out but for one in 4,000 probes.
const PAIRS: usize = 12;

/// The repetitions of the races of batches of deletes.
const WAVES_OF_MANY: usize = 3;

/// Returns `true` if the condition held in every race.
///
/// # Errors
/// Trouble that says nothing about the condition.
pub(super) async fn holds(scratch: &mut Scratch<'_>, condition: Condition) -> Result<bool, Error> {
    match condition {
        Condition::UploadOnce => once(scratch).await,
        Condition::CopySource => copy_source(scratch).await,
        Condition::CopyToAbsent => copies(scratch, "race-free", |copy, _| copy.if_none_match("*")).await,
        Condition::CopyOver => copies(scratch, "race-taken", |copy, etag| copy.if_match(etag.quoted())).await,
        Condition::PartSource => part_source(scratch).await,
        Condition::CompleteToAbsent => {
            completions(scratch, "race-free", |complete, _| complete.if_none_match("*")).await
        }
        Condition::CompleteOver => {
            completions(scratch, "race-taken", |complete, etag| complete.if_match(etag.quoted())).await
        }
        Condition::Delete => deletes(scratch, false).await,
        Condition::DeleteMany => deletes(scratch, true).await,
        // No conditions, and so without races.
        Condition::PartSourceKey | Condition::CopyMd5 | Condition::ListParts => Ok(true),
    }
}

async fn once(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let key = scratch.key("race")?;
    let scratch = &*scratch;
    let puts = (0..RACERS).map(|_| racer(upload::put(scratch, &key, b"new")));
    Ok(at_most_one(&try_join_all(puts).await?))
}

/// Copies a source while it is replaced. Each copy that succeeds has the bytes of before.
async fn copy_source(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let pairs = pairs(scratch).await?;
    let scratch = &*scratch;
    let races = pairs.iter().map(|Pair { source, etag, target }| async move {
        let condition = |copy: CopyObjectFluentBuilder| copy.copy_source_if_match(etag.quoted());
        let copying = copy::copy(scratch, source, target, condition);
        tokio::try_join!(copying, replace(scratch, source))?;
        Ok(scratch.is_absent(target).await? || scratch.holds(target, b"before").await?)
    });
    Ok(try_join_all(races).await?.into_iter().all(|held| held))
}

/// Copies small parts. A store that refuses those is judged by its other copies.
async fn part_source(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let pairs = pairs(scratch).await?;
    let mut uploads = Vec::new();
    for Pair { target, .. } in &pairs {
        uploads.push(scratch.upload(target).await?);
    }
    let scratch = &*scratch;
    let races = pairs.iter().zip(&uploads).map(|(pair, upload_id)| async move {
        let Pair { source, etag, target } = pair;
        let copying = multipart::copy_part(scratch, source, Some(etag), target, upload_id);
        let (part, ()) = tokio::try_join!(copying, replace(scratch, source))?;
        let Some(part) = part else { return Ok(true) };
        multipart::complete(scratch, target, upload_id, &part, |complete| complete).await?;
        Ok(scratch.is_absent(target).await? || scratch.holds(target, b"before").await?)
    });
    Ok(try_join_all(races).await?.into_iter().all(|held| held))
}

/// Copies many sources to one key, which is taken if the condition names an `ETag`.
async fn copies(
    scratch: &mut Scratch<'_>,
    name: &str,
    condition: impl Fn(CopyObjectFluentBuilder, &ETag) -> CopyObjectFluentBuilder + Sync,
) -> Result<bool, Error> {
    let (source, _) = scratch.object("race-source", b"new").await?;
    let (target, etag) = target(scratch, name).await?;
    let (scratch, condition) = (&*scratch, &condition);
    let copies = (0..RACERS).map(|_| racer(copy::copy(scratch, &source, &target, |copy| condition(copy, &etag))));
    Ok(at_most_one(&try_join_all(copies).await?))
}

/// Completes some uploads of each of several keys.
async fn completions(
    scratch: &mut Scratch<'_>,
    name: &str,
    condition: impl Fn(CompleteMultipartUploadFluentBuilder, &ETag) -> CompleteMultipartUploadFluentBuilder + Sync,
) -> Result<bool, Error> {
    let (scratch, condition) = (&*scratch, &condition);
    let races = (0..COMPLETIONS).map(|race| async move {
        let (target, etag) = target(scratch, &format!("{name}-{race}")).await?;
        let uploads = (0..COMPLETERS).map(|_| multipart::uploaded(scratch, &target));
        let uploads = try_join_all(uploads).await?;
        let completions = uploads.iter().map(|(upload_id, part)| {
            racer(multipart::complete(scratch, &target, upload_id, part, |complete| {
                condition(complete, &etag)
            }))
        });
        Ok(at_most_one(&try_join_all(completions).await?))
    });
    Ok(try_join_all(races).await?.into_iter().all(|held| held))
}

/// Deletes an object while it is replaced. The replacement is there afterwards. SeaweedFS 4.48 loses one in nine to
/// `DeleteObjects`, and none to `DeleteObject`.
async fn deletes(scratch: &mut Scratch<'_>, many: bool) -> Result<bool, Error> {
    let pairs = pairs(scratch).await?;
    let scratch = &*scratch;
    let waves = if many { WAVES_OF_MANY } else { 1 };
    for wave in 0..waves {
        let races = pairs.iter().map(|Pair { source, etag, .. }| async move {
            let replaced;
            let etag = if wave == 0 {
                etag
            } else {
                replaced = scratch.put(source, b"before").await?;
                &replaced
            };
            let deleting = async {
                if many {
                    delete::delete_listed(scratch, source, Some(etag)).await
                } else {
                    delete::delete(scratch, source, etag).await
                }
            };
            tokio::try_join!(deleting, replace(scratch, source))?;
            scratch.holds(source, b"now").await
        });
        if !try_join_all(races).await?.into_iter().all(|held| held) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Replaces an object. The loser of a race may be answered without an `ETag`.
async fn replace(scratch: &Scratch<'_>, key: &ObjectKey) -> Result<(), Error> {
    let request = scratch.s3.client.put_object().bucket(scratch.bucket());
    let request = request.key(key.as_str()).body(ByteStream::from_static(b"now"));
    answer(scratch.call(Operation::PutObject, key), request.send().await)?;
    Ok(())
}

/// An object to be read while it is replaced, and a key to copy it to.
struct Pair {
    source: ObjectKey,
    etag: ETag,
    target: ObjectKey,
}

async fn pairs(scratch: &mut Scratch<'_>) -> Result<Vec<Pair>, Error> {
    let mut keys = Vec::new();
    for number in 0..PAIRS {
        let source = scratch.key(&format!("race-source-{number}"))?;
        keys.push((source, scratch.key(&format!("race-target-{number}"))?));
    }
    let scratch = &*scratch;
    let puts = keys.into_iter().map(|(source, target)| async move {
        let etag = scratch.put(&source, b"before").await?;
        Ok(Pair { source, etag, target })
    });
    try_join_all(puts).await
}

/// A key with nothing there for a name with `race-free`, or an object.
async fn target(scratch: &Scratch<'_>, name: &str) -> Result<(ObjectKey, ETag), Error> {
    let (key, etag) = scratch.object(name, b"old").await?;
    if name.starts_with("race-free") {
        return Ok((scratch.key(&format!("{name}-target"))?, etag));
    }
    Ok((key, etag))
}

/// Returns whether a call to a contested key succeeded. Some stores limit the writes to one key, and refuse the others as too
/// many.
async fn racer(call: impl Future<Output = Result<bool, Error>>) -> Result<bool, Error> {
    match call.await {
        Err(error) if error.kind == ErrorKind::Unavailable => Ok(false),
        succeeded => succeeded,
    }
}

fn at_most_one(succeeded: &[bool]) -> bool {
    succeeded.iter().filter(|succeeded| **succeeded).count() <= 1
}
