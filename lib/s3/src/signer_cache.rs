//! The signer of the current second, kept for the requests that follow.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
use draftstore_sigv4::{Credentials as SigningCredentials, Signer, Timestamp};

/// The credentials, and the last signer made of them. Takes no locks.
pub(crate) struct SignerCache {
    credentials: Credentials,
    region: String,
    last: ArcSwapOption<Signer>,
}

impl fmt::Debug for SignerCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerCache")
            .field("credentials", &self.credentials)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl SignerCache {
    pub(crate) fn new(credentials: Credentials, region: impl Into<String>) -> Self {
        Self {
            credentials,
            region: region.into(),
            last: ArcSwapOption::empty(),
        }
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns when the credentials end, if they do.
    pub(crate) fn ends_at(&self) -> Option<SystemTime> {
        self.credentials.expiry()
    }

    /// Uses the signer of a second, which is created once a second.
    pub(crate) fn with_signer_at<T>(&self, from: Timestamp, sign: impl FnOnce(&Signer) -> T) -> T {
        let last = self.last.load();
        if let Some(last) = last.as_ref().filter(|last| last.from() == from) {
            return sign(last);
        }
        let signer = Arc::new(match last.as_ref() {
            Some(last) => last.at(from),
            None => Signer::new(self.signing_credentials(), &self.region, from),
        });
        self.last.store(Some(Arc::clone(&signer)));
        sign(&signer)
    }

    fn signing_credentials(&self) -> SigningCredentials {
        SigningCredentials {
            access_key_id: self.credentials.access_key_id().to_owned(),
            secret_access_key: self.credentials.secret_access_key().to_owned(),
            session_token: self.credentials.session_token().map(ToOwned::to_owned),
        }
    }
}
