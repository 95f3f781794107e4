//! What can go wrong with a store, by what a caller can do about it.

use std::error::Error as StdError;
use std::fmt;

use crate::{BucketName, ObjectKey};

/// A call to the store that failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of {}: {kind}", Target(.bucket, .key.as_ref()))]
pub struct Error {
    /// What it means.
    pub kind: ErrorKind,
    /// What was tried.
    pub operation: Operation,
    /// On which bucket.
    pub bucket: BucketName,
    /// On which key, where the call names one.
    pub key: Option<ObjectKey>,
    /// What the store or the connection said. For the log, never for a caller.
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
    /// Racing writers (409). The call changed nothing; ask again.
    #[error("conflicting writers")]
    Conflict,
    /// Over one of the store's limits.
    #[error("too large")]
    TooLarge,
    /// Our credentials are missing, wrong, expired, or may not do this.
    #[error("the store refused our credentials")]
    CredentialsRefused,
    /// The store has no such feature.
    #[error("not supported by this store")]
    Unsupported,
    /// The store asks to slow down, fails, does not answer in time, or cannot be reached.
    #[error("the store is unavailable")]
    Unavailable,
    /// Anything else: an answer that we do not understand, or a request that we should not have sent.
    #[error("unexpected answer")]
    Unexpected,
}

/// The calls of [`crate::Storage`], by S3's names.
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
