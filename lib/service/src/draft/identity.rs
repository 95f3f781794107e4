//! The identity and the lifetime of a new draft.

use std::time::{Duration, SystemTime};

use draftstore_protocol::DraftId;
use draftstore_storage::{
    Attributes, CreateUpload, ErrorKind, ListParts, ListUploads, ListedUpload, ObjectKey, UploadId,
};

use super::Drafts;
use crate::caller::DraftSlots;
use crate::fields::seconds;
use crate::limits::MAX_PAGE_SIZE;
use crate::{Error, ObjectName, Violation};

/// The properties of a new draft.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewDraft<'a> {
    pub(super) name: &'a ObjectName,
    /// `true` if the request is for a unique draft.
    pub(super) unique: bool,
    pub(super) lifetime: Duration,
    pub(super) now: SystemTime,
    pub(super) way: Way,
}

/// The way in which the bytes of a draft arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By one request, a PUT or a form.
    Whole,
    /// By a multipart upload.
    Parts,
}

/// The age from which a multipart upload without a part no longer holds its slot: the response that began it was lost,
/// or is not used.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// The maximum number of uploads that a call examines to find an abandoned one.
const MAX_EXAMINED: usize = 3;

/// The free slots of a caller. Listed once per call, so that each draft of the call gets a different one.
#[derive(Debug, Default)]
pub(super) struct Free(Option<Vec<Slot>>);

/// A slot of a caller, with what the store has in it.
#[derive(Debug)]
struct Slot {
    id: DraftId,
    key: ObjectKey,
    has_draft: bool,
    /// The slot is reserved for uploads by one request.
    is_reserved: bool,
    /// The multipart uploads in progress.
    uploads: Vec<ListedUpload>,
}

impl Drafts {
    /// Returns the ID for a new draft: one of the caller's slots if it has slots, else a random ID if the draft is
    /// unique.
    ///
    /// The free slots are read from the store, so concurrent calls may get the same slot. The number of drafts stays
    /// limited: the store refuses the second upload if it honours `If-None-Match`, and replaces the first otherwise. A
    /// random slot is chosen, so that this is rare.
    ///
    /// If the size of objects is limited too, a slot is either for uploads by one request or for multipart uploads, so
    /// that it never holds the bytes of both. The first upload URL reserves it, by an empty multipart upload beside the
    /// draft, which the sweep removes. Of two calls that take a slot for both ways, at least one sees the other.
    ///
    /// # Errors
    /// Returns [`Error::NoMoreUploads`] if every slot has a draft or an upload, or is for the other way, [`Error::CredentialsExpired`] if the slots have expired,
    /// or an error of the store.
    pub(super) async fn identity(&self, new: NewDraft<'_>, free: &mut Free) -> Result<Option<DraftId>, Error> {
        let Some(slots) = &self.caller.drafts else {
            let random = || DraftId::new(new.now + new.lifetime, rand::random());
            return Ok(new.unique.then(random));
        };
        if new.lifetime.is_zero() {
            return Err(Error::CredentialsExpired);
        }
        let left = match &mut free.0 {
            Some(left) => left,
            unknown => unknown.insert(self.free(slots, new).await?),
        };
        while !left.is_empty() {
            let chosen = left.swap_remove(rand::random::<u32>() as usize % left.len());
            if new.way == Way::Parts || self.reserve(&chosen).await? {
                return Ok(Some(chosen.id));
            }
        }
        Err(Error::NoMoreUploads { most: slots.count() })
    }

    /// Lists the slots that have room for an upload. If there is none, an abandoned upload makes room.
    async fn free(&self, slots: &DraftSlots, new: NewDraft<'_>) -> Result<Vec<Slot>, Error> {
        let all = self.slots(slots, new.name).await?;
        let is_usable = |slot: &Slot| !slot.has_draft && (new.way == Way::Whole || !slot.is_reserved);
        let usable = all.into_iter().filter(is_usable);
        let (free, busy): (Vec<_>, Vec<_>) = usable.partition(|slot| slot.uploads.is_empty());
        if !free.is_empty() {
            return Ok(free);
        }
        for slot in busy.into_iter().take(MAX_EXAMINED) {
            if self.free_of_abandoned(&slot, new.now).await? {
                return Ok(vec![slot]);
            }
        }
        Ok(Vec::new())
    }

    /// Lists all slots. Their keys are adjacent, so one list of each kind is enough.
    async fn slots(&self, slots: &DraftSlots, name: &ObjectName) -> Result<Vec<Slot>, Error> {
        let named = self.caller.key(name);
        let prefixes: Vec<_> = slots.ids().map(DraftId::prefix).collect();
        let (Some(first), Some(last)) = (prefixes.first(), prefixes.last()) else {
            return Ok(Vec::new());
        };
        let shared = common_prefix(first, last);
        let there = self.drafts_from(shared, None, MAX_PAGE_SIZE).await?.objects;
        let uploads = self.uploads_under(shared).await?;
        let slot = |id: DraftId| {
            let (key, reservation) = (id.key(&named), id.reservation_key());
            let of_draft = uploads.iter().filter(|upload| upload.key == key);
            Slot {
                id,
                has_draft: there.iter().any(|draft| draft.key == key),
                is_reserved: uploads.iter().any(|upload| upload.key == reservation),
                uploads: of_draft.cloned().collect(),
                key,
            }
        };
        Ok(slots.ids().map(slot).collect())
    }

    /// Reserves a slot for uploads by one request, if the bytes of a slot are limited. Returns `false` if it has got a
    /// multipart upload meanwhile.
    async fn reserve(&self, slot: &Slot) -> Result<bool, Error> {
        if self.caller.profile.max_object_bytes.is_none() || slot.is_reserved {
            return Ok(true);
        }
        let reservation = CreateUpload {
            bucket: &self.shared.store.buckets.draft,
            key: &slot.id.reservation_key(),
            attributes: Attributes::NONE,
            part_checksums: false,
        };
        self.shared.store.objects().create_upload(&reservation).await?;
        Ok(self.uploads_of(&slot.key).await?.is_empty())
    }

    /// Returns `true` if a multipart upload that was begun is the only upload in its slot.
    pub(super) async fn is_alone(&self, id: DraftId, key: &ObjectKey, upload_id: &UploadId) -> Result<bool, Error> {
        let uploads = self.uploads_of(key).await?;
        let is_only = uploads.iter().all(|upload| upload.upload_id == *upload_id);
        Ok(is_only && self.uploads_of(&id.reservation_key()).await?.is_empty())
    }

    /// Aborts the uploads of a slot if all of them are abandoned. Returns `true` if it then has none.
    async fn free_of_abandoned(&self, slot: &Slot, now: SystemTime) -> Result<bool, Error> {
        let (objects, bucket) = (self.shared.store.objects(), &self.shared.store.buckets.draft);
        for upload in &slot.uploads {
            let age = now.duration_since(upload.initiated).unwrap_or_default();
            if age < ABANDONED_AFTER {
                return Ok(false);
            }
            let request = ListParts {
                bucket,
                key: &slot.key,
                upload_id: &upload.upload_id,
                after: None,
                max_parts: None,
            };
            match objects.list_parts(&request).await {
                Ok(page) if page.parts.is_empty() => {}
                Ok(_) => return Ok(false),
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
            objects.abort_upload(bucket, &slot.key, &upload.upload_id).await?;
        }
        Ok(true)
    }

    /// Lists the multipart uploads in progress with this key. Some stores list them by the whole key alone.
    pub(super) async fn uploads_of(&self, key: &ObjectKey) -> Result<Vec<ListedUpload>, Error> {
        let mut uploads = self.uploads_under(key.as_str()).await?;
        uploads.retain(|upload| upload.key == *key);
        Ok(uploads)
    }

    /// Lists all multipart uploads in progress whose keys have this prefix.
    async fn uploads_under(&self, prefix: &str) -> Result<Vec<ListedUpload>, Error> {
        let mut uploads = Vec::new();
        let mut request = ListUploads {
            prefix: Some(prefix.to_owned()),
            ..ListUploads::default()
        };
        loop {
            let bucket = self.shared.store.buckets.draft.name();
            let page = self.shared.store.objects().list_uploads(bucket, &request).await?;
            uploads.extend(page.uploads);
            // Guards against a store that repeats a page.
            if page.next.is_none() || page.next == request.after {
                return Ok(uploads);
            }
            request.after = page.next;
        }
    }

    /// Returns the lifetime of a new draft.
    ///
    /// A named draft cannot have a lifetime of its own, because its age is taken from the store. All drafts of a ticket
    /// with a limited number of drafts expire together.
    pub(super) fn draft_lifetime(
        &self,
        unique: bool,
        asked: Option<i32>,
        now: SystemTime,
    ) -> Result<Duration, Violation> {
        if let Some(slots) = &self.caller.drafts {
            let rule = "must not be given: all drafts of the ticket expire with it";
            return match asked {
                Some(_) => Err(Violation::new("draft_lifetime", rule)),
                None => Ok(slots.lifetime(now)),
            };
        }
        if asked.is_some() && !unique {
            return Err(Violation::new("draft_lifetime", "must not be given without unique"));
        }
        let longest = self.shared.policy.object_lifetime();
        match self.caller.profile.max_draft_lifetime {
            Some(most) if most < longest && !unique => {
                let rule = "must be true: named drafts would outlive the limit of these credentials";
                Err(Violation::new("unique", rule))
            }
            most => seconds("draft_lifetime", asked, most.unwrap_or(longest).min(longest)),
        }
    }
}

fn common_prefix<'a>(one: &'a str, other: &str) -> &'a str {
    let differ = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
    differ.map_or(one, |((place, _), _)| &one[..place])
}
