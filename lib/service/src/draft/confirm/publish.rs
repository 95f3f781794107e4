//! The event of a confirm, which is delivered or stored before the confirm is answered.
//!
//! Every response is preceded by its event, also that of a repeat, which cannot know if the first confirm sent it before its
//! server crashed. The ID comes from the object in main, so that all have the same.

use draftstore_protocol::confirm::{Kept, Origin};

use crate::Error;
use crate::draft::Drafts;
use crate::draft::draft_ref::Keys;
use crate::draft::object::origin;
use crate::events::{EventFacts, EventKind, object_fields};

impl Drafts {
    /// Sends the event of a confirm to the endpoints that want it, and to the feed. If nothing wants it, makes no call.
    pub(super) async fn publish_confirmed(&self, keys: &Keys, kept: &Kept) -> Result<(), Error> {
        let tenant = self.caller.tenant.as_ref();
        let recipients = self.courier().recipients(EventKind::DraftConfirmed, tenant);
        if recipients.is_empty() {
            return Ok(());
        }
        let metadata = &kept.main.attributes.metadata;
        let marker = Origin::of(metadata);
        let confirmation = origin::open(&self.shared.secrets.current(), &keys.main, &kept.main);
        let facts = EventFacts {
            kind: EventKind::DraftConfirmed,
            at: confirmation.at.unwrap_or(kept.main.last_modified),
            bucket: self.shared.store.buckets.main.name(),
            tenant,
            object_name: self.relative(&keys.main),
            // The origin is sealed anew for each copy, and stays with it.
            act: &[keys.main.as_str(), marker.as_ref().map_or("", |marker| marker.sealed)],
        };
        let of_draft = self.draft_fields(&keys.draft, marker.map(|marker| marker.draft_etag));
        let event = facts.with([object_fields(&kept.main), of_draft, self.place_fields()].concat());
        self.courier().publish(&event, &recipients).await
    }
}
