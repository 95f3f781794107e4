//! A decorator of a store that ignores some conditions and injects planned faults.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use draftstore_storage::{
    Administration, BucketName, Capabilities, CompleteUpload, Condition, CopyInMain, CopyToMain, CopyVersion, CorsRule,
    CreateUpload, Created, DeleteFailure, DraftBucket, DraftVersion, ETag, Error, ErrorKind, Features, IfDestination,
    KeptVersion, Lifecycle, ListObjects, ListParts, ListUploads, ListVersions, MainBucket, NoncurrentRule,
    ObjectDeleted, ObjectDescription, ObjectInfo, ObjectKey, ObjectPage, Objects, Operation, PartPage, Presign,
    PresignGet, PresignPart, PresignPost, PresignPut, PresignStep, PresignedRequest, PutDraft, ReadDraft,
    RestoreArchived, StageCopy, StageInMain, StagedCopy, Storage, Transition, UploadId, UploadPage, VersionCopied,
    VersionId, VersionPage,
};

use crate::ignoring;

type Act = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A fault of one call, injected once.
enum Fault {
    /// The call fails without reaching the store.
    Before(ErrorKind),
    /// The call takes effect, but its response is lost.
    After(ErrorKind),
    /// An action runs before the call.
    First(Act),
}

/// The decorator. Faults of an operation are injected in the order in which they were planned.
pub(crate) struct Faulty {
    store: Arc<dyn Storage>,
    /// The conditions that the decorated store honours.
    honoured: Capabilities,
    planned: Mutex<VecDeque<(Operation, Fault)>>,
    /// The number of calls left before a planned crash.
    crash: Mutex<Option<usize>>,
    calls: Mutex<Vec<(Operation, BucketName)>>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faulty").field(&self.store).finish()
    }
}

impl Faulty {
    pub(crate) fn new(store: Arc<dyn Storage>, honoured: Capabilities) -> Self {
        Self {
            store,
            honoured,
            planned: Mutex::default(),
            crash: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    /// Makes the next call of an operation fail without any effect.
    pub(crate) fn fail(&self, operation: Operation, kind: ErrorKind) {
        self.plan(operation, Fault::Before(kind));
    }

    /// Makes the next call of an operation fail after it took effect.
    pub(crate) fn lose_the_answer(&self, operation: Operation) {
        self.plan(operation, Fault::After(ErrorKind::Unavailable));
    }

    /// Runs an action before the next call of an operation.
    pub(crate) fn before<F>(&self, operation: Operation, act: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.plan(operation, Fault::First(Box::new(|| Box::pin(act()))));
    }

    /// Simulates a crash of the process after a number of calls: no further call reaches the store.
    pub(crate) fn crash_after(&self, calls: usize) {
        *self.crash.lock().expect("not poisoned") = Some(calls);
    }

    /// Simulates a restart of the process. Returns `true` if it had crashed.
    pub(crate) fn restart(&self) -> bool {
        self.planned.lock().expect("not poisoned").clear();
        self.crash.lock().expect("not poisoned").take() == Some(0)
    }

    fn has_crashed(&self) -> bool {
        match &mut *self.crash.lock().expect("not poisoned") {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    /// Returns the calls so far, in order.
    pub(crate) fn calls(&self) -> Vec<(Operation, BucketName)> {
        self.calls.lock().expect("not poisoned").clone()
    }

    fn plan(&self, operation: Operation, fault: Fault) {
        self.planned.lock().expect("not poisoned").push_back((operation, fault));
    }

    async fn call<T>(
        &self,
        operation: Operation,
        bucket: &BucketName,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.calls
            .lock()
            .expect("not poisoned")
            .push((operation, bucket.clone()));
        let fault = if self.has_crashed() {
            Some((operation, Fault::Before(ErrorKind::Unavailable)))
        } else {
            let mut planned = self.planned.lock().expect("not poisoned");
            let next = planned.iter().position(|(planned, _)| *planned == operation);
            next.and_then(|next| planned.remove(next))
        };
        let failed = |kind| Error {
            kind,
            operation,
            bucket: bucket.clone(),
            key: None,
            source: "planned".into(),
        };
        match fault {
            None => call.await,
            Some((_, Fault::Before(kind))) => Err(failed(kind)),
            Some((_, Fault::After(kind))) => {
                call.await?;
                Err(failed(kind))
            }
            Some((_, Fault::First(act))) => {
                act().await;
                call.await
            }
        }
    }
}

#[async_trait]
impl Objects for Faulty {
    async fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error> {
        self.call(Operation::HeadObject, bucket, self.store.head(bucket, key))
            .await
    }

    async fn describe(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectDescription, Error> {
        let described = self.store.describe(bucket, key, version);
        self.call(Operation::HeadObject, bucket.name(), described).await
    }

    async fn tags(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<BTreeMap<String, String>, Error> {
        let tags = self.store.tags(bucket, key, version);
        self.call(Operation::GetObjectTagging, bucket, tags).await
    }

    async fn restore_archived(&self, restore: &RestoreArchived<'_>) -> Result<(), Error> {
        let restored = self.store.restore_archived(restore);
        self.call(Operation::RestoreObject, restore.bucket.name(), restored)
            .await
    }

    async fn list_versions(&self, request: &ListVersions<'_>) -> Result<VersionPage, Error> {
        let listed = self.store.list_versions(request);
        self.call(Operation::ListObjectVersions, request.bucket.name(), listed)
            .await
    }

    async fn copy_version(&self, copy: &CopyVersion<'_>) -> Result<VersionCopied, Error> {
        let copied = ignoring::copy_version(&*self.store, self.honoured, copy);
        self.call(Operation::CopyObject, copy.bucket.name(), copied).await
    }

    async fn delete_version(&self, bucket: &MainBucket, key: &ObjectKey, version: &VersionId) -> Result<(), Error> {
        let deleted = self.store.delete_version(bucket, key, version);
        self.call(Operation::DeleteObject, bucket.name(), deleted).await
    }

    async fn put_legal_hold(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        version: &VersionId,
        is_held: bool,
    ) -> Result<(), Error> {
        let put = self.store.put_legal_hold(bucket, key, version, is_held);
        self.call(Operation::PutObjectLegalHold, bucket.name(), put).await
    }

    async fn list(&self, bucket: &BucketName, request: &ListObjects) -> Result<ObjectPage, Error> {
        self.call(Operation::ListObjectsV2, bucket, self.store.list(bucket, request))
            .await
    }

    async fn copy_to_main(&self, copy: &CopyToMain<'_>) -> Result<ETag, Error> {
        let main = copy.main_bucket.name();
        let copied = ignoring::copy_to_main(&*self.store, self.honoured, copy);
        self.call(Operation::CopyObject, main, copied).await
    }

    async fn copy_in_main(&self, copy: &CopyInMain<'_>) -> Result<VersionCopied, Error> {
        let copied = ignoring::copy_in_main(&*self.store, self.honoured, copy);
        self.call(Operation::CopyObject, copy.bucket.name(), copied).await
    }

    async fn stage_in_main(&self, copy: &StageInMain<'_>) -> Result<StagedCopy, Error> {
        let staged = self.store.stage_in_main(copy);
        self.call(Operation::UploadPartCopy, copy.bucket.name(), staged).await
    }

    async fn stage_copy(&self, copy: &StageCopy<'_>) -> Result<StagedCopy, Error> {
        let main = copy.main_bucket.name();
        let staged = ignoring::stage_copy(&*self.store, self.honoured, copy);
        self.call(Operation::UploadPartCopy, main, staged).await
    }

    async fn complete_copy(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        staged: &StagedCopy,
        if_destination: IfDestination<'_>,
    ) -> Result<ETag, Error> {
        let complete = ignoring::complete_copy(&*self.store, self.honoured, (bucket, key), staged, if_destination);
        self.call(Operation::CompleteMultipartUpload, bucket.name(), complete)
            .await
    }

    async fn abort_copy(&self, bucket: &MainBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error> {
        let abort = self.store.abort_copy(bucket, key, upload_id);
        self.call(Operation::AbortMultipartUpload, bucket.name(), abort).await
    }

    async fn undo_copy(&self, bucket: &MainBucket, key: &ObjectKey, etag: &ETag) -> Result<(), Error> {
        let undo = async {
            if self.honoured.honours(Condition::Delete) {
                self.store.undo_copy(bucket, key, etag).await
            } else {
                ignoring::undo_copy(&*self.store, bucket, key).await
            }
        };
        self.call(Operation::DeleteObject, bucket.name(), undo).await
    }

    async fn delete_object(&self, bucket: &MainBucket, object: &KeptVersion) -> Result<Option<VersionId>, Error> {
        let delete = async {
            if self.honoured.honours(Condition::Delete) {
                self.store.delete_object(bucket, object).await
            } else {
                ignoring::undo_copy(&*self.store, bucket, &object.key)
                    .await
                    .map(|()| None)
            }
        };
        self.call(Operation::DeleteObject, bucket.name(), delete).await
    }

    async fn delete_objects(&self, bucket: &MainBucket, objects: &[KeptVersion]) -> Result<Vec<ObjectDeleted>, Error> {
        let delete = async {
            if self.honoured.honours(Condition::DeleteMany) {
                return self.store.delete_objects(bucket, objects).await;
            }
            let mut deleted = Vec::new();
            for object in objects {
                ignoring::undo_copy(&*self.store, bucket, &object.key).await?;
                let key = object.key.clone();
                deleted.push(ObjectDeleted { key, marker: Ok(None) });
            }
            Ok(deleted)
        };
        self.call(Operation::DeleteObjects, bucket.name(), delete).await
    }

    async fn read_draft(&self, read: &ReadDraft<'_>) -> Result<Vec<u8>, Error> {
        self.call(Operation::GetObject, read.bucket.name(), self.store.read_draft(read))
            .await
    }

    async fn put_draft(&self, put: &PutDraft<'_>) -> Result<ETag, Error> {
        self.call(Operation::PutObject, put.bucket.name(), self.store.put_draft(put))
            .await
    }

    async fn delete_draft(&self, bucket: &DraftBucket, draft: &DraftVersion) -> Result<(), Error> {
        let delete = async {
            if self.honoured.honours(Condition::Delete) {
                self.store.delete_draft(bucket, draft).await
            } else {
                ignoring::delete_draft(&*self.store, bucket, draft).await
            }
        };
        self.call(Operation::DeleteObject, bucket.name(), delete).await
    }

    async fn delete_drafts(&self, bucket: &DraftBucket, drafts: &[DraftVersion]) -> Result<Vec<DeleteFailure>, Error> {
        let delete = async {
            if self.honoured.honours(Condition::DeleteMany) {
                return self.store.delete_drafts(bucket, drafts).await;
            }
            for draft in drafts {
                ignoring::delete_draft(&*self.store, bucket, draft).await?;
            }
            Ok(Vec::new())
        };
        self.call(Operation::DeleteObjects, bucket.name(), delete).await
    }

    async fn create_upload(&self, create: &CreateUpload<'_>) -> Result<UploadId, Error> {
        let created = self.store.create_upload(create);
        self.call(Operation::CreateMultipartUpload, create.bucket.name(), created)
            .await
    }

    async fn list_parts(&self, request: &ListParts<'_>) -> Result<PartPage, Error> {
        let listed = self.store.list_parts(request);
        self.call(Operation::ListParts, request.bucket.name(), listed).await
    }

    async fn complete_upload(&self, complete: &CompleteUpload<'_>) -> Result<ETag, Error> {
        let honoured = self.honoured.honours(Condition::CompleteToAbsent);
        let asked = CompleteUpload {
            if_absent: complete.if_absent && honoured,
            ..*complete
        };
        let completed = self.store.complete_upload(&asked);
        self.call(Operation::CompleteMultipartUpload, complete.bucket.name(), completed)
            .await
    }

    async fn list_uploads(&self, bucket: &BucketName, request: &ListUploads) -> Result<UploadPage, Error> {
        self.call(
            Operation::ListMultipartUploads,
            bucket,
            self.store.list_uploads(bucket, request),
        )
        .await
    }

    async fn abort_upload(&self, bucket: &DraftBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error> {
        let abort = self.store.abort_upload(bucket, key, upload_id);
        self.call(Operation::AbortMultipartUpload, bucket.name(), abort).await
    }
}

#[async_trait]
impl Presign for Faulty {
    async fn presign_put(&self, put: &PresignPut<'_>) -> Result<PresignedRequest, Error> {
        self.call(Operation::Presign, put.bucket.name(), self.store.presign_put(put))
            .await
    }

    async fn presign_part(&self, part: &PresignPart<'_>) -> Result<PresignedRequest, Error> {
        self.call(Operation::Presign, part.bucket.name(), self.store.presign_part(part))
            .await
    }

    async fn presign_post(&self, post: &PresignPost<'_>) -> Result<PresignedRequest, Error> {
        self.call(Operation::Presign, post.bucket.name(), self.store.presign_post(post))
            .await
    }

    async fn presign_step(&self, step: &PresignStep<'_>) -> Result<PresignedRequest, Error> {
        self.call(Operation::Presign, step.bucket.name(), self.store.presign_step(step))
            .await
    }

    async fn presign_get(&self, get: &PresignGet<'_>) -> Result<PresignedRequest, Error> {
        self.call(Operation::Presign, get.bucket, self.store.presign_get(get))
            .await
    }
}

#[async_trait]
impl Administration for Faulty {
    async fn create_bucket(&self, bucket: &BucketName) -> Result<Created, Error> {
        self.call(Operation::CreateBucket, bucket, self.store.create_bucket(bucket))
            .await
    }

    async fn put_cors(&self, bucket: &BucketName, rule: &CorsRule) -> Result<(), Error> {
        self.call(Operation::PutBucketCors, bucket, self.store.put_cors(bucket, rule))
            .await
    }

    async fn has_versions(&self, bucket: &MainBucket) -> Result<bool, Error> {
        let versioning = self.store.has_versions(bucket);
        self.call(Operation::GetBucketVersioning, bucket.name(), versioning)
            .await
    }

    async fn get_lifecycle(&self, bucket: &DraftBucket) -> Result<Lifecycle, Error> {
        let get = self.store.get_lifecycle(bucket);
        self.call(Operation::GetBucketLifecycleConfiguration, bucket.name(), get)
            .await
    }

    async fn noncurrent_rules(&self, bucket: &MainBucket) -> Result<Vec<NoncurrentRule>, Error> {
        let rules = self.store.noncurrent_rules(bucket);
        self.call(Operation::GetBucketLifecycleConfiguration, bucket.name(), rules)
            .await
    }

    async fn put_lifecycle(&self, bucket: &DraftBucket, lifecycle: &Lifecycle) -> Result<(), Error> {
        let put = self.store.put_lifecycle(bucket, lifecycle);
        self.call(Operation::PutBucketLifecycleConfiguration, bucket.name(), put)
            .await
    }

    async fn transitions(&self, bucket: &MainBucket) -> Result<Vec<Transition>, Error> {
        let rules = self.store.transitions(bucket);
        self.call(Operation::GetBucketLifecycleConfiguration, bucket.name(), rules)
            .await
    }

    async fn put_transitions(&self, bucket: &MainBucket, transitions: &[Transition]) -> Result<(), Error> {
        let put = self.store.put_transitions(bucket, transitions);
        self.call(Operation::PutBucketLifecycleConfiguration, bucket.name(), put)
            .await
    }

    async fn probe(&self, bucket: &DraftBucket, prefix: &ObjectKey) -> Result<Capabilities, Error> {
        self.store.probe(bucket, prefix).await
    }

    async fn features(&self, draft: &DraftBucket, main: &MainBucket, prefix: &ObjectKey) -> Result<Features, Error> {
        let features = self.store.features(draft, main, prefix);
        self.call(Operation::GetObjectLockConfiguration, main.name(), features)
            .await
    }
}
