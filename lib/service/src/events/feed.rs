//! The feed: each event is an object in the draft bucket, for readers.

use std::time::SystemTime;

use draftstore_protocol::events::{FeedEntry, FeedStep, FeedWrite};
use draftstore_storage::{Attributes, Error as StorageError, PutDraft};

use super::delivery::Courier;
use super::event::Event;
use crate::Error;
use crate::draft;

impl Courier<'_> {
    /// Writes an event into the feed, before its act is answered.
    ///
    /// # Errors
    /// The error of the store if a reader could miss the event.
    pub(super) async fn write_to_feed(&self, event: &Event) -> Result<(), Error> {
        let (mut write, mut step) = FeedWrite::start(event.id, self.clock.now());
        let mut failed = None;
        loop {
            step = match step {
                FeedStep::LookUp(entry) => {
                    let found = self.date_of(entry).await?;
                    write.found(found, self.clock.now())
                }
                FeedStep::Write(entry) => {
                    failed = self.put(entry, event).await.err();
                    write.written(failed.is_none(), self.clock.now())
                }
                FeedStep::Written => return Ok(()),
                FeedStep::NotWritten => {
                    let too_slow = || Error::StoreUnavailable("writes of events take too long".into());
                    return Err(failed.map_or_else(too_slow, Error::from));
                }
            };
        }
    }

    async fn date_of(&self, entry: FeedEntry) -> Result<Option<SystemTime>, StorageError> {
        let draft = self.store.buckets.draft.name();
        let found = draft::found(self.store.objects().head(draft, &entry.key()).await)?;
        Ok(found.map(|object| object.last_modified))
    }

    async fn put(&self, entry: FeedEntry, event: &Event) -> Result<(), StorageError> {
        let put = PutDraft {
            bucket: &self.store.buckets.draft,
            key: &entry.key(),
            bytes: &event.json,
            attributes: Attributes::NONE,
            if_absent: false,
        };
        self.store.objects().put_draft(&put).await?;
        Ok(())
    }
}
