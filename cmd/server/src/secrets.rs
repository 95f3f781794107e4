//! The secrets that protect what callers hold for the server.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use draftstore_auth::Tickets;
use draftstore_s3::StaticCredentials;
use draftstore_service::{SecretSource, Secrets};

/// The keys in the file at `TICKET_KEYS_FILE`, followed by the secret of the store's access key.
///
/// The secret of the access key is the fallback, because every server of an installation has it, and it survives restarts.
/// Everybody who has a presigned URL has a digest of it already, so digests in metadata do not weaken it. A former secret is
/// accepted as a line of the file.
pub(crate) struct ServerSecrets {
    keys: Option<Tickets>,
    access_key: Option<String>,
    derived: Mutex<Derived>,
}

/// The texts of the secrets, and the keys that are derived from them. Deriving them for each request would cost as many
/// instructions as signing its URL.
struct Derived {
    texts: Vec<Vec<u8>>,
    secrets: Secrets,
}

impl ServerSecrets {
    /// Creates the secrets from the keys in the file, if there is one, and the access key, if it is permanent.
    pub(crate) fn new(keys: Option<Tickets>, access_key: Option<StaticCredentials>) -> Self {
        Self {
            keys,
            access_key: access_key.map(|key| key.secret_access_key),
            derived: Mutex::new(Derived {
                texts: Vec::new(),
                secrets: Secrets::random(),
            }),
        }
    }
}

impl SecretSource for ServerSecrets {
    fn current(&self) -> Secrets {
        let mut texts = self.keys.as_ref().map(Tickets::secrets).unwrap_or_default();
        texts.extend(self.access_key.iter().map(|secret| secret.clone().into_bytes()));
        // No code panics while it holds the lock.
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        if derived.texts != texts
            && let Some((current, former)) = texts.split_first()
        {
            derived.secrets = Secrets::new(current, former);
            derived.texts = texts;
        }
        derived.secrets.clone()
    }
}

impl fmt::Debug for ServerSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSecrets").finish_non_exhaustive()
    }
}
