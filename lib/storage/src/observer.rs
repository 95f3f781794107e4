//! What calls to a store come to, for whoever counts them.

use std::fmt;
use std::time::Duration;

use crate::closed_set;

/// The target of spans that are made to be sent to a collector of traces. Nothing secret is in them.
pub const TRACE_TARGET: &str = "draftstore_trace";

/// Is told of every call when it has ended. Must not block: the call's own task tells it.
pub trait CallObserver: fmt::Debug + Send + Sync {
    /// A call has ended, whatever came of it.
    fn ended(&self, ended: &CallEnded);
}

/// A call that has ended. Presigning is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEnded {
    /// Which one.
    pub call: StoreCall,
    /// What came of it.
    pub outcome: CallOutcome,
    /// How long it took, with all its attempts and the pauses between.
    pub took: Duration,
    /// How often it was sent.
    pub attempts: u32,
}

closed_set! {
    /// What is asked of a store, by S3's names.
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
    /// The call of this name.
    pub fn of_name(name: &str) -> Self {
        let known = Self::ALL.iter().find(|call| call.as_str() == name);
        known.copied().unwrap_or(Self::Other)
    }
}

closed_set! {
    /// What came of a call: by the status of the last answer.
    pub enum CallOutcome {
        /// It was done.
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
        /// Not reached, not in time, or nobody waited for it.
        NoAnswer = "no_answer",
    }
}

impl CallOutcome {
    /// What a refusal by this status means.
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
