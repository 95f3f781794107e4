//! The exit statuses of the program, in one table.

use serde::{Serialize, Serializer};
use tonic::Code;

/// The result of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    Failed,
    Usage,
    NotFound,
    AlreadyExists,
    PinMismatch,
    Rejected,
    Unavailable,
    SomeFailed,
    Busy,
    ChecksFailed,
    NotPossible,
    Interrupted,
    OutputClosed,
}

/// All exit statuses with their meanings, as `--help` and the documentation list them.
pub(crate) const MEANINGS: [(Exit, &str); 14] = [
    (Exit::Success, "success"),
    (Exit::Failed, "any other error"),
    (Exit::Usage, "invalid command line"),
    (
        Exit::NotFound,
        "the draft, object, upload, webhook or bucket does not exist",
    ),
    (
        Exit::AlreadyExists,
        "an object, or a local file, with this name already exists",
    ),
    (
        Exit::PinMismatch,
        "the stored object does not match a condition of the request",
    ),
    (Exit::Rejected, "the request is invalid or not allowed"),
    (
        Exit::Unavailable,
        "the server or the store is unreachable or failing, after all retries",
    ),
    (Exit::SomeFailed, "some of several files failed"),
    (Exit::Busy, "another draftctl process is using the same file"),
    (Exit::ChecksFailed, "checks reject the draft"),
    (
        Exit::NotPossible,
        "the object is archived or locked, or the store or the server is not configured for the command",
    ),
    (Exit::Interrupted, "interrupted; repeat the command to resume"),
    (
        Exit::OutputClosed,
        "the output was closed, as by `head`, before everything was written",
    ),
];

impl Exit {
    /// The exit status as a number.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::AlreadyExists => 4,
            Self::PinMismatch => 5,
            Self::Rejected => 6,
            Self::Unavailable => 7,
            Self::SomeFailed => 8,
            Self::Busy => 9,
            Self::ChecksFailed => 10,
            Self::NotPossible => 11,
            Self::Interrupted => 130,
            // The status of a program that SIGPIPE ends.
            Self::OutputClosed => 141,
        }
    }

    /// Returns the status for a gRPC code, and for the reason of the server where the code has several meanings.
    pub(crate) fn of(code: Code, reason: Option<&str>) -> Self {
        match code {
            Code::Ok => Self::Success,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::AlreadyExists,
            Code::FailedPrecondition => match reason {
                Some("REJECTED") => Self::ChecksFailed,
                Some("PIN_MISMATCH" | "UPLOAD_INCOMPLETE") => Self::PinMismatch,
                Some("IDEMPOTENCY_KEY_REUSED") => Self::Rejected,
                Some(_) | None => Self::NotPossible,
            },
            Code::InvalidArgument | Code::OutOfRange | Code::PermissionDenied | Code::Unauthenticated => Self::Rejected,
            Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => Self::Unavailable,
            Code::Cancelled | Code::Unknown | Code::Aborted | Code::Unimplemented | Code::Internal | Code::DataLoss => {
                Self::Failed
            }
        }
    }
}

impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.status())
    }
}

/// Returns the table as text for `--help`.
pub(crate) fn help() -> String {
    let rows: Vec<_> = MEANINGS
        .iter()
        .map(|(exit, meaning)| format!("  {:>3}  {meaning}", exit.status()))
        .collect();
    format!("Exit status:\n{}", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn grpc_codes_have_the_documented_status() {
        for (code, status) in [
            (Code::Ok, 0),
            (Code::Internal, 1),
            (Code::NotFound, 3),
            (Code::AlreadyExists, 4),
            (Code::InvalidArgument, 6),
            (Code::PermissionDenied, 6),
            (Code::Unauthenticated, 6),
            (Code::Unavailable, 7),
            (Code::ResourceExhausted, 7),
        ] {
            assert_eq!(Exit::of(code, None).status(), status, "{code:?}");
        }
        for (reason, status) in [
            ("PIN_MISMATCH", 5),
            ("UPLOAD_INCOMPLETE", 5),
            ("IDEMPOTENCY_KEY_REUSED", 6),
            ("REJECTED", 10),
            ("OBJECT_ARCHIVED", 11),
            ("OBJECT_LOCKED", 11),
            ("VERSIONS_NOT_ENABLED", 11),
            ("FEED_NOT_CONFIGURED", 11),
        ] {
            let exit = Exit::of(Code::FailedPrecondition, Some(reason));
            assert_eq!(exit.status(), status, "{reason}");
        }
    }

    #[test]
    fn every_status_is_unique_and_documented() {
        let page = include_str!("../../../docs/reference/exit-codes.md");
        for (exit, meaning) in MEANINGS {
            let row = format!("| {} | {meaning} |", exit.status());
            assert!(page.contains(&row), "{row}");
        }
        let statuses: BTreeSet<_> = MEANINGS.iter().map(|(exit, _)| exit.status()).collect();
        assert_eq!(statuses.len(), MEANINGS.len());
    }
}
