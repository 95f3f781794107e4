//! The end of an event that its endpoint has not acknowledged for three days: it becomes a dead letter.

use draftstore_protocol::events::{DeadLetter, PendingEvent};
use draftstore_storage::{Attributes, DraftVersion, Error as StorageError, ListedObject, PutDraft};

use super::delivery::Courier;
use super::event::Event;
use crate::observer::{DeliveryOutcome, EventGivenUp};

impl Courier<'_> {
    /// Makes a pending event a dead letter. Several servers may do so at once: all write the same object.
    pub(super) async fn bury(&self, event: PendingEvent, object: ListedObject) -> Result<(), StorageError> {
        // Another server has buried it, or the next look tries again.
        let Ok(json) = self.read(&object).await else {
            return Ok(());
        };
        let endpoint = event.endpoint.to_string();
        let put = PutDraft {
            bucket: &self.store.buckets.draft,
            key: &DeadLetter(event).key(),
            bytes: &json,
            attributes: Attributes::NONE,
            if_absent: false,
        };
        self.store.objects().put_draft(&put).await?;
        self.events.due().remove(&object.key);
        let version = DraftVersion {
            key: object.key,
            etag: object.etag,
        };
        self.delete(&version).await;
        self.observe(DeliveryOutcome::GivenUp);
        let event = serde_json::from_slice(&json).ok().as_ref().and_then(Event::of);
        if let Some(event) = event {
            tracing::warn!(webhook = endpoint, event.id = %event.id, "event given up");
            if let Some(observer) = self.observer {
                observer.given_up(EventGivenUp {
                    endpoint,
                    event_id: event.id.to_string(),
                    kind: event.kind,
                    object_name: event.subject(),
                    tenant: event.tenant,
                });
            }
        }
        Ok(())
    }
}
