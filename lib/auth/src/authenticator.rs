//! Every way to be recognised, behind one question.

use std::sync::Arc;
use std::time::SystemTime;

use draftstore_service::{Caller, Error};

use crate::{TICKET_PREFIX, Tickets};

/// A client certificate that TLS has verified against the configured authority, as DER. A property of the connection: its
/// requests carry it as an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate(pub Arc<[u8]>);

/// What a request says of who sends it: nothing of it is checked yet.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// What follows `Bearer` in `authorization`, or the ticket of a path.
    pub bearer: Option<&'a str>,
    /// The certificate by which TLS has recognised the other end of the connection.
    pub peer: Option<&'a PeerCertificate>,
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").finish_non_exhaustive()
    }
}

/// Recognises callers.
#[derive(Debug, Clone)]
pub struct Authenticator {
    /// Who everybody is, where nobody is asked.
    anyone: Arc<Caller>,
    tickets: Tickets,
}

impl Authenticator {
    /// Asks nobody: `AUTH=none`.
    pub fn none() -> Self {
        Self {
            anyone: Arc::new(Caller::anyone()),
            tickets: Tickets::none(),
        }
    }

    /// The same, where tickets are valid that were minted by these. Whoever presents one is held to it, also where nobody
    /// is asked for credentials.
    #[must_use]
    pub fn with_tickets(self, tickets: Tickets) -> Self {
        Self { tickets, ..self }
    }

    /// Whether callers have to say who they are.
    pub fn asks_who(&self) -> bool {
        false
    }

    /// The caller whose credentials these are.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when there are none, or when they are not valid.
    pub fn authenticate(&self, presented: Presented<'_>, now: SystemTime) -> Result<Arc<Caller>, Error> {
        if let Some(ticket) = presented.bearer.filter(|bearer| bearer.starts_with(TICKET_PREFIX)) {
            return self.tickets.open(ticket, now).map(Arc::new);
        }
        Ok(Arc::clone(&self.anyone))
    }
}
