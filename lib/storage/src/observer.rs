//! The outcomes of calls to a store, for metrics and traces.

use std::fmt;
use std::time::Duration;

use crate::closed_set;

/// The target of spans that are exported to a trace collector. They contain nothing secret.
pub const TRACE_TARGET: &str = "draftstore_trace";

/// An observer of finished calls. Must not block: it runs in the task of the call.
pub trait CallObserver: fmt::Debug + Send + Sync {
    /// Observes a call that has ended, whatever its outcome.
    fn ended(&self, ended: &CallEnded);
}

/// A call that has ended. Presigning is not a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEnded {
    /// The call that ended.
    pub call: StoreCall,
    /// The outcome of the call.
    pub outcome: CallOutcome,
    /// The duration, with all attempts and the pauses between them.
    pub took: Duration,
    /// The number of attempts.
    pub attempts: u32,
}

closed_set! {
    /// The calls of a store, under S3's names.
    pub enum StoreCall {
        /// `HeadBucket`
        HeadBucket = "HeadBucket",
        /// `CreateBucket`
        CreateBucket = "CreateBucket",
        /// `PutBucketCors`
        PutBucketCors = "PutBucketCors",
        /// `GetBucketLifecycleConfiguration`
        GetBucketLifecycleConfiguration = "GetBucketLifecycleConfiguration",
        /// `PutBucketLifecycleConfiguration`
        PutBucketLifecycleConfiguration = "PutBucketLifecycleConfiguration",
        /// `HeadObject`
        HeadObject = "HeadObject",
        /// `GetObject`
        GetObject = "GetObject",
        /// `PutObject`
        PutObject = "PutObject",
        /// `CopyObject`
        CopyObject = "CopyObject",
        /// `DeleteObject`
        DeleteObject = "DeleteObject",
        /// `DeleteObjects`
        DeleteObjects = "DeleteObjects",
        /// `ListObjectsV2`
        ListObjectsV2 = "ListObjectsV2",
        /// `CreateMultipartUpload`
        CreateMultipartUpload = "CreateMultipartUpload",
        /// `UploadPart`
        UploadPart = "UploadPart",
        /// `UploadPartCopy`
        UploadPartCopy = "UploadPartCopy",
        /// `ListParts`
        ListParts = "ListParts",
        /// `CompleteMultipartUpload`
        CompleteMultipartUpload = "CompleteMultipartUpload",
        /// `AbortMultipartUpload`
        AbortMultipartUpload = "AbortMultipartUpload",
        /// `ListMultipartUploads`
        ListMultipartUploads = "ListMultipartUploads",
        /// Any other.
        Other = "other",
    }
}

impl StoreCall {
    /// Returns the call of this name.
    pub fn of_name(name: &str) -> Self {
        let known = Self::ALL.iter().find(|call| call.as_str() == name);
        known.copied().unwrap_or(Self::Other)
    }
}

closed_set! {
    /// The outcome of a call, by the status of the last response.
    pub enum CallOutcome {
        /// The call was done.
        Ok = "ok",
        /// 404
        NotFound = "not_found",
        /// 412
        PreconditionFailed = "precondition_failed",
        /// 409
        Conflict = "conflict",
        /// 401, 403
        Denied = "denied",
        /// 429, 503
        Throttled = "throttled",
        /// Another 5xx, or a 200 that is none.
        ServerError = "server_error",
        /// Another 4xx.
        ClientError = "client_error",
        /// No response: not reached, not in time, or the call was dropped.
        NoAnswer = "no_answer",
    }
}

impl CallOutcome {
    /// Returns the outcome of a failure with this status.
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
    fn places_and_names_belong_together() {
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
