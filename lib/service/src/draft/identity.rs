//! The identity and the lifetime that a new draft gets.

use std::time::{Duration, SystemTime};

use draftstore_protocol::DraftId;
use draftstore_storage::ObjectKey;

use super::Drafts;
use crate::caller::DraftSlots;
use crate::fields::seconds;
use crate::limits::MAX_PAGE_SIZE;
use crate::{Error, ObjectName, Violation};

/// What a new draft is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewDraft<'a> {
    pub(super) name: &'a ObjectName,
    /// Whether an identity of its own was asked for.
    pub(super) unique: bool,
    pub(super) lifetime: Duration,
    pub(super) now: SystemTime,
}

/// What is left of a caller's slots: the store is asked once for all drafts of one call, and each gets another.
#[derive(Debug, Default)]
pub(super) struct Free(Option<Vec<DraftId>>);

impl Drafts {
    /// One of the caller's slots where it has some; else a new one, if it was asked for.
    ///
    /// Which slots are free the store says, at this moment: of calls that race, two may get the same one. There are no more
    /// drafts for that: the second upload is refused where the store honours `If-None-Match`, and replaces the first
    /// elsewhere. One of the free is chosen at random, so that it seldom happens.
    ///
    /// # Errors
    /// [`Error::NoMoreUploads`] where there is a draft in every slot, [`Error::CredentialsExpired`] where they have expired, or
    /// those of the store.
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

    /// The slots without a draft, by one call to the store: their keys are neighbours.
    async fn free(&self, slots: &DraftSlots, name: &ObjectName) -> Result<Vec<DraftId>, Error> {
        let named = self.caller.key(name);
        let key = |id: DraftId| (id.key(&named), id);
        let mut free: Vec<(ObjectKey, DraftId)> = slots.ids().map(key).collect();
        let (Some((first, _)), Some((last, _))) = (free.first(), free.last()) else {
            return Ok(Vec::new());
        };
        let shared = common_prefix(first.as_str(), last.as_str());
        let there = self.drafts_from(shared, None, MAX_PAGE_SIZE).await?.objects;
        free.retain(|(key, _)| there.iter().all(|draft| draft.key != *key));
        Ok(free.into_iter().map(|(_, id)| id).collect())
    }

    /// How long the draft lives; a named one is dated by the store, and cannot have a lifetime of its own, and one of a
    /// limited number has that of all of them.
    pub(super) fn draft_lifetime(
        &self,
        unique: bool,
        asked: Option<i32>,
        now: SystemTime,
    ) -> Result<Duration, Violation> {
        if let Some(slots) = &self.caller.drafts {
            let rule = "must not be given: the ticket says when all its drafts expire";
            return match asked {
                Some(_) => Err(Violation::new("draft_lifetime", rule)),
                None => Ok(slots.lifetime(now)),
            };
        }
        if asked.is_some() && !unique {
            return Err(Violation::new("draft_lifetime", "must go with unique"));
        }
        let longest = self.shared.policy.object_lifetime();
        match self.caller.profile.max_draft_lifetime {
            Some(most) if most < longest && !unique => {
                let rule = "must be true: this caller's drafts live for a shorter time than named ones do";
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
