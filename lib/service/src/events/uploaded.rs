//! The events of uploads that have finished, as far as the server hears of them.
//!
//! The ID of such an event comes from the version of the draft alone, so that it is the same from whatever the server hears.

use draftstore_protocol::DraftId;
use draftstore_storage::{ObjectInfo, ObjectKey};
use serde_json::json;

use super::delivery::Courier;
use super::event::{Event, EventFacts, EventKind, object_fields};
use crate::Error;

impl Courier<'_> {
    /// Publishes the event of a draft whose upload has finished, unless this server has done so.
    ///
    /// # Errors
    /// The error of the store if an endpoint has not acknowledged the event, and it could not be written down.
    pub(crate) async fn publish_uploaded(&self, key: &ObjectKey, draft: &ObjectInfo) -> Result<(), Error> {
        if !self.is_wanted(EventKind::DraftUploaded) {
            return Ok(());
        }
        let event = self.uploaded(key, draft);
        let recipients = self.recipients(event.kind, event.tenant.as_ref());
        if recipients.is_empty() || self.events.was_published(event.id) {
            return Ok(());
        }
        self.publish(&event, &recipients).await?;
        self.events.remember(event.id);
        Ok(())
    }

    /// Returns the event of a draft whose upload has finished.
    pub(super) fn uploaded(&self, key: &ObjectKey, draft: &ObjectInfo) -> Event {
        let (id, name) = match DraftId::split(key.as_str()) {
            Some((id, name)) => (Some(json!(id.to_string())), name),
            None => (None, key.as_str()),
        };
        let facts = EventFacts {
            kind: EventKind::DraftUploaded,
            at: draft.last_modified,
            bucket: self.store.buckets.draft.name(),
            tenant: None,
            object_name: name,
            act: &[key.as_str(), draft.etag.as_str()],
        };
        let mut fields = object_fields(draft);
        fields.extend([("draft_name", Some(json!(name))), ("draft_id", id)]);
        self.events.in_tenant(facts.with(fields))
    }
}
