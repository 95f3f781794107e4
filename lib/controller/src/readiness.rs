//! Readiness for requests, shared by both fronts: the store's status, the credentials, and graceful shutdown.

use draftstore_service::StoreProfile;
use tokio::sync::watch;

/// The number of consecutive missed heartbeats after which a server is no longer ready. A single one may be a lost packet. If
/// no replica can reach the store, all of them are taken out of service after this number.
const MAX_MISSES: u32 = 3;

/// The readiness of this server, and the profile of its store. Clones share it.
#[derive(Debug, Clone)]
pub struct Readiness {
    pub(crate) profile: StoreProfile,
    status: watch::Sender<Status>,
}

/// The inputs of readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status {
    store: StoreStatus,
    /// Consecutive missed heartbeats.
    misses: u32,
    credentials_live: bool,
    draining: bool,
}

/// The result of the last probe of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreStatus {
    /// No response from the store yet.
    Unreachable,
    /// The store refuses this server's credentials.
    CredentialsRefused,
    /// A bucket does not exist yet. The server is ready, because creating the buckets is one of the calls.
    BucketMissing,
    /// The store responds, but not so that it can be probed. Confirms would fail like the probe.
    NotProbed,
    /// The store was probed. Its copies do not work, so that no draft can be confirmed.
    CannotConfirm,
    /// The conditions that the store enforces are known.
    Probed,
}

impl StoreStatus {
    fn is_ready(self) -> bool {
        match self {
            Self::Unreachable | Self::CredentialsRefused | Self::NotProbed | Self::CannotConfirm => false,
            Self::BucketMissing | Self::Probed => true,
        }
    }

    /// Returns true if the result says nothing about the store itself.
    fn is_outage(self) -> bool {
        matches!(self, Self::Unreachable | Self::CredentialsRefused)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::CredentialsRefused => "credentials refused",
            Self::BucketMissing => "bucket missing",
            Self::NotProbed => "not probed",
            Self::CannotConfirm => "cannot confirm",
            Self::Probed => "probed",
        }
    }
}

impl Status {
    fn is_ready(self) -> bool {
        self.store.is_ready() && self.misses < MAX_MISSES && self.credentials_live && !self.draining
    }

    fn as_str(self) -> &'static str {
        if !self.credentials_live {
            "no credentials"
        } else if self.misses >= MAX_MISSES {
            "unreachable"
        } else {
            self.store.as_str()
        }
    }
}

impl Readiness {
    /// Creates the readiness of a server that has not probed its store yet. The weaknesses are read from the profile.
    pub fn new(profile: StoreProfile) -> Self {
        let (status, _) = watch::channel(Status {
            store: StoreStatus::Unreachable,
            misses: 0,
            credentials_live: true,
            draining: false,
        });
        Self { profile, status }
    }

    /// Sets the result of a probe. A result that is ready is not replaced by an outage: later ones are counted by
    /// [`Readiness::record_heartbeat`].
    pub fn set_store_status(&self, store: StoreStatus) {
        self.status.send_if_modified(|status| {
            let keeps = !status.store.is_ready() || !store.is_outage();
            if keeps {
                status.store = store;
                status.misses = 0;
            }
            keeps
        });
    }

    /// Records a heartbeat of the store. Several consecutive misses make the server not ready; one success makes it ready
    /// again.
    pub fn record_heartbeat(&self, success: bool) {
        self.status.send_modify(|status| {
            status.misses = if success { 0 } else { status.misses.saturating_add(1) };
        });
    }

    /// Records whether the credentials for calls and for signing exist and have not expired.
    pub fn set_credentials_live(&self, live: bool) {
        self.status.send_modify(|status| status.credentials_live = live);
    }

    /// Makes the server not ready for good, because it is shutting down.
    pub fn drain(&self) {
        self.status.send_modify(|status| status.draining = true);
    }

    /// Returns whether the server is ready for requests.
    pub fn is_ready(&self) -> bool {
        self.status.borrow().is_ready()
    }

    /// Returns the profile of the store.
    pub fn profile(&self) -> &StoreProfile {
        &self.profile
    }

    /// Returns whether the server is ready, and the store's status in words.
    pub(crate) fn status(&self) -> (bool, &'static str) {
        let status = *self.status.borrow();
        (status.is_ready(), status.as_str())
    }

    /// Waits until [`Readiness::is_ready`] returns this value.
    pub(crate) async fn wait_until_ready_is(&self, ready: bool) {
        // Fails only without a sender, and `self` has one.
        let _ = self
            .status
            .subscribe()
            .wait_for(|status| status.is_ready() == ready)
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_store_status_survives_later_failures() {
        let readiness = Readiness::new(StoreProfile::default());
        for (status, expected) in [
            (StoreStatus::CredentialsRefused, (false, "credentials refused")),
            (StoreStatus::Unreachable, (false, "unreachable")),
            (StoreStatus::BucketMissing, (true, "bucket missing")),
            (StoreStatus::Unreachable, (true, "bucket missing")),
            (StoreStatus::CredentialsRefused, (true, "bucket missing")),
            (StoreStatus::NotProbed, (false, "not probed")),
            (StoreStatus::CannotConfirm, (false, "cannot confirm")),
            (StoreStatus::Probed, (true, "probed")),
        ] {
            readiness.set_store_status(status);
            assert_eq!(readiness.status(), expected, "after {status:?}");
        }
    }

    #[test]
    fn server_is_not_ready_after_missed_heartbeats_until_the_next_answer() {
        let readiness = Readiness::new(StoreProfile::default());
        readiness.set_store_status(StoreStatus::Probed);
        for (success, ready) in [
            (false, true),
            (false, true),
            (true, true),
            (false, true),
            (false, true),
            (false, false),
            (false, false),
            (true, true),
        ] {
            readiness.record_heartbeat(success);
            assert_eq!(readiness.is_ready(), ready);
        }
    }

    #[test]
    fn server_without_credentials_is_not_ready() {
        let readiness = Readiness::new(StoreProfile::default());
        readiness.set_store_status(StoreStatus::Probed);
        readiness.set_credentials_live(false);
        assert_eq!(readiness.status(), (false, "no credentials"));
        readiness.set_credentials_live(true);
        assert_eq!(readiness.status(), (true, "probed"));
    }

    #[test]
    fn draining_server_is_not_ready() {
        let readiness = Readiness::new(StoreProfile::default());
        readiness.set_store_status(StoreStatus::Probed);
        assert!(readiness.is_ready());
        readiness.drain();
        readiness.set_store_status(StoreStatus::Probed);
        readiness.record_heartbeat(true);
        assert_eq!(readiness.status(), (false, "probed"));
    }
}
