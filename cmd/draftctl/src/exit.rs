//! Exit statuses: what a script may rely on, in one table.

use serde::{Serialize, Serializer};
use tonic::Code;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Usage,
    NotFound,
    Exists,
    PinMismatch,
    Refused,
    Unavailable,
    SomeFailed,
    Busy,
    Interrupted,
}

/// Every status with what it says, as `--help` shows them.
pub(crate) const MEANINGS: [(Exit, &str); 11] = [
    (Exit::Done, "all done"),
    (Exit::Failed, "any other failure"),
    (Exit::Usage, "the command line is wrong"),
    (Exit::NotFound, "no such draft, object, upload or bucket"),
    (
        Exit::Exists,
        "another object, or a local file, of that name is there already",
    ),
    (Exit::PinMismatch, "what is stored is not what a pin insists on"),
    (Exit::Refused, "the request breaks a rule, or is not allowed"),
    (
        Exit::Unavailable,
        "server or store cannot be reached, or is failing, after all retries",
    ),
    (Exit::SomeFailed, "some of several files failed"),
    (Exit::Busy, "another draftctl is at the same file"),
    (Exit::Interrupted, "interrupted; the same command goes on from there"),
];

impl Exit {
    /// The number.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Exists => 4,
            Self::PinMismatch => 5,
            Self::Refused => 6,
            Self::Unavailable => 7,
            Self::SomeFailed => 8,
            Self::Busy => 9,
            Self::Interrupted => 130,
        }
    }

    /// The status for an answer of the server. Each of its reasons goes with one code, so that the code says enough.
    pub(crate) fn of(code: Code) -> Self {
        match code {
            Code::Ok => Self::Done,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists => Self::Exists,
            Code::FailedPrecondition => Self::PinMismatch,
            Code::InvalidArgument | Code::OutOfRange | Code::PermissionDenied | Code::Unauthenticated => Self::Refused,
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

/// The table as text, for `--help`.
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
    fn codes_of_the_contract_have_the_documented_status() {
        for (code, status) in [
            (Code::Ok, 0),
            (Code::Internal, 1),
            (Code::NotFound, 3),
            (Code::AlreadyExists, 4),
            (Code::FailedPrecondition, 5),
            (Code::InvalidArgument, 6),
            (Code::PermissionDenied, 6),
            (Code::Unauthenticated, 6),
            (Code::Unavailable, 7),
            (Code::ResourceExhausted, 7),
        ] {
            assert_eq!(Exit::of(code).status(), status, "{code:?}");
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
