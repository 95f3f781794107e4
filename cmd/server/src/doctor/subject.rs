//! The store under test, and the prefix in it where doctor may write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_service::Buckets;
use draftstore_storage::{
    Attributes, BucketName, DraftVersion, Error, ErrorKind, ListObjects, MediaType, ObjectInfo, ObjectKey, PresignGet,
    PresignPost, PresignPut, PutDraft, Storage,
};

/// The validity of the URLs that must work.
const MINUTE: Duration = Duration::from_secs(60);

/// The bytes of every test upload.
pub(super) const BYTES: &str = "draftstore doctor";

/// The store under test, with its buckets. All writes go to one prefix in the draft bucket.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) buckets: Buckets,
    prefix: String,
}

impl Subject {
    /// Creates the subject with a random prefix. A sweep later removes objects that are left there.
    pub(super) fn new(storage: Arc<dyn Storage>, buckets: Buckets) -> Self {
        let prefix = format!(".drafts/doctor/{:016x}/", rand::random::<u64>());
        Self {
            storage,
            buckets,
            prefix,
        }
    }

    pub(super) fn draft(&self) -> &BucketName {
        self.buckets.draft.name()
    }

    pub(super) fn main(&self) -> &BucketName {
        self.buckets.main.name()
    }

    /// Returns a key under the prefix.
    pub(super) fn key(&self, name: &str) -> ObjectKey {
        ObjectKey::new(format!("{}{name}", self.prefix)).expect("a short key")
    }

    /// Returns a request that lists everything under the prefix.
    pub(super) fn written(&self) -> ListObjects {
        ListObjects {
            prefix: Some(self.prefix.clone()),
            ..ListObjects::default()
        }
    }

    /// Puts a draft with the server's own credentials.
    pub(super) async fn put(&self, key: &ObjectKey, bytes: &'static str) -> Result<DraftVersion, Error> {
        let put = PutDraft {
            bucket: &self.buckets.draft,
            key,
            bytes: bytes.as_bytes(),
            attributes: Attributes::NONE,
            if_absent: false,
        };
        let etag = self.storage.put_draft(&put).await?;
        Ok(DraftVersion { key: key.clone(), etag })
    }

    pub(super) async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo, Error> {
        self.storage.head(self.draft(), key).await
    }

    /// Returns the tags of a draft.
    pub(super) async fn tags(&self, key: &ObjectKey) -> Result<BTreeMap<String, String>, Error> {
        self.storage.tags(self.draft(), key, None).await
    }

    /// Returns true if the draft exists.
    pub(super) async fn has(&self, key: &ObjectKey) -> Result<bool, Error> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns a media type and metadata for an upload.
    pub(super) fn attributes() -> Attributes {
        Attributes {
            content_type: "text/plain".parse().ok(),
            metadata: [("doctor".to_owned(), "1".to_owned())].into(),
            ..Attributes::default()
        }
    }

    /// Returns an upload to this key without constraints.
    pub(super) fn upload<'a>(&'a self, key: &'a ObjectKey) -> PresignPut<'a> {
        PresignPut {
            bucket: &self.buckets.draft,
            key,
            content_length: None,
            checksum_sha256: None,
            attributes: Attributes::NONE,
            write_once: false,
            now: SystemTime::now(),
            expires_in: MINUTE,
        }
    }

    /// Returns a form for this key with this size limit, without other constraints.
    pub(super) fn form<'a>(&'a self, key: &'a ObjectKey, max_content_length: u64) -> PresignPost<'a> {
        PresignPost {
            bucket: &self.buckets.draft,
            key,
            max_content_length,
            checksum_sha256: None,
            attributes: Attributes::NONE,
            now: SystemTime::now(),
            expires_in: MINUTE,
        }
    }

    /// Returns a download of this draft.
    pub(super) fn download<'a>(&'a self, key: &'a ObjectKey) -> PresignGet<'a> {
        PresignGet {
            bucket: self.draft(),
            key,
            version: None,
            if_match: None,
            response_content_type: MediaType::OCTET_STREAM,
            response_content_disposition: "attachment",
            now: SystemTime::now(),
            expires_in: MINUTE,
        }
    }

    /// Removes everything under the prefix.
    pub(super) async fn clean_up(&self) -> Result<(), Error> {
        let page = self.storage.list(self.draft(), &self.written()).await?;
        for object in page.objects {
            let version = DraftVersion {
                key: object.key,
                etag: object.etag,
            };
            self.storage.delete_draft(&self.buckets.draft, &version).await?;
        }
        Ok(())
    }
}
