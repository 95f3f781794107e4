//! The driver of the completion of uploads whose clients are gone, which runs [`draftstore_protocol::upload::Completion`]
//! against the store. The service and the sweep use it. It needs no secret: the plan belongs to one upload, by its key.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use draftstore_protocol::confirm::MarkerDigest;
use draftstore_protocol::events::Trace;
use draftstore_protocol::upload::{
    Completion, CompletionAnswer, CompletionEffect, CompletionEnd, CompletionError, CompletionStep, FoundDraft, MARK,
    PLAN_METADATA, Token, plan_key,
};
use draftstore_storage::{
    Attributes, CompleteUpload, Error, ErrorKind, ListParts, ListedPart, ObjectInfo, ObjectKey, PutDraft, UploadId,
};

use crate::Store;
use crate::draft::found;
use crate::events::{Act, EventKind, Fields, NewAct, TraceAt};
use crate::secrets::framed;

/// A multipart upload in the draft bucket, which may no longer exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredUpload<'a> {
    pub(crate) key: &'a ObjectKey,
    pub(crate) upload_id: &'a UploadId,
}

/// The rules of one completion.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompletionRules {
    /// The time for which no part may have arrived.
    pub(crate) idle_after: Duration,
    /// The current time, if the store's responses have no date.
    pub(crate) now: SystemTime,
    /// True if some endpoint wants the event of an upload.
    pub(crate) is_wanted: bool,
}

/// The result of a completion, with the note of its event if it may have completed the upload.
pub(crate) type Completed = (Result<CompletionEnd, CompletionError<Error>>, Option<Act>);

/// The parts of an upload that have arrived.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// The parts, in ascending order of their numbers.
    pub(crate) parts: Vec<ListedPart>,
    /// The time of the list by the store's clock, if its response has a date.
    store_time: Option<SystemTime>,
}

impl StoredUpload<'_> {
    /// Writes the plan of an upload that was begun with its size.
    pub(crate) async fn write_plan(self, store: &Store, token: &Token) -> Result<(), Error> {
        let Some(plan) = token.to_plan() else {
            return Ok(());
        };
        let attributes = Attributes {
            metadata: [(PLAN_METADATA.to_owned(), plan)].into(),
            ..Attributes::default()
        };
        let put = PutDraft {
            bucket: &store.buckets.draft,
            key: &self.plan_key(),
            bytes: &[],
            attributes: &attributes,
            if_absent: false,
        };
        store.objects().put_draft(&put).await.map(drop)
    }

    /// Completes the upload if it has a plan and all parts, and none arrived lately. Stores the event before.
    pub(crate) async fn complete(self, store: &Store, rules: CompletionRules) -> Completed {
        let (mut completion, mut effect) = Completion::start(rules.idle_after);
        let (mut traces, mut act) = (Vec::new(), None);
        loop {
            let answer = match effect {
                CompletionEffect::LookUpPlan => {
                    let plan = self.plan(store).await;
                    if let Ok(Some(token)) = &plan {
                        traces.push(TraceAt::in_draft(self.key, Trace::of_upload(&token.mark)));
                    }
                    CompletionAnswer::Plan(plan)
                }
                CompletionEffect::ListParts => {
                    let arrived = self.arrived(store).await;
                    let store_time = arrived.iter().flatten().find_map(|arrived| arrived.store_time);
                    let parts = arrived.map(|arrived| arrived.map(|arrived| arrived.parts));
                    CompletionAnswer::Parts(parts, store_time.unwrap_or(rules.now))
                }
                CompletionEffect::LookUpDraft => {
                    let draft = head(store, self.key).await;
                    CompletionAnswer::Draft(draft.map(|draft| draft.map(found_draft)))
                }
                CompletionEffect::Complete(parts) => {
                    if rules.is_wanted {
                        match self.uploading(store, std::mem::take(&mut traces), rules.now).await {
                            Ok(written) => act = Some(written),
                            Err(error) => return (Err(CompletionError::Store(error)), None),
                        }
                    }
                    let complete = CompleteUpload {
                        bucket: &store.buckets.draft,
                        key: self.key,
                        upload_id: self.upload_id,
                        parts: &parts,
                        if_absent: true,
                    };
                    CompletionAnswer::Completed(store.objects().complete_upload(&complete).await)
                }
            };
            match completion.on(answer) {
                CompletionStep::Perform(next) => effect = next,
                CompletionStep::Finish(ended) => return (ended, act),
            }
        }
    }

    /// Stores a note of an upload that is about to be completed. The event is made of its draft.
    async fn uploading(self, store: &Store, traces: Vec<TraceAt>, now: SystemTime) -> Result<Act, Error> {
        let act = NewAct {
            kind: EventKind::DraftUploaded,
            bucket: store.buckets.draft.name(),
            tenant: None,
            object_name: self.key.as_str(),
            act: &[self.key.as_str(), self.upload_id.as_str()],
            fields: Fields::new(),
            traces,
        };
        act.write(store, now).await
    }

    async fn plan(self, store: &Store) -> Result<Option<Token>, Error> {
        let plan = head(store, &self.plan_key()).await?;
        let text = plan.and_then(|plan| plan.attributes.metadata.get(PLAN_METADATA).cloned());
        Ok(text.and_then(|text| Token::of_plan(&text, self.upload_id)))
    }

    /// Lists all parts that have arrived, or returns `None` if the upload does not exist.
    pub(crate) async fn arrived(self, store: &Store) -> Result<Option<Arrived>, Error> {
        let mut arrived = Arrived::default();
        let mut after = None;
        loop {
            let request = ListParts {
                bucket: &store.buckets.draft,
                key: self.key,
                upload_id: self.upload_id,
                after,
                max_parts: None,
            };
            let page = match store.objects().list_parts(&request).await {
                Ok(page) => page,
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            arrived.parts.extend(page.parts);
            arrived.store_time = page.store_time;
            // Ends the loop if a store returns the same page again.
            if page.next <= after {
                return Ok(Some(arrived));
            }
            after = page.next;
        }
    }

    fn plan_key(self) -> ObjectKey {
        let parts = [self.key.as_str(), self.upload_id.as_str()];
        let sha256 = digest(&SHA256, &framed(&parts));
        let sha256 = sha256.as_ref().try_into().expect("SHA-256 has 32 bytes");
        plan_key(&MarkerDigest::new(sha256))
    }
}

async fn head(store: &Store, key: &ObjectKey) -> Result<Option<ObjectInfo>, Error> {
    found(store.objects().head(store.buckets.draft.name(), key).await)
}

fn found_draft(draft: ObjectInfo) -> FoundDraft {
    FoundDraft {
        mark: draft.attributes.metadata.get(MARK).cloned(),
        etag: draft.etag,
    }
}
