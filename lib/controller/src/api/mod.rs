//! The calls of the contract, on its own messages: what both fronts have in common.

mod confirm;
mod drafts;
mod issue;
mod multipart;
mod store;
mod tickets;

use std::sync::Arc;

use draftstore_auth::Tickets;
use draftstore_service::{Caller, Drafts, Error, Policy, Violation};

use crate::ConfirmBudget;

/// One method an rpc.
#[derive(Debug, Clone)]
pub struct Api {
    drafts: Drafts,
    tickets: Tickets,
    confirms: ConfirmBudget,
}

impl Api {
    /// The calls, answered by this service, without tickets.
    pub fn new(drafts: Drafts) -> Self {
        Self {
            drafts,
            tickets: Tickets::none(),
            confirms: ConfirmBudget::default(),
        }
    }

    /// The same, with tickets minted by these.
    #[must_use]
    pub fn with_tickets(self, tickets: Tickets) -> Self {
        Self { tickets, ..self }
    }

    /// How long URLs and drafts live.
    pub(crate) fn policy(&self) -> Policy {
        self.drafts.policy()
    }

    /// The same, with each caller's confirms counted.
    #[must_use]
    pub fn with_confirm_budget(self, confirms: ConfirmBudget) -> Self {
        Self { confirms, ..self }
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
