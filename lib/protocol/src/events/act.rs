//! Notes, which store the event of an act before the act happens.
//!
//! The object of a confirm shows that it happened, to whoever repeats it. A deleted draft or object shows nothing: a repeat
//! finds nothing to do. So the event is stored in the draft bucket before such an act, and is removed after it, when each
//! endpoint has the event. After a crash the traces of the act decide: its event is sent only if all of them are there.

use std::time::{Duration, SystemTime};

use draftstore_storage::{ETag, ObjectInfo, ObjectKey};
use serde::{Deserialize, Serialize};

use super::pending::EVENTS_PREFIX;
use crate::checks::VERDICT_METADATA;
use crate::confirm::{COPIED, MarkerDigest, RESTORED, SOURCE_ETAG, UPDATED};
use crate::keys::RESERVED_PREFIX;
use crate::upload::{MARK, Mark};

/// The prefix of the notes. No endpoint has such a name.
const ACTS_PREFIX: &str = ".acts/";

/// The note of an act that is in progress, or was when its server crashed. Its key is `.drafts/events/.acts/<digest>`. A
/// repeat of the act has the same key, so that no more than one note is left of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActNote(ObjectKey);

impl ActNote {
    /// Creates the note of an act, by a digest of its kind and what it is done to.
    ///
    /// # Panics
    /// Never: such a key is short.
    pub fn new(digest: [u8; 32]) -> Self {
        let [high @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        let key = format!("{}{:032x}", Self::prefix(), u128::from_be_bytes(high));
        Self(ObjectKey::new(key).expect("the key is short, of letters and digits"))
    }

    /// Returns the prefix of the keys of all notes.
    pub fn prefix() -> String {
        format!("{RESERVED_PREFIX}{EVENTS_PREFIX}{ACTS_PREFIX}")
    }

    /// Returns the key of the note.
    pub fn key(&self) -> &ObjectKey {
        &self.0
    }

    /// Returns true if the act of a note that was written at `since` is over, because none takes longer than `longest`.
    pub fn is_over(since: SystemTime, now: SystemTime, longest: Duration) -> bool {
        now.duration_since(since).is_ok_and(|age| age > longest)
    }

    /// Returns true if the key is that of a note.
    pub fn is_key(key: &ObjectKey) -> bool {
        key.as_str().starts_with(&Self::prefix())
    }
}

/// A trace that an act leaves at a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trace", rename_all = "snake_case")]
pub enum Trace {
    /// No object. Another one in its place may have replaced it: that shows no delete.
    Absent,
    /// An object with metadata that only this act sets.
    Metadata {
        /// The name of the metadata.
        name: String,
        /// The value of the metadata.
        value: String,
    },
    /// No object with such metadata, which another act sets that would explain the other traces.
    NotMetadata {
        /// The name of the metadata.
        name: String,
        /// The value of the metadata.
        value: String,
    },
}

impl Trace {
    /// Returns the trace of an update by this request.
    pub fn of_update(request: &MarkerDigest) -> Self {
        Self::metadata(UPDATED, request.as_str())
    }

    /// Returns the trace of a copy or a move by this request, at its destination.
    pub fn of_transfer(request: &MarkerDigest) -> Self {
        Self::metadata(COPIED, request.as_str())
    }

    /// Returns the trace of a restore by this request.
    pub fn of_restore(request: &MarkerDigest) -> Self {
        Self::metadata(RESTORED, request.as_str())
    }

    /// Returns the trace of a verdict that is recorded with this text.
    pub fn of_verdict(sealed: &str) -> Self {
        Self::metadata(VERDICT_METADATA, sealed)
    }

    /// Returns the trace of a draft that the upload with this mark has created.
    pub fn of_upload(mark: &Mark) -> Self {
        Self::metadata(MARK, &mark.text())
    }

    /// Returns the trace of a draft that was deleted without a confirm, at its name in main.
    pub fn of_no_confirm(draft: &ETag) -> Self {
        Self::NotMetadata {
            name: SOURCE_ETAG.to_owned(),
            value: draft.as_str().to_owned(),
        }
    }

    fn metadata(name: &str, value: &str) -> Self {
        Self::Metadata {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    /// Returns true if the store shows the trace by the object at its key.
    pub fn is_shown_by(&self, found: Option<&ObjectInfo>) -> bool {
        let has = |name, value| found.is_some_and(|object| object.attributes.metadata.get(name) == Some(value));
        match self {
            Self::Absent => found.is_none(),
            Self::Metadata { name, value } => has(name, value),
            Self::NotMetadata { name, value } => !has(name, value),
        }
    }
}

/// The end of an act, as its server knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActEnd {
    /// The store has confirmed that the act happened.
    Happened,
    /// The act did not happen, and will not.
    Refused,
    /// The act may have happened, or may still happen: the store has not answered.
    Unclear,
}

/// The next action for the event of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActStep {
    /// Publish the event, and then remove the note. If it cannot be published, leave the note.
    Publish,
    /// Remove the note, without an event.
    Remove,
    /// Leave the note. The traces are examined when the act is surely over.
    Leave,
}

impl ActStep {
    /// Returns the action after an act.
    pub fn after(end: ActEnd) -> Self {
        match end {
            ActEnd::Happened => Self::Publish,
            ActEnd::Refused => Self::Remove,
            ActEnd::Unclear => Self::Leave,
        }
    }

    /// Returns the action for a note that was left, by its traces with what is at their keys.
    pub fn of_left<'a>(traces: impl IntoIterator<Item = (&'a Trace, Option<&'a ObjectInfo>)>) -> Self {
        if traces.into_iter().all(|(trace, found)| trace.is_shown_by(found)) {
            Self::Publish
        } else {
            Self::Remove
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use draftstore_storage::StoredAttributes;

    use super::*;
    use crate::events::PendingEvent;

    fn object(metadata: &[(&str, &str)]) -> ObjectInfo {
        let metadata = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ObjectInfo {
            etag: "1".parse().expect("an ETag"),
            size: 1,
            last_modified: UNIX_EPOCH,
            etag_is_md5: true,
            version_id: None,
            checksum_sha256: None,
            attributes: StoredAttributes {
                metadata: metadata.collect(),
                ..StoredAttributes::default()
            },
        }
    }

    #[test]
    fn note_has_a_key_of_its_act_that_belongs_to_no_endpoint() {
        let note = ActNote::new([7; 32]);
        assert!(ActNote::is_key(note.key()), "{note:?}");
        assert_eq!(PendingEvent::in_key(note.key()), None);
        assert_eq!(note, ActNote::new([7; 32]));
        let mut other = [7; 32];
        other[15] = 8;
        assert_ne!(note, ActNote::new(other));
        assert!(!ActNote::is_key(&".drafts/events/acts/x".parse().expect("valid")));
    }

    #[test]
    fn act_is_over_after_the_longest_time() {
        let [at, longest] = [1_800_000_000, 600].map(Duration::from_secs);
        let is_over = |after| ActNote::is_over(UNIX_EPOCH + at, UNIX_EPOCH + after, longest);
        assert!(!is_over(Duration::ZERO) && !is_over(at + longest));
        assert!(is_over(at + longest + Duration::from_secs(1)));
    }

    #[test]
    fn event_of_a_crash_is_published_only_if_every_trace_is_there() {
        let [ours, theirs] = [1, 2].map(|byte| MarkerDigest::new([byte; 32]));
        let etag: ETag = "1".parse().expect("an ETag");
        let copied = object(&[(COPIED, ours.as_str())]);
        let updated = object(&[(UPDATED, ours.as_str()), (COPIED, theirs.as_str())]);
        let restored = object(&[(RESTORED, ours.as_str())]);
        let confirmed = object(&[(SOURCE_ETAG, "1")]);
        let cases = [
            // A delete: another object may have replaced this one.
            (vec![(Trace::Absent, None)], ActStep::Publish),
            (vec![(Trace::Absent, Some(&copied))], ActStep::Remove),
            // A discard: a confirm deletes its draft too.
            (
                vec![(Trace::Absent, None), (Trace::of_no_confirm(&etag), None)],
                ActStep::Publish,
            ),
            (
                vec![(Trace::Absent, None), (Trace::of_no_confirm(&etag), Some(&confirmed))],
                ActStep::Remove,
            ),
            // A copy.
            (vec![(Trace::of_transfer(&ours), Some(&copied))], ActStep::Publish),
            (vec![(Trace::of_transfer(&theirs), Some(&copied))], ActStep::Remove),
            (vec![(Trace::of_transfer(&ours), Some(&restored))], ActStep::Remove),
            (vec![(Trace::of_transfer(&ours), None)], ActStep::Remove),
            (vec![(Trace::of_update(&ours), Some(&copied))], ActStep::Remove),
            (vec![(Trace::of_update(&ours), Some(&updated))], ActStep::Publish),
            (vec![(Trace::of_restore(&ours), Some(&restored))], ActStep::Publish),
            // A move whose source is still there.
            (
                vec![
                    (Trace::of_transfer(&ours), Some(&copied)),
                    (Trace::Absent, Some(&restored)),
                ],
                ActStep::Remove,
            ),
            (
                vec![(Trace::of_verdict("x"), Some(&object(&[(VERDICT_METADATA, "x")])))],
                ActStep::Publish,
            ),
        ]
        .map(|(traces, step)| {
            let found = traces.iter().map(|(trace, found)| (trace, found.as_deref()));
            (ActStep::of_left(found), step, format!("{traces:?}"))
        });
        for (step, expected, traces) in cases {
            assert_eq!(step, expected, "{traces}");
        }
    }

    #[test]
    fn act_without_an_answer_is_neither_told_nor_forgotten() {
        assert_eq!(ActStep::after(ActEnd::Happened), ActStep::Publish);
        assert_eq!(ActStep::after(ActEnd::Refused), ActStep::Remove);
        assert_eq!(ActStep::after(ActEnd::Unclear), ActStep::Leave);
    }
}
