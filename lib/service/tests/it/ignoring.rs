//! Calls to a store that ignores their conditions: they take effect as if the condition held.
//!
//! The embedded store honours every condition, so each call is repeated with the current version until it succeeds.

use draftstore_storage::{
    BucketName, Capabilities, Condition, CopyInMain, CopyToMain, CopyVersion, DraftBucket, DraftVersion, ETag, Error,
    ErrorKind, IfDestination, MainBucket, ObjectKey, Objects, StageCopy, StagedCopy, VersionCopied,
};

pub(crate) async fn copy_to_main(
    store: &dyn Objects,
    honoured: Capabilities,
    copy: &CopyToMain<'_>,
) -> Result<ETag, Error> {
    if honoured == Capabilities::ALL {
        return store.copy_to_main(copy).await;
    }
    loop {
        let draft = store.head(copy.draft_bucket.name(), copy.draft_key).await?.etag;
        let main = version(store, copy.main_bucket.name(), copy.main_key).await?;
        let to = (Condition::CopyToAbsent, Condition::CopyOver);
        let draft_etag = if honoured.honours(Condition::CopySource) {
            copy.draft_etag
        } else {
            &draft
        };
        let asked = CopyToMain {
            draft_etag,
            if_destination: destination(honoured, to, copy.if_destination, main.as_ref()),
            ..copy.clone()
        };
        let copied = store.copy_to_main(&asked).await;
        let unchanged = version(store, copy.main_bucket.name(), copy.main_key).await? == main
            && version(store, copy.draft_bucket.name(), copy.draft_key).await?.as_ref() == Some(&draft);
        if copied.is_ok() || unchanged {
            return copied;
        }
    }
}

pub(crate) async fn stage_copy(
    store: &dyn Objects,
    honoured: Capabilities,
    copy: &StageCopy<'_>,
) -> Result<StagedCopy, Error> {
    if honoured.honours(Condition::PartSource) {
        return store.stage_copy(copy).await;
    }
    let draft = store.head(copy.draft_bucket.name(), copy.draft_key).await?;
    let asked = StageCopy {
        draft_etag: &draft.etag,
        size: draft.size,
        ..copy.clone()
    };
    store.stage_copy(&asked).await
}

pub(crate) async fn complete_copy(
    store: &dyn Objects,
    honoured: Capabilities,
    (bucket, key): (&MainBucket, &ObjectKey),
    staged: &StagedCopy,
    if_destination: IfDestination<'_>,
) -> Result<ETag, Error> {
    if honoured == Capabilities::ALL {
        return store.complete_copy(bucket, key, staged, if_destination).await;
    }
    loop {
        let main = version(store, bucket.name(), key).await?;
        let to = (Condition::CompleteToAbsent, Condition::CompleteOver);
        let to = destination(honoured, to, if_destination, main.as_ref());
        let completed = store.complete_copy(bucket, key, staged, to).await;
        if completed.is_ok() || version(store, bucket.name(), key).await? == main {
            return completed;
        }
    }
}

pub(crate) async fn copy_version(
    store: &dyn Objects,
    honoured: Capabilities,
    copy: &CopyVersion<'_>,
) -> Result<VersionCopied, Error> {
    loop {
        let main = version(store, copy.bucket.name(), copy.key).await?;
        let to = (Condition::CopyToAbsent, Condition::CopyOver);
        let asked = CopyVersion {
            if_destination: destination(honoured, to, copy.if_destination, main.as_ref()),
            ..copy.clone()
        };
        let copied = store.copy_version(&asked).await;
        if copied.is_ok() || version(store, copy.bucket.name(), copy.key).await? == main {
            return copied;
        }
    }
}

pub(crate) async fn copy_in_main(
    store: &dyn Objects,
    honoured: Capabilities,
    copy: &CopyInMain<'_>,
) -> Result<VersionCopied, Error> {
    if honoured == Capabilities::ALL {
        return store.copy_in_main(copy).await;
    }
    loop {
        let source = store.head(copy.bucket.name(), copy.source_key).await?.etag;
        let main = version(store, copy.bucket.name(), copy.key).await?;
        let to = (Condition::CopyToAbsent, Condition::CopyOver);
        let source_etag = if honoured.honours(Condition::CopySource) {
            copy.source_etag
        } else {
            &source
        };
        let asked = CopyInMain {
            source_etag,
            if_destination: destination(honoured, to, copy.if_destination, main.as_ref()),
            ..copy.clone()
        };
        let copied = store.copy_in_main(&asked).await;
        let unchanged = version(store, copy.bucket.name(), copy.key).await? == main
            && version(store, copy.bucket.name(), copy.source_key).await?.as_ref() == Some(&source);
        if copied.is_ok() || unchanged {
            return copied;
        }
    }
}

/// Deletes the current version, whatever it is.
pub(crate) async fn undo_copy(store: &dyn Objects, bucket: &MainBucket, key: &ObjectKey) -> Result<(), Error> {
    while let Some(etag) = version(store, bucket.name(), key).await? {
        match store.undo_copy(bucket, key, &etag).await {
            Err(error) if error.kind == ErrorKind::PreconditionFailed => {}
            undone => return undone,
        }
    }
    Ok(())
}

/// Deletes the current version, whatever it is.
pub(crate) async fn delete_draft(store: &dyn Objects, bucket: &DraftBucket, draft: &DraftVersion) -> Result<(), Error> {
    while let Some(etag) = version(store, bucket.name(), &draft.key).await? {
        let key = draft.key.clone();
        match store.delete_draft(bucket, &DraftVersion { key, etag }).await {
            Err(error) if error.kind == ErrorKind::PreconditionFailed => {}
            deleted => return deleted,
        }
    }
    Ok(())
}

/// Returns a condition on the destination that currently holds.
fn destination<'a>(
    honoured: Capabilities,
    (absent, over): (Condition, Condition),
    asked: IfDestination<'a>,
    main: Option<&'a ETag>,
) -> IfDestination<'a> {
    let condition = match asked {
        IfDestination::Absent => absent,
        IfDestination::Matches(_) => over,
    };
    if honoured.honours(condition) {
        asked
    } else {
        main.map_or(IfDestination::Absent, IfDestination::Matches)
    }
}

async fn version(store: &dyn Objects, bucket: &BucketName, key: &ObjectKey) -> Result<Option<ETag>, Error> {
    match store.head(bucket, key).await {
        Ok(object) => Ok(Some(object.etag)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
