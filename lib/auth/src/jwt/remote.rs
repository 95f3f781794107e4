//! An issuer's keys at a URL, fetched in the background so that no request waits for them.

mod fetch;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::fetch::https;
use self::fetch::{Fetcher, NotFetched};
use super::Key;

/// The age at which keys are fetched again.
const REFRESH_EVERY: Duration = Duration::from_secs(300);

/// The minimum time between two fetches. It bounds the requests that tokens with made-up key IDs can cause.
const MIN_INTERVAL: Duration = Duration::from_secs(30);

/// The time for which keys stay in use if they cannot be fetched again.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// The time that a start or a reload waits for the first fetch.
const FIRST_FETCH_TIMEOUT: Duration = Duration::from_secs(6);

/// The keys last fetched from a URL. Dropping it stops the fetches.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    state: watch::Receiver<FetchState>,
    refresh: Arc<Notify>,
    _fetching: AbortOnDropHandle<()>,
}

/// The result of the fetches so far.
#[derive(Debug, Default)]
struct FetchState {
    has_tried: bool,
    keys: Option<(Arc<[Key]>, Instant)>,
}

impl RemoteKeys {
    fn at(url: String) -> Self {
        let fetcher = Arc::new(Fetcher::new(url.clone()));
        Self::by(url, move || {
            let fetcher = Arc::clone(&fetcher);
            async move { fetcher.keys().await }
        })
    }

    /// Creates the keys of a URL from a function that fetches them.
    fn by<F, Fut>(url: String, fetch: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<Key>, NotFetched>> + Send + 'static,
    {
        let (sender, state) = watch::channel(FetchState::default());
        let refresh = Arc::new(Notify::new());
        let fetching = tokio::spawn(keep_fetching(url, fetch, sender, Arc::clone(&refresh)));
        Self {
            state,
            refresh,
            _fetching: AbortOnDropHandle::new(fetching),
        }
    }

    /// Returns the keys. It is empty before the first fetch, and one day after the last successful one.
    pub(crate) fn keys(&self) -> Arc<[Key]> {
        match &self.state.borrow().keys {
            Some((keys, fetched)) if fetched.elapsed() < KEPT_FOR => Arc::clone(keys),
            Some(_) | None => Arc::new([]),
        }
    }

    /// Requests a fetch, because a token has an unknown key. It has no effect within the minimum time between two
    /// fetches.
    pub(crate) fn request_refresh(&self) {
        self.refresh.notify_one();
    }

    /// Waits until the first fetch has ended, in success or failure.
    pub(crate) async fn first_fetch(&self) {
        let mut state = self.state.clone();
        // After this time, waiting longer does not help.
        let _ = timeout(FIRST_FETCH_TIMEOUT, state.wait_for(|state| state.has_tried)).await;
    }
}

async fn keep_fetching<F, Fut>(url: String, fetch: F, sender: watch::Sender<FetchState>, refresh: Arc<Notify>)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Vec<Key>, NotFetched>>,
{
    loop {
        match fetch().await {
            Ok(keys) => {
                let fetched = Some((keys.into(), Instant::now()));
                sender.send_modify(|state| state.keys = fetched);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(url, error, "issuer keys not fetched");
            }
        }
        sender.send_modify(|state| state.has_tried = true);
        sleep(MIN_INTERVAL).await;
        // After a failure, the next fetch follows at once, since callers may be waiting for these keys.
        let has_failed = sender
            .borrow()
            .keys
            .as_ref()
            .is_none_or(|(_, fetched)| fetched.elapsed() > MIN_INTERVAL);
        if !has_failed {
            // A timeout and a request for a fetch are both reasons to fetch.
            let _ = timeout(REFRESH_EVERY.saturating_sub(MIN_INTERVAL), refresh.notified()).await;
        }
    }
}

/// The remote keys of the current policies by URL, so that a reloaded policy keeps the keys of the previous one.
#[derive(Debug, Default)]
pub(crate) struct Remotes(Mutex<HashMap<String, Weak<RemoteKeys>>>);

impl Remotes {
    /// Returns the keys at a URL, which must have passed [`https`].
    pub(crate) fn at(&self, url: &str) -> Arc<RemoteKeys> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, remote| remote.strong_count() > 0);
        if let Some(remote) = known.get(url).and_then(Weak::upgrade) {
            return remote;
        }
        let remote = Arc::new(RemoteKeys::at(url.to_owned()));
        known.insert(url.to_owned(), Arc::downgrade(&remote));
        remote
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use jsonwebtoken::Algorithm;
    use tokio::time::advance;

    use super::*;

    /// Returns keys whose fetches are counted. With `fails_later`, every fetch after the first fails.
    fn counted(fails_later: bool) -> (Arc<AtomicUsize>, RemoteKeys) {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let remote = RemoteKeys::by("https://id.example.com/keys".to_owned(), move || {
            let count = counter.fetch_add(1, Ordering::SeqCst);
            let key = Key::secret(&[1; 32], &[Algorithm::HS256]).expect("a key");
            async move {
                if fails_later && count > 0 {
                    Err(NotFetched::Status(503))
                } else {
                    Ok(vec![key])
                }
            }
        });
        (count, remote)
    }

    /// Advances the clock second by second, so that every timer fires when it is due.
    async fn pass(seconds: u64) {
        for _ in 0..seconds {
            advance(Duration::from_secs(1)).await;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_fetched_again_every_five_minutes() {
        let (count, remote) = counted(false);
        assert!(remote.keys().is_empty());
        remote.first_fetch().await;
        assert_eq!((remote.keys().len(), count.load(Ordering::SeqCst)), (1, 1));
        pass(REFRESH_EVERY.as_secs() - 2).await;
        assert_eq!(count.load(Ordering::SeqCst), 1);
        pass(4).await;
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_keys_are_fetched_once_per_interval() {
        let (count, remote) = counted(false);
        remote.first_fetch().await;
        for _ in 0..100 {
            remote.request_refresh();
            pass(1).await;
        }
        let fetched = count.load(Ordering::SeqCst);
        assert!((3..=4).contains(&fetched), "{fetched} times in 100 seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_stay_in_use_for_a_day_while_the_issuer_is_unreachable() {
        let (_, remote) = counted(true);
        remote.first_fetch().await;
        pass(KEPT_FOR.as_secs() - 10).await;
        assert_eq!(remote.keys().len(), 1);
        pass(20).await;
        assert!(remote.keys().is_empty());
    }
}
