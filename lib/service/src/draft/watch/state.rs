//! The state of a draft, as who watches it sees it.

use std::time::SystemTime;

use draftstore_storage::ETag;

use super::poller::Seen;
use crate::draft::CheckState;

/// The state of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftState {
    /// Nothing has arrived. The draft is unique, and can still be uploaded.
    Waiting {
        /// The time at which the draft expires.
        expires_at: SystemTime,
    },
    /// The draft is uploaded.
    Uploaded {
        /// The version of the draft.
        etag: ETag,
        /// The size in bytes.
        size: u64,
        /// The time at which the draft expires.
        expires_at: SystemTime,
        /// The state of the checks, or `None` if the caller's profile has none.
        checks: Option<CheckState>,
    },
    /// The draft was confirmed.
    Confirmed,
    /// The draft was discarded, has expired, or was confirmed under another name by another server.
    Gone,
}

// The IDs of states, those of uploaded drafts followed by a colon and the ETag.
const WAITING: &str = "waiting";
const CONFIRMED: &str = "confirmed";
const GONE: &str = "gone";

impl DraftState {
    /// Returns true if the draft can get no other state, unless it is uploaded again.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Waiting { .. } => false,
            Self::Uploaded { checks, .. } => matches!(checks, Some(CheckState::Rejected(_))),
            Self::Confirmed | Self::Gone => true,
        }
    }

    /// Returns a text that tells this state of the draft from others.
    pub fn id(&self) -> String {
        match self {
            Self::Waiting { .. } => WAITING.to_owned(),
            Self::Uploaded { etag, checks, .. } => format!("{}:{}", name(checks.as_ref()), etag.as_str()),
            Self::Confirmed => CONFIRMED.to_owned(),
            Self::Gone => GONE.to_owned(),
        }
    }
}

fn name(checks: Option<&CheckState>) -> &'static str {
    match checks {
        None => "unchecked",
        Some(CheckState::Uploaded) => "uploaded",
        Some(CheckState::Checking { .. }) => "checking",
        Some(CheckState::Accepted { .. }) => "accepted",
        Some(CheckState::Rejected(_)) => "rejected",
    }
}

/// The knowledge that a caller has of a draft from an earlier state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Known {
    #[default]
    Nothing,
    Waiting,
    /// The draft was uploaded. The text is the ID of its state.
    Uploaded(String),
    Confirmed,
    Gone,
}

impl Known {
    pub(super) fn of_id(id: &str) -> Self {
        match id {
            WAITING => Self::Waiting,
            CONFIRMED => Self::Confirmed,
            GONE => Self::Gone,
            _ => Self::Uploaded(id.to_owned()).checked(),
        }
    }

    pub(super) fn of_state(state: &DraftState) -> Self {
        Self::of_id(&state.id())
    }

    /// Returns true if the caller has this state.
    pub(super) fn is(&self, state: &DraftState) -> bool {
        *self == Self::of_state(state)
    }

    /// Returns the version that was uploaded.
    fn etag(&self) -> Option<ETag> {
        match self {
            Self::Uploaded(id) => id.split_once(':')?.1.parse().ok(),
            Self::Nothing | Self::Waiting | Self::Confirmed | Self::Gone => None,
        }
    }

    fn checked(self) -> Self {
        if self.etag().is_some() { self } else { Self::Nothing }
    }
}

/// Returns the state of a draft for a caller who knows this of it, or `None` if there is no such draft.
///
/// An object in main or at a destination counts as this draft's if it was made from the version that the caller knows, or if the draft is unique.
/// A named draft that the caller does not know may be about to be uploaded again. `can_arrive_until` is the end of the time in
/// which a unique draft can be uploaded.
pub(super) fn of(
    seen: &Seen,
    known: &Known,
    is_unique: bool,
    can_arrive_until: Option<SystemTime>,
) -> Option<DraftState> {
    let confirmed = match seen {
        Seen::Uploaded(state) => return Some(state.clone()),
        Seen::Confirmed => return Some(DraftState::Confirmed),
        Seen::Absent { confirmed } => confirmed,
    };
    match known {
        _ if is_unique && !confirmed.is_empty() => Some(DraftState::Confirmed),
        _ if known.etag().is_some_and(|etag| confirmed.contains(&etag)) => Some(DraftState::Confirmed),
        Known::Confirmed => Some(DraftState::Confirmed),
        Known::Uploaded(_) | Known::Gone => Some(DraftState::Gone),
        Known::Nothing | Known::Waiting => match can_arrive_until {
            Some(expires_at) => Some(DraftState::Waiting { expires_at }),
            None if *known == Known::Waiting => Some(DraftState::Gone),
            None => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use draftstore_protocol::DraftId;

    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;

    fn id(seconds: u64) -> DraftId {
        DraftId::new(UNIX_EPOCH + Duration::from_secs(seconds), 7)
    }

    fn uploaded(etag: &str, checks: Option<CheckState>) -> DraftState {
        DraftState::Uploaded {
            etag: etag.parse().expect("valid"),
            size: 1,
            expires_at: NOW,
            checks,
        }
    }

    fn state(confirmed: Option<&str>, last: Option<&str>, id: Option<DraftId>) -> Option<String> {
        let seen = Seen::Absent {
            confirmed: confirmed.iter().map(|etag| etag.parse().expect("valid")).collect(),
        };
        let known = last.map(Known::of_id).unwrap_or_default();
        let can_arrive_until = id.map(DraftId::expires_at).filter(|expires_at| *expires_at > NOW);
        of(&seen, &known, id.is_some(), can_arrive_until).map(|state| state.id())
    }

    #[test]
    fn absent_draft_has_the_state_that_follows_what_the_caller_knows() {
        let (live, expired) = (Some(id(100)), Some(id(0)));
        for (confirmed, last, id, expected) in [
            (None, None, None, None),
            (None, None, expired, None),
            (None, None, live, Some("waiting")),
            (None, Some("waiting"), live, Some("waiting")),
            (None, Some("waiting"), expired, Some("gone")),
            (None, Some("accepted:a"), live, Some("gone")),
            (None, Some("accepted:a"), None, Some("gone")),
            (None, Some("gone"), live, Some("gone")),
            (None, Some("confirmed"), None, Some("confirmed")),
            (None, Some("no state"), live, Some("waiting")),
            (Some("a"), None, live, Some("confirmed")),
            (Some("a"), None, expired, Some("confirmed")),
            (Some("a"), None, None, None),
            (Some("a"), Some("accepted:a"), None, Some("confirmed")),
            (Some("a"), Some("accepted:b"), None, Some("gone")),
        ] {
            let found = state(confirmed, last, id);
            assert_eq!(found.as_deref(), expected, "{confirmed:?} {last:?} {id:?}");
        }
    }

    #[test]
    fn id_tells_versions_and_checks_apart() {
        let states = [
            uploaded("a", None),
            uploaded("b", None),
            uploaded("a", Some(CheckState::Uploaded)),
            uploaded("a", Some(CheckState::Accepted { media_type: None })),
            uploaded("a", Some(CheckState::Rejected(Vec::new()))),
            DraftState::Waiting { expires_at: NOW },
            DraftState::Confirmed,
            DraftState::Gone,
        ];
        for (place, state) in states.iter().enumerate() {
            let known = Known::of_state(state);
            let same: Vec<_> = (0..states.len()).filter(|other| known.is(&states[*other])).collect();
            assert_eq!(same, [place], "{state:?}");
        }
    }
}
