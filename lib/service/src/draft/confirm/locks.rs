//! Locks by key within this process, which replace conditions that the store does not honour.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// A set of locks by name. Clones share the locks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locks(Arc<Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>>);

/// A guard of several locks, which releases them when dropped.
#[derive(Debug)]
pub(crate) struct Locked(#[expect(dead_code, reason = "held until it is dropped")] Vec<OwnedMutexGuard<()>>);

impl Locks {
    /// Acquires the locks of all names. They are acquired in sorted order, so that no deadlock can occur.
    pub(crate) async fn lock(&self, names: BTreeSet<String>) -> Locked {
        let mut held = Vec::with_capacity(names.len());
        for name in names {
            held.push(self.named(name).lock_owned().await);
        }
        Locked(held)
    }

    fn named(&self, name: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&name).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(name, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.map(str::to_owned).into()
    }

    #[tokio::test]
    async fn lock_is_exclusive_until_dropped() {
        let locks = Locks::default();
        let held = locks.lock(names(["a", "b"])).await;
        assert!(locks.lock(names(["b", "c"])).now_or_never().is_none());
        assert!(locks.lock(names(["c"])).now_or_never().is_some());
        drop(held);
        assert!(locks.lock(names(["a", "b", "c"])).now_or_never().is_some());
        let left = locks.lock(names(["z"])).await;
        assert_eq!(
            locks.0.lock().expect("not poisoned").len(),
            1,
            "unused locks are removed"
        );
        drop(left);
    }
}
