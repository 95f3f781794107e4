//! Errors of calls to a store.

use std::error::Error as StdError;
use std::fmt;

use crate::{BucketName, ObjectKey};

/// The error of a call to the store.
#[derive(Debug, thiserror::Error)]
#[error("{operation} of {}: {kind}", Target(.bucket, .key.as_ref()))]
pub struct Error {
    /// The meaning of the error.
    pub kind: ErrorKind,
    /// The call that failed.
    pub operation: Operation,
    /// The bucket of the call.
    pub bucket: BucketName,
    /// The key of the call, if it has one.
    pub key: Option<ObjectKey>,
    /// The error of the store or the connection. For the log, never for a caller.
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

/// The meaning of a store's error, by what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ErrorKind {
    /// The object or the upload does not exist.
    #[error("not found")]
    NotFound,
    /// The bucket does not exist.
    #[error("no such bucket")]
    BucketNotFound,
    /// A condition did not hold (412). The call is known to have changed nothing.
    #[error("a precondition did not hold")]
    PreconditionFailed,
    /// Concurrent writers were in conflict (409). The call changed nothing and may be repeated.
    #[error("concurrent writers")]
    Conflict,
    /// The object or request exceeds a limit of the store.
    #[error("too large")]
    TooLarge,
    /// The credentials are missing, invalid or expired, or do not permit the call.
    #[error("the store refused the credentials")]
    CredentialsRefused,
    /// The store does not implement the call.
    #[error("not supported by this store")]
    Unsupported,
    /// The store is overloaded, failing, too slow or unreachable.
    #[error("the store is unavailable")]
    Unavailable,
    /// Any other error: an invalid response, or a request that should not have been sent.
    #[error("unexpected response")]
    Unexpected,
}

/// The calls of [`crate::Storage`], by their names in S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Checks that a bucket exists.
    HeadBucket,
    /// Creates an empty bucket.
    CreateBucket,
    /// Replaces a bucket's CORS rules.
    PutBucketCors,
    /// Reads a bucket's lifecycle rules.
    GetBucketLifecycle,
    /// Replaces a bucket's lifecycle rules.
    PutBucketLifecycle,
    /// Reads an object's metadata.
    HeadObject,
    /// Lists a page of objects.
    ListObjects,
    /// Uploads an object in one request.
    PutObject,
    /// Downloads an object's bytes.
    GetObject,
    /// Copies an object inside the store.
    CopyObject,
    /// Begins a multipart upload.
    CreateMultipartUpload,
    /// Uploads one part of a multipart upload.
    UploadPart,
    /// Copies a range of an object into a part.
    UploadPartCopy,
    /// Joins the uploaded parts into an object.
    CompleteMultipartUpload,
    /// Deletes a single object.
    DeleteObject,
    /// Deletes many objects in one request.
    DeleteObjects,
    /// Lists a page of an upload's parts.
    ListParts,
    /// Lists a page of multipart uploads in progress.
    ListMultipartUploads,
    /// Aborts a multipart upload and frees its parts.
    AbortMultipartUpload,
    /// Signs a request, without a call.
    Presign,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
