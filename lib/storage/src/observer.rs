//! The outcomes of calls to a store, for metrics and traces.

use std::fmt;
use std::time::Duration;

use crate::closed_set;

/// The `tracing` target of the spans that are exported to a trace collector. Their fields contain no secrets.
pub const TRACE_TARGET: &str = "draftstore_trace";

/// An observer of finished calls. Must not block: it runs in the task of the call.
pub trait CallObserver: fmt::Debug + Send + Sync {
    /// Called after each call to the store, whatever its outcome.
    fn ended(&self, ended: &CallEnded);
}

/// A finished call to the store. Presigning is not a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEnded {
    /// The call that ended.
    pub call: StoreCall,
    /// The outcome of the call.
    pub outcome: CallOutcome,
    /// The duration, including all attempts and the delays between them.
    pub took: Duration,
    /// The number of attempts.
    pub attempts: u32,
}

closed_set! {
    /// The calls to a store, by their names in S3.
    pub enum StoreCall {
        /// Checks that a bucket exists.
        HeadBucket = "HeadBucket",
        /// Creates an empty bucket.
        CreateBucket = "CreateBucket",
        /// Replaces a bucket's CORS rules.
        PutBucketCors = "PutBucketCors",
        /// Reads a bucket's lifecycle rules.
        GetBucketLifecycleConfiguration = "GetBucketLifecycleConfiguration",
        /// Replaces a bucket's lifecycle rules.
        PutBucketLifecycleConfiguration = "PutBucketLifecycleConfiguration",
        /// Reads an object's metadata.
        HeadObject = "HeadObject",
        /// Downloads an object's bytes.
        GetObject = "GetObject",
        /// Uploads an object in one request.
        PutObject = "PutObject",
        /// Copies an object inside the store.
        CopyObject = "CopyObject",
        /// Deletes a single object.
        DeleteObject = "DeleteObject",
        /// Deletes many objects in one request.
        DeleteObjects = "DeleteObjects",
        /// Lists a page of objects.
        ListObjectsV2 = "ListObjectsV2",
        /// Begins a multipart upload.
        CreateMultipartUpload = "CreateMultipartUpload",
        /// Uploads one part of a multipart upload.
        UploadPart = "UploadPart",
        /// Copies a range of an object into a part.
        UploadPartCopy = "UploadPartCopy",
        /// Lists a page of an upload's parts.
        ListParts = "ListParts",
        /// Joins the uploaded parts into an object.
        CompleteMultipartUpload = "CompleteMultipartUpload",
        /// Aborts a multipart upload and frees its parts.
        AbortMultipartUpload = "AbortMultipartUpload",
        /// Lists a page of multipart uploads in progress.
        ListMultipartUploads = "ListMultipartUploads",
        /// Any call not listed here.
        Other = "other",
    }
}

impl StoreCall {
    /// Returns the call with this name, or [`StoreCall::Other`].
    pub fn of_name(name: &str) -> Self {
        let known = Self::ALL.iter().find(|call| call.as_str() == name);
        known.copied().unwrap_or(Self::Other)
    }
}

closed_set! {
    /// The outcome of a call, by the status of the last response.
    pub enum CallOutcome {
        /// The call succeeded (2xx).
        Ok = "ok",
        /// The bucket, object or upload does not exist (404).
        NotFound = "not_found",
        /// A condition did not hold (412).
        PreconditionFailed = "precondition_failed",
        /// The store reported concurrent writers (409).
        Conflict = "conflict",
        /// The store refused the credentials (401, 403).
        Denied = "denied",
        /// The store asked to slow down (429, 503).
        Throttled = "throttled",
        /// Any other 5xx status, or an error within a 200 response.
        ServerError = "server_error",
        /// Any other 4xx status.
        ClientError = "client_error",
        /// No response: the store was unreachable, the call timed out, or its future was dropped.
        NoAnswer = "no_answer",
    }
}

impl CallOutcome {
    /// Returns the outcome of a failed call with this HTTP status.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied,
            404 => Self::NotFound,
            409 => Self::Conflict,
            412 => Self::PreconditionFailed,
            429 | 503 => Self::Throttled,
            400..500 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_variants() {
        for (place, call) in StoreCall::ALL.iter().enumerate() {
            assert_eq!((*call as usize, call.as_str()), (place, StoreCall::NAMES[place]));
            assert_eq!(StoreCall::of_name(call.as_str()), *call);
        }
        assert_eq!(StoreCall::of_name("PutObjectAcl"), StoreCall::Other);
        assert_eq!(
            CallOutcome::of_status(200),
            CallOutcome::ServerError,
            "an error within a 200"
        );
    }
}
