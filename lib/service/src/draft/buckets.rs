//! Making the buckets.

use draftstore_storage::{BucketName, Created, ErrorKind};

use super::Drafts;
use crate::{Error, Scope};

/// The buckets, which are there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketsReady {
    /// The draft bucket.
    pub draft: BucketName,
    /// The main bucket.
    pub main: BucketName,
    /// Those of the two that were made just now.
    pub created: Vec<BucketName>,
    /// Whether the draft bucket's CORS rules were set just now.
    pub cors_applied: bool,
}

impl Drafts {
    /// Makes the draft and the main bucket where they are missing, and sets CORS on the draft bucket where origins are
    /// configured. Idempotent. A store without CORS calls is left as it is: it has its own way to configure them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn create_buckets(&self) -> Result<BucketsReady, Error> {
        self.caller.may(Scope::Admin)?;
        let draft = self.shared.store.buckets.draft.name();
        let main = self.shared.store.buckets.main.name();
        let mut created = Vec::new();
        for bucket in [draft, main] {
            if self.shared.store.administration().create_bucket(bucket).await? == Created::Now {
                tracing::info!(%bucket, "made bucket");
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
                tracing::warn!(bucket = %draft, "this store has no CORS calls: configure CORS in the store itself");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}
