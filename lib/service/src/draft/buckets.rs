//! Creation of the buckets.

use draftstore_storage::{BucketName, Created, ErrorKind, MainBucket};

use super::Drafts;
use crate::{Error, Scope};

/// The result of creating the buckets. All exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketsReady {
    /// The name of the draft bucket.
    pub draft: BucketName,
    /// The name of the main bucket.
    pub main: BucketName,
    /// The buckets that this call created.
    pub created: Vec<BucketName>,
    /// `true` if this call set the CORS rules of the draft bucket.
    pub cors_applied: bool,
}

impl Drafts {
    /// Creates the draft and the main bucket, and those of destinations, if they do not exist. Sets CORS on the draft bucket if origins are
    /// configured. Idempotent.
    ///
    /// A store without CORS calls is not an error: its operator configures CORS in the store itself.
    ///
    /// # Errors
    /// Returns [`Error::NotAllowed`] without the scope `admin`, or an error of the store.
    pub async fn create_buckets(&self) -> Result<BucketsReady, Error> {
        self.caller.require(Scope::Admin)?;
        let draft = self.shared.store.buckets.draft.name();
        let main = self.shared.store.buckets.main.name();
        let mut created = Vec::new();
        let destinations = self.shared.store.buckets.destinations.iter().map(MainBucket::name);
        for bucket in [draft, main].into_iter().chain(destinations) {
            if self.shared.store.administration().create_bucket(bucket).await? == Created::Now {
                tracing::info!(%bucket, "bucket created");
                created.push(bucket.clone());
            }
        }
        Ok(BucketsReady {
            draft: draft.clone(),
            main: main.clone(),
            created,
            cors_applied: self.apply_cors(draft).await?,
        })
    }

    async fn apply_cors(&self, draft: &BucketName) -> Result<bool, Error> {
        let Some(rule) = self.shared.origins.cors_rule() else {
            return Ok(false);
        };
        match self.shared.store.administration().put_cors(draft, &rule).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind == ErrorKind::Unsupported => {
                let remedy = "configure CORS in the store itself";
                tracing::warn!(bucket = %draft, remedy, "store does not support CORS calls");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
