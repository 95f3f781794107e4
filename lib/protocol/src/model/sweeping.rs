//! The effects of a sweep on the model's store, one act at a time, with faults.

use draftstore_storage::{Condition, DraftVersion, ErrorKind, ListUploads};

use super::audit::{Audit, Broken};
use super::spec::{Fault, GRACE};
use super::store::{Upload, failure, upload_id};
use super::task::Sweep;
use super::world::World;
use crate::checks::{REJECTED_METADATA, RejectedDraft};
use crate::sweep;

impl World {
    /// Answers one of the effects in progress, and starts those that follow. Returns false if the sweep has ended.
    pub(super) fn step_sweep(
        &mut self,
        task: usize,
        sweep: &mut Sweep,
        which: usize,
        fault: Fault,
    ) -> Result<bool, Broken> {
        let (job, effect) = sweep.under_way.remove(which % sweep.under_way.len());
        self.record(|| format!("{task}: {effect:?} {fault:?}"));
        let answer = self.perform_sweep(effect, fault)?;
        sweep.pass.on(job, answer);
        sweep.go_on()
    }

    fn perform_sweep(&mut self, effect: sweep::Effect, fault: Fault) -> Result<sweep::Answer<ErrorKind>, Broken> {
        let now = self.store.time();
        let fails = match fault {
            Fault::Before(kind) => Some(kind),
            Fault::Lost | Fault::Late => Some(ErrorKind::Unavailable),
            Fault::No | Fault::Stale => None,
        };
        let acts = !matches!(fault, Fault::Before(_) | Fault::Late);
        let seen = self
            .snapshot
            .as_ref()
            .filter(|_| fault == Fault::Stale)
            .unwrap_or(&self.store);
        Ok(match effect {
            sweep::Effect::List(request) => {
                sweep::Answer::Page(fails.map_or_else(|| Ok(seen.list(&request)), Err), now)
            }
            sweep::Effect::ListUploads(request) => {
                let page = || seen.list_uploads(&seen.uploads, &request);
                sweep::Answer::Uploads(fails.map_or_else(|| Ok(page()), Err), now)
            }
            sweep::Effect::ListStaged(bucket, key) => {
                let request = ListUploads {
                    prefix: Some(key.to_string()),
                    ..ListUploads::default()
                };
                // A list that is older than the grace would miss uploads, whose note is then removed. The grace exists
                // to prevent that.
                let seen = if seen.now + GRACE > self.store.now {
                    seen
                } else {
                    &self.store
                };
                let staged: Vec<_> = seen
                    .staged
                    .iter()
                    .filter(|upload| upload.is_in(bucket.as_ref()))
                    .cloned()
                    .collect();
                let page = || seen.list_uploads(&staged, &request);
                sweep::Answer::Uploads(fails.map_or_else(|| Ok(page()), Err), now)
            }
            sweep::Effect::Look(keys) => {
                let look = |key| self.store.draft.get(key).map(|draft| draft.info.etag.clone());
                sweep::Answer::Seen(keys.iter().map(|key| look(key).filter(|_| fails.is_none())).collect())
            }
            sweep::Effect::LookUpRejected(notes) => {
                let look = |note| {
                    let note = self.store.draft.get(note)?;
                    let rejected = RejectedDraft::of_text(note.info.attributes.metadata.get(REJECTED_METADATA)?)?;
                    let draft = self.store.draft.get(&rejected.key)?.info.clone();
                    Some((rejected, draft))
                };
                let seen = notes.iter().map(|note| fails.map_or_else(|| Ok(look(note)), Err));
                sweep::Answer::Rejected(seen.collect())
            }
            sweep::Effect::DeleteMany(versions) => self.delete_all(&versions, Condition::DeleteMany, fails, acts)?,
            sweep::Effect::DeleteEach(versions) => self.delete_all(&versions, Condition::Delete, fails, acts)?,
            sweep::Effect::Abort(uploads) => {
                let gone = |upload: &Upload| uploads.iter().any(|listed| listed.upload_id == upload_id(upload.id));
                for upload in self.store.uploads.iter().filter(|upload| acts && gone(upload)) {
                    Audit::aborted(&self.store, upload)?;
                }
                if acts {
                    self.store.uploads.retain(|upload| !gone(upload));
                }
                sweep::Answer::Aborted {
                    failed: fails.map_or(0, |_| uploads.len()),
                }
            }
            sweep::Effect::Complete(uploads) => {
                let mut completed = 0;
                for upload in uploads.iter().filter(|_| acts) {
                    completed += usize::from(self.complete_for_client(&upload.upload_id));
                }
                sweep::Answer::Completed {
                    completed,
                    failed: fails.map_or(0, |_| uploads.len()),
                }
            }
            sweep::Effect::AbortStaged(bucket, uploads) => {
                let gone = |upload: &Upload| {
                    let is_it = uploads.iter().any(|listed| listed.upload_id == upload_id(upload.id));
                    is_it && upload.is_in(bucket.as_ref())
                };
                if acts {
                    self.store.staged.retain(|upload| !gone(upload));
                }
                sweep::Answer::Aborted {
                    failed: fails.map_or(0, |_| uploads.len()),
                }
            }
        })
    }

    fn delete_all(
        &mut self,
        versions: &[DraftVersion],
        condition: Condition,
        fails: Option<ErrorKind>,
        acts: bool,
    ) -> Result<sweep::Answer<ErrorKind>, Broken> {
        let mut failures = Vec::new();
        for version in versions.iter().filter(|_| acts) {
            if let Err(kind) = self.delete(version, condition)? {
                failures.push(failure(version, kind));
            }
        }
        Ok(sweep::Answer::Deleted(fails.map_or(Ok(failures), Err)))
    }
}
