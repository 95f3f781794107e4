//! Tickets: short-lived credentials that a backend hands to a web page, and that only allow uploads.
//!
//! A ticket is self-contained and signed, so that servers keep no state. It has the scope `upload`, and `inspect` too
//! if it is limited to certain names. It never grants more than its minter had at the time. A single ticket cannot be
//! revoked: it expires, or its key is removed.

mod file;
mod grant;
mod keys;
mod order;
mod seal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_runtime::reload::{Live, Reloader};
use draftstore_service::caller::{Names, Tenant};
use draftstore_service::{Caller, Error, Violation};

use self::grant::Grant;
use self::order::Narrowed;
use crate::{Profiles, Unauthenticated};

pub use file::{InvalidTicketKeys, TicketKeysFile};
pub use keys::{TicketKey, TicketKeys};
pub use order::TicketOrder;
pub use seal::TICKET_PREFIX;

/// The number of random bytes in a ticket's ID.
const ID_BYTES: usize = 9;

/// Mints and verifies tickets. Clones share the keys.
#[derive(Debug, Clone, Default)]
pub struct Tickets {
    keys: Option<Keys>,
}

#[derive(Debug, Clone)]
enum Keys {
    Fixed(Arc<TicketKeys>),
    Live(Live<TicketKeys>),
}

/// The input of minting a ticket.
#[derive(Debug, Clone, Copy)]
pub struct TicketMint<'a> {
    /// The caller that requests the ticket.
    pub minter: &'a Caller,
    /// The rights that the caller requests.
    pub order: &'a TicketOrder,
    /// The profiles that the order may name, or `None` without a policy.
    pub profiles: Option<&'a Profiles>,
    /// The lifetime of drafts, as configured.
    pub object_lifetime: Duration,
    /// The start of the ticket's life.
    pub now: SystemTime,
    /// The random bytes of its ID.
    pub random: [u8; ID_BYTES],
}

/// A ticket that was just minted.
pub struct Minted {
    /// The ticket, which is a secret: its holder can upload.
    pub ticket: String,
    /// The name of the ticket in logs, which is not a secret.
    pub ticket_id: String,
    /// The moment at which the ticket expires.
    pub expires_at: SystemTime,
}

impl Tickets {
    /// Creates tickets without keys: none can be minted, and none is valid.
    pub fn none() -> Self {
        Self::default()
    }

    /// Creates tickets with keys that never change.
    pub fn new(keys: TicketKeys) -> Self {
        Self {
            keys: Some(Keys::Fixed(Arc::new(keys))),
        }
    }

    /// Creates tickets with the keys in a file, and the reloader of the file.
    ///
    /// # Errors
    /// [`InvalidTicketKeys`] if the file is invalid.
    pub async fn open_file(path: PathBuf) -> Result<(Self, Reloader<TicketKeysFile>), InvalidTicketKeys> {
        let reloader = Reloader::open(TicketKeysFile::new(path)).await?;
        let keys = Some(Keys::Live(reloader.live()));
        Ok((Self { keys }, reloader))
    }

    /// Mints a ticket with the rights of the order, limited to those of the minter.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless the minter may upload, and may confirm or administer. [`Error::Invalid`] with every
    /// field that breaks a rule or exceeds the rights of the minter. [`Error::NoTickets`] without keys.
    pub fn mint(&self, mint: &TicketMint<'_>) -> Result<Minted, Error> {
        let narrowed = mint.order.narrow(mint)?;
        let keys = self.keys().ok_or(Error::NoTickets)?;
        let grant = grant(mint.minter, narrowed, mint.now, mint.random);
        let expires_at = grant.ends_at().unwrap_or(mint.now);
        let ticket = seal::seal(&grant, keys.first()).ok_or_else(too_long)?;
        Ok(Minted {
            ticket,
            ticket_id: grant.id,
            expires_at,
        })
    }

    /// Returns the caller that holds the ticket. Its profile has a name, but no checks: they are those of the current policy.
    ///
    /// # Errors
    /// [`Unauthenticated::Invalid`] if it was not minted with these keys, and [`Unauthenticated::TicketExpired`] if it was, and
    /// has expired.
    pub fn open(&self, ticket: &str, now: SystemTime) -> Result<Caller, Unauthenticated> {
        let keys = self.keys();
        let grant = keys.and_then(|keys| seal::open(ticket, &keys));
        let grant = grant.ok_or(Unauthenticated::Invalid)?;
        let ends_at = grant.ends_at().ok_or(Unauthenticated::Invalid)?;
        if ends_at <= now {
            return Err(Unauthenticated::TicketExpired);
        }
        grant.caller().ok_or(Unauthenticated::Invalid)
    }

    /// Returns the secrets of the current keys, the one that signs first.
    pub fn secrets(&self) -> Vec<Vec<u8>> {
        let keys = self.keys();
        keys.iter()
            .flat_map(|keys| keys.secrets().map(<[u8]>::to_vec))
            .collect()
    }

    fn keys(&self) -> Option<Arc<TicketKeys>> {
        match self.keys.as_ref()? {
            Keys::Fixed(keys) => Some(Arc::clone(keys)),
            Keys::Live(live) => Some(live.current()),
        }
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted")
            .field("ticket_id", &self.ticket_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Makes the grant. Its times are whole seconds, rounded down.
fn grant(minter: &Caller, narrowed: Narrowed, now: SystemTime, random: [u8; ID_BYTES]) -> Grant {
    let Narrowed {
        names,
        profile,
        inspects,
        life,
        drafts,
    } = narrowed;
    let (object_name, prefix) = match names {
        Names::Any => (None, None),
        Names::Exactly(name) => (Some(name), None),
        Names::Under(prefix) => (None, Some(prefix)),
    };
    let after = |life: Duration| (now + life).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Grant {
        id: URL_SAFE_NO_PAD.encode(random),
        minter: minter.name.clone(),
        ends: after(life),
        inspects,
        tenant: minter.tenant.as_ref().map(|tenant| Tenant::as_str(tenant).to_owned()),
        object_name,
        prefix,
        max_object_bytes: profile.max_object_bytes,
        content_types: profile.content_types.map(|types| types.as_slice().to_vec()),
        headers: profile
            .headers
            .iter()
            .map(|(header, value)| (header.as_str().to_owned(), value.to_owned()))
            .collect(),
        profile: profile.name,
        auto_confirm: profile.auto_confirm,
        max_draft_lifetime: profile.max_draft_lifetime.map(|life| life.as_secs()),
        drafts: drafts.map(|(count, life)| (count, after(life))),
    }
}

fn too_long() -> Error {
    let rule = "must be fewer or shorter, or the names and headers shorter: the ticket would exceed 4096 characters";
    Error::Invalid(vec![Violation::new("content_types", rule)])
}
