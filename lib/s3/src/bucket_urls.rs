//! The URLs of buckets. The SDK decides if a bucket is in the host name or in the path.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::presigning::PresigningConfig;
use draftstore_sigv4::BucketUrl;
use draftstore_storage::{BucketName, Error};

use crate::error::Call;

/// A cache of the URLs of buckets. An installation has two.
pub(crate) struct BucketUrls {
    client: Client,
    known: ArcSwap<Vec<(BucketName, Arc<BucketUrl>)>>,
}

impl fmt::Debug for BucketUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BucketUrls").field(&self.known).finish()
    }
}

impl BucketUrls {
    /// Creates the cache. `config` is that of a client of the public endpoint, without credentials.
    pub(crate) fn new(config: Builder) -> Self {
        // The signature is thrown away.
        let nobody = Credentials::new("nobody", "nobody", None, None, "nobody");
        Self {
            client: Client::from_conf(config.credentials_provider(nobody).build()),
            known: ArcSwap::default(),
        }
    }

    /// Uses the cached URL of a bucket, if there is one. Counts no references, because all cores would contend for the counter.
    pub(crate) fn with_cached<T>(&self, bucket: &BucketName, sign: impl FnOnce(&BucketUrl) -> T) -> Option<T> {
        let known = self.known.load();
        let (_, url) = known.iter().find(|(known, _)| known == bucket)?;
        Some(sign(url))
    }

    /// Returns the URL of a bucket, and resolves it first if it is not cached.
    pub(crate) async fn get(&self, call: Call<'_>, bucket: &BucketName) -> Result<Arc<BucketUrl>, Error> {
        let known = self.known.load();
        if let Some((_, url)) = known.iter().find(|(known, _)| known == bucket) {
            return Ok(Arc::clone(url));
        }
        // Boxed: the SDK's future is large, and every signature would have room for it.
        let url = Arc::new(Box::pin(self.resolve(call, bucket)).await?);
        let pair = (bucket.clone(), Arc::clone(&url));
        self.known.rcu(|known| {
            let others = known.iter().filter(|(known, _)| known != bucket).cloned();
            others.chain([pair.clone()]).collect::<Vec<_>>()
        });
        Ok(url)
    }

    async fn resolve(&self, call: Call<'_>, bucket: &BucketName) -> Result<BucketUrl, Error> {
        const KEY: &str = "k";
        let validity = PresigningConfig::expires_in(Duration::from_secs(60));
        let validity = validity.map_err(|error| call.unexpected(error.to_string()))?;
        let put = self.client.put_object().bucket(bucket.as_str()).key(KEY);
        let put = put.presigned(validity).await.map_err(|error| call.failed(&error))?;
        let url = put.uri().split('?').next().and_then(|url| url.strip_suffix(KEY));
        let url = url.and_then(BucketUrl::new);
        url.ok_or_else(|| call.unexpected("the URL of a key does not end with the key"))
    }
}
