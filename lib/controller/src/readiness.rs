//! Whether requests may be sent here, and what the answers rest on: one truth for both fronts.

use draftstore_service::StoreProfile;
use tokio::sync::watch;

/// What this server knows of its store. Clones share it.
#[derive(Debug, Clone)]
pub struct Readiness {
    pub(crate) profile: StoreProfile,
    seen: watch::Sender<StoreSeen>,
}

/// What came of the last look at the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreSeen {
    /// It has not answered yet.
    Unreachable,
    /// It answered that this server's credentials may do nothing there.
    CredentialsRefused,
    /// It answered that a bucket is to be made first. That is ready: making it is one of the calls.
    BucketMissing,
    /// It answered, but not so that one could tell what it enforces: nothing is relied on.
    NotProbed,
    /// It is known what it enforces.
    Probed,
}

impl StoreSeen {
    pub(crate) fn is_ready(self) -> bool {
        match self {
            Self::Unreachable | Self::CredentialsRefused => false,
            Self::BucketMissing | Self::NotProbed | Self::Probed => true,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::CredentialsRefused => "credentials refused",
            Self::BucketMissing => "bucket missing",
            Self::NotProbed => "not probed",
            Self::Probed => "probed",
        }
    }
}

impl Readiness {
    /// Of a server whose store has not been looked at yet. What it weakens is read from the profile.
    pub fn new(profile: StoreProfile) -> Self {
        let (seen, _) = watch::channel(StoreSeen::Unreachable);
        Self { profile, seen }
    }

    /// Takes down what came of a look at the store. A server that was ready stays so: a store that is out of reach for a
    /// while is out of reach for every replica, and taking all of them away would help nobody.
    pub fn saw(&self, seen: StoreSeen) {
        self.seen.send_if_modified(|last| {
            let keeps = !last.is_ready() || seen.is_ready();
            if keeps {
                *last = seen;
            }
            keeps
        });
    }

    /// Whether requests may be sent here.
    pub fn is_ready(&self) -> bool {
        self.last().is_ready()
    }

    /// What is known of the store.
    pub fn profile(&self) -> &StoreProfile {
        &self.profile
    }

    pub(crate) fn last(&self) -> StoreSeen {
        *self.seen.borrow()
    }

    /// Waits until requests may be sent here.
    pub(crate) async fn ready(&self) {
        // It ends early only where no sender is left, and this is one.
        let _ = self.seen.subscribe().wait_for(|seen| seen.is_ready()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_that_was_ready_stays_so() {
        let readiness = Readiness::new(StoreProfile::default());
        for (seen, expected) in [
            (StoreSeen::CredentialsRefused, StoreSeen::CredentialsRefused),
            (StoreSeen::Unreachable, StoreSeen::Unreachable),
            (StoreSeen::BucketMissing, StoreSeen::BucketMissing),
            (StoreSeen::Unreachable, StoreSeen::BucketMissing),
            (StoreSeen::CredentialsRefused, StoreSeen::BucketMissing),
            (StoreSeen::Probed, StoreSeen::Probed),
        ] {
            readiness.saw(seen);
            assert_eq!(readiness.last(), expected, "after {seen:?}");
        }
    }
}
