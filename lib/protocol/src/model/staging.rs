//! The staging of a copy in three acts: the note, the upload with its first part, and the second part.

use draftstore_storage::{DraftVersion, ETag, ErrorKind, ObjectKey};

use super::spec::{Fault, TIMEOUT};
use super::store::{destination_bucket, plain, staged, time, upload_id};
use super::task::{Member, Staging};
use super::world::World;
use crate::confirm::{Answer, Effect, StagingNote};

impl World {
    /// Performs the next act. Returns `None` if it was not the last.
    pub(super) fn stage(&mut self, member: &mut Member, effect: &Effect, fault: Fault) -> Option<Answer<ErrorKind>> {
        let Effect::Stage {
            draft_etag,
            size,
            attributes,
        } = effect
        else {
            return None;
        };
        let staging = std::mem::replace(&mut member.staging, Staging::NotBegun);
        let failing = match fault {
            Fault::No | Fault::Stale => None,
            Fault::Before(kind) => Some(kind),
            Fault::Lost | Fault::Late => Some(ErrorKind::Unavailable),
        };
        if let Some(kind) = failing {
            // A half-finished upload is aborted, or left if the abort would fail too.
            if let (Staging::HalfDone(id), Fault::Before(_)) = (staging, fault) {
                self.store.abort_staged(&upload_id(id));
            }
            return Some(Answer::Staged(Err(kind)));
        }
        match staging {
            Staging::NotBegun => {
                member.note = Some(self.put_note(&member.spec.main_key));
                member.staging = Staging::Noted;
                None
            }
            // The call after the note ends before the time in the note.
            Staging::Noted if self.store.time() > noted_until(member) => {
                Some(Answer::Staged(Err(ErrorKind::Unavailable)))
            }
            Staging::Noted => {
                let id = self.store.begin_staging(&member.spec.main_key, *size, attributes);
                member.staging = Staging::HalfDone(id);
                self.stage_part(member, id, draft_etag)
            }
            Staging::HalfDone(id) => {
                let failed = self.stage_part(member, id, draft_etag);
                Some(failed.unwrap_or_else(|| Answer::Staged(Ok(staged(id, *size)))))
            }
        }
    }

    pub(super) fn remove_note(&mut self, note: &mut Option<DraftVersion>) {
        if let Some(note) = note.take() {
            self.store.draft.remove(&note.key);
        }
    }

    /// Puts a note about a copy that is about to be staged.
    pub(super) fn put_note(&mut self, main_key: &ObjectKey) -> DraftVersion {
        let note = StagingNote {
            ends_at: time(self.store.now + TIMEOUT),
            bucket: destination_bucket(main_key),
            main_key: main_key.clone(),
        };
        let content = self.fresh_content();
        let key = note.key(u128::from(content));
        let put = self.store.put(&key, content, 0, false);
        put.expect("nothing stands in the way");
        DraftVersion {
            key,
            etag: plain(content),
        }
    }

    /// Copies a part. Returns an answer if the store refused it.
    fn stage_part(&mut self, member: &mut Member, id: u64, draft_etag: &ETag) -> Option<Answer<ErrorKind>> {
        let refused = self.store.stage_part(id, &member.spec.draft_key, draft_etag).err()?;
        self.store.abort_staged(&upload_id(id));
        member.staging = Staging::NotBegun;
        Some(Answer::Staged(Err(refused)))
    }
}

fn noted_until(member: &Member) -> std::time::SystemTime {
    let note = member.note.as_ref().and_then(|note| StagingNote::in_key(&note.key));
    note.map_or(std::time::SystemTime::UNIX_EPOCH, |note| note.ends_at)
}
