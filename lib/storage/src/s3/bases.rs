//! Where the buckets are, by the SDK's rules: it alone knows whether a bucket goes into the host or the path.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::presigning::PresigningConfig;

use super::error::Call;
use super::sigv4::Base;
use crate::{BucketName, Error};

/// Asked for once for each bucket, and kept: an installation has two.
pub(super) struct Bases {
    client: Client,
    known: ArcSwap<Vec<(BucketName, Arc<Base>)>>,
}

impl fmt::Debug for Bases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bases").field(&self.known).finish()
    }
}

impl Bases {
    /// `config` is a client's at the endpoint that URLs lead to, without credentials.
    pub(super) fn new(config: Builder) -> Self {
        // What it signs is thrown away.
        let nobody = Credentials::new("nobody", "nobody", None, None, "nobody");
        Self {
            client: Client::from_conf(config.credentials_provider(nobody).build()),
            known: ArcSwap::default(),
        }
    }

    /// Gives the base that is known of a bucket, if there is one. Counts no references, which would make all cores wait for
    /// each other.
    pub(super) fn at_hand<T>(&self, bucket: &BucketName, sign: impl FnOnce(&Base) -> T) -> Option<T> {
        let known = self.known.load();
        let (_, base) = known.iter().find(|(known, _)| known == bucket)?;
        Some(sign(base))
    }

    /// Asks for it where it is not known.
    pub(super) async fn base(&self, call: Call<'_>, bucket: &BucketName) -> Result<Arc<Base>, Error> {
        let known = self.known.load();
        if let Some((_, base)) = known.iter().find(|(known, _)| known == bucket) {
            return Ok(Arc::clone(base));
        }
        // Boxed: the SDK's future is large, and every signature would have room for it.
        let base = Arc::new(Box::pin(self.ask(call, bucket)).await?);
        let pair = (bucket.clone(), Arc::clone(&base));
        self.known.rcu(|known| {
            let others = known.iter().filter(|(known, _)| known != bucket).cloned();
            others.chain([pair.clone()]).collect::<Vec<_>>()
        });
        Ok(base)
    }

    async fn ask(&self, call: Call<'_>, bucket: &BucketName) -> Result<Base, Error> {
        const KEY: &str = "k";
        let validity = PresigningConfig::expires_in(Duration::from_secs(60));
        let validity = validity.map_err(|error| call.unexpected(error.to_string()))?;
        let put = self.client.put_object().bucket(bucket.as_str()).key(KEY);
        let put = put.presigned(validity).await.map_err(|error| call.failed(&error))?;
        let base = put.uri().split('?').next().and_then(|url| url.strip_suffix(KEY));
        let base = base.and_then(Base::new);
        base.ok_or_else(|| call.unexpected("the URL of a key does not end with the key"))
    }
}
