//! What is made of drafts, for whoever counts it.

use std::fmt;

use draftstore_storage::closed_set;

use crate::{Error, Missing};

/// Is told what was done. Must not block.
pub trait Observer: fmt::Debug + Send + Sync {
    /// So many URLs of this kind were signed for a caller.
    fn issued(&self, kind: UrlKind, count: usize);

    /// A confirm has ended, whether its caller still waits or not.
    fn confirmed(&self, ended: ConfirmEnded);
}

closed_set! {
    /// What a URL is for.
    pub enum UrlKind {
        /// An upload in one piece.
        Put = "put",
        /// An upload by a form.
        Form = "form",
        /// A part.
        Part = "part",
        /// A step of an upload that a page makes by itself.
        Step = "step",
        /// A download.
        Download = "download",
    }
}

/// How a confirm ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfirmEnded {
    /// What came of it.
    pub outcome: ConfirmOutcome,
    /// What has come into main by it. Bytes.
    pub bytes: u64,
}

closed_set! {
    /// What came of a confirm.
    pub enum ConfirmOutcome {
        /// Main holds the draft.
        Kept = "kept",
        /// It did before.
        Replayed = "replayed",
        /// There is no such draft.
        NotFound = "not_found",
        /// Main holds another object.
        AlreadyExists = "already_exists",
        /// The draft, or what was to be replaced, is not what the caller insists on.
        PinMismatch = "pin_mismatch",
        /// Another draft of the batch could not be kept.
        RolledBack = "rolled_back",
        /// The store failed, or time ran out.
        StoreUnavailable = "store_unavailable",
        /// The store refused this server's credentials.
        StoreCredentials = "store_credentials",
        /// The request broke a rule, or there is a bug here.
        Other = "other",
    }
}

impl ConfirmOutcome {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a new error is counted with the others")]
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::NotFound(Missing::Draft | Missing::Object | Missing::Upload | Missing::Bucket) => Self::NotFound,
            Error::AlreadyExists => Self::AlreadyExists,
            Error::PinMismatch { .. } | Error::PartMismatch { .. } => Self::PinMismatch,
            Error::RolledBack => Self::RolledBack,
            Error::StoreUnavailable(_) => Self::StoreUnavailable,
            Error::StoreCredentials(_) => Self::StoreCredentials,
            _ => Self::Other,
        }
    }
}
