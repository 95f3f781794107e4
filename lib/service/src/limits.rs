//! The limits of requests, for the code that enforces them and for the documents that describe them.

pub use draftstore_protocol::upload::{MAX_PARTS, MAX_UPLOAD_BYTES};

/// The maximum length of an object's name, in bytes of UTF-8: S3's 1,024 less what the key of a unique draft adds.
pub const MAX_NAME_BYTES: usize = 900;

/// The maximum number of drafts that one call confirms, and of upload URLs that one call issues.
pub const MAX_BATCH: usize = 100;

/// The maximum length of a media type, in bytes: longer than any in use.
pub const MAX_CONTENT_TYPE_BYTES: usize = 255;

/// The maximum length of a file name for a browser, in bytes: that of most file systems.
pub const MAX_FILENAME_BYTES: usize = 255;

/// The maximum size in bytes of an object that one PUT or one form carries: 5 GiB.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>
pub const MAX_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// The maximum number of objects on a page: that of a page of the store.
pub const MAX_PAGE_SIZE: u16 = 1_000;

/// The maximum length of a page token, in bytes: that of a key.
pub const MAX_PAGE_TOKEN_BYTES: usize = 1024;

/// The maximum length of the prefix of a listing, in bytes: that of a key.
pub const MAX_PREFIX_BYTES: usize = 1024;

/// The maximum number of parts that one call signs: that of a page of the store.
pub const MAX_SIGNED_TOGETHER: usize = 1_000;

/// The maximum length of an idempotency key, in bytes: room for a UUID, a ULID or a hash in hex with a prefix. The key is kept
/// in main's metadata, where room is short.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;
