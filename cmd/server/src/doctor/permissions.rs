//! The check of the permissions of the server's credentials. It leaves nothing in main, because it copies a draft that does
//! not exist.

use draftstore_storage::{
    Attributes, CopyToMain, DraftVersion, ETag, Error, ErrorKind, IfDestination, ListObjects, ListUploads, MainBucket,
    UploadId,
};

use super::report::Line;
use super::said;
use super::subject::Subject;

pub(super) async fn check(subject: &Subject) -> Vec<Line> {
    let mut lines = draft(subject).await;
    lines.extend(main(subject, "main", &subject.buckets.main).await);
    for bucket in &subject.buckets.destinations {
        lines.extend(main(subject, bucket.name().as_str(), bucket).await);
    }
    lines
}

async fn draft(subject: &Subject) -> Vec<Line> {
    let (storage, bucket) = (&subject.storage, &subject.buckets.draft);
    let key = subject.key("permissions");
    let put = subject.put(&key, "x").await;
    let version = put.as_ref().ok().cloned();
    let version = version.unwrap_or_else(|| nothing(subject));
    let listed = storage.list(bucket.name(), &subject.written()).await.map(drop);
    let uploads = storage
        .list_uploads(bucket.name(), &ListUploads::default())
        .await
        .map(drop);
    let no_upload = UploadId::new("0");
    vec![
        line("draft: put", "PutObject", put.map(drop)),
        line("draft: get", "GetObject", subject.head(&key).await.map(drop)),
        tags(subject.tags(&key).await.map(drop)),
        line("draft: list", "ListBucket", listed),
        line("draft: list uploads", "ListBucketMultipartUploads", uploads),
        line(
            "draft: delete",
            "DeleteObject",
            storage.delete_draft(bucket, &version).await,
        ),
        line(
            "draft: abort",
            "AbortMultipartUpload",
            storage.abort_upload(bucket, &key, &no_upload).await,
        ),
    ]
}

/// Returns the line of a permission that only a check by tag needs.
fn tags(read: Result<(), Error>) -> Line {
    let check = "draft: get tags";
    match read {
        Ok(()) => Line::ok(check, "allowed"),
        Err(error) => Line::info(check, format!("checks.tag cannot be used: {}", said(&error))),
    }
}

async fn main(subject: &Subject, label: &str, bucket: &MainBucket) -> Vec<Line> {
    let storage = &subject.storage;
    let absent = nothing(subject);
    let one = ListObjects {
        max_keys: Some(1),
        ..ListObjects::default()
    };
    let copy = CopyToMain {
        draft_bucket: &subject.buckets.draft,
        draft_key: &absent.key,
        draft_etag: &absent.etag,
        main_bucket: bucket,
        main_key: &absent.key,
        if_destination: IfDestination::Absent,
        attributes: &Attributes::default(),
    };
    vec![
        line(
            &format!("{label}: get"),
            "GetObject and ListBucket",
            storage.head(bucket.name(), &absent.key).await.map(drop),
        ),
        line(
            &format!("{label}: list"),
            "ListBucket",
            storage.list(bucket.name(), &one).await.map(drop),
        ),
        line(
            &format!("{label}: list uploads"),
            "ListBucketMultipartUploads",
            storage
                .list_uploads(bucket.name(), &ListUploads::default())
                .await
                .map(drop),
        ),
        line(
            &format!("{label}: copy into"),
            "PutObject",
            storage.copy_to_main(&copy).await.map(drop),
        ),
    ]
}

/// Returns a draft that does not exist.
fn nothing(subject: &Subject) -> DraftVersion {
    let etag: ETag = "00000000000000000000000000000000".parse().expect("an ETag");
    DraftVersion {
        key: subject.key("nothing"),
        etag,
    }
}

/// Returns the line of an attempt. Errors other than refused credentials do not concern permissions: for example, no
/// credentials can abort an upload that does not exist.
fn line(check: &str, action: &str, tried: Result<(), Error>) -> Line {
    match tried {
        Ok(()) => Line::ok(check, "allowed"),
        Err(error) => match error.kind {
            ErrorKind::CredentialsRefused | ErrorKind::Unavailable => {
                let bucket = &error.bucket;
                Line::failed(
                    check,
                    said(&error),
                    format!("allow {action} on {bucket} for these credentials"),
                )
            }
            ErrorKind::NotFound
            | ErrorKind::BucketNotFound
            | ErrorKind::PreconditionFailed
            | ErrorKind::Conflict
            | ErrorKind::TooLarge
            | ErrorKind::Archived
            | ErrorKind::Unsupported
            | ErrorKind::Unexpected => Line::ok(check, "allowed"),
        },
    }
}
