//! A service that signs and never calls its store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use draftstore_service::{AllowedOrigins, Buckets, Clock, Drafts, Policy, Store};
use draftstore_sigv4::{BucketUrl, Credentials, Signer, Timestamp, UrlRequest};
use draftstore_storage::{
    Administration, BucketName, Capabilities, CompleteUpload, CopyInMain, CopyToMain, CopyVersion, CorsRule,
    CreateUpload, Created, DeleteFailure, DraftBucket, DraftVersion, ETag, Error, Features, IfDestination, KeptVersion,
    Lifecycle, ListObjects, ListParts, ListUploads, ListVersions, MainBucket, Method, NoncurrentRule, ObjectDeleted,
    ObjectDescription, ObjectInfo, ObjectKey, ObjectPage, Objects, PartPage, Presign, PresignGet, PresignPart,
    PresignPost, PresignPut, PresignStep, PresignedRequest, PutDraft, ReadDraft, RestoreArchived, SecretFields,
    SecretUrl, StageCopy, StageInMain, StagedCopy, Transition, UploadId, UploadPage, VersionCopied, VersionId,
    VersionPage,
};
use tokio::runtime::{Builder, Runtime};

/// The time at which everything here happens.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET_ACCESS_KEY: &str = "hush/hush+hush";
pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const HOST: &str = "store.example:9000";

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    static DRAFTS: Drafts = drafts();
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        now()
    }
}

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// Waits for what only computes.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

pub(crate) fn with_drafts<T>(run: impl FnOnce(&Drafts) -> T) -> T {
    DRAFTS.with(run)
}

pub(crate) fn signer(session_token: Option<&str>, from: u64) -> Signer {
    let credentials = Credentials {
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        session_token: session_token.map(ToOwned::to_owned),
    };
    Signer::new(credentials, REGION, Timestamp::from_unix_seconds(from).expect("a time"))
}

fn drafts() -> Drafts {
    let (draft, main) = ("main-draft".parse(), "main".parse());
    let (draft, main) = DraftBucket::pair(draft.expect("a name"), main.expect("a name")).expect("two names");
    let hour = Duration::from_secs(3600);
    let policy = Policy::new(hour, hour, 24 * hour, hour).expect("a policy");
    let store = Store::new(Arc::new(Offline), Buckets::new(draft, main));
    Drafts::new(store, policy, AllowedOrigins::default(), Arc::new(Stopped))
}

/// A store that signs parts and downloads, and panics on any call.
#[derive(Debug)]
struct Offline;

impl Offline {
    fn signed(
        method: Method,
        place: (&BucketName, &ObjectKey),
        query: &[(&str, &str)],
        seconds: u64,
    ) -> PresignedRequest {
        let (bucket, key) = place;
        let url = signer(None, NOW).sign_url(&UrlRequest {
            method: method.as_str(),
            bucket: &BucketUrl::new(format!("http://{HOST}/{bucket}/")).expect("a URL"),
            key: key.as_str(),
            query,
            headers: &BTreeMap::new(),
            seconds,
        });
        PresignedRequest {
            method,
            url: SecretUrl::new(url),
            headers: BTreeMap::new(),
            fields: SecretFields::default(),
            expires_at: now() + Duration::from_secs(seconds),
        }
    }
}

#[async_trait]
impl Presign for Offline {
    async fn presign_part(&self, part: &PresignPart<'_>) -> Result<PresignedRequest, Error> {
        let number = part.number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", part.upload_id.as_str())];
        let place = (part.bucket.name(), part.key);
        Ok(Self::signed(Method::Put, place, &query, part.expires_in.as_secs()))
    }

    async fn presign_get(&self, get: &PresignGet<'_>) -> Result<PresignedRequest, Error> {
        let query = [
            ("response-content-disposition", get.response_content_disposition),
            ("response-content-type", get.response_content_type.as_str()),
        ];
        let place = (get.bucket, get.key);
        Ok(Self::signed(Method::Get, place, &query, get.expires_in.as_secs()))
    }

    async fn presign_put(&self, _: &PresignPut<'_>) -> Result<PresignedRequest, Error> {
        unreachable!("no target asks for an upload")
    }

    async fn presign_post(&self, _: &PresignPost<'_>) -> Result<PresignedRequest, Error> {
        unreachable!("no target asks for a form")
    }

    async fn presign_step(&self, _: &PresignStep<'_>) -> Result<PresignedRequest, Error> {
        unreachable!("no target asks for a step")
    }
}

/// Implements a trait whose methods no target calls.
macro_rules! never_called {
    ($trait:ident { $(fn $name:ident($($argument:ty),+) -> $done:ty;)+ }) => {
        #[async_trait]
        impl $trait for Offline {
            $(async fn $name(&self, $(_: $argument),+) -> Result<$done, Error> {
                unreachable!("no target calls the store")
            })+
        }
    };
}

never_called! {
    Objects {
        fn head(&BucketName, &ObjectKey) -> ObjectInfo;
        fn list(&BucketName, &ListObjects) -> ObjectPage;
        fn describe(&MainBucket, &ObjectKey, Option<&VersionId>) -> ObjectDescription;
        fn tags(&BucketName, &ObjectKey, Option<&VersionId>) -> BTreeMap<String, String>;
        fn restore_archived(&RestoreArchived<'_>) -> ();
        fn list_versions(&ListVersions<'_>) -> VersionPage;
        fn copy_version(&CopyVersion<'_>) -> VersionCopied;
        fn copy_in_main(&CopyInMain<'_>) -> VersionCopied;
        fn stage_in_main(&StageInMain<'_>) -> StagedCopy;
        fn delete_version(&MainBucket, &ObjectKey, &VersionId) -> ();
        fn put_legal_hold(&MainBucket, &ObjectKey, &VersionId, bool) -> ();
        fn copy_to_main(&CopyToMain<'_>) -> ETag;
        fn stage_copy(&StageCopy<'_>) -> StagedCopy;
        fn complete_copy(&MainBucket, &ObjectKey, &StagedCopy, IfDestination<'_>) -> ETag;
        fn abort_copy(&MainBucket, &ObjectKey, &UploadId) -> ();
        fn undo_copy(&MainBucket, &ObjectKey, &ETag) -> ();
        fn delete_object(&MainBucket, &KeptVersion) -> Option<VersionId>;
        fn delete_objects(&MainBucket, &[KeptVersion]) -> Vec<ObjectDeleted>;
        fn read_draft(&ReadDraft<'_>) -> Vec<u8>;
        fn put_draft(&PutDraft<'_>) -> ETag;
        fn delete_draft(&DraftBucket, &DraftVersion) -> ();
        fn delete_drafts(&DraftBucket, &[DraftVersion]) -> Vec<DeleteFailure>;
        fn create_upload(&CreateUpload<'_>) -> UploadId;
        fn list_parts(&ListParts<'_>) -> PartPage;
        fn complete_upload(&CompleteUpload<'_>) -> ETag;
        fn list_uploads(&BucketName, &ListUploads) -> UploadPage;
        fn abort_upload(&DraftBucket, &ObjectKey, &UploadId) -> ();
    }
}

never_called! {
    Administration {
        fn create_bucket(&BucketName) -> Created;
        fn put_cors(&BucketName, &CorsRule) -> ();
        fn has_versions(&MainBucket) -> bool;
        fn get_lifecycle(&DraftBucket) -> Lifecycle;
        fn noncurrent_rules(&MainBucket) -> Vec<NoncurrentRule>;
        fn put_lifecycle(&DraftBucket, &Lifecycle) -> ();
        fn transitions(&MainBucket) -> Vec<Transition>;
        fn put_transitions(&MainBucket, &[Transition]) -> ();
        fn probe(&DraftBucket, &ObjectKey) -> Capabilities;
        fn features(&DraftBucket, &MainBucket, &ObjectKey) -> Features;
    }
}
