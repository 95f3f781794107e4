//! The credentials that URLs are signed with, kept until shortly before they end.
//!
//! The SDK's own cache does not tell which credentials it used, and a URL must not promise to outlive them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::Mutex;

use crate::signer_cache::SignerCache;

/// The time before their end at which temporary credentials are loaded again, so that they do not shorten URLs by much.
const REFRESH_AHEAD: Duration = Duration::from_secs(15 * 60);

/// The interval at which credentials without an end are loaded again, in case a file was rotated.
const RELOAD_AFTER: Duration = Duration::from_secs(15 * 60);

/// The minimum interval between two loads while the current credentials are valid: an instance returns the same ones until
/// shortly before their end.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The timeout of the whole credential chain, which is the SDK's for calls too.
const LOAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The signers, which load their credentials only from time to time.
#[derive(Debug)]
pub(crate) struct Signers {
    provider: SharedCredentialsProvider,
    region: String,
    current: ArcSwapOption<Current>,
    asking: Mutex<()>,
}

#[derive(Debug)]
struct Current {
    signer: Arc<SignerCache>,
    ask_again: SystemTime,
}

/// The remaining life of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// There are no credentials, or they have ended.
    None,
    /// The credentials end after this time.
    For(Duration),
    /// The credentials do not end.
    Endless,
}

impl Left {
    /// Returns the seconds: 0 if there are no credentials, infinity if they do not end.
    pub fn as_secs(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::For(left) => left.as_secs_f64(),
            Self::Endless => f64::INFINITY,
        }
    }

    /// Returns `true` if there are any.
    pub fn lives(self) -> bool {
        self != Self::None
    }
}

impl Current {
    fn lives(&self, now: SystemTime) -> bool {
        self.signer.ends_at().is_none_or(|end| now < end)
    }
}

impl Signers {
    /// Creates the signers. Loads no credentials yet.
    pub(crate) fn new(provider: SharedCredentialsProvider, region: impl Into<String>) -> Self {
        Self {
            provider,
            region: region.into(),
            current: ArcSwapOption::empty(),
            asking: Mutex::new(()),
        }
    }

    /// Uses the cached signer, if it need not be renewed at `now`. Counts no references, because all cores would contend for
    /// the counter.
    pub(crate) fn with_cached<T>(&self, now: SystemTime, sign: impl FnOnce(&SignerCache) -> T) -> Option<T> {
        let current = self.current.load();
        let current = current
            .as_ref()
            .filter(|current| now < current.ask_again && current.lives(now))?;
        Some(sign(&current.signer))
    }

    /// Returns a signer whose credentials are valid at `now`. Only one task loads new ones. The others use the old ones while
    /// those are valid.
    pub(crate) async fn signer(&self, now: SystemTime) -> Result<Arc<SignerCache>, CredentialsError> {
        let current = self.current.load();
        let current = current.as_ref().filter(|current| current.lives(now));
        let _asking = match current {
            Some(current) if now < current.ask_again => return Ok(Arc::clone(&current.signer)),
            Some(current) => match self.asking.try_lock() {
                Ok(asking) => asking,
                Err(_) => return Ok(Arc::clone(&current.signer)),
            },
            None => self.asking.lock().await,
        };
        // Another task may have asked while this one waited.
        let current = self.current.load_full().filter(|current| current.lives(now));
        if let Some(current) = current.as_ref().filter(|current| now < current.ask_again) {
            return Ok(Arc::clone(&current.signer));
        }
        let signer = match (Box::pin(self.load(now)).await, current) {
            (Ok(credentials), Some(current)) if *current.signer.credentials() == credentials => {
                Arc::clone(&current.signer)
            }
            (Ok(credentials), _) => Arc::new(SignerCache::new(credentials, &self.region)),
            (Err(error), Some(current)) => {
                tracing::warn!(error = %error, "signing credentials not renewed");
                return Ok(self.keep(Arc::clone(&current.signer), now + ASK_AGAIN_AFTER));
            }
            (Err(error), None) => return Err(error),
        };
        let ask_again = signer.ends_at().map_or(now + RELOAD_AFTER, |end| end - REFRESH_AHEAD);
        Ok(self.keep(signer, ask_again.max(now + ASK_AGAIN_AFTER)))
    }

    /// Returns the remaining life of the current credentials. Loads none: there are none before the first signature.
    pub(crate) fn left(&self, now: SystemTime) -> Left {
        match self.current.load().as_ref().map(|current| current.signer.ends_at()) {
            None => Left::None,
            Some(None) => Left::Endless,
            Some(Some(end)) => end.duration_since(now).map_or(Left::None, Left::For),
        }
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

    fn keep(&self, signer: Arc<SignerCache>, ask_again: SystemTime) -> Arc<SignerCache> {
        let current = Current {
            signer: Arc::clone(&signer),
            ask_again,
        };
        self.current.store(Some(Arc::new(current)));
        signer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_credential_types::provider::future;

    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    /// Gives out credentials that end at the times given, one after the other; then nothing more.
    #[derive(Debug, Default)]
    struct Chain {
        ends: Vec<Option<u64>>,
        asked: Arc<AtomicUsize>,
    }

    impl ProvideCredentials for Chain {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let turn = self.asked.fetch_add(1, Ordering::SeqCst);
            future::ProvideCredentials::ready(match self.ends.get(turn) {
                Some(end) => Ok(Credentials::new(
                    format!("AKID{turn}"),
                    "hush",
                    None,
                    end.map(at),
                    "test",
                )),
                None => Err(CredentialsError::not_loaded_no_source()),
            })
        }
    }

    fn at(seconds: u64) -> SystemTime {
        START + Duration::from_secs(seconds)
    }

    fn signers(ends: &[Option<u64>]) -> (Signers, Arc<AtomicUsize>) {
        let chain = Chain {
            ends: ends.to_vec(),
            asked: Arc::default(),
        };
        let asked = chain.asked.clone();
        (Signers::new(SharedCredentialsProvider::new(chain), "us-east-1"), asked)
    }

    async fn used_at(signers: &Signers, seconds: u64) -> Option<String> {
        let signer = signers.signer(at(seconds)).await.ok()?;
        Some(signer.credentials().access_key_id().to_owned())
    }

    #[tokio::test]
    async fn the_chain_is_asked_again_only_ahead_of_the_end() {
        let (signers, asked) = signers(&[Some(3600), Some(7200)]);
        for now in [0, 1, 2699] {
            assert_eq!(used_at(&signers, now).await.as_deref(), Some("AKID0"), "at {now}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(used_at(&signers, 2700).await.as_deref(), Some("AKID1"));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn live_credentials_are_kept_while_new_ones_cannot_be_had() {
        let (signers, asked) = signers(&[Some(3600)]);
        for now in [0, 2700, 2701, 2759] {
            assert_eq!(used_at(&signers, now).await.as_deref(), Some("AKID0"), "at {now}");
        }
        assert_eq!(
            asked.load(Ordering::SeqCst),
            2,
            "the second try within a minute is spared"
        );
        assert_eq!(used_at(&signers, 2760).await.as_deref(), Some("AKID0"));
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        assert_eq!(used_at(&signers, 3600).await, None, "they have ended");
    }

    #[tokio::test]
    async fn credentials_without_an_end_are_looked_at_again() {
        let (signers, _) = signers(&[None, None]);
        assert_eq!(used_at(&signers, 0).await.as_deref(), Some("AKID0"));
        assert_eq!(used_at(&signers, 899).await.as_deref(), Some("AKID0"));
        assert_eq!(used_at(&signers, 900).await.as_deref(), Some("AKID1"));
    }

    #[tokio::test]
    async fn ended_credentials_are_never_used() {
        let (signers, _) = signers(&[Some(10)]);
        assert_eq!(used_at(&signers, 10).await, None);
    }
}
