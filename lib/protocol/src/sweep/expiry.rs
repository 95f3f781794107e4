//! The expiry of drafts and of uploads in progress.

use std::time::{Duration, SystemTime};

use draftstore_storage::{ETag, ListedObject, ListedUpload};

use crate::checks::RejectionNote;
use crate::confirm::StagingNote;
use crate::events::{ActNote, DeadLetter, FeedEntry, KEPT_FOR, PendingEvent, WantedNote};
use crate::usage::InventoryKey;
use crate::{DraftId, Policy};

/// The time for which an inventory is kept that no sweep renews: 30 days.
const INVENTORY_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Returns the moment at which a draft expires. A sweep removes it some time later, by the same rule: see
/// [`Expiry::of_draft`].
///
/// The ID of a unique draft contains its expiry. The age of a named draft is that of its `last_modified`. Its lifetime
/// is doubled if it was uploaded in parts.
pub fn expires_at(policy: &Policy, id: Option<DraftId>, etag: &ETag, last_modified: SystemTime) -> SystemTime {
    let lifetime = policy.object_lifetime();
    let named = || last_modified + if came_in_parts(etag) { lifetime * 2 } else { lifetime };
    id.map_or_else(named, DraftId::expires_at)
}

/// The rule of expiry at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Expiry {
    now: SystemTime,
    kept: Duration,
    grace: Duration,
    events_retention: Duration,
}

impl Expiry {
    /// Creates the rule of a policy at `now`, by the store's clock.
    pub fn at(now: SystemTime, policy: &Policy) -> Self {
        let kept = policy.object_lifetime().saturating_add(policy.sweep_grace());
        Self {
            now,
            kept,
            grace: policy.sweep_grace(),
            events_retention: policy.events_retention(),
        }
    }

    /// Returns true if a draft has outlived its lifetime and the grace. The ID of a unique draft contains the end of
    /// its lifetime. The age of a named draft is that of its `last_modified`. A note about a staged copy contains the
    /// end of the copy, one about a rejected draft the moment of its removal, and that of an event the moment of its act. An
    /// inventory is kept for longer, because a count may take many sweeps.
    ///
    /// The date of a multipart object may be the begin of its upload, which may have been completed much later, at the
    /// end of the longest upload. The object is kept for that time too.
    pub fn of_draft(&self, draft: &ListedObject) -> bool {
        if let Some(id) = DraftId::in_key(&draft.key) {
            return self.has_ended(id.expires_at());
        }
        if let Some(note) = StagingNote::in_key(&draft.key) {
            return self.has_ended(note.ends_at);
        }
        if let Some(note) = RejectionNote::in_key(&draft.key) {
            return self.has_ended(note.remove_at);
        }
        if let Some(event) = PendingEvent::in_key(&draft.key) {
            return self.has_ended(event.expires_at());
        }
        if let Some(dead) = DeadLetter::in_key(&draft.key) {
            return self.has_ended(dead.expires_at());
        }
        if let Some(entry) = FeedEntry::in_key(&draft.key) {
            return self.has_ended(entry.expires_at(self.events_retention));
        }
        let kept = if ActNote::is_key(&draft.key) || WantedNote::is_key(&draft.key) {
            self.kept.max(KEPT_FOR + self.grace)
        } else if InventoryKey::in_key(&draft.key).is_some() {
            self.kept.max(INVENTORY_KEPT)
        } else if came_in_parts(&draft.etag) {
            self.kept.saturating_mul(2)
        } else {
            self.kept
        };
        self.is_older(draft.last_modified, kept)
    }

    /// Returns true if an upload in progress has outlived the lifetime of a draft and the grace.
    pub fn of_upload(&self, upload: &ListedUpload) -> bool {
        match DraftId::in_key(&upload.key) {
            Some(id) => self.has_ended(id.expires_at()),
            None => self.is_older(upload.initiated, self.kept),
        }
    }

    fn has_ended(&self, ended_at: SystemTime) -> bool {
        self.is_older(ended_at, self.grace)
    }

    /// Returns true if a date is at least this old. A date in the future has no age.
    fn is_older(&self, since: SystemTime, kept: Duration) -> bool {
        self.now.duration_since(since).is_ok_and(|age| age >= kept)
    }
}

/// Returns true if a draft is a multipart object: its `ETag` ends in a dash and a part count.
fn came_in_parts(etag: &ETag) -> bool {
    etag.as_str().contains('-')
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use draftstore_storage::UploadId;

    use super::*;
    use crate::events::{EventId, FeedStep, FeedWrite};
    use crate::sweep::Slice;

    const HOUR: Duration = Duration::from_secs(3600);
    const GRACE: Duration = Duration::from_secs(900);
    const JUST_SHORT: Duration = Duration::from_secs(899);

    fn at(seconds_after: Duration) -> Expiry {
        let policy = Policy::new(HOUR, HOUR, HOUR, GRACE).expect("valid");
        Expiry::at(UNIX_EPOCH + HOUR * 1000 + seconds_after, &policy)
    }

    fn draft(etag: &str) -> ListedObject {
        ListedObject {
            key: "a".parse().expect("valid"),
            etag: etag.parse().expect("valid"),
            size: 1,
            last_modified: UNIX_EPOCH + HOUR * 1000,
            storage_class: None,
        }
    }

    #[test]
    fn draft_expires_after_lifetime_and_grace() {
        assert!(!at(HOUR + JUST_SHORT).of_draft(&draft("0123")));
        assert!(at(HOUR + GRACE).of_draft(&draft("0123")));
    }

    #[test]
    fn unique_draft_expires_at_the_time_in_its_id() {
        let ends = UNIX_EPOCH + HOUR * 1010;
        let key = DraftId::new(ends, 7).key(&"a".parse().expect("valid"));
        let listed = ListedObject { key, ..draft("0123-2") };
        let after = |hours: u32| HOUR * hours;
        assert!(!at(after(10)).of_draft(&listed), "the grace");
        assert!(at(after(10) + GRACE).of_draft(&listed));
        let upload = ListedUpload {
            key: listed.key,
            upload_id: UploadId::new("u"),
            initiated: UNIX_EPOCH,
        };
        assert!(!at(after(10)).of_upload(&upload));
        assert!(at(after(10) + GRACE).of_upload(&upload));
    }

    #[test]
    fn events_expire_days_after_their_acts() {
        let id = EventId::new(UNIX_EPOCH + HOUR * 1000, [7; 32]);
        let event = PendingEvent {
            endpoint: "billing".parse().expect("a name"),
            id,
        };
        let (_, step) = FeedWrite::start(id, id.at());
        let FeedStep::Write(entry) = step else {
            panic!("{step:?}");
        };
        let keys = [
            (ActNote::new([7; 32]).key().clone(), 3),
            (event.key(), 4),
            (DeadLetter(event).key(), 33),
            (entry.key(), 7),
        ];
        for (key, days) in keys {
            let listed = ListedObject { key, ..draft("0123") };
            assert!(!at(HOUR * 24 * days + JUST_SHORT).of_draft(&listed));
            assert!(at(HOUR * 24 * days + GRACE).of_draft(&listed));
        }
    }

    #[test]
    fn note_about_a_rejected_draft_has_ended_at_its_time() {
        let note = RejectionNote {
            remove_at: UNIX_EPOCH + HOUR * 1001,
        };
        let listed = ListedObject {
            key: note.key(7),
            ..draft("0123")
        };
        assert!(!at(HOUR + JUST_SHORT).of_draft(&listed));
        assert!(at(HOUR + GRACE).of_draft(&listed));
    }

    #[test]
    fn multipart_object_has_twice_the_lifetime() {
        assert!(!at(HOUR + GRACE + HOUR + JUST_SHORT).of_draft(&draft("0123-2")));
        assert!(at((HOUR + GRACE) * 2).of_draft(&draft("0123-2")));
    }

    #[test]
    fn upload_in_progress_expires_like_a_draft() {
        let upload = ListedUpload {
            key: "a".parse().expect("valid"),
            upload_id: UploadId::new("u"),
            initiated: UNIX_EPOCH + HOUR * 1000,
        };
        assert!(!at(HOUR + JUST_SHORT).of_upload(&upload));
        assert!(at(HOUR + GRACE).of_upload(&upload));
    }

    #[test]
    fn inventory_is_kept_until_no_sweep_renews_it() {
        let key = InventoryKey {
            slice: Slice::WHOLE,
            generation: 1,
        };
        let listed = ListedObject {
            key: key.key(),
            ..draft("0123")
        };
        assert!(!at(INVENTORY_KEPT.saturating_sub(Duration::from_secs(1))).of_draft(&listed));
        assert!(at(INVENTORY_KEPT).of_draft(&listed));
    }

    #[test]
    fn date_in_the_future_is_not_old() {
        let policy = Policy::new(HOUR, HOUR, HOUR, Duration::ZERO).expect("valid");
        assert!(!Expiry::at(UNIX_EPOCH, &policy).of_draft(&draft("0123")));
    }
}
