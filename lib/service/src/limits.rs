//! The limits on requests. Shared by the code that enforces them and the documents that describe them.

pub use draftstore_protocol::upload::{MAX_PART_BYTES, MAX_PARTS, MAX_UPLOAD_BYTES, MIN_PART_BYTES};
use draftstore_storage::{MediaType, ObjectHeader, StorageOptions};

/// The maximum length of an object name, in bytes of UTF-8: S3's 1,024 less the prefix of a unique draft's key.
pub const MAX_NAME_BYTES: usize = 900;

/// The maximum length of the key of an object at a destination, with its tenant and prefix, in bytes. It leaves room for the
/// bucket in the key of the note about a staged copy.
pub const MAX_DESTINATION_KEY_BYTES: usize = 900;

/// The maximum number of drafts that one call confirms, and of upload URLs that it issues.
pub const MAX_BATCH: usize = 100;

/// The maximum length of a media type, in bytes. Longer than any in use.
pub const MAX_CONTENT_TYPE_BYTES: usize = MediaType::MAX_BYTES;

/// The maximum length of another header of an object, in bytes.
pub const MAX_HEADER_BYTES: usize = ObjectHeader::MAX_BYTES;

/// The maximum length of the file name of a download, in bytes. The limit of most file systems.
pub const MAX_FILENAME_BYTES: usize = 255;

/// The maximum size in bytes of an object that is uploaded by one PUT or one form: 5 GiB.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>
pub const MAX_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// The maximum number of entries of a caller's metadata. Each is a header of S3's, and servers and proxies limit those of a
/// message, often to 100.
pub const MAX_METADATA_ENTRIES: usize = 50;

/// The maximum number of objects on a page. The limit of S3's own pages.
pub const MAX_PAGE_SIZE: u16 = 1_000;

/// The maximum length of a page token, in bytes: that of an object key, sealed and in base64.
pub const MAX_PAGE_TOKEN_BYTES: usize = 1536;

/// The maximum length of the prefix of a listing, in bytes. The limit of object keys.
pub const MAX_PREFIX_BYTES: usize = 1024;

/// The maximum number of parts that one call signs. The limit of S3's own pages.
pub const MAX_SIGNED_TOGETHER: usize = 1_000;

/// The maximum number of objects that one call deletes. The limit of S3's own call.
pub const MAX_DELETED_TOGETHER: usize = 1_000;

/// The maximum length of a version ID, in bytes. The limit of S3.
pub const MAX_VERSION_ID_BYTES: usize = 1024;

/// The maximum length of an idempotency key, in bytes. Long enough for a UUID, a ULID or a hex digest with a prefix.
/// The key is stored in the metadata of the object in main, where space is limited.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;

/// The maximum number of tags of an object. The limit of S3.
pub const MAX_TAGS: usize = StorageOptions::MAX_TAGS;

/// The maximum length of the key of a tag, in characters. The limit of S3.
pub const MAX_TAG_CHARS: usize = 128;

/// The maximum length of the value of a tag, in characters. The limit of S3.
pub const MAX_TAG_VALUE_CHARS: usize = 256;

/// The maximum length of the reason of a scanner, in characters.
pub const MAX_REASON_CHARS: usize = 1000;

/// The maximum length of the name of a storage class, in bytes. Longer than any in use.
pub const MAX_CLASS_BYTES: usize = 64;

/// The maximum length of the ID or the ARN of a KMS key, in bytes. That of AWS.
pub const MAX_KMS_KEY_BYTES: usize = 2048;

/// The maximum number of days for which a restored object stays readable. Longer, another storage class is cheaper.
pub const MAX_RESTORE_DAYS: u16 = 365;

/// The maximum number of attributes that one update removes.
pub const MAX_REMOVED: usize = 100;

/// The maximum number of drafts that are listed with the newest first.
pub const MAX_NEWEST: usize = 10_000;

/// The maximum number of objects that are looked at for totals.
pub const MAX_TOTALLED: usize = 100_000;

/// The maximum number of undelivered events of a page, each of which is read, and of those that one call sends again.
pub const MAX_EVENTS_TOGETHER: u16 = 100;
