//! The events of new objects, for the program that runs the store.

use s3s::dto::TimestampFormat;
use tokio::sync::mpsc;

use crate::clock;
use crate::index::ObjectRecord;

/// An object that was just created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedObject {
    /// The kind of request, by S3's name: `Put`, `Copy` or `CompleteMultipartUpload`.
    pub event: &'static str,
    /// The name of the bucket.
    pub bucket: String,
    /// The key of the object, verbatim.
    pub key: String,
    /// The size in bytes.
    pub size: u64,
    /// The `ETag`, without quotes.
    pub etag: String,
    /// The time in the form of RFC 3339.
    pub created_at: String,
    /// The place among the events of one object, in hexadecimal: later events have greater ones.
    pub sequencer: String,
}

/// The receiver of the events, if there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events(Option<mpsc::Sender<CreatedObject>>);

impl Events {
    pub(crate) fn new(receiver: Option<mpsc::Sender<CreatedObject>>) -> Self {
        Self(receiver)
    }

    /// Tells that a request has created an object. If the receiver has fallen behind, it misses the event.
    pub(crate) fn created(&self, event: &'static str, object: NewVersion) {
        let Some(receiver) = &self.0 else {
            return;
        };
        let NewVersion {
            bucket,
            key,
            size,
            etag,
            now_ms,
        } = object;
        let mut created_at = Vec::new();
        // Writing to memory does not fail, and every time here has a year of four digits.
        let _ = clock::timestamp(now_ms).format(TimestampFormat::DateTime, &mut created_at);
        let created = CreatedObject {
            event,
            bucket,
            key,
            size,
            etag,
            created_at: String::from_utf8(created_at).unwrap_or_default(),
            sequencer: format!("{now_ms:016X}"),
        };
        if receiver.try_send(created).is_err() {
            tracing::warn!("event of a new object lost");
        }
    }
}

/// The properties of an object that a request has created.
#[derive(Debug)]
pub(crate) struct NewVersion {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) etag: String,
    pub(crate) now_ms: i64,
}

impl NewVersion {
    /// Describes an object by its bucket and key, and its record.
    pub(crate) fn of((bucket, key): (String, String), object: &ObjectRecord, now_ms: i64) -> Self {
        Self {
            bucket,
            key,
            size: object.size,
            etag: object.etag.clone(),
            now_ms,
        }
    }
}
