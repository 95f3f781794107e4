//! The lists of a sweep: which page comes next, and what has expired on it.

use std::time::SystemTime;

use draftstore_storage::{ListUploads, ListedObject, ListedUpload, ObjectPage, UploadPage};

use super::super::effect::{Effect, Found};
use super::super::expiry::Expiry;
use super::super::rules::Mode;
use super::super::walk::{Read, Walk};
use super::state::State;
use super::{Pass, Phase, count, is_reserved};
use crate::DraftId;
use crate::checks::RejectionNote;
use crate::confirm::StagingNote;
use crate::events::FeedEntry;
use crate::usage::InventoryKey;

impl<E> Pass<E> {
    pub(super) fn begin_list(&mut self) -> Option<(State, Effect)> {
        let lists = self.lists();
        match self.phase {
            Phase::CountDrafts | Phase::Drafts if lists < self.rules.bounds.lists && self.has_room(lists + 1) => {
                let walk = self.walks.pop_front()?;
                let effect = Effect::List(walk.request.clone());
                Some((State::Listing(walk), effect))
            }
            Phase::CountUploads | Phase::Uploads if self.waiting_uploads() < self.rules.bounds.batch => {
                let request = self.uploads.take()?;
                let effect = Effect::ListUploads(request.clone());
                Some((State::ListingUploads(request), effect))
            }
            Phase::Staged if self.under_way.is_empty() => self.begin_note(),
            Phase::CountDrafts | Phase::CountUploads | Phase::Drafts | Phase::Uploads | Phase::Staged | Phase::Over => {
                None
            }
        }
    }

    pub(super) fn on_page(&mut self, walk: Walk, page: ObjectPage, now: SystemTime) {
        if self.has_ended() {
            return;
        }
        let expiry = Expiry::at(now, &self.rules.policy);
        let counts = self.phase == Phase::CountDrafts;
        let is_in_feed = |object: &ListedObject| FeedEntry::in_key(&object.key).is_some();
        let is_passed_over = |draft: &ListedObject| {
            if counts {
                is_in_feed(draft)
            } else {
                (DraftId::in_key(&draft.key).is_some() || is_in_feed(draft)) && !expiry.of_draft(draft)
            }
        };
        let others = self.lists() + self.walks.len();
        let lanes = self.rules.bounds.lists.saturating_sub(others);
        let is_first = walk.is_first();
        let Read { mut objects, rest } = walk.read(page, is_passed_over, lanes);
        self.walks.extend(rest);
        if is_first {
            self.walks.push_back(Walk::named(self.rules.slice));
        }
        // Inventories are no drafts, and are counted only when they are removed.
        objects.retain(|object| InventoryKey::in_key(&object.key).is_none() || expiry.of_draft(object));
        // Events are none either, and are not counted, because a sweep does not read all of them.
        objects.retain(|object| !is_in_feed(object) || !counts && expiry.of_draft(object));
        if counts {
            self.count(objects.iter().map(|draft| expiry.of_draft(draft)));
        } else {
            self.gather(objects, expiry);
        }
    }

    pub(super) fn on_uploads(&mut self, request: ListUploads, page: UploadPage, now: SystemTime) {
        if self.has_ended() {
            return;
        }
        let expiry = Expiry::at(now, &self.rules.policy);
        self.uploads = page.next.map(|next| ListUploads {
            after: Some(next),
            ..request
        });
        let mut uploads = page.uploads;
        uploads.retain(|upload| self.rules.slice.holds(&upload.key));
        if self.phase == Phase::CountUploads {
            self.count(uploads.iter().map(|upload| expiry.of_upload(upload)));
            return;
        }
        self.summary.scanned += count(&uploads);
        if self.rules.mode == Mode::Delete
            && let Some(idle_after) = self.rules.policy.complete_idle_after()
        {
            let may_be_idle = |upload: &&ListedUpload| {
                let age = now.duration_since(upload.initiated).unwrap_or_default();
                age >= idle_after && !expiry.of_upload(upload)
            };
            self.idle.extend(uploads.iter().filter(may_be_idle).cloned());
        }
        uploads.retain(|upload| expiry.of_upload(upload));
        self.summary.expired += count(&uploads);
        match self.rules.mode {
            Mode::Delete => self.expired.uploads.extend(uploads),
            Mode::DryRun => self.found.extend(uploads.into_iter().map(Found::Upload)),
        }
    }

    fn waiting_uploads(&self) -> usize {
        self.expired.uploads.len().max(self.idle.len())
    }

    /// Completes uploads before the next page is listed, so that they do not pile up.
    pub(super) fn begin_completion(&mut self) -> Option<(State, Effect)> {
        if self.idle.is_empty() || self.completes() {
            return None;
        }
        let uploads = std::mem::take(&mut self.idle);
        Some((State::Completing, Effect::Complete(uploads.into())))
    }

    fn gather(&mut self, drafts: Vec<ListedObject>, expiry: Expiry) {
        self.summary.scanned += count(&drafts);
        for draft in drafts.into_iter().filter(|draft| expiry.of_draft(draft)) {
            self.summary.expired += 1;
            if self.rules.mode == Mode::DryRun {
                self.found.push_back(Found::Draft(draft));
            } else if StagingNote::in_key(&draft.key).is_some() {
                self.expired.notes.push_back(draft);
            } else if RejectionNote::in_key(&draft.key).is_some() {
                self.expired.rejected.push_back(draft);
            } else if is_reserved(&draft) {
                self.expired.reserved.push_back(draft);
            } else {
                self.expired.named.push_back(draft);
            }
        }
    }

    fn count(&mut self, expired: impl Iterator<Item = bool>) {
        for expired in expired {
            self.counted.0 += 1;
            self.counted.1 += u64::from(expired);
        }
    }

    /// Returns true if there is room for the results of this number of lists.
    fn has_room(&self, lists: usize) -> bool {
        let waiting = self.expired.reserved.len() + self.expired.named.len() + self.expired.rejected.len();
        waiting + self.removing() + lists * self.rules.bounds.batch <= self.rules.bounds.in_hand
    }
}
