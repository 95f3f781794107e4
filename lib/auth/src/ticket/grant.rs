//! The rights of a ticket, and their form in its payload.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_service::caller::{
    ContentTypes, Destinations, DraftSlots, FixedOptions, Names, Profile, Scopes, Tenant,
};
use draftstore_service::{Caller, ObjectHeader, ObjectHeaders, Scope};
use serde::{Deserialize, Serialize};

/// The payload of a ticket. Field names are short, because tickets occur in paths. The holder of a ticket can read the
/// payload, but cannot change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    /// The ID of the ticket, for logs.
    #[serde(rename = "i")]
    pub(super) id: String,
    /// The name of the caller that minted the ticket.
    #[serde(rename = "m")]
    pub(super) minter: String,
    /// The end of the ticket, in Unix seconds.
    #[serde(rename = "e")]
    pub(super) ends: u64,
    /// Grants the scope `inspect` too.
    #[serde(rename = "s", default, skip_serializing_if = "is_false")]
    pub(super) inspects: bool,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<String>,
    /// The only name that drafts may have.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) object_name: Option<String>,
    /// The prefix that names must have.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) prefix: Option<String>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(super) max_object_bytes: Option<u64>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(super) content_types: Option<Vec<String>>,
    /// The headers of every upload, by the names of their fields.
    #[serde(rename = "h", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    /// The profile by which drafts are checked and confirmed.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<String>,
    /// Lets drafts confirm themselves.
    #[serde(rename = "a", default, skip_serializing_if = "is_false")]
    pub(super) auto_confirm: bool,
    /// The longest lifetime of a draft, in seconds.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub(super) max_draft_lifetime: Option<u64>,
    /// The maximum number of drafts, and their common expiry in Unix seconds. The expiry is a part of the ticket,
    /// because it is a part of each draft's ID.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) drafts: Option<(u8, u64)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Grant {
    /// Returns the end of the ticket, or `None` if it is out of range, which no ticket has.
    pub(super) fn ends_at(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.ends))
    }

    /// Returns the caller that holds the ticket, without the checks of its profile, or `None` if the payload is not valid.
    pub(super) fn caller(self) -> Option<Caller> {
        let scopes: Scopes = if self.inspects {
            [Scope::Upload, Scope::Inspect].into_iter().collect()
        } else {
            [Scope::Upload].into_iter().collect()
        };
        let drafts = match self.drafts {
            Some(drafts) => Some(self.slots(drafts)?),
            None => None,
        };
        let names = match (self.object_name, self.prefix) {
            (None, None) => Names::Any,
            (Some(name), None) => Names::Exactly(name),
            (None, Some(prefix)) => Names::Under(prefix),
            (Some(_), Some(_)) => return None,
        };
        let tenant: Option<Tenant> = match self.tenant {
            Some(tenant) => Some(tenant.parse().ok()?),
            None => None,
        };
        let content_types = match self.content_types {
            Some(types) => {
                let types: Result<ContentTypes, _> = types.iter().map(|one| one.parse::<ContentTypes>()).collect();
                Some(types.ok()?)
            }
            None => None,
        };
        let mut headers = ObjectHeaders::NONE;
        for (name, value) in &self.headers {
            headers.set(ObjectHeader::of_name(name)?, value).ok()?;
        }
        Some(Caller {
            name: format!("ticket {} of {}", self.id, self.minter),
            principal: format!("tickets of {}", self.minter),
            scopes,
            tenant,
            profile: Profile {
                name: self.profile,
                max_object_bytes: self.max_object_bytes,
                content_types,
                max_draft_lifetime: self.max_draft_lifetime.map(Duration::from_secs),
                headers,
                checks: None,
                auto_confirm: self.auto_confirm,
                // A ticket confirms nothing itself, and sees no confirmed objects but those beside its drafts.
                auto_confirm_destination: None,
                destinations: Destinations::new(),
                // A page sets none: its backend can set them at the confirm.
                storage_options: Some(BTreeSet::new()),
                fixed_options: FixedOptions::default(),
            },
            names,
            drafts,
        })
    }

    /// Returns the slots of drafts. They need a single name: the same slot with another name would be another draft.
    fn slots(&self, (count, expire): (u8, u64)) -> Option<DraftSlots> {
        self.object_name.as_ref()?;
        let seed = URL_SAFE_NO_PAD.decode(&self.id).ok()?.try_into().ok()?;
        let expires_at = UNIX_EPOCH.checked_add(Duration::from_secs(expire))?;
        Some(DraftSlots::new(seed, count, expires_at))
    }
}
