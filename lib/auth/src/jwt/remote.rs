//! An issuer's keys at a URL: fetched in the background, so that no request waits for them.

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

/// How old keys become before they are fetched again.
const REFRESH_EVERY: Duration = Duration::from_secs(300);

/// Between two fetches, whatever tokens come: a token is easily made up whose key nobody knows.
const MIN_INTERVAL: Duration = Duration::from_secs(30);

/// How long keys are good when they cannot be fetched any more.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// How long a start, or a change of the policy, waits for the first keys.
const PATIENCE: Duration = Duration::from_secs(6);

/// The keys at one URL, as they were last fetched. Dropped, it fetches no more.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    seen: watch::Receiver<Seen>,
    wanted: Arc<Notify>,
    _fetching: AbortOnDropHandle<()>,
}

/// What fetching has led to.
#[derive(Debug, Default)]
struct Seen {
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

    /// Those that this gets.
    fn by<F, Fut>(url: String, fetch: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<Key>, NotFetched>> + Send + 'static,
    {
        let (tell, seen) = watch::channel(Seen::default());
        let wanted = Arc::new(Notify::new());
        let fetching = tokio::spawn(keep_fetching(url, fetch, tell, Arc::clone(&wanted)));
        Self {
            seen,
            wanted,
            _fetching: AbortOnDropHandle::new(fetching),
        }
    }

    /// The keys; none before the first were fetched, or a day after the last were.
    pub(crate) fn keys(&self) -> Arc<[Key]> {
        match &self.seen.borrow().keys {
            Some((keys, fetched)) if fetched.elapsed() < KEPT_FOR => Arc::clone(keys),
            Some(_) | None => Arc::new([]),
        }
    }

    /// There are tokens by keys that are not known: fetches, unless that was just done.
    pub(crate) fn want_newer(&self) {
        self.wanted.notify_one();
    }

    /// Waits until the first fetch has ended, well or not.
    pub(crate) async fn tried(&self) {
        let mut seen = self.seen.clone();
        // Only when there is no use in waiting any longer.
        let _ = timeout(PATIENCE, seen.wait_for(|seen| seen.has_tried)).await;
    }
}

async fn keep_fetching<F, Fut>(url: String, fetch: F, tell: watch::Sender<Seen>, wanted: Arc<Notify>)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Vec<Key>, NotFetched>>,
{
    loop {
        match fetch().await {
            Ok(keys) => {
                let fetched = Some((keys.into(), Instant::now()));
                tell.send_modify(|seen| seen.keys = fetched);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(url, error, "keys of tokens cannot be fetched");
            }
        }
        tell.send_modify(|seen| seen.has_tried = true);
        sleep(MIN_INTERVAL).await;
        // Whoever waits for keys that are away is not made to wait longer.
        let has_failed = tell
            .borrow()
            .keys
            .as_ref()
            .is_none_or(|(_, fetched)| fetched.elapsed() > MIN_INTERVAL);
        if !has_failed {
            // Either is a reason.
            let _ = timeout(REFRESH_EVERY.saturating_sub(MIN_INTERVAL), wanted.notified()).await;
        }
    }
}

/// Those that some policy has, so that a changed policy has the keys of the one before it.
#[derive(Debug, Default)]
pub(crate) struct Remotes(Mutex<HashMap<String, Weak<RemoteKeys>>>);

impl Remotes {
    /// The keys at that URL, of which it is known that it is one for [`https`].
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

    /// Counts fetches, and fails from the second on where that is wanted.
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

    /// Lets the time pass, second by second, so that everything happens when it is due.
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
        remote.tried().await;
        assert_eq!((remote.keys().len(), count.load(Ordering::SeqCst)), (1, 1));
        pass(REFRESH_EVERY.as_secs() - 2).await;
        assert_eq!(count.load(Ordering::SeqCst), 1);
        pass(4).await;
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_keys_are_fetched_once_per_interval() {
        let (count, remote) = counted(false);
        remote.tried().await;
        for _ in 0..100 {
            remote.want_newer();
            pass(1).await;
        }
        let fetched = count.load(Ordering::SeqCst);
        assert!((3..=4).contains(&fetched), "{fetched} times in 100 seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_stay_for_a_day_when_the_issuer_is_away() {
        let (_, remote) = counted(true);
        remote.tried().await;
        pass(KEPT_FOR.as_secs() - 10).await;
        assert_eq!(remote.keys().len(), 1);
        pass(20).await;
        assert!(remote.keys().is_empty());
    }
}
