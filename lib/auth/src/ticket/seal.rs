//! From a grant to a text that nobody can make or change without the key, and back.
//!
//! `dst_<key ID>.<payload>.<HMAC-SHA256 of all before it>`, the payload JSON, both in base64 for URLs without padding.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;

use super::grant::Grant;
use super::keys::{TicketKey, TicketKeys};

/// What every ticket begins with: other credentials do not, and scanners for secrets can look for it.
pub const TICKET_PREFIX: &str = "dst_";

/// The longest, in bytes: it has to fit in a header, and in a path beside a query.
pub(super) const MAX_TICKET_BYTES: usize = 4096;

/// The ticket; none where it would be too long.
pub(super) fn seal(grant: &Grant, key: &TicketKey) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(grant).ok()?);
    let signed = format!("{TICKET_PREFIX}{}.{payload}", key.id());
    let mac = key.mac().chain_update(&signed).finalize().into_bytes();
    let ticket = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
    (ticket.len() <= MAX_TICKET_BYTES).then_some(ticket)
}

/// What it gives, where it is signed by one of the keys and has not ended. Nothing is read before it is found to be ours.
pub(super) fn open(ticket: &str, keys: &TicketKeys, now: SystemTime) -> Option<Grant> {
    if ticket.len() > MAX_TICKET_BYTES {
        return None;
    }
    let (signed, mac) = ticket.rsplit_once('.')?;
    let (id, payload) = signed.strip_prefix(TICKET_PREFIX)?.split_once('.')?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    let key = keys.find(id)?;
    key.mac().chain_update(signed).verify_slice(&mac).ok()?;
    let grant: Grant = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let ends_at = grant.ends_at()?;
    (now < ends_at).then_some(grant)
}
