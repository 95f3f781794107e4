//! The calls of the contract, on its own messages: what both fronts have in common.

mod confirm;
mod drafts;
mod issue;
mod multipart;
mod store;

use std::sync::Arc;

use draftstore_service::{Caller, Drafts, Error, Violation};

/// One method an rpc.
#[derive(Debug, Clone)]
pub struct Api {
    drafts: Drafts,
}

impl Api {
    /// The calls, answered by this service.
    pub fn new(drafts: Drafts) -> Self {
        Self { drafts }
    }

    fn drafts(&self, caller: &Arc<Caller>) -> Drafts {
        self.drafts.for_caller(Arc::clone(caller))
    }
}

fn unknown(field: &str, rule: &str) -> Error {
    Error::Invalid(vec![Violation::new(field, rule)])
}

/// No store holds objects of 2^63 bytes.
pub(crate) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
