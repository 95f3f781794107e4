//! The credentials that URLs are signed with, kept until shortly before they end.
//!
//! The SDK's own cache does not tell which credentials it used, and a URL must not promise to outlive them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, IdentityCache};
use tokio::sync::Mutex;

/// Temporary credentials are asked for anew so long before they end, that URLs need not be cut short by much.
const REFRESH_AHEAD: Duration = Duration::from_secs(15 * 60);

/// Credentials without an end are looked at again after this, in case a file or its like was rotated.
const RELOAD_AFTER: Duration = Duration::from_secs(15 * 60);

/// Pause between two looks while the ones we have still live: an instance gives out the same ones until near their end.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// For the whole chain. The SDK gives it the same time for calls.
const LOAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Signs for the public endpoint, with credentials that are asked for only now and then.
#[derive(Debug)]
pub(super) struct Signers {
    provider: SharedCredentialsProvider,
    config: Builder,
    current: RwLock<Option<Current>>,
    asking: Mutex<()>,
}

#[derive(Debug, Clone)]
struct Current {
    signer: Arc<Signer>,
    ask_again: SystemTime,
}

/// A client that signs with exactly one set of credentials.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) client: Client,
    credentials: Credentials,
}

impl Signer {
    /// When its credentials end.
    pub(super) fn ends_at(&self) -> Option<SystemTime> {
        self.credentials.expiry()
    }

    fn lives(&self, now: SystemTime) -> bool {
        self.ends_at().is_none_or(|end| now < end)
    }
}

impl Signers {
    /// `config` is a client's but for credentials. Asks nobody yet.
    pub(super) fn new(provider: SharedCredentialsProvider, config: Builder) -> Self {
        Self {
            provider,
            config,
            current: RwLock::new(None),
            asking: Mutex::new(()),
        }
    }

    /// A signer whose credentials live at `now`. Only one task asks for new ones; the others go on with the old ones
    /// while those live.
    pub(super) async fn signer(&self, now: SystemTime) -> Result<Arc<Signer>, CredentialsError> {
        let current = self.current().filter(|current| current.signer.lives(now));
        let _asking = match &current {
            Some(current) if now < current.ask_again => return Ok(current.signer.clone()),
            Some(current) => match self.asking.try_lock() {
                Ok(asking) => asking,
                Err(_) => return Ok(current.signer.clone()),
            },
            None => self.asking.lock().await,
        };
        // Another task may have asked while this one waited.
        let current = self.current().filter(|current| current.signer.lives(now));
        if let Some(current) = current.as_ref().filter(|current| now < current.ask_again) {
            return Ok(current.signer.clone());
        }
        let signer = match (self.load(now).await, current) {
            (Ok(credentials), Some(current)) if current.signer.credentials == credentials => current.signer,
            (Ok(credentials), _) => Arc::new(self.build(credentials)),
            (Err(error), Some(current)) => {
                tracing::warn!(error = %error, "cannot renew the credentials that sign URLs; the ones at hand still live");
                self.keep(Current {
                    ask_again: now + ASK_AGAIN_AFTER,
                    ..current.clone()
                });
                return Ok(current.signer);
            }
            (Err(error), None) => return Err(error),
        };
        let ask_again = signer.ends_at().map_or(now + RELOAD_AFTER, |end| end - REFRESH_AHEAD);
        self.keep(Current {
            signer: signer.clone(),
            ask_again: ask_again.max(now + ASK_AGAIN_AFTER),
        });
        Ok(signer)
    }

    async fn load(&self, now: SystemTime) -> Result<Credentials, CredentialsError> {
        let credentials = tokio::time::timeout(LOAD_TIMEOUT, self.provider.provide_credentials())
            .await
            .map_err(|_| CredentialsError::provider_timed_out(LOAD_TIMEOUT))??;
        match credentials.expiry() {
            Some(end) if end <= now => Err(CredentialsError::not_loaded("the credentials have expired")),
            _ => Ok(credentials),
        }
    }

    fn build(&self, credentials: Credentials) -> Signer {
        let config = self.config.clone().credentials_provider(credentials.clone());
        let config = config.identity_cache(IdentityCache::no_cache()).build();
        Signer {
            client: Client::from_conf(config),
            credentials,
        }
    }

    fn current(&self) -> Option<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, current: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current);
    }
}
