//! Tickets: short-lived credentials that a backend hands to a web page, to upload with and nothing else.
//!
//! A ticket says itself what it gives, and is signed, so that no server has to remember it. It gives the scope `upload`, and
//! `inspect` where it is for certain names; it never gives more than its minter had when it was minted. It cannot be taken
//! back alone: it ends by itself, or with the key that signed it.

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

/// Random bytes of a ticket's ID.
const ID_BYTES: usize = 9;

/// Mints tickets, and reads them. Clones share the keys.
#[derive(Debug, Clone, Default)]
pub struct Tickets {
    keys: Option<Keys>,
}

#[derive(Debug, Clone)]
enum Keys {
    Fixed(Arc<TicketKeys>),
    Live(Live<TicketKeys>),
}

/// What a ticket is made of.
#[derive(Debug, Clone, Copy)]
pub struct TicketMint<'a> {
    /// Who wants it.
    pub minter: &'a Caller,
    /// What it shall give.
    pub order: &'a TicketOrder,
    /// Those that the order may name; none where there is no policy.
    pub profiles: Option<&'a Profiles>,
    /// How long drafts live, as the server is configured.
    pub object_lifetime: Duration,
    /// When its life begins.
    pub now: SystemTime,
    /// What its ID is made of.
    pub random: [u8; ID_BYTES],
}

/// A new ticket.
pub struct Minted {
    /// A secret: whoever has it can upload.
    pub ticket: String,
    /// What logs call it: no secret.
    pub ticket_id: String,
    /// When it ends.
    pub expires_at: SystemTime,
}

impl Tickets {
    /// Where there are no keys: none can be minted, and none is valid.
    pub fn none() -> Self {
        Self::default()
    }

    /// By these keys, for as long as the process lives.
    pub fn by(keys: TicketKeys) -> Self {
        Self {
            keys: Some(Keys::Fixed(Arc::new(keys))),
        }
    }

    /// By the keys in this file; and what keeps them as the file is.
    ///
    /// # Errors
    /// [`InvalidTicketKeys`] when it cannot be used.
    pub async fn open_file(path: PathBuf) -> Result<(Self, Reloader<TicketKeysFile>), InvalidTicketKeys> {
        let reloader = Reloader::open(TicketKeysFile::new(path)).await?;
        let keys = Some(Keys::Live(reloader.live()));
        Ok((Self { keys }, reloader))
    }

    /// A ticket that gives what is ordered, as far as its minter has it.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless the minter may upload, and either confirm or administer; [`Error::Invalid`] naming every
    /// field that breaks a rule or asks for what the minter does not have; [`Error::NoTickets`] where there are no keys.
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

    /// Returns the caller that holds the ticket.
    ///
    /// # Errors
    /// [`Unauthenticated::Invalid`] if it was not minted with these keys, or has expired.
    pub fn open(&self, ticket: &str, now: SystemTime) -> Result<Caller, Unauthenticated> {
        let keys = self.keys();
        let grant = keys.and_then(|keys| seal::open(ticket, &keys, now));
        let caller = grant.and_then(Grant::caller);
        caller.ok_or(Unauthenticated::Invalid)
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

/// Ends on a whole second, never after the life that was asked for.
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
        max_draft_lifetime: profile.max_draft_lifetime.map(|life| life.as_secs()),
        drafts: drafts.map(|(count, life)| (count, after(life))),
    }
}

fn too_long() -> Error {
    let rule = "must be fewer, or names shorter: the ticket would have more than 4096 characters";
    Error::Invalid(vec![Violation::new("content_types", rule)])
}
