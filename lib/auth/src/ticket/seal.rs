//! Signs and verifies tickets.
//!
//! The form of a ticket is `dst_<key ID>.<payload>.<HMAC-SHA256 of everything before it>`. The payload is JSON. Payload
//! and HMAC are in base64url without padding.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use super::grant::Grant;
use super::keys::{TicketKey, TicketKeys};

/// The prefix of every ticket and of no other credential, for scanners for leaked secrets.
pub const TICKET_PREFIX: &str = "dst_";

/// The maximum length of a ticket, in bytes. It must fit in a header, and in a path with a query.
pub(super) const MAX_TICKET_BYTES: usize = 4096;

/// Returns the signed ticket, or `None` if it is too long.
pub(super) fn seal(grant: &Grant, key: &TicketKey) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(grant).ok()?);
    let signed = format!("{TICKET_PREFIX}{}.{payload}", key.id());
    let mac = key.mac().chain_update(&signed).finalize().into_bytes();
    let ticket = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
    (ticket.len() <= MAX_TICKET_BYTES).then_some(ticket)
}

/// Returns the grant of a ticket that was signed with one of the keys. The payload is parsed only after the signature is
/// verified. The ticket may have expired.
pub(super) fn open(ticket: &str, keys: &TicketKeys) -> Option<Grant> {
    if ticket.len() > MAX_TICKET_BYTES {
        return None;
    }
    let (signed, mac) = ticket.rsplit_once('.')?;
    let (id, payload) = signed.strip_prefix(TICKET_PREFIX)?.split_once('.')?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    let key = keys.find(id)?;
    key.mac().chain_update(signed).verify_slice(&mac).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
