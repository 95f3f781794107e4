//! The event of a confirm, which is delivered or written down before the confirm is answered.
//!
//! Every answer is preceded by its event: a repeat of a confirm cannot know if the first one got that far before its server
//! crashed. The ID comes from the object in main, so that all of them have one.

use draftstore_protocol::DraftId;
use draftstore_protocol::confirm::{Kept, Origin};

use crate::Error;
use crate::caller::Tenant;
use crate::draft::Drafts;
use crate::draft::draft_ref::Keys;
use crate::draft::object::origin;
use crate::events::{EventKind, ObjectEvent};

impl Drafts {
    /// Tells the endpoints of a confirm. Without endpoints, it makes no call.
    pub(super) async fn publish_confirmed(&self, keys: &Keys, kept: &Kept) -> Result<(), Error> {
        let tenant = self.caller.tenant.as_ref();
        let endpoints = self.shared.events.wanting(EventKind::DraftConfirmed, tenant);
        if endpoints.is_empty() {
            return Ok(());
        }
        let metadata = &kept.main.attributes.metadata;
        let marker = Origin::of(metadata);
        let confirmation = origin::open(&self.shared.secrets.current(), &keys.main, &kept.main);
        let (draft_id, draft_name) = match DraftId::split(keys.draft.as_str()) {
            Some((id, name)) => (Some(id.to_string()), name),
            None => (None, keys.draft.as_str()),
        };
        let relative = |key: &str| {
            key.strip_prefix(tenant.map_or("", Tenant::prefix))
                .unwrap_or(key)
                .to_owned()
        };
        let facts = ObjectEvent {
            kind: EventKind::DraftConfirmed,
            at: confirmation.at.unwrap_or(kept.main.last_modified),
            bucket: self.shared.store.buckets.main.name(),
            tenant,
            object_name: &relative(keys.main.as_str()),
            object: &kept.main,
            // The origin is sealed anew for each copy, and stays with it.
            act: &[keys.main.as_str(), marker.as_ref().map_or("", |marker| marker.sealed)],
        };
        let event = facts.with([
            ("draft_name", Some(relative(draft_name))),
            ("draft_id", draft_id),
            ("draft_etag", marker.map(|marker| marker.draft_etag.to_owned())),
        ]);
        self.courier().publish(&event, &endpoints).await
    }
}
