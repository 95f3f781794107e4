//! Authentication by every method.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use draftstore_runtime::reload::{Live, Reloader};
use draftstore_service::Caller;
use draftstore_service::caller::{Destinations, Tenant};
use draftstore_service::events::{EndpointSource, Endpoints};

use crate::api_key::is_key;
use crate::jwt;
use crate::methods::AuthMethods;
use crate::policy::{InvalidPolicy, Policy, PolicyFile};
use crate::unauthenticated::Unauthenticated;
use crate::{Profiles, TICKET_PREFIX, Tickets};

/// The maximum length of a bearer token, in bytes: the size that the head of a request may have.
const MAX_BEARER_BYTES: usize = 32 * 1024;

/// A client certificate in DER, which TLS verified against the configured authorities. It belongs to a connection,
/// whose requests carry it as an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate(pub Arc<[u8]>);

/// The credentials of a request, unchecked.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// The bearer token, or the ticket of the path.
    pub bearer: Option<&'a str>,
    /// The client certificate of the connection.
    pub peer: Option<&'a PeerCertificate>,
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").finish_non_exhaustive()
    }
}

/// Authenticates callers. Clones share their state. No policy is read and no key is fetched while a request waits.
#[derive(Debug, Clone)]
pub struct Authenticator {
    mode: Mode,
    tickets: Tickets,
}

#[derive(Debug, Clone)]
enum Mode {
    /// Every request belongs to this caller.
    Anonymous(Arc<Caller>),
    /// The policy determines the caller.
    Policy(Policies),
}

/// The enabled methods, and the current policy.
#[derive(Debug, Clone)]
struct Policies {
    methods: AuthMethods,
    policy: Live<Policy>,
}

impl Authenticator {
    /// Creates an authenticator that requires no credentials: `AUTH=none`.
    pub fn none() -> Self {
        Self {
            mode: Mode::Anonymous(Arc::new(Caller::anyone())),
            tickets: Tickets::none(),
        }
    }

    /// Creates an authenticator for these methods and the policy in a file, and the reloader of the file.
    ///
    /// # Errors
    /// [`InvalidPolicy`] with every error of the policy, and every method for which it has no credentials.
    pub async fn open(methods: AuthMethods, path: PathBuf) -> Result<(Self, Reloader<PolicyFile>), InvalidPolicy> {
        let reloader = PolicyFile::open(path, methods).await?;
        let policies = Policies {
            methods,
            policy: reloader.live(),
        };
        let authenticator = Self {
            mode: Mode::Policy(policies),
            tickets: Tickets::none(),
        };
        Ok((authenticator, reloader))
    }

    /// Adds tickets to the accepted credentials. A ticket restricts its holder even if no credentials are required.
    #[must_use]
    pub fn with_tickets(self, tickets: Tickets) -> Self {
        Self { tickets, ..self }
    }

    /// Returns true if callers need credentials.
    pub fn requires_auth(&self) -> bool {
        matches!(self.mode, Mode::Policy(_))
    }

    /// Returns the accepted tickets.
    pub fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    /// Returns the profiles of the current policy, or `None` if no credentials are required.
    pub fn profiles(&self) -> Option<Arc<Profiles>> {
        match &self.mode {
            Mode::Anonymous(_) => None,
            Mode::Policy(policies) => Some(Arc::clone(&policies.policy.current().profiles)),
        }
    }

    /// Returns the destinations of the current policy.
    pub fn destinations(&self) -> Destinations {
        match &self.mode {
            Mode::Anonymous(_) => Destinations::new(),
            Mode::Policy(policies) => policies.policy.current().destinations.clone(),
        }
    }

    /// Returns the caller with these credentials. A token or a ticket takes precedence over the connection's certificate.
    ///
    /// # Errors
    /// [`Unauthenticated`] if there are none, or if they are not valid.
    pub fn authenticate(&self, presented: Presented<'_>, now: SystemTime) -> Result<Arc<Caller>, Unauthenticated> {
        if let Some(ticket) = presented.bearer.filter(|bearer| bearer.starts_with(TICKET_PREFIX)) {
            let holder = self.tickets.open(ticket, now)?;
            return Ok(Arc::new(self.with_checks(holder)));
        }
        match &self.mode {
            Mode::Anonymous(anyone) => Ok(Arc::clone(anyone)),
            Mode::Policy(policies) => policies.authenticate(presented, now),
        }
    }
}

impl Authenticator {
    /// Adds the checks that the current policy has for the profile of a ticket, so that its holder sees their states.
    fn with_checks(&self, mut holder: Caller) -> Caller {
        let profiles = self.profiles();
        let profile = holder
            .profile
            .name
            .as_ref()
            .and_then(|name| profiles.as_ref()?.get(name));
        holder.profile.checks = profile.and_then(|profile| profile.checks.clone());
        holder
    }
}

impl EndpointSource for Authenticator {
    /// Returns the webhooks of the current policy.
    fn endpoints(&self) -> Endpoints {
        match &self.mode {
            Mode::Anonymous(_) => Arc::from([]),
            Mode::Policy(policies) => Arc::clone(&policies.policy.current().webhooks),
        }
    }

    /// Returns the longest of the tenants in the current policy that has such names.
    fn tenant_of(&self, name: &str) -> Option<Tenant> {
        match &self.mode {
            Mode::Anonymous(_) => None,
            Mode::Policy(policies) => policies.policy.current().tenant_of(name).cloned(),
        }
    }
}

impl Policies {
    fn authenticate(&self, presented: Presented<'_>, now: SystemTime) -> Result<Arc<Caller>, Unauthenticated> {
        let policy = self.policy.current();
        match (presented.bearer, presented.peer) {
            (Some(bearer), _) => self.by_token(&policy, bearer, now),
            (None, Some(PeerCertificate(der))) if self.methods.mtls => {
                let caller = policy.certificates.caller(der, now);
                caller.map_err(|reason| {
                    tracing::debug!(%reason, "client certificate rejected");
                    Unauthenticated::Invalid
                })
            }
            (None, _) => Err(Unauthenticated::Missing),
        }
    }

    fn by_token(&self, policy: &Policy, bearer: &str, now: SystemTime) -> Result<Arc<Caller>, Unauthenticated> {
        if bearer.len() > MAX_BEARER_BYTES {
            return Err(Unauthenticated::Invalid);
        }
        if is_key(bearer) {
            let caller = policy.keys.caller(bearer).filter(|_| self.methods.api_key);
            return caller.cloned().ok_or(Unauthenticated::Invalid);
        }
        if !self.methods.jwt {
            return Err(Unauthenticated::Invalid);
        }
        jwt::caller(&policy.issuers, bearer, now)
            .map(Arc::new)
            .map_err(|reason| {
                tracing::debug!(%reason, "token rejected");
                if reason == jwt::TokenError::Expired {
                    Unauthenticated::TokenExpired
                } else {
                    Unauthenticated::Invalid
                }
            })
    }
}
