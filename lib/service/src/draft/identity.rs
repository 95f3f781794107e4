//! The identity and the lifetime of a new draft.

use std::time::{Duration, SystemTime};

use draftstore_protocol::DraftId;
use draftstore_storage::{ListUploads, ListedUpload, ObjectKey};

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
}

/// The free slots of a caller. Listed once per call, so that each draft of the call gets a different one.
#[derive(Debug, Default)]
pub(super) struct Free(Option<Vec<DraftId>>);

impl Drafts {
    /// Returns the ID for a new draft: one of the caller's slots if it has slots, else a random ID if the draft is
    /// unique.
    ///
    /// The free slots are read from the store, so concurrent calls may get the same slot. The number of drafts stays
    /// limited: the store refuses the second upload if it honours `If-None-Match`, and replaces the first otherwise. A
    /// random slot is chosen, so that this is rare.
    ///
    /// # Errors
    /// Returns [`Error::NoMoreUploads`] if every slot has a draft or an upload, [`Error::CredentialsExpired`] if the slots have expired,
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
            unknown => unknown.insert(self.free(slots, new.name).await?),
        };
        if left.is_empty() {
            return Err(Error::NoMoreUploads { most: slots.count() });
        }
        let chosen = rand::random::<u32>() as usize % left.len();
        Ok(Some(left.swap_remove(chosen)))
    }

    /// Lists the slots without a draft and without an upload in progress. Their keys are adjacent, so one list of each
    /// kind is enough.
    async fn free(&self, slots: &DraftSlots, name: &ObjectName) -> Result<Vec<DraftId>, Error> {
        let named = self.caller.key(name);
        let key = |id: DraftId| (id.key(&named), id);
        let mut free: Vec<(ObjectKey, DraftId)> = slots.ids().map(key).collect();
        let (Some((first, _)), Some((last, _))) = (free.first(), free.last()) else {
            return Ok(Vec::new());
        };
        let shared = common_prefix(first.as_str(), last.as_str());
        let there = self.drafts_from(shared, None, MAX_PAGE_SIZE).await?.objects;
        let uploads = self.uploads_under(shared).await?;
        let is_taken = |key: &ObjectKey| {
            there.iter().any(|draft| draft.key == *key) || uploads.iter().any(|upload| upload.key == *key)
        };
        free.retain(|(key, _)| !is_taken(key));
        Ok(free.into_iter().map(|(_, id)| id).collect())
    }

    /// Lists all multipart uploads in progress whose keys have this prefix.
    pub(super) async fn uploads_under(&self, prefix: &str) -> Result<Vec<ListedUpload>, Error> {
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
