//! The signer of one second.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::encoding::push_value;
use crate::signing_key::SigningKey;
use crate::{ALGORITHM, Credentials, Timestamp};

/// Signs requests that become valid in one second, by one set of credentials for one region.
///
/// Making one derives a key, which costs more than a signature. [`Signer::at`] makes the next second's from it.
pub struct Signer {
    pub(crate) identity: Arc<Identity>,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) from: Timestamp,
    /// `20260131T235959Z`
    pub(crate) time: String,
    /// The access key and the scope of the signing key: `AKID/20260131/us-east-1/s3/aws4_request`.
    pub(crate) credential: String,
    /// The query, up to the seconds of its validity.
    pub(crate) query: String,
    /// Has consumed the string to sign, up to the digest of the request.
    pub(crate) mac: Hmac<Sha256>,
}

/// The credentials and the region, which do not change with the time.
pub(crate) struct Identity {
    pub(crate) credentials: Credentials,
    region: String,
    /// The session token as a pair of the query; empty where there is none.
    pub(crate) token: String,
}

impl Signer {
    /// Makes the signer of the second `from`.
    pub fn new(credentials: Credentials, region: impl Into<String>, from: Timestamp) -> Self {
        let mut token = String::new();
        if let Some(session_token) = &credentials.session_token {
            token.push_str("&X-Amz-Security-Token=");
            push_value(&mut token, session_token);
        }
        let region = region.into();
        let key = Arc::new(SigningKey::new(from.date(), &credentials, &region));
        let identity = Identity {
            credentials,
            region,
            token,
        };
        Self::with_key(Arc::new(identity), key, from)
    }

    /// Makes the signer of another second. Derives a new signing key only on another day.
    #[must_use]
    pub fn at(&self, from: Timestamp) -> Self {
        let date = from.date();
        let key = if date == self.key.date {
            Arc::clone(&self.key)
        } else {
            Arc::new(SigningKey::new(date, &self.identity.credentials, &self.identity.region))
        };
        Self::with_key(Arc::clone(&self.identity), key, from)
    }

    /// Returns the second in which its requests become valid.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    fn with_key(identity: Arc<Identity>, key: Arc<SigningKey>, from: Timestamp) -> Self {
        let time = from.basic();
        let scope = format!("{}/{}/s3/aws4_request", key.date, identity.region);
        let credential = format!("{}/{scope}", identity.credentials.access_key_id);
        let mut query = format!("X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential=");
        push_value(&mut query, &credential);
        query.push_str("&X-Amz-Date=");
        query.push_str(&time);
        query.push_str("&X-Amz-Expires=");
        let mut mac = key.mac.clone();
        mac.update(format!("{ALGORITHM}\n{time}\n{scope}\n").as_bytes());
        Self {
            identity,
            key,
            from,
            time,
            credential,
            query,
            mac,
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("credentials", &self.identity.credentials)
            .field("region", &self.identity.region)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
