//! Whether requests may be sent here, and what the answers rest on: one truth for both fronts.

use draftstore_service::StoreProfile;
use tokio::sync::watch;

/// Times in a row that the store has not answered, after which a server that was ready is not. One alone may be a packet
/// that was lost; and where the store is out of reach for all, every replica is taken away when these have passed.
const MISSES: u32 = 3;

/// What this server knows of its store. Clones share it.
#[derive(Debug, Clone)]
pub struct Readiness {
    pub(crate) profile: StoreProfile,
    standing: watch::Sender<Standing>,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    seen: StoreSeen,
    /// In a row.
    misses: u32,
    credentials_live: bool,
    leaving: bool,
}

/// What came of the last look at what the store enforces.
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
    fn is_ready(self) -> bool {
        match self {
            Self::Unreachable | Self::CredentialsRefused => false,
            Self::BucketMissing | Self::NotProbed | Self::Probed => true,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::CredentialsRefused => "credentials refused",
            Self::BucketMissing => "bucket missing",
            Self::NotProbed => "not probed",
            Self::Probed => "probed",
        }
    }
}

impl Standing {
    fn is_ready(self) -> bool {
        self.seen.is_ready() && self.misses < MISSES && self.credentials_live && !self.leaving
    }

    fn as_str(self) -> &'static str {
        if !self.credentials_live {
            "no credentials"
        } else if self.misses >= MISSES {
            "unreachable"
        } else {
            self.seen.as_str()
        }
    }
}

impl Readiness {
    /// Of a server whose store has not been looked at yet. What it weakens is read from the profile.
    pub fn new(profile: StoreProfile) -> Self {
        let (standing, _) = watch::channel(Standing {
            seen: StoreSeen::Unreachable,
            misses: 0,
            credentials_live: true,
            leaving: false,
        });
        Self { profile, standing }
    }

    /// Takes down what came of a look at what the store enforces. What was seen once stays: whether the store still answers
    /// is another question, see [`Readiness::store_answers`].
    pub fn saw(&self, seen: StoreSeen) {
        self.standing.send_if_modified(|standing| {
            let keeps = !standing.seen.is_ready() || seen.is_ready();
            if keeps {
                standing.seen = seen;
                standing.misses = 0;
            }
            keeps
        });
    }

    /// Takes down whether the store has just answered. It has to miss some in a row to be gone, and is back by one.
    pub fn store_answers(&self, answers: bool) {
        self.standing.send_modify(|standing| {
            standing.misses = if answers { 0 } else { standing.misses.saturating_add(1) };
        });
    }

    /// Takes down whether there are credentials for calls and for signing, which have not ended.
    pub fn credentials_live(&self, live: bool) {
        self.standing.send_modify(|standing| standing.credentials_live = live);
    }

    /// From now on requests are to be sent elsewhere: this server is about to end.
    pub fn leaves(&self) {
        self.standing.send_modify(|standing| standing.leaving = true);
    }

    /// Whether requests may be sent here.
    pub fn is_ready(&self) -> bool {
        self.standing.borrow().is_ready()
    }

    /// What is known of the store.
    pub fn profile(&self) -> &StoreProfile {
        &self.profile
    }

    /// Whether requests may be sent here, and the store in words.
    pub(crate) fn last(&self) -> (bool, &'static str) {
        let standing = *self.standing.borrow();
        (standing.is_ready(), standing.as_str())
    }

    /// Waits until it is so, or not so any more.
    pub(crate) async fn becomes(&self, ready: bool) {
        // It ends early only where no sender is left, and this is one.
        let _ = self
            .standing
            .subscribe()
            .wait_for(|standing| standing.is_ready() == ready)
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_once_stays_and_the_best_counts() {
        let readiness = Readiness::new(StoreProfile::default());
        for (seen, expected) in [
            (StoreSeen::CredentialsRefused, (false, "credentials refused")),
            (StoreSeen::Unreachable, (false, "unreachable")),
            (StoreSeen::BucketMissing, (true, "bucket missing")),
            (StoreSeen::Unreachable, (true, "bucket missing")),
            (StoreSeen::CredentialsRefused, (true, "bucket missing")),
            (StoreSeen::Probed, (true, "probed")),
        ] {
            readiness.saw(seen);
            assert_eq!(readiness.last(), expected, "after {seen:?}");
        }
    }

    #[test]
    fn store_that_misses_some_in_a_row_is_gone_until_it_answers() {
        let readiness = Readiness::new(StoreProfile::default());
        readiness.saw(StoreSeen::Probed);
        for (answers, ready) in [
            (false, true),
            (false, true),
            (true, true),
            (false, true),
            (false, true),
            (false, false),
            (false, false),
            (true, true),
        ] {
            readiness.store_answers(answers);
            assert_eq!(readiness.is_ready(), ready);
        }
    }

    #[test]
    fn server_without_credentials_is_not_ready() {
        let readiness = Readiness::new(StoreProfile::default());
        readiness.saw(StoreSeen::Probed);
        readiness.credentials_live(false);
        assert_eq!(readiness.last(), (false, "no credentials"));
        readiness.credentials_live(true);
        assert_eq!(readiness.last(), (true, "probed"));
    }
    #[test]
    fn server_that_is_about_to_end_is_not_ready_whatever_it_sees() {
        let readiness = Readiness::new(StoreProfile::default());
        readiness.saw(StoreSeen::Probed);
        assert!(readiness.is_ready());
        readiness.leaves();
        readiness.saw(StoreSeen::Probed);
        readiness.store_answers(true);
        assert_eq!(readiness.last(), (false, "probed"));
    }
}
