//! The probe of the store's conditions at startup.

use std::fmt;

use draftstore_config::{parse, settings};
use draftstore_storage::{Error, ErrorKind};

use crate::{Replicas, Store, Weakness};

settings! {
    /// The settings of the probe.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SafetySettings in "Store" {
        /// `true`: refuse to run on a store that weakens a promise, or that cannot be probed.
        pub require_safe_store: bool = "REQUIRE_SAFE_STORE", default "false", parse::boolean;
    }
}

/// Probes the store, and logs a warning for each condition that it does not honour.
///
/// # Errors
/// The error of the probe. The capabilities of the store are then unchanged.
pub async fn probe(store: &Store) -> Result<(), Error> {
    let found = store.probe().await?;
    if !found.can_confirm() {
        tracing::error!("store cannot confirm any draft");
    }
    let weaknesses = store.profile.weaknesses();
    if weaknesses.is_empty() {
        tracing::info!("store honours every condition");
    }
    for weakness in weaknesses {
        tracing::warn!(
            condition = %weakness.condition,
            calls = weakness.calls,
            effect = weakness.effect,
            servers = servers(weakness.replicas),
            remedy = weakness.remedy,
            "store condition not honoured"
        );
    }
    Ok(())
}

/// Probes the store for `REQUIRE_SAFE_STORE`.
///
/// # Errors
/// [`UnsafeStore`] if the store does not honour every condition, or cannot be probed.
pub async fn require_safe(store: &Store) -> Result<(), UnsafeStore> {
    probe(store).await.map_err(UnsafeStore::Unknown)?;
    let weaknesses = store.profile.weaknesses();
    if weaknesses.is_empty() {
        Ok(())
    } else {
        Err(UnsafeStore::Weak(weaknesses))
    }
}

/// Returns the number of servers with which a weakness shows, in words.
pub fn servers(replicas: Replicas) -> &'static str {
    match replicas {
        Replicas::Any => "with one server already",
        Replicas::Several => "with two servers or more",
    }
}

/// The reason why `REQUIRE_SAFE_STORE` rejects a store.
#[derive(Debug, thiserror::Error)]
pub enum UnsafeStore {
    /// The store does not honour every condition.
    #[error("REQUIRE_SAFE_STORE is set, but the store does not honour every condition:{}", Lines(.0))]
    Weak(Vec<Weakness>),
    /// The store cannot be probed.
    #[error("REQUIRE_SAFE_STORE is set, but the store cannot be probed{}", Hint(.0.kind))]
    Unknown(#[source] Error),
}

struct Lines<'a>(&'a [Weakness]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|weakness| {
            let Weakness {
                condition,
                calls,
                effect,
                replicas,
                remedy,
            } = weakness;
            let servers = servers(*replicas);
            write!(
                f,
                "\n  {condition} is not honoured: {effect} ({calls}, {servers}); remedy: {remedy}"
            )
        })
    }
}

struct Hint(ErrorKind);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        remedy(self.0).map_or(Ok(()), |remedy| write!(f, ": {remedy}"))
    }
}

/// Returns the remedy for a store that does not work, with the variables that may be wrong.
pub fn remedy(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Unavailable => Some(
            "check that the store runs and can be reached at this address, which S3_ENDPOINT sets (or AWS_ENDPOINT_URL_S3, \
             AWS_ENDPOINT_URL, AWS_REGION), and HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        ),
        ErrorKind::CredentialsRefused => Some(
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and what they may do: `draftstore-server \
             doctor` shows it",
        ),
        ErrorKind::BucketNotFound => Some(
            "create the buckets with `draftstore-server doctor --fix`, and check BUCKET_NAME and DRAFT_BUCKET_NAME",
        ),
        ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Archived
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => None,
    }
}

#[cfg(test)]
mod tests {
    use draftstore_storage::{Capabilities, Operation};

    use super::*;
    use crate::weaknesses;

    #[test]
    fn every_weakness_is_named_with_its_remedy() {
        let weaknesses = weaknesses(&Capabilities::NONE);
        let said = UnsafeStore::Weak(weaknesses.clone()).to_string();
        assert_eq!(said.lines().count(), 1 + weaknesses.len());
        for weakness in weaknesses {
            let condition = weakness.condition.to_string();
            assert!(said.contains(&condition) && said.contains(weakness.remedy), "{said}");
        }
    }

    #[test]
    fn missing_bucket_is_reported_with_its_remedy() {
        let error = Error {
            kind: ErrorKind::BucketNotFound,
            operation: Operation::PutObject,
            bucket: "main-draft".parse().expect("a bucket name"),
            key: None,
            source: "x".into(),
        };
        let said = UnsafeStore::Unknown(error).to_string();
        assert!(said.contains("doctor --fix"), "{said}");
    }
}
