//! Errors of a store, by what a caller can do about them.

use std::error::Error as StdError;
use std::fmt;

use crate::{BucketName, ObjectKey};

/// A call to the store that failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of {}: {kind}", Target(.bucket, .key.as_ref()))]
pub struct Error {
    /// The meaning of the error.
    pub kind: ErrorKind,
    /// The call that failed.
    pub operation: Operation,
    /// The bucket of the call.
    pub bucket: BucketName,
    /// The key of the call, where it names one.
    pub key: Option<ObjectKey>,
    /// The message of the store or the connection. For the log, never for a caller.
    #[source]
    pub source: Box<dyn StdError + Send + Sync>,
}

struct Target<'a>(&'a BucketName, Option<&'a ObjectKey>);

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(key) => write!(f, "{}/{key}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The meaning of a store's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ErrorKind {
    /// The object (or upload) is not there.
    #[error("not found")]
    NotFound,
    /// The bucket is not there.
    #[error("no such bucket")]
    BucketNotFound,
    /// A condition did not hold (412). Settled: the call changed nothing.
    #[error("a precondition did not hold")]
    PreconditionFailed,
    /// Racing writers (409). The call changed nothing and may be repeated.
    #[error("conflicting writers")]
    Conflict,
    /// One of the store's limits is exceeded.
    #[error("too large")]
    TooLarge,
    /// The credentials are missing, wrong, expired, or not allowed to make this call.
    #[error("the store refused our credentials")]
    CredentialsRefused,
    /// The store has no such feature.
    #[error("not supported by this store")]
    Unsupported,
    /// The store is overloaded, fails, does not respond in time, or cannot be reached.
    #[error("the store is unavailable")]
    Unavailable,
    /// Anything else: a response that is not understood, or a request that should not have been sent.
    #[error("unexpected answer")]
    Unexpected,
}

/// The calls of [`crate::Storage`], under S3's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `HeadBucket`
    HeadBucket,
    /// `CreateBucket`
    CreateBucket,
    /// `PutBucketCors`
    PutBucketCors,
    /// `GetBucketLifecycleConfiguration`
    GetBucketLifecycle,
    /// `PutBucketLifecycleConfiguration`
    PutBucketLifecycle,
    /// `HeadObject`
    HeadObject,
    /// `ListObjectsV2`
    ListObjects,
    /// `PutObject`
    PutObject,
    /// `GetObject`
    GetObject,
    /// `CopyObject`
    CopyObject,
    /// `CreateMultipartUpload`
    CreateMultipartUpload,
    /// `UploadPart`
    UploadPart,
    /// `UploadPartCopy`
    UploadPartCopy,
    /// `CompleteMultipartUpload`
    CompleteMultipartUpload,
    /// `DeleteObject`
    DeleteObject,
    /// `DeleteObjects`
    DeleteObjects,
    /// `ListParts`
    ListParts,
    /// `ListMultipartUploads`
    ListMultipartUploads,
    /// `AbortMultipartUpload`
    AbortMultipartUpload,
    /// Signing, without a call.
    Presign,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
