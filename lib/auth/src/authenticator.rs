//! Every way to be recognised, behind one question.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use draftstore_runtime::reload::{Live, Reloader};
use draftstore_service::{Caller, Error, Unauthenticated};

use crate::api_key::is_key;
use crate::jwt;
use crate::policy::{InvalidPolicy, Policy, PolicyFile};
use crate::ways::Ways;
use crate::{Profiles, TICKET_PREFIX, Tickets};

/// The longest bearer token that is looked at. A header of more is refused by most servers anyway.
const MAX_BEARER_BYTES: usize = 8 * 1024;

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

/// Recognises callers. Clones share what they know. No policy is read and no key is fetched while somebody waits for an
/// answer.
#[derive(Debug, Clone)]
pub struct Authenticator {
    asks: Asks,
    tickets: Tickets,
}

#[derive(Debug, Clone)]
enum Asks {
    /// Nobody: everybody is this caller.
    Nobody(Arc<Caller>),
    /// By the policy in force.
    By(Recognition),
}

/// What callers are recognised by.
#[derive(Debug, Clone)]
struct Recognition {
    ways: Ways,
    policy: Live<Policy>,
}

impl Authenticator {
    /// Asks nobody: `AUTH=none`.
    pub fn none() -> Self {
        Self {
            asks: Asks::Nobody(Arc::new(Caller::anyone())),
            tickets: Tickets::none(),
        }
    }

    /// Recognises callers in these ways, by the policy in that file; and what keeps it as the file is.
    ///
    /// # Errors
    /// [`InvalidPolicy`] with everything that is wrong with it, or that it has no credentials for one of the ways.
    pub async fn open(ways: Ways, path: PathBuf) -> Result<(Self, Reloader<PolicyFile>), InvalidPolicy> {
        let reloader = PolicyFile::follow(path, ways).await?;
        let recognition = Recognition {
            ways,
            policy: reloader.live(),
        };
        let authenticator = Self {
            asks: Asks::By(recognition),
            tickets: Tickets::none(),
        };
        Ok((authenticator, reloader))
    }

    /// The same, where tickets are valid that were minted by these. Whoever presents one is held to it, also where nobody
    /// is asked for credentials.
    #[must_use]
    pub fn with_tickets(self, tickets: Tickets) -> Self {
        Self { tickets, ..self }
    }

    /// Whether callers have to say who they are.
    pub fn asks_who(&self) -> bool {
        matches!(self.asks, Asks::By(_))
    }

    /// The tickets that are valid.
    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// The profiles of the policy in force; none where there is no policy, since nobody is asked for credentials.
    pub fn profiles(&self) -> Option<Arc<Profiles>> {
        match &self.asks {
            Asks::Nobody(_) => None,
            Asks::By(recognition) => Some(Arc::clone(&recognition.policy.current().profiles)),
        }
    }

    /// The caller whose credentials these are. Who sends a token or a ticket is judged by that, whatever certificate the
    /// connection has.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when there are none, or when they are not valid.
    pub fn authenticate(&self, presented: Presented<'_>, now: SystemTime) -> Result<Arc<Caller>, Error> {
        if let Some(ticket) = presented.bearer.filter(|bearer| bearer.starts_with(TICKET_PREFIX)) {
            return self.tickets.open(ticket, now).map(Arc::new);
        }
        match &self.asks {
            Asks::Nobody(anyone) => Ok(Arc::clone(anyone)),
            Asks::By(recognition) => recognition.authenticate(presented, now).map_err(Error::Unauthenticated),
        }
    }
}

impl Recognition {
    fn authenticate(&self, presented: Presented<'_>, now: SystemTime) -> Result<Arc<Caller>, Unauthenticated> {
        let policy = self.policy.current();
        match (presented.bearer, presented.peer) {
            (Some(bearer), _) => self.by_token(&policy, bearer, now).ok_or(Unauthenticated::Invalid),
            (None, Some(PeerCertificate(der))) if self.ways.mtls => {
                let caller = policy.certificates.caller(der, now);
                caller.map_err(|reason| {
                    tracing::debug!(%reason, "a client certificate is nobody's");
                    Unauthenticated::Invalid
                })
            }
            (None, _) => Err(Unauthenticated::Missing),
        }
    }

    fn by_token(&self, policy: &Policy, bearer: &str, now: SystemTime) -> Option<Arc<Caller>> {
        if bearer.len() > MAX_BEARER_BYTES {
            return None;
        }
        if is_key(bearer) {
            return policy.keys.caller(bearer).filter(|_| self.ways.api_key).cloned();
        }
        if !self.ways.jwt {
            return None;
        }
        match jwt::caller(&policy.issuers, bearer, now) {
            Ok(caller) => Some(Arc::new(caller)),
            Err(reason) => {
                tracing::debug!(%reason, "a token is not taken");
                None
            }
        }
    }
}
